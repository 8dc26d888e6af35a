"""Which images, rings and shifts an iteration uses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from vitreous.algorithms.classify2d.polar import PolarGrid, angles_needed, grid_for
from vitreous.algorithms.classify2d.prepare import Frame
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.classify2d.state import UNASSIGNED, Record, State

_BEYOND = 8
_ANNEALED = 0.6
_COARSE = 0.6
_COARSE_STEP = 0.35
_LEAST_PRIOR = 3.0
_CALM = 2
_FEW_CHANGES = 0.05
_SMALL_RISE = 0.02


@dataclass(frozen=True)
class Plan:
    """Sampling of one iteration.

    Attributes:
        coarse, fine: grids of the two passes.
        shifts: px, float64 ``[T, 2]`` (x, y), of the coarse pass.
        step: px, spacing of these shifts.
    """

    coarse: PolarGrid
    fine: PolarGrid
    shifts: torch.Tensor
    step: float


def finest_ring(settings: Settings, state: State) -> int:
    """Ring up to which the next iteration looks.

    It grows evenly in frequency from the start to the finish resolution over the first 60 % of the cycles, but stays
    within eight rings of where the half averages correlate by 0.5, in the mean over the images: what lies beyond is
    noise, costs time and tells no class from another.
    """
    first = max(2, min(math.floor(settings.extent / settings.start_resolution), settings.finest_ring))
    share = min(1.0, state.iteration / max(1.0, _ANNEALED * settings.cycles))
    planned = round(first + share * (settings.finest_ring - first))
    if state.iteration == 0:
        return first
    reached = round(float(np.average([ring_reached(curve, 0.5) for curve in state.frc], weights=state.priors + 1e-6)))
    return max(first, min(planned, reached + _BEYOND))


def ring_reached(curve: np.ndarray, threshold: float = 0.143) -> int:
    """The last ring before a correlation curve (ring 0 first) falls below a threshold for the first time."""
    below = np.flatnonzero(curve[1:] < threshold)
    return int(below[0]) if len(below) else len(curve) - 1


def sampling(settings: Settings, shape: Frame, state: State) -> Plan:
    """Grids and shifts of the next iteration."""
    ring = finest_ring(settings, state)
    coarse_ring = min(ring, max(6, math.ceil(_COARSE * ring)))
    step = _COARSE_STEP * settings.box / coarse_ring
    shifts = shift_grid(settings, step, state.shift_deviation)
    return Plan(_grid(settings, shape, coarse_ring), _grid(settings, shape, ring), shifts, step)


def _grid(settings: Settings, shape: Frame, ring: int) -> PolarGrid:
    return grid_for(ring, angles_needed(ring, settings.box, shape.radii, settings.angular_step))


def shift_grid(settings: Settings, step: float, deviation: float) -> torch.Tensor:
    """Square grid of shifts in px within the ellipse of the ranges and within 3 deviations (Å), float64 ``[T, 2]``."""
    reach = [
        min(limit, _LEAST_PRIOR * deviation) / settings.pixel_size for limit in (settings.x_range, settings.y_range)
    ]
    count = [math.floor(limit / step + 1e-9) for limit in reach]
    x = torch.arange(-count[0], count[0] + 1, dtype=torch.float64) * step
    y = torch.arange(-count[1], count[1] + 1, dtype=torch.float64) * step
    grid = torch.stack((x.repeat(len(y)), y.repeat_interleave(len(x))), dim=1)
    scale = torch.tensor([max(limit, 0.5 * step) for limit in reach], dtype=torch.float64)
    return grid[((grid / scale).square().sum(dim=1)) <= 1.0 + 1e-9]


def settled(settings: Settings, state: State) -> bool:
    """Whether further iterations would change little: they would cost time and end with the same classes.

    In each of the last two iterations, both later than 60 % of the cycles, all images were used, no class was started
    anew, fewer than 5 % of the images changed their class, and the resolution of the averages (mean frequency over the
    images) rose by less than 2 %.
    """
    if not settings.stop_early or state.iteration < _ANNEALED * settings.cycles + _CALM:
        return False
    every = int(np.count_nonzero(state.classes != UNASSIGNED))
    recent = state.history[-_CALM - 1 :]
    return all(_calm(earlier, later, every) for earlier, later in pairwise(recent))


def _calm(earlier: Record, later: Record, every: int) -> bool:
    few = later.particles == every and later.changed is not None and later.changed < _FEW_CHANGES
    return few and not later.reseeded and mean_frequency(later) < (1.0 + _SMALL_RISE) * mean_frequency(earlier)


def mean_frequency(record: Record) -> float:
    """Mean of the averages' resolutions as frequencies, 1/Å, weighted by population; 0 for classes without one."""
    pairs = zip(record.populations, record.resolutions, strict=True)
    return sum(share / resolution for share, resolution in pairs if resolution is not None)


def images_used(settings: Settings, state: State, excluded: np.ndarray) -> np.ndarray:
    """Rows of the next iteration, int64, ascending.

    With ``automatic_percent`` 300 images per class in the first third of the cycles, 30 % (not fewer) in the second,
    then all; else ``percent`` in all but the last. New images come first. Drawn from (seed, iteration).
    """
    allowed = np.flatnonzero(~excluded)
    share = state.iteration / settings.cycles
    wanted = len(allowed)
    if state.iteration + 1 < settings.cycles:
        if settings.automatic_percent and share < 2.0 / 3.0:
            few = 300 * settings.n_classes
            wanted = few if share < 1.0 / 3.0 else max(few, math.ceil(0.3 * len(allowed)))
        elif not settings.automatic_percent:
            wanted = max(settings.n_classes, math.ceil(0.01 * settings.percent * len(allowed)))
    if wanted >= len(allowed):
        return allowed
    random = np.random.default_rng((settings.seed, state.iteration, 1))
    new = state.classes[allowed] == UNASSIGNED
    order = np.lexsort((random.random(len(allowed)), ~new))
    return np.sort(allowed[order[:wanted]])
