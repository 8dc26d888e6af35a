"""Pick one micrograph: from its reduced pixels to candidates with score and local power."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn.functional import pad

from vitreous.algorithms.fourier.grids import frequencies
from vitreous.algorithms.fourier.sizes import smooth_up
from vitreous.algorithms.picking.background import Background, measure_background, noise_level
from vitreous.algorithms.picking.field import Field, make_field
from vitreous.algorithms.picking.filters import (
    Signal,
    band_of,
    contrast_of,
    discs_of,
    laplacian_of_gaussian,
    local_power,
    scores,
    soft_disc,
    texture,
    with_texture,
)
from vitreous.algorithms.picking.maps import mode_and_fwhm, stamped
from vitreous.algorithms.picking.peaks import local_maxima, refined, running_maximum
from vitreous.algorithms.picking.reduction import Reduced
from vitreous.algorithms.picking.settings import PickSettings
from vitreous.algorithms.picking.templates import Templates, template_scores
from vitreous.core.errors import UsageError
from vitreous.core.optics import Ctf, Microscope

_LOWEST = 3.0
_TEXTURE_EDGE, _POWER_EDGE = 0.6, 0.5
"""Widths of their soft edges, in their radii."""
_AROUND = 1.5
"""How far a particle is felt, in largest radii."""
_REST = 0.5
"""Part of a place's score that must be left when the strong particles about it are covered."""
_NEAR, _FAINT = 1.5, 0.2
"""Least score beside a strong particle, in that particle's score, and how far that holds, in least distances."""
_STRONG = 6.0
"""Score of particles that may drown what is beside them."""
_TEXTURE = (0.7, 1.0)
"""Discs that structure is summed over, in largest radii: near neighbours need a small one, rings the whole."""


@dataclass(frozen=True)
class Maps:
    """What every place of a field got.

    Attributes:
        score: float32 ``[y, x]``, standard deviations of the background.
        power: the same shape; 1 is the background's.
        reference: tells which filter or template gave the scores of places, int64 ``[n, 2]`` (row, column) → ``[n]``.
    """

    score: torch.Tensor
    power: torch.Tensor
    reference: Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Picking:
    """What was found in one micrograph.

    Attributes:
        candidates: ``coordinate_x``, ``coordinate_y`` (px of the micrograph), ``pick_score`` (standard deviations of
            the background), ``pick_power`` (1 is the background's), ``reference`` (number of disc, diameter or
            template): float64 arrays by falling score.
        masked_fraction: of the area inside the margin that is avoided.
        fractions: the same by kind; kinds may overlap.
        avoided: bool, areas left out (without the margin at the edges), on a coarse grid.
        background: the noise's spectrum.
    """

    candidates: Mapping[str, np.ndarray]
    masked_fraction: float
    fractions: Mapping[str, float]
    avoided: torch.Tensor
    background: Background


