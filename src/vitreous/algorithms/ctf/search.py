"""Search of defocus, astigmatism and phase shift over their whole range, with nothing known beforehand.

The likelihood of a spectrum is a sum over directions, and one direction sees only its own defocus
Δf(α) = a + b cos 2α + c sin 2α. So the agreement of each sector with each defocus is computed once, as a matrix
product, and every astigmatism is then a sum of table entries: the search in three dimensions costs no more than in one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from vitreous.algorithms.ctf.background import polynomial_basis, remove_basis, smooth_level
from vitreous.algorithms.ctf.model import amplitude_phase
from vitreous.algorithms.ctf.polar import PolarSpectrum
from vitreous.algorithms.ctf.settings import CtfSettings
from vitreous.algorithms.ctf.spectrum import window_correlation
from vitreous.core.optics import Ctf, Microscope

_USUAL_ASTIGMATISM = 2000.0
_ENVELOPES = (10.0, 60.0, 200.0, 600.0)
_BACKGROUND_DEGREE = 6
_MODEL_ERROR = 0.04
_SEPARATION = 1000.0
_ASTIGMATISM_STEP = 200.0


@dataclass(frozen=True)
class Candidate:
    """A start for refinement: ``significance`` is the agreement in standard deviations of noise."""

    ctf: Ctf
    significance: float


def search_ctf(polar: PolarSpectrum, microscope: Microscope, settings: CtfSettings, n_best: int = 3) -> list[Candidate]:
    """The best few CTFs, best first, no two closer in defocus than the search can tell apart.

    Args:
        polar: spectrum in the band to search; no cell empty.
        microscope: constants of the instrument.
        settings: ranges and steps.
        n_best: how many to return.
    """
    step = settings.defocus_step
    count = int((settings.max_defocus - settings.min_defocus) / step + 1e-9) + 1
    limit = 0.25 * settings.max_defocus if settings.exhaustive else 0.5 * _USUAL_ASTIGMATISM
    margin = math.ceil(limit / step)
    grid = settings.min_defocus + step * torch.arange(
        -margin, count + margin, dtype=torch.float64, device=polar.power.device
    )
    shifts = settings.phase_shifts()
    best: list[Candidate] = []
    offsets, halves, angles = _astigmatism_grid(polar.angle, limit, step)
    allowed = halves[:, None] <= 0.5 * grid[None, margin : margin + count].clamp_min(step)
    penalty = torch.zeros_like(halves)
    if settings.astigmatism_tolerance is not None:
        penalty = (2.0 * halves) ** 2 / (2.0 * settings.astigmatism_tolerance**2)
    for table, norm in sector_scores(polar, microscope, grid, shifts, _ENVELOPES):
        for number, shift in enumerate(shifts):
            total = sum_over_sectors(table[number], offsets, margin, count)
            scale = torch.sqrt(norm[number, margin : margin + count] * len(polar.angle)).clamp_min(1e-12)
            z = total.clamp_min(0.0) / scale
            merit = torch.where(allowed, 0.5 * z * z - penalty[:, None], torch.full_like(z, -math.inf))
            value, which = merit.max(0)
            for i in _peaks(value, n_best, max(2, round(_SEPARATION / step))):
                k = int(which[i])
                defocus, half = float(grid[margin + i]), float(halves[k])
                ctf = Ctf(defocus + half, defocus - half, math.degrees(float(angles[k])), shift)
                best.append(Candidate(ctf, math.sqrt(2.0 * max(0.0, float(value[i])))))
    return _distinct(best, n_best, step)


def sector_scores(
    polar: PolarSpectrum,
    microscope: Microscope,
    defocus: torch.Tensor,
    shifts: tuple[float, ...],
    envelopes: tuple[float, ...],
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Agreement of each sector with each defocus and phase shift, a smooth background being free.

    The template is -cos 2γ, the oscillating part of sin² γ, times its fading exp(-B s²/2) and the loss in a tapered
    tile. Both template and data are freed of what a smooth background explains; the product is weighted by the inverse
    variance.

    Args:
        polar: spectrum, no cell empty.
        microscope: constants of the instrument.
        defocus: Å ``[d]``.
        shifts: phase shifts, degrees.
        envelopes: B of the rings' power, Å².

    Yields:
        For each envelope float32 products ``[shifts, sectors, d]`` and squared norm of the template ``[shifts, d]``
        (of one sector).
    """
    total = polar.count.sum(0).clamp_min(1.0)
    s2 = (polar.s2 * polar.count).sum(0) / total
    s = torch.sqrt(s2)
    radial = (polar.power * polar.count).sum(0) / total
    basis = polynomial_basis(polar.frequency, _BACKGROUND_DEGREE)
    level = smooth_level(radial, torch.sqrt(total), polynomial_basis(polar.frequency, 4))
    sectors = len(polar.angle)
    weight = 1.0 / (sectors / (total * polar.looks) + _MODEL_ERROR**2)
    data = remove_basis((polar.power / level - 1.0).clamp(max=2.0), weight, basis)
    wavelength = microscope.wavelength
    third = microscope.spherical_aberration * 1e7 * wavelength**3
    double = 2.0 * (math.pi * wavelength * defocus[:, None] * s2 - 0.5 * math.pi * third * s2 * s2)
    # Phases of hundreds of turns need float64; what follows does not.
    double = torch.remainder(double + 2.0 * amplitude_phase(microscope), 2.0 * math.pi).to(torch.float32)
    lag = (2.0 * wavelength * defocus[:, None] * s - 2.0 * third * s * s2) / polar.extent
    tapered = window_correlation(lag.to(torch.float32))
    even, odd = tapered * torch.cos(double).neg_(), tapered * torch.sin(double)
    # Rows of an orthonormal basis of the smooth background, weighted: projections cost two thin products.
    root = torch.sqrt(weight)
    smooth = torch.linalg.qr(basis * root[:, None]).Q.to(torch.float32)
    single, weighted = root.to(torch.float32), (data * root).to(torch.float32)
    for envelope in envelopes:
        fading = torch.exp(-0.5 * envelope * s2).to(torch.float32) * single
        cosine, sine = (wave - (wave @ smooth) @ smooth.T for wave in (even * fading, odd * fading))
        along_cos, along_sin = weighted @ cosine.T, weighted @ sine.T
        cc, ss, cs = ((one * two).sum(1) for one, two in ((cosine, cosine), (sine, sine), (cosine, sine)))
        products, norms = [], []
        for shift in shifts:
            c, s_ = math.cos(2.0 * math.radians(shift)), math.sin(2.0 * math.radians(shift))
            products.append(c * along_cos + s_ * along_sin)
            norms.append(c * c * cc + s_ * s_ * ss + 2.0 * c * s_ * cs)
        yield torch.stack(products), torch.stack(norms)


