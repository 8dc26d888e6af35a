"""User scripts: each executable file with a header in a project's ``scripts`` folder is a job type."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.core.progress import Progress
from vitreous.model.column import Kind
from vitreous.project.script_header import Block, HeaderFault, ScriptHeader, ValueKind, parse_header
from vitreous.project.script_params import params_model
from vitreous.workflow.job_type import ItemInput, ItemRunner, JobType, Params, Result, SetRunner, Slot, no_command

PREFIX = "script:"
HIDDEN = ("~", ".bak", ".swp", ".deactivated")
"""Endings of files that are left alone: copies of editors, and scripts that a person has put to sleep."""
LARGEST = 4_000_000  # bytes; what is larger is a program, and a wrapper script declares it

Column = tuple[Kind, str | None, str]
"""``(kind, unit, meaning)``."""
KINDS: Mapping[ValueKind, Kind] = MappingProxyType(
    {"float": "real", "int": "integer", "bool": "boolean", "text": "text"}
)
"""Kind in a header → kind of a column."""


@dataclass(frozen=True)
class BrokenScript:
    """A script that can't become a job type; it is shown with its reason, never left out.

    Attributes:
        name: that the job type would have.
        file: the script.
        line: of the file, from 1, where one is to blame.
        reason, hint: what is wrong, and what to do.
    """

    name: str
    file: Path
    line: int | None
    reason: str
    hint: str

    @property
    def origin(self) -> str:
        """The file, with the line where there is one."""
        return str(self.file) if self.line is None else f"{self.file}:{self.line}"

    @property
    def traceback(self) -> str:
        """All that is known of the fault, as a broken built-in job type has it."""
        return f"{self.origin}: {self.reason}. {self.hint}"

    def error(self) -> UsageError:
        """The same as an error, for those who want to use the script."""
        return UsageError(f"{self.origin}: {self.reason}", hint=self.hint, path=str(self.file), line=self.line)


@dataclass(frozen=True, kw_only=True)
class ScriptJob(JobType):
    """A job type that is a user script: ``file`` is run, as ``header`` declares; ``project`` is its folder."""

    file: Path
    project: Path
    header: ScriptHeader


@dataclass(frozen=True)
class _Text:
    """What was read of one file; ``fault`` where its header is wrong, ``header`` is ``None`` where it has none."""

    digest: str
    interpreter: str | None
    header: ScriptHeader | None = None
    params: type[Params] | None = None
    block: Block | None = None
    fault: HeaderFault | None = None


def find_scripts(folder: Path, known_columns: Collection[str] | None = None) -> dict[str, JobType | BrokenScript]:
    """The job types in a ``scripts`` folder by name (``script:STEM``), sorted; empty where there is no such folder.

    A file takes part if it is executable or has a header; others (helpers, notes), sub-folders, hidden files and
    names that end in ``~ .bak .swp .deactivated`` are left alone. A file is read again when it has changed.

    Args:
        folder: ``scripts`` in the project folder.
        known_columns: names of Vitreous' own columns, which a script may give but not declare anew; those of the
            column registry where it is not given.
    """
    found: dict[str, JobType | BrokenScript] = {}
    for path in _files(folder):
        script = read_script(path, known_columns=known_columns)
        if script is None:
            continue
        other = found.get(script.name)
        if other is not None:
            first = other.file.name if isinstance(other, BrokenScript | ScriptJob) else other.name
            reason = f"{first} and {path.name} would both be {script.name}"
            script = BrokenScript(script.name, path, None, reason, "Rename one of them")
        found[script.name] = script
    return _agreeing(dict(sorted(found.items())))


def read_script(
    path: Path, *, known_columns: Collection[str] | None = None, project: Path | None = None
) -> ScriptJob | BrokenScript | None:
    """One script as a job type; ``None`` for a file that is not executable and has no header.

    Args:
        path: the file.
        known_columns: names of Vitreous' own columns; those of the column registry where it is not given.
        project: the project folder; the folder above the script's where it is not given.
    """
    path = Path(os.path.abspath(path))
    name = PREFIX + path.stem
    try:
        text = _read(path)
        if text is None:
            return None
        _check_file(path, text)
        assert text.header is not None
        assert text.params is not None
        assert text.block is not None
        _check_columns(text.header, text.block, _known(known_columns))
    except HeaderFault as fault:
        return BrokenScript(name, path, fault.line, fault.reason, fault.hint)
    return _job(name, path, project or path.parent.parent, text.header, text.params, text.digest)


def script_columns(job_type: JobType, known_columns: Collection[str] | None = None) -> Mapping[str, Column]:
    """The columns that a script declares anew: name → ``(kind, unit, meaning)``; empty for other job types.

    Raises:
        UsageError: one has the name of a column that Vitreous knows.
    """
    if not isinstance(job_type, ScriptJob):
        return {}
    own = {name: column for name, column in job_type.header.columns() if column.meaning is not None}
    known = _known(known_columns)
    for name in own:
        if name in known:
            raise UsageError(
                f"{job_type.file}: the column {name} is one of Vitreous' own",
                hint=f"Choose another name, or write {name} = {{}} to give Vitreous' column",
                path=str(job_type.file),
            )
    return {name: (KINDS[column.kind], column.unit, column.meaning or "") for name, column in own.items()}


def _known(names: Collection[str] | None) -> Collection[str]:
    if names is not None:
        return names
    from vitreous.model.columns import columns

    return columns("exposure")


def file_digest(path: Path) -> str:
    """SHA-256 of a script's bytes: a changed script makes its results stale."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def search_path() -> str:
    """The ``PATH`` of scripts: the programs beside this Python first, so that ``python3`` is the one with Vitreous."""
    return os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])


