"""What a user script gives back: printed lines and ``results.json``, checked against what its header declares."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vitreous.core.errors import DataError
from vitreous.model.columns import find_column
from vitreous.project.script_header import ScriptHeader, ValueKind
from vitreous.workflow.job_type import Result

JOB_FILE, RESULTS_FILE, LOG_FILE = "job.json", "results.json", "script.log"
OWN_FILES = frozenset({JOB_FILE, RESULTS_FILE, LOG_FILE})
SECTIONS = ("values", "files", "warnings", "outputs")

_PROGRESS = re.compile(r"^\s*(?:<<@)?progress:\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)(?:>>)?(?:\s+(.*))?$", re.IGNORECASE)
_SET = re.compile(r"^\s*set\s+([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")
_FILE = re.compile(r"^\s*file\s+([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")


@dataclass
class Printed:
    """What the lines of standard output have told so far."""

    values: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    fraction: float = 0.0
    doing: str = ""

    def read(self, line: str) -> bool:
        """Take one line; whether it meant something (progress, a value, a file)."""
        if found := _PROGRESS.match(line):
            self.fraction = progress_fraction(found[1], found[2])
            self.doing = (found[3] or self.doing).strip()
        elif found := _SET.match(line):
            self.values[found[1]] = unquoted(found[2])
        elif found := _FILE.match(line):
            self.files[found[1]] = unquoted(found[2])
        else:
            return False
        return True


def progress_fraction(number: str, percent: str = "") -> float:
    """0..1 from ``40`` or ``40%`` (percent) or ``0.4`` (a number to 1 with a point is a fraction)."""
    value = float(number)
    if not percent and "." in number and value <= 1.0:
        return value
    return min(value / 100.0, 1.0)


def unquoted(text: str) -> str:
    """The text without the quotes around it."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def read_results(name: str, header: ScriptHeader, out: Path, printed: Printed, outputs: tuple[str, ...]) -> Result:
    """Values, files and warnings of a finished script; ``results.json`` takes precedence over printed lines.

    Args:
        name: of the job type, for errors.
        header: what the script declares.
        out: its folder.
        printed: what it printed.
        outputs: names of the job type's outputs.

    Returns:
        ``outputs`` (key → path), ``warnings``, a value for each declared column, and ``leaves_by`` where the script
        says by which outputs the item goes on.

    Raises:
        DataError: an unknown key, a declared file that is missing or outside, a value that is not of its kind.
    """
    told = _results_file(name, out / RESULTS_FILE)
    complain = _Complaint(name, out)
    values, warnings = _values(complain, header, printed.values, told.get("values", {}))
    files = _files(complain, header, {**printed.files, **told.get("files", {})})
    notes = told.get("warnings", [])
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise complain("warnings is no list of texts", 'Write "warnings": ["…"]')
    result: Result = {"outputs": files, **values, "warnings": [*notes, *warnings]}
    if "outputs" in told:
        leaves = told["outputs"]
        if not isinstance(leaves, list) or not all(isinstance(one, str) and one in outputs for one in leaves):
            raise complain(f"outputs {leaves!r} are none of {', '.join(outputs)}", "An empty list ends the item's way")
        result["leaves_by"] = leaves
    return result


class _Complaint:
    """Makes the errors about one script's results."""

    def __init__(self, name: str, out: Path) -> None:
        self.name, self.out = name, out

    def __call__(self, reason: str, hint: str) -> DataError:
        return DataError(f"{self.name}: {reason}", hint=hint, script=self.name, path=str(self.out / RESULTS_FILE))


def _results_file(name: str, path: Path) -> dict[str, Any]:
    complain = _Complaint(name, path.parent)
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        raise complain(f"{RESULTS_FILE} is no JSON: {error}", "Write it by a JSON library") from None
    except OSError as error:
        raise complain(f"{RESULTS_FILE} can't be read: {error.strerror}", "Write it as a plain file") from None
    if not isinstance(told, dict):
        raise complain(f"{RESULTS_FILE} is a {type(told).__name__}, not an object", 'Write {"values": {…}}')
    for key in told:
        if key not in SECTIONS:
            raise complain(f"{RESULTS_FILE} has an unknown key {key!r}", f"Known are {', '.join(SECTIONS)}")
    for key in ("values", "files"):
        if not isinstance(told.get(key, {}), dict):
            raise complain(f"{key} of {RESULTS_FILE} is no object", f'Write "{key}": {{"name": …}}')
    return told


