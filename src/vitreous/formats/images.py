"""Open an image file of any format, told by its content first and its name second."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

from vitreous.core.errors import UsageError
from vitreous.formats.base import ImageFile
from vitreous.formats.image_faults import file_faults, image_fault
from vitreous.formats.image_formats import HEAD_BYTES, EerOptions, ImageFormat

__all__ = ["EerOptions", "FormatRegistry", "image_formats", "open_images"]

GROUP = "vitreous.formats"


@dataclass(frozen=True)
class FormatRegistry:
    """The image formats that are installed.

    Attributes:
        formats: in order of their names.
        broken: entry points that could not be imported: name and reason.
    """

    formats: tuple[ImageFormat, ...]
    broken: tuple[tuple[str, str], ...] = ()

    def named(self, path: Path) -> ImageFormat | None:
        """The format whose suffix the file's name has; the longest suffix wins."""
        name = path.name.lower()
        fitting = [(len(s), f) for f in self.formats for s in f.suffixes if name.endswith(s)]
        return max(fitting, key=lambda pair: pair[0])[1] if fitting else None

    def recognised(self, path: Path, head: bytes) -> ImageFormat | None:
        """The format of a file by its first bytes, else by its name."""
        named = self.named(path)
        fitting = [f for f in self.formats if f.recognises(head)]
        return named if named in fitting or not fitting else fitting[0]


@functools.cache
def image_formats() -> FormatRegistry:
    """Read the installed formats from the entry points ``vitreous.formats`` (no format's reader is imported)."""
    return registry_of(tuple(entry_points(group=GROUP)))


def registry_of(points: tuple[EntryPoint, ...]) -> FormatRegistry:
    """Load the descriptions behind entry points; those that fail are named, those of other kinds are left to others."""
    formats, broken = [], []
    for point in sorted(points, key=lambda p: p.name):
        try:
            found = point.load()
        except (ImportError, AttributeError) as error:
            broken.append((point.name, f"{type(error).__name__}: {error}"))
            continue
        if isinstance(found, ImageFormat):
            formats.append(found)
    return FormatRegistry(tuple(formats), tuple(broken))


def open_images(path: Path | str, options: EerOptions | None = None) -> ImageFile:
    """Open an image, stack or movie; use it in a ``with`` block.

    Args:
        path: the file.
        options: how EER is to be grouped and upsampled; not looked at for other formats.

    Raises:
        DataError: the file is not there, is of no known format, or is damaged.
    """
    path = Path(path)
    registry = image_formats()
    with file_faults(path), open(path, "rb") as handle:
        head = handle.read(HEAD_BYTES)
    if not head:
        raise image_fault(path, "is empty (0 bytes)")
    found = registry.recognised(path, head)
    if found is None:
        known = "; ".join(f"{f.title} ({' '.join(f.suffixes)})" for f in registry.formats) or "none is installed"
        broken = "".join(f". The format {name} could not be loaded: {reason}" for name, reason in registry.broken)
        raise image_fault(path, "is of no known image format", f"Known formats: {known}{broken}")
    opener: Any = found.load()
    if found.options is None or options is None:
        return cast(ImageFile, opener(path))
    if not isinstance(options, found.options):
        raise UsageError(
            f"options of type {type(options).__name__} are given for {found.title}",
            hint=f"Give {found.options.__name__}",
        )
    return cast(ImageFile, opener(path, options))
