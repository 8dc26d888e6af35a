"""A CTF put into a simulated image is found again, within a stated bound."""

from __future__ import annotations

import math

import pytest
import torch

from vitreous.algorithms.ctf.diagnostic import diagnostic_image
from vitreous.algorithms.ctf.estimate import CtfEstimate, estimate_ctf
from vitreous.algorithms.ctf.model import ctf_image
from vitreous.algorithms.ctf.polar import _cells
from vitreous.algorithms.ctf.settings import CtfSettings
from vitreous.algorithms.ctf.spectrum import image_spectrum
from vitreous.algorithms.ctf.tilt import fit_plane, gradient_of, levelled, tiled_spectrum
from vitreous.algorithms.fourier.grids import frequency_squared
from vitreous.core.errors import ComputeError, DataError, UsageError
from vitreous.core.optics import Ctf, Microscope

KRIOS = Microscope(300.0, 2.7, 0.07)
PIXEL_SIZE = 1.3
EXPOSURE = 39.0


def counts(ctf: Ctf, n: int = 1536, visibility: float = 0.15, seed: int = 1) -> torch.Tensor:
    """Poisson counts of white ice through a CTF: rings of ``visibility`` at low frequency, B = 60 Å² on their power."""
    random = torch.Generator().manual_seed(seed)
    s2 = frequency_squared((n, n), PIXEL_SIZE)
    electrons = EXPOSURE * PIXEL_SIZE**2
    power = 2.0 * visibility / (1.0 - visibility) / electrons * torch.exp(-30.0 * s2)
    power = power * (1.0 + 20.0 * torch.exp(-600.0 * s2))
    waves = torch.fft.rfft2(torch.randn(n, n, generator=random)) * torch.sqrt(power)
    contrast = torch.fft.irfft2(waves * ctf_image((n, n), PIXEL_SIZE, KRIOS, ctf), s=(n, n))
    return torch.poisson((electrons * (1.0 + contrast)).clamp_min(0.0), generator=random)


def fit(image: torch.Tensor, settings: CtfSettings | None = None) -> CtfEstimate:
    return estimate_ctf(image_spectrum(image, PIXEL_SIZE), KRIOS, settings or CtfSettings())


def turned(first: float, second: float, period: float = 180.0) -> float:
    return abs((first - second + period / 2) % period - period / 2)


@pytest.mark.parametrize(
    "truth",
    [
        Ctf(6000.0, 5500.0, 100.0),
        Ctf(10400.0, 10100.0, 20.0),
        Ctf(20000.0, 19000.0, 30.0),
        Ctf(31000.0, 30200.0, 175.0),
        Ctf(45000.0, 44000.0, 60.0),
    ],
    ids=lambda ctf: f"{ctf.defocus:.0f}",
)
def test_defocus_is_found_over_the_whole_default_range(truth: Ctf) -> None:
    found = fit(counts(truth))
    assert abs(found.ctf.defocus - truth.defocus) < 30.0
    # Noise alone spreads the difference by 50 Å in an image of this size.
    assert abs(found.ctf.defocus_difference - truth.defocus_difference) < 130.0
    assert turned(found.ctf.astigmatism_angle, truth.astigmatism_angle) < 5.0
    assert found.fit_resolution is not None
    assert found.fit_resolution < 5.0
    assert found.score > 0.1
    assert found.significance > 20.0


def test_faint_rings_are_found() -> None:
    truth = Ctf(15000.0, 14600.0, 70.0)
    found = fit(counts(truth, visibility=0.04))
    assert abs(found.ctf.defocus - truth.defocus) < 80.0


def test_strong_astigmatism_is_found_by_the_exhaustive_search() -> None:
    truth = Ctf(20000.0, 12000.0, 70.0)
    found = fit(counts(truth), CtfSettings(exhaustive=True))
    assert abs(found.ctf.defocus - truth.defocus) < 30.0
    assert abs(found.ctf.defocus_difference - truth.defocus_difference) < 80.0


@pytest.mark.parametrize("shift", [60.0, 130.0])
def test_phase_shift_is_found(shift: float) -> None:
    truth = Ctf(12000.0, 11500.0, 70.0, shift)
    found = fit(counts(truth), CtfSettings(find_phase_shift=True))
    assert turned(found.ctf.phase_shift, shift) < 8.0
    assert abs(found.ctf.defocus - truth.defocus) < 100.0


def test_restraint_holds_astigmatism_small() -> None:
    image = counts(Ctf(15000.0, 14500.0, 70.0), visibility=0.04)
    free = fit(image).ctf.defocus_difference
    held = fit(image, CtfSettings(astigmatism_tolerance=20.0)).ctf.defocus_difference
    assert held < 0.7 * free


def test_aliasing_is_told_where_rings_are_closer_than_two_pixels() -> None:
    """Rings lie 1/(2 λ Δf s) apart; two steps of 1/(512 · 1.3 Å) at s = 512 · 1.3 / (4 λ Δf) when C_s is left out."""
    found = fit(counts(Ctf(45000.0, 44800.0, 0.0)))
    assert found.aliasing_limit == pytest.approx(4.0 * KRIOS.wavelength * 45000.0 / (512 * PIXEL_SIZE), rel=0.03)
    assert any("alias" in note for note in found.warnings)
    assert fit(counts(Ctf(6000.0, 5900.0, 0.0))).aliasing_limit is None


