"""Bad pixels of the camera: found in the sum of the frames, replaced frame by frame.

A replaced value is a random good neighbour's count of the same frame, never a smooth mean: a mean has less noise than
its surroundings, and the same pixels being quiet in every frame correlate at zero shift.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

_REACH = 2  # neighbours in 5×5
_FEW = 6  # good neighbours below which a value is drawn from the frame's distribution
_HOT = 6.0  # standard deviations of the sum
_XRAY = 10.0  # standard deviations of a frame


@dataclass(frozen=True)
class BadPixels:
    """Pixels to replace and where to take values from.

    Attributes:
        index: int64 ``[n]``, flat indices into a frame.
        neighbours: int64 ``[n, 24]``, flat indices of good neighbours, the first ``count`` of each row valid.
        count: int64 ``[n]``.
        shape: ``(ny, nx)``.
    """

    index: torch.Tensor
    neighbours: torch.Tensor
    count: torch.Tensor
    shape: tuple[int, int]


def find_bad_pixels(total: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
    """Known defects, and hot and dead pixels seen in the unaligned sum: bool ``[ny, nx]``.

    Hot is above mean + 6σ; dead is zero where the mean count is above 20. Mean and σ are taken once more without the
    pixels found first, so that a few very hot ones do not hide the others.

    Args:
        total: float32 ``[ny, nx]``, sum of gain-corrected frames.
        known: bool ``[ny, nx]``.
    """
    bad = ~torch.isfinite(total) if known is None else known | ~torch.isfinite(total)
    n_good = total.numel() - int(bad.sum())
    if n_good < 2:
        return bad
    values = torch.where(bad, torch.zeros_like(total), total) if n_good < total.numel() else total
    mean, deviation = _moments(values, n_good)
    hot = (values > mean + _HOT * deviation) & ~bad
    n_hot = int(hot.sum())
    if 0 < n_hot < n_good - 1:
        mean, deviation = _moments(torch.where(hot, torch.zeros_like(values), values), n_good - n_hot)
        hot = (values > mean + _HOT * deviation) & ~bad
    # A constant image has no hot pixels, whatever rounding makes of its deviation.
    bad = bad | hot if deviation > 1e-6 * abs(mean) else bad
    return bad | (total == 0) if mean > 20.0 else bad


def _moments(values: torch.Tensor, number: int) -> tuple[float, float]:
    """Mean and standard deviation of ``number`` values, the rest of the array being zero."""
    flat = values.reshape(-1)
    mean = float(flat.sum(dtype=torch.float64)) / number
    centred = flat - mean
    square = float(torch.dot(centred, centred)) - (flat.numel() - number) * mean * mean
    return mean, (max(0.0, square) / number) ** 0.5


def locate(bad: torch.Tensor) -> BadPixels:
    """List bad pixels of ``bad [ny, nx]`` (bool) with the good pixels in the 5×5 around each."""
    ny, nx = bad.shape
    rows, columns = torch.nonzero(bad, as_tuple=True)
    offsets = torch.tensor(
        [(j, i) for j in range(-_REACH, _REACH + 1) for i in range(-_REACH, _REACH + 1) if (j, i) != (0, 0)],
        device=bad.device,
    )
    near_rows = rows[:, None] + offsets[:, 0]
    near_columns = columns[:, None] + offsets[:, 1]
    inside = (near_rows >= 0) & (near_rows < ny) & (near_columns >= 0) & (near_columns < nx)
    flat = near_rows.clamp(0, ny - 1) * nx + near_columns.clamp(0, nx - 1)
    good = inside & ~bad.reshape(-1)[flat]
    order = torch.argsort(good.to(torch.int8), dim=1, descending=True, stable=True)
    return BadPixels(rows * nx + columns, torch.gather(flat, 1, order), good.sum(1), (ny, nx))


def replace_bad_pixels(frame: torch.Tensor, bad: BadPixels, generator: torch.Generator) -> torch.Tensor:
    """A frame ``[ny, nx]`` (any real type) with bad pixels, and counts above mean + 10σ (X-rays), replaced at random.

    σ is taken as at least one count, so that rare doubles in sparse frames are kept; it and the mean are those of every
    eighth row. A frame in which nothing is bad is given back as it is.
    """
    sample = frame[::8].to(torch.float32)
    limit = float(sample.mean()) + _XRAY * max(1.0, float(sample.std()))
    struck = frame > limit if float(frame.max()) > limit else None
    if struck is None and not len(bad.index):
        return frame
    out = frame.clone()
    flat = out.reshape(-1)
    _replace(flat, frame.reshape(-1), bad, generator)
    if struck is not None:
        struck.reshape(-1)[bad.index] = False
        _replace(flat, flat.clone(), locate(struck), generator)
    return out


def _replace(out: torch.Tensor, source: torch.Tensor, bad: BadPixels, generator: torch.Generator) -> None:
    """Write a random good neighbour's value into each bad pixel of flat ``out``."""
    n = len(bad.index)
    draw = torch.rand(n, generator=generator).to(source.device)
    pick = (draw * bad.count).long().clamp_max(bad.neighbours.shape[1] - 1)
    values = source[torch.gather(bad.neighbours, 1, pick[:, None])[:, 0]]
    lonely = bad.count <= _FEW
    if bool(lonely.any()):
        normal = torch.randn(n, generator=generator).to(source.device)
        typical = source[source.isfinite()].to(torch.float32)
        drawn = (typical.mean() + typical.std() * normal).clamp_min(0.0)
        drawn = drawn if source.is_floating_point() else drawn.round()
        values = torch.where(lonely, drawn.to(source.dtype), values)
    out[bad.index] = values
