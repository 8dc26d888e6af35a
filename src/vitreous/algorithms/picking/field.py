"""The part of a micrograph that is picked from: level, resampled, with what is to be avoided told apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn.functional import avg_pool2d, interpolate

from vitreous.algorithms.fourier.crop import fourier_resize
from vitreous.algorithms.fourier.sizes import smooth_up
from vitreous.algorithms.picking.maps import grown, local_mean, mode_and_fwhm, plane
from vitreous.algorithms.picking.reduction import Reduced
from vitreous.algorithms.picking.settings import PickSettings
from vitreous.core.errors import UsageError

_WIDTHS = 1.0
_EXTENDED = 0.7
_BACK = 0.55
_CRYSTAL_SPOT = 25.0


@dataclass(frozen=True)
class Field:
    """A micrograph resampled for picking.

    Attributes:
        image: float32 ``[wy, wx]``, local mean removed, 0 where it is to be avoided.
        pixel_size: Å (of its x axis; y differs by less than a part in a hundred).
        scale: micrograph pixels per pixel, (y, x).
        offset: micrograph pixel at which index 0 lies.
        avoided: bool ``[wy, wx]``: areas that must not count as background.
        excluded: bool ``[wy, wx]``: centres that must not be picked, the margin included.
        margin: bool ``[wy, wx]``: centres too near to an edge.
        fractions: of the area inside the margin that each kind of avoidance covers.
        inner: rows and columns that are of the micrograph; what lies beyond is 0.
    """

    image: torch.Tensor
    pixel_size: float
    scale: tuple[float, float]
    offset: float
    avoided: torch.Tensor
    excluded: torch.Tensor
    margin: torch.Tensor
    fractions: Mapping[str, float]
    inner: tuple[int, int]


def make_field(reduced: Reduced, settings: PickSettings) -> Field:
    """Find abnormal areas, level the rest, resample to half of the highest resolution used.

    Raises:
        UsageError: the resolution is finer than the reduced image, or the margin leaves nothing.
    """
    pixel = reduced.pixel_size
    if settings.resolution < 2.0 * pixel:
        raise UsageError(
            f"a resolution of {settings.resolution:g} Å is beyond what pixels of {pixel:.2f} Å hold",
            hint=f"Give at least {2.0 * pixel:.1f} Å",
        )
    bad = abnormal_areas(reduced, settings)
    avoided = torch.zeros_like(reduced.image, dtype=torch.bool)
    for area in bad.values():
        avoided |= area
    level = _levelled(reduced.image, ~avoided, settings.diameter / pixel)
    small = reduced.image.shape
    shape = (_resampled(small[0], pixel, settings.resolution), _resampled(small[1], pixel, settings.resolution))
    image = torch.fft.irfft2(fourier_resize(torch.fft.rfft2(level), (small[0], small[1]), shape), s=shape)
    factors = (small[0] / shape[0], small[1] / shape[1])
    near = _nearest(avoided, shape)
    margin = _margin(reduced, settings, shape, factors)
    scale = (factors[0] * reduced.binning, factors[1] * reduced.binning)
    step = pixel * factors[1]
    fractions = {name: float(_nearest(area, shape)[~margin].float().mean()) for name, area in bad.items()}
    return Field(image, step, scale, 0.5 * (reduced.binning - 1), near, near | margin, margin, fractions, shape)


def working_pixel_size(reduced: Reduced, settings: PickSettings) -> float:
    """Å per pixel that ``make_field`` resamples to: templates must have the same."""
    mx = reduced.image.shape[1]
    return reduced.pixel_size * mx / _resampled(mx, reduced.pixel_size, settings.resolution)


def abnormal_areas(reduced: Reduced, settings: PickSettings) -> dict[str, torch.Tensor]:
    """Masks ``[my, mx]`` of what is avoided, by kind, each grown by the particle's radius."""
    found: dict[str, torch.Tensor] = {}
    reach = settings.radius / reduced.pixel_size
    if settings.avoid_abnormal_mean:
        found["abnormal mean"] = grown(_abnormal_mean(reduced, settings), reach)
    if settings.avoid_crystals and reduced.crystals is not None:
        found["crystals"] = grown(_crystals(reduced), reach)
    if settings.avoid_hot:
        found["hot spots"] = grown(reduced.hot, reach)
    return found


