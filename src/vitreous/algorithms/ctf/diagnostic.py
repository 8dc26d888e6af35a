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
    even = _full_plane(_even_contrast(spectrum, curves))
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
    """Power less its level, in standard deviations of the ring around; 0 beyond Nyquist."""
    fy, fx = spectrum.frequencies()
    s = torch.sqrt(fx * fx + fy * fy)
    low, high = float(curves.frequency[0]), float(curves.frequency[-1])
    position = s.to(torch.float64).clamp(low, high)
    level = torch.exp(interpolate(position.reshape(-1), curves.frequency, torch.log(curves.level))).reshape(s.shape)
    contrast = (spectrum.power / level - 1.0).clamp(-1.0, 4.0)
    contrast = torch.nn.functional.avg_pool2d(contrast[None, None].to(torch.float32), 3, 1, 1, count_include_pad=False)[
        0, 0
    ]
    ring = torch.round(s * spectrum.extent).to(torch.int64)
    inside = (s < high) & (s > 0.5 * low)
    flat = ring[inside]
    number = torch.bincount(flat).clamp_min(1)
    mean = torch.bincount(flat, contrast[inside]) / number
    spread = torch.sqrt((torch.bincount(flat, contrast[inside] ** 2) / number).clamp_min(1e-12))
    # The spread is taken over neighbouring rings: a dark ring must stay dark.
    width = 2 * (spectrum.box // 64) + 1
    spread = torch.nn.functional.avg_pool1d(spread[None, None], width, 1, width // 2, count_include_pad=False)[0, 0]
    index = ring.clamp(max=len(mean) - 1)
    return torch.where(inside, contrast / spread[index].clamp_min(1e-6), torch.zeros_like(contrast)).clamp(-3.0, 3.0)


def _full_plane(half: torch.Tensor) -> torch.Tensor:
    """Centred full plane ``[n, n]`` of a point-symmetric ``rfft2`` half ``[n, n//2+1]`` (n even)."""
    n = half.shape[0]
    middle = n // 2
    rows = torch.roll(half, middle, 0)
    mirrored = torch.roll(torch.flip(rows, (0, 1)), 1, 0)
    return torch.cat([mirrored[:, :middle], rows[:, :middle]], dim=1)
