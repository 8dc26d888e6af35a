"""The check on the first movies: right where all is right, and a proposal where it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vitreous.acquisition.import_params import ImportParams
from vitreous.acquisition.preflight import check_movies
from vitreous.acquisition.preflight_report import Finding, PreflightReport, PreflightSettings
from vitreous.core.camera import ORIENTATIONS, Orientation
from vitreous.core.errors import UsageError
from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.tiff_write import TiffStackWriter

SHAPE = (96, 128)
SQUARE = (112, 112)
PIXEL_SIZE = 1.1


def turned(image: np.ndarray, orientation: Orientation) -> np.ndarray:
    """Turn upside down, then counter-clockwise with y upwards: written without the code under test."""
    image = image[::-1] if orientation.flip else image
    return np.ascontiguousarray(np.rot90(image, -orientation.rotation))


def gain_of(shape: tuple[int, int]) -> np.ndarray:
    gain = 1 + 0.08 * np.random.default_rng(3).standard_normal(shape)
    return (gain / gain.mean()).astype(np.float32)


def movies(
    folder: Path, gain: np.ndarray, n: int = 3, frames: int = 12, dose: float = 1.0, seed: int = 5
) -> list[Path]:
    random = np.random.default_rng(seed)
    paths = []
    for number in range(n):
        path = folder / f"m_{number}.tif"
        with TiffStackWriter(path, gain.shape, "uint8", pixel_size=PIXEL_SIZE) as writer:
            for _ in range(frames):
                writer.append(random.poisson(dose * PIXEL_SIZE**2 / gain).astype(np.uint8))
        paths.append(path)
    return paths


def finding(report: PreflightReport, check: str) -> Finding:
    (found,) = [finding for finding in report.findings if finding.check == check]
    return found


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
@pytest.mark.parametrize("divide", [False, True])
def test_finds_the_gain_in_all_orientations(tmp_path: Path, orientation: Orientation, divide: bool) -> None:
    gain = gain_of(SQUARE)
    stored = turned(1 / gain if divide else gain, orientation.inverse)
    path = write_mrc(tmp_path / "gain.mrc", stored.astype(np.float32), pixel_size=None)
    found = check_movies(movies(tmp_path, gain), PreflightSettings(gain=path))
    kind = "sensitivity" if divide else "multiplicative"
    assert finding(found, "gain_size").ok
    assert finding(found, "gain_orientation").ok
    assert found.proposal["gain_orientation"] == str(orientation)
    assert found.proposal["gain_kind"] == kind


def test_a_wrong_orientation_is_corrected(tmp_path: Path) -> None:
    gain = gain_of(SHAPE)
    path = write_mrc(tmp_path / "gain.mrc", turned(gain, Orientation(1, True).inverse), pixel_size=None)
    found = check_movies(movies(tmp_path, gain), PreflightSettings(gain=path, gain_orientation="90"))
    assert finding(found, "gain_orientation").ok is False
    assert finding(found, "gain_orientation").proposal["gain_orientation"] == "flip-90"
    assert not found.ok
    assert [row["result"] for row in found.table() if row["check"] == "gain_orientation"] == ["wrong"]


def test_a_foreign_gain_is_unsure_and_a_wrong_size_wrong(tmp_path: Path) -> None:
    gain = gain_of(SHAPE)
    paths = movies(tmp_path, gain)
    other = (1 + 0.08 * np.random.default_rng(9).standard_normal(SHAPE)).astype(np.float32)
    foreign = write_mrc(tmp_path / "gain.mrc", other, pixel_size=None)
    assert finding(check_movies(paths, PreflightSettings(gain=foreign)), "gain_orientation").ok is None
    small = write_mrc(tmp_path / "small.mrc", other[:90], pixel_size=None)
    found = finding(check_movies(paths, PreflightSettings(gain=small)), "gain_size")
    assert found.ok is False
    assert "128 x 90 px" in found.message


def test_all_is_well(tmp_path: Path) -> None:
    settings = PreflightSettings(pixel_size=PIXEL_SIZE, dose_per_frame=1.0, frames=12)
    found = check_movies(movies(tmp_path, np.ones(SHAPE, np.float32)), settings)
    assert found.ok
    assert {f.check: f.ok for f in found.findings} == {
        "readable": True,
        "frames": True,
        "duplicates": True,
        "black_frames": True,
        "counted": None,  # raw counts, and no gain
        "pixel_size": True,
        "dose": True,
    }


@pytest.mark.parametrize(
    ("given", "reason"), [(12.0, "whole movie"), (0.25, "sampling"), (4.0, "sampling"), (40.0, "")]
)
def test_an_implausible_dose(tmp_path: Path, given: float, reason: str) -> None:
    settings = PreflightSettings(pixel_size=PIXEL_SIZE, dose_per_frame=given)
    found = finding(check_movies(movies(tmp_path, np.ones(SHAPE, np.float32)), settings), "dose")
    assert found.ok is False
    assert reason in found.message
    assert found.proposal["dose_per_frame"] == pytest.approx(1.0, rel=0.02)


def test_pixel_size_of_the_other_sampling(tmp_path: Path) -> None:
    paths = movies(tmp_path, np.ones(SHAPE, np.float32))
    found = finding(check_movies(paths, PreflightSettings(pixel_size=2 * PIXEL_SIZE)), "pixel_size")
    assert found.ok is False
    assert "super-resolution" in found.message
    assert found.proposal["pixel_size"] == pytest.approx(PIXEL_SIZE)
    unclear = finding(check_movies(paths, PreflightSettings(pixel_size=1.5)), "pixel_size")
    assert unclear.ok is None
    assert unclear.proposal == {}


def test_frames_duplicates_and_black_frames(tmp_path: Path) -> None:
    flat = np.ones(SHAPE, np.float32)
    paths = movies(tmp_path, flat)
    (tmp_path / "again").mkdir()
    short = movies(tmp_path / "again", flat, n=1, frames=9, seed=8)
    same = tmp_path / "same.tif"
    same.write_bytes(paths[0].read_bytes())
    damaged = tmp_path / "zero.tif"
    damaged.write_bytes(b"")
    found = check_movies([*paths, *short, same, damaged], PreflightSettings())
    assert finding(found, "frames").proposal == {"frames": 12}
    assert "m_0.tif, same.tif" in finding(found, "duplicates").message
    assert "empty (0 bytes)" in finding(found, "readable").message
    black = tmp_path / "black.tif"
    with TiffStackWriter(black, SHAPE, "uint8") as writer:
        for index in range(6):
            writer.append(np.full(SHAPE, 0 if index < 2 else 3, np.uint8))
    found = check_movies([black], PreflightSettings())
    assert finding(found, "black_frames").ok is False
    assert finding(found, "black_frames").proposal == {"first_frame": 3}


def test_needs_a_movie(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no movie"):
        check_movies([], PreflightSettings())
    params = ImportParams(sources=(tmp_path,), frames=40)
    assert PreflightSettings.of_import(params, pixel_size=1.0).frames == 40
