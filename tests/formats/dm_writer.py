"""A small writer of DM3 and DM4 files, made from the format's description to test the reader."""

from __future__ import annotations

import struct

import numpy as np

CODES = {"i2": 2, "i4": 3, "u2": 4, "u4": 5, "f4": 6, "f8": 7, "i1": 9, "u1": 10, "i8": 11, "u8": 12}
DATA_TYPES = {"i2": 1, "f4": 2, "u1": 6, "i4": 7, "i1": 9, "u2": 10, "u4": 11, "f8": 12}


class DmWriter:
    """Bytes of tags; ``version`` 3 or 4, ``order`` of the values."""

    def __init__(self, version=4, order="<"):
        self.order, self.wide, self.version = order, version == 4, version

    def count(self, *numbers):
        return struct.pack(f">{len(numbers)}{'q' if self.wide else 'i'}", *numbers)

    def directory(self, entries):
        """Body of a directory of ``(name, value)``."""
        return b"\1\0" + self.count(len(entries)) + b"".join(self.tag(name, value) for name, value in entries)

    def tag(self, name, value):
        if isinstance(value, dict):
            value = list(value.items())
        if isinstance(value, list):
            kind, body = 20, self.directory(value)
        else:
            kind, body = 21, b"%%%%" + self.data(value)
        size = self.count(len(body)) if self.wide else b""
        return struct.pack(">BH", kind, len(name)) + name.encode("latin-1") + size + body

    def data(self, value):
        if isinstance(value, str):
            value = np.frombuffer(value.encode("utf-16-le"), "<u2")
        if isinstance(value, tuple):  # a struct of f4
            fields = [number for _ in value for number in (0, CODES["f4"])]
            info = (15, 0, len(value), *fields)
            return self.count(len(info), *info) + np.array(value, self.order + "f4").tobytes()
        code = CODES[value.dtype.str[1:]]
        info = (20, code, value.size) if isinstance(value, np.ndarray) else (code,)
        return self.count(len(info), *info) + np.asarray(value).astype(value.dtype.newbyteorder(self.order)).tobytes()

    def file(self, entries):
        body = self.directory(entries)
        head = struct.pack(">i", self.version) + self.count(len(body)) + struct.pack(">i", int(self.order == "<"))
        return head + body + bytes(8)


def image_entry(array, *, scale=0.13, unit="nm", data_type=None, voltage=300e3):
    """An entry of ImageList; ``array`` is ``[y, x]`` or ``[frame, y, x]`` with the top row first."""
    dimension = {"Origin": np.float32(0), "Scale": np.float32(scale), "Units": unit}
    return {
        "ImageData": {
            "Calibrations": {"Brightness": {"Scale": np.float32(1)}, "Dimension": [("", dimension), ("", dimension)]},
            "Data": array.reshape(-1),
            "DataType": np.uint32(DATA_TYPES[array.dtype.str[1:]] if data_type is None else data_type),
            "Dimensions": [("", np.uint32(n)) for n in array.shape[::-1]],
            "PixelDepth": np.uint32(array.itemsize),
        },
        "ImageTags": {"Microscope Info": {"Voltage": np.float32(voltage), "Position": (1.0, 2.0, 3.0)}},
        "Name": "gain",
    }


def dm_bytes(array, *, version=4, order="<", **options):
    """A file with a thumbnail in colours, as the program writes it, and the image."""
    thumbnail = image_entry(np.zeros((4, 4), np.uint32), data_type=23)
    images = [("", thumbnail), ("", image_entry(array, **options))]
    tags = [("ApplicationBounds", (0.0, 1.0, 2.0, 3.0)), ("InImageMode", np.uint8(1)), ("ImageList", images)]
    return DmWriter(version, order).file([*tags, ("Thumbnails", [("", {"ImageIndex": np.uint32(1)})])])
