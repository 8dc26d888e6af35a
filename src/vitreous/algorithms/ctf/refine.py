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
    window = _gaussian(len(total), _ring_width(used, microscope, now))
    visibility, rings = torch.zeros_like(total), _rings(used, microscope, now)
    for _ in range(2):
        error = _LEVEL_ERROR**2 + (_RING_ERROR * visibility) ** 2
        cells = _Cells(used, data, used.count / total / (1.0 / (total * used.looks) + error), radial, window)
        visibility, level = cells.visibility(rings, cells.smooth(data))
    for _ in range(steps):
        step, level = cells.step(rings, microscope, now, visibility, find_phase_shift, astigmatism_tolerance)
        now = _moved(now, step)
        rings = _rings(used, microscope, now)
        visibility, level = cells.visibility(rings, level)
    return Refined(now.ctf(), visibility, cells.deviation(rings, microscope, visibility))


@dataclass(frozen=True)
class _Rings:
    """cos and sin of 2γ' = 2 (π λ Δf s² - ½π C_s λ³ s⁴ + φ), ``[sectors, shells]``, and the loss of the rings' contrast
    in a tapered tile, ``[shells]``."""

    cos: torch.Tensor
    sin: torch.Tensor
    fading: torch.Tensor


def _rings(polar: PolarSpectrum, microscope: Microscope, now: _Parameters) -> _Rings:
    wavelength = microscope.wavelength
    third = microscope.spherical_aberration * 1e7 * wavelength**3
    turn = 2.0 * math.pi * wavelength
    angle = polar.s2 * (turn * now.a) + polar.s2_cos * (turn * now.b) + polar.s2_sin * (turn * now.c)
    angle = angle - polar.s4 * (math.pi * third) + 2.0 * (now.shift + amplitude_phase(microscope))
    lag = 2.0 * wavelength * now.a * polar.frequency - 2.0 * third * polar.frequency**3
    return _Rings(torch.cos(angle), torch.sin(angle), window_correlation(lag / polar.extent).clamp_min(0.02))


class _Cells:
    """The data of one round; every method gives new values and changes nothing."""

    def __init__(
        self,
        polar: PolarSpectrum,
        data: torch.Tensor,
        weight: torch.Tensor,
        radial: torch.Tensor,
        window: torch.Tensor,
    ) -> None:
        """Prepare the smooth level: radial functions, and a coarse set of them times cos 2α and sin 2α."""
        self.polar, self.data, self.weight, self.window = polar, data, weight, window
        twice = 2.0 * polar.angle
        self.angular = torch.stack([torch.ones_like(twice), torch.cos(twice), torch.sin(twice)])
        ends = float(polar.frequency[0]), float(polar.frequency[-1])
        knots = torch.linspace(*ends, 5, dtype=radial.dtype, device=radial.device)
        coarse = hat_basis(polar.frequency, knots)
        self.bases = (radial, coarse, coarse)
        pairs = (self.angular[:, None] * self.angular[None]) @ weight
        normal = torch.cat(
            [
                torch.cat([one.T @ (pairs[i, j][:, None] * two) for j, two in enumerate(self.bases)], dim=1)
                for i, one in enumerate(self.bases)
            ]
        )
        ridge = 1e-8 * normal.diagonal().mean() * torch.eye(len(normal), dtype=normal.dtype, device=normal.device)
        self.inverse = torch.linalg.inv(normal + ridge)

    def smooth(self, values: torch.Tensor) -> torch.Tensor:
        """The smooth level that fits ``values [..., sectors, shells]``, of their shape."""
        sums = self.angular @ (self.weight * values)
        right = torch.cat([sums[..., i, :] @ basis for i, basis in enumerate(self.bases)], dim=-1)
        sizes = [basis.shape[1] for basis in self.bases]
        parts = torch.split(right @ self.inverse, sizes, dim=-1)
        lines = torch.stack([part @ basis.T for part, basis in zip(parts, self.bases, strict=True)], dim=-2)
        return self.angular.T @ lines

    def visibility(self, rings: _Rings, level: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Contrast of the rings ``[shells]``, smooth and never negative, and the level freed of the rings."""
        template = -rings.cos * rings.fading
        weighted = self.weight * template
        along = self.window @ (weighted * (self.data - level)).sum(0)
        power = self.window @ (weighted * template).sum(0)
        value = (along / power.clamp_min(1e-12)).clamp_min(0.0)
        # Contrast that could be noise is shrunk, so that shells without rings have no say.
        certainty = value * value * power
        visibility = (value * (1.0 - 1.0 / certainty.clamp_min(1e-12)).clamp_min(0.0)).clamp(max=0.95)
        return visibility, self.smooth(self.data - visibility * template)

    def step(
        self,
        rings: _Rings,
        microscope: Microscope,
        now: _Parameters,
        visibility: torch.Tensor,
        find_phase_shift: bool,
        tolerance: float | None,
    ) -> tuple[list[float], torch.Tensor]:
        """Gauss-Newton step (a, b, c, shift) and the level that goes with it."""
        strength = visibility * rings.fading
        template = -strength * rings.cos
        slope = 2.0 * strength * rings.sin
        p, bend = self.polar, slope * (math.pi * microscope.wavelength)
        columns = [bend * p.s2, bend * p.s2_cos, bend * p.s2_sin]
        if find_phase_shift:
            columns.append(slope)
        every = torch.stack(columns)
        jacobian = (every - self.smooth(every)).reshape(len(columns), -1)
        # Power has a relative error, so cells where a ring's zero makes it small are the more precise.
        weight = (self.weight / (1.0 + template).clamp_min(0.2) ** 2).reshape(-1)
        level = self.smooth(self.data - template)
        residual = (self.data - template - level).reshape(-1)
        scaled = jacobian * weight
        normal, right = scaled @ jacobian.T, scaled @ residual
        if tolerance is not None:
            for i, value in ((1, now.b), (2, now.c)):
                normal[i, i] += 4.0 / tolerance**2
                right[i] -= 4.0 * value / tolerance**2
        scale = normal.diagonal().clamp_min(1e-30).rsqrt()
        system = normal * scale[:, None] * scale[None, :]
        system = system + 1e-6 * torch.eye(len(system), dtype=system.dtype, device=system.device)
        step = (torch.linalg.solve(system, right * scale) * scale).tolist()
        return (step if find_phase_shift else [*step, 0.0]), level

    def deviation(self, rings: _Rings, microscope: Microscope, visibility: torch.Tensor) -> float | None:
        """Standard deviation of the mean defocus by noise and model error, Å."""
        slope = 2.0 * visibility * rings.fading * rings.sin * math.pi * microscope.wavelength * self.polar.s2
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


def _moved(now: _Parameters, step: list[float]) -> _Parameters:
    length = max(abs(step[0]), math.hypot(step[1], step[2]), _LARGEST_STEP / 0.5 * abs(step[3]))
    part = min(1.0, _LARGEST_STEP / length) if length > 0.0 else 1.0
    return _Parameters(
        now.a + part * step[0], now.b + part * step[1], now.c + part * step[2], now.shift + part * step[3]
    )
