"""mdoc files: against an independent parser, in every order, and damaged."""

from __future__ import annotations

import pickle
import random
import re
from pathlib import Path

import mdocfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitreous.core.errors import DataError
from vitreous.formats.mdoc import acquisition_of_mdoc, read_mdoc, section_of_movie, sidecar_of_mdoc

FRAMES = r"""PixelSpacing = 1.28
Voltage = 300
T = SerialEM: Krios, slit = 20 eV   08-Oct-21  07:38:24

[FrameSet = 0]
TiltAngle = 32.984
StagePosition = -142.82 -457.442
StageZ = -13.7196
Magnification = 33000
ExposureDose = 7.65892
PixelSpacing = 1.2827
Defocus = -5.08286
ImageShift = 2.69654 -0.304661
ExposureTime = 1.07856
Binning = 0.5
TargetDefocus = -4.5
SubFramePath = X:\J = 2021\frames\s_mmm_00993.tif
GainReference = X:\refs\SuperRef.dm4
DefectFile = defects_a=b.txt
RotationAndFlip = 7
NumSubFrames = 12
FrameDosesAndNumber = 0.63824 12
PriorRecordDose = 22.5
UnknownToAll = a = b = c
DateTime = 08-Oct-21  07:39:08
"""
TOMO5 = """[T = TOMO5 acquisition of Krios-1234]
[T = TiltAxisAngle = 84.9 Binning = 1 SpotSize = 6]
Voltage = 300
ImageFile = Position_1.mrc
ImageSize = 4096 4096
PixelSpacing = 1.9200
Version = 5.14.0

[ZValue = 0]
DateTime = 08-Oct-2023 07:39:08
SubFramePath = D:\\frames\\Position_1_001_0.00_fractions.tiff
NumSubFrames = 8
TiltAngle = 0.01
Temperature = cold

[ZValue = 1]
SubFramePath = D:\\frames\\Position_1_002_3.00_fractions.tiff
TiltAngle = 3.01
NumSubFrames = 8
ExposureDose = 2.4
"""
NAMES = [
    "frame_set_single.mdoc", "frame_set_multiple.mdoc", "tilt_series.mdoc", "montage_section.mdoc",
    "montage_section_multiple.mdoc",
]  # fmt: skip


def saved(folder: Path, text: str | bytes) -> Path:
    path = folder / "a.mdoc"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_real_files_give_what_an_independent_parser_gives(shared_data: Path, name: str) -> None:
    path = shared_data / "metadata" / name
    ours = [s for s in read_mdoc(path).sections if s.kind != "MontSection"]
    theirs = [s for s in mdocfile.data_models.Mdoc.from_file(str(path)).section_data if s.MontSection is None]
    assert len(ours) == len(theirs) > 0
    compared = 0
    for mine, other in zip(ours, theirs, strict=True):
        for key, value in other.model_dump(exclude_none=True).items():
            if key in ("ZValue", "FrameSet"):
                assert (mine.kind, mine.name) == (key, str(value))
            elif isinstance(value, float) and not isinstance(value, bool):
                assert float(mine.values[key]) == value
                compared += 1
            elif key == "FrameDosesAndNumbers":
                words = mine.values["FrameDosesAndNumber"].split()
                assert [(float(d), int(n)) for d, n in zip(words[::2], words[1::2], strict=True)] == value
            elif isinstance(value, tuple):
                np.testing.assert_allclose([float(word) for word in mine.values[key].split()], value)
                compared += 1
    assert compared >= 3 * len(ours)


def test_a_real_frame_set(shared_data: Path) -> None:
    found = sidecar_of_mdoc(read_mdoc(shared_data / "metadata" / "frame_set_single.mdoc"))
    settings_ = found.acquisition
    assert (settings_.pixel_size, settings_.voltage, settings_.dose_per_frame) == (1.2827, 300, 0.63824)
    assert (settings_.frame_doses, settings_.pre_exposure, settings_.spherical_aberration) == (None, None, None)
    assert (found.n_frames, found.total_dose, found.tilt_angle, found.binning) == (12, 7.65892, 32.984, 0.5)
    assert found.gain_reference == "SuperRef_s_mmm_00000_-15.0_Oct08_01.59.24.dm4"
    assert found.movie_name == "s_mmm_00993_33.0_Oct08_07.39.05.tif"
    assert found.target_defocus == pytest.approx(45000)
    assert found.warnings == ()


