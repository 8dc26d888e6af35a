"""Lists and maps of camera defects: what each means in MRC orientation, and round trips."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.defects import embedded_defects, read_defects, write_defects
from vitreous.formats.defects_serialem import parse_serialem_defects, serialem_defects_text
from vitreous.formats.images import open_images
from vitreous.formats.mrc import write_mrc
from vitreous.formats.tiff import TiffStackWriter

SERIALEM = """# a small camera
CameraSizeX 40
CameraSizeY 30
RotationAndFlip 0
WasScaled 0
K2Type 2
FalconType 0
NumToAvgSuperRes 9
PartialBadColumn 5 2 10 19
PartialBadRow 3 2 20 29
UsableArea 0 0 0 0
BadPixels 1 2 38 29   # two pixels
BadColumns 12 13
BadRows 28
"""
FEI = """<?xml version="1.0" encoding="utf-8"?>
<defects>
  <row>28</row>
  <col>12-13</col>
  <area>5,10,6,19</area>
  <area>20,3,29,4</area>
  <point>1,2</point>
  <nonmaskingpoint>38,29</nonmaskingpoint>
</defects>
"""
MOTIONCOR = """# x y w h
12 0 2 30
0  1 40 1
5 10 2 10
20 25 10 2
1 27 1 1
38 0 1 1
"""


def top_first() -> np.ndarray:
    """The defects of all three texts, row 0 at the top."""
    bad = np.zeros((30, 40), bool)
    bad[10:20, 5:7] = True
    bad[3:5, 20:30] = True
    bad[2, 1] = bad[29, 38] = True
    bad[:, 12:14] = True
    bad[28] = True
    return bad


def saved(folder: Path, text: str, name: str = "defects.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def read_or_fault(path: Path, shape: tuple[int, int]) -> str:
    """Read; tell "read", or "fault" where a DataError says why."""
    try:
        bad = read_defects(path, shape)
    except DataError as error:
        fault = error
    else:
        assert (bad.shape, bad.dtype) == (shape, bool)
        return "read"
    assert fault.context["path"] == str(path)
    assert fault.context["reason"]
    return "fault"


@pytest.mark.parametrize("text", [SERIALEM, FEI, MOTIONCOR], ids=["serialem", "fei", "motioncor"])
def test_each_text_gives_the_same_map(tmp_path: Path, text: str) -> None:
    bad = read_defects(saved(tmp_path, text), (30, 40))
    assert bad.dtype == bool
    np.testing.assert_array_equal(bad[::-1], top_first())


def test_tiff_frames_of_the_same_camera_show_the_defects_where_the_list_says(tmp_path: Path) -> None:
    # The list counts rows as the TIFF stores them; our reader turns the TIFF into MRC orientation, and so the map.
    tifffile.imwrite(tmp_path / "frames.tif", top_first().astype(np.uint8))
    with open_images(tmp_path / "frames.tif") as images:
        frame = images.frame(0)
    np.testing.assert_array_equal(read_defects(saved(tmp_path, SERIALEM), (30, 40)), frame == 1)


def test_counting_defects_are_doubled_for_super_resolution(tmp_path: Path) -> None:
    doubled = top_first().repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(read_defects(saved(tmp_path, SERIALEM), (60, 80))[::-1], doubled)


def test_scaled_defects_are_not_doubled_again(tmp_path: Path) -> None:
    text = "CameraSizeX 40\nCameraSizeY 30\nWasScaled 1\nBadColumns 70 71\nBadPixels 3 50\n"
    bad = read_defects(saved(tmp_path, text), (60, 80))[::-1]
    expected = np.zeros((60, 80), bool)
    expected[:, 70:72] = True
    expected[50, 3] = True
    np.testing.assert_array_equal(bad, expected)


def test_super_resolution_defects_are_halved_for_counting_frames(tmp_path: Path) -> None:
    text = "CameraSizeX 80\nCameraSizeY 60\nWasScaled 1\nBadColumns 71\nPartialBadRow 8 3 5 9\n"
    bad = read_defects(saved(tmp_path, text), (30, 40))[::-1]
    expected = np.zeros((30, 40), bool)
    expected[:, 35] = True
    expected[4:6, 2:5] = True
    np.testing.assert_array_equal(bad, expected)


def test_outside_the_usable_area_all_is_bad(tmp_path: Path) -> None:
    text = "CameraSizeX 40\nCameraSizeY 30\nUsableArea 2 4 27 35\nBadPixels 10 10\n"
    for scale in (1, 2):
        bad = read_defects(saved(tmp_path, text), (30 * scale, 40 * scale))[::-1]
        expected = np.ones((30, 40), bool)
        expected[2:28, 4:36] = False
        expected[10, 10] = True
        np.testing.assert_array_equal(bad, expected.repeat(scale, 0).repeat(scale, 1))


def test_a_camera_turned_by_90_degrees_is_accepted_where_the_defects_fit(tmp_path: Path) -> None:
    text = "CameraSizeX 40\nCameraSizeY 30\nBadPixels 29 39\n"
    assert read_defects(saved(tmp_path, text), (40, 30))[0, 29]
    assert read_defects(saved(tmp_path, text), (80, 60))[:2, 58:].all()
    with pytest.raises(DataError, match="columns 30 to 30"):
        read_defects(saved(tmp_path, text.replace("29 39", "30 2")), (40, 30))


def test_falcon_defects_are_scaled_to_upsampled_frames(tmp_path: Path) -> None:
    path = saved(tmp_path, "<defects><point>4095,1</point></defects>", "d.xml")
    assert np.argwhere(read_defects(path, (4096, 4096))).tolist() == [[4094, 4095]]
    assert np.argwhere(read_defects(path, (8192, 8192))).tolist() == [
        [8188, 8190], [8188, 8191], [8189, 8190], [8189, 8191],
    ]  # fmt: skip


def test_defects_within_a_gain_tiff(tmp_path: Path) -> None:
    path = tmp_path / "camera.gain"
    gain = np.ones((30, 40), np.float32)
    tifffile.imwrite(path, gain, extratags=[(65100, 2, None, FEI, True)])
    np.testing.assert_array_equal(read_defects(path, (30, 40))[::-1], top_first())
    found = embedded_defects(path, (60, 80))
    assert found is not None
    np.testing.assert_array_equal(found[::-1], top_first().repeat(2, 0).repeat(2, 1))
    tifffile.imwrite(path, gain)
    assert embedded_defects(path, (30, 40)) is None
    assert embedded_defects(saved(tmp_path, SERIALEM), (30, 40)) is None
    with pytest.raises(DataError, match="100 % of the camera"):
        read_defects(path, (30, 40))


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_map_in_mrc(tmp_path: Path, dtype: str) -> None:
    bad = top_first()[::-1]
    path = write_mrc(tmp_path / "defects.mrc", bad.astype(dtype), pixel_size=None)
    np.testing.assert_array_equal(read_defects(path, (30, 40)), bad)
    np.testing.assert_array_equal(read_defects(path, (60, 80)), bad.repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(read_defects(path, (15, 20)), bad.reshape(15, 2, 20, 2).any((1, 3)))


def test_map_in_tiff(tmp_path: Path) -> None:
    with TiffStackWriter(tmp_path / "defects.tif", (30, 40), "uint8") as writer:
        writer.append(top_first()[::-1].astype(np.uint8))
    np.testing.assert_array_equal(read_defects(tmp_path / "defects.tif", (30, 40)), top_first()[::-1])


@settings(deadline=None, max_examples=60)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_map_to_file_to_map_to_file(tmp_path_factory: pytest.TempPathFactory, bad: np.ndarray) -> None:
    path = tmp_path_factory.getbasetemp() / "round.txt"
    bad.setflags(write=False)
    again = read_defects(write_defects(path, bad), bad.shape)
    np.testing.assert_array_equal(again, bad)
    assert serialem_defects_text(again) == path.read_text()


def test_file_to_map_to_file_keeps_the_defects_short(tmp_path: Path) -> None:
    path = write_defects(tmp_path / "d.txt", read_defects(saved(tmp_path, SERIALEM, "a.txt"), (30, 40)))
    lines = path.read_text().splitlines()
    assert lines[:2] == ["CameraSizeX 40", "CameraSizeY 30"]
    # Bad column and row 28 are taken out first; pixel 38 29 stands alone.
    assert lines[5:] == [
        "PartialBadColumn 5 2 10 19",
        "PartialBadRow 3 2 20 29",
        "BadPixels 1 2 38 29",
        "BadColumns 12 13",
        "BadRows 28",
    ]


def test_real_sized_camera_is_fast_and_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    bad = np.zeros((4092, 5760), bool)
    bad[rng.integers(0, 4092, 3000), rng.integers(0, 5760, 3000)] = True
    bad[:, 2879:2881] = True
    path = write_defects(tmp_path / "k3.txt", bad)
    tracemalloc.start()
    np.testing.assert_array_equal(read_defects(path, bad.shape), bad)
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("hello world\n", "no list of defects"),
        ("\0\1\2", "NUL"),
        ("CameraSizeX 40\nCameraSizeY 31\nBadRows 3\n", "camera of 40 x 31 px"),
        ("CameraSizeX 40\nBadRows 3\n", "40 x 0 px"),
        ("CameraSizeX 40\nCameraSizeY 30\nBadRows 30\n", "rows 30 to 30"),
        ("CameraSizeX 40\nCameraSizeY 30\nBadColumns 3 -1\n", "line 3 .BadColumns. holds something else"),
        ("CameraSizeX nan\nCameraSizeY 30\n", "something else"),
        ("BadColumns 99999999999999999999999\n", "something else"),
        ("BadColumns 999999999\n", "columns 999999999"),
        ("PartialBadColumn 3 0 4 5\n", "columns 3 to 2"),
        ("PartialBadColumn 3 1 4\n", "takes 4"),
        ("PartialBadRow 3 1 9 5\n", "columns 9 to 5"),
        ("BadPixels 3 1 9\n", "takes pairs"),
        ("BadPixles 3 1\n", "not known"),
        ("BadPixels 3 1.5\n", "something else"),
        ("CameraSizeX 40 30\n", "takes 1"),
        ("UsableArea 9 9 1 1\n", "columns 9 to 1"),
        ("1 2 3\n", "x y width height"),
        ("1 2 0 3\n", "x y width height"),
        ("1 2 3 nan\n", "x y width height"),
        ("1 2 40 3\n", "columns 1 to 40"),
        ("<defects><col>1</col>", "well-formed"),
        ("<other/>", "element is 'other'"),
        ("<defects><col>1-</col></defects>", "lists col"),
        ("<defects><col>٣</col></defects>", "columns 3|lists col"),
        ("<defects><col/></defects>", "lists col"),
        ("<defects><area>1,2,3</area></defects>", "lists area"),
        ("<defects><area>3,3,2,2</area></defects>", "columns 3 to 2"),
        ("<defects><point>40,2</point></defects>", "columns 40"),
        ("<defects><blob>4</blob></defects>", "unknown kind"),
        ('<!DOCTYPE d [<!ENTITY a "1"><!ENTITY b "&a;&a;">]><defects><col>&b;</col></defects>', "document type"),
        ("<a>" * 70 + "<defects/>" + "</a>" * 70, "deeper"),
        ('<?xml version="1.0" encoding="x-none"?><defects/>', "well-formed"),
        ("PartialBadColumn 0 40 0 29\n" * 60, "over and over"),
    ],
)
def test_bad_files_are_refused_with_a_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = saved(tmp_path, text)
    with pytest.raises(DataError, match=reason) as caught:
        read_defects(path, (30, 40))
    assert caught.value.context["path"] == str(path)


def test_bad_maps_are_refused(tmp_path: Path) -> None:
    for number, (shape, value) in enumerate([((30, 40), 2), ((30, 40), np.nan), ((30, 41), 1), ((2, 30, 40), 1)]):
        pixels = np.zeros(shape, np.float32)
        pixels.flat[7] = value
        path = write_mrc(tmp_path / f"{number}.mrc", pixels, pixel_size=None, is_stack=True)
        with pytest.raises(DataError, match=r"values other|px|frames"):
            read_defects(path, (30, 40))
    with pytest.raises(DataError, match="can't be read"):
        read_defects(tmp_path / "none.txt", (30, 40))
    with pytest.raises(DataError, match="can't be read"):
        read_defects(tmp_path, (30, 40))
    with pytest.raises(UsageError):
        read_defects(tmp_path / "none.txt", (0, 40))
    with pytest.raises(UsageError):
        write_defects(tmp_path / "d.txt", np.zeros(3, bool))


def test_header_fields_are_kept(tmp_path: Path) -> None:
    found = parse_serialem_defects(tmp_path, SERIALEM.replace("RotationAndFlip 0", "rotationandflip 5\nSomething 3"))
    assert (found.rotation_and_flip, found.camera_size, found.is_scaled) == (5, (40, 30), False)


@pytest.mark.parametrize("kind", ["serialem", "fei", "motioncor", "mrc", "gain"])
def test_one_changed_byte_or_a_cut_gives_a_map_or_a_reason(tmp_path: Path, kind: str) -> None:
    texts = {"serialem": SERIALEM, "fei": FEI, "motioncor": MOTIONCOR}
    path = tmp_path / ("d.mrc" if kind == "mrc" else "d.gain" if kind == "gain" else "d.txt")
    if kind in texts:
        path.write_text(texts[kind])
    elif kind == "mrc":
        write_mrc(path, top_first().astype(np.int8), pixel_size=1.0)
    else:
        tifffile.imwrite(path, np.ones((30, 40), np.float32), extratags=[(65100, 2, None, FEI, True)])
    whole, rng = path.read_bytes(), np.random.default_rng(11)
    outcomes = set()
    for trial in range(250):
        at = int(rng.integers(min(len(whole), 1500)))
        damaged = whole[:at] if trial % 5 == 0 else whole[:at] + bytes([rng.integers(256)]) + whole[at + 1 :]
        path.write_bytes(damaged)
        outcomes.add(read_or_fault(path, (30, 40)))
    assert "fault" in outcomes


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.binary(max_size=200), st.text(alphabet="BadPixelsRowCmn 0123456789-.\n<>/#,", max_size=200)))
def test_any_bytes_give_a_map_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, content: bytes | str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert read_or_fault(path, (9, 7)) in ("read", "fault")
