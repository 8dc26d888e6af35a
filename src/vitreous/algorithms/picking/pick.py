"""Pick one micrograph: from its reduced pixels to candidates with score and local power."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from vitreous.algorithms.fourier.grids import frequencies
from vitreous.algorithms.fourier.sizes import smooth_up
from vitreous.algorithms.picking.background import Background, measure_background, noise_level
from vitreous.algorithms.picking.field import Field, make_field
from vitreous.algorithms.picking.filters import (
    Signal,
    band_of,
    contrast_of,
    laplacian_of_gaussian,
    local_power,
    scores,
    soft_disc,
    texture,
    with_texture,
)
from vitreous.algorithms.picking.maps import mode_and_fwhm
from vitreous.algorithms.picking.peaks import local_maxima, refined
from vitreous.algorithms.picking.reduction import Reduced
from vitreous.algorithms.picking.settings import PickSettings
from vitreous.algorithms.picking.templates import Templates, template_scores
from vitreous.core.errors import UsageError
from vitreous.core.optics import Ctf, Microscope

_LOWEST = 3.0
_TEXTURE = (0.7, 1.0)
"""Discs that structure is summed over, in largest radii: near neighbours need a small one, rings the whole."""


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
    field = replace(field, image=field.image / level.sqrt())
    signal = _signal(field, background, settings, microscope, ctf)
    if settings.method == "template":
        assert templates is not None
        fine = signal.shape
        score, reference = template_scores(signal, templates, field.excluded, settings.floor)
    else:
        fine = (smooth_up(3 * signal.shape[0] // 2), smooth_up(3 * signal.shape[1] // 2))
        maps = scores(signal, _filters(signal, settings), fine)
        score = maps.amax(0)
        if settings.texture:
            likelihood, weights = texture(signal, [factor * settings.radius for factor in _TEXTURE], fine)
            score = with_texture(score, likelihood, _shared(signal, settings, weights[0]))

        def reference(found: torch.Tensor) -> torch.Tensor:
            return maps[:, found[:, 0], found[:, 1]].argmax(0)

    power = local_power(signal, settings.radius, fine)
    return _found(field, settings, score, reference, power, background)


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


def _shared(signal: Signal, settings: PickSettings, weight: torch.Tensor) -> float:
    """The part of a disc's squared score that the texture counts too: mean of λ/(1+λ) over the disc's spectrum."""
    fy, fx = frequencies(signal.shape, signal.pixel_size, signal.spectrum.device)
    disc = soft_disc(torch.sqrt(fy * fy + fx * fx), settings.typical_radius, settings.typical_radius)
    power = (disc * signal.contrast).square() * signal.band.square() / signal.power
    return float(signal.mean(power * weight) / signal.mean(power).clamp_min(1e-30))


def _found(
    field: Field,
    settings: PickSettings,
    score: torch.Tensor,
    reference: Callable[[torch.Tensor], torch.Tensor],
    power: torch.Tensor,
    background: Background,
) -> Picking:
    fine = (score.shape[0], score.shape[1])
    finer = (fine[0] / field.image.shape[0], fine[1] / field.image.shape[1])
    excluded = _at(field.excluded, fine)
    fractions = dict(field.fractions)
    variable = torch.zeros_like(excluded)
    if settings.avoid_high_variance:
        mode, fwhm = mode_and_fwhm(power[~excluded])
        variable = power > mode + 2.0 * fwhm
        fractions["high variance"] = float(variable[~excluded].float().mean())
        excluded = excluded | variable
    reach = 0.5 * settings.distance / field.pixel_size * finer[1]
    places = local_maxima(score, excluded, settings.floor, reach)
    position, height = refined(score, places)
    rows, columns = places[:, 0], places[:, 1]
    scale = [field.scale[axis] / finer[axis] for axis in (0, 1)]
    values = {
        "coordinate_x": position[:, 1] * scale[1] + field.offset,
        "coordinate_y": position[:, 0] * scale[0] + field.offset,
        "pick_score": height,
        "pick_power": power[rows, columns],
        "reference": reference(places),
    }
    masked = float(excluded[~_at(field.margin, fine)].float().mean())
    arrays = {name: value.to(torch.float64).cpu().numpy() for name, value in values.items()}
    avoided = _at(field.avoided, fine) | variable
    return Picking(arrays, masked, fractions, avoided, background)


def _at(mask: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """A mask on a finer grid, each pixel as its nearest."""
    rows = (torch.arange(shape[0], device=mask.device) * mask.shape[0]) // shape[0]
    columns = (torch.arange(shape[1], device=mask.device) * mask.shape[1]) // shape[1]
    return mask[rows][:, columns]