def _abnormal_mean(reduced: Reduced, settings: PickSettings) -> torch.Tensor:
    """Areas whose local mean is beyond the mode ± full width at half maximum (Sigworth 2004), on a plane of its own.

    Particles have an abnormal mean themselves, but they are small: only where the mean over half a particle is abnormal
    in most of a window of two diameters is it that of carbon, thick ice or a crystal. Four particles around one place
    come to 0.6 of it. A straight border has 0.5 of it on either side: the area is grown to there and a little beyond.
    """
    image, diameter = reduced.image, settings.diameter / reduced.pixel_size
    coarse, factor = _coarse(image, diameter)
    everything = torch.ones_like(coarse, dtype=torch.bool)
    mean = local_mean(coarse, everything, _odd(0.5 * diameter / factor))
    mean = mean - plane(mean)
    mode, fwhm = mode_and_fwhm(mean)
    abnormal = ((mean - mode).abs() > _WIDTHS * fwhm).to(torch.float32)
    extended = local_mean(abnormal, everything, _odd(2.0 * diameter / factor)) > _EXTENDED
    return _nearest(grown(extended, _BACK * diameter / factor), (image.shape[0], image.shape[1]))


def _coarse(image: torch.Tensor, diameter: float) -> tuple[torch.Tensor, int]:
    """The image in pixels of a tenth of a particle, and how many of its own they are."""
    factor = max(1, int(0.1 * diameter))
    return avg_pool2d(image[None, None], factor, ceil_mode=True)[0, 0], factor


def _crystals(reduced: Reduced) -> torch.Tensor:
    """Tiles with a lattice's spots, as a mask of the reduced image."""
    assert reduced.crystals is not None
    my, mx = reduced.image.shape
    step = reduced.crystal_step / reduced.binning
    hit = reduced.crystals > _CRYSTAL_SPOT
    mask = torch.zeros(my, mx, dtype=torch.bool, device=hit.device)
    for row, column in torch.nonzero(hit).tolist():
        y, x = row * step, column * step
        mask[int(y) : int(y + step) + 1, int(x) : int(x + step) + 1] = True
    return mask


def _levelled(image: torch.Tensor, good: torch.Tensor, diameter: float) -> torch.Tensor:
    """The image minus its mean over three particle diameters (good pixels only), 0 where it is not good."""
    factor = _coarse(image, diameter)[1]
    weight = good.to(torch.float32)
    number, total = (avg_pool2d(one[None, None], factor, ceil_mode=True)[0, 0] for one in (weight, image * weight))
    share = number > 0.5
    values = total / number.clamp_min(0.5)
    mean = local_mean(values, share, _odd(3.0 * diameter / factor))
    # Pooled pixels at the far edge may be cut: the map is stretched over what they cover.
    covered = (mean.shape[0] * factor, mean.shape[1] * factor)
    smooth = interpolate(mean[None, None], size=covered, mode="bilinear")[0, 0, : image.shape[0], : image.shape[1]]
    return torch.where(good, image - smooth, 0.0)


def _margin(
    reduced: Reduced, settings: PickSettings, shape: tuple[int, int], factors: tuple[float, float]
) -> torch.Tensor:
    """Centres nearer to an edge than is allowed."""
    edge = settings.edge_distance
    edge = settings.radius / reduced.pixel_size * reduced.binning if edge is None else edge
    margin = torch.ones(shape, dtype=torch.bool, device=reduced.image.device)
    first = [math.ceil(edge / (reduced.binning * f)) for f in factors]
    last = [math.floor((n - 1 - edge) / (reduced.binning * f)) for n, f in zip(reduced.shape, factors, strict=True)]
    if last[0] < first[0] or last[1] < first[1]:
        size = f"{reduced.shape[1]} x {reduced.shape[0]} px"
        if settings.edge_distance is None:
            raise UsageError(
                f"a particle with a radius of {settings.radius:g} Å ({edge:.0f} px) does not fit on {size}",
                hint="Check the diameter (in Å) and the pixel size",
            )
        raise UsageError(
            f"a distance of {edge:.0f} px from the edges leaves nothing of {size}",
            hint="Give a smaller distance from the edges; check diameter and pixel size",
        )
    margin[first[0] : last[0] + 1, first[1] : last[1] + 1] = False
    return margin


def _resampled(length: int, pixel_size: float, resolution: float) -> int:
    return min(length, smooth_up(math.ceil(2.0 * length * pixel_size / resolution)))


def _nearest(mask: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """The mask on another grid, each pixel as the one that holds its centre."""
    places = [
        ((torch.arange(n, device=mask.device) + 0.5) * (old / n)).to(torch.int64)
        for n, old in zip(shape, mask.shape, strict=True)
    ]
    return mask[places[0]][:, places[1]]


def _odd(width: float) -> int:
    return 2 * int(0.5 * width) + 1
