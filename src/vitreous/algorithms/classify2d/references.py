"""References between iterations: from sums to averages, masked, centred, and back to polar grids."""

from __future__ import annotations

import numpy as np
import torch

from vitreous.algorithms.classify2d.gridding import from_polar
from vitreous.algorithms.classify2d.prepare import Frame, soft_disc
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.fourier.grids import frequency_squared
from vitreous.algorithms.fourier.shift import fourier_shift


def image_of(shape: Frame, real: torch.Tensor, imaginary: torch.Tensor) -> torch.Tensor:
    """Images ``[n, box, box]`` of planes on the finest grid ``[n, R, M/2]``, their surroundings set to zero."""
    images = from_polar(shape.plan, real, imaginary)
    offset = torch.arange(images.shape[-1], device=images.device) - images.shape[-1] // 2
    distance = torch.sqrt(offset[:, None] ** 2 + offset**2)
    outside = distance >= shape.reference_radius
    outside &= distance < max(shape.image_radius, shape.reference_radius + 2.0)
    level = (images * outside).sum(dim=(1, 2), keepdim=True) / outside.sum().clamp_min(1)
    return images - level


def masked(settings: Settings, shape: Frame, images: torch.Tensor) -> torch.Tensor:
    """Images within the disc of the references, whose soft edge lies beyond the mask's diameter."""
    return images * soft_disc(settings.box, shape.reference_radius, shape.edge, images.device)


def centre_shift(settings: Settings, images: torch.Tensor) -> torch.Tensor:
    """How far (px, x y, float64 ``[K, 2]``) each average's content must move to be centred; 0 below half a pixel.

    The centre is that of the bright part: what lies above a quarter of the largest value, smoothed to 40 Å.
    """
    moved = torch.zeros((len(images), 2), dtype=torch.float64)
    if not settings.recentre:
        return moved
    offset = torch.arange(settings.box, device=images.device, dtype=torch.float64) - settings.box // 2
    smooth = _smoothed(settings, images)
    bright = (smooth - 0.25 * smooth.amax(dim=(1, 2), keepdim=True)).clamp_min(0.0).to(torch.float64)
    mass = bright.sum(dim=(1, 2)).clamp_min(1e-12)
    x = (bright.sum(dim=1) * offset).sum(dim=1) / mass
    y = (bright.sum(dim=2) * offset).sum(dim=1) / mass
    limit = 0.125 * settings.mask_diameter / settings.pixel_size
    centre = torch.stack((x, y), dim=1).cpu().clamp(-limit, limit)
    return torch.where(centre.abs().amax(dim=1, keepdim=True) > 0.5, -centre, moved)


def shifted(images: torch.Tensor, moved: torch.Tensor) -> torch.Tensor:
    """Images ``[K, box, box]`` with their content moved by ``moved [K, 2]`` px (x, y)."""
    spectrum = fourier_shift(torch.fft.rfft2(images), (images.shape[-2], images.shape[-1]), moved)
    return torch.fft.irfft2(spectrum, s=images.shape[-2:])


def _smoothed(settings: Settings, images: torch.Tensor) -> torch.Tensor:
    ring = settings.extent / 40.0
    square = frequency_squared((settings.box, settings.box), 1.0 / settings.box, images.device)
    weight = torch.exp(-0.5 * square / ring**2)
    return torch.fft.irfft2(torch.fft.rfft2(images) * weight, s=images.shape[-2:])


def turned_origins(origin: np.ndarray, psi: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Origins after the reference of each image moved by ``moved [n, 2]`` px (x, y) in its own frame."""
    angle = np.deg2rad(psi)
    cos, sin = np.cos(angle), np.sin(angle)
    x = cos * moved[:, 0] + sin * moved[:, 1]
    y = -sin * moved[:, 0] + cos * moved[:, 1]
    return (origin + np.stack((x, y), axis=1)).astype(np.float32)


def contrast(settings: Settings, shape: Frame, images: torch.Tensor) -> np.ndarray:
    """Deviation of each average within half the mask's radius over that in the rim of the mask, float32 ``[K]``."""
    offset = torch.arange(settings.box, device=images.device) - settings.box // 2
    distance = torch.sqrt(offset[:, None] ** 2 + offset**2)
    inner = distance < 0.6 * shape.reference_radius
    rim = (distance >= shape.reference_radius) & (distance < max(shape.image_radius, shape.reference_radius + 2.0))
    ratio = images[:, inner].std(dim=1) / images[:, rim].std(dim=1).clamp_min(1e-12)
    return ratio.cpu().numpy().astype(np.float32)