def test_noise_has_no_rings_and_says_so() -> None:
    random = torch.Generator().manual_seed(3)
    found = fit(torch.poisson(torch.full((1024, 1024), 60.0), generator=random))
    assert found.fit_resolution is None
    assert found.score < 0.08
    assert any("no Thon rings" in note for note in found.warnings)


def test_falling_spectrum_without_rings_is_not_taken_for_rings() -> None:
    """A thick carbon or contamination: strong, smooth, no zeros."""
    random = torch.Generator().manual_seed(4)
    s2 = frequency_squared((1024, 1024), PIXEL_SIZE)
    waves = torch.fft.rfft2(torch.randn(1024, 1024, generator=random)) / (1.0 + 400.0 * s2)
    found = fit(torch.fft.irfft2(waves, s=(1024, 1024)))
    assert found.fit_resolution is None or found.fit_resolution > 8.0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_pixels_that_are_not_finite_are_refused(bad: float) -> None:
    image = torch.ones(600, 600)
    image[100, 100] = bad
    with pytest.raises(ComputeError, match="NaN"):
        image_spectrum(image, PIXEL_SIZE)


def test_constant_image_is_refused() -> None:
    with pytest.raises(ComputeError, match="constant"):
        image_spectrum(torch.full((600, 600), 7.0), PIXEL_SIZE)


def test_tiny_image_is_refused_with_its_size() -> None:
    with pytest.raises(DataError, match="40 × 50"):
        image_spectrum(torch.rand(50, 40), PIXEL_SIZE)


def test_small_image_uses_a_smaller_box() -> None:
    found = fit(counts(Ctf(15000.0, 14800.0, 10.0), n=400, visibility=0.3))
    assert abs(found.ctf.defocus - 14900.0) < 200.0


def test_band_beyond_nyquist_is_refused() -> None:
    spectrum = image_spectrum(torch.rand(600, 600), 20.0)
    with pytest.raises(UsageError, match="Nyquist"):
        estimate_ctf(spectrum, KRIOS, CtfSettings())


def test_nothing_is_made_on_another_device_than_the_images() -> None:
    """With another default device, a tensor made without naming the image's would not meet the others."""
    image = counts(Ctf(15000.0, 14800.0, 10.0), n=1024)
    _cells.cache_clear()
    with torch.device("meta"):
        spectrum = image_spectrum(image, PIXEL_SIZE)
        found = estimate_ctf(spectrum, KRIOS, CtfSettings(find_phase_shift=True))
        drawn = diagnostic_image(spectrum, KRIOS, found.ctf, found.curves, 0.3)
        tiles = tiled_spectrum([image], PIXEL_SIZE)
        even = levelled(tiles, KRIOS, fit_plane(tiles, KRIOS, CtfSettings()))
    _cells.cache_clear()
    assert {t.device.type for t in (spectrum.power, found.curves.quality, drawn, even.power)} == {"cpu"}
    assert abs(found.ctf.defocus - 14900.0) < 100.0


def test_image_is_not_changed() -> None:
    image = counts(Ctf(15000.0, 14800.0, 10.0), n=600)
    before = image.clone()
    spectrum = image_spectrum(image, PIXEL_SIZE)
    power = spectrum.power.clone()
    estimate_ctf(spectrum, KRIOS, CtfSettings())
    assert torch.equal(image, before)
    assert torch.equal(spectrum.power, power)


def tilted_counts(mean: float, gradient: tuple[float, float], n: int = 1536) -> torch.Tensor:
    """Counts whose defocus is a plane: strips and blocks of constant defocus, blended on a 12 × 12 grid."""
    blocks = 12
    size = n // blocks
    out = torch.empty(n, n)
    for row in range(blocks):
        for column in range(blocks):
            x = ((column + 0.5) * size - n / 2) * PIXEL_SIZE
            y = ((row + 0.5) * size - n / 2) * PIXEL_SIZE
            defocus = mean + gradient[0] * x + gradient[1] * y
            tile = counts(Ctf(defocus, defocus), 2 * size, 0.3, seed=100 + row * blocks + column)
            out[row * size : (row + 1) * size, column * size : (column + 1) * size] = tile[:size, :size]
    return out


def test_tilt_of_the_specimen_is_found_and_taken_into_account() -> None:
    """Tilt 30° about an axis 20° from +y: the gradient points along (cos 20°, sin 20°), tan 30° high."""
    slope = math.tan(math.radians(30.0))
    truth = (slope * math.cos(math.radians(20.0)), slope * math.sin(math.radians(20.0)))
    image = tilted_counts(20000.0, truth)
    tiles = tiled_spectrum([image], PIXEL_SIZE)
    plane = fit_plane(tiles, KRIOS, CtfSettings())
    assert plane.tilt_angle == pytest.approx(30.0, abs=4.0)
    assert turned(plane.tilt_axis_angle, 20.0) < 8.0
    flat = estimate_ctf(image_spectrum(image, PIXEL_SIZE), KRIOS, CtfSettings())
    even = estimate_ctf(levelled(tiles, KRIOS, plane), KRIOS, CtfSettings())
    assert abs(even.ctf.defocus - 20000.0) < 150.0
    assert even.score > flat.score
    known = fit_plane(tiles, KRIOS, CtfSettings(), gradient_of(30.0, 20.0))
    assert abs(known.defocus - 20000.0) < 150.0
