"""How far the fit holds: the equi-phase average, its agreement with the CTF, fit resolution and aliasing limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vitreous.algorithms.ctf.background import hat_basis, smooth_level, weighted_solve
from vitreous.algorithms.ctf.model import ctf_line
from vitreous.algorithms.ctf.rings import ring_knots, ring_lag
from vitreous.algorithms.ctf.spectrum import Spectrum, window_correlation
from vitreous.core.optics import Ctf, Microscope


@dataclass(frozen=True)
class Curves:
    """Functions of frequency along the direction of mean defocus, each float64 ``[bins]``.

    Attributes:
        frequency: 1/Å.
        spectrum: equi-phase average of the power, scaled so that it compares with ``fit``.
        fit: ctf².
        quality: correlation of the two in a window about each bin, -1..1.
        level: smooth part of the power, in units of the power.
        contrast: oscillation of the power about the level, relative to it.
    """

    frequency: torch.Tensor
    spectrum: torch.Tensor
    fit: torch.Tensor
    quality: torch.Tensor
    level: torch.Tensor
    contrast: torch.Tensor


def equiphase_frequency(
    fy: torch.Tensor, fx: torch.Tensor, microscope: Microscope, ctf: Ctf, defocus: float | None = None
) -> torch.Tensor:
    """Frequency in 1/Å at which a CTF of one ``defocus`` (the mean one if ``None``) has the phase found at (fx, fy).

    Solves Δf₀ x - k x² = Δf(α) s² - k s⁴ for x = s'², k = ½ C_s λ², on the side of the turning point where s lies.
    Source: Rohou & Grigorieff 2015, §2.4 (the average over lines of equal phase instead of circles).
    """
    target = ctf.defocus if defocus is None else defocus
    twice = 2.0 * math.radians(ctf.astigmatism_angle)
    x2, y2 = fx * fx, fy * fy
    s2 = x2 + y2
    half = 0.5 * ctf.defocus_difference
    blur = ctf.defocus * s2 + half * math.cos(twice) * (x2 - y2) + 2.0 * half * math.sin(twice) * (fx * fy)
    k = 0.5 * microscope.spherical_aberration * 1e7 * microscope.wavelength**2
    inside = target * target - 4.0 * k * (blur - k * s2 * s2)
    root = torch.sqrt(inside.clamp_min(0.0))
    if target > 0.0:
        near = 2.0 * (blur - k * s2 * s2) / (target + root)
        x = near if k == 0.0 else torch.where(2.0 * k * s2 * s2 > blur, (target + root) / (2.0 * k), near)
    else:
        x = s2
    sane = torch.isfinite(x) & (x > 0.25 * s2) & (x < 4.0 * s2) & (inside > 0.0)
    return torch.sqrt(torch.where(sane, x, s2))


def curves(spectrum: Spectrum, microscope: Microscope, ctf: Ctf, min_frequency: float) -> Curves:
    """Equi-phase average of a spectrum beside the CTF's square.

    Args:
        spectrum: of the image.
        microscope: constants of the instrument.
        ctf: the fit.
        min_frequency: 1/Å, the first bin; below it a spectrum says nothing of the CTF.
    """
    power, fy, fx = spectrum.off_axes(0.5 / spectrum.pixel_size)
    step = 1.0 / spectrum.extent
    s = equiphase_frequency(fy, fx, microscope, ctf)
    bins = spectrum.box // 2
    first = min(max(2, math.ceil(min_frequency / step)), bins - 16)
    # What lies outside is gathered in one more bin at either end.
    index = torch.round(s / step).to(torch.int64).clamp_(first - 1, bins).sub_(first - 1).reshape(-1)
    flat, inner = power.reshape(-1), slice(1, bins - first + 1)
    number = torch.bincount(index, minlength=bins - first + 2).to(torch.float64)
    # Reflections of ice or a lattice would stand out of one bin's mean: cap them at five times the mean.
    mean = torch.bincount(index, flat.to(torch.float64), minlength=len(number)) / number.clamp_min(1.0)
    flat = torch.minimum(flat, (5.0 * mean).to(flat.dtype)[index])
    mean = (torch.bincount(index, flat.to(torch.float64), minlength=len(number)) / number.clamp_min(1.0))[inner]
    count = number[inner]
    mean = torch.where(count > 0, mean, mean[count > 0].median())
    frequency = (torch.arange(bins - first, dtype=torch.float64, device=mean.device) + first) * step
    level, wave = _level_and_wave(mean, count, frequency, microscope, ctf, spectrum.extent)
    contrast = mean / level - 1.0
    noise = 2.0 / torch.sqrt((count * spectrum.looks).clamp_min(1.0))
    even, flat_wave, away, distance = _evened(contrast, wave, noise, frequency, microscope, ctf)
    quality = _window_correlation(even, flat_wave, away, distance)
    fit = ctf_line(frequency, microscope, ctf) ** 2
    return Curves(frequency, (0.5 + 0.5 * even).clamp(-0.5, 1.5), fit, quality, level, contrast)


def _level_and_wave(
    mean: torch.Tensor,
    count: torch.Tensor,
    frequency: torch.Tensor,
    microscope: Microscope,
    ctf: Ctf,
    extent: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth level and form of the rings -cos 2γ, each ``[bins]``.

    The level is fitted together with the rings' visibility, both as hat functions. Those of visibility are the wider,
    or one could stand in for the other.
    """
    basis = hat_basis(frequency, ring_knots(frequency, microscope, ctf, 1.5))
    wide = hat_basis(frequency, ring_knots(frequency, microscope, ctf, 4.0, parts=12))
    weight = torch.sqrt(count)
    rough = smooth_level(mean, weight, basis)
    wave = 2.0 * ctf_line(frequency, microscope, Ctf(ctf.defocus, ctf.defocus, 0.0, ctf.phase_shift)) ** 2 - 1.0
    rings = wave * window_correlation(ring_lag(frequency, microscope, ctf) / extent)
    both = torch.cat([basis, wide * rings[:, None]], dim=1)
    coefficients = weighted_solve(both, mean / rough, weight)
    return rough * (basis @ coefficients[: basis.shape[1]]).clamp_min(0.1), wave


