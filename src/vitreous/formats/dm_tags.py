"""The tag tree of Digital Micrograph's DM3 and DM4 files.

The format is unpublished; its structure is described by P. Walther / C. Boothroyd and G. Jefferis. All numbers of the
structure are big-endian; values have the byte order that the header states.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from vitreous.formats.frame_reader import OpenFile
from vitreous.formats.image_faults import image_fault
from vitreous.formats.image_formats import is_dm

SIMPLE = {2: "i2", 3: "i4", 4: "u2", 5: "u4", 6: "f4", 7: "f8", 8: "u1", 9: "i1", 10: "u1", 11: "i8", 12: "u8"}
STRUCT, STRING, ARRAY = 15, 18, 20
DIRECTORY_TAG, DATA_TAG = 20, 21
MAX_TAGS = 500_000
MAX_DEPTH = 64
MAX_INFO = 4096
TEXT_CODE = 4
PIXELS = "Data"
MAX_TEXT = 1024
"""Arrays of unsigned 16-bit numbers up to this length are texts, and are read with the tree; pixels never are."""


@dataclass(frozen=True)
class DmArray:
    """An array that was left in the file.

    Attributes:
        offset: byte of the first element.
        dtype: of an element, with its byte order; ``None`` for elements of several numbers.
        count: number of elements; they lie within the file.
    """

    offset: int
    dtype: np.dtype[Any] | None
    count: int


@dataclass(frozen=True)
class DmDirectory:
    """A directory of named (or, as in lists, unnamed) entries: numbers, texts, arrays, directories or ``None``."""

    entries: tuple[tuple[str, Any], ...]

    def get(self, name: str) -> Any:
        """The first entry of that name, or ``None``."""
        return next((value for key, value in self.entries if key == name), None)

    def directory(self, *names: str) -> DmDirectory:
        """The directory down a path of names; empty where there is none."""
        found: Any = self
        for name in names:
            found = found.get(name) if isinstance(found, DmDirectory) else None
        return found if isinstance(found, DmDirectory) else DmDirectory(())

    def directories(self) -> tuple[DmDirectory, ...]:
        """All entries that are directories."""
        return tuple(value for _, value in self.entries if isinstance(value, DmDirectory))


def read_tags(source: OpenFile) -> DmDirectory:
    """Read the tag tree; long arrays are not read, but known to lie within the file.

    Raises:
        DataError: no DM3 or DM4 file, or a damaged one.
    """
    head = source.read(0, 16)
    if not is_dm(head):
        raise image_fault(source.path, "is no DM3 or DM4 file")
    wide = head[3] == 4
    little = (head[15] if wide else head[11]) == 1
    return _TagReader(source, wide, "<" if little else ">").directory(0)


class _TagReader:
    """A position in the file, moved on by each read; counts are compared with what is left before they are used."""

    def __init__(self, source: OpenFile, wide: bool, order: str) -> None:
        self._source, self._wide, self._order = source, wide, order
        self._at = 16 if wide else 12
        self._n_tags = 0

    def directory(self, depth: int) -> DmDirectory:
        """Read a directory and all below it."""
        if depth > MAX_DEPTH:
            raise self._fault(f"tags are nested deeper than {MAX_DEPTH}")
        self._take(2)  # sorted, open: how the program shows it
        n = self._count()
        # A tag takes 3 bytes at least, so a greater number can't be true.
        if n > self._left() // 3 or self._n_tags + n > MAX_TAGS:
            raise self._fault(f"a directory states {n:,} tags")
        self._n_tags += n
        return DmDirectory(tuple(self._tag(depth) for _ in range(n)))

    def _tag(self, depth: int) -> tuple[str, Any]:
        kind, length = struct.unpack(">BH", self._take(3))
        name = self._take(length).decode("latin-1")
        size = self._count() if self._wide else None
        end = None if size is None else self._at + size
        if kind == DIRECTORY_TAG:
            return name, self.directory(depth + 1)
        if kind != DATA_TAG:
            raise self._fault(f"tag {name[:40]!r} is of unknown kind {kind}")
        return name, self._data(name, end)

    def _data(self, name: str, end: int | None) -> Any:
        if self._take(4) != b"%%%%":
            raise self._fault(f"tag {name[:40]!r} does not begin as tags do")
        n = self._count()
        if not 0 < n <= MAX_INFO:
            raise self._fault(f"tag {name[:40]!r} describes its type by {n:,} numbers")
        data = self._take(n * (8 if self._wide else 4))
        info = struct.unpack(f">{n}{'q' if self._wide else 'i'}", data)
        if min(info) < 0:
            raise self._fault(f"the type of tag {name[:40]!r} holds a number below 0")
        if info[0] == ARRAY and n > 2:
            return self._array(name, info)
        fields = self._fields(info)
        if fields is None:
            if end is None or not self._at <= end <= self._source.size:
                raise self._fault(f"tag {name[:40]!r} is of unknown type {info[0]}")
            self._at = end  # DM4 says where it ends
            return None
        values = [np.frombuffer(self._take(f.itemsize), f)[0].item() for f in fields]
        return values[0] if info[0] in SIMPLE else tuple(values)

    def _array(self, name: str, info: tuple[int, ...]) -> Any:
        count = info[-1]
        if info[1] == ARRAY:
            raise self._fault(f"tag {name[:40]!r} is an array of arrays")
        fields = self._fields(info[1:-1])
        if fields is None:
            raise self._fault(f"tag {name[:40]!r} is an array of unknown type {info[1]}")
        size = count * sum(f.itemsize for f in fields)
        if size > self._left():
            raise self._fault(f"tag {name[:40]!r} takes {size:,} bytes, and {self._left():,} are left: it is cut short")
        offset = self._at
        self._at += size
        dtype = fields[0] if len(fields) == 1 and info[1] != STRUCT else None
        if info[1] == TEXT_CODE and count <= MAX_TEXT and name != PIXELS:
            text = self._source.read(offset, size)
            return text.decode("utf-16-le" if self._order == "<" else "utf-16-be", "replace").rstrip("\0")
        return DmArray(offset, dtype, count)

    def _fields(self, info: tuple[int, ...]) -> list[np.dtype[Any]] | None:
        """The numbers that one value is made of; ``None`` where the type is not known."""
        if info[0] in SIMPLE:
            return [np.dtype(self._order + SIMPLE[info[0]])]
        if info[0] == STRUCT and len(info) >= 3 and len(info) >= 3 + 2 * info[2]:
            kinds = info[4 : 4 + 2 * info[2] : 2]
            if all(kind in SIMPLE for kind in kinds):
                return [np.dtype(self._order + SIMPLE[kind]) for kind in kinds]
        if info[0] == STRING and len(info) == 2 and info[1] <= MAX_TEXT:
            return [np.dtype("u1")] * info[1]
        return None

    def _count(self) -> int:
        number = cast(int, struct.unpack(">q" if self._wide else ">i", self._take(8 if self._wide else 4))[0])
        if number < 0:
            raise self._fault(f"a count at byte {self._at:,} is below 0")
        return number

    def _take(self, count: int) -> bytes:
        data = self._source.read(self._at, count) if count <= self._left() else b""
        if len(data) < count:
            raise self._fault(f"the tags end at byte {self._source.size:,}: the file is cut short or damaged")
        self._at += count
        return data

    def _left(self) -> int:
        return self._source.size - self._at

    def _fault(self, reason: str) -> Exception:
        return image_fault(self._source.path, reason)
