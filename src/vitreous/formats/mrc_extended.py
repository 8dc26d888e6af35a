"""What microscopes write in the extended header of MRC files: FEI1, FEI2 (Thermo Fisher) and SERI (SerialEM)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mrcfile.dtypes import get_ext_header_dtype

MAX_SECTIONS_READ = 4096
FEI_FIELDS_AFTER_MASK = 3  # size, version and the mask itself come first; its bit i tells of the i-th field after them


@dataclass(frozen=True)
class Recorded:
    """What an extended header states; ``None`` where it does not.

    Attributes:
        pixel_size: Å.
        voltage: kV.
        exposure: e/Å² of a section, for the first section.
        tilt_angles: degrees, one per section that has a block.
        metadata: further values by name.
    """

    pixel_size: float | None = None
    voltage: float | None = None
    exposure: float | None = None
    tilt_angles: tuple[float, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)


def extended_bytes_wanted(record: np.void) -> int:
    """How much of the extended header is worth reading, bytes."""
    kind = bytes(record["exttyp"])
    block = 888 if kind.startswith(b"FEI") else 64
    wanted = block * min(int(record["nz"]), MAX_SECTIONS_READ)
    return min(int(record["nsymbt"]), wanted) if kind in (b"FEI1", b"FEI2", b"SERI") else 0


def read_extended(record: np.void, order: str, block: bytes) -> Recorded:
    """Read the extended header's bytes; nothing where its type is not known or it is shorter than one section's."""
    kind = bytes(record["exttyp"])
    if kind in (b"FEI1", b"FEI2"):
        return _read_fei(kind, block)
    if kind == b"SERI":
        return _read_serialem(record, order, block)
    return Recorded()


def _finite(value: Any, low: float, high: float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) and low <= number <= high else None


def _read_fei(kind: bytes, block: bytes) -> Recorded:
    # These blocks are little-endian whatever the main header is: FEI writes them on a PC.
    dtype = get_ext_header_dtype(kind, "<")
    if len(block) < dtype.itemsize:
        return Recorded()
    # A newer version may append fields: the block states its own length.
    length = int.from_bytes(block[:4], "little", signed=True)
    length = length if dtype.itemsize <= length <= len(block) else dtype.itemsize
    n = max(1, len(block) // length)
    sections = [np.frombuffer(block, dtype, 1, offset=i * length)[0] for i in range(n)]
    first, names = sections[0], list(dtype.names)

    def stated(section: np.void, name: str) -> bool:
        return bool(int(section["Bitmask 1"]) >> (names.index(name) - FEI_FIELDS_AFTER_MASK) & 1)

    def value(name: str, scale: float, low: float, high: float) -> float | None:
        return _finite(float(first[name]) * scale, low, high) if stated(first, name) else None

    angles = (_finite(s["Alpha tilt"], -180, 180) if stated(s, "Alpha tilt") else None for s in sections)
    metadata = {
        "application": bytes(first["Application"]).decode("latin-1").strip("\0 ") or None,
        "microscope": bytes(first["Microscope type"]).decode("latin-1").strip("\0 ") or None,
        "nominal_defocus": value("Defocus", -1e10, -1e6, 1e6),
        "magnification": _finite(first["Magnification"], 1, 1e8),
    }
    return Recorded(
        pixel_size=value("Pixel size X", 1e10, 0.011, 999),
        voltage=value("HT", 1e-3, 10, 3000),
        exposure=value("Dose", 1e-20, 1e-6, 1000),
        tilt_angles=tuple(angle for angle in angles if angle is not None),
        metadata={name: known for name, known in metadata.items() if known is not None},
    )


SERIALEM_PARTS = (
    (1, "tilt", 2),
    (2, "piece", 6),
    (4, "stage", 4),
    (8, "magnification", 2),
    (16, "intensity", 2),
    (32, "dose", 4),
)


def _read_serialem(record: np.void, order: str, block: bytes) -> Recorded:
    tail = bytes(record["extra2"])
    per_section, flags = (int(v) for v in np.frombuffer(tail[16:20], order + "i2"))
    parts = [(name, size) for bit, name, size in SERIALEM_PARTS if flags & bit]
    if per_section < sum(size for _, size in parts) or not parts or len(block) < per_section:
        return Recorded()
    n = min(len(block) // per_section, int(record["nz"]))
    shorts = np.frombuffer(block[: n * per_section // 2 * 2], order + "i2")
    starts, at = {}, 0
    for name, size in parts:
        starts[name], at = at // 2, at + size // 2 * 2
    stride = per_section // 2

    def column(name: str, scale: float) -> list[float]:
        return [float(shorts[i * stride + starts[name]]) * scale for i in range(n)] if name in starts else []

    doses = [
        _two_shorts(int(shorts[i * stride + starts["dose"]]), int(shorts[i * stride + starts["dose"] + 1]))
        for i in range(n if "dose" in starts else 0)
    ]
    magnification = column("magnification", 100.0)
    metadata: dict[str, Any] = {"magnification": magnification[0]} if magnification and magnification[0] > 0 else {}
    if doses:
        metadata["section_exposures"] = tuple(doses)
    return Recorded(
        exposure=_finite(doses[0], 1e-6, 1000) if doses else None,
        tilt_angles=tuple(angle for angle in column("tilt", 0.01) if abs(angle) <= 180),
        metadata=metadata,
    )


def _two_shorts(first: int, second: int) -> float:
    """SerialEM's float in two 16-bit integers: ±(|s1|·256 + |s2| mod 256) · 2^(±(|s2| div 256)), signs of s1 and s2."""
    value = (abs(first) * 256 + abs(second) % 256) * 2.0 ** math.copysign(abs(second) // 256, second)
    return math.copysign(value, first)
