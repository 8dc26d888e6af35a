"""Exposure filter: attenuation of signal by radiation damage (Grant & Grigorieff 2015, eLife 4:e06980)."""

from __future__ import annotations

import torch

from vitreous.core.errors import UsageError

_VOLTAGE_FACTORS = ((100.0, 0.532), (200.0, 0.8), (300.0, 1.0))


def voltage_factor(voltage: float) -> float:
    """Scale of the critical exposure relative to 300 kV: 1 at 300, 0.8 at 200, 0.532 at 100 kV, linear between."""
    if not 80.0 <= voltage <= 400.0:
        raise UsageError(
            f"the critical exposure is not known at {voltage:g} kV",
            hint="Switch the exposure filter off, or give a voltage of 80 to 400 kV",
            voltage=voltage,
        )
    (v0, f0), (v1, f1), (v2, f2) = _VOLTAGE_FACTORS
    if voltage <= v1:
        return f0 + (f1 - f0) * (voltage - v0) / (v1 - v0)
    return f1 + (f2 - f1) * (min(voltage, v2) - v1) / (v2 - v1)


def critical_exposure(frequency: torch.Tensor, voltage: float = 300.0) -> torch.Tensor:
    """Exposure in e/Å² at which the signal power at ``frequency`` (1/Å) falls to 1/e (Grant & Grigorieff, eq. 3).

    N_e(s) = (0.24499 s^-1.6649 + 2.8141) f(voltage); infinite at s = 0.
    """
    return (0.24499 * frequency.clamp_min(0.0).pow(-1.6649) + 2.8141) * voltage_factor(voltage)


def exposure_weight(frequency: torch.Tensor, exposure: float | torch.Tensor, voltage: float = 300.0) -> torch.Tensor:
    """Amplitude weight q = exp(-N / (2 N_e(s))) of a frame whose exposure *ends* at ``exposure`` e/Å²; q(0) = 1."""
    return torch.exp(-0.5 * exposure / critical_exposure(frequency, voltage))
