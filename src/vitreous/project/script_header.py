"""The header of a user script: TOML in comment lines, read into a checked declaration; faults name their line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from vitreous.workflow.job_type import MODES

BEGIN = re.compile(r"^(#|//)\s*/// vitreous\s*$")
END = re.compile(r"^(#|//)\s*///\s*$")
NAME = r"^[a-z][a-z0-9_]*$"
NEED = r"^[a-z][a-z0-9_]*(\|[a-z][a-z0-9_]*)*$"
RESERVED_KEYS = frozenset({"input", "outputs", "warnings", "log", "leaves_by"})
RESERVED_SLOTS = frozenset({"job", "out", "item", "project", "input"})
SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}

Name = Annotated[str, Field(pattern=NAME)]
ValueKind = Literal["float", "int", "bool", "text"]
"""What a column holds."""


class HeaderFault(Exception):
    """What is wrong with a header: ``line`` (from 1) of the file, or ``None`` where no line is to blame."""

    def __init__(self, reason: str, hint: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.hint, self.line = reason, hint, line


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ColumnHeader(_Section):
    """One value that the script gives; without a meaning it is a column that Vitreous already knows."""

    kind: ValueKind = "float"
    unit: str | None = None
    meaning: str | None = Field(None, min_length=1)
    key: Name | None = None

    @model_validator(mode="after")
    def _own_or_known(self) -> ColumnHeader:
        if self.meaning is None and self.model_fields_set & {"kind", "unit"}:
            raise ValueError(
                "a column of the script's own needs a meaning; leave kind and unit away for a known column"
            )
        return self


class SlotHeader(_Section):
    """What an item gains by the script."""

    file: Name | None = None
    files: tuple[Name, ...] = ()
    columns: Mapping[Name, ColumnHeader] = Field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all its files."""
        return (() if self.file is None else (self.file,)) + self.files


class ParameterHeader(_Section):
    """One parameter; without a default it must be given."""

    type: Literal["float", "int", "bool", "text", "choice", "file"]
    help: str = Field(min_length=1)
    default: str | int | float | bool | None = None
    unit: str | None = None
    min: int | float | None = None
    max: int | float | None = None
    choices: tuple[str, ...] = ()
    level: Literal["normal", "advanced"] = "normal"
    group: str | None = None
    inherits: bool = False

    @model_validator(mode="after")
    def _agrees(self) -> ParameterHeader:
        number = self.type in ("float", "int")
        if not number and (self.min is not None or self.max is not None):
            raise ValueError(f"min and max are for numbers, not for type {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices belong to type choice" if self.choices else "type choice needs choices")
        return self


