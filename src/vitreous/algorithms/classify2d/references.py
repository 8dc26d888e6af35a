"""References between iterations: from sums to averages, masked, centred, and back to polar grids."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from vitreous.algorithms.classify2d.gridding import from_polar
from vitreous.algorithms.classify2d.prepare import Frame, soft_disc
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.fourier.shift import fourier_shift


@dataclass(frozen=True)
class Centred:
    """Averages after centring, and by how much (px, x y, float64 ``[K, 2]``) their content was moved."""

    averages: torch.Tensor
    moved: torch.Tensor


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
    """Images within the soft disc of the references."""
    edge = min(settings.mask_edge, shape.reference_radius)
    return images * soft_disc(settings.box, shape.reference_radius - edge, edge, images.device)


def centred(settings: Settings, images: torch.Tensor) -> Centred:
    """Move the centre of mass of the bright part of each average to the centre, if it is off by half a pixel.

    The bright part is what lies above a quarter of the largest value of the average, smoothed to 40 Å.
    """
    count = len(images)
    moved = torch.zeros((count, 2), dtype=torch.float64)
    if not settings.recentre:
        return Centred(images, moved)
    spectrum = torch.fft.rfft2(images)
    offset = torch.arange(settings.box, device=images.device, dtype=torch.float64) - settings.box // 2
    smooth = _smoothed(settings, images)
    bright = (smooth - 0.25 * smooth.amax(dim=(1, 2), keepdim=True)).clamp_min(0.0).to(torch.float64)
    mass = bright.sum(dim=(1, 2)).clamp_min(1e-12)
    x = (bright.sum(dim=1) * offset).sum(dim=1) / mass
    y = (bright.sum(dim=2) * offset).sum(dim=1) / mass
    centre = torch.stack((x, y), dim=1).cpu()
    limit = 0.25 * 0.5 * settings.mask_diameter / settings.pixel_size
    centre = centre.clamp(-limit, limit)
    moved = torch.where(centre.abs().amax(dim=1, keepdim=True) > 0.5, -centre, moved)
    images = torch.fft.irfft2(fourier_shift(spectrum, (settings.box, settings.box), moved), s=images.shape[-2:])
    return Centred(images, moved)


def _smoothed(settings: Settings, images: torch.Tensor) -> torch.Tensor:
    ring = settings.extent / 40.0
    f = torch.fft.fftfreq(settings.box, 1.0 / settings.box, device=images.device)
    weight = torch.exp(-0.5 * (f[:, None] ** 2 + torch.fft.rfftfreq(settings.box, 1.0 / settings.box) ** 2) / ring**2)
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
