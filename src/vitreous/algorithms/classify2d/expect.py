"""The expectation step: posteriors by matrix products over harmonics, in a coarse and a fine pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from vitreous.algorithms.classify2d.gridding import to_polar
from vitreous.algorithms.classify2d.polar import PolarGrid, Turns, shift_angles, to_harmonics, turns
from vitreous.algorithms.classify2d.prepare import Prepared
from vitreous.algorithms.classify2d.schedule import Plan, sampling
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.classify2d.state import State
from vitreous.algorithms.classify2d.sums import Rows, Sums, joined_rows, whole

_VALUES_AT_ONCE = 1 << 21
_MOST_CELLS = 12
_QUARTERS = ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25))


@dataclass(frozen=True)
class Level:
    """The references on the grid of one pass.

    Attributes:
        turn: transforms of the grid.
        stride: of the grid in the finest one.
        references: harmonics of the references, weighted, two of ``[H, R, K]``.
        powers: harmonics of half their squares, weighted, two of ``[H, R, K]``.
        level: float32 ``[G, R]``, S₀/S of each noise group.
    """

    turn: Turns
    stride: int
    references: tuple[torch.Tensor, torch.Tensor]
    powers: tuple[torch.Tensor, torch.Tensor]
    level: torch.Tensor

    @property
    def grid(self) -> PolarGrid:
        """Grid of the pass."""
        return self.turn.grid


@dataclass(frozen=True)
class Task:
    """All that the blocks of one iteration share."""

    settings: Settings
    plan: Plan
    coarse: Level
    fine: Level
    log_priors: torch.Tensor
    shift_deviation: float
    shifts: torch.Tensor
    coarse_angles: tuple[torch.Tensor, torch.Tensor]


def task(prepared: Prepared, state: State) -> Task:
    """Sampling, references and priors of the next iteration."""
    settings = prepared.settings
    plan = sampling(settings, prepared.frame, state)
    averages = torch.from_numpy(state.averages).to(settings.device)
    planes = to_polar(prepared.frame.plan, averages)
    coarse = _level(settings, state, planes, plan.coarse.grid, plan.coarse.stride)
    fine = _level(settings, state, planes, plan.fine, plan.fine_stride)
    populations = torch.from_numpy(state.priors).clamp_min(1e-6)
    log_priors = ((1.0 - 2.0 * settings.balance) * torch.log(populations)).to(torch.float32).to(settings.device)
    angles = shift_angles(plan.coarse.grid, plan.coarse.shifts, settings.box).to(settings.device)
    deviation = state.shift_deviation / settings.pixel_size
    shifts = plan.coarse.shifts.to(settings.device)
    return Task(settings, plan, coarse, fine, log_priors, deviation, shifts, (torch.cos(angles), torch.sin(angles)))


def _level(
    settings: Settings, state: State, planes: tuple[torch.Tensor, torch.Tensor], grid: PolarGrid, stride: int
) -> Level:
    device = settings.device
    turn = turns(grid, device)
    real, imaginary = (plane[:, : grid.rings, ::stride].contiguous() for plane in planes)
    noise = torch.from_numpy(state.noise[:, 1 : grid.rings + 1])
    mean = noise.mean(dim=0)
    weight = grid.weights().to(torch.float64) / mean * settings.smoothing
    weight[: settings.first_ring - 1] = 0.0
    weight = weight.to(torch.float32).to(device)[:, None]
    references = to_harmonics(turn, real * weight, imaginary * weight)
    powers = to_harmonics(turn, (real * real + imaginary * imaginary) * (0.5 * weight), None)
    pairs = [tuple(part.transpose(1, 2).contiguous() for part in pair) for pair in (references, powers)]
    level = (mean / noise).to(torch.float32).to(device)
    return Level(turn, stride, (pairs[0][0], pairs[0][1]), (pairs[1][0], pairs[1][1]), level)


def curves(
    turn: Turns, left: tuple[torch.Tensor, torch.Tensor], right: tuple[torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    """Correlations at all angles, float32 ``[n, K, M]``: at s, Σ_θ,r f(θ) conj g(θ - s).

    Args:
        turn: transforms of the grid.
        left: harmonics of n functions f, two of ``[H, n, R]``.
        right: harmonics of K functions g, two of ``[H, R, K]``.
    """
    harmonics, n, _ = left[0].shape
    k = right[0].shape[2]
    products = left[0].new_empty((2, harmonics, n, k))
    torch.bmm(left[0], right[0], out=products[0])
    products[0].baddbmm_(left[1], right[1])
    torch.bmm(left[1], right[0], out=products[1])
    products[1].baddbmm_(left[0], right[1], alpha=-1.0)
    return torch.matmul(products.view(2 * harmonics, n * k).T, turn.curve).view(n, k, turn.grid.angles)


def expect(prepared: Prepared, state: State, blocks: Iterable[np.ndarray]) -> Sums:
    """Sums over blocks of rows (from ``block_rows``); those of several workers add up to the same bits.

    Args:
        prepared: images and settings.
        state: before the iteration.
        blocks: rows of one half set each.
    """
    job = task(prepared, state)
    total: Sums | None = None
    tables = []
    for rows in blocks:
        part = _Block(job, prepared, rows).sums()
        tables.append(part.table)
        total = part if total is None else total + part
    assert total is not None
    del tables
    return total


class _Block:
    """One block of images of one half set on its way through the passes."""

    def __init__(self, job: Task, prepared: Prepared, rows: np.ndarray) -> None:
        self.job = job
        self.rows = rows
        self.prepared = prepared
        groups = torch.from_numpy(np.asarray(prepared.images.groups[rows], dtype=np.int64))
        self.groups = groups.to(job.settings.device)
        self.fine = self._weighted(job.fine)
        same = job.coarse.grid == job.fine.grid
        self.coarse = self.fine if same else self._weighted(job.coarse)

    def _weighted(self, level: Level) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """c X S₀/S (two planes) and c² S₀/S (one), each ``[n, R, M/2]``."""
        real, imaginary = self.prepared.coefficients(self.rows, level.grid.rings, level.stride)
        if level is self.job.fine:
            self.power = real.square().mean(dim=2) + imaginary.square().mean(dim=2)
        scale = level.level[self.groups][:, :, None]
        ctf = self.prepared.ctf(self.rows, level.grid)
        if ctf is None:
            return real * scale, imaginary * scale, scale.expand_as(real).contiguous()
        weight = ctf * scale
        return real * weight, imaginary * weight, ctf * weight

    def sums(self) -> Sums:
        """Sums and table of this block."""
        job, grid = self.job, self.job.fine.grid
        count, k = len(self.rows), len(job.log_priors)
        numerator = torch.zeros((2, grid.harmonics, k, grid.rings), device=self.groups.device)
        denominator = torch.zeros_like(numerator)
        populations = torch.zeros(k, device=self.groups.device)
        shift_power = torch.zeros((), device=self.groups.device)
        tables = []
        at_once = max(1, _VALUES_AT_ONCE // (len(job.shifts) * k * job.coarse.grid.angles))
        for first in range(0, count, at_once):
            chosen = slice(first, min(count, first + at_once))
            found = self._posterior(chosen, self._coarse_cells(chosen))
            _accumulate(job.fine.turn, found, numerator, denominator)
            populations += found.gamma.sum(dim=(0, 2))
            shift_power += (found.gamma.sum(dim=(1, 2)) * found.shifts.square().sum(dim=1).to(torch.float32)).sum()
            tables.append(found.table)
        return self._sums(numerator, denominator, populations, shift_power, joined_rows(tables))

    def _sums(
        self,
        numerator: torch.Tensor,
        denominator: torch.Tensor,
        populations: torch.Tensor,
        shift_power: torch.Tensor,
        table: Rows,
    ) -> Sums:
        job, half = self.job, int(self.rows[0] % 2)
        both = [torch.zeros((2, *x.shape), dtype=torch.int64, device=x.device) for x in (numerator, denominator)]
        both[0][half], both[1][half] = whole(numerator), whole(denominator)
        groups = job.fine.level.shape[0]
        power = torch.zeros((groups, job.fine.grid.rings), dtype=torch.int64, device=numerator.device)
        power.index_add_(0, self.groups, whole(self.power))
        counts = torch.bincount(self.groups, minlength=groups)
        return Sums(
            job.fine.grid.rings,
            job.fine.grid.angles,
            *both,
            power,
            counts,
            whole(populations),
            whole(shift_power),
            table,
        )

    def _coarse_cells(self, chosen: slice) -> torch.Tensor:
        """Which coarse shifts hold the posterior, bool ``[n, T]``."""
        job, (real, imaginary, squares) = self.job, (part[chosen] for part in self.coarse)
        n, rings, half = real.shape
        cos, sin = job.coarse_angles
        shifts = len(job.shifts)
        moved = (
            (real[:, None] * cos - imaginary[:, None] * sin).view(n * shifts, rings, half),
            (real[:, None] * sin + imaginary[:, None] * cos).view(n * shifts, rings, half),
        )
        turn = job.coarse.turn
        logits = curves(turn, to_harmonics(turn, *moved), job.coarse.references).view(n, shifts, -1, turn.grid.angles)
        norm = curves(turn, to_harmonics(turn, squares, None), job.coarse.powers)
        logits -= (norm - job.log_priors[:, None])[:, None]
        logits += _shift_prior(job.shifts, job.shift_deviation)[None, :, None, None]
        flat = logits.view(n, -1)
        flat -= flat.amax(dim=1, keepdim=True)
        mass = flat.exp_().view(n, shifts, -1).sum(dim=2)
        return significant(mass / mass.sum(dim=1, keepdim=True), job.settings.significance)

    def _posterior(self, chosen: slice, cells: torch.Tensor) -> Posterior:
        """Posterior of the images over classes, angles and the fine shifts of their cells."""
        job, (real, imaginary, squares) = self.job, (part[chosen] for part in self.fine)
        image, cell = torch.nonzero(cells, as_tuple=True)
        quarters = torch.tensor(_QUARTERS, dtype=torch.float64, device=cells.device) * job.plan.step
        shifts = (job.shifts[cell][:, None] + quarters).view(-1, 2)
        image = image.repeat_interleave(len(_QUARTERS))
        turn = job.fine.turn
        angles = shift_angles(turn.grid, shifts, job.settings.box)
        cos, sin = torch.cos(angles), torch.sin(angles)
        x, y = real[image], imaginary[image]
        moved = to_harmonics(turn, x * cos - y * sin, x * sin + y * cos)
        square_harmonics = to_harmonics(turn, squares, None)
        logits = curves(turn, moved, job.fine.references)
        norm = curves(turn, square_harmonics, job.fine.powers) - job.log_priors[:, None]
        logits -= norm[image]
        logits += _shift_prior(shifts, job.shift_deviation)[:, None, None]
        return _normalised(turn.grid, self.rows[chosen], image, shifts, logits, moved, square_harmonics)


@dataclass(frozen=True)
class Posterior:
    """Weights of m rows (image and shift), classes and angles.

    Attributes:
        gamma: float32 ``[m, K, M]``, sum 1 over all rows of an image.
        image: int64 ``[m]``, place of the row's image.
        shifts: float64 ``[m, 2]``, px.
        moved: harmonics of the shifted images, two of ``[H, m, R]``.
        squares: harmonics of c² S₀/S, two of ``[H, n, R]``.
        table: best of each image.
    """

    gamma: torch.Tensor
    image: torch.Tensor
    shifts: torch.Tensor
    moved: tuple[torch.Tensor, torch.Tensor]
    squares: tuple[torch.Tensor, torch.Tensor]
    table: Rows


def significant(mass: torch.Tensor, share: float) -> torch.Tensor:
    """The heaviest entries of each row of ``mass [n, T]`` (sum 1) that make up ``share``; at most twelve."""
    ordered, place = torch.sort(mass, dim=1, descending=True, stable=True)
    before = torch.cumsum(ordered, dim=1) - ordered
    keep = before < share
    keep[:, _MOST_CELLS:] = False
    keep[:, 0] = True
    return torch.zeros_like(keep).scatter_(1, place, keep)


def _shift_prior(shifts: torch.Tensor, deviation: float) -> torch.Tensor:
    """Logarithm of the Gaussian prior of shifts ``[m, 2]`` px, float32 ``[m]``, 0 at the centre."""
    return (shifts.square().sum(dim=1) * (-0.5 / max(deviation, 1e-3) ** 2)).to(torch.float32)


def _normalised(
    grid: PolarGrid,
    rows: np.ndarray,
    image: torch.Tensor,
    shifts: torch.Tensor,
    logits: torch.Tensor,
    moved: tuple[torch.Tensor, torch.Tensor],
    squares: tuple[torch.Tensor, torch.Tensor],
) -> Posterior:
    count, m = len(rows), len(image)
    flat = logits.view(m, -1)
    row_best, row_place = flat.max(dim=1)
    top = torch.full((count,), -torch.inf, device=flat.device).scatter_reduce(0, image, row_best, "amax")
    flat -= top[image][:, None]
    flat.exp_()
    total = torch.zeros(count, device=flat.device).index_add_(0, image, flat.sum(dim=1))
    flat /= total[image][:, None]
    # The first row that holds the largest value: rows of an image lie together.
    best = torch.full((count,), m, dtype=torch.int64, device=flat.device)
    row = torch.arange(m, device=flat.device)
    best = best.scatter_reduce(0, image, torch.where(row_best == top[image], row, m), "amin")
    place = row_place[best]
    table = Rows(
        rows,
        (place // grid.angles).cpu().numpy().astype(np.int32),
        ((-(place % grid.angles) * (360.0 / grid.angles)) % 360.0).cpu().numpy().astype(np.float32),
        shifts[best].cpu().numpy().astype(np.float32),
        (1.0 / total).cpu().numpy().astype(np.float32),
        (top + torch.log(total)).cpu().numpy().astype(np.float32),
    )
    return Posterior(logits, image, shifts, moved, squares, table)


def _accumulate(turn: Turns, found: Posterior, numerator: torch.Tensor, denominator: torch.Tensor) -> None:
    """Add the sums of one posterior, turned back, to ``[2, H, K, R]`` arrays."""
    by_image = torch.zeros((found.squares[0].shape[1], *found.gamma.shape[1:]), device=found.gamma.device)
    by_image.index_add_(0, found.image, found.gamma)
    for gamma, values, out in ((found.gamma, found.moved, numerator), (by_image, found.squares, denominator)):
        m, k, angles = gamma.shape
        weights = torch.matmul(turn.back, gamma.view(m * k, angles).T).view(2, -1, m, k)
        real, imaginary = weights[0].transpose(1, 2), weights[1].transpose(1, 2)
        out[0].baddbmm_(real, values[0]).baddbmm_(imaginary, values[1])
        out[1].baddbmm_(real, values[1]).baddbmm_(imaginary, values[0], alpha=-1.0)
