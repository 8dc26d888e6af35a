"""Local motion: patches of the frame move on their own; a field smooth in space and time describes how.

In space the field is a polynomial of fourth order (``field.py``), its finer terms as large as the data support. In time
each coefficient is as smooth as the data support and zero in the first frame. The table of other programs (Zheng et al.
2017, Nat. Methods 14:331: quadratic in space, cubic in time) can't follow specimens that move fast in the first frames
and then settle; it is fitted to the field for those programs only.

Patches are not aligned one by one: each patch gives the gradient and curvature of the likelihood of its groups' shifts
at the present field (``posterior.py``), and the whole field follows from all of them at once by robust weighted least
squares under the prior (``smoothing.py``). A patch that sees nothing then says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch

from vitreous.algorithms.fourier.sizes import smooth_up
from vitreous.algorithms.movies.band import Band, make_band
from vitreous.algorithms.movies.field import TERMS, spatial_basis
from vitreous.algorithms.movies.posterior import (
    binding,
    bound,
    curvature,
    reference_weight,
    shift_gradients,
    shifted_sum,
    signal_to_noise,
)
from vitreous.algorithms.movies.smoothing import smoothest_fit
from vitreous.algorithms.movies.whole_frame import WhiteFrames
from vitreous.core.progress import Progress, silent


@dataclass(frozen=True)
class LocalOptions:
    """How local motion is measured.

    Attributes:
        patches: number along x and y.
        group_exposure: e/Å², frames are summed to groups of about this exposure.
        group_frames: frames in a group where the exposure is not known, or to override it.
        overlap: part of a patch shared with each neighbour.
        iterations: Newton steps.
        extent: Å ``(y, x)`` over which the field's x and y run from -½ to ½; that of the frames unless given. Frames
            padded at the end are wider than what they show.
        rejection: a patch that deviates this many times more than the median patch is weighed down (Huber 1964).
    """

    patches: tuple[int, int] = (5, 5)
    group_exposure: float = 4.0
    group_frames: int | None = None
    overlap: float = 0.25
    iterations: int = 3
    rejection: float = 2.0
    extent: tuple[float, float] | None = None


@dataclass(frozen=True)
class LocalMotion:
    """Local motion on top of the whole-frame motion.

    Attributes:
        field: float64 ``[n_frames, 2, 15]``, Å: coefficients of ``field.TERMS`` for x, then y; zero in the first frame.
        deviation: float64 ``[rows, columns]``, rms deviation of each patch from the field, in standard errors.
        weight: float64 ``[rows, columns]``, the say that each patch was left, 0..1.
        acceleration_sd: Å per frame² that the data chose for the prior.
        roughness: that the data chose for the prior in space.
    """

    field: torch.Tensor
    deviation: torch.Tensor
    weight: torch.Tensor
    acceleration_sd: float
    roughness: float


@dataclass(frozen=True)
class _Patches:
    """Groups of frames in patches: transforms [p, g, ny, nx//2+1], powers, qualities, centres, frames of groups."""

    transforms: torch.Tensor
    powers: torch.Tensor
    quality: torch.Tensor
    band: Band
    centres: torch.Tensor
    membership: torch.Tensor
    share: float


def measure_local_motion(
    frames: WhiteFrames, shifts: torch.Tensor, options: LocalOptions, progress: Progress = silent
) -> LocalMotion:
    """Fit the local field to frames whose whole-frame motion is known.

    Args:
        frames: whitened frames in the alignment band.
        shifts: float64 ``[n, 2]``, Å, the whole-frame motion.
    """
    patches = _cut_patches(frames, shifts, options)
    basis = spatial_basis(patches.centres[:, 0], patches.centres[:, 1])
    orders = torch.tensor([i + j for i, j in TERMS], device=basis.device)
    instants = _instants(frames, options)
    inner = patches.membership[:, 1:] @ instants  # the first frame's field is zero
    solution = torch.zeros(len(TERMS), instants.shape[1], 2, dtype=torch.float64, device=basis.device)
    weight = torch.ones(len(basis), dtype=torch.float64, device=basis.device)
    deviation = weight
    sd = rough = 0.0
    for number in range(options.iterations):
        progress(number / options.iterations, "local motion")
        present = torch.einsum("ps,gk,ska->pga", basis, inner, solution)
        gradient, bend = _patch_evidence(patches, present)
        normal, right = _normal_equations(basis, inner, gradient, bend, present, weight)
        fit = smoothest_fit([normal, normal], right, frames.exposure, instants, orders)
        solution, sd, rough = fit.values.reshape(solution.shape), fit.acceleration_sd, fit.roughness
        step = torch.einsum("ps,gk,ska->pga", basis, inner, solution) - present
        deviation = _deviation(gradient - bend @ step, bend)
        weight = (options.rejection * deviation.median() / deviation.clamp_min(1e-12)).clamp_max(1.0)
        if float(step.abs().max()) < 0.03:
            break
    field = torch.einsum("nk,ska->nas", instants, solution)
    field = torch.nn.functional.pad(field, (0, 0, 0, 0, 1, 0))
    rows = options.patches[1]
    return LocalMotion(field, deviation.reshape(rows, -1), weight.reshape(rows, -1), sd, rough)


def _instants(frames: WhiteFrames, options: LocalOptions) -> torch.Tensor:
    """Frames 1..n-1 as linear interpolations ``[n-1, k]`` between instants: dense at first, then one per group."""
    n = len(frames.transforms)
    size = len(_groups(frames, options)[0])
    knots = [0]
    while knots[-1] < n - 1:
        knots.append(min(n - 1, knots[-1] + max(1, min(size, (knots[-1] + 1) // 2))))
    at = torch.tensor(knots, dtype=torch.float64)
    t = torch.arange(1, n, dtype=torch.float64)[:, None]
    width_before = torch.cat([torch.ones(1, dtype=torch.float64), torch.diff(at)])
    width_after = torch.cat([torch.diff(at), torch.ones(1, dtype=torch.float64)])
    hat = torch.minimum(1.0 + (t - at) / width_before, 1.0 - (t - at) / width_after).clamp_min(0.0)
    return hat[:, 1:].to(frames.transforms.device)


def _normal_equations(
    basis: torch.Tensor,
    inner: torch.Tensor,
    gradient: torch.Tensor,
    bend: torch.Tensor,
    present: torch.Tensor,
    weight: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Curvature and right-hand side in terms of the field's values at the instants: sums over patches."""
    in_time = torch.einsum("gk,pgh,hl->pkl", inner, bend * weight[:, None, None], inner)
    normal = torch.einsum("ps,pr,pkl->skrl", basis, basis, in_time)
    size = normal.shape[0] * normal.shape[1]
    pull = (bend @ present + gradient) * weight[:, None, None]
    right = torch.einsum("ps,gk,pga->ska", basis, inner, pull)
    return normal.reshape(size, size), right.reshape(size, 2)


def _deviation(remaining: torch.Tensor, bend: torch.Tensor) -> torch.Tensor:
    """Rms of each patch's remaining gradient in its standard errors; the gradient's covariance is the curvature."""
    error = bend.diagonal(dim1=1, dim2=2).clamp_min(1e-12)[..., None]
    return (remaining**2 / error).mean((1, 2)).sqrt()


def _groups(frames: WhiteFrames, options: LocalOptions) -> list[list[int]]:
    """Consecutive frames that share one measurement."""
    n = len(frames.transforms)
    if options.group_frames is not None:
        size = options.group_frames
    elif frames.exposure is not None and n > 1:
        step = float((frames.exposure[-1] - frames.exposure[0]) / (n - 1))
        size = max(1, round(options.group_exposure / step)) if step > 0 else 1
    else:
        size = 1
    size = max(1, min(size, n // 4 or 1))
    count = n // size
    edges = [round(i * n / count) for i in range(count + 1)]
    return [list(range(a, b)) for a, b in pairwise(edges)]


def _cut_patches(frames: WhiteFrames, shifts: torch.Tensor, options: LocalOptions) -> _Patches:
    """Move frames to the specimen's frame, sum groups, cut overlapping windowed patches and transform them."""
    ny, nx = frames.band.shape
    groups = _groups(frames, options)
    images = []
    for group in groups:
        images.append(torch.fft.irfft2(shifted_sum(frames.transforms[group], shifts[group], frames.band), s=(ny, nx)))
    stack = torch.stack(images)
    columns, rows = options.patches
    size_y, size_x = (
        min(whole - whole % 2, smooth_up(int(whole / count * (1.0 + options.overlap))))
        for whole, count in ((ny, rows), (nx, columns))
    )
    window = _edge_window(size_y, stack.device)[:, None] * _edge_window(size_x, stack.device)[None, :]
    norm = (ny * nx) ** 0.5 / float((window**2).sum().sqrt())
    tops = [
        round((ny - size_y) * (i + 0.5) / rows - 0.0) if rows == 1 else round((ny - size_y) * i / (rows - 1))
        for i in range(rows)
    ]
    lefts = [
        round((nx - size_x) * 0.5) if columns == 1 else round((nx - size_x) * i / (columns - 1)) for i in range(columns)
    ]
    unit_y, unit_x = (
        step / whole for step, whole in zip(frames.band.pixel_size, options.extent or frames.band.extent, strict=True)
    )
    cuts = []
    centres = []
    for top in tops:
        for left in lefts:
            part = stack[:, top : top + size_y, left : left + size_x]
            part = part - part.mean((1, 2), keepdim=True)
            cuts.append(torch.fft.rfft2(part * window) * norm)
            centres.append(((left + 0.5 * size_x) * unit_x - 0.5, (top + 0.5 * size_y) * unit_y - 0.5))
    band = make_band(
        (size_y, size_x),
        (size_y * frames.band.pixel_size[0], size_x * frames.band.pixel_size[1]),
        high_resolution=1.0 / float(frames.band.frequency[-1]),
        cross=None,
        device=stack.device,
    )
    transforms = torch.stack(cuts)
    transforms = transforms * (band.ring < band.n_rings)
    powers = torch.stack([torch.stack([band.ring_power(t) for t in patch]) for patch in transforms])
    quality = torch.stack([frames.quality[group].sum(0) for group in groups])
    membership = torch.zeros(len(groups), len(frames.transforms), dtype=torch.float64, device=stack.device)
    for number, group in enumerate(groups):
        membership[number, group] = 1.0 / len(group)
    return _Patches(
        transforms,
        powers,
        _on_rings(quality, frames.band, band),
        band,
        torch.tensor(centres, dtype=torch.float64, device=stack.device),
        membership,
        min(1.0, ny * nx / (rows * columns * float((window**2).sum()))),
    )


def _starts(whole: int, size: int, count: int) -> list[int]:
    """First index of each of ``count`` patches of ``size`` that cover ``whole``."""
    if count == 1:
        return [(whole - size) // 2]
    return [round((whole - size) * i / (count - 1)) for i in range(count)]


def _edge_window(size: int, device: torch.device) -> torch.Tensor:
    """Flat window with raised-cosine edges over an eighth on each side."""
    edge = max(1, size // 8)
    position = torch.arange(size, device=device, dtype=torch.float32)
    depth = torch.minimum(position + 0.5, size - position - 0.5).clamp_max(edge) / edge
    return 0.5 - 0.5 * torch.cos(torch.pi * depth)


def _on_rings(values: torch.Tensor, source: Band, target: Band) -> torch.Tensor:
    """Values per ring of one band at the rings of another, nearest in frequency."""
    index = torch.round(target.frequency / source.frequency[1]).long().clamp_max(source.n_rings - 1)
    return values[:, index]


def _patch_evidence(patches: _Patches, present: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradient ``[p, g, 2]`` and curvature ``[p, g, g]`` of each patch's likelihood at ``present [p, g, 2]`` Å."""
    band = patches.band
    totals = [shifted_sum(t, at, band) for t, at in zip(patches.transforms, present, strict=True)]
    powers = torch.stack([band.ring_power(total) for total in totals])
    quality = patches.quality
    snr = signal_to_noise(powers.mean(0), patches.powers.mean(0), quality, band.modes * len(totals), window=5)
    cross = quality.sum(0) ** 2 - (quality**2).sum(0)
    # A patch may hold more or less specimen than the average one: scale the common spectrum to it.
    expected = (band.modes * snr * snr * cross).sum().clamp_min(1e-12)
    found, bends = [], []
    for p, total in enumerate(totals):
        excess = (powers[p] - patches.powers[p].sum(0)) * band.modes * snr
        mine = snr * (excess.sum() / expected).clamp(0.05, 20.0)
        weights = reference_weight(mine, quality)
        found.append(shift_gradients(patches.transforms[p], present[p], total, weights, band))
        bends.append(curvature(mine, quality, band))
    # What is observed of the curvature is noisy in one patch, and a matter of the specimen's damage: pool it.
    observed, bend = torch.stack(found), torch.stack(bends)
    bend = bound(bend, binding(bend.sum(0), observed[:, :, 2].sum(0)))
    # Overlapping patches share their pixels, and so must not count them twice.
    return observed[:, :, :2] * patches.share, bend * patches.share
