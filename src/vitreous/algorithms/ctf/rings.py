"""How far apart Thon rings lie in a spectrum."""

from __future__ import annotations

import torch

from vitreous.core.optics import Ctf, Microscope


def ring_lag(frequency: torch.Tensor, microscope: Microscope, ctf: Ctf) -> torch.Tensor:
    """Distance in Å of the points whose interference makes the rings at s: 2 λ Δf s - 2 C_s λ³ s³."""
    wavelength = microscope.wavelength
    third = microscope.spherical_aberration * 1e7 * wavelength**3
    return 2.0 * wavelength * ctf.defocus * frequency - 2.0 * third * frequency**3


def ring_knots(
    frequency: torch.Tensor, microscope: Microscope, ctf: Ctf, rings: float, parts: int = 30
) -> torch.Tensor:
    """Knots over ``frequency [n]``, ``rings`` ring spacings apart but no closer than 1/``parts`` of the whole."""
    low, high = float(frequency[0]), float(frequency[-1])
    knots = [low]
    while knots[-1] < high:
        spacing = 1.0 / (2.0 * microscope.wavelength * max(abs(ctf.defocus), 1000.0) * knots[-1])
        knots.append(knots[-1] + max(rings * spacing, (high - low) / parts))
    if len(knots) > 2 and high - knots[-2] < 0.5 * (knots[-2] - knots[-3]):
        knots.pop(-2)
    knots[-1] = high
    return torch.tensor(knots, dtype=frequency.dtype, device=frequency.device)
