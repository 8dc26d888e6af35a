"""What the name of a camera's file says of its image."""

from __future__ import annotations

import functools
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from vitreous.core.errors import UsageError

MOVIES = ("*.tif", "*.tiff", "*.mrc", "*.mrcs", "*.eer", "*.mrc.gz", "*.mrc.bz2", "*.mrc.zst", "*.mrcs.zst")
NUMBER = r"[+-]?\d+(?:\.\d+)?"
FIELDS: Mapping[str, str] = {
    "specimen": ".+?",
    "hole": "[^_]+?",
    "square": "[^_]+?",
    "shift_group": "[^_]+?",
    "tilt_angle": NUMBER,
    "number": r"\d+",
    "date": r"\d{6,8}",
    "time": r"\d{6}",
    "any": ".*?",
}
"""Fields of a pattern in braces → what they fit."""
ALIASES = {"tilt": "tilt_angle", "angle": "tilt_angle", "shift": "shift_group", "position": "shift_group"}
IMAGE_SUFFIX = re.compile(r"\.(mrcs?|tiff?|eer|ecc|st|dm4|gz|bz2|zst|frames)$", re.IGNORECASE)
ODD_CHARACTERS = re.compile(r"[^\w.+~ ()\[\]=,@#-]")
MAX_NAME = 180
"""Characters of an item's name; files add endings to it, and file systems take 255 bytes."""
MAX_TEXT = 300


@dataclass(frozen=True)
class Layout:
    """How one program names its files.

    Attributes:
        patterns: file names that are movies.
        names: regular expressions for the name without the suffix, tried in order.
        folders: regular expressions for the path of the folder below the source.
    """

    patterns: tuple[str, ...] = MOVIES
    names: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


_EPU = Layout(
    ("*_fractions.tif", "*_fractions.tiff", "*_fractions.mrc", "*_eer.eer", "*.eer"),
    (
        r"FoilHole_(?P<hole>\d+)_Data_(?P<shift_group>\d+)(?:_\d+)*?_(?P<date>\d{8})_(?P<time>\d{6})(?:_.*)?",
        r"(?P<specimen>.+?)_(?P<number>\d+)_(?P<tilt_angle>[+-]?\d+\.\d+)_(?P<date>\d{8})_(?P<time>\d{6})(?:_.*)?",
    ),
    (r"GridSquare_(?P<square>\d+)",),
)
_LEGINON = Layout(
    names=(
        r"(?P<specimen>[^_]+?)_\d+gr(?:_\d+[a-z]*)*?_(?P<square>\d+)sq(?:_v\d+)?"
        r"(?:_(?P<hole>\d+)h[a-z]*)?(?:_v\d+)?(?:_\d+fc\w*)?(?:_v\d+)?_(?P<number>\d+)e[a-z]+(?:[-_.].*)?",
    )
)
_SERIALEM = Layout(
    names=(
        r"(?P<specimen>.+?)_(?P<number>\d+)_(?P<tilt_angle>[+-]?\d+\.\d+)(?:_.*)?",
        r"(?P<specimen>.+?)_(?P<number>\d+)_(?P<hole>X[+-]?\d+Y[+-]?\d+)-(?P<shift_group>\d+)(?:_.*)?",
        r"(?P<specimen>.+?)[_-]?(?P<number>\d{1,9})",
    )
)
LAYOUTS: Mapping[str, Layout] = {
    "serialem": _SERIALEM,
    "epu": _EPU,
    "leginon": _LEGINON,
    "auto": Layout(names=_EPU.names[:1] + _LEGINON.names + _EPU.names[1:] + _SERIALEM.names, folders=_EPU.folders),
    "none": Layout(),
}
"""What is known of the programs' habits."""


