"""Matched filters and their scores in standard deviations of the background."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vitreous.algorithms.ctf.model import ctf_image
from vitreous.algorithms.fourier.crop import fourier_resize
from vitreous.algorithms.fourier.grids import frequencies
from vitreous.algorithms.fourier.shells import half_plane_weight
from vitreous.core.optics import Ctf, Microscope

_STEPS = 256
_CONTRASTS = (1.0, 0.3, 0.1)


@dataclass(frozen=True)
class Signal:
    """A micrograph's transform with what its background says of noise.

    Attributes:
        spectrum: complex64 ``[wy, wx//2+1]``, unnormalised.
        shape: real-space ``(wy, wx)``.
        pixel_size: Å.
        power: noise power per pixel in the same layout.
        band: 0..1, the frequencies that are used, with soft ends.
        excess: power that particles add where they are, over the noise's.
        contrast: what the optics make of a mass: -ctf, so that mass is dark at low frequency; -1 where none is known.
    """

    spectrum: torch.Tensor
    shape: tuple[int, int]
    pixel_size: float
    power: torch.Tensor
    excess: torch.Tensor
    band: torch.Tensor
    contrast: torch.Tensor

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Mean over the full plane of a real quantity in ``rfft2`` layout, ``[..., wy, wx//2+1]`` → ``[...]``."""
        weight = half_plane_weight(self.shape, values.device)
        return (values * weight).sum((-2, -1)) / (self.shape[0] * self.shape[1])


def band_of(shape: tuple[int, int], pixel_size: float, highest: float, lowest: float) -> torch.Tensor:
    """Band-pass from ``lowest`` to ``highest`` (resolutions in Å): Gaussian rise, cosine fall over a tenth."""
    fy, fx = frequencies(shape, pixel_size)
    s = torch.sqrt(fy * fy + fx * fx)
    limit = 1.0 / highest
    fall = ((limit - s) / (0.1 * limit)).clamp(0.0, 1.0)
    return (0.5 - 0.5 * torch.cos(math.pi * fall)) * (1.0 - torch.exp(-0.5 * (s * lowest).square()))


def contrast_of(
    shape: tuple[int, int], pixel_size: float, microscope: Microscope | None, ctf: Ctf | None, bright: bool
) -> torch.Tensor:
    """Contrast transfer of mass with its sign: dark at low frequency unless ``bright``; flat where no CTF is known."""
    sign = 1.0 if bright else -1.0
    if microscope is None or ctf is None:
        return torch.full((1, 1), sign)
    return sign * ctf_image(shape, pixel_size, microscope, ctf)


def radial_transform(profile: torch.Tensor, radii: torch.Tensor, frequency: torch.Tensor) -> torch.Tensor:
    """Fourier transform of a radial function, 2π ∫ f(r) J₀(2π s r) r dr, at frequencies of any shape.

    Args:
        profile: f at ``radii``, equal steps from half a step.
        radii: Å.
        frequency: 1/Å.
    """
    top = float(frequency.max())
    table_at = torch.linspace(0.0, max(top, 1e-9), 2 * _STEPS, device=frequency.device)
    kernel = torch.special.bessel_j0(2.0 * math.pi * table_at[:, None] * radii)
    step = float(radii[1] - radii[0])
    table = 2.0 * math.pi * step * (kernel @ (profile * radii))
    place = (frequency / max(top, 1e-9) * (len(table) - 1)).clamp(0.0, len(table) - 1.001)
    low = place.to(torch.int64)
    return torch.lerp(table[low], table[low + 1], place - low)


def soft_disc(frequency: torch.Tensor, radius: float, edge: float) -> torch.Tensor:
    """Transform of a disc that falls from 1 to 0 by a cosine of width ``edge`` centred on ``radius``, Å (peak 1).

    Source: Sigworth 2004 (J. Struct. Biol. 145:111), as the reference of ab-initio picking.
    """
    outer = radius + 0.5 * edge
    step = outer / _STEPS
    radii = (torch.arange(_STEPS, device=frequency.device) + 0.5) * step
    fall = ((outer - radii) / max(edge, step)).clamp(0.0, 1.0)
    found = radial_transform(0.5 - 0.5 * torch.cos(math.pi * fall), radii, frequency)
    return found / (math.pi * radius * radius)


def laplacian_of_gaussian(frequency: torch.Tensor, diameter: float) -> torch.Tensor:
    """Transform of -∇² of a Gaussian whose response is greatest for discs of ``diameter`` Å: σ = diameter / (2√2)."""
    sigma2 = diameter * diameter / 8.0
    s2 = frequency.square()
    return s2 * sigma2 * torch.exp(-2.0 * math.pi**2 * sigma2 * s2)


def scores(signal: Signal, filters: Sequence[torch.Tensor], fine: tuple[int, int]) -> torch.Tensor:
    """Correlate with filters, in standard deviations of what they give on the background.

    c = F⁻¹[X G*] / √(mean(P |G|²)): for a signal h and G = h/P this is Sigworth's c(x) with unit norm after whitening,
    distributed as N(0, 1) off particles.

    Args:
        signal: transform and noise.
        filters: G, real, each in ``rfft2`` layout.
        fine: shape of the result, at least that of the signal: maxima lie between pixels.

    Returns:
        float32 ``[filters, *fine]``.
    """
    found = []
    gain = fine[0] * fine[1] / (signal.shape[0] * signal.shape[1])
    for one in filters:
        deviation = signal.mean(signal.power * one.square()).sqrt().clamp_min(1e-30)
        product = fourier_resize(signal.spectrum * one, signal.shape, fine)
        found.append(torch.fft.irfft2(product, s=fine) * (gain / deviation))
    return torch.stack(found)


def discs_of(signal: Signal, radii: Sequence[float], softness: float) -> list[torch.Tensor]:
    """Transforms of discs of these radii (Å) in the signal's layout, in pixels: at 0 stands how many a disc holds.

    ``softness`` is the width of their edge over their radius.
    """
    fy, fx = frequencies(signal.shape, signal.pixel_size, signal.spectrum.device)
    s = torch.sqrt(fy * fy + fx * fx)
    area = math.pi / signal.pixel_size**2
    return [soft_disc(s, radius, softness * radius) * (area * radius**2) for radius in radii]


def local_power(signal: Signal, disc: torch.Tensor, fine: tuple[int, int]) -> torch.Tensor:
    """Power of the whitened micrograph within a disc (of ``discs_of``) about each point; 1 is that of the background.

    Returns:
        float32 ``[*fine]``.
    """
    white = torch.fft.irfft2(signal.spectrum * signal.band / signal.power.sqrt(), s=signal.shape)
    level = signal.mean(signal.band.square()).clamp_min(1e-30)
    disc = disc / disc[0, 0]
    smooth = fourier_resize(torch.fft.rfft2(white.square()) * disc, signal.shape, fine)
    gain = fine[0] * fine[1] / (signal.shape[0] * signal.shape[1])
    return (torch.fft.irfft2(smooth, s=fine) * (gain / level)).clamp_min(0.0)


def texture(
    signal: Signal, discs: Sequence[torch.Tensor], fine: tuple[int, int]
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Twice the log-likelihood ratio that a disc holds structure of the expected power, not only noise.

    Coefficients y of whitened noise have variance 1, with a particle 1 + λ(s), λ being what particles add. Summed over
    the coefficients that the disc holds, 2 log(p₁/p₀) = Σ y² λ/(1+λ) - log(1+λ): the micrograph is filtered by
    √(λ/(1+λ)), squared and summed over the disc (Parseval). No phases are asked for, so rings, sticks and shells count
    like discs. The expansion of Eldar, Landa & Shkolnisky 2020 (KLT picker) with plane waves for its functions.
    Particles differ in contrast and shape: the best of several multiples of λ and of several discs (of ``discs_of``)
    counts.

    Returns:
        float32 ``[*fine]``, below 0 where there is noise alone; and λ/(1+λ) in the signal's layout for each multiple.
    """
    gain = fine[0] * fine[1] / (signal.shape[0] * signal.shape[1])
    best, weights = None, []
    for factor in _CONTRASTS:
        extra = factor * signal.excess * signal.band.square()
        weight = extra / (1.0 + extra)
        local = torch.fft.irfft2(signal.spectrum * (weight / signal.power).sqrt(), s=signal.shape)
        power, expected = torch.fft.rfft2(local.square()), signal.mean(torch.log1p(extra))
        for disc in discs:
            smooth = fourier_resize(power * disc, signal.shape, fine)
            found = torch.fft.irfft2(smooth, s=fine) * gain - disc[0, 0] * expected
            best = found if best is None else torch.maximum(best, found)
        weights.append(weight)
    assert best is not None
    return best, tuple(weights)


def with_texture(match: torch.Tensor, likelihood: torch.Tensor, share: float) -> torch.Tensor:
    """Score of disc and structure together, √(2 log-likelihood ratio); for a disc alone it is the disc's score c.

    Args:
        match: c.
        likelihood: of ``texture``.
        share: of c² that the texture has counted already.
    """
    both = match.clamp_min(0.0).square() + likelihood - share * match.square()
    return torch.maximum(match, both.clamp_min(0.0).sqrt())
