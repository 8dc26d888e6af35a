"""What may be chosen of the import at the microscope."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator, model_validator

from vitreous.acquisition.durations import parse_duration
from vitreous.acquisition.names import LAYOUTS, compile_pattern
from vitreous.core.errors import VitreousError
from vitreous.workflow.job_type import Params, parameter

_SOURCE, _FILES, _NAMES, _CHECKS, _TIMES = "Source", "Files", "Names", "Checks", "Times"

DEFAULT_IGNORE = (
    ".*",
    "*.part",
    "*.partial",
    "*.tmp",
    "gain*",
    "*_gain*",
    "*gainref*",
    "*_thumb*",
    "Thumbnails",
    "Atlas",
    "Metadata",
)


class ImportParams(Params):
    """Options of the import at the microscope."""

    sources: tuple[Path, ...] = parameter(..., help="folders into which the camera writes", group=_SOURCE, min_length=1)
    patterns: tuple[str, ...] = parameter(
        (), help="file names that are taken, such as *.tif; those of the layout unless given", group=_SOURCE
    )
    ignore: tuple[str, ...] = parameter(
        DEFAULT_IGNORE, help="file names, or paths below the source, that are left alone", group=_SOURCE
    )
    recursive: bool = parameter(True, help="look into sub-folders", group=_SOURCE)
    existing: Literal["take", "skip"] = parameter(
        "take", help="what to do with files that are there when the import begins", group=_SOURCE
    )
    newest_first: bool = parameter(False, help="take the newest file next, not the oldest", group=_SOURCE)
    transfer: Literal["link", "copy", "move"] = parameter(
        "link",
        help="link to the camera's files, copy them, or move them: delete them there once the copy is verified",
        group=_FILES,
    )
    min_free: float = parameter(
        1.0, help="free space that a copy must leave on the disk", unit="GB", level="advanced", group=_FILES, ge=0
    )
    side_file: Literal["optional", "wait"] = parameter(
        "optional",
        help="whether a movie waits for its mdoc or XML (up to the file timeout)",
        level="advanced",
        group=_FILES,
    )
    layout: Literal["auto", "serialem", "epu", "leginon", "none"] = parameter(
        "auto", help="program that names the files: it says what their names mean", group=_NAMES
    )
    name_pattern: str | None = parameter(
        None,
        help="what file names say: {specimen}_{hole}_{tilt}.tif, or a regular expression with named groups",
        group=_NAMES,
    )
    unmatched: Literal["auto", "accept", "quarantine"] = parameter(
        "auto",
        help="a name that the pattern does not fit; auto: quarantine where a pattern was given",
        level="advanced",
        group=_NAMES,
    )
    group: str = parameter(
        "Imported", help="group of the images; auto: by specimen, else by folder", group=_NAMES, min_length=1
    )
    shift_tolerance: float | None = parameter(
        None,
        help="beam or image shifts nearer than this are one shift group; in the microscope's units",
        level="advanced",
        group=_NAMES,
        gt=0,
    )
    frames: int | None = parameter(
        None, help="frames that a movie should have; fewer are a fault", unit="frames", group=_CHECKS, ge=1
    )
    fewer_frames: Literal["auto", "warn", "quarantine"] = parameter(
        "auto",
        help="what fewer frames mean; auto: quarantine where the number of frames was given",
        level="advanced",
        group=_CHECKS,
    )
    frame_size: tuple[int, int] | None = parameter(
        None, help="width and height that frames must have, such as 5760x4092", unit="px", group=_CHECKS
    )
    gain: Path | None = parameter(None, help="gain reference that the frames' size must fit", group=_CHECKS)
    truncated: Literal["quarantine", "accept"] = parameter(
        "quarantine", help="a movie that stays cut short: quarantine it, or use its whole frames", group=_CHECKS
    )
    settle_delay: float = parameter(
        15.0, help="a file is looked at when it has not changed for this time", unit="s", group=_TIMES, ge=0, le=86400
    )
    poll_interval: float | None = parameter(
        None,
        help="time between two looks at the folders; adaptive, 1 to 5 s, unless given",
        unit="s",
        level="advanced",
        group=_TIMES,
        gt=0,
        le=3600,
    )
    file_timeout: float = parameter(
        300.0, help="a file that does not become complete for so long is quarantined", unit="s", group=_TIMES, ge=0
    )
    global_timeout: float | None = parameter(
        43200.0, help="the import ends when nothing new has come for so long, such as 12h", unit="s", group=_TIMES, gt=0
    )

    @field_validator("sources", "patterns", "ignore", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        """A single text is a list of one."""
        return (value,) if isinstance(value, str | Path) else value

    @field_validator("sources")
    @classmethod
    def _absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        """The engine has another current folder than who writes the parameters."""
        return tuple(Path(os.path.abspath(path.expanduser())) for path in value)

    @field_validator("settle_delay", "poll_interval", "file_timeout", "global_timeout", mode="before")
    @classmethod
    def _duration(cls, value: Any) -> Any:
        """Durations may be written ``1h 4m 34s``."""
        if not isinstance(value, str):
            return value
        try:
            return parse_duration(value)
        except VitreousError as error:
            raise ValueError(str(error)) from error

    @field_validator("frame_size", mode="before")
    @classmethod
    def _two_sizes(cls, value: Any) -> Any:
        """Accept ``5760x4092`` beside a pair."""
        if not isinstance(value, str):
            return value
        parts = value.lower().replace(",", "x").split("x")
        if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
            raise ValueError(f"a frame size is two whole numbers such as 5760x4092, not {value!r}")
        return tuple(int(part) for part in parts)

    @field_validator("name_pattern")
    @classmethod
    def _known_pattern(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                compile_pattern(value)
            except VitreousError as error:
                raise ValueError(str(error)) from error
        return value

    @model_validator(mode="after")
    def _sensible(self) -> ImportParams:
        if self.frame_size is not None and min(self.frame_size) < 1:
            raise ValueError("frames have at least 1 x 1 px")
        return self

    @property
    def taken(self) -> tuple[str, ...]:
        """The patterns of file names that are taken."""
        return self.patterns or LAYOUTS[self.layout].patterns

    @property
    def quarantines_unmatched(self) -> bool:
        """Whether a file whose name fits no pattern is quarantined."""
        return self.unmatched == "quarantine" or (self.unmatched == "auto" and self.name_pattern is not None)

    @property
    def quarantines_fewer_frames(self) -> bool:
        """Whether a movie of fewer frames than expected is quarantined."""
        return self.fewer_frames == "quarantine" or (self.fewer_frames == "auto" and self.frames is not None)
