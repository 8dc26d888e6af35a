"""Agreement of a whole spectrum with a CTF in one number."""

from __future__ import annotations

import torch

from vitreous.algorithms.ctf.model import ctf_values
from vitreous.algorithms.ctf.resolution import Curves
from vitreous.algorithms.ctf.spectrum import Spectrum
from vitreous.core.optics import Ctf, Microscope


def normalised_correlation(
    spectrum: Spectrum,
    microscope: Microscope,
    ctf: Ctf,
    level: Curves,
    min_frequency: float,
    max_frequency: float,
) -> float:
    """Correlation of the flattened amplitude spectrum with \\|CTF\\| between two frequencies (1/Å), -1..1.

    Pixels within 10 of the axes (of 512) are left out. Source: Rohou & Grigorieff 2015, eq. 6.
    """
    power, fy, fx = spectrum.off_axes(max_frequency)
    s2 = fx * fx + fy * fy
    border = 10.0 / 512.0 * spectrum.box / spectrum.extent
    keep = (s2 >= min_frequency**2) & (s2 <= max_frequency**2) & (fx > border) & (fy.abs() > border)
    if int(keep.sum()) < 16:
        return 0.0
    s = torch.sqrt(s2[keep])
    smooth = interpolate(s, level.frequency.to(s.dtype), torch.sqrt(level.level).to(s.dtype))
    amplitude = (torch.sqrt(power[keep]) / smooth).to(torch.float64)
    model = ctf_values(fy, fx, microscope, Ctf(ctf.defocus_u, ctf.defocus_v, ctf.astigmatism_angle, ctf.phase_shift))
    model = model[keep].to(torch.float64).abs()
    amplitude, model = (amplitude - amplitude.mean()).clamp(max=3.0), model - model.mean()
    return float((amplitude * model).sum() / torch.sqrt((amplitude**2).sum() * (model**2).sum()).clamp_min(1e-30))


def interpolate(position: torch.Tensor, knots: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Linear interpolation of ``values`` at evenly spaced ``knots``, constant outside; shape of ``position``."""
    at = ((position - knots[0]) / (knots[1] - knots[0])).clamp(0.0, len(knots) - 1.0)
    low = at.to(torch.int64).clamp(max=len(knots) - 2)
    return torch.lerp(values[low], values[low + 1], (at - low).to(values.dtype))