def test_a_real_tilt_series(shared_data: Path) -> None:
    mdoc = read_mdoc(shared_data / "metadata" / "tilt_series.mdoc")
    assert len(mdoc.sections) == 41
    angles = [sidecar_of_mdoc(mdoc, section).tilt_angle for section in mdoc.sections]
    np.testing.assert_allclose(sorted(angles), np.arange(-60, 61, 3), atol=0.01)
    # Of the whole series only what all tilts share is known; ExposureDose = 0 is SerialEM's "not known".
    whole = sidecar_of_mdoc(mdoc)
    assert (whole.tilt_angle, whole.tilt_axis_angle, whole.total_dose, whole.n_frames) == (None, 85.3, None, 8)
    assert whole.image_shape == (958, 924)
    third = section_of_movie(mdoc, "TS_01_002_-3.0.mrc")
    assert sidecar_of_mdoc(mdoc, third).tilt_angle == -2.99863


def test_all_facts_of_a_frame_set(tmp_path: Path) -> None:
    found = sidecar_of_mdoc(read_mdoc(saved(tmp_path, FRAMES)))
    assert found.acquisition.model_dump(exclude_none=True) == {
        "pixel_size": 1.2827, "voltage": 300.0, "dose_per_frame": 0.63824, "pre_exposure": 22.5,
    }  # fmt: skip
    assert (found.gain_reference, found.defect_file) == ("SuperRef.dm4", "defects_a=b.txt")
    assert (found.rotation_and_flip, found.magnification, found.exposure_time) == (7, 33000, 1.07856)
    assert found.stage_position == (-142.82, -457.442, -13.7196)
    assert found.image_shift == (2.69654, -0.304661)
    assert found.stage_defocus == pytest.approx(50828.6)
    assert found.movie_name == "s_mmm_00993.tif"
    assert found.metadata["UnknownToAll"] == "a = b = c"
    assert found.warnings == ()
    assert pickle.loads(pickle.dumps(found)) == found


def test_exposures_that_change_are_listed_frame_by_frame(tmp_path: Path) -> None:
    text = FRAMES.replace("0.63824 12", "0.5 3 0.75 8 0.1 1")
    acquisition = acquisition_of_mdoc(read_mdoc(saved(tmp_path, text)))
    assert acquisition.frame_doses == (0.5,) * 3 + (0.75,) * 8 + (0.1,)
    assert acquisition.dose_per_frame is None


def test_without_a_list_the_exposure_is_shared_by_the_frames(tmp_path: Path) -> None:
    text = FRAMES.replace("FrameDosesAndNumber = 0.63824 12\n", "")
    assert acquisition_of_mdoc(read_mdoc(saved(tmp_path, text))).dose_per_frame == pytest.approx(7.65892 / 12)
    for without in ("NumSubFrames = 12\n", "ExposureDose = 7.65892\n"):
        found = sidecar_of_mdoc(read_mdoc(saved(tmp_path, text.replace(without, ""))))
        assert found.acquisition.dose_per_frame is None
        assert found.warnings == ()


def test_order_line_ends_marks_and_comments_do_not_matter(tmp_path: Path) -> None:
    expected = sidecar_of_mdoc(read_mdoc(saved(tmp_path, FRAMES)))
    head, _, body = FRAMES.partition("[FrameSet = 0]\n")
    for seed in range(10):
        lines = body.splitlines()
        random.Random(seed).shuffle(lines)
        shuffled = "# comment\n" + head + "[FrameSet=0 ]\n" + "\n\n".join(lines)
        for text in (shuffled, shuffled.replace("\n", "\r\n"), "\ufeff" + re.sub(r"(?m)^(\w+) = ", r"\1=", shuffled)):
            assert sidecar_of_mdoc(read_mdoc(saved(tmp_path, text))) == expected


