"""Things that disturb a micrograph: the edge of a carbon film, crystals of ice."""

from __future__ import annotations

import math

import torch

from vitreous.algorithms.fourier.grids import frequency_squared
from vitreous.algorithms.simulate.noise import white_spectrum
from vitreous.algorithms.simulate.potential import VOLT_AREA

ICE_SPACINGS = (3.66, 2.24, 1.91)
"""Reflections of cubic ice, Å."""

CARBON_POTENTIAL = 9.0
"""Mean inner potential of amorphous carbon in excess of vacuum's ice, V, rounded (Kirkland 2010)."""

_CARBON_DENSITY = 0.09  # atoms per Å³, 1.8 g/cm³
_CARBON_SCATTERING = 2.51  # Å at s = 0


def carbon_edge(
    shape: tuple[int, int], pixel_size: float, fraction: float, thickness: float, generator: torch.Generator
) -> torch.Tensor:
    """A carbon film over one side of the image, with a smooth edge (20 Å) of a hole of 0.6 µm radius.

    Its projected potential is the mean inner potential plus the noise of independent atoms (carbon does not forget its
    structure under the beam as ice does).

    Args:
        shape: ``(ny, nx)``.
        pixel_size: Å.
        fraction: how far the film reaches into the image, 0..1 of its width.
        thickness: Å.
        generator: random numbers: direction and noise.

    Returns:
        V Å, float32 ``[ny, nx]``.
    """
    ny, nx = shape
    device = generator.device
    direction = 2.0 * math.pi * float(torch.rand(1, generator=generator, device=device))
    y = (torch.arange(ny, device=device, dtype=torch.float32) - ny / 2)[:, None] * pixel_size
    x = (torch.arange(nx, device=device, dtype=torch.float32) - nx / 2)[None, :] * pixel_size
    radius, width = 6000.0, min(ny, nx) * pixel_size
    reach = (0.5 - fraction) * width
    centre_x, centre_y = (reach - radius) * math.cos(direction), (reach - radius) * math.sin(direction)
    beyond = torch.sqrt((x - centre_x).square() + (y - centre_y).square()) - radius
    cover = torch.sigmoid(beyond / 5.0)
    s2 = frequency_squared(shape, pixel_size, device)
    amplitude = VOLT_AREA * _CARBON_SCATTERING / (1.0 + 3.0 * s2).square() / pixel_size
    noise = torch.fft.irfft2(white_spectrum(shape, generator) * amplitude, s=shape)
    return cover * (CARBON_POTENTIAL * thickness + math.sqrt(_CARBON_DENSITY * thickness) * noise)


def ice_crystals(
    shape: tuple[int, int], pixel_size: float, count: int, strength: float, generator: torch.Generator
) -> torch.Tensor:
    """Small crystals of cubic ice: Gaussian patches of 100 to 300 Å with lattice fringes in random directions.

    Args:
        shape: ``(ny, nx)``.
        pixel_size: Å; reflections finer than its Nyquist limit are left out.
        count: crystals.
        strength: amplitude of each fringe, V Å.
        generator: random numbers.

    Returns:
        V Å, float32 ``[ny, nx]``.
    """
    ny, nx = shape
    device = generator.device
    y = torch.arange(ny, device=device, dtype=torch.float32)[:, None] * pixel_size
    x = torch.arange(nx, device=device, dtype=torch.float32)[None, :] * pixel_size
    out = torch.zeros(ny, nx, device=device)
    for _ in range(count):
        u = torch.rand(4 + 2 * len(ICE_SPACINGS), generator=generator, device=device).tolist()
        near_y, near_x = y - u[0] * ny * pixel_size, x - u[1] * nx * pixel_size
        width = 100.0 + 200.0 * u[2]
        patch = torch.exp(-0.5 * (near_x / width).square()) * torch.exp(-0.5 * (near_y / width).square())
        for k, spacing in enumerate(ICE_SPACINGS):
            if spacing <= 2.0 * pixel_size:
                continue
            angle, start = 2.0 * math.pi * u[4 + 2 * k], 2.0 * math.pi * u[5 + 2 * k]
            wave = 2.0 * math.pi / spacing * (near_x * math.cos(angle) + near_y * math.sin(angle)) + start
            out += strength * patch * torch.cos(wave)
    return out
