"""DM3 and DM4: values, orientation, calibration, and damaged files."""

from __future__ import annotations

import importlib.util
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from vitreous.core.errors import DataError
from vitreous.formats.dm import open_dm
from vitreous.formats.image_formats import is_dm
from vitreous.formats.images import open_images

spec = importlib.util.spec_from_file_location("dm_writer", Path(__file__).with_name("dm_writer.py"))
dm_writer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dm_writer)
dm_bytes, DmWriter, image_entry = dm_writer.dm_bytes, dm_writer.DmWriter, dm_writer.image_entry

LAYOUTS = [(3, "<"), (3, ">"), (4, "<"), (4, ">")]


def pattern(dtype="f4", shape=(6, 10)):
    return (np.arange(np.prod(shape)).reshape(shape) % 120).astype(dtype)


def write(folder, data):
    path = folder / "a.dm4"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("version", "order"), LAYOUTS)
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_reads_all_types_bottom_row_first(tmp_path, version, order, dtype):
    array = pattern(dtype)
    with open_dm(write(tmp_path, dm_bytes(array, version=version, order=order))) as images:
        header = images.header
        assert (header.format, header.n_frames, header.shape) == ("dm", 1, (6, 10))
        assert header.dtype == np.dtype(dtype)
        assert header.acquisition.pixel_size == pytest.approx(1.3)
        assert header.acquisition.voltage == pytest.approx(300)
        frame = images.frame(0)
    assert frame.dtype.isnative
    np.testing.assert_array_equal(frame, array[::-1])


@pytest.mark.parametrize(("version", "order"), LAYOUTS)
def test_reads_frames(tmp_path, version, order):
    stack = pattern("u1", (3, 6, 10))
    with open_dm(write(tmp_path, dm_bytes(stack, version=version, order=order))) as images:
        assert images.header.n_frames == 3
        np.testing.assert_array_equal(np.stack(list(images.frames())), stack[:, ::-1])


@pytest.mark.parametrize(("unit", "size"), [("nm", 1.3), ("µm", None), ("Å", 0.13), ("1/nm", None), ("", None)])
def test_pixel_size_by_unit(tmp_path, unit, size):
    with open_dm(write(tmp_path, dm_bytes(pattern(), unit=unit))) as images:
        found = images.header.acquisition.pixel_size
    assert found == (None if size is None else pytest.approx(size))


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 0.0])
def test_odd_calibration_is_unknown(tmp_path, value):
    with open_dm(write(tmp_path, dm_bytes(pattern(), scale=value, voltage=value))) as images:
        assert images.header.acquisition.pixel_size is None
        assert images.header.acquisition.voltage is None


def test_is_opened_as_any_image(tmp_path):
    path = write(tmp_path, dm_bytes(pattern("u1", (3, 6, 10)))).rename(tmp_path / "movie.mrc")
    with open_images(path) as images:
        assert (images.header.format, images.header.n_frames) == ("dm", 3)
    (tmp_path / "movie.dm4").write_bytes(b"II*\0" + bytes(30))
    with pytest.raises(DataError):
        open_images(tmp_path / "movie.dm4")


def test_files_without_an_image(tmp_path):
    for entries in ([], [("ImageList", [])], [("ImageList", [("", image_entry(pattern("u4"), data_type=23))])]):
        with pytest.raises(DataError, match="no whole image of real pixels"):
            open_dm(write(tmp_path, DmWriter().file(entries)))


def test_dimensions_that_contradict_the_data(tmp_path):
    entry = image_entry(pattern())
    for sizes in ((10, 7), (2**31, 2**31), (0, 60), (60,)):
        entry["ImageData"]["Dimensions"] = [("", np.uint32(n)) for n in sizes]
        with pytest.raises(DataError, match="no whole image"):
            open_dm(write(tmp_path, DmWriter().file([("ImageList", [("", entry)])])))


def test_absurd_counts(tmp_path):
    """Numbers of tags, types and elements are compared with the file's size before they are used."""
    writer = DmWriter(4)
    head = struct.pack(">iqi", 4, 100, 1)
    huge = writer.count(2**62)
    cases = [
        head + b"\1\0" + huge,
        head + b"\1\0" + writer.count(-1),
        head + b"\1\0" + writer.count(1) + b"\x15\xff\xff",
        head + b"\1\0" + writer.count(1) + b"\x15\0\1a" + writer.count(50) + b"%%%%" + huge,
        head + b"\1\0" + writer.count(1) + b"\x15\0\1a" + writer.count(50) + b"%%%%" + writer.count(3, 20, 6, 2**60),
        head + b"\1\0" + writer.count(1) + b"\x15\0\1a" + writer.count(50) + b"%%%%" + writer.count(1, 99),
        head + (b"\1\0" + writer.count(1) + b"\x14\0\0" + writer.count(0)) * 200,
    ]
    tracemalloc.start()
    for case in cases:
        with pytest.raises(DataError):
            open_dm(write(tmp_path, case + bytes(20)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6


def read_or_fault(path):
    try:
        with open_dm(path) as images:
            frames = list(images.frames())
    except DataError as error:
        fault = error
    else:
        assert {(f.shape, f.dtype) for f in frames} <= {(images.header.shape, images.header.dtype)}
        return "read"
    assert fault.context["path"] == str(path)
    return "fault"


@pytest.mark.parametrize(("version", "order"), LAYOUTS)
def test_cut_files(tmp_path, version, order):
    data = dm_bytes(pattern(), version=version, order=order)
    for cut in {*range(40), *range(40, len(data) - 8, 9)}:
        assert read_or_fault(write(tmp_path, data[:cut])) == "fault"


@pytest.mark.parametrize(("version", "order"), LAYOUTS)
def test_flipped_bytes(tmp_path, version, order):
    data = dm_bytes(pattern("u1", (2, 6, 10)), version=version, order=order)
    random = np.random.default_rng(5)
    tracemalloc.start()
    found = set()
    for trial in range(300):
        at = int(random.integers(0, 40 if trial % 6 == 0 else len(data)))
        changed = bytearray(data)
        changed[at] ^= int(random.integers(1, 256))
        found.add(read_or_fault(write(tmp_path, bytes(changed))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == {"read", "fault"}
    assert peak < 50e6


def test_random_rubbish(tmp_path):
    random = np.random.default_rng(2)
    for size in (0, 1, 15, 16, 5000):
        assert read_or_fault(write(tmp_path, random.bytes(size))) == "fault"
        assert read_or_fault(write(tmp_path, b"\0\0\0\4" + bytes(11) + b"\1" + random.bytes(size))) == "fault"
    assert not is_dm(b"II*\0" + bytes(20))
    with pytest.raises(DataError):
        open_dm(tmp_path / "missing.dm4")
