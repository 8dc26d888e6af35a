"""Crystalline ice in an image: the strength of its ring near 3.7 Å in the spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vitreous.algorithms.fourier.grids import frequency_squared
from vitreous.algorithms.fourier.shells import half_plane_weight
from vitreous.core.errors import ComputeError, UsageError


@dataclass(frozen=True)
class IcinessDefinition:
    """Mean of \\|F\\|^power in one band of resolution over the mean in another.

    Attributes:
        name: of the definition.
        ring: Å (finer, coarser), where crystalline ice scatters.
        reference: Å (finer, coarser), what it is compared with.
        power: 2 compares intensities, 1 amplitudes.
    """

    name: str
    ring: tuple[float, float]
    reference: tuple[float, float]
    power: int

    def __post_init__(self) -> None:
        for band in (self.ring, self.reference):
            if not 0.0 < band[0] < band[1]:
                raise UsageError(
                    f"band of {band[0]:g} to {band[1]:g} Å is empty", hint="Give the finer resolution first", band=band
                )
        if self.power not in (1, 2):
            raise UsageError(f"power {self.power} is neither 1 nor 2", hint="1: amplitudes, 2: intensities")


PAPER = IcinessDefinition("paper", (3.5, 3.9), (30.0, 80.0), 2)
"""Biyani et al. 2017, J. Struct. Biol. 198:124: below 1 is well vitrified, above 2 has strong ice rings."""

FOCUS = IcinessDefinition("focus", (3.5, 4.0), (6.0, 30.0), 1)
"""As the Focus program computed it."""

FOCUS_SECOND = IcinessDefinition("focus-second", (2.22, 2.32), (6.0, 30.0), 1)
"""The second ring of ice, as the Focus program computed it."""

_RING = (3.5, 4.0)
_NEIGHBOURS = ((3.0, 3.3), (4.5, 6.0))


def amplitude_squared(image: torch.Tensor) -> torch.Tensor:
    """\\|F\\|² of an image ``[ny, nx]`` less its mean, float32 ``[ny, nx//2+1]``; unnormalised forward transform.

    Raises:
        ComputeError: the image holds NaN or infinity.
    """
    flat = image.to(torch.float32)
    power = torch.view_as_real(torch.fft.rfft2(flat - flat.mean())).square().sum(-1)
    if not math.isfinite(float(power.sum())):
        raise ComputeError("image holds NaN or infinite pixels", hint="Replace bad pixels first (vitreous motion)")
    return power


def iciness(
    power: torch.Tensor, shape: tuple[int, int], pixel_size: float, definition: IcinessDefinition = PAPER
) -> float | None:
    """Strength of the ice ring by a definition.

    Args:
        power: of ``amplitude_squared``.
        shape: of the image, (ny, nx).
        pixel_size: Å/px.
        definition: bands and power.

    Returns:
        The ratio; ``None`` where Nyquist forbids a band, where the image is too small to resolve one, or where the
        reference is empty of power.
    """
    s2 = frequency_squared(shape, pixel_size, power.device)
    ring = _band_mean(power, s2, shape, pixel_size, definition.ring, definition.power)
    reference = _band_mean(power, s2, shape, pixel_size, definition.reference, definition.power)
    return ring / reference if ring is not None and reference else None


def ice_ring_density(power: torch.Tensor, shape: tuple[int, int], pixel_size: float) -> float | None:
    """Mean amplitude at 3.5-4.0 Å over what its neighbours lead one to expect: 1 without a ring.

    The expectation is a power law through the mean amplitudes at 3.0-3.3 and 4.5-6 Å, so neither defocus nor the
    specimen's own scattering counts as ice.

    Returns:
        The ratio; ``None`` where Nyquist forbids a band (pixels above 1.5 Å).
    """
    s2 = frequency_squared(shape, pixel_size, power.device)
    ring = _band_mean(power, s2, shape, pixel_size, _RING, 1)
    fine, coarse = (_band_mean(power, s2, shape, pixel_size, band, 1) for band in _NEIGHBOURS)
    if not ring or not fine or not coarse:
        return None
    at = math.log(_middle(_RING))
    low, high = (math.log(_middle(band)) for band in _NEIGHBOURS)
    part = (at - low) / (high - low)
    return ring / math.exp(math.log(fine) * (1.0 - part) + math.log(coarse) * part)


def _middle(band: tuple[float, float]) -> float:
    """Resolution in the middle of a band's frequencies, Å."""
    return 2.0 / (1.0 / band[0] + 1.0 / band[1])


def _band_mean(
    power: torch.Tensor,
    s2: torch.Tensor,
    shape: tuple[int, int],
    pixel_size: float,
    band: tuple[float, float],
    exponent: int,
) -> float | None:
    """Mean of \\|F\\|^exponent strictly between two resolutions; ``None`` beyond Nyquist or where no pixel lies."""
    if band[0] < 2.0 * pixel_size:
        return None
    inside = (s2 < 1.0 / band[0] ** 2) & (s2 > 1.0 / band[1] ** 2)
    weight = half_plane_weight(shape, power.device).expand_as(power)[inside]
    values = power[inside] if exponent == 2 else torch.sqrt(power[inside])
    number = float(weight.sum(dtype=torch.float64))
    return float((values * weight).sum(dtype=torch.float64)) / number if number else None
