"""Electron optics: the microscope's constants and the parameters of one contrast transfer function."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vitreous.core.errors import UsageError


def wavelength(voltage: float) -> float:
    """Relativistic electron wavelength in Å for an acceleration voltage in kV.

    λ = 12.2643247 / √(V (1 + 0.978466e-6 V)), V in volts: 0.01969 Å at 300 kV.
    """
    if not 10.0 <= voltage <= 3000.0:
        raise UsageError(
            f"acceleration voltage {voltage:g} kV is outside 10..3000 kV",
            hint="Give the voltage in kV, for example 300",
            voltage=voltage,
        )
    volts = 1000.0 * voltage
    return 12.2643247 / math.sqrt(volts * (1.0 + 0.978466e-6 * volts))


@dataclass(frozen=True)
class Microscope:
    """What does not change from image to image.

    Attributes:
        voltage: kV.
        spherical_aberration: mm; 0 is legal (corrected instrument).
        amplitude_contrast: fraction 0..1.
    """

    voltage: float
    spherical_aberration: float
    amplitude_contrast: float = 0.07

    def __post_init__(self) -> None:
        if not 0.0 <= self.amplitude_contrast <= 1.0:
            raise UsageError(
                f"amplitude contrast {self.amplitude_contrast:g} is outside 0..1",
                hint="Usual values are 0.07 to 0.1",
                amplitude_contrast=self.amplitude_contrast,
            )
        wavelength(self.voltage)

    @property
    def wavelength(self) -> float:
        """Electron wavelength, Å."""
        return wavelength(self.voltage)


@dataclass(frozen=True)
class Ctf:
    """Defocus, astigmatism and phase shift of one image; the constructor orders the axes.

    Attributes:
        defocus_u: larger defocus, Å, underfocus positive.
        defocus_v: smaller defocus, Å.
        astigmatism_angle: degrees in [0, 180), from +x to the U axis, counter-clockwise (row 0 is y = 0).
        phase_shift: degrees, of a phase plate.
        b_factor: Å², envelope exp(-B s²/4) on amplitudes.
    """

    defocus_u: float
    defocus_v: float
    astigmatism_angle: float = 0.0
    phase_shift: float = 0.0
    b_factor: float = 0.0

    def __post_init__(self) -> None:
        angle = self.astigmatism_angle
        if self.defocus_v > self.defocus_u:
            u, v = self.defocus_v, self.defocus_u
            object.__setattr__(self, "defocus_u", u)
            object.__setattr__(self, "defocus_v", v)
            angle += 90.0
        object.__setattr__(self, "astigmatism_angle", angle % 180.0)

    @property
    def defocus(self) -> float:
        """Mean defocus, Å."""
        return 0.5 * (self.defocus_u + self.defocus_v)

    @property
    def defocus_difference(self) -> float:
        """U - V, Å, never negative."""
        return self.defocus_u - self.defocus_v