def test_tomography_5(tmp_path: Path) -> None:
    mdoc = read_mdoc(saved(tmp_path, TOMO5))
    assert mdoc.titles[1] == "TiltAxisAngle = 84.9 Binning = 1 SpotSize = 6"
    assert mdoc.header.values["Version"] == "5.14.0"
    first, second = (sidecar_of_mdoc(mdoc, section) for section in mdoc.sections)
    assert (first.acquisition.pixel_size, first.acquisition.voltage, first.tilt_angle) == (1.92, 300, 0.01)
    assert (first.total_dose, first.acquisition.dose_per_frame) == (None, None)
    assert second.acquisition.dose_per_frame == pytest.approx(0.3)
    assert section_of_movie(mdoc, "Position_1_002_3.00_fractions.tiff") is mdoc.sections[1]


def test_latin_1_is_read(tmp_path: Path) -> None:
    mdoc = read_mdoc(saved(tmp_path, "PixelSpacing = 2\nNote = 5 µm\n".encode("latin-1")))
    assert mdoc.header.values["Note"] == "5 µm"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("PixelSpacing", "nan"), ("PixelSpacing", "-1"), ("PixelSpacing", "0"), ("PixelSpacing", "1e300"),
        ("PixelSpacing", "1,28"), ("Voltage", "0"), ("Voltage", "inf"), ("ExposureDose", "-4"),
        ("ExposureDose", "1e9"), ("NumSubFrames", "12.5"), ("NumSubFrames", "99999999999"), ("NumSubFrames", ""),
        ("FrameDosesAndNumber", "0.6 12 0.5"), ("FrameDosesAndNumber", "0.6 999999999"),
        ("FrameDosesAndNumber", "nan 12"), ("FrameDosesAndNumber", "-0.6 12"), ("FrameDosesAndNumber", ""),
        ("FrameDosesAndNumber", "0.63824 13"), ("PriorRecordDose", "-1"), ("PriorRecordDose", "1e400"),
        ("TiltAngle", "361"), ("RotationAndFlip", "8"), ("StagePosition", "1 x"), ("ImageShift", "1 2 3"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_left_out_with_a_warning_and_the_rest_is_read(
    tmp_path: Path, key: str, value: str
) -> None:
    lines = [f"{key} = {value}" if line.split(" = ")[0] == key else line for line in FRAMES.splitlines()]
    found = sidecar_of_mdoc(read_mdoc(saved(tmp_path, "\n".join(lines))))
    assert len(found.warnings) == 1
    assert key in found.warnings[0]
    assert found.defect_file == "defects_a=b.txt"
    assert found.magnification == 33000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\0\0", "NUL"),
        (b"hello\nworld\n", "no section"),
        (b"some = thing\n", "no section"),
        (b"[A = 1]\n" * 100_001, "sections"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        read_mdoc(saved(tmp_path, content))
    assert caught.value.context["path"] == str(tmp_path / "a.mdoc")


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.mdoc", tmp_path):
        with pytest.raises(DataError, match="can't be read"):
            read_mdoc(path)


def read_or_fault(path: Path) -> str:
    """Read all; tell "read", or "fault" where a DataError says why."""
    try:
        mdoc = read_mdoc(path)
        found = [sidecar_of_mdoc(mdoc, section) for section in mdoc.sections] + [sidecar_of_mdoc(mdoc)]
    except DataError as error:
        fault = error
    else:
        doses = [d for f in found for d in (f.acquisition.dose_per_frame, *(f.acquisition.frame_doses or ()))]
        assert all(0 <= dose <= 1000 for dose in doses if dose is not None)
        return "read"
    assert fault.context["path"] == str(path)
    assert fault.context["reason"]
    return "fault"


def test_one_changed_byte_or_a_cut_gives_facts_or_a_reason(tmp_path: Path) -> None:
    whole, rng = FRAMES.encode(), np.random.default_rng(5)
    outcomes = set()
    for trial in range(600):
        at = int(rng.integers(len(whole)))
        damaged = whole[:at] if trial % 5 == 0 else whole[:at] + bytes([rng.integers(256)]) + whole[at + 1 :]
        outcomes.add(read_or_fault(saved(tmp_path, damaged)))
    assert outcomes == {"read", "fault"}  # a NUL byte is the fault


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.binary(max_size=300), st.text(alphabet="[ZValue=]T \nDoseFramNuPixlSpcg0123.-", max_size=300)))
def test_any_bytes_give_facts_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, content: bytes | str) -> None:
    data = content.encode() if isinstance(content, str) else content
    assert read_or_fault(saved(tmp_path_factory.getbasetemp(), b"PixelSpacing = 1\n" + data)) in ("read", "fault")