def _values(
    complain: _Complaint, header: ScriptHeader, printed: Mapping[str, str], told: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The value of each declared key, ``None`` with a warning where none was given."""
    kinds = {
        column.key or name: column.kind if column.meaning is not None else _known_kind(name)
        for name, column in header.columns()
    }
    for key in [*printed, *told]:
        if key not in kinds:
            known = ", ".join(kinds) or "none"
            raise complain(f"the value {key!r} is not declared", f"Declare it as a column; declared are: {known}")
    values: dict[str, Any] = {}
    for key, kind in kinds.items():
        if key in told:
            values[key] = _checked(complain, key, told[key], kind)
        elif key in printed:
            values[key] = _checked(complain, key, parsed(printed[key], kind), kind)
    missing = [key for key in kinds if key not in values]
    return {**dict.fromkeys(missing), **values}, [f"the script gave no value for {key}" for key in missing]


def _known_kind(name: str) -> ValueKind | None:
    """What Vitreous' own column of that name holds; ``None`` where the registry has none of that name."""
    found = find_column(name)
    kinds: dict[str, ValueKind] = {"real": "float", "integer": "int", "boolean": "bool", "text": "text"}
    return None if found is None else kinds[found.kind]


def parsed(text: str, kind: ValueKind | None) -> Any:
    """A printed value: by its kind, or where that is unknown a number if it is one; as it is where it doesn't fit."""
    if kind == "text":
        return text
    if kind == "bool":
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(text.lower(), text)
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _checked(complain: _Complaint, key: str, value: Any, kind: ValueKind | None) -> Any:
    """The value in its kind; ``None`` stays: the script doesn't know it."""
    if value is None:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        raise complain(f"the value {key} is {value}", "Give a finite number, or null where it isn't known")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is None and isinstance(value, str | int | float):
        return value
    if kind == "float" and number:
        return float(value)
    if kind == "int" and number and value == int(value) and abs(value) < 2**63:
        return int(value)
    if (kind == "text" and isinstance(value, str)) or (kind == "bool" and isinstance(value, bool)):
        return value
    expected = {"float": "a number", "int": "a whole number", "text": "text", "bool": "true or false"}
    raise complain(
        f"the value {key} is {json.dumps(value)[:80]}, not {expected.get(kind or '', 'a number or text')}",
        "Correct what the script gives, or the kind in its header",
    )


def _files(complain: _Complaint, header: ScriptHeader, told: Mapping[str, Any]) -> dict[str, str]:
    """Absolute path of each declared file; every one must be there, inside the folder."""
    declared = [key for slot in header.gives.values() for key in slot.keys]
    for key in told:
        if key not in declared:
            known = ", ".join(declared) or "none"
            raise complain(f"the file {key!r} is not declared", f"Declare it in gives; declared are: {known}")
    return {key: _file(complain, key, told.get(key)) for key in declared}


def _file(complain: _Complaint, key: str, name: Any) -> str:
    if not isinstance(name, str) or not name or "\0" in name:
        reason = f"the script named no file for {key}" if name is None else f"the name of file {key} is {name!r}"
        raise complain(
            reason, f'Write it into $VITREOUS_OUT and name it: file {key} = NAME, or "files" of results.json'
        )
    path = complain.out / name
    if name in OWN_FILES:
        raise complain(f"the file {key} can't be called {name}", "Choose another name")
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(complain.out)):
        raise complain(f"the file {key} ({name}) is outside the output folder", "Write files into $VITREOUS_OUT")
    if not os.path.isfile(path):
        raise complain(f"the file {key} ({name}) is not there", "Write it before the script ends")
    return str(path)
