"""Refinement of a CTF by least squares on all cells of a power spectrum at once.

Expected power is ``level(s, α) · (1 - v(s) cos 2γ(s, α))``: rings of visibility v on a smooth level. Gauss-Newton steps
improve the CTF's parameters together with the level; visibility is measured between steps, shell by shell, and weights
each shell by how well its rings can be seen. Data of finer and finer resolution enter as the phase becomes certain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vitreous.algorithms.ctf.background import hat_basis, smooth_level
from vitreous.algorithms.ctf.model import amplitude_phase
from vitreous.algorithms.ctf.polar import PolarSpectrum
from vitreous.algorithms.ctf.rings import ring_knots
from vitreous.algorithms.ctf.spectrum import window_correlation
from vitreous.core.optics import Ctf, Microscope

# Relative error of the model itself (its smooth level, and the form of the rings), which no averaging makes smaller. It
# keeps the few strong rings at low resolution, whose height follows the specimen's form, from outvoting the many weak
# ones that reach further.
_LEVEL_ERROR = 0.01
_RING_ERROR = 0.3
_LARGEST_STEP = 100.0


@dataclass(frozen=True)
class Refined:
    """A refined CTF.

    Attributes:
        ctf: the best parameters.
        visibility: v ``[shells]``, contrast of the rings in each shell, 0 where none are seen.
        defocus_error: standard deviation of the mean defocus by noise and model error, Å; ``None``: not bounded.
    """

    ctf: Ctf
    visibility: torch.Tensor
    defocus_error: float | None


@dataclass(frozen=True)
class _Parameters:
    """Mean defocus a, astigmatism b + ic = ½ (U - V) exp(2iα₀) in Å, phase shift in rad."""

    a: float
    b: float
    c: float
    shift: float

    @staticmethod
    def of(ctf: Ctf) -> _Parameters:
        half, twice = 0.5 * ctf.defocus_difference, 2.0 * math.radians(ctf.astigmatism_angle)
        return _Parameters(ctf.defocus, half * math.cos(twice), half * math.sin(twice), math.radians(ctf.phase_shift))

    def ctf(self) -> Ctf:
        half = math.hypot(self.b, self.c)
        angle = math.degrees(0.5 * math.atan2(self.c, self.b))
        return Ctf(self.a + half, self.a - half, angle, math.degrees(self.shift))


def refine_ctf(
    polar: PolarSpectrum,
    microscope: Microscope,
    start: Ctf,
    max_frequency: float,
    *,
    find_phase_shift: bool = False,
    astigmatism_tolerance: float | None = None,
    steps: int = 4,
) -> Refined:
    """Refine from a start that is within a ring's width of the truth.

    Args:
        polar: fine cells of the spectrum.
        microscope: constants of the instrument.
        start: found by the search, or by a refinement to a lower limit.
        max_frequency: 1/Å, data enter up to here.
        find_phase_shift: refine the phase shift too.
        astigmatism_tolerance: Å; prior of standard deviation of the defocus difference. ``None``: no restraint.
        steps: Gauss-Newton steps.
    """
    shells = max(8, int((polar.frequency <= max_frequency).sum()))
    used = _upto(polar, shells)
    now = _Parameters.of(start)
    total = used.count.sum(0).clamp_min(1.0)
    radial = _hats(used, microscope, start)
    rough = smooth_level((used.power * used.count).sum(0) / total, torch.sqrt(total), radial)
    data = (used.power / rough - 1.0).clamp(max=3.0)
    angular = _angular_basis(used, radial)
    window = _gaussian(len(total), _ring_width(used, microscope, now))
    visibility = torch.zeros_like(total)
    for _ in range(2):
        error = _LEVEL_ERROR**2 + (_RING_ERROR * visibility) ** 2
        cells = _Cells(used, data, used.count / total / (1.0 / (total * used.looks) + error), angular, window)
        visibility, level = cells.visibility(microscope, now, cells.level(torch.zeros_like(data)))
    for _ in range(steps):
        step, level = cells.step(microscope, now, visibility, find_phase_shift, astigmatism_tolerance)
        now = _moved(now, step)
        visibility, level = cells.visibility(microscope, now, level)
    return Refined(now.ctf(), visibility, cells.deviation(microscope, now, visibility))


class _Cells:
    """The data of one round; every method gives new values and changes nothing."""

    def __init__(
        self,
        polar: PolarSpectrum,
        data: torch.Tensor,
        weight: torch.Tensor,
        basis: torch.Tensor,
        window: torch.Tensor,
    ) -> None:
        self.polar, self.data, self.weight = polar, data, weight
        self.basis, self.window = basis, window
        scaled = basis * weight.reshape(-1, 1)
        normal = basis.T @ scaled
        ridge = 1e-8 * normal.diagonal().mean() * torch.eye(len(normal), dtype=normal.dtype, device=normal.device)
        self.scaled, self.inverse = scaled, torch.linalg.inv(normal + ridge)

    def level(self, explained: torch.Tensor) -> torch.Tensor:
        """Smooth level (less 1) that fits the data less ``explained``, ``[sectors, shells]``."""
        rest = (self.data - explained).reshape(-1)
        return (self.basis @ (self.inverse @ (self.scaled.T @ rest))).reshape(self.data.shape)

    def without_level(self, values: torch.Tensor) -> torch.Tensor:
        """``values [n, k]`` less what the smooth level explains of them."""
        return values - self.basis @ (self.inverse @ (self.scaled.T @ values))

    def angle(self, microscope: Microscope, now: _Parameters) -> torch.Tensor:
        """2γ' = 2 (π λ Δf s² - ½π C_s λ³ s⁴ + φ), ``[sectors, shells]``."""
        p, wavelength = self.polar, microscope.wavelength
        third = microscope.spherical_aberration * 1e7 * wavelength**3
        blur = now.a * p.s2 + now.b * p.s2_cos + now.c * p.s2_sin
        return 2.0 * (
            math.pi * wavelength * blur - 0.5 * math.pi * third * p.s4 + now.shift + amplitude_phase(microscope)
        )

    def fading(self, microscope: Microscope, now: _Parameters) -> torch.Tensor:
        """Loss of contrast of the rings in a tapered tile, ``[shells]``."""
        p, wavelength = self.polar, microscope.wavelength
        third = microscope.spherical_aberration * 1e7 * wavelength**3
        lag = 2.0 * wavelength * now.a * p.frequency - 2.0 * third * p.frequency**3
        return window_correlation(lag / p.extent).clamp_min(0.02)

    def visibility(
        self, microscope: Microscope, now: _Parameters, level: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Contrast of the rings ``[shells]``, smooth and never negative, and the level freed of the rings."""
        template = -torch.cos(self.angle(microscope, now)) * self.fading(microscope, now)
        along = (self.weight * (self.data - level) * template).sum(0)
        power = (self.weight * template * template).sum(0)
        along, power = self.window @ along, self.window @ power
        value = (along / power.clamp_min(1e-12)).clamp_min(0.0)
        # Contrast that could be noise is shrunk, so that shells without rings have no say.
        certainty = value * value * power
        visibility = (value * (1.0 - 1.0 / certainty.clamp_min(1e-12)).clamp_min(0.0)).clamp(max=0.95)
        return visibility, self.level(visibility * template)

    def step(
        self,
        microscope: Microscope,
        now: _Parameters,
        visibility: torch.Tensor,
        find_phase_shift: bool,
        tolerance: float | None,
    ) -> tuple[list[float], torch.Tensor]:
        """Gauss-Newton step (a, b, c, shift) and the level that goes with it."""
        strength = visibility * self.fading(microscope, now)
        angle = self.angle(microscope, now)
        template = -strength * torch.cos(angle)
        slope = 2.0 * strength * torch.sin(angle)
        p, factor = self.polar, math.pi * microscope.wavelength
        columns = [slope * factor * p.s2, slope * factor * p.s2_cos, slope * factor * p.s2_sin]
        if find_phase_shift:
            columns.append(slope)
        jacobian = self.without_level(torch.stack([column.reshape(-1) for column in columns], dim=1))
        # Power has a relative error, so cells where a ring's zero makes it small are the more precise.
        weight = (self.weight / (1.0 + template).clamp_min(0.2) ** 2).reshape(-1)
        residual = (self.data - template - self.level(template)).reshape(-1)
        scaled = jacobian * weight[:, None]
        normal, right = scaled.T @ jacobian, scaled.T @ residual
        if tolerance is not None:
            for i, value in ((1, now.b), (2, now.c)):
                normal[i, i] += 4.0 / tolerance**2
                right[i] -= 4.0 * value / tolerance**2
        scale = normal.diagonal().clamp_min(1e-30).rsqrt()
        system = normal * scale[:, None] * scale[None, :]
        system = system + 1e-6 * torch.eye(len(system), dtype=system.dtype, device=system.device)
        step = (torch.linalg.solve(system, right * scale) * scale).tolist()
        return (step if find_phase_shift else [*step, 0.0]), self.level(template)

    def deviation(self, microscope: Microscope, now: _Parameters, visibility: torch.Tensor) -> float | None:
        """Standard deviation of the mean defocus by noise and model error, Å."""
        strength = visibility * self.fading(microscope, now)
        slope = (
            2.0 * strength * torch.sin(self.angle(microscope, now)) * math.pi * microscope.wavelength * self.polar.s2
        )
        information = float((self.weight * slope * slope).sum())
        return 1.0 / math.sqrt(information) if information > 0.0 else None


def _upto(polar: PolarSpectrum, shells: int) -> PolarSpectrum:
    return PolarSpectrum(
        polar.power[:, :shells],
        polar.count[:, :shells],
        polar.s2[:, :shells],
        polar.s4[:, :shells],
        polar.s2_cos[:, :shells],
        polar.s2_sin[:, :shells],
        polar.angle,
        polar.frequency[:shells],
        polar.looks,
        polar.extent,
    )


def _ring_width(polar: PolarSpectrum, microscope: Microscope, now: _Parameters) -> torch.Tensor:
    """Distance between zeros, in shells, ``[shells]``: 1 / (2 λ Δf s), but never below 6 nor above a third of all."""
    period = 1.0 / (2.0 * microscope.wavelength * max(abs(now.a), 1000.0) * polar.frequency)
    step = float(polar.frequency[1] - polar.frequency[0])
    return (period / step).clamp(6.0, max(6.0, len(polar.frequency) / 3.0))


def _gaussian(length: int, width: torch.Tensor) -> torch.Tensor:
    """Weights ``[length, length]`` of windows of deviation ``width`` / 1.5 about each point, 1 at the middle."""
    index = torch.arange(length, dtype=width.dtype, device=width.device)
    return torch.exp(-0.5 * ((index[None, :] - index[:, None]) / (width[:, None] / 1.5)) ** 2)


def _hats(polar: PolarSpectrum, microscope: Microscope, ctf: Ctf) -> torch.Tensor:
    """Hat functions ``[shells, knots]`` whose knots lie two rings apart: they follow no ring, but every other bend."""
    return hat_basis(polar.frequency, ring_knots(polar.frequency, microscope, ctf, 2.0))


def _angular_basis(polar: PolarSpectrum, radial: torch.Tensor) -> torch.Tensor:
    """The radial functions, and a coarse part of them times cos 2α and sin 2α: ``[sectors · shells, m]``."""
    twice = 2.0 * polar.angle
    coarse = hat_basis(
        polar.frequency,
        torch.linspace(
            float(polar.frequency[0]), float(polar.frequency[-1]), 5, dtype=radial.dtype, device=radial.device
        ),
    )
    sectors, shells = len(polar.angle), len(polar.frequency)
    parts = [radial[None].expand(sectors, -1, -1)]
    for wave in (torch.cos(twice), torch.sin(twice)):
        parts.append(wave[:, None, None] * coarse[None])
    return torch.cat(parts, dim=2).reshape(sectors * shells, -1)


def _moved(now: _Parameters, step: list[float]) -> _Parameters:
    length = max(abs(step[0]), math.hypot(step[1], step[2]), _LARGEST_STEP / 0.5 * abs(step[3]))
    part = min(1.0, _LARGEST_STEP / length) if length > 0.0 else 1.0
    return _Parameters(
        now.a + part * step[0], now.b + part * step[1], now.c + part * step[2], now.shift + part * step[3]
    )
