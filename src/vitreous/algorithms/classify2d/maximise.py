"""The maximisation step: regularised averages, resolutions, noise and priors from the sums."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from vitreous.algorithms.classify2d.gridding import to_polar
from vitreous.algorithms.classify2d.polar import PolarGrid, from_harmonics, shift_angles
from vitreous.algorithms.classify2d.prepare import Frame, Prepared
from vitreous.algorithms.classify2d.references import centre_shift, contrast, image_of, masked, shifted, turned_origins
from vitreous.algorithms.classify2d.schedule import ring_reached
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.classify2d.state import UNASSIGNED, Record, State
from vitreous.algorithms.classify2d.sums import Sums, real

_EMPTY = 0.2
_NONE = np.zeros(0, dtype=np.float32)
_SETTLED = 0.7


@dataclass(frozen=True)
class Averages:
    """Averages: of both halves, without each fold ``[folds, K, box, box]``, of all ``[K, box, box]``; their frc."""

    halves: torch.Tensor
    without: torch.Tensor
    whole: torch.Tensor
    frc: torch.Tensor


def maximise(prepared: Prepared, state: State, sums: Sums, seconds: float = 0.0) -> State:
    """The state after an iteration, from the sums over all its images.

    Where these are a mini-batch, the decayed sums of earlier ones are added.

    Args:
        prepared: settings and grids (no image is read).
        state: before the iteration.
        sums: of ``expect`` over all blocks.
        seconds: wall time of the iteration so far, for the record.
    """
    settings, shape = prepared.settings, prepared.frame
    grid = shape.plan.grid
    numerator, denominator = (to_grid(grid, sums, values) for values in (sums.numerator, sums.denominator))
    noise = _noise(settings, prepared, state, sums, (numerator, denominator.real))
    carried = len(sums.table.rows) < int((~prepared.excluded()).sum())
    if carried and state.moments.size:
        numerator, denominator = _with_moments(settings, state, numerator, denominator)
    base = torch.from_numpy(state.noise.mean(axis=0)[1:]).to(numerator.device)
    found = averages(settings, shape, numerator, denominator.real, base, sums.rings)
    populations = real(sums.populations).cpu().numpy()
    share = populations / max(populations.sum(), 1e-12)
    images, without = found.whole, found.without
    reseeded: tuple[int, ...] = ()
    if settings.reseed and state.iteration + 1 < _SETTLED * settings.cycles:
        images, without, reseeded = _reseeded(found, share)
    moved = centre_shift(settings, masked(settings, shape, images))
    final = masked(settings, shape, shifted(images, moved))
    references = torch.stack([masked(settings, shape, shifted(part, moved)) for part in without])
    table = sums.table
    deviation = float(real(sums.shift_power)) / max(2.0 * populations.sum(), 1e-12)
    shift_deviation = max(float(deviation) ** 0.5, 0.5) * settings.pixel_size
    resolutions = tuple(resolution(settings, curve) for curve in found.frc.cpu().numpy())
    before = state.classes[table.rows]
    changed = None if (before == UNASSIGNED).all() else float(np.mean(before != table.classes))
    record = Record(
        state.iteration + 1,
        len(table.rows),
        settings.extent / sums.rings,
        tuple(float(x) for x in share),
        resolutions,
        changed,
        shift_deviation,
        float(table.log_likelihood.astype(np.float64).mean()),
        tuple(reseeded),
        seconds,
    )
    state = replace(
        state,
        iteration=state.iteration + 1,
        averages=final.cpu().numpy().astype(np.float32),
        references=references.cpu().numpy().astype(np.float32),
        noise=noise,
        priors=share,
        shift_deviation=shift_deviation,
        frc=found.frc.cpu().numpy().astype(np.float32),
        contrast=contrast(settings, shape, found.whole),
        history=(*state.history, record),
        moments=_moments(grid, numerator, denominator.real, moved, settings.box, reseeded) if carried else _NONE,
    )
    return _tables(state, sums, moved.numpy())


def _with_moments(
    settings: Settings, state: State, numerator: torch.Tensor, denominator: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of a mini-batch plus the decayed sums of those before: stepwise EM (Cappé & Moulines 2009)."""
    rings = numerator.shape[2]
    old = torch.from_numpy(state.moments[:, :, :, :rings]).to(numerator.device, torch.float64) * settings.moment_decay
    return numerator + torch.complex(old[0], old[1]), denominator + old[2]


