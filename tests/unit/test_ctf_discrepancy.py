"""Agreement of two CTF estimates: the resolution at which their phases differ by 90°."""

from __future__ import annotations

import math

import pytest
import torch

from vitreous.algorithms.ctf.discrepancy import agreement_resolution
from vitreous.algorithms.ctf.model import phase
from vitreous.core.optics import Ctf, Microscope

KRIOS = Microscope(300.0, 2.7, 0.07)


def test_known_value() -> None:
    """π λ 100 Å s² = π/2 at s = 1/√(2 λ 100): 1.98 Å."""
    got = agreement_resolution(KRIOS, Ctf(15000.0, 15000.0), Ctf(15100.0, 15100.0))
    assert got == pytest.approx(math.sqrt(2.0 * KRIOS.wavelength * 100.0))


@pytest.mark.parametrize(
    "pair",
    [
        (Ctf(15000.0, 14000.0, 20.0), Ctf(15200.0, 14500.0, 60.0)),
        (Ctf(15000.0, 14000.0, 20.0, 30.0), Ctf(14800.0, 14500.0, 170.0, 10.0)),
        (Ctf(9000.0, 9000.0, 0.0, 170.0), Ctf(9100.0, 9050.0, 0.0, 5.0)),
    ],
)
def test_phases_differ_by_90_degrees_first_at_that_resolution(pair: tuple[Ctf, Ctf]) -> None:
    resolution = agreement_resolution(KRIOS, *pair)
    angle = torch.linspace(0.0, math.pi, 3601, dtype=torch.float64)

    def worst(s: float) -> float:
        fy, fx = s * torch.sin(angle), s * torch.cos(angle)
        difference = phase(fy, fx, KRIOS, pair[0]) - phase(fy, fx, KRIOS, pair[1])
        wraps = round((pair[0].phase_shift - pair[1].phase_shift) / 180.0)
        return float((difference + math.pi * wraps).abs().max())

    assert worst(1.0 / resolution) == pytest.approx(0.5 * math.pi, abs=1e-4)
    assert worst(0.9 / resolution) < 0.5 * math.pi


def test_equal_estimates_agree_everywhere_and_order_does_not_matter() -> None:
    one, two = Ctf(15000.0, 14000.0, 20.0), Ctf(15200.0, 14100.0, 25.0)
    assert agreement_resolution(KRIOS, one, one) == 0.0
    assert agreement_resolution(KRIOS, one, two) == pytest.approx(agreement_resolution(KRIOS, two, one))


def test_opposite_phase_shifts_agree_nowhere() -> None:
    assert agreement_resolution(KRIOS, Ctf(15000.0, 15000.0), Ctf(15000.0, 15000.0, 0.0, 90.0)) == math.inf
