"""Structural noise of amorphous ice: its power, and how irradiation makes it forget."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from vitreous.algorithms.simulate.noise import white_spectrum
from vitreous.algorithms.simulate.potential import VOLT_AREA, WATER_DENSITY, interaction_parameter

DIFFUSION = 1.0 / 3.0
"""Mean square displacement of a water molecule per axis and exposure, Å² per e/Å² at 300 kV: about 1 Å rms in space for
1 e/Å² (McMullan, Vinothkumar & Henderson 2015, Ultramicroscopy 158:26)."""


def structure_factor(frequency: torch.Tensor) -> torch.Tensor:
    """Structure factor of low-density amorphous ice at s (1/Å), a smooth description of its diffraction pattern.

    0.06 at low frequency (compressibility), first maximum of about 2.1 at 1/3.7 Å, second of about 1.3 at 1/2.05 Å,
    1 beyond.
    """
    rise = 0.06 + 0.94 * torch.sigmoid((frequency - 0.245) / 0.028)
    first = 1.4 * torch.exp(-0.5 * ((frequency - 0.270) / 0.022).square())
    second = 0.35 * torch.exp(-0.5 * ((frequency - 0.488) / 0.045).square())
    return rise + first + second


def water_scattering(frequency: torch.Tensor) -> torch.Tensor:
    """Scattering amplitude of a water molecule, Å: 3.04 / (1 + 4.3 s²)², a fit to the sum of its atoms'."""
    return 3.041 / (1.0 + 4.3 * frequency.square()).square()


def ice_power(frequency: torch.Tensor, thickness: float, voltage: float) -> torch.Tensor:
    """Power of the phase shift's fluctuations, rad² Å², of ice of a thickness in Å: n t (σ V f_w)² S(s)."""
    amplitude = interaction_parameter(voltage) * VOLT_AREA * water_scattering(frequency)
    return WATER_DENSITY * thickness * amplitude.square() * structure_factor(frequency)


def forgetting_rate(frequency: torch.Tensor) -> torch.Tensor:
    """κ in Å²/e: the noise at s keeps the correlation exp(-κ N) over an exposure N; κ = 2π² s² · DIFFUSION."""
    return 2.0 * math.pi**2 * DIFFUSION * frequency.square()


def frame_statistics(rate: torch.Tensor, dose: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Of a field that forgets at ``rate``, averaged over frames of ``dose``: variance, correlation of neighbours.

    With u = κ ΔN: variance 2 (u - 1 + e^-u) / u², neighbour covariance ((1 - e^-u) / u)².
    """
    u = (rate * dose).to(torch.float64).clamp_min(1e-4)
    variance = 2.0 * (u - 1.0 + torch.exp(-u)) / u.square()
    covariance = ((1.0 - torch.exp(-u)) / u).square()
    return variance.to(torch.float32), (covariance / variance).clamp(0.0, 1.0).to(torch.float32)


def ice_frames(
    shape: tuple[int, int], rate: torch.Tensor, doses: tuple[float, ...], generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """The ice's noise frame by frame: complex spectra ``[ny, nx//2+1]`` of unit power at N = 0 before frame averaging.

    A first-order autoregression with the exact variance of frames and correlation of neighbours. The yielded tensor is
    reused for the next frame.
    """
    state = white_spectrum(shape, generator)
    yield state * torch.sqrt(frame_statistics(rate, doses[0])[0])
    kept = fresh = level = torch.zeros(())
    previous: float | None = None
    for dose in doses[1:]:
        if dose != previous:
            variance, correlation = frame_statistics(rate, dose)
            kept, fresh = correlation.to(torch.complex64), torch.sqrt(1.0 - correlation.square()).to(torch.complex64)
            level = torch.sqrt(variance).to(torch.complex64)
            previous = dose
        state = state * kept + white_spectrum(shape, generator) * fresh
        yield state * level