@dataclass(frozen=True)
class NameFacts:
    """What a name says.

    Attributes:
        matched: a pattern fitted the name.
        values: ``specimen``, ``hole``, ``square``, ``shift_group`` as text, ``tilt_angle`` in degrees, ``number``,
            ``date`` and ``time`` as digits, and the user's own groups as text.
        warnings: for people.
    """

    matched: bool
    values: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@functools.lru_cache(maxsize=64)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile ``{specimen}_{hole}_{tilt}.tif`` or a regular expression with named groups.

    Raises:
        UsageError: it is not understood, or names nothing.
    """
    try:
        found = re.compile(pattern if "(?P<" in pattern else _from_braces(pattern))
    except re.error as error:
        raise UsageError(
            f"the name pattern {pattern!r} is no regular expression ({error})",
            hint="Write for example {specimen}_{hole}_{tilt}.tif",
        ) from error
    if not found.groupindex:
        raise UsageError(
            f"the name pattern {pattern!r} names nothing",
            hint="Name parts, as in {specimen}_{tilt}.tif or (?P<specimen>.+)_(?P<tilt>[-0-9.]+)[.]tif",
        )
    return found


def _from_braces(pattern: str) -> str:
    """Regular expression of a pattern in braces; ``*`` fits anything."""
    parts = []
    for part in re.split(r"(\{[^{}]*\}|\*)", pattern):
        name = part[1:-1]
        if part == "*":
            parts.append(".*?")
        elif not part.startswith("{"):
            parts.append(re.escape(part))
        elif ALIASES.get(name, name) not in FIELDS:
            raise UsageError(
                f"{part} in the name pattern {pattern!r} is not known",
                hint="Known are " + " ".join("{" + known + "}" for known in (*FIELDS, "tilt")),
            )
        else:
            name = ALIASES.get(name, name)
            parts.append(f"(?:{FIELDS[name]})" if name == "any" else f"(?P<{name}>{FIELDS[name]})")
    return "".join(parts)


def stem_of(name: str) -> str:
    """The name of a file without the endings of images: ``a.mrc.gz`` → ``a``."""
    while (shorter := IMAGE_SUFFIX.sub("", name)) not in ("", name):
        name = shorter
    return name


def suffix_of(name: str) -> str:
    """The endings that ``stem_of`` takes off."""
    return name[len(stem_of(name)) :]


def item_name(name: str) -> str:
    """Name of the item that a file becomes: its stem, without characters that trouble shells and tables."""
    return ODD_CHARACTERS.sub("_", stem_of(name)).strip(" .")[:MAX_NAME] or "image"


def free_name(name: str, taken: Container[str]) -> str:
    """``name``, or ``name~2`` and so on where that is taken."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}~{number}"
    return found


def facts_of_name(relative: str, layout: str, pattern: str | None) -> NameFacts:
    """Read a file's name (and folder) by the user's pattern, else by the layout's.

    Args:
        relative: path below the source folder, with ``/``.
        layout: a key of ``LAYOUTS``.
        pattern: the user's own; it has to fit the whole name with or without suffix, or the whole relative path.
    """
    path = PurePath(relative)
    known = LAYOUTS[layout]
    in_folder = [re.search(folder, str(path.parent), re.IGNORECASE) for folder in known.folders]
    values: dict[str, Any] = {k: v for match in in_folder if match is not None for k, v in match.groupdict().items()}
    texts = [text[:MAX_TEXT] for text in (path.name, stem_of(path.name), relative)]
    if pattern is not None:
        matches = [compile_pattern(pattern).fullmatch(text) for text in texts]
    else:
        matches = [re.fullmatch(expression, texts[1], re.IGNORECASE) for expression in known.names]
    match = next((found for found in matches if found is not None), None)
    if match is None:
        return NameFacts(matched=pattern is None and not known.names, values=values)
    warnings = []
    for group, text in match.groupdict().items():
        if text is None:
            continue
        name = ALIASES.get(group, group)
        if name != "tilt_angle":
            values[name] = text
        elif re.fullmatch(NUMBER, text) and abs(float(text)) <= 180:
            values[name] = float(text)
        else:
            warnings.append(f"the name says a tilt of {text!r}, which is no angle within 180°: not used")
    return NameFacts(True, values, tuple(warnings))
