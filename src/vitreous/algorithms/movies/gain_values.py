"""Entries of a gain reference: which of them can be used, and how they are turned and scaled to the frames."""

from __future__ import annotations

import torch
from torch.nn.functional import avg_pool2d, max_pool2d

from vitreous.core.camera import GainKind, Orientation
from vitreous.core.errors import DataError, UsageError

MAX_FACTOR = 10.0
"""A pixel whose entry is this many times above or below the usual one counts nothing that could be corrected."""
MAX_BAD_FRACTION = 0.2
SIZE_FACTORS = (1, 2, 4)
SAMPLE = 1 << 20


def orient(array: torch.Tensor, orientation: Orientation) -> torch.Tensor:
    """Turn ``[..., y, x]`` as ``orientation`` says: rows reversed where it flips, then counter-clockwise with y up.

    The result is contiguous in memory; it is ``array`` itself where nothing is to be turned.
    """
    turned = array.flip(-2) if orientation.flip else array
    # torch.rot90 is counter-clockwise for row 0 at the top; ours is at the bottom.
    rotated = torch.rot90(turned, -orientation.rotation, dims=(-2, -1)) if orientation.rotation else turned
    return rotated.contiguous()


def usable_entries(gain: torch.Tensor) -> torch.Tensor:
    """Bool ``[ny, nx]``: finite, above 0, and within a factor of 10 of the median.

    Raises:
        DataError: more than a fifth of the entries are not usable.
    """
    good = torch.isfinite(gain) & (gain > 0)
    flat = gain.reshape(-1)
    sample = flat[:: max(1, flat.numel() // SAMPLE)]
    sample = sample[torch.isfinite(sample) & (sample > 0)]
    if sample.numel():
        usual = sample.median()
        good &= (gain > usual / MAX_FACTOR) & (gain < usual * MAX_FACTOR)
    bad = 1.0 - float(good.sum()) / max(1, good.numel())
    if bad > MAX_BAD_FRACTION:
        raise DataError(
            f"{100 * bad:.1f} % of the entries of the gain reference are zero, negative, not finite or more than "
            f"{MAX_FACTOR:g} times off the others; at most {100 * MAX_BAD_FRACTION:g} % may be",
            hint="Give another file: this is no gain reference, or it is damaged",
            bad_fraction=bad,
        )
    return good


def mean_where(values: torch.Tensor, good: torch.Tensor) -> float:
    """Mean of finite ``[ny, nx]`` where ``good``: float32 within rows, double over them."""
    kept = torch.where(good, values, 0.0)
    return float(kept.sum(dim=1).sum(dtype=torch.float64)) / max(1, int(good.sum()))


def size_factor(gain_shape: tuple[int, int], frame_shape: tuple[int, int]) -> int | None:
    """n > 0: each entry serves n x n pixels; -n: n x n entries make one; 1: as it is; ``None``: neither fits."""
    for n in SIZE_FACTORS:
        if (gain_shape[0] * n, gain_shape[1] * n) == tuple(frame_shape):
            return n
        if (frame_shape[0] * n, frame_shape[1] * n) == tuple(gain_shape):
            return -n
    return None


def scale_to(
    gain: torch.Tensor, good: torch.Tensor, shape: tuple[int, int], kind: GainKind
) -> tuple[torch.Tensor, torch.Tensor]:
    """Bring entries to the frames' sampling.

    Finer frames get replicated entries. For coarser frames n x n entries are summed (sensitivity: counts add up) or
    averaged (multiplicative); a pixel is usable where all its entries are.

    Args:
        gain: float32 ``[ny, nx]``, finite.
        good: bool ``[ny, nx]``.
        shape: ``(ny, nx)`` of the frames; ``size_factor`` tells that it fits.
        kind: of the entries.
    """
    factor = size_factor((gain.shape[0], gain.shape[1]), shape)
    if factor is None:
        raise size_error((gain.shape[0], gain.shape[1]), shape)
    if factor == 1:
        return gain, good
    if factor > 1:
        return tuple(  # type: ignore[return-value]
            t.repeat_interleave(factor, dim=0).repeat_interleave(factor, dim=1) for t in (gain, good)
        )
    n = -factor
    pooled = avg_pool2d(gain[None, None], n)[0, 0]
    whole = ~max_pool2d((~good)[None, None].to(torch.float32), n)[0, 0].to(torch.bool)
    return (pooled * n * n if kind == "sensitivity" else pooled), whole


def size_error(gain_shape: tuple[int, int], frame_shape: tuple[int, int]) -> UsageError:
    """The gain reference does not fit the frames in the orientation given."""
    (gy, gx), (fy, fx) = gain_shape, frame_shape
    turned = size_factor((gx, gy), (fy, fx)) is not None
    if turned:
        hint = "Give an orientation by a quarter turn (90, 270, flip-90 or flip-270)"
    else:
        hint = "Give the gain reference of this camera and read-out: the same size, or 2 or 4 times finer or coarser"
    return UsageError(
        f"the gain reference is {gx} x {gy} px in this orientation, and the frames are {fx} x {fy} px",
        hint=hint,
        gain_shape=[gy, gx],
        frame_shape=[fy, fx],
    )


def as_image(values: torch.Tensor, what: str) -> torch.Tensor:
    """Float32 ``[ny, nx]`` of a real image."""
    if values.ndim != 2 or values.numel() == 0 or values.is_complex():
        raise UsageError(
            f"the {what} has shape {tuple(values.shape)}, {str(values.dtype).removeprefix('torch.')}",
            hint="Give one image [y, x] of real numbers",
        )
    return values.to(torch.float32)
