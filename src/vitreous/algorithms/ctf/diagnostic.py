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

    The work is done in polar coordinates over half a turn, every half pixel and degree: faint rings come out of the
    noise as each point becomes the mean of an arc of ``_ARC`` degrees. 0 beyond Nyquist and below the first bin of the
    curves.
    """
    box, middle = spectrum.box, spectrum.box // 2
    power = torch.roll(spectrum.power, middle, 0)
    device, dtype = power.device, power.dtype
    radius = torch.arange(0, 2 * middle, device=device, dtype=dtype) / 2.0
    angle = torch.arange(-90, 90, device=device, dtype=dtype) * (math.pi / 180.0)
    x, y = radius[None, :] * torch.cos(angle[:, None]), middle + radius[None, :] * torch.sin(angle[:, None])
    level = interpolate(radius / spectrum.extent, curves.frequency.to(dtype), torch.log(curves.level).to(dtype))
    contrast = (_sampled(power, x, y) / torch.exp(level) - 1.0).clamp(-1.0, 4.0)
    half = _ARC // 2
    # Half a turn further the spectrum begins anew.
    smooth = torch.cat([contrast[-half:], contrast, contrast[:half]]).unfold(0, 2 * half + 1, 1).mean(-1)
    # Mean and spread are taken over neighbouring rings: a dark ring must stay dark.
    width = 4 * (box // 50) + 1
    mean = _running_mean(smooth.mean(0), width)
    spread = torch.sqrt(_running_mean(((smooth - mean) ** 2).mean(0), width).clamp_min(1e-12))
    s = radius / spectrum.extent
    inside = (s > float(curves.frequency[0])) & (s < float(curves.frequency[-1]))
    even = torch.where(inside, (smooth - mean) / spread, torch.zeros_like(smooth)).clamp(-3.0, 3.0)
    row = torch.arange(-middle, middle, device=device, dtype=dtype)[:, None]
    column = torch.arange(0, middle + 1, device=device, dtype=dtype)[None, :]
    distance = torch.sqrt(row * row + column * column)
    degrees = torch.rad2deg(torch.atan2(row, column)) + 90.0
    plane = _sampled(torch.cat([even, even[:1]]), (2.0 * distance).clamp(max=2.0 * middle - 1.0), degrees)
    plane = torch.where(distance < float(curves.frequency[-1]) * spectrum.extent, plane, torch.zeros_like(plane))
    return torch.cat([torch.roll(torch.flip(plane, (0, 1)), 1, 0)[:, :middle], plane[:, :middle]], dim=1)


def _running_mean(values: torch.Tensor, width: int) -> torch.Tensor:
    return torch.nn.functional.avg_pool1d(values[None, None], width, 1, width // 2, count_include_pad=False)[0, 0]


def _sampled(plane: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Bilinear samples of ``plane [h, w]`` at (x, y) in px, shape of ``x``; the border is repeated outside."""
    h, w = plane.shape
    grid = torch.stack([2.0 * x / (w - 1) - 1.0, 2.0 * y / (h - 1) - 1.0], dim=-1)[None]
    sampled = torch.nn.functional.grid_sample(
        plane[None, None], grid, mode="bilinear", padding_mode="border", align_corners=True
    )
    return sampled[0, 0]