def _astigmatism_grid(
    angle: torch.Tensor, limit: float, step: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Astigmatisms to try: offsets ``[t, sectors]`` in whole steps, half differences ``[t]`` Å, angles ``[t]`` rad."""
    halves, angles = [0.0], [0.0]
    spacing = max(step, _ASTIGMATISM_STEP)
    for i in range(1, int(limit / spacing) + 1):
        # As many angles as it takes to move by one spacing along the circle of directions 2α.
        turns = min(len(angle), max(6, math.ceil(2.0 * math.pi * i / 1.5)))
        for j in range(turns):
            halves.append(i * spacing)
            angles.append(math.pi * j / turns)
    half = torch.tensor(halves, dtype=torch.float64, device=angle.device)
    axis = torch.tensor(angles, dtype=torch.float64, device=angle.device)
    offsets = half[:, None] * torch.cos(2.0 * (angle[None, :] - axis[:, None])) / step
    return torch.round(offsets).to(torch.int64), half, axis


def sum_over_sectors(table: torch.Tensor, offsets: torch.Tensor, margin: int, count: int) -> torch.Tensor:
    """Sum over sectors of ``table [sectors, d]`` moved by each sector's offset: ``[t, count]``."""
    out = torch.zeros((len(offsets), count), dtype=table.dtype, device=table.device)
    for k in range(table.shape[0]):
        moved = table[k].unfold(0, count, 1)
        out += moved[margin + offsets[:, k]]
    return out


def _peaks(value: torch.Tensor, n_best: int, distance: int) -> list[int]:
    """Indices of the highest values that are at least ``distance`` apart."""
    order = torch.argsort(value, descending=True).tolist()
    found: list[int] = []
    for i in order:
        if all(abs(i - j) >= distance for j in found):
            found.append(i)
            if len(found) == n_best:
                break
    return found


def _distinct(candidates: list[Candidate], n_best: int, step: float) -> list[Candidate]:
    found: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda one: -one.significance):
        near = (
            abs(candidate.ctf.defocus - one.ctf.defocus) < max(_SEPARATION, 3.0 * step)
            and abs(candidate.ctf.phase_shift - one.ctf.phase_shift) < 30.0
            for one in found
        )
        if not any(near):
            found.append(candidate)
            if len(found) == n_best:
                break
    return found