def _evened(
    contrast: torch.Tensor,
    wave: torch.Tensor,
    noise: torch.Tensor,
    frequency: torch.Tensor,
    microscope: Microscope,
    ctf: Ctf,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rings of one height (-1..1 where they are seen), and the wave likewise freed of what is slower than a ring; with
    distances between bins and between extrema, in bins.

    Else the steep fall of contrast at low resolution, or a bend that the level could not follow, would count as
    disagreement.
    """
    bins = len(contrast)
    step = float(frequency[1] - frequency[0])
    distance = 0.5 / (ring_lag(frequency, microscope, ctf).abs().clamp_min(1e-9) * step)
    index = torch.arange(bins, device=contrast.device, dtype=contrast.dtype)
    away = (index[None, :] - index[:, None]).abs()
    ring = _window(away, distance.clamp(1.0, bins / 8.0))
    contrast, wave = contrast - ring @ contrast, wave - ring @ wave
    wide = _window(away, (3.0 * distance).clamp(6.0, bins / 6.0))
    height = (wide @ (contrast * wave)) / (wide @ (wave * wave)).clamp_min(1e-9)
    return (contrast / torch.maximum(height, noise)).clamp(-2.0, 2.0), wave, away, distance


def _window(away: torch.Tensor, half: torch.Tensor) -> torch.Tensor:
    """Averages ``[bins, bins]`` over ``half [bins]`` bins to either side."""
    window = (away <= half[:, None]).to(away.dtype)
    return window / window.sum(1, keepdim=True)


def _window_correlation(
    contrast: torch.Tensor, wave: torch.Tensor, away: torch.Tensor, distance: torch.Tensor
) -> torch.Tensor:
    """Correlation of spectrum and CTF in a window about each bin, ``[bins]``.

    Half-width max(bins / 40, (1 + 0.1 n) d), d the distance between extrema and n how many lie below the bin.
    """
    bins = len(contrast)
    number = torch.cumsum(1.0 / distance.clamp_min(1.0), dim=0)
    half = torch.maximum(torch.full_like(distance, bins / 40.0), (1.0 + 0.1 * number) * distance).clamp(max=bins / 4.0)
    window = _window(away, half)
    mean_a, mean_b = window @ contrast, window @ wave
    covariance = window @ (contrast * wave) - mean_a * mean_b
    variance_a = (window @ (contrast * contrast) - mean_a**2).clamp_min(1e-20)
    variance_b = (window @ (wave * wave) - mean_b**2).clamp_min(1e-20)
    return (covariance / torch.sqrt(variance_a * variance_b)).clamp(-1.0, 1.0)


def fit_resolution(frequency: torch.Tensor, quality: torch.Tensor, min_frequency: float) -> float | None:
    """Resolution in Å to which rings and fit agree; ``None`` where they never do.

    The last bin before quality falls below 0.1 after more than three bins above 0.1, or below 0.5 after more than three
    above 0.66 (Rohou & Grigorieff 2015, §2.4). A fall counts when the mean of three bins shows it, so that one noisy
    bin does not end the rings. Bins below ``min_frequency`` are passed over.
    """
    used = frequency >= min_frequency
    s, values = frequency[used].tolist(), quality[used].tolist()
    above_low = above_high = 0
    for i in range(len(values)):
        mean = sum(values[i : i + 3]) / len(values[i : i + 3])
        if (above_low > 3 and mean < 0.1) or (above_high > 3 and mean < 0.5):
            return 1.0 / s[i - 1] if above_high > 3 else None
        above_low += values[i] > 0.1
        above_high += values[i] > 0.66
    return 1.0 / s[-1] if above_high > 3 else None


def aliasing_limit(microscope: Microscope, ctf: Ctf, extent: float, max_frequency: float) -> float | None:
    """Resolution in Å from which rings lie closer than 2 px in a spectrum of tiles ``extent`` Å wide.

    ``None`` where they never do below ``max_frequency`` (1/Å). The larger defocus decides.
    """
    s = torch.linspace(0.0, max_frequency, 4097, dtype=torch.float64, device="cpu")[1:]
    worst = Ctf(ctf.defocus_u, ctf.defocus_u)
    close = ring_lag(s, microscope, worst).abs() > 0.5 * extent
    return 1.0 / float(s[int(torch.argmax(close.to(torch.int8)))]) if bool(close.any()) else None
