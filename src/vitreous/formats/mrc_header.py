"""The MRC header: where the pixels lie, and what they are.

Sources: MRC2014 (Cheng et al., J. Struct. Biol. 192, 2015) and the IMOD description of the format for unsigned
bytes, 4-bit pixels and the SerialEM extended header.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mrcfile.dtypes import HEADER_DTYPE

from vitreous.formats.image_faults import check_frame_bytes, image_fault
from vitreous.formats.nibbles import PACKED_LABEL, PACKED_SIZES, unpack_nibbles

HEADER_BYTES = 1024
IMOD_STAMP = 1146047817
IMOD_SIGNED_BYTES = 1
IMOD_PACKED_BYTES = 16
PIXEL_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2", 101: "u1"}
OTHER_MODES = {3: "complex 16-bit integers", 4: "complex 32-bit floats", 16: "RGB colours"}
MAX_SECTIONS = 10_000_000


@dataclass(frozen=True)
class MrcLayout:
    """Where the frames of an MRC file lie.

    Attributes:
        shape: ``(ny, nx)`` in pixels.
        n_sections: as the header declares.
        stored: dtype in the file, with its byte order; uint8 where two pixels share a byte.
        packed: two 4-bit pixels per byte.
        offset: byte of the first pixel.
        byte_signs_unknown: mode 0 without the IMOD stamp: signed or unsigned is for the pixels to tell.
    """

    shape: tuple[int, int]
    n_sections: int
    stored: np.dtype[Any]
    packed: bool
    offset: int
    byte_signs_unknown: bool = False

    @property
    def stored_shape(self) -> tuple[int, int]:
        """``(ny, elements in a stored row)``."""
        ny, nx = self.shape
        return (ny, (nx + 1) // 2 if self.packed else nx)

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame in the file."""
        ny, nx = self.stored_shape
        return ny * nx * self.stored.itemsize

    def decode(self, stored: np.ndarray) -> np.ndarray:
        """Give pixels ``[y, x]`` in native byte order from what was read; in place where the bytes are swapped."""
        if self.packed:
            return unpack_nibbles(stored, self.shape[1])
        if self.stored.isnative:
            return stored
        return stored.byteswap(inplace=True).view(self.stored.newbyteorder("="))


def read_record(path: Path, head: bytes) -> tuple[np.void, str]:
    """The header's fields (``mrcfile.dtypes.HEADER_DTYPE``, native) and the file's byte order, ``"<"`` or ``">"``."""
    if len(head) < HEADER_BYTES:
        raise image_fault(path, f"has {len(head)} bytes, and an MRC header alone takes {HEADER_BYTES}")
    orders = (">", "<") if head[212:214] == b"\x11\x11" else ("<", ">")
    records = [np.frombuffer(head, HEADER_DTYPE.newbyteorder(order), 1).astype(HEADER_DTYPE)[0] for order in orders]
    for order, record in zip(orders, records, strict=True):
        if _can_be_true(record):
            return record, order
    first = records[0]
    raise image_fault(
        path,
        f"is no MRC file: size {first['nx']} x {first['ny']} x {first['nz']}, mode {first['mode']}, "
        f"extended header of {first['nsymbt']} bytes",
        "The header is damaged, or this is another format",
    )


def _can_be_true(record: np.void) -> bool:
    known = int(record["mode"]) in PIXEL_TYPES or int(record["mode"]) in OTHER_MODES
    return (
        known and record["nx"] > 0 and record["ny"] > 0 and 0 < record["nz"] <= MAX_SECTIONS and record["nsymbt"] >= 0
    )


def labels_of(record: np.void) -> tuple[str, ...]:
    """The header's text, without empty lines."""
    lines = (bytes(line).decode("latin-1").strip("\0 ") for line in record["label"])
    return tuple(line for line in lines if line)


def read_layout(path: Path, record: np.void, order: str) -> MrcLayout:
    """Where the pixels lie; a ``DataError`` where they are no real image or the sizes are absurd."""
    mode, nx, ny = (int(record[name]) for name in ("mode", "nx", "ny"))
    if mode in OTHER_MODES:
        raise image_fault(path, f"holds {OTHER_MODES[mode]} (MRC mode {mode})", "Give an image of real numbers")
    stamp, flags = np.frombuffer(bytes(record["extra2"])[40:48], order + "i4")
    stamped = mode == 0 and int(stamp) == IMOD_STAMP
    halved = mode == 0 and (
        (stamped and bool(int(flags) & IMOD_PACKED_BYTES))
        or ((nx, ny) in PACKED_SIZES and any(PACKED_LABEL in line for line in labels_of(record)))
    )
    kind = "u1" if halved or (stamped and not int(flags) & IMOD_SIGNED_BYTES) else PIXEL_TYPES[mode]
    layout = MrcLayout(
        shape=(ny, 2 * nx if halved else nx),
        n_sections=int(record["nz"]),
        stored=np.dtype(order + kind),
        packed=halved or mode == 101,
        offset=HEADER_BYTES + int(record["nsymbt"]),
        byte_signs_unknown=mode == 0 and not stamped and not halved,
    )
    check_frame_bytes(path, layout.shape, layout.shape[0] * layout.shape[1] * layout.stored.itemsize)
    return layout


def bytes_are_unsigned(record: np.void, pixels: np.ndarray) -> bool:
    """Whether mode 0 without the IMOD stamp is unsigned, told from a frame of ``pixels`` read as int8.

    Signed is the rule of MRC2014. Where the header says that no pixel is below 0, and pixels read as signed are,
    they were unsigned.
    """
    low, high = float(record["dmin"]), float(record["dmax"])
    stated = math.isfinite(low) and math.isfinite(high) and 0 <= low <= high and high > 0
    return stated and (high > 127 or bool((pixels < 0).any()))


def pixel_size_of(record: np.void, layout: MrcLayout) -> tuple[float | None, tuple[str, ...]]:
    """Pixel size in Å of the main header and what is odd about it; ``None`` where it states none.

    Packed files halve x, so that only y is sure.
    """
    with np.errstate(all="ignore"):
        sizes = {axis: float(record["cella"][axis]) / max(1, int(record["m" + axis])) for axis in "xy"}
    size = sizes["y"] if layout.packed else sizes["x"]
    if not math.isfinite(size) or size == 0:
        return None, ()
    if not 0.01 < size < 1000:
        return None, (f"the header's pixel size {size:g} Å can't be true and is not used",)
    if size == 1.0:
        return size, ("the header's pixel size is exactly 1 Å, which many programs write where they know none",)
    if not layout.packed and abs(sizes["y"] - size) > 0.001 * size:
        return size, (f"the header's pixel sizes in x ({size:.4g} Å) and y ({sizes['y']:.4g} Å) differ",)
    return size, ()