def pick(
    reduced: Reduced,
    settings: PickSettings,
    microscope: Microscope | None = None,
    ctf: Ctf | None = None,
    templates: Templates | None = None,
) -> Picking:
    """Find all candidates down to the floor, and tell their score and local power.

    Args:
        reduced: of ``reduce``.
        settings: lengths in Å.
        microscope, ctf: of the micrograph; without them the contrast is taken as flat.
        templates: for the method ``template``.

    Raises:
        UsageError: template without templates, or lengths that do not fit the micrograph.
        ComputeError: nothing but carbon or contamination is there.
    """
    if settings.method == "template" and templates is None:
        raise UsageError("there are no templates to pick with", hint="Give a file of class averages or a map")
    field = make_field(reduced, settings)
    width = 2.0 * settings.radius / field.pixel_size
    background = measure_background(field.image, field.avoided, width, settings.background_boxes, settings.background)
    level = noise_level(field.image, field.avoided, background)
    field = _continued(replace(field, image=field.image / level.sqrt()), settings)
    signal = _signal(field, background, settings, microscope, ctf)
    if settings.method == "template":
        assert templates is not None
        score, reference = template_scores(signal, templates, field.excluded, settings.floor)
        disc = discs_of(signal, [settings.radius], _POWER_EDGE)[0]
        return _found(field, settings, [Maps(score, local_power(signal, disc, signal.shape), reference)], background)
    tools = _tools(signal, settings)
    maps = [_maps(signal, tools, (smooth_up(3 * signal.shape[0] // 2), smooth_up(3 * signal.shape[1] // 2)))]
    if tools.texture:
        maps += _beside(field, signal, settings, tools, maps[0])
    return _found(field, settings, maps, background)


@dataclass(frozen=True)
class _Tools:
    """Filters and discs in the signal's layout; ``texture`` is empty where structure is not looked for."""

    filters: Sequence[torch.Tensor]
    texture: Sequence[torch.Tensor]
    power: torch.Tensor
    typical: torch.Tensor


def _tools(signal: Signal, settings: PickSettings) -> _Tools:
    radii = [factor * settings.radius for factor in _TEXTURE] if settings.texture else []
    fy, fx = frequencies(signal.shape, signal.pixel_size, signal.spectrum.device)
    typical = soft_disc(torch.sqrt(fy * fy + fx * fx), settings.typical_radius, settings.typical_radius)
    power = discs_of(signal, [settings.radius], _POWER_EDGE)[0]
    return _Tools(_filters(signal, settings), discs_of(signal, radii, _TEXTURE_EDGE), power, typical)


def _continued(field: Field, settings: PickSettings) -> Field:
    """The field with zeros beyond its far edges, so that filters see no particle of the opposite edge."""
    reach = math.ceil(_AROUND * settings.radius / field.pixel_size)
    ny, nx = field.inner
    wide = (0, smooth_up(nx + reach) - nx, 0, smooth_up(ny + reach) - ny)
    return replace(
        field,
        image=pad(field.image, wide),
        avoided=pad(field.avoided, wide, value=True),
        excluded=pad(field.excluded, wide, value=True),
        margin=pad(field.margin, wide, value=True),
    )


def _maps(signal: Signal, tools: _Tools, fine: tuple[int, int]) -> Maps:
    """Score and power of discs or Laplacians on a grid ``fine``, with the texture where it is asked for."""
    each = scores(signal, tools.filters, fine)
    score = each.amax(0)
    if tools.texture:
        likelihood, weights = texture(signal, tools.texture, fine)
        score = with_texture(score, likelihood, _shared(signal, tools.typical, weights[0]))

    def reference(found: torch.Tensor) -> torch.Tensor:
        return each[:, found[:, 0], found[:, 1]].argmax(0)

    return Maps(score, local_power(signal, tools.power, fine), reference)


def _beside(field: Field, signal: Signal, settings: PickSettings, tools: _Tools, first: Maps) -> list[Maps]:
    """What is seen beside the strong particles once these are covered: a weak one is no mere flank of its neighbour.

    The score of a place counts all structure within a particle's radius, so that of a strong particle spreads as far
    and drowns a weak one next to it. Covered pixels have not even noise, which lowers the scores beside them.
    """
    fine = (first.score.shape[0], first.score.shape[1])
    finer = torch.tensor([n / old for n, old in zip(fine, signal.shape, strict=True)], device=first.score.device)
    reach = 0.5 * settings.distance / field.pixel_size * float(finer[1])
    strong = local_maxima(first.score, _at(field.excluded, fine), _STRONG, reach)
    if not len(strong):
        return []
    places = (strong / finer).round().long()
    covered = stamped(signal.shape, places, settings.radius / field.pixel_size)
    spectrum = torch.fft.rfft2(field.image.masked_fill(covered, 0.0))
    maps = _maps(replace(signal, spectrum=spectrum), tools, signal.shape)
    near = stamped(signal.shape, places, settings.distance / field.pixel_size)
    # Fringes that a particle leaves beyond its cover are little of what was seen there before.
    before = _at(first.score, signal.shape)
    side = 2 * math.ceil(_NEAR * settings.distance / field.pixel_size) + 1
    highest = running_maximum(running_maximum(before, side).T, side).T
    fringe = maps.score < torch.maximum(_REST * before, _FAINT * highest)
    return [replace(maps, score=maps.score.masked_fill(near | fringe, 0.0))]


def _signal(
    field: Field, background: Background, settings: PickSettings, microscope: Microscope | None, ctf: Ctf | None
) -> Signal:
    shape = (field.image.shape[0], field.image.shape[1])
    device = field.image.device
    highest = max(settings.resolution, 2.0 * field.pixel_size)
    return Signal(
        torch.fft.rfft2(field.image),
        shape,
        field.pixel_size,
        background.on(background.power, shape),
        background.on(background.excess, shape),
        band_of(shape, field.pixel_size, highest, _LOWEST * settings.diameter).to(device),
        contrast_of(shape, field.pixel_size, microscope, ctf, settings.bright).to(device),
    )


def _filters(signal: Signal, settings: PickSettings) -> list[torch.Tensor]:
    """Matched filters of the discs, or Laplacians of Gaussians, in the signal's layout."""
    fy, fx = frequencies(signal.shape, signal.pixel_size, signal.spectrum.device)
    s = torch.sqrt(fy * fy + fx * fx)
    if settings.method == "log":
        low, high = settings.diameters
        sign = 1.0 if settings.bright else -1.0
        steps = np.linspace(low, high, settings.n_diameters) if high > low else [low]
        return [sign * laplacian_of_gaussian(s, float(d)) * signal.band for d in steps]
    found = []
    for factor in settings.radii:
        radius = factor * settings.typical_radius
        edge = 2.0 * min(radius, max(settings.radius - settings.typical_radius, signal.pixel_size))
        disc = soft_disc(s, radius, edge)
        found.append(disc * signal.contrast * signal.band.square() / signal.power)
    return found


def _shared(signal: Signal, disc: torch.Tensor, weight: torch.Tensor) -> float:
    """The part of a disc's squared score that the texture counts too: mean of λ/(1+λ) over the disc's spectrum."""
    power = (disc * signal.contrast).square() * signal.band.square() / signal.power
    return float(signal.mean(power * weight) / signal.mean(power).clamp_min(1e-30))


def _found(field: Field, settings: PickSettings, maps: Sequence[Maps], background: Background) -> Picking:
    fine = (maps[0].score.shape[0], maps[0].score.shape[1])
    excluded = _at(field.excluded, fine)
    fractions = dict(field.fractions)
    variable = torch.zeros_like(excluded)
    if settings.avoid_high_variance:
        power = maps[0].power
        mode, fwhm = mode_and_fwhm(power[~excluded])
        variable = power > mode + 2.0 * fwhm
        fractions["high variance"] = float(variable[~excluded].float().mean())
        excluded = excluded | variable
    together: dict[str, torch.Tensor] = {}
    for one in maps:
        found = _candidates(field, settings, one, _at(excluded, (one.score.shape[0], one.score.shape[1])))
        apart = settings.distance / field.pixel_size * field.scale[1]
        together = _joined(together, found, apart) if together else found
    order = torch.argsort(together["pick_score"], descending=True, stable=True)
    arrays = {name: value[order].to(torch.float64).cpu().numpy() for name, value in together.items()}
    masked = float(excluded[~_at(field.margin, fine)].float().mean())
    rows, columns = (
        round(n * inner / whole) for n, inner, whole in zip(fine, field.inner, field.image.shape, strict=True)
    )
    return Picking(arrays, masked, fractions, (_at(field.avoided, fine) | variable)[:rows, :columns], background)


def _joined(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor], apart: float) -> dict[str, torch.Tensor]:
    """Candidates of two scores: of two of them that are nearer than ``apart`` px the better, of equals the first."""
    one, other = (torch.stack((found["coordinate_x"], found["coordinate_y"]), 1) for found in (first, second))
    close = (one[:, None] - other).square().sum(2) < apart * apart
    better = second["pick_score"] > first["pick_score"][:, None]
    kept = ~(close & better).any(1), ~(close & ~better).any(0)
    return {name: torch.cat((first[name][kept[0]], second[name][kept[1]])) for name in first}


def _candidates(field: Field, settings: PickSettings, maps: Maps, excluded: torch.Tensor) -> dict[str, torch.Tensor]:
    """Maxima of a score in px of the micrograph, with score, power and reference."""
    finer = [n / old for n, old in zip(maps.score.shape, field.image.shape, strict=True)]
    reach = 0.5 * settings.distance / field.pixel_size * finer[1]
    places = local_maxima(maps.score, excluded, settings.floor, reach)
    position, height = refined(maps.score, places)
    scale = [field.scale[axis] / finer[axis] for axis in (0, 1)]
    return {
        "coordinate_x": position[:, 1] * scale[1] + field.offset,
        "coordinate_y": position[:, 0] * scale[0] + field.offset,
        "pick_score": height,
        "pick_power": maps.power[places[:, 0], places[:, 1]],
        "reference": maps.reference(places),
    }


def _at(mask: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """A map on another grid, each pixel as its nearest."""
    rows = (torch.arange(shape[0], device=mask.device) * mask.shape[0]) // shape[0]
    columns = (torch.arange(shape[1], device=mask.device) * mask.shape[1]) // shape[1]
    return mask[rows][:, columns]
