"""The fixed statements of sign, unit and axis that concern the contrast transfer function."""

from __future__ import annotations

import math

import pytest
import torch

from vitreous.algorithms.ctf.model import ctf_image, ctf_line, ctf_values, ctf_zeros, defocus_along, phase
from vitreous.core.optics import Ctf, Microscope

KRIOS = Microscope(300.0, 2.7, 0.07)


def closed_formula(s: float, defocus: float, scope: Microscope, phase_shift: float = 0.0) -> float:
    """sin(π λ Δf s² - ½ π C_s λ³ s⁴ + φ_plate + asin Q), written out again by hand."""
    volts = scope.voltage * 1000.0
    lam = 12.2643247 / math.sqrt(volts * (1.0 + 0.978466e-6 * volts))
    chi = math.pi * lam * defocus * s**2 - 0.5 * math.pi * scope.spherical_aberration * 1e7 * lam**3 * s**4
    return math.sin(chi + math.radians(phase_shift) + math.asin(scope.amplitude_contrast))


def test_ctf_is_minus_sin_gamma_with_plus_amplitude_contrast_at_zero_frequency() -> None:
    """`ctf = -sin(γ)` with `+amplitude_contrast` at zero frequency (RELION's sign; cisTEM's is the opposite)."""
    image = ctf_image((64, 64), 1.5, KRIOS, Ctf(15000.0, 12000.0, 30.0))
    assert image.shape == (64, 33)
    assert image.dtype == torch.float32
    assert float(image[0, 0]) == pytest.approx(0.07, abs=1e-7)
    f = torch.tensor([0.01], dtype=torch.float64)
    gamma = phase(torch.zeros_like(f), f, KRIOS, Ctf(15000.0, 15000.0))
    assert float(gamma[0]) < 0.0
    assert float(ctf_line(f, KRIOS, Ctf(15000.0, 15000.0))[0]) == pytest.approx(-math.sin(float(gamma[0])))


@pytest.mark.parametrize(
    ("s", "defocus", "voltage", "cs", "contrast", "shift", "expected"),
    [
        # Worked out with λ = h / √(2 m e V (1 + eV / 2mc²)) from the CODATA constants and the formula above.
        (0.05, 10000.0, 300.0, 2.7, 0.07, 0.0, 0.99905446),
        (0.10, 20000.0, 300.0, 2.7, 0.10, 0.0, -0.12819868),
        (0.25, 15000.0, 200.0, 1.4, 0.07, 90.0, -0.94824681),
        (0.33, 27200.0, 300.0, 0.0, 0.07, 0.0, 0.87359498),
        (0.02, 5000.0, 100.0, 2.0, 0.00, 0.0, 0.23022921),
    ],
)
def test_values_agree_with_a_table(
    s: float, defocus: float, voltage: float, cs: float, contrast: float, shift: float, expected: float
) -> None:
    scope = Microscope(voltage, cs, contrast)
    got = ctf_line(torch.tensor([s], dtype=torch.float64), scope, Ctf(defocus, defocus, 0.0, shift))
    # The field's formula for λ differs from CODATA's by 5e-6: up to 1e-3 in a phase of 183 rad.
    assert float(got[0]) == pytest.approx(expected, abs=1e-3)
    assert closed_formula(s, defocus, scope, shift) == pytest.approx(float(got[0]), abs=1e-9)


def test_numbers_of_a_plain_case() -> None:
    """λ = 0.0196875 Å, Δf = 1 µm, C_s = 0, Q = 0: the first zero at s = 1/√(λ Δf) = 0.071270 1/Å (14.03 Å)."""
    scope = Microscope(300.0, 0.0, 0.0)
    assert scope.wavelength == pytest.approx(0.0196875, abs=2e-7)
    assert ctf_zeros(scope, Ctf(10000.0, 10000.0), 0.08) == pytest.approx((0.071270,), abs=1e-5)


def test_astigmatism_angle_runs_from_plus_x_counter_clockwise_with_row_0_at_y_0() -> None:
    """astigmatism_angle: degrees [0,180), from +x to the U axis, counter-clockwise."""
    ctf = Ctf(20000.0, 10000.0, 30.0)
    assert defocus_along(ctf, 30.0) == pytest.approx(20000.0)
    assert defocus_along(ctf, 120.0) == pytest.approx(10000.0)
    n, pixel_size = 128, 2.0
    image = ctf_image((n, n), pixel_size, KRIOS, ctf)
    for ky, kx in [(0, 20), (20, 0), (15, 25), (-15, 25), (n // 4, n // 4)]:
        direction = math.degrees(math.atan2(ky, kx))
        s = math.hypot(kx, ky) / (n * pixel_size)
        want = closed_formula(s, defocus_along(ctf, direction), KRIOS)
        assert float(image[ky % n, kx]) == pytest.approx(want, abs=2e-5)


def test_defocus_u_is_the_larger_and_the_angle_is_in_0_to_180() -> None:
    """`defocus_u ≥ defocus_v` Å, underfocus positive."""
    swapped = Ctf(10000.0, 20000.0, 100.0)
    assert (swapped.defocus_u, swapped.defocus_v) == (20000.0, 10000.0)
    assert swapped.astigmatism_angle == pytest.approx(10.0)


def test_phase_shift_is_in_degrees() -> None:
    scope = Microscope(300.0, 2.7, 0.0)
    assert float(ctf_image((4, 4), 2.0, scope, Ctf(0.0, 0.0, 0.0, 90.0))[0, 0]) == pytest.approx(1.0)


def test_b_factor_attenuates_amplitudes_by_exp_minus_b_s2_over_4() -> None:
    f = torch.tensor([0.1, 0.2], dtype=torch.float64)
    plain = ctf_line(f, KRIOS, Ctf(15000.0, 15000.0))
    damped = ctf_line(f, KRIOS, Ctf(15000.0, 15000.0, b_factor=100.0))
    torch.testing.assert_close(damped / plain, torch.exp(-100.0 * f * f / 4.0))


@pytest.mark.parametrize("cs", [0.0, 2.7])
@pytest.mark.parametrize("defocus", [900.0, 15000.0, -5000.0])
@pytest.mark.parametrize("shift", [0.0, 90.0])
def test_zeros_are_where_the_function_vanishes(cs: float, defocus: float, shift: float) -> None:
    scope, ctf = Microscope(300.0, cs, 0.07), Ctf(defocus, defocus, 0.0, shift)
    zeros = ctf_zeros(scope, ctf, 0.5)
    grid = torch.linspace(1e-4, 0.5, 200001, dtype=torch.float64)
    sign = torch.sign(ctf_line(grid, scope, ctf))
    crossings = int((sign[1:] != sign[:-1]).sum())
    assert len(zeros) == crossings
    if zeros:
        found = ctf_line(torch.tensor(zeros, dtype=torch.float64), scope, ctf)
        assert float(found.abs().max()) < 1e-9


def test_inputs_are_not_changed() -> None:
    fy = torch.linspace(-0.2, 0.2, 5)[:, None]
    fx = torch.linspace(0.0, 0.2, 4)[None, :]
    before = fy.clone(), fx.clone()
    ctf_values(fy, fx, KRIOS, Ctf(15000.0, 14000.0, 10.0, 5.0, 50.0))
    assert torch.equal(fy, before[0])
    assert torch.equal(fx, before[1])
