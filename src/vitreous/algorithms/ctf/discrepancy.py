"""Agreement of two estimates of one image's CTF."""

from __future__ import annotations

import math

from vitreous.core.optics import Ctf, Microscope


def agreement_resolution(microscope: Microscope, first: Ctf, second: Ctf) -> float:
    """Resolution in Å at which the phases of two CTFs differ by 90° in the direction where they differ most.

    Two estimates agree as long as their wave aberrations differ by less than 90°; beyond, one would correct what the
    other takes for the opposite sign. |π λ δ(α) s² + δφ| = π/2 is solved for the largest and smallest difference of
    defocus δ(α) over all directions α.

    Returns:
        Å; 0 where the two are equal (they agree at every frequency), infinity where their phase shifts alone differ by
        90° or more.
    """
    mean = first.defocus - second.defocus
    x, y = (_vector(first)[i] - _vector(second)[i] for i in (0, 1))
    spread = math.hypot(x, y)
    # The CTF's square knows phases modulo 180°.
    shift = math.radians((first.phase_shift - second.phase_shift + 90.0) % 180.0 - 90.0)
    if abs(shift) >= 0.5 * math.pi:
        return math.inf
    limits = []
    for delta in (mean - spread, mean + spread):
        slope = math.pi * microscope.wavelength * delta
        if slope:
            limits.append((math.copysign(0.5 * math.pi, slope) - shift) / slope)
    return 1.0 / math.sqrt(min(limits)) if limits else 0.0


def _vector(ctf: Ctf) -> tuple[float, float]:
    half, twice = 0.5 * ctf.defocus_difference, 2.0 * math.radians(ctf.astigmatism_angle)
    return half * math.cos(twice), half * math.sin(twice)
