"""RELION's motion table against movies of known motion: sign, unit, order of coefficients, start frame."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from vitreous.formats.motion_star import read_motion_star, write_motion_star
from vitreous.formats.star import StarBlock, write_star
from vitreous.model.motion import MotionModel, motion_basis

NY, NX, N_FRAMES, PIXEL_SIZE = 768, 1024, 10, 1.5


def specimen_motion(t: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Å, (x, y) in the last axis; every term of the field differs, so that none can be mistaken for another."""
    u, v = x / NX - 0.5, y / NY - 0.5
    along_x = 6 * (1 - np.exp(-t / 3)) + 0.5 * t * u + 0.04 * t * t * v
    along_y = -2 * (1 - np.exp(-t / 5)) + 1.2 * t * u * v + 0.8 * t * u * u
    return np.stack([along_x, along_y], axis=-1)


def write_movie(path: Path) -> None:
    import mrcfile

    rng = np.random.default_rng(3)
    n = 9000
    x, y, height = rng.uniform(-30, NX + 30, n), rng.uniform(-30, NY + 30, n), rng.uniform(0.3, 1, n)
    margin, offsets = 50, np.arange(-5, 6)
    movie = np.zeros((N_FRAMES, NY, NX), np.int16)
    for t in range(N_FRAMES):
        moved = np.stack([x, y], -1) + specimen_motion(np.float64(t), x, y) / PIXEL_SIZE
        near = np.rint(moved).astype(int)
        columns = near[:, None, 0] + offsets + margin
        rows = near[:, None, 1] + offsets + margin
        profile_x = np.exp(-((columns - margin - moved[:, None, 0]) ** 2) / 2.88)
        profile_y = np.exp(-((rows - margin - moved[:, None, 1]) ** 2) / 2.88) * height[:, None]
        canvas = np.zeros((NY + 2 * margin, NX + 2 * margin))
        np.add.at(canvas, (rows[:, :, None], columns[:, None, :]), profile_y[:, :, None] * profile_x[:, None, :])
        movie[t] = rng.poisson(100 * (1 + 2 * canvas[margin:-margin, margin:-margin]))
    movie[:, 100, 200] = 5000
    with mrcfile.new(path) as out:
        out.set_data(movie)
        out.voxel_size = PIXEL_SIZE


@pytest.fixture(scope="module")
def movies_star(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("relion")
    write_movie(folder / "m.mrcs")
    optics = {
        "rlnOpticsGroupName": ["g"],
        "rlnOpticsGroup": [1],
        "rlnMicrographOriginalPixelSize": [PIXEL_SIZE],
        "rlnVoltage": [300.0],
        "rlnSphericalAberration": [2.7],
        "rlnAmplitudeContrast": [0.1],
    }
    movies = {"rlnMicrographMovieName": ["m.mrcs"], "rlnOpticsGroup": [1]}
    write_star(folder / "movies.star", {"optics": StarBlock(optics), "movies": StarBlock(movies)})
    return folder / "movies.star"


@pytest.mark.external
@pytest.mark.skipif(shutil.which("relion_run_motioncorr") is None, reason="RELION is not on PATH")
@pytest.mark.parametrize(("binning", "first"), [(1, 0), (1, 2), (2, 2)])
def test_relions_shifts_are_minus_the_specimens_motion(movies_star: Path, binning: int, first: int) -> None:
    out = f"bin{binning}first{first}/"
    command = ["relion_run_motioncorr", "--i", "movies.star", "--o", out, "--use_own", "--angpix", str(PIXEL_SIZE)]
    command += ["--voltage", "300", "--dose_per_frame", "1.2", "--preexposure", "0.6", "--patch_x", "5", "--patch_y"]
    command += ["4", "--bin_factor", str(binning), "--first_frame_sum", str(first + 1), "--dose_weighting", "--j", "1"]
    subprocess.run(command, cwd=movies_star.parent, check=True, capture_output=True, timeout=120)
    model = read_motion_star(movies_star.parent / out / "m.star")
    assert (model.first_frame, model.binning, model.n_frames, model.shape) == (first, binning, N_FRAMES, (NY, NX))
    assert (model.voltage, model.dose_per_frame, model.pre_exposure) == (300.0, 1.2, 0.6)
    assert model.pixel_size == PIXEL_SIZE
    t, y, x = np.meshgrid(np.arange(first, N_FRAMES), np.linspace(0.1, 0.9, 7) * NY, np.linspace(0.1, 0.9, 7) * NX,
                          indexing="ij")  # fmt: skip
    truth = specimen_motion(t, x, y) - specimen_motion(np.full_like(t, first), x, y)
    assert np.sqrt(np.mean((model.shift_at(t, x, y) - truth) ** 2)) < 0.08
    assert [200, 100] in model.hot_pixels.tolist()


def test_table_is_written_in_relions_sign_unit_and_order(tmp_path: Path) -> None:
    from vitreous.formats.star import read_star

    coefficients = np.arange(36.0).reshape(2, 18)
    shift = np.array([[np.nan, np.nan], [0, 0], [3.0, -1.5]])
    for array in (coefficients, shift):
        array.setflags(write=False)
    model = MotionModel(1.5, (600, 800), shift, coefficients, first_frame=1, binning=2.0, hot_pixels=np.array([[7, 3]]))
    write_motion_star(tmp_path / "m.star", model)
    blocks = read_star(tmp_path / "m.star")
    np.testing.assert_allclose(blocks["global_shift"].numbers("rlnMicrographShiftX"), [-9999, 0, -2])
    np.testing.assert_allclose(blocks["global_shift"].numbers("rlnMicrographShiftY"), [-9999, 0, 1])
    np.testing.assert_allclose(
        blocks["local_motion_model"].numbers("rlnMotionModelCoeff"), np.arange(36.0) / -3, rtol=1e-7
    )
    assert blocks["general"].value("rlnMicrographStartFrame") == "2"
    back = read_motion_star(tmp_path / "m.star")
    np.testing.assert_allclose(back.global_shift, shift)
    assert back.local_coefficients is not None
    np.testing.assert_allclose(back.local_coefficients, coefficients, rtol=1e-7)
    assert back.hot_pixels.tolist() == [[7, 3]]
    assert (back.movie, back.voltage) == (None, None)


def test_basis_order() -> None:
    t, x, y = 2.0, 0.25, -0.5
    expected = [s * t**m for s in (1, x, x * x, y, y * y, x * y) for m in (1, 2, 3)]
    np.testing.assert_allclose(motion_basis(np.array(t), np.array(x), np.array(y)), expected)