class ScriptHeader(_Section):
    """All that a script declares; ``timeout`` in seconds."""

    title: str = Field(min_length=1)
    summary: str = Field(min_length=1)
    category: str = "Scripts"
    order: int = 50
    scope: Literal["item", "set"] = "item"
    needs: tuple[Annotated[str, Field(pattern=NEED)], ...] = ()
    gives: Mapping[Name, SlotHeader] = Field(default_factory=dict)
    parameters: Mapping[Name, ParameterHeader] = Field(default_factory=dict)
    timeout: float = Field(6 * 3600.0, gt=0)
    modes: tuple[str, ...] = MODES
    citations: tuple[str, ...] = ()
    methods: str = ""
    gpu: bool = False

    @field_validator("timeout", mode="before")
    @classmethod
    def _seconds(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(s|m|min|h|d|)\s*", value)
        if found is None:
            raise ValueError(f"{value!r} is no time; write 90s, 30m, 6h or 2d")
        return float(found[1]) * SECONDS[found[2]]

    @field_validator("needs")
    @classmethod
    def _slots_to_be_named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for slot in "|".join(value).split("|"):
            if slot in RESERVED_SLOTS or slot.startswith(("param_", "value_")):
                raise ValueError(f"{slot!r} is no name of a slot: VITREOUS_{slot.upper()} means something else")
        return value

    @field_validator("modes")
    @classmethod
    def _known_modes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for mode in value:
            if mode not in MODES:
                raise ValueError(f"{mode!r} is none of {', '.join(MODES)}")
        return value

    @model_validator(mode="after")
    def _names_agree(self) -> ScriptHeader:
        keys = [key for slot in self.gives.values() for key in slot.keys]
        keys += [column.key or name for slot in self.gives.values() for name, column in slot.columns.items()]
        for key in keys:
            if key in RESERVED_KEYS:
                raise ValueError(f"the key {key!r} is kept for Vitreous' own use")
            if keys.count(key) > 1:
                raise ValueError(f"the key {key!r} is given more than once")
        try:
            named = {name for _, name, _, _ in Formatter().parse(self.methods) if name is not None}
        except ValueError as error:
            raise ValueError(f"methods: {error}") from None
        for name in sorted(named - set(self.parameters)):
            raise ValueError(f"methods speaks of {{{name}}}, which is no parameter")
        return self

    def columns(self) -> Iterator[tuple[str, ColumnHeader]]:
        """All columns that it gives, by name."""
        for slot in self.gives.values():
            yield from slot.columns.items()


@dataclass(frozen=True)
class Block:
    """The header as it stands in the file: its TOML lines, and the line (from 1) of the file where they begin."""

    lines: tuple[str, ...]
    first: int

    def line_of(self, place: Sequence[str | int]) -> int:
        """The line of the file where a key stands (parents first); the block's first line where it is not found."""
        found = 0
        for part in (part for part in place if isinstance(part, str)):
            pattern = re.compile(rf"(?:^|[\[.,{{\s\"']){re.escape(part)}[\"']?\s*[=.\]]")
            hits = [index for index in range(found, len(self.lines)) if pattern.search(self.lines[index])]
            found = hits[0] if hits else found
        return self.first + found


def find_block(text: str) -> Block | None:
    """The header block of a script's text; ``None`` where there is none.

    Raises:
        HeaderFault: the block does not end, a line of it is no comment, or there are two.
    """
    lines = text.splitlines()
    begins = [index for index, line in enumerate(lines) if BEGIN.match(line)]
    if not begins:
        return None
    mark = BEGIN.match(lines[begins[0]])
    prefix = mark[1] if mark else "#"
    inside: list[str] = []
    for index in range(begins[0] + 1, len(lines)):
        line = lines[index]
        if END.match(line):
            if len(begins) > 1:
                raise HeaderFault("there are two headers", "Leave one of them", begins[1] + 1)
            return Block(tuple(inside), begins[0] + 2)
        if not line.startswith(prefix):
            raise HeaderFault(
                f"this line of the header does not start with {prefix}",
                f"Start every line with {prefix}, and end the header with {prefix} ///",
                index + 1,
            )
        inside.append(line[len(prefix) :].removeprefix(" "))
    raise HeaderFault("the header does not end", f"Write a line {prefix} /// after it", begins[0] + 1)


def parse_header(text: str) -> tuple[ScriptHeader, Block] | None:
    """Read the header of a script; ``None`` where it has none.

    Raises:
        HeaderFault: with the line of the file, what is wrong there, and what to do.
    """
    block = find_block(text)
    if block is None:
        return None
    try:
        content = tomllib.loads("\n".join(block.lines))
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        line = block.first + (int(where[1]) - 1 if where else max(len(block.lines) - 1, 0))
        reason = re.sub(r"\s*\(at .*\)$", "", str(error))
        raise HeaderFault(f"the header is no TOML: {reason}", 'Write name = "text" or name = 1.5', line) from None
    try:
        return ScriptHeader.model_validate(content), block
    except ValidationError as error:
        raise header_fault(error, block) from None


def header_fault(error: ValidationError, block: Block) -> HeaderFault:
    """The first complaint of a validation, with its line and in plain words."""
    first = error.errors()[0]
    place = [part for part in first["loc"] if part != "[key]"]
    name = ".".join(str(part) for part in place)
    line = block.line_of(place)
    if first["type"] == "extra_forbidden":
        return HeaderFault(f"{name} is unknown", "Look at the spelling; see the how-to on writing a script", line)
    if first["type"] == "missing":
        return HeaderFault(f"{name} is missing", f"Add {place[-1]} = … to the header", line)
    if first["type"] == "string_pattern_mismatch":
        value = first["input"]
        return HeaderFault(f"{name}: {value!r} is no name", "Use small letters, digits and _, a letter first", line)
    reason = first["msg"].removeprefix("Value error, ")
    return HeaderFault(f"{name}: {reason}" if name else reason, "Correct this line of the header", line)
