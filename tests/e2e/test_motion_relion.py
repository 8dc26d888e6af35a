"""RELION reads our motion, and measures the same one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vitreous.formats.motion_star import read_motion_star
from vitreous.formats.star import StarBlock, write_star

N = 16

pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(shutil.which("relion_star_printtable") is None, reason="RELION is not on PATH"),
]


@pytest.fixture(scope="module")
def corrected(maker: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a movie and what we made of it."""
    folder = tmp_path_factory.mktemp("relion")
    frames = maker.make_movie(maker.drift_and_bend(8.0, 3.0), n=N, shape=(768, 768), contrast=0.3)
    maker.correct(maker.write_movie(folder / "m.mrcs", frames), folder / "ours", patches="4x4")
    return folder


def test_relions_reader_gives_our_shifts(corrected: Path) -> None:
    model = read_motion_star(corrected / "ours" / "m.star")
    for axis, name in enumerate(("rlnMicrographShiftX", "rlnMicrographShiftY")):
        run = ["relion_star_printtable", str(corrected / "ours" / "m.star"), "data_global_shift", f"_{name}"]
        text = subprocess.run(run, check=True, capture_output=True, text=True, timeout=60).stdout
        values = np.array(text.split(), float)
        np.testing.assert_allclose(values, -model.global_shift[:, axis] / model.pixel_size, atol=1e-4)
    run = ["relion_star_printtable", str(corrected / "ours" / "m.star"), "data_local_motion_model"]
    text = subprocess.run([*run, "_rlnMotionModelCoeff"], check=True, capture_output=True, text=True, timeout=60).stdout
    assert len(text.split()) == 36


@pytest.mark.skipif(shutil.which("relion_run_motioncorr") is None, reason="RELION is not on PATH")
def test_relion_measures_the_same_motion(maker: ModuleType, corrected: Path) -> None:
    optics = {
        "rlnOpticsGroupName": ["g"], "rlnOpticsGroup": [1], "rlnMicrographOriginalPixelSize": [1.3],
        "rlnVoltage": [300.0], "rlnSphericalAberration": [2.7], "rlnAmplitudeContrast": [0.1],
    }  # fmt: skip
    movies = {"rlnMicrographMovieName": ["m.mrcs"], "rlnOpticsGroup": [1]}
    write_star(corrected / "movies.star", {"optics": StarBlock(optics), "movies": StarBlock(movies)})
    run = ["relion_run_motioncorr", "--i", "movies.star", "--o", "theirs/", "--use_own", "--angpix", "1.3"]
    run += ["--voltage", "300", "--dose_per_frame", "1.3", "--patch_x", "4", "--patch_y", "4", "--dose_weighting"]
    subprocess.run([*run, "--j", "1"], cwd=corrected, check=True, capture_output=True, timeout=200)
    ours, theirs = (read_motion_star(corrected / name / "m.star") for name in ("ours", "theirs"))
    centre = (np.arange(5) + 0.5) / 5 * 768
    t, y, x = np.meshgrid(np.arange(N), centre, centre, indexing="ij")
    truth = maker.truth_on_grid(maker.drift_and_bend(8.0, 3.0), N)
    found = [model.shift_at(t, x, y) for model in (ours, theirs)]
    assert maker.rms(found[0] - found[1]) < 0.5
    assert maker.rms(found[0] - truth) < 0.35