def _moments(
    grid: PolarGrid,
    numerator: torch.Tensor,
    denominator: torch.Tensor,
    moved: torch.Tensor,
    box: int,
    reseeded: tuple[int, ...],
) -> np.ndarray:
    """Sums to carry along, moved with the averages; those of classes that were started anew begin at zero."""
    rings = numerator.shape[2]
    angles = shift_angles(PolarGrid(rings, grid.angles), moved, box).to(numerator.device)
    turned = numerator * torch.polar(torch.ones_like(angles), angles)
    kept = torch.stack((turned.real, turned.imag, denominator)).to(torch.float32)
    if reseeded:
        kept[:, :, list(reseeded)] = 0.0
    return torch.nn.functional.pad(kept, (0, 0, 0, grid.rings - rings)).cpu().numpy()


def to_grid(grid: PolarGrid, sums: Sums, values: torch.Tensor) -> torch.Tensor:
    """Sums ``[folds, 2 parts, H, K, R]`` as complex values ``[folds, K, R, M/2]`` on the finest grid (fewer rings)."""
    harmonics = torch.complex(*real(values).unbind(dim=1)).permute(0, 2, 3, 1)
    harmonics = harmonics * (grid.angles / sums.angles)
    missing = grid.harmonics - harmonics.shape[-1]
    if missing:
        harmonics = torch.cat((harmonics[..., :-1], 0.5 * harmonics[..., -1:]), dim=-1)
        harmonics = torch.nn.functional.pad(harmonics, (0, missing))
    return from_harmonics(grid, harmonics)


def averages(
    settings: Settings,
    shape: Frame,
    numerator: torch.Tensor,
    denominator: torch.Tensor,
    base: torch.Tensor,
    rings: int,
) -> Averages:
    """Half and whole averages: V = num / (den + S₀/(T τ²)), τ² from the correlation of the halves.

    Scheres 2012 (J. Mol. Biol. 415:406), eq. 8, with the power of the signal from the cross-power of half averages.
    """
    total = numerator.sum(dim=0), denominator.sum(dim=0).clamp_min(0.0)
    parts = [(numerator[half::2].sum(dim=0), denominator[half::2].sum(dim=0).clamp_min(0.0)) for half in (0, 1)]
    numerators, denominators = (torch.stack(values) for values in zip(*parts, strict=True))
    floor = 0.1 * denominators.mean(dim=-1, keepdim=True) + 1e-6
    separate = numerators / (denominators + floor)
    halves = masked(settings, shape, torch.stack([_image(shape, part, rings) for part in separate]))
    first, second = (torch.complex(*to_polar(shape.plan, part))[:, :rings].to(torch.complex128) for part in halves)
    cross = (first * second.conj()).real.mean(dim=-1)
    powers = first.abs().square().mean(dim=-1), second.abs().square().mean(dim=-1)
    curve = cross / torch.sqrt(powers[0] * powers[1]).clamp_min(1e-30)
    signal = _smooth(cross.clamp_min(0.0)).clamp_min(1e-12)
    prior = base[:rings] / (settings.regularisation * signal)
    summed = total[0] / (total[1] + prior[..., None])
    without = [
        _image(shape, (total[0] - n) / ((total[1] - d).clamp_min(0.0) + prior[..., None]), rings)
        for n, d in zip(numerator, denominator, strict=True)
    ]
    frc = torch.zeros((len(curve), shape.plan.grid.rings + 1), dtype=torch.float64, device=curve.device)
    frc[:, 0] = 1.0
    frc[:, 1 : rings + 1] = curve
    return Averages(halves, torch.stack(without), _image(shape, summed, rings), frc)


