"""How large a box a particle needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vitreous.algorithms.fourier.sizes import smooth_up
from vitreous.core.errors import UsageError
from vitreous.core.optics import wavelength

LEAST, MOST = 1.5, 2.0
"""Sides of a box over the particle's diameter: below, no background is left; above, it costs more than it gives."""


@dataclass(frozen=True)
class BoxAdvice:
    """A box and why.

    Attributes:
        box: px, even and 2-3-5-7-smooth.
        width: Å.
        whole: Å that would hold the particle and all of its delocalised signal.
        reason: a sentence.
    """

    box: int
    width: float
    whole: float
    reason: str


def delocalisation(defocus: float, voltage: float, resolution: float, spherical_aberration: float = 0.0) -> float:
    """How far the signal of ``resolution`` lies from where it belongs, Å: |λ Δf s - C_s λ³ s³|.

    The gradient of the aberration function χ(s) over 2π (Zemlin et al. 1978; Rosenthal & Henderson 2003).

    Args:
        defocus: Å, of either sign.
        voltage: kV.
        resolution: 1/s, Å.
        spherical_aberration: mm.
    """
    if resolution <= 0.0:
        raise UsageError(f"a resolution of {resolution:g} Å is not possible", hint="Give it in Å, such as 4")
    length, s = wavelength(voltage), 1.0 / resolution
    return abs(length * defocus * s - spherical_aberration * 1e7 * length**3 * s**3)


def recommended_box(
    diameter: float,
    pixel_size: float,
    defocus: float | None = None,
    voltage: float | None = None,
    resolution: float | None = None,
    spherical_aberration: float = 0.0,
) -> BoxAdvice:
    """A box for a particle: 1.5 times its diameter, and up to twice where its delocalised signal needs the room.

    Args:
        diameter: of the particle, Å.
        pixel_size: of the micrograph, Å.
        defocus, voltage: Å and kV; without them delocalisation is not looked at.
        resolution: finest detail whose signal the box is to hold, Å; three pixels unless given.
        spherical_aberration: mm.

    Raises:
        UsageError: diameter or pixel size are not positive.
    """
    if not (diameter > 0.0 and pixel_size > 0.0 and math.isfinite(diameter)):
        raise UsageError(
            f"a particle of {diameter:g} Å at {pixel_size:g} Å/px is not possible", hint="Give both in Å", box=diameter
        )
    least = LEAST * diameter
    whole, told = least, f"{LEAST:g} times the diameter of {diameter:g} Å"
    if defocus is not None and voltage is not None:
        finest = 3.0 * pixel_size if resolution is None else resolution
        beyond = delocalisation(defocus, voltage, finest, spherical_aberration)
        whole = diameter + 2.0 * beyond
        spread = f"the signal of {finest:.3g} Å spreads {beyond:.0f} Å at a defocus of {abs(defocus) / 1e4:.2g} µm"
        if whole <= least:
            told += f", which holds all signal ({spread})"
        elif whole <= MOST * diameter:
            told = f"the diameter of {diameter:g} Å and the room around it: {spread}"
        else:
            told = f"{MOST:g} times the diameter of {diameter:g} Å; {spread}, and {whole:.0f} Å would hold it all"
    width = min(max(least, whole), MOST * diameter)
    box = smooth_up(max(16, math.ceil(width / pixel_size)))
    return BoxAdvice(box, box * pixel_size, whole, f"{box} px ({box * pixel_size:.0f} Å): {told}")
