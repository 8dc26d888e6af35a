"""The diagnostic picture of a fit: a spectrum with its rings made even, and the model in the lower-left quadrant."""

from __future__ import annotations

import math

import torch

from vitreous.algorithms.ctf.model import phase
from vitreous.algorithms.ctf.resolution import Curves
from vitreous.algorithms.ctf.rings import ring_lag
from vitreous.algorithms.ctf.score import interpolate
from vitreous.algorithms.ctf.spectrum import Spectrum, window_correlation
from vitreous.core.optics import Ctf, Microscope

_BRIGHT = 3.0
_MODEL_HEIGHT = 1.6
_DASH = 7.0
_ARC = 10


def diagnostic_image(
    spectrum: Spectrum, microscope: Microscope, ctf: Ctf, curves: Curves, max_frequency: float
) -> torch.Tensor:
    """Spectrum and model side by side.

    Args:
        spectrum: of the image.
        microscope: constants of the instrument.
        ctf: the fit.
        curves: of ``resolution.curves``; their level is taken off.
        max_frequency: 1/Å, zeros are marked up to here.

    Returns:
        float32 ``[box, box]``, zero frequency at index ``box // 2``, row 0 lowest; in standard deviations of each ring.
        The quadrant of negative x and y (lower left as drawn with row 0 at the bottom) shows ctf², its zeros dashed.
    """
    box, middle = spectrum.box, spectrum.box // 2
    even = _even_contrast(spectrum, curves)
    axis = (torch.arange(box, device=even.device, dtype=torch.float32) - middle) / spectrum.extent
    y, x = axis[:middle, None], axis[None, :middle]
    gamma = phase(y, x, microscope, ctf)
    s = torch.sqrt(x * x + y * y)
    fading = window_correlation(ring_lag(s, microscope, ctf) / spectrum.extent)
    model = -torch.cos(2.0 * gamma) * fading * _MODEL_HEIGHT
    # A pixel is on a zero if γ passes a multiple of π within it; where rings are closer than 5 px dashes would merge.
    slope = math.pi * ring_lag(s, microscope, ctf).abs() / spectrum.extent
    distance = (torch.remainder(gamma + 0.5 * math.pi, math.pi) - 0.5 * math.pi).abs() / slope.clamp_min(1e-6)
    arc = torch.atan2(-y, -x) * s * spectrum.extent
    dashed = (distance < 0.6) & (torch.remainder(arc, 2.0 * _DASH) < _DASH)
    dashed = dashed & (slope < math.pi / 5.0) & (s <= max_frequency)
    picture = even.clone()
    picture[:middle, :middle] = torch.where(dashed, torch.full_like(model, _BRIGHT), model)
    return picture


def _even_contrast(spectrum: Spectrum, curves: Curves) -> torch.Tensor:
    """Power less its level, averaged along the rings, in standard deviations of the ring around, ``[box, box]``.

    0 beyond Nyquist and below the first bin of the curves.
    """
    fy, fx = spectrum.frequencies()
    s = torch.sqrt(fx * fx + fy * fy)
    low, high = float(curves.frequency[0]), float(curves.frequency[-1])
    level = torch.exp(interpolate(s, curves.frequency.to(s.dtype), torch.log(curves.level).to(s.dtype)))
    contrast = (spectrum.power / level - 1.0).clamp(-1.0, 4.0).to(torch.float32)
    contrast = _along_rings(_full_plane(contrast))
    s = _full_plane(s)
    ring = torch.round(s * spectrum.extent).to(torch.int64)
    inside = (s < high) & (s > low)
    flat = ring[inside]
    number = torch.bincount(flat).clamp_min(1)
    mean = torch.bincount(flat, contrast[inside]) / number
    # Mean and spread are taken over neighbouring rings: a dark ring must stay dark.
    width = 2 * (spectrum.box // 50) + 1
    mean = _running_mean(mean, width)
    power = _running_mean(torch.bincount(flat, (contrast[inside] - mean[flat]) ** 2) / number, width)
    index = ring.clamp(max=len(mean) - 1)
    even = (contrast - mean[index]) / torch.sqrt(power[index].clamp_min(1e-12))
    return torch.where(inside, even, torch.zeros_like(even)).clamp(-3.0, 3.0)


def _running_mean(values: torch.Tensor, width: int) -> torch.Tensor:
    return torch.nn.functional.avg_pool1d(values[None, None], width, 1, width // 2, count_include_pad=False)[0, 0]


def _along_rings(plane: torch.Tensor) -> torch.Tensor:
    """A centred plane ``[n, n]`` averaged over ``_ARC`` degrees along circles: faint rings come out of the noise."""
    n = plane.shape[0]
    middle = n // 2
    device, dtype = plane.device, plane.dtype
    radius = torch.arange(0, 2 * middle, device=device, dtype=dtype) / 2.0
    angle = torch.arange(0, 360, device=device, dtype=dtype) * (math.pi / 180.0)
    x = middle + radius[None, :] * torch.cos(angle[:, None])
    y = middle + radius[None, :] * torch.sin(angle[:, None])
    polar = _sampled(plane, x, y)
    half = _ARC // 2
    turned = torch.cat([polar[-half:], polar, polar[:half]], dim=0)
    smooth = turned.unfold(0, 2 * half + 1, 1).mean(-1)
    axis = torch.arange(n, device=device, dtype=dtype) - middle
    r = torch.sqrt(axis[:, None] ** 2 + axis[None, :] ** 2)
    degrees = torch.rad2deg(torch.atan2(axis[:, None].expand(n, n), axis[None, :].expand(n, n))) % 360.0
    closed = torch.cat([smooth, smooth[:1]], dim=0)
    return _sampled(closed, (2.0 * r).clamp(max=2.0 * middle - 1.0), degrees)


def _sampled(plane: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Bilinear samples of ``plane [h, w]`` at (x, y) in px, shape of ``x``; the border is repeated outside."""
    h, w = plane.shape
    grid = torch.stack([2.0 * x / (w - 1) - 1.0, 2.0 * y / (h - 1) - 1.0], dim=-1)[None]
    sampled = torch.nn.functional.grid_sample(
        plane[None, None], grid, mode="bilinear", padding_mode="border", align_corners=True
    )
    return sampled[0, 0]


def _full_plane(half: torch.Tensor) -> torch.Tensor:
    """Centred full plane ``[n, n]`` of a point-symmetric ``rfft2`` half ``[n, n//2+1]`` (n even)."""
    n = half.shape[0]
    middle = n // 2
    rows = torch.roll(half, middle, 0)
    mirrored = torch.roll(torch.flip(rows, (0, 1)), 1, 0)
    return torch.cat([mirrored[:, :middle], rows[:, :middle]], dim=1)
