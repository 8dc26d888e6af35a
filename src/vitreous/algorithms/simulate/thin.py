"""Split a counted micrograph into the frames of a movie whose drift is known."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from vitreous.core.errors import DataError, UsageError


def thin(counts: torch.Tensor, shifts: torch.Tensor, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Deal the electrons of an image out to frames at random and move each frame by whole pixels.

    Binomial thinning: every electron falls into each frame with equal probability, so the frames of a Poisson image are
    independent Poisson images and, without shifts, add up to the image exactly. Noise is split, none is added; it is
    not the noise of single camera frames where the image had been corrected or scaled before it was counted.

    Args:
        counts: ``[y, x]``, whole numbers, none negative, any dtype.
        shifts: ``[frame, 2]``, integer, px: how far (x, y) the specimen of each frame lies from that of the image.
        generator: source of randomness, on the device of ``counts``.

    Yields:
        Frames ``[y - 2 m, x - 2 m]``, float32 whole numbers, where m is the largest shift: the border is left out.

    Raises:
        DataError: counts are not whole numbers or negative.
        UsageError: no shifts, or shifts that leave no image.
    """
    if shifts.ndim != 2 or shifts.shape[0] == 0 or shifts.shape[1] != 2 or shifts.is_floating_point():
        raise UsageError(f"shifts of shape {tuple(shifts.shape)}", hint="Give whole numbers [frame, (x, y)]")
    margin = int(shifts.abs().max())
    ny, nx = counts.shape
    if 2 * margin >= min(ny, nx):
        raise UsageError(f"shifts to {margin} px leave nothing of {ny} x {nx} px", hint="Give smaller shifts")
    left = counts.to(torch.float32)
    if bool((left < 0).any()) or bool((left != left.round()).any()):
        raise DataError("the image holds values that are no counts", hint="Thinning needs whole, non-negative counts")
    return _frames(left, [(int(x), int(y)) for x, y in shifts.tolist()], margin, generator)


def _frames(
    left: torch.Tensor, shifts: list[tuple[int, int]], margin: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    ny, nx = left.shape
    for index, (x, y) in enumerate(shifts):
        chance = torch.full((), 1.0 / (len(shifts) - index), device=left.device).expand_as(left)
        part = torch.binomial(left, chance, generator=generator)
        left = left - part
        yield part[margin - y : ny - margin - y, margin - x : nx - margin - x].contiguous()