def _files(folder: Path) -> list[Path]:
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(
            f"{folder}: can't be listed: {error.strerror}", hint="Make the folder readable", path=str(folder)
        ) from None
    return [path for path in paths if not path.is_dir() and not path.name.startswith(".") and not _asleep(path)]


def _asleep(path: Path) -> bool:
    return path.name.endswith(HIDDEN)


def _read(path: Path) -> _Text | None:
    """What the file says, from memory where it has not changed; ``None`` where it is no script."""
    try:
        state = path.stat()
        if not path.is_file():
            raise HeaderFault("this is no file", "Put a script there")
        if state.st_size > LARGEST:
            if not state.st_mode & 0o111:
                return None
            raise HeaderFault(
                f"{state.st_size / 1e6:.1f} MB is too large for a script", "Write a small script that calls the program"
            )
        text = _parsed(path, state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino)
    except OSError as error:
        raise HeaderFault(f"can't be read: {error.strerror}", "Make the file readable, or remove it") from None
    if text.fault is None and text.header is None and not state.st_mode & 0o111:
        return None
    return text


@lru_cache(maxsize=512)
def _parsed(path: Path, modified: int, changed: int, size: int, inode: int) -> _Text:
    """Read a file; the state of the file is part of the key, so a changed file is read again."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    text = content.decode(errors="replace")
    interpreter = text.partition("\n")[0][2:] if text.startswith("#!") else None
    try:
        parsed = parse_header(text)
        if parsed is None:
            return _Text(digest, interpreter)
        header, block = parsed
        return _Text(digest, interpreter, header, params_model(path.stem, header, block), block)
    except HeaderFault as fault:
        return _Text(digest, interpreter, fault=fault)


def _check_file(path: Path, text: _Text) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", path.stem):
        raise HeaderFault(f"{path.stem!r} can't be a name", "Use letters, digits, _ and - in the file's name")
    if text.fault is not None:
        raise text.fault
    if text.header is None:
        raise HeaderFault(
            "there is no header", "Declare it between # /// vitreous and # ///; vitreous script new writes an example"
        )
    if not os.access(path, os.X_OK):
        raise HeaderFault("the file is not executable", f"chmod +x {path.name}")
    _check_interpreter(text.interpreter)


def _check_interpreter(line: str | None) -> None:
    """Whether the program that the first line names is there; a missing one would only tell itself at the run."""
    if line is None:
        raise HeaderFault("the first line names no interpreter", "Begin with #!/bin/sh or #!/usr/bin/env python3", 1)
    if line.endswith("\r"):
        raise HeaderFault("the lines end in the Windows way", "Convert them, for example by sed -i 's/\\r$//'", 1)
    words = line.split()
    program = words[0] if words else ""
    if os.path.basename(program) == "env":
        rest = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        program = rest[0] if rest else ""
    if not program or shutil.which(program, path=search_path()) is None:
        raise HeaderFault(
            f"its interpreter {program or '(none)'} is not there", "Install it, or correct the first line", 1
        )


def _check_columns(header: ScriptHeader, block: Block, known: Collection[str]) -> None:
    for name, column in header.columns():
        line = block.line_of(("gives", "columns", name))
        if column.meaning is not None and name in known:
            raise HeaderFault(
                f"the column {name} is one of Vitreous' own", f"Choose another name, or give it by {name} = {{}}", line
            )
        if column.meaning is None and name not in known:
            raise HeaderFault(
                f"the column {name} is unknown", 'Declare it: { meaning = "…", unit = "…", kind = "float" }', line
            )


def _agreeing(found: dict[str, JobType | BrokenScript]) -> dict[str, JobType | BrokenScript]:
    """Two scripts may give the same column only where they declare it alike."""
    declared: dict[str, tuple[Column, str]] = {}
    for name, script in found.items():
        if isinstance(script, BrokenScript):
            continue
        for column, meaning in script_columns(script).items():
            first, other = declared.setdefault(column, (meaning, name))
            if first[:2] != meaning[:2]:
                reason = f"{other} declares the column {column} as {first[0]} [{first[1]}], {name} as {meaning[0]}"
                file = script.file if isinstance(script, ScriptJob) else Path(name)
                reason += f" [{meaning[1]}]"
                found[name] = BrokenScript(name, file, None, reason, "Declare it alike, or choose another name")
    return found


def _job(name: str, path: Path, project: Path, header: ScriptHeader, params: type[Params], digest: str) -> ScriptJob:
    slots = tuple(
        Slot(slot, given.file, given.files, {column: entry.key or column for column, entry in given.columns.items()})
        for slot, given in header.gives.items()
    )
    job: ScriptJob

    def on_item(chosen: Any) -> ItemRunner:
        def run(item: ItemInput, out: Path, progress: Progress) -> Result:
            from vitreous.project.script_run import run_script

            return run_script(job, chosen, [item], out, progress)

        return run

    def on_set(chosen: Any) -> SetRunner:
        def run(items: list[ItemInput], out: Path, progress: Progress) -> Result:
            from vitreous.project.script_run import run_script

            return run_script(job, chosen, items, out, progress)

        return run

    job = ScriptJob(
        name=name,
        title=header.title,
        summary=header.summary,
        params=params,
        start=no_command,
        items="ITEM",
        example=f"vitreous add {name}",
        columns={key: (_heading(key, unit), "") for key, unit in _shown(header)},
        citations=header.citations,
        category=header.category,
        order=header.order,
        modes=header.modes,
        scope=header.scope,
        needs=header.needs,
        gives=slots,
        methods=header.methods,
        on_item=on_item if header.scope == "item" else None,
        on_set=on_set if header.scope == "set" else None,
        provenance=digest,
        file=path,
        project=project,
        header=header,
    )
    return job


def _shown(header: ScriptHeader) -> list[tuple[str, str | None]]:
    return [(column.key or name, column.unit) for name, column in header.columns()]


def _heading(key: str, unit: str | None) -> str:
    return key.replace("_", " ") + (f" / {unit}" if unit else "")
