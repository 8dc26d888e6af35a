"""The job types ``ctf`` and ``measure``: files, movies, settings and errors."""

from __future__ import annotations

import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from vitreous.algorithms.ctf.model import ctf_image
from vitreous.core.errors import ComputeError, DataError, ResourceError, UsageError
from vitreous.core.optics import Ctf, Microscope
from vitreous.core.progress import silent
from vitreous.jobs.ctf import JOB, CtfParams, averages, ctf_settings, estimate_and_write, frames_per_average
from vitreous.model.acquisition import Acquisition

KNOWN = {"pixel_size": 1.3, "voltage": 300.0, "spherical_aberration": 2.7}


@pytest.fixture(scope="module")
def movie() -> np.ndarray:
    """Six frames ``[frame, y, x]`` with rings of a defocus of 18000 and 17600 Å, 40° from +x."""
    random = torch.Generator().manual_seed(2)
    n = 768
    wave = torch.fft.rfft2(torch.randn(n, n, generator=random))
    specimen = wave * ctf_image((n, n), 1.3, Microscope(300, 2.7), Ctf(18000, 17600, 40))
    signal = torch.fft.irfft2(specimen, s=(n, n))
    frames = 20.0 + signal + 3.0 * torch.randn(6, n, n, generator=random)
    return frames.numpy()


def test_array_is_estimated_and_three_files_are_written(movie: np.ndarray, tmp_path: Path) -> None:
    image = movie.mean(0)
    image.setflags(write=False)
    result = estimate_and_write(image, Acquisition(**KNOWN), CtfParams(), "a", tmp_path)
    assert result["defocus"] == pytest.approx(17800.0, abs=60.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_ctf.json", "a_ctf.mrc", "a_ctf.png"]
    written = json.loads((tmp_path / "a_ctf.json").read_text())
    needed = {
        "input", "outputs", "warnings", "settings", "curves", "defocus_u", "defocus_v", "astigmatism_angle",
        "phase_shift", "defocus_difference", "fit_resolution", "score", "aliasing_limit", "tilt_angle",
    }  # fmt: skip
    assert needed <= set(written)
    assert len({len(curve) for curve in written["curves"].values()}) == 1
    assert written["defocus_u"] - written["defocus_v"] == pytest.approx(written["defocus_difference"], abs=0.2)


def test_movie_file_is_averaged_by_dose(movie: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "m.mrcs"
    with mrcfile.new(path) as file:
        file.set_data(movie.astype(np.float32))
        file.set_image_stack()
        file.voxel_size = 1.3
    runner = JOB.start(CtfParams(voltage=300, spherical_aberration=2.7, dose_per_frame=2.2))
    result = runner(path, tmp_path / "out", silent)
    assert result["settings"]["frames_to_average"] == 2
    assert result["settings"]["pixel_size"] == pytest.approx(1.3)
    assert result["defocus"] == pytest.approx(17800.0, abs=80.0)
    assert result["input"] == str(path)


def test_tilt_is_reported_only_where_asked_for(movie: np.ndarray, tmp_path: Path) -> None:
    image = movie.mean(0)
    plain = estimate_and_write(image, Acquisition(**KNOWN), CtfParams(), "a", tmp_path)
    assert plain["tilt_angle"] is None
    known = estimate_and_write(image, Acquisition(**KNOWN), CtfParams(tilt_angle=0.0), "b", tmp_path)
    assert known["tilt_angle"] == 0.0
    assert known["defocus"] == pytest.approx(plain["defocus"], abs=60.0)


def test_frames_per_average_follows_the_dose() -> None:
    assert frames_per_average(CtfParams(), Acquisition(dose_per_frame=1.3), 40) == 3
    assert frames_per_average(CtfParams(), Acquisition(dose_per_frame=0.5), 40) == 9
    assert frames_per_average(CtfParams(), Acquisition(), 40) == 3
    assert frames_per_average(CtfParams(), Acquisition(), 1) == 1
    assert frames_per_average(CtfParams(frames_to_average=7), Acquisition(dose_per_frame=1.3), 40) == 7


def test_averages_keep_a_rest_of_at_least_half() -> None:
    frames = [np.full((2, 2), float(i)) for i in range(8)]
    assert [float(a[0, 0]) for a in averages(frames, 3)] == [1.0, 4.0, 6.5]
    assert [float(a[0, 0]) for a in averages(frames[:7], 3)] == [1.0, 4.0]
    assert [float(a[0, 0]) for a in averages(frames[:1], 4)] == [0.0]


def test_restraint_is_off_unless_asked_for_and_for_a_negative_tolerance() -> None:
    assert ctf_settings(CtfParams()).astigmatism_tolerance is None
    assert ctf_settings(CtfParams(restrain_astigmatism=True)).astigmatism_tolerance == 500.0
    negative = CtfParams(restrain_astigmatism=True, tolerated_astigmatism=-1.0)
    assert ctf_settings(negative).astigmatism_tolerance is None


def test_what_is_not_known_is_asked_for(movie: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="spherical_aberration"):
        estimate_and_write(movie[0], Acquisition(pixel_size=1.3, voltage=300), CtfParams(), "a", tmp_path)
    assert not list(tmp_path.iterdir())


def test_impossible_settings_are_refused_at_the_start() -> None:
    with pytest.raises(UsageError, match="defocus"):
        JOB.start(CtfParams(min_defocus=30000.0, max_defocus=20000.0))
    with pytest.raises(UsageError, match="steps of defocus"):
        JOB.start(CtfParams(defocus_step=0.001))
    with pytest.raises(ValidationError, match="odd"):
        CtfParams(box=511)


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (np.zeros((600, 600), np.float32), ComputeError),
        (np.full((600, 600), np.nan, np.float32), ComputeError),
        (np.ones((30, 30), np.float32), DataError),
    ],
)
def test_images_without_a_spectrum_leave_no_file(image: np.ndarray, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        estimate_and_write(image, Acquisition(**KNOWN), CtfParams(), "a", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA GPU is there")
def test_a_gpu_that_is_not_there_is_told_at_the_start() -> None:
    with pytest.raises(ResourceError, match="CUDA"):
        JOB.start(CtfParams(device="cuda"))
