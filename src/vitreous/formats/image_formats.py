"""Descriptions of the image formats: how a file is recognised and what opens it; reads no file itself."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from vitreous.core.errors import UsageError

HEAD_BYTES = 1024
"""Bytes from the start of a file that are shown to ``ImageFormat.recognises``."""


@dataclass(frozen=True)
class EerOptions:
    """How the raw frames of an EER file become frames.

    Attributes:
        upsampling: 1, 2 or 4 pixels per camera pixel and side.
        frames_per_fraction: raw frames summed to one; wins over the dose.
        dose_per_fraction: e/Å² of one summed frame; needs the total dose.
        total_dose: e/Å² of the whole exposure; from the file's metadata unless given.
    """

    upsampling: int = 1
    frames_per_fraction: int | None = None
    dose_per_fraction: float | None = None
    total_dose: float | None = None

    def __post_init__(self) -> None:
        if self.upsampling not in (1, 2, 4):
            raise UsageError(f"upsampling {self.upsampling} of EER is none of 1, 2, 4", hint="Give 1, 2 or 4")
        for name, unit in (("frames_per_fraction", "frames"), ("dose_per_fraction", "e/Å²"), ("total_dose", "e/Å²")):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1e6:
                raise UsageError(f"{name} is {value:g} {unit}", hint="Give a number above 0")


@dataclass(frozen=True)
class ImageFormat:
    """One format, as an entry point of the group ``vitreous.formats`` names it.

    Attributes:
        name: short name.
        title: name for people.
        suffixes: lower-case endings of file names; all but the first letter case is ignored.
        opener: ``"module:function"``, called as ``function(path)`` or ``function(path, options)``; imported on use.
        recognises: tells from the first ``HEAD_BYTES`` whether a file is of this format.
        options: type of the options that the opener takes, or ``None``.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    opener: str
    recognises: Callable[[bytes], bool]
    options: type | None = None

    def load(self) -> Callable[..., object]:
        """Import the opener."""
        module, _, function = self.opener.partition(":")
        opener: Callable[..., object] = getattr(importlib.import_module(module), function)
        return opener


TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
COMPRESSED_STARTS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}
EER_COMPRESSIONS = (65000, 65001, 65002)


def _is_mrc(head: bytes) -> bool:
    return head[208:211] == b"MAP"


def _is_eer(head: bytes) -> bool:
    """BigTIFF whose first directory, which is at the start of the file, states a compression of EER's."""
    if head[:3] not in (b"II+", b"MM\0"):
        return False
    order = "little" if head[:1] == b"I" else "big"
    at = int.from_bytes(head[8:16], order)  # type: ignore[arg-type]
    for entry in range(at + 8, len(head) - 20, 20):
        if int.from_bytes(head[entry : entry + 2], order) == 259:  # type: ignore[arg-type]
            return int.from_bytes(head[entry + 12 : entry + 14], order) in EER_COMPRESSIONS  # type: ignore[arg-type]
    return False


def is_dm(head: bytes) -> bool:
    """Version 3 or 4, and a byte order of 0 or 1 after the length of 4 or 8 bytes."""
    order_at = {b"\0\0\0\3": 8, b"\0\0\0\4": 12}.get(head[:4])
    return order_at is not None and head[order_at : order_at + 4] in (b"\0\0\0\0", b"\0\0\0\1")


MRC = ImageFormat(
    "mrc", "MRC", (".mrc", ".mrcs", ".map", ".st", ".ali", ".rec", ".preali"), "vitreous.formats.mrc:open_mrc", _is_mrc
)
COMPRESSED_MRC = ImageFormat(
    "mrc-compressed",
    "MRC in gzip, bzip2 or zstd",
    (".mrc.gz", ".mrc.bz2", ".mrc.zst", ".mrcs.gz", ".mrcs.bz2", ".mrcs.zst"),
    "vitreous.formats.compressed:open_compressed_mrc",
    lambda head: any(head.startswith(start) for start in COMPRESSED_STARTS),
)
EER = ImageFormat("eer", "EER", (".eer", ".ecc"), "vitreous.formats.eer:open_eer", _is_eer, EerOptions)
TIFF = ImageFormat(
    "tiff",
    "TIFF",
    (".tif", ".tiff", ".gain"),
    "vitreous.formats.tiff:open_tiff",
    lambda head: head[:4] in TIFF_STARTS and not _is_eer(head),
)
DM = ImageFormat("dm", "Digital Micrograph", (".dm4", ".dm3"), "vitreous.formats.dm:open_dm", is_dm)
