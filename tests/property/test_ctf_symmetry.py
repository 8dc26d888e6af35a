"""What turning or mirroring an image does to its CTF."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vitreous.algorithms.ctf.estimate import estimate_ctf
from vitreous.algorithms.ctf.model import ctf_image, ctf_zeros
from vitreous.algorithms.ctf.resolution import equiphase_frequency
from vitreous.algorithms.ctf.settings import CtfSettings
from vitreous.algorithms.ctf.spectrum import image_spectrum, window_correlation
from vitreous.core.optics import Ctf, Microscope

KRIOS = Microscope(300.0, 2.7, 0.07)


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    random = torch.Generator().manual_seed(5)
    waves = torch.fft.rfft2(torch.randn(1024, 1024, generator=random))
    ctf = Ctf(16000.0, 14500.0, 25.0)
    rings = torch.fft.irfft2(waves * ctf_image((1024, 1024), 1.3, KRIOS, ctf), s=(1024, 1024))
    return rings + 1.5 * torch.randn(1024, 1024, generator=random)


def angle_of(image: torch.Tensor) -> float:
    found = estimate_ctf(image_spectrum(image, 1.3), KRIOS, CtfSettings()).ctf
    assert abs(found.defocus_difference - 1500.0) < 60.0
    return found.astigmatism_angle


def test_angle_is_measured_from_plus_x_counter_clockwise_with_row_0_at_y_0(image: torch.Tensor) -> None:
    assert angle_of(image) == pytest.approx(25.0, abs=2.0)


def test_turning_by_90_degrees_turns_the_angle(image: torch.Tensor) -> None:
    assert angle_of(torch.rot90(image)) == pytest.approx(115.0, abs=2.0)


def test_turning_the_rows_over_negates_the_angle(image: torch.Tensor) -> None:
    assert angle_of(torch.flip(image, (0,))) == pytest.approx(155.0, abs=2.0)


def test_swapping_axes_reflects_the_angle_about_45_degrees(image: torch.Tensor) -> None:
    assert angle_of(image.T.contiguous()) == pytest.approx(65.0, abs=2.0)


@settings(max_examples=40, deadline=None)
@given(
    defocus=st.floats(3000, 50000),
    difference=st.floats(0, 1500),
    angle=st.floats(0, 180, exclude_max=True),
    s=st.floats(0.03, 0.3),
    direction=st.floats(0, 3.14),
)
def test_equiphase_frequency_has_the_same_phase(
    defocus: float, difference: float, angle: float, s: float, direction: float
) -> None:
    from vitreous.algorithms.ctf.model import phase

    ctf = Ctf(defocus + difference / 2, defocus - difference / 2, angle)
    where = torch.tensor([direction], dtype=torch.float64)
    fy, fx = s * torch.sin(where), s * torch.cos(where)
    got = equiphase_frequency(fy, fx, KRIOS, ctf)
    mean = phase(torch.zeros_like(got), got, KRIOS, Ctf(ctf.defocus, ctf.defocus))
    torch.testing.assert_close(mean, phase(fy, fx, KRIOS, ctf), atol=1e-6, rtol=0)


@settings(max_examples=40, deadline=None)
@given(defocus=st.floats(-3000, 50000), shift=st.floats(0, 179), cs=st.floats(0, 5))
def test_zeros_ascend_and_lie_within_the_limit(defocus: float, shift: float, cs: float) -> None:
    zeros = ctf_zeros(Microscope(300.0, cs, 0.07), Ctf(defocus, defocus, 0.0, shift), 0.4)
    assert list(zeros) == sorted(zeros)
    assert all(0.0 < s <= 0.4 for s in zeros)


def test_window_correlation_is_that_of_the_sine_window() -> None:
    t = torch.linspace(0, 1, 20001, dtype=torch.float64)
    for lag in (0.0, 0.2, 0.5, 0.9):
        pair = torch.sin(torch.pi * t) * torch.sin(torch.pi * (t + lag)) * (t + lag <= 1.0)
        want = 2.0 * float(torch.trapezoid(pair, t))
        assert float(window_correlation(torch.tensor(lag, dtype=torch.float64))) == pytest.approx(want, abs=1e-4)
