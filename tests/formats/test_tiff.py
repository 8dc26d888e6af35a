"""TIFF files: every compression and packing gives the pattern in MRC orientation; cut files give whole frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.images import open_images
from vitreous.formats.nibbles import pack_nibbles
from vitreous.formats.tiff import TiffStackWriter


def phantom(ny: int = 24, nx: int = 18, value: int = 7) -> np.ndarray:
    image = np.zeros((ny, nx), np.uint8)
    image[2:-2, 3:5] = value
    image[-5:-2, 3:14] = value - 1
    image[ny // 2 : ny // 2 + 2, 3:10] = value - 2
    image.setflags(write=False)
    return image


@pytest.mark.parametrize("compression", ["lzw", "deflate", "zstd", "none"])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float32"])
def test_round_trip(tmp_path: Path, compression: str, kind: str) -> None:
    path = tmp_path / "a.tif"
    stack = [phantom(value=v).astype(kind) for v in range(3, 9)]
    with TiffStackWriter(path, (24, 18), kind, compression=compression, pixel_size=1.3) as writer:
        for frame in stack:
            writer.append(frame)
    with open_images(path) as images:
        assert (images.header.n_frames, images.header.dtype) == (6, np.dtype(kind))
        assert images.header.acquisition.pixel_size == pytest.approx(1.3, rel=1e-6)
        for frame, expected in zip(images.frames(), stack, strict=True):
            np.testing.assert_array_equal(frame, expected)
        np.testing.assert_array_equal(images.frame(5), stack[5])
    # The top row of the file is the last row of the array.
    np.testing.assert_array_equal(tifffile.imread(path)[0], stack[0][::-1])


@pytest.mark.parametrize(
    "options",
    [
        {"rowsperstrip": 7, "compression": "lzw"},
        {"tile": (16, 16), "compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"compression": "lzw", "predictor": 3, "dtype": "float32"},
        {"byteorder": ">", "dtype": "uint16", "compression": "lzw"},
        {"byteorder": ">", "dtype": "uint16"},
        {"bigtiff": True},
    ],
)
def test_other_writers_layouts(tmp_path: Path, options: dict[str, object]) -> None:
    options = dict(options)
    stack = np.stack([phantom(value=v) for v in (5, 7)]).astype(str(options.pop("dtype", "uint8")))
    order, big = options.pop("byteorder", "<"), options.pop("bigtiff", False)
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=order, bigtiff=big) as out:
        for frame in stack:
            out.write(frame, contiguous=False, **options)
    with open_images(tmp_path / "a.tif") as images:
        np.testing.assert_array_equal(np.stack(list(images.frames())), stack[:, ::-1])
        assert images.frame(0).dtype.isnative


def test_missing_sample_format_is_unsigned(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.full((4, 4), 200, np.uint8), metadata=None)
    with tifffile.TiffFile(path) as raw:
        assert 339 not in raw.pages[0].tags  # tifffile writes none for unsigned integers
    with open_images(path) as images:
        assert int(images.frame(0)[0, 0]) == 200


def test_packed_frames_of_a_k3(tmp_path: Path) -> None:
    counts = np.random.default_rng(1).poisson(0.6, (8184, 11520)).astype(np.uint8)
    packed = pack_nibbles(counts)
    with TiffStackWriter(tmp_path / "a.tif", packed.shape, "uint8", compression="zstd") as out:
        out.append(packed)
    with open_images(tmp_path / "a.tif") as images:
        assert images.header.shape == (8184, 11520)
        assert images.header.metadata["packed"]
        np.testing.assert_array_equal(images.frame(0), counts)


def test_unpacked_frame_of_a_size_that_packing_has(tmp_path: Path) -> None:
    counts = np.minimum(np.random.default_rng(1).poisson(0.6, (7420, 3838)), 15).astype(np.uint8)
    with TiffStackWriter(tmp_path / "a.tif", counts.shape, "uint8", compression="zstd") as out:
        out.append(counts)
    with open_images(tmp_path / "a.tif") as images:
        assert images.header.shape == (7420, 3838)
        np.testing.assert_array_equal(images.frame(0), counts)


def test_whole_pages_of_a_cut_file_are_given(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    stack = np.random.default_rng(2).poisson(0.8, (6, 64, 64)).astype(np.uint8)
    with TiffStackWriter(path, (64, 64), "uint8") as out:
        for frame in stack:
            out.append(frame)
    data = path.read_bytes()
    for cut in (len(data) - 20, len(data) * 2 // 3, len(data) // 3):
        path.write_bytes(data[:cut])
        with open_images(path) as images:
            n = images.header.n_frames
            assert 1 <= n < 6
            assert "cut short" in images.header.warnings[0]
            np.testing.assert_array_equal(np.stack(list(images.frames())), stack[:n])


def test_colour_images_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8, 3), np.uint8), photometric="rgb")
    with pytest.raises(DataError, match="colours"):
        open_images(tmp_path / "a.tif")


def test_writer_refuses_and_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with TiffStackWriter(tmp_path / "a.tif", (4, 4), "uint8") as writer:
            writer.append(np.zeros((4, 4), np.uint8))
            writer.append(np.zeros((4, 5), np.uint8))

    with pytest.raises(UsageError, match="shape"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_real_tiff(shared_data: Path) -> None:
    with open_images(shared_data / "micrographs" / "KLH.tif") as images:
        expected = tifffile.imread(shared_data / "micrographs" / "KLH.tif")
        np.testing.assert_array_equal(images.frame(0), expected[::-1])
        assert images.header.acquisition.pixel_size is None