def _image(shape: Frame, values: torch.Tensor, rings: int) -> torch.Tensor:
    grid = shape.plan.grid
    full = torch.zeros((len(values), grid.rings, grid.half), dtype=torch.complex64, device=values.device)
    full[:, :rings] = values.to(torch.complex64)
    return image_of(shape, full.real.contiguous(), full.imag.contiguous())


def _smooth(values: torch.Tensor) -> torch.Tensor:
    """Mean with the neighbours along the last axis, weights ¼ ½ ¼."""
    padded = torch.cat((values[:, :1], values, values[:, -1:]), dim=1)
    return 0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:]


def resolution(settings: Settings, curve: np.ndarray) -> float | None:
    """Å of the last ring before the correlation of the halves falls below 0.143; ``None``: none."""
    ring = ring_reached(curve)
    return settings.extent / ring if ring >= settings.first_ring else None


def _noise(
    settings: Settings,
    prepared: Prepared,
    state: State,
    sums: Sums,
    fields: tuple[torch.Tensor, torch.Tensor],
) -> np.ndarray:
    """Power of the noise per coefficient ``[G, rings+1]``: that of the images less what the references explain.

    The residual Σ |X - cPV|² is formed for all groups together; each group keeps the shape of its own power.
    """
    rings = sums.rings
    planes = to_polar(prepared.frame.plan, torch.from_numpy(state.averages).to(fields[0].device))
    reference = torch.complex(*planes)[:, :rings].to(torch.complex128)
    cross = (fields[0].sum(dim=0) * reference.conj()).real.mean(dim=-1).sum(dim=0)
    model = (fields[1].sum(dim=0) * reference.abs().square()).mean(dim=-1).sum(dim=0)
    power = real(sums.power)
    total = power.sum(dim=0)
    left = ((total - 2.0 * cross + model) / total.clamp_min(1e-30)).clamp(0.2, 1.0)
    counts = sums.counts.to(torch.float64)
    mean = total / counts.sum().clamp_min(1.0)
    # A group of a few images leans on the mean of all.
    own = (power + 5.0 * mean) / (counts + 5.0)[:, None]
    noise = state.noise.copy()
    noise[:, 1 : rings + 1] = (own * left / prepared.frame.inside).clamp_min(1e-12).cpu().numpy()
    return noise


def _reseeded(found: Averages, share: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, tuple[int, ...]]:
    """Averages in which empty classes took one half of the largest classes, which keep the other half."""
    images, without = found.whole.clone(), found.without.clone()
    share = share.copy()
    limit = _EMPTY / len(share)
    reseeded = []
    for dead in np.flatnonzero(share < limit):
        parent = int(share.argmax())
        if share[parent] < 1.5 / len(share):
            continue
        images[dead], images[parent] = found.halves[1][parent], found.halves[0][parent]
        without[:, dead], without[:, parent] = images[dead], images[parent]
        share[parent] *= 0.5
        share[dead] = share[parent]
        reseeded.append(int(dead))
    return images, without, tuple(reseeded)


def _tables(state: State, sums: Sums, moved: np.ndarray) -> State:
    """The state with the images' tables brought up to date."""
    table = sums.table
    names = ("classes", "psi", "origin", "max_probability", "log_likelihood")
    columns = {name: getattr(state, name).copy() for name in names}
    for name in names:
        columns[name][table.rows] = getattr(table, name)
    seen = columns["classes"] != UNASSIGNED
    columns["origin"][seen] = turned_origins(
        columns["origin"][seen], columns["psi"][seen], moved[columns["classes"][seen]]
    )
    return replace(state, **columns)
