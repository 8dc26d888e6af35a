"""Damaged image files: a read that holds, or a ``DataError`` with path and reason; never great memory."""

from __future__ import annotations

import bz2
import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import zstandard

from vitreous.core.errors import DataError
from vitreous.formats.eer import write_eer
from vitreous.formats.images import EerOptions, open_images
from vitreous.formats.mrc import write_mrc
from vitreous.formats.tiff import TiffStackWriter

KINDS = ["mrc", "mrc-extended", "mrc.gz", "mrc.bz2", "mrc.zst", "lzw", "deflate", "zstd", "none", "eer"]
PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "zst": lambda data: zstandard.ZstdCompressor().compress(data)}


def stack() -> np.ndarray:
    return np.random.default_rng(4).poisson(0.9, (3, 20, 26)).astype(np.uint8)


def example(folder: Path, kind: str) -> Path:
    if kind == "eer":
        events = [tuple(np.nonzero(frame)[::-1]) for frame in stack()]
        return write_eer(folder / "a.eer", events, shape=(20, 26), upsampling=1, pixel_size=1.0, total_dose=3)
    if kind.startswith("mrc"):
        path = write_mrc(folder / "a.mrc", stack(), pixel_size=1.1, dtype="int16", is_stack=True)
        if kind == "mrc":
            return path
        data = path.read_bytes()
        if kind == "mrc-extended":
            data = (
                data[:92] + np.int32(888).tobytes() + data[96:104] + b"FEI2" + data[108:1024] + bytes(888) + data[1024:]
            )
            path.write_bytes(data)
            return path
        packed = folder / f"a.{kind}"
        packed.write_bytes(PACKERS[kind.split(".")[1]](data))
        return packed
    path = folder / "a.tif"
    with TiffStackWriter(path, (20, 26), "uint8", compression=kind) as writer:
        for frame in stack():
            writer.append(frame)
    return path


def read_or_fault(path: Path) -> str:
    """Read all; tell "read" or the reason of the DataError."""
    options = EerOptions(frames_per_fraction=1) if path.suffix == ".eer" else None
    try:
        with open_images(path, options) as images:
            frames = list(images.frames())
    except DataError as error:
        fault = error
    else:
        assert {(f.shape, f.dtype) for f in frames} <= {(images.header.shape, images.header.dtype)}
        return "read"
    assert fault.context["path"] == str(path)
    assert len(fault.context["reason"]) > 5
    return "fault"


@pytest.mark.parametrize("kind", KINDS)
def test_whole_file_is_read(tmp_path: Path, kind: str) -> None:
    path = example(tmp_path, kind)
    with open_images(path, EerOptions(frames_per_fraction=1) if kind == "eer" else None) as images:
        expected = np.minimum(stack(), 1) if kind == "eer" else stack()
        np.testing.assert_array_equal(np.stack(list(images.frames())), expected)
        np.testing.assert_array_equal(images.frame(1), expected[1])
        np.testing.assert_array_equal(images.frame(0), expected[0])


@pytest.mark.parametrize("kind", KINDS)
def test_cut_files(tmp_path: Path, kind: str) -> None:
    path = example(tmp_path, kind)
    data = path.read_bytes()
    found = set()
    for cut in sorted({*range(0, min(len(data), 40)), *np.linspace(0, len(data) - 1, 60).astype(int).tolist()}):
        path.write_bytes(data[:cut])
        found.add(read_or_fault(path))
    assert "fault" in found
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes(tmp_path: Path, kind: str) -> None:
    path = example(tmp_path, kind)
    data = path.read_bytes()
    random = np.random.default_rng(11)
    tracemalloc.start()
    for trial in range(200):
        # Half of the flips hit the headers, where they do most harm.
        at = int(random.integers(0, min(len(data), 400) if trial % 2 else len(data)))
        changed = bytearray(data)
        changed[at] ^= int(random.integers(1, 256))
        path.write_bytes(bytes(changed))
        read_or_fault(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300e6


@pytest.mark.parametrize("field", ["nx", "ny", "nz", "nsymbt", "mode"])
@pytest.mark.parametrize("value", [-1, -(2**31), 2**31 - 1, 2**24, 0])
def test_absurd_mrc_headers(tmp_path: Path, field: str, value: int) -> None:
    at = {"nx": 0, "ny": 4, "nz": 8, "mode": 12, "nsymbt": 92}[field]
    path = example(tmp_path, "mrc")
    data = bytearray(path.read_bytes())
    data[at : at + 4] = np.int32(value).tobytes()
    for name, packer in (("a.mrc", bytes), ("a.mrc.gz", gzip.compress)):
        target = tmp_path / name
        target.write_bytes(packer(bytes(data)))
        tracemalloc.start()
        result = read_or_fault(target)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        harmless = (field, value) in {("mode", 0), ("nsymbt", 0)} or (field == "nz" and value == 2**24)
        assert result == "fault" or harmless
        assert peak < 300e6


def test_nan_in_header_fields_is_unknown(tmp_path: Path) -> None:
    path = example(tmp_path, "mrc")
    data = bytearray(path.read_bytes())
    data[40:52] = data[76:88] = np.full(3, np.nan, np.float32).tobytes()
    path.write_bytes(bytes(data))
    with open_images(path) as images:
        assert images.header.acquisition.pixel_size is None
        np.testing.assert_array_equal(images.frame(2), stack()[2])


def test_random_rubbish(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    for name in ("a.mrc", "a.tif", "a.eer", "a.mrc.gz", "a.mrc.bz2", "a.mrc.zst"):
        for size in (0, 1, 100, 5000):
            (tmp_path / name).write_bytes(random.bytes(size))
            assert read_or_fault(tmp_path / name) == "fault"
