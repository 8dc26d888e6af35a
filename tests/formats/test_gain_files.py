"""Gain references from files: one pattern, one array, whatever the format; and damaged files."""

from __future__ import annotations

import gzip
import importlib.util
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile

from vitreous.core.errors import DataError
from vitreous.formats.gain import read_gain
from vitreous.formats.mrc import write_mrc
from vitreous.formats.tiff import TiffStackWriter

spec = importlib.util.spec_from_file_location("dm_writer", Path(__file__).with_name("dm_writer.py"))
dm_writer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dm_writer)

KINDS = ["gain.mrc", "gain.mrc.gz", "gain.tif", "gain.gain", "gain.dm4", "gain.dm3"]
DEFECTS = b"<defects><col>3</col><row>0-1</row><point>9,4</point><area>12,10,13,12</area></defects>"


def reference():
    """Row 0 at the bottom, like nothing else after a turn."""
    gain = np.random.default_rng(6).normal(1, 0.03, (16, 24)).astype(np.float32)
    gain[2, 5] = 0
    return gain


def write(folder, name, gain=None):
    gain = reference() if gain is None else gain
    path = folder / name
    if name.endswith(".mrc"):
        return write_mrc(path, gain, pixel_size=1.0)
    if name.endswith(".mrc.gz"):
        path.write_bytes(gzip.compress(write_mrc(folder / "aside.mrc", gain, pixel_size=1.0).read_bytes()))
    elif name.endswith(".tif"):
        with TiffStackWriter(path, gain.shape, "float32") as writer:
            writer.append(gain)
    elif name.endswith(".gain"):
        # As the camera's program writes it: the top row first, the defects in a private tag.
        extra = [(65100, 7, len(DEFECTS), DEFECTS, True)]
        tifffile.imwrite(path, gain[::-1], extratags=extra, photometric="minisblack", metadata=None)
    else:
        path.write_bytes(dm_writer.dm_bytes(gain[::-1].copy(), version=int(name[-1])))
    return path


@pytest.mark.parametrize("name", KINDS)
def test_one_array_from_all_formats(tmp_path, name):
    found = read_gain(write(tmp_path, name))
    assert found.array.dtype == np.float32
    np.testing.assert_array_equal(found.array, reference())
    assert found.shape == (16, 24)
    known = name.endswith((".gain", ".dm3", ".dm4"))
    assert found.kind == ("multiplicative" if known else None)
    assert (found.defects is not None) == name.endswith(".gain")


def test_format_is_told_by_content(tmp_path):
    path = write(tmp_path, "gain.dm4").rename(tmp_path / "gain.mrc")
    np.testing.assert_array_equal(read_gain(str(path)).array, reference())


def test_defects_of_a_falcon_gain(tmp_path):
    """Listed from the top left; the map has row 0 at the bottom."""
    top_first = np.zeros((16, 24), bool)
    top_first[:, 3] = True
    top_first[0:2] = True
    top_first[4, 9] = True
    top_first[10:13, 12:14] = True
    np.testing.assert_array_equal(read_gain(write(tmp_path, "gain.gain")).defects, top_first[::-1])


def test_non_finite_entries_are_kept(tmp_path):
    gain = reference()
    gain[0, :3] = np.nan, np.inf, -1
    np.testing.assert_array_equal(read_gain(write(tmp_path, "gain.mrc", gain)).array, gain)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_reference_without_entries(tmp_path, value):
    with pytest.raises(DataError, match="no entry above 0"):
        read_gain(write(tmp_path, "gain.mrc", np.full((8, 8), value, np.float32)))


def test_a_movie_is_no_gain(tmp_path):
    path = write_mrc(tmp_path / "movie.mrc", np.ones((3, 8, 8), np.float32), pixel_size=1.0, is_stack=True)
    with pytest.raises(DataError, match="holds 3 images"):
        read_gain(path)


def test_missing_and_empty(tmp_path):
    for name in ("none.mrc", "empty.gain", "empty.dm4"):
        path = tmp_path / name
        if name.startswith("empty"):
            path.touch()
        with pytest.raises(DataError) as caught:
            read_gain(path)
        assert caught.value.context["path"] == str(path)


def read_or_fault(path):
    try:
        found = read_gain(path)
    except DataError as error:
        fault = error
    else:
        assert found.array.ndim == 2
        assert found.defects is None or found.defects.shape == found.shape
        return "read"
    assert fault.context["path"] == str(path)
    return "fault"


@pytest.mark.parametrize("name", KINDS)
def test_cut_files(tmp_path, name):
    data = write(tmp_path, name).read_bytes()
    path = tmp_path / name
    found = set()
    for cut in sorted({*range(0, 40), *np.linspace(0, len(data) - 1, 60).astype(int).tolist()}):
        path.write_bytes(data[:cut])
        found.add(read_or_fault(path))
    assert "fault" in found


@pytest.mark.parametrize("name", KINDS)
def test_flipped_bytes(tmp_path, name):
    data = write(tmp_path, name).read_bytes()
    path = tmp_path / name
    random = np.random.default_rng(12)
    tracemalloc.start()
    for trial in range(250):
        at = int(random.integers(0, min(len(data), 400) if trial % 2 else len(data)))
        changed = bytearray(data)
        changed[at] ^= int(random.integers(1, 256))
        path.write_bytes(bytes(changed))
        read_or_fault(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300e6
