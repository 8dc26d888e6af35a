"""Templates in many orientations, and the best match of all of them at every place by a few convolutions.

All orientations of a particle at 20 Å span few dimensions: about (radius × highest frequency)² times ten. A basis of
the filters (randomised singular values, Halko, Martinsson & Tropp 2011) is correlated with the micrograph by Fourier
transforms; the scores of thousands of templates are then one matrix product per stripe of the micrograph.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import grid_sample

from vitreous.algorithms.fourier.crop import fourier_resize
from vitreous.algorithms.fourier.grids import frequencies
from vitreous.algorithms.fourier.sizes import smooth_up
from vitreous.algorithms.geometry.project import central_slices, slice_source
from vitreous.algorithms.geometry.rotations import euler_matrix
from vitreous.algorithms.geometry.symmetry import point_group
from vitreous.algorithms.picking.filters import Signal
from vitreous.core.errors import DataError

_ENERGY = 0.9
_LARGEST_BASIS = 96
_OVERSAMPLING = 8
_STRIPE = 1024
_ALIKE = 0.93
"""Filters that correlate better than this stand for each other: a particle loses 7 % of its score at most."""
_PROJECTIONS_AT_ONCE = 64


@dataclass(frozen=True)
class Templates:
    """Images of the particle in all orientations looked for.

    Attributes:
        images: float32 ``[t, n, n]``, mass bright, centre at n // 2, background 0.
        pixel_size: Å.
        parents: number of the class average or direction that each image comes from, int64 ``[t]``.
    """

    images: torch.Tensor
    pixel_size: float
    parents: torch.Tensor


def directions(step: float, symmetry: str = "C1") -> torch.Tensor:
    """Viewing directions about ``step`` degrees apart, one of each set that a point group makes equal.

    A Fibonacci spiral over the sphere; of directions that symmetry maps onto each other's neighbourhood the first is
    kept.

    Returns:
        degrees, float64 ``[m, 2]`` (rot, tilt).
    """
    number = max(2, math.ceil(4.0 * math.pi / math.radians(step) ** 2))
    index = torch.arange(number, dtype=torch.float64)
    z = 1.0 - (2.0 * index + 1.0) / number
    rot = (index * math.pi * (3.0 - math.sqrt(5.0))) % (2.0 * math.pi)
    flat = torch.sqrt(1.0 - z * z)
    points = torch.stack((flat * torch.cos(rot), flat * torch.sin(rot), z), 1)
    group = point_group(symmetry)
    if len(group) > 1:
        near = math.cos(math.radians(0.55 * step))
        images = torch.einsum("gij,nj->gni", group, points)
        kept: list[int] = []
        covered = torch.zeros(number, dtype=torch.bool)
        for one in range(number):
            if not bool(covered[one]):
                kept.append(one)
                covered |= ((images[:, one] @ points.T) > near).any(0)
        points, rot = points[kept], rot[kept]
    return torch.stack((torch.rad2deg(rot), torch.rad2deg(torch.arccos(points[:, 2].clamp(-1.0, 1.0)))), 1)


def map_templates(
    volume: torch.Tensor,
    volume_pixel_size: float,
    pixel_size: float,
    diameter: float,
    *,
    direction_step: float,
    psi_step: float,
    symmetry: str = "C1",
) -> Templates:
    """Projections of a map evenly over directions and in-plane angles.

    Args:
        volume: ``[n, n, n]``, mass positive.
        volume_pixel_size: Å.
        pixel_size: of the templates, Å.
        diameter: of the circle that holds the particle, Å.
        direction_step, psi_step: degrees.
        symmetry: point group of the map.

    Raises:
        DataError: the map is empty.
    """
    box = _box(diameter, pixel_size)
    source = slice_source(volume, volume_pixel_size)
    seen = directions(direction_step, symmetry)
    psi = torch.arange(0.0, 360.0 - 1e-6, psi_step, dtype=torch.float64)
    angles = torch.cat((seen[:, None].expand(-1, len(psi), 2), psi[None, :, None].expand(len(seen), -1, 1)), 2)
    rotations = euler_matrix(angles.reshape(-1, 3))
    images = [central_slices(source, part, box, pixel_size) for part in rotations.split(_PROJECTIONS_AT_ONCE)]
    parents = torch.arange(len(seen)).repeat_interleave(len(psi))
    return _finished(torch.cat(images), pixel_size, diameter, parents)


def average_templates(
    averages: torch.Tensor, average_pixel_size: float, pixel_size: float, diameter: float, *, psi_step: float
) -> Templates:
    """Class averages in all in-plane orientations.

    Args:
        averages: ``[k, n, n]``, mass bright (RELION's and cisTEM's averages), centre at n // 2.
        average_pixel_size, pixel_size, diameter: Å, as in ``map_templates``.
        psi_step: degrees.
    """
    box = _box(diameter, pixel_size)
    count, side = averages.shape[0], averages.shape[-1]
    # Low-passed to the templates' Nyquist frequency first, on a grid twice as fine as they need.
    fine = min(side, smooth_up(math.ceil(2.0 * side * average_pixel_size / pixel_size)))
    spectrum = torch.fft.rfft2(averages.to(torch.float32))
    fy, fx = frequencies((side, side), average_pixel_size, averages.device)
    spectrum = spectrum * (torch.sqrt(fy * fy + fx * fx) <= 0.5 / pixel_size)
    small = torch.fft.irfft2(fourier_resize(spectrum, (side, side), (fine, fine)), s=(fine, fine))
    step = average_pixel_size * side / fine
    centre = (side // 2) * fine / side
    psi = torch.deg2rad(torch.arange(0.0, 360.0 - 1e-6, psi_step, device=averages.device))
    offset = (torch.arange(box, device=averages.device) - box // 2) * (pixel_size / step)
    y, x = offset[:, None], offset[None, :]
    cos, sin = torch.cos(psi)[:, None, None], torch.sin(psi)[:, None, None]
    from_x = centre + cos * x + sin * y
    from_y = centre - sin * x + cos * y
    grid = torch.stack((from_x, from_y), -1) * (2.0 / (fine - 1)) - 1.0
    turned = [
        grid_sample(one[None, None].expand(len(psi), 1, fine, fine), grid, mode="bicubic", align_corners=True)[:, 0]
        for one in small
    ]
    parents = torch.arange(count).repeat_interleave(len(psi))
    return _finished(torch.cat(turned), pixel_size, diameter, parents)


def _box(diameter: float, pixel_size: float) -> int:
    return smooth_up(math.ceil(1.2 * diameter / pixel_size))


def _finished(images: torch.Tensor, pixel_size: float, diameter: float, parents: torch.Tensor) -> Templates:
    """Masked by a soft circle, background zero; images without contrast are left out."""
    box = images.shape[-1]
    offset = (torch.arange(box, device=images.device) - box // 2) * pixel_size
    radius = torch.sqrt(offset[:, None].square() + offset.square())
    edge = max(2.0 * pixel_size, 0.05 * diameter)
    mask = ((0.5 * diameter + edge - radius) / edge).clamp(0.0, 1.0)
    ring = ((radius > 0.45 * diameter) & (radius < 0.55 * diameter)).to(torch.float32)
    level = (images * ring).sum((-2, -1), keepdim=True) / ring.sum().clamp_min(1.0)
    masked = (images - level) * mask
    norm = masked.square().sum((-2, -1)).sqrt()
    good = norm > 1e-6 * norm.max().clamp_min(1e-30)
    if not bool(good.any()) or not bool(torch.isfinite(norm).all()):
        raise DataError("the templates are empty or hold NaN", hint="Give class averages or a map with a particle")
    return Templates(masked[good], pixel_size, parents.to(images.device)[good])


def template_scores(
    signal: Signal, templates: Templates, excluded: torch.Tensor, floor: float
) -> tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]:
    """The best score of all templates at each place, in standard deviations of the background, and who gave it.

    A particle of score c adds to what the basis holds of the noise: its energy there is c² + χ²(r - 1). Places where
    the energy is below that of the floor's c and the noise's mean less one deviation are not looked at any further:
    their score is stated as half of the floor, or as what the basis reaches where that is less.

    Args:
        signal: transform and noise.
        templates: of the signal's pixel size.
        excluded: bool ``[wy, wx]``: no candidates are wanted there.
        floor: least score that matters.

    Returns:
        Scores, float32 ``[wy, wx]``; a function that takes places ``[n, 2]`` (row, column) to the numbers of their best
        templates' parents ``[n]``.
    """
    basis, weights = _basis(signal, templates)
    rank = len(basis)
    white = signal.spectrum / signal.power.sqrt()
    size = signal.shape[0] * signal.shape[1]
    places = white.new_empty((size, rank), dtype=torch.float32)
    for number, one in enumerate(basis):
        transform = torch.fft.rfft2(_centred(one, signal.shape))
        places[:, number] = torch.fft.irfft2(white * transform.conj(), s=signal.shape).flatten()
    energy = places.square().sum(1)
    spread = math.sqrt(2.0 * max(rank - 1, 0))
    looked_at = (energy >= floor * floor + max(rank - 1 - spread, 0.0)) & ~excluded.flatten()
    score = energy.sqrt().clamp_max(0.5 * floor)
    kept = _distinct(weights)
    across, parents = weights[kept].T.contiguous(), templates.parents[kept]
    for some in torch.nonzero(looked_at)[:, 0].split(_STRIPE):
        score[some] = (places[some] @ across).amax(1)

    def parent(found: torch.Tensor) -> torch.Tensor:
        flat = found[:, 0] * signal.shape[1] + found[:, 1]
        return parents[(places[flat] @ across).argmax(1)]

    return score.reshape(signal.shape), parent


def _basis(signal: Signal, templates: Templates) -> tuple[torch.Tensor, torch.Tensor]:
    """Orthonormal images ``[r, n, n]`` of the whitened filters and each filter's weights ``[t, r]`` of unit norm.

    A template's filter is band²·contrast·T/√P, what the optics and the whitening make of it; on a box that holds it
    with the rim that defocus spreads it to.
    """
    side = smooth_up(round(1.5 * templates.images.shape[-1]))
    shape = (side, side)
    response = signal.band.square() * signal.contrast / signal.power.sqrt()
    kernel = torch.fft.irfft2(response.to(torch.complex64), s=signal.shape)
    half = side // 2
    near = torch.roll(kernel, (half, half), (0, 1))[:side, :side]
    # The kernel's own window, twice as wide as its box would alias; what lies beyond carries next to nothing.
    transfer = torch.fft.rfft2(torch.roll(near, (-half, -half), (0, 1))).real
    padded = _centred(templates.images, shape)
    filters = torch.fft.irfft2(torch.fft.rfft2(padded) * transfer, s=shape).reshape(len(padded), -1)
    filters = filters / filters.norm(dim=1, keepdim=True).clamp_min(1e-30)
    rank = min(_LARGEST_BASIS, *filters.shape)
    random = torch.Generator().manual_seed(1)
    probe = torch.randn(filters.shape[0], min(rank + _OVERSAMPLING, filters.shape[0]), generator=random)
    sketch = torch.linalg.qr(filters.T @ probe.to(filters.device))[0]
    sketch = torch.linalg.qr(filters.T @ (filters @ sketch))[0]
    left, sizes, right = torch.linalg.svd(filters @ sketch, full_matrices=False)
    energy = torch.cumsum(sizes.square(), 0) / len(filters)
    count = min(rank, int((energy < _ENERGY).sum()) + 1)
    weights = left[:, :count] * sizes[:count]
    images = (right[:count] @ sketch.T).reshape(count, side, side)
    return torch.roll(images, (half, half), (1, 2)), weights / weights.norm(dim=1, keepdim=True)


def _distinct(weights: torch.Tensor) -> torch.Tensor:
    """Numbers of filters that stand for all: each of the others correlates with one of them better than ``_ALIKE``."""
    near = weights @ weights.T > _ALIKE
    covered = torch.zeros(len(weights), dtype=torch.bool, device=weights.device)
    kept = []
    for one in range(len(weights)):
        if not bool(covered[one]):
            kept.append(one)
            covered |= near[one]
    return torch.tensor(kept, device=weights.device)


def _centred(image: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """The image on a larger canvas, its centre (n // 2) at the origin."""
    n = image.shape[-1]
    out = image.new_zeros((*image.shape[:-2], *shape))
    out[..., :n, :n] = image
    return torch.roll(out, (-(n // 2), -(n // 2)), (-2, -1))
