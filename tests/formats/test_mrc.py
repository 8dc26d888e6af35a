"""MRC files: what is written is read, every pixel type gives the same pattern, real headers are understood."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.images import open_images
from vitreous.formats.mrc import MrcStackWriter, write_mrc
from vitreous.formats.nibbles import pack_nibbles


def phantom(ny: int = 24, nx: int = 18, value: int = 7) -> np.ndarray:
    """An F that no flip or turn maps on itself; row 0 is y = 0, so that the F stands upright in MRC orientation."""
    image = np.zeros((ny, nx), np.uint8)
    image[2:-2, 3:5] = value
    image[-5:-2, 3:14] = value - 1
    image[ny // 2 : ny // 2 + 2, 3:10] = value - 2
    image.setflags(write=False)
    return image


def patched(path: Path, edits: dict[int, bytes]) -> Path:
    data = bytearray(path.read_bytes())
    for at, value in edits.items():
        data[at : at + len(value)] = value
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize("kind", ["int8", "int16", "uint16", "float16", "float32"])
def test_round_trip_of_each_pixel_type(tmp_path: Path, kind: str) -> None:
    stack = np.stack([phantom(value=v) for v in (5, 6, 7)])
    path = write_mrc(tmp_path / "a.mrcs", stack, pixel_size=1.25, dtype=kind, is_stack=True, labels=["a label"])
    assert mrcfile.validate(path) or kind == "float16"
    with open_images(path) as images:
        header = images.header
        assert (header.n_frames, header.shape, header.dtype, header.is_volume) == (3, (24, 18), np.dtype(kind), False)
        assert header.acquisition.pixel_size == pytest.approx(1.25)
        assert header.metadata["labels"][1] == "a label"
        np.testing.assert_array_equal(np.stack(list(images.frames())), stack)
    with mrcfile.open(path) as other:
        assert float(other.header.dmean) == pytest.approx(stack.mean(), rel=1e-6)
        assert float(other.header.rms) == pytest.approx(stack.std(), rel=1e-6)
        np.testing.assert_array_equal(other.data, stack)


@pytest.mark.parametrize("name", ["i1", "i2", "f4", "u2", "f2"])
def test_byte_swapped_files_give_native_arrays(tmp_path: Path, name: str) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as out:
        out.set_data(phantom().astype(name))
        out.voxel_size = 2.0
    raw = (tmp_path / "a.mrc").read_bytes()
    record = np.frombuffer(raw[:1024], mrcfile.dtypes.HEADER_DTYPE, 1)
    swapped = record.astype(record.dtype.newbyteorder(">"))
    pixels = phantom().astype(np.dtype(name).newbyteorder(">")).tobytes()
    path = tmp_path / "big.mrc"
    path.write_bytes(swapped.tobytes() + pixels)
    patched(path, {212: b"\x11\x11\0\0"})
    with open_images(path) as images:
        frame = images.frame(0)
        assert frame.dtype.isnative
        np.testing.assert_array_equal(frame, phantom())
        assert images.header.acquisition.pixel_size == pytest.approx(2.0)


def test_volume_and_stack_are_told_apart(tmp_path: Path) -> None:
    volume = np.zeros((4, 5, 6), np.float32)
    with open_images(write_mrc(tmp_path / "v.mrc", volume, pixel_size=None)) as images:
        assert images.header.is_volume
        assert images.header.acquisition.pixel_size is None


@pytest.mark.parametrize("nx", [17, 18])
def test_mode_101_has_low_nibble_first(tmp_path: Path, nx: int) -> None:
    image = phantom(nx=nx)
    path = write_mrc(tmp_path / "a.mrc", image, pixel_size=1.5, dtype="int8")
    path.write_bytes(path.read_bytes()[:1024] + pack_nibbles(image).tobytes() * 2)
    patched(path, {8: np.int32(2).tobytes(), 12: np.int32(101).tobytes()})
    with open_images(path) as images:
        assert images.header.dtype == np.uint8
        for frame in images.frames():
            np.testing.assert_array_equal(frame, image)


def test_imod_flag_of_packed_bytes_doubles_x(tmp_path: Path) -> None:
    image = phantom()
    path = write_mrc(tmp_path / "a.mrc", np.zeros((24, 9), np.int8), pixel_size=1.5)
    path.write_bytes(path.read_bytes()[:1024] + pack_nibbles(image).tobytes())
    patched(path, {156: np.int32(16).tobytes()})
    with open_images(path) as images:
        np.testing.assert_array_equal(images.frame(0), image)
        assert images.header.acquisition.pixel_size == pytest.approx(1.5)


def bytes_file(tmp_path: Path, low: float, high: float, flags: int | None) -> Path:
    image = phantom().copy()
    image[0, 0] = 200
    path = write_mrc(tmp_path / "a.mrc", image.view(np.int8), pixel_size=1)
    stamp = b"\0" * 8 if flags is None else np.array([1146047817, flags], np.int32).tobytes()
    return patched(path, {76: np.array([low, high], np.float32).tobytes(), 152: stamp})


@pytest.mark.parametrize(
    ("low", "high", "flags", "value"),
    [
        (0, 200, 0, 200),  # the stamp says unsigned
        (0, 200, 1, -56),  # the stamp says signed
        (-56, 7, None, -56),  # MRC2014: signed
        (0, 200, None, 200),  # the header knows no negative pixel
        (0, 100, None, 200),  # nor here, and the first frame has some
        (0, -1, None, -56),  # statistics not determined: the standard's rule
        (float("nan"), float("nan"), None, -56),
    ],
)
def test_signs_of_mode_0(tmp_path: Path, low: float, high: float, flags: int | None, value: int) -> None:
    with open_images(bytes_file(tmp_path, low, high, flags)) as images:
        assert int(images.frame(0)[0, 0]) == value
        assert images.header.dtype == (np.uint8 if value > 0 else np.int8)


def test_whole_frames_of_a_cut_file_are_given(tmp_path: Path) -> None:
    stack = np.arange(5 * 6 * 7, dtype=np.float32).reshape(5, 6, 7)
    path = write_mrc(tmp_path / "a.mrcs", stack, pixel_size=1.3, is_stack=True)
    path.write_bytes(path.read_bytes()[:-10])
    with open_images(path) as images:
        assert images.header.n_frames == 4
        assert "4 of the 5 frames" in images.header.warnings[0]
        np.testing.assert_array_equal(np.stack(list(images.frames(1))), stack[1:4])
        with pytest.raises(UsageError, match="frame 4"):
            images.frame(4)


def test_writer_leaves_nothing_behind_on_error(tmp_path: Path) -> None:
    def fail() -> None:
        with MrcStackWriter(tmp_path / "a.mrcs", (4, 4), "int8", pixel_size=1.0) as writer:
            writer.append(np.zeros((4, 4), np.int8))
            writer.append(np.full((4, 4), 200, np.uint8))

    with pytest.raises(DataError, match="don't fit int8"):
        fail()
    with pytest.raises(UsageError, match="no frame"), MrcStackWriter(tmp_path / "b", (4, 4), "int8", pixel_size=1.0):
        pass
    with pytest.raises(UsageError, match="uint8"):
        write_mrc(tmp_path / "a.mrc", np.zeros((3, 3), np.uint8), pixel_size=1.0)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.int8, np.int16, np.uint16, np.float32, np.float16]),
        st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)),
    )
)
def test_any_stack_comes_back(tmp_path_factory: pytest.TempPathFactory, stack: np.ndarray) -> None:
    path = write_mrc(tmp_path_factory.getbasetemp() / "any.mrcs", stack, pixel_size=1.1, is_stack=True)
    with open_images(path) as images:
        np.testing.assert_array_equal(np.stack(list(images.frames())), stack)


def test_real_krios_headers(shared_data: Path) -> None:
    folder = shared_data / "micrographs"
    for name, shape, pixel_size, dose in [
        ("epu2.9_example.mrc", (4096, 4096), 0.66655, 41.2),
        ("fei-extended.mrc", (3838, 3710), 0.85378, 47.6),
    ]:
        with open_images(folder / name) as images:
            header = images.header
            assert header.shape == shape
            assert header.acquisition.pixel_size == pytest.approx(pixel_size, abs=1e-5)
            assert header.acquisition.voltage == 300
            assert header.acquisition.dose_per_frame == pytest.approx(dose, abs=0.05)
            assert abs(header.tilt_angle or 90) < 0.1
            assert header.warnings == ()
            with mrcfile.mmap(folder / name, permissive=True) as other:
                np.testing.assert_array_equal(images.frame(0)[::97], other.data[::97])


def test_serialem_extended_header(tmp_path: Path) -> None:
    path = write_mrc(tmp_path / "a.st", np.zeros((2, 4, 4), np.int16), pixel_size=1.3, is_stack=True)
    data = path.read_bytes()
    sections = np.array([[-6000, 400, 0, -(256 + 61)], [6000, 400, 0, 0]], "<i2").tobytes()
    path.write_bytes(data[:1024] + sections + data[1024:])
    patched(path, {92: np.int32(16).tobytes(), 104: b"SERI", 128: np.array([8, 1 + 8 + 32], "<i2").tobytes()})
    with open_images(path) as images:
        header = images.header
        assert header.metadata["tilt_angles"] == (-60.0, 60.0)
        assert header.tilt_angle is None
        assert header.metadata["magnification"] == 40000
        assert header.metadata["exposure"] == 30.5
        assert header.n_frames == 2


def test_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG" + bytes(2000))
    with pytest.raises(DataError, match=r"MRC .*TIFF"):
        open_images(path)
    with pytest.raises(DataError, match="can't be read"):
        open_images(tmp_path / "absent.mrc")
