"""The expectation step: posteriors by matrix products over harmonics, in a coarse and a fine pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from vitreous.algorithms.classify2d.gridding import to_polar
from vitreous.algorithms.classify2d.polar import PolarGrid, Turns, resampling, shift_angles, to_harmonics, turns
from vitreous.algorithms.classify2d.prepare import FOLDS, Prepared
from vitreous.algorithms.classify2d.schedule import sampling
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.classify2d.state import State
from vitreous.algorithms.classify2d.sums import Rows, Sums, joined_rows, no_sums, whole
from vitreous.core.progress import Progress, silent

_VALUES_AT_ONCE = 1 << 21
_MOST_CELLS = 6

_SHARPEST = 3.0
_SHARP = 1.0
_SHARP_PART = 0.5
_LOWEST = -30.0
"""Least logarithm of a weight against the largest: denormal numbers would make all products many times slower."""

_QUARTERS = ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25))


@dataclass(frozen=True)
class Level:
    """The references on the grid of one pass.

    Attributes:
        turn: transforms of the grid.
        resample: matrices from the finest grid's angles to this grid's, for real and imaginary planes.
        references: harmonics of the references, weighted, two of ``[H, R, K]``.
        powers: harmonics of half their squares, weighted, two of ``[H, R, K]``.
        level: float32 ``[G, R]``, S₀/S of each noise group.
        shifts: px, float64 ``[T, 2]``, all that the pass may need.
        ramps: cosines and sines of their phases, float32 ``[T, R, M/2]`` each.
        log_shifts: float32 ``[T]``, logarithm of their prior.
    """

    turn: Turns
    resample: tuple[torch.Tensor, ...]
    references: tuple[torch.Tensor, torch.Tensor]
    powers: tuple[torch.Tensor, torch.Tensor]
    level: torch.Tensor
    shifts: torch.Tensor
    ramps: tuple[torch.Tensor, torch.Tensor]
    log_shifts: torch.Tensor

    @property
    def grid(self) -> PolarGrid:
        """Grid of the pass."""
        return self.turn.grid


@dataclass(frozen=True)
class Task:
    """All that the blocks of one iteration share; fine shift 4 t + q belongs to coarse shift t."""

    settings: Settings
    coarse: Level
    fine: Level
    log_priors: torch.Tensor


def task(prepared: Prepared, state: State, fold: int) -> Task:
    """Sampling, references and priors of the next iteration for the images of one fold."""
    settings = prepared.settings
    plan = sampling(settings, prepared.frame, state)
    quarters = torch.tensor(_QUARTERS, dtype=torch.float64) * plan.step
    fine_shifts = (plan.shifts[:, None] + quarters).reshape(-1, 2)
    references = torch.from_numpy(state.references[fold]).to(settings.device)
    planes = to_polar(prepared.frame.plan, references)
    coarse = _level(prepared, state, planes, plan.coarse, plan.shifts)
    fine = _level(prepared, state, planes, plan.fine, fine_shifts)
    populations = torch.from_numpy(state.priors).clamp_min(1e-6)
    log_priors = ((1.0 - 2.0 * settings.balance) * torch.log(populations)).to(torch.float32).to(settings.device)
    return Task(settings, coarse, fine, log_priors)


def _level(
    prepared: Prepared,
    state: State,
    planes: tuple[torch.Tensor, torch.Tensor],
    grid: PolarGrid,
    shifts: torch.Tensor,
) -> Level:
    settings = prepared.settings
    device = settings.device
    turn = turns(grid, device)
    resample = resampling(prepared.grid, grid, device)
    real, imaginary = (
        torch.matmul(plane[:, : grid.rings], matrix) for plane, matrix in zip(planes, resample, strict=True)
    )
    noise = torch.from_numpy(state.noise[:, 1 : grid.rings + 1])
    mean = noise.mean(dim=0)
    weight = grid.weights().to(torch.float64) / mean * settings.smoothing * sharpness(settings, state)
    weight[: settings.first_ring - 1] = 0.0
    weight = weight.to(torch.float32).to(device)[:, None]
    references = to_harmonics(turn, real * weight, imaginary * weight)
    powers = to_harmonics(turn, (real * real + imaginary * imaginary) * (0.5 * weight), None)
    pairs = [tuple(part.transpose(1, 2).contiguous() for part in pair) for pair in (references, powers)]
    level = (mean / noise).to(torch.float32).to(device)
    angles = shift_angles(grid, shifts, settings.box).to(device)
    deviation = max(state.shift_deviation / settings.pixel_size, 1e-3)
    log_shifts = (shifts.square().sum(dim=1) * (-0.5 / deviation**2)).to(torch.float32).to(device)
    return Level(
        turn,
        resample,
        (pairs[0][0], pairs[0][1]),
        (pairs[1][0], pairs[1][1]),
        level,
        shifts.to(device),
        (torch.cos(angles), torch.sin(angles)),
        log_shifts,
    )


def sharpness(settings: Settings, state: State) -> float:
    """Factor of the log-likelihoods of an iteration: large at first, so that equal references part at once."""
    done = min(1.0, state.iteration / (_SHARP_PART * settings.cycles))
    return _SHARPEST ** (1.0 - done) * _SHARP**done


def products(
    left: tuple[torch.Tensor, torch.Tensor], right: tuple[torch.Tensor, torch.Tensor], rough: bool = False
) -> torch.Tensor:
    """Harmonics of correlations, float32 ``[2 H, n K]``, of ``left`` ``[H, n, R]`` with ``right`` ``[H, R, K]``.

    ``rough``: products of bfloat16 values, for devices where these are faster.
    """
    if rough:
        left, right = ((pair[0].bfloat16(), pair[1].bfloat16()) for pair in (left, right))
        real = torch.bmm(left[0], right[0]).float() + torch.bmm(left[1], right[1]).float()
        imaginary = torch.bmm(left[1], right[0]).float() - torch.bmm(left[0], right[1]).float()
        return torch.cat((real, imaginary)).view(2 * len(real), -1)
    harmonics, n, _ = left[0].shape
    k = right[0].shape[2]
    out = left[0].new_empty((2, harmonics, n, k))
    torch.bmm(left[0], right[0], out=out[0])
    out[0].baddbmm_(left[1], right[1])
    torch.bmm(left[1], right[0], out=out[1])
    out[1].baddbmm_(left[0], right[1], alpha=-1.0)
    return out.view(2 * harmonics, n * k)


def curves(
    turn: Turns,
    left: tuple[torch.Tensor, torch.Tensor],
    right: tuple[torch.Tensor, torch.Tensor],
    rough: bool = False,
) -> torch.Tensor:
    """Correlations at all angles, float32 ``[n, K, M]``: at s, Σ_θ,r f(θ) conj g(θ - s).

    Args:
        turn: transforms of the grid.
        left: harmonics of n functions f, two of ``[H, n, R]``.
        right: harmonics of K functions g, two of ``[H, R, K]``.
    """
    n, k = left[0].shape[1], right[0].shape[2]
    return torch.matmul(products(left, right, rough).T, turn.curve).view(n, k, turn.grid.angles)


def expect(prepared: Prepared, state: State, blocks: Sequence[np.ndarray], progress: Progress = silent) -> Sums:
    """Sums over blocks of rows (from ``block_rows``); those of several workers add up to the same bits.

    Args:
        prepared: images and settings.
        state: before the iteration.
        blocks: rows of one fold each; at least one.
        progress: told the fraction of the blocks done; may cancel.
    """
    jobs: dict[int, Task] = {}
    total: Sums | None = None
    tables = []
    for number, rows in enumerate(blocks):
        progress(number / len(blocks), "aligning images to the classes")
        fold = int(rows[0]) % FOLDS
        if fold not in jobs:
            jobs[fold] = task(prepared, state, fold)
        if total is None:
            total = no_sums(jobs[fold].fine.grid, len(state.priors), len(state.noise), prepared.settings.device)
        tables.append(_Block(jobs[fold], prepared, rows).add_to(total))
    assert total is not None
    return replace(total, table=joined_rows(tables))


class _Block:
    """One block of images of one fold on its way through the passes."""

    def __init__(self, job: Task, prepared: Prepared, rows: np.ndarray) -> None:
        self.job = job
        self.rows = rows
        self.prepared = prepared
        groups = torch.from_numpy(np.asarray(prepared.images.groups[rows], dtype=np.int64))
        self.groups = groups.to(job.settings.device)
        self.fine = self._weighted(job.fine)
        self.coarse = self._weighted(job.coarse)

    def _weighted(self, level: Level) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """c X S₀/S (two planes) and c² S₀/S (one), each ``[n, R, M/2]``."""
        planes = self.prepared.coefficients(self.rows, level.grid.rings)
        if level is self.job.fine:
            self.power = planes[0].square().mean(dim=2) + planes[1].square().mean(dim=2)
        real, imaginary = (torch.matmul(plane, matrix) for plane, matrix in zip(planes, level.resample, strict=True))
        scale = level.level[self.groups][:, :, None]
        ctf = self.prepared.ctf(self.rows, level.grid)
        if ctf is None:
            return real * scale, imaginary * scale, scale.expand_as(real).contiguous()
        weight = ctf * scale
        return real * weight, imaginary * weight, ctf * weight

    def add_to(self, total: Sums) -> Rows:
        """Add the sums of this block, as whole numbers, in place; the table of its images."""
        job, grid = self.job, self.job.fine.grid
        count, k = len(self.rows), len(job.log_priors)
        numerator = torch.zeros((2, grid.harmonics, k, grid.rings), device=self.groups.device)
        denominator = torch.zeros_like(numerator)
        populations = torch.zeros(k, device=self.groups.device)
        shift_power = torch.zeros((), device=self.groups.device)
        tables = []
        at_once = max(1, _VALUES_AT_ONCE // (len(job.coarse.shifts) * k * job.coarse.grid.angles))
        for first in range(0, count, at_once):
            chosen = slice(first, min(count, first + at_once))
            found = self._posterior(chosen, *self._coarse_cells(chosen))
            _accumulate(job.fine.turn, found, numerator, denominator)
            populations.index_add_(0, found.classes, found.mass)
            power = job.fine.shifts.square().sum(dim=1).to(torch.float32)
            shift_power += (found.mass * power[found.shift]).sum()
            tables.append(found.table)
        fold = int(self.rows[0]) % FOLDS
        total.numerator[fold] += whole(numerator)
        total.denominator[fold] += whole(denominator)
        total.power.index_add_(0, self.groups, whole(self.power))
        total.counts.add_(torch.bincount(self.groups, minlength=len(total.counts)))
        total.populations.add_(whole(populations))
        total.shift_power.add_(whole(shift_power))
        return joined_rows(tables)

    def _coarse_cells(self, chosen: slice) -> tuple[torch.Tensor, torch.Tensor]:
        """Which coarse shifts ``[n, T]`` and which classes ``[n, K]`` hold the posterior, bool."""
        job, level = self.job, self.job.coarse
        real, imaginary, squares = (part[chosen] for part in self.coarse)
        n, rings, half = real.shape
        cos, sin = level.ramps
        shifts = len(level.shifts)
        moved = (
            (real[:, None] * cos - imaginary[:, None] * sin).view(n * shifts, rings, half),
            (real[:, None] * sin + imaginary[:, None] * cos).view(n * shifts, rings, half),
        )
        turn = level.turn
        rough = job.settings.precision == "bfloat16"
        logits = curves(turn, to_harmonics(turn, *moved), level.references, rough)
        logits = logits.view(n, shifts, -1, turn.grid.angles)
        norm = curves(turn, to_harmonics(turn, squares, None), level.powers)
        logits -= (norm - job.log_priors[:, None])[:, None]
        logits += level.log_shifts[None, :, None, None]
        flat = logits.view(n, -1)
        flat -= flat.amax(dim=1, keepdim=True)
        mass = flat.clamp_min_(_LOWEST).exp_().view(n, shifts, len(job.log_priors), -1).sum(dim=3)
        mass /= mass.sum(dim=(1, 2), keepdim=True)
        share = job.settings.significance
        return significant(mass.sum(dim=2), share, _MOST_CELLS), significant(mass.sum(dim=1), share, mass.shape[2])

    def _posterior(self, chosen: slice, cells: torch.Tensor, classes: torch.Tensor) -> Posterior:
        """Posterior of the images over their classes, all angles and the fine shifts of their cells."""
        job, level = self.job, self.job.fine
        real, imaginary, squares = (part[chosen] for part in self.fine)
        image, cell = torch.nonzero(cells, as_tuple=True)
        image = image.repeat_interleave(len(_QUARTERS))
        shift = (cell[:, None] * len(_QUARTERS) + torch.arange(len(_QUARTERS), device=cell.device)).view(-1)
        turn, k = level.turn, len(job.log_priors)
        cos, sin = level.ramps[0][shift], level.ramps[1][shift]
        x, y = real[image], imaginary[image]
        moved = to_harmonics(turn, x * cos - y * sin, x * sin + y * cos)
        square_harmonics = to_harmonics(turn, squares, None)
        row, number = torch.nonzero(classes[image], as_tuple=True)
        chosen_products = products(moved, level.references).index_select(1, row * k + number)
        logits = torch.matmul(chosen_products.T, turn.curve)
        norm = curves(turn, square_harmonics, level.powers) - job.log_priors[:, None]
        owner = image[row]
        logits -= norm.view(-1, turn.grid.angles)[owner * k + number]
        logits += level.log_shifts[shift[row]][:, None]
        return _normalised(level, self.rows[chosen], owner, row, number, shift[row], logits, moved, square_harmonics)


@dataclass(frozen=True)
class Posterior:
    """Weights of P pairs of a row (image and shift) and a class, over the angles.

    Attributes:
        gamma: float32 ``[P, M]``, sum 1 over all pairs of an image.
        mass: float32 ``[P]``, their sums.
        owner, row, classes, shift: int64 ``[P]``: image, row, class and fine shift of each pair.
        moved: harmonics of the shifted images, two of ``[H, m, R]``.
        squares: harmonics of c² S₀/S, two of ``[H, n, R]``.
        table: best of each image.
    """

    gamma: torch.Tensor
    mass: torch.Tensor
    owner: torch.Tensor
    row: torch.Tensor
    classes: torch.Tensor
    shift: torch.Tensor
    moved: tuple[torch.Tensor, torch.Tensor]
    squares: tuple[torch.Tensor, torch.Tensor]
    table: Rows


def significant(mass: torch.Tensor, share: float, most: int) -> torch.Tensor:
    """The heaviest entries of each row of ``mass [n, T]`` (sum 1) that make up ``share``, at most ``most``."""
    ordered, place = torch.sort(mass, dim=1, descending=True, stable=True)
    keep = torch.cumsum(ordered, dim=1) - ordered < share
    keep[:, most:] = False
    keep[:, 0] = True
    return torch.zeros_like(keep).scatter_(1, place, keep)


def _normalised(
    level: Level,
    rows: np.ndarray,
    owner: torch.Tensor,
    row: torch.Tensor,
    number: torch.Tensor,
    shift: torch.Tensor,
    logits: torch.Tensor,
    moved: tuple[torch.Tensor, torch.Tensor],
    squares: tuple[torch.Tensor, torch.Tensor],
) -> Posterior:
    """Logarithms ``[P, M]`` to probabilities (in place), and the best of each image."""
    count, pairs, grid = len(rows), len(owner), level.grid
    pair_best, pair_place = logits.max(dim=1)
    top = torch.full((count,), -torch.inf, device=logits.device).scatter_reduce(0, owner, pair_best, "amax")
    logits -= top[owner][:, None]
    mass = logits.clamp_min_(_LOWEST).exp_().sum(dim=1)
    total = torch.zeros(count, device=logits.device).index_add_(0, owner, mass)
    logits /= total[owner][:, None]
    # The first pair that holds the largest value.
    candidates = torch.where(pair_best == top[owner], torch.arange(pairs, device=logits.device), pairs)
    best = torch.full((count,), pairs, dtype=torch.int64, device=logits.device)
    best = best.scatter_reduce(0, owner, candidates, "amin")
    table = Rows(
        rows,
        number[best].cpu().numpy().astype(np.int32),
        ((-pair_place[best] * (360.0 / grid.angles)) % 360.0).cpu().numpy().astype(np.float32),
        level.shifts[shift[best]].cpu().numpy().astype(np.float32),
        (1.0 / total).cpu().numpy().astype(np.float32),
        (top + torch.log(total)).cpu().numpy().astype(np.float32),
    )
    return Posterior(logits, mass / total[owner], owner, row, number, shift, moved, squares, table)


def _accumulate(turn: Turns, found: Posterior, numerator: torch.Tensor, denominator: torch.Tensor) -> None:
    """Add the sums of one posterior, turned back, to ``[2, H, K, R]`` arrays."""
    k = numerator.shape[2]
    n, m = found.squares[0].shape[1], found.moved[0].shape[1]
    by_image = torch.zeros((n * k, turn.grid.angles), device=found.gamma.device)
    by_image.index_add_(0, found.owner * k + found.classes, found.gamma)
    spread = torch.zeros((2 * turn.grid.harmonics, m * k), device=found.gamma.device)
    spread[:, found.row * k + found.classes] = torch.matmul(turn.back, found.gamma.T)
    _add(numerator, spread.view(2, -1, m, k), found.moved)
    _add(denominator, torch.matmul(turn.back, by_image.T).view(2, -1, n, k), found.squares)


def _add(out: torch.Tensor, weights: torch.Tensor, values: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Σ conj(weight) value over images, per harmonic: ``weights [2, H, m, K]``, ``values`` two of ``[H, m, R]``."""
    real, imaginary = weights[0].transpose(1, 2), weights[1].transpose(1, 2)
    out[0].baddbmm_(real, values[0]).baddbmm_(imaginary, values[1])
    out[1].baddbmm_(real, values[1]).baddbmm_(imaginary, values[0], alpha=-1.0)
