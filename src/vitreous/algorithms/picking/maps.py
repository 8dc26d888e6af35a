"""Local means over boxes, and what is normal of a map of values."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import avg_pool2d, pad

_SHORTEST = 0.4
_GAUSSIAN_SHORTEST = 1.0488
"""Width, in standard deviations, of the central 40 % of a normal distribution."""

FWHM = 2.3548
"""Full width at half maximum of a normal distribution, in standard deviations."""

_FEW_STAMPS = 0.25
"""Pixels that stamps touch, of those of the image, below which stamping is cheaper than a convolution."""

_MOST_SAMPLES = 20_000
_PLANE_SAMPLES = 600
_PLANES = 300


def box_sum(values: torch.Tensor, width: int) -> torch.Tensor:
    """Sum over a centred square of odd side ``width`` px, cut at the edges, ``[..., y, x]`` float32."""
    half = width // 2
    total = values.to(torch.float64)
    for axis in (-2, -1):
        length = total.shape[axis]
        cumulative = torch.cumsum(total, axis)
        zero = torch.zeros_like(cumulative.narrow(axis, 0, 1))
        cumulative = torch.cat((zero, cumulative), axis)
        place = torch.arange(length, device=values.device)
        upper = cumulative.index_select(axis, (place + half + 1).clamp(max=length))
        total = upper - cumulative.index_select(axis, (place - half).clamp(min=0))
    return total.to(torch.float32)


def sampled_means(values: torch.Tensor, good: torch.Tensor, width: int, step: int) -> torch.Tensor:
    """``local_mean`` at every ``step``-th pixel from ``step // 2``, 0 where no value is good, ``[..., y, x]``."""
    half = width // 2

    def summed(one: torch.Tensor) -> torch.Tensor:
        around = pad(one, (half,) * 4)[..., step // 2 :, step // 2 :]
        return avg_pool2d(around.reshape(-1, 1, *around.shape[-2:]), 2 * half + 1, step)[:, 0]

    weight = good.to(torch.float32)
    number = summed(weight)
    return (summed(values * weight) / number.clamp_min(1e-9)).reshape(*values.shape[:-2], *number.shape[-2:])


def local_mean(values: torch.Tensor, good: torch.Tensor, width: int) -> torch.Tensor:
    """Mean of the good values in a square of side ``width`` px around each pixel; of all good ones where none is."""
    weight = good.to(torch.float32)
    number = box_sum(weight, width)
    mean = box_sum(values * weight, width) / number.clamp_min(0.5)
    whole = (values * weight).sum() / weight.sum().clamp_min(1.0)
    return torch.where(number > 0.5, mean, whole)


def mode_and_fwhm(values: torch.Tensor) -> tuple[float, float]:
    """Mode of a distribution and its full width at half maximum, told by the shortest interval that holds 40 %.

    Up to more than half of the values may be of something else (carbon, a crystal): the interval does not see them.
    """
    flat = values.flatten()
    stride = max(1, len(flat) // _MOST_SAMPLES)
    ordered = torch.sort(flat[::stride])[0]
    inside = max(1, int(_SHORTEST * len(ordered)))
    widths = ordered[inside:] - ordered[: len(ordered) - inside]
    start = int(widths.argmin())
    deviation = float(widths[start]) / _GAUSSIAN_SHORTEST
    return float(0.5 * (ordered[start] + ordered[start + inside])), FWHM * deviation


def grown(mask: torch.Tensor, radius: float) -> torch.Tensor:
    """The mask with everything nearer than ``radius`` px to it, by a disc (Fourier convolution); bool ``[y, x]``."""
    if radius < 0.5 or not bool(mask.any()):
        return mask
    ny, nx = mask.shape
    places = torch.nonzero(mask)
    if len(places) * math.pi * radius**2 < _FEW_STAMPS * mask.numel():
        return stamped((ny, nx), places, radius)
    reach = int(radius) + 1
    size = (ny + 2 * reach, nx + 2 * reach)
    y = torch.fft.fftfreq(size[0], 1.0 / size[0], device=mask.device)[:, None]
    x = torch.fft.fftfreq(size[1], 1.0 / size[1], device=mask.device)[None, :]
    disc = (y * y + x * x <= radius * radius).to(torch.float32)
    padded = torch.zeros(size, device=mask.device)
    padded[:ny, :nx] = mask
    spread = torch.fft.irfft2(torch.fft.rfft2(padded) * torch.fft.rfft2(disc), s=size)
    return spread[:ny, :nx] > 0.5


def stamped(shape: tuple[int, int], places: torch.Tensor, radius: float) -> torch.Tensor:
    """Bool ``shape`` with a disc of ``radius`` px about each of the places, int64 ``[n, 2]`` (row, column)."""
    reach = int(radius)
    step = torch.arange(-reach, reach + 1, device=places.device)
    offsets = torch.cartesian_prod(step, step)
    offsets = offsets[offsets.square().sum(1) <= radius * radius]
    rows, columns = (places[:, None] + offsets).reshape(-1, 2).T
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    found = torch.zeros(shape, dtype=torch.bool, device=places.device)
    found[rows[inside], columns[inside]] = True
    return found


def plane(values: torch.Tensor) -> torch.Tensor:
    """The plane on which most of the values ``[y, x]`` lie, whatever the rest is: carbon does not tilt it.

    Of many planes through three points each, the one whose shortest interval of residuals is narrowest; then least
    squares through what lies near to it.
    """
    ny, nx = values.shape
    y = torch.linspace(-1.0, 1.0, ny, device=values.device)[:, None].expand(ny, nx)
    x = torch.linspace(-1.0, 1.0, nx, device=values.device)[None, :].expand(ny, nx)
    step = max(1, math.ceil((ny * nx / _PLANE_SAMPLES) ** 0.5))
    some = [one[step // 2 :: step, step // 2 :: step].flatten() for one in (torch.ones_like(values), y, x, values)]
    terms, target = torch.stack(some[:3], 1).to(torch.float64), some[3].to(torch.float64)
    random = torch.Generator().manual_seed(1)
    triples = torch.randint(len(target), (_PLANES, 3), generator=random).to(values.device)
    corners = terms[triples]
    sound = torch.linalg.det(corners).abs() > 0.1
    tried = torch.linalg.solve(corners[sound], target[triples[sound]][..., None])[..., 0]
    flat = torch.stack((target.median(), target.new_zeros(()), target.new_zeros(())))
    tried = torch.cat((flat[None], tried))
    rest = torch.sort(target - tried @ terms.T, dim=1)[0]
    inside = max(1, int(_SHORTEST * len(target)))
    spans = (rest[:, inside:] - rest[:, : len(target) - inside]).amin(1)
    fit = tried[int(spans.argmin())]
    for _ in range(3):
        off = target - terms @ fit
        mode, width = mode_and_fwhm(off)
        near = (off - mode).abs() <= max(width, 1e-12)
        fit = torch.linalg.lstsq(terms[near], target[near]).solution
    constant, along_y, along_x = fit.tolist()
    return constant + along_y * y + along_x * x
