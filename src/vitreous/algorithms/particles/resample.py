"""Bring boxes to another pixel size by cropping their transforms."""

from __future__ import annotations

import math

import torch

from vitreous.algorithms.fourier.sizes import smooth_up
from vitreous.core.errors import UsageError


def cropped_size(box: int, pixel_size: float, wanted: float | None) -> int:
    """Side of a box after its pixels have been brought to ``wanted`` Å: even, 2-3-5-7-smooth, never above ``box``.

    The pixel size reached is ``pixel_size * box / size``: ``wanted``, or a little finer where no smooth size gives it.

    Args:
        box: px of the micrograph, even.
        pixel_size: of the micrograph, Å.
        wanted: Å; ``None`` keeps the box.

    Raises:
        UsageError: ``wanted`` is finer than the micrograph's, or leaves fewer than 8 px.
    """
    if wanted is None:
        return box
    # A thousandth of the pixel size is no reason to resample.
    if wanted < 0.999 * pixel_size:
        raise UsageError(
            f"a pixel size of {wanted:g} Å is finer than the micrograph's {pixel_size:g} Å",
            hint="Give a coarser pixel size, or leave it out to keep the micrograph's",
            pixel_size=wanted,
        )
    ideal = box * pixel_size / wanted
    size = min(box, smooth_up(math.ceil(0.999 * ideal)))
    if size < 8:
        raise UsageError(
            f"a box of {box} px of {pixel_size:g} Å has only {ideal:.1f} px of {wanted:g} Å",
            hint="Give a larger box or a finer pixel size",
            pixel_size=wanted,
        )
    return size


def resampled(
    boxes: torch.Tensor, size: int, transfer: torch.Tensor | None = None, shifts: torch.Tensor | None = None
) -> torch.Tensor:
    """Crop the transforms of square boxes to ``size``, on the way multiply and shift them.

    The content at index ``box // 2`` stays at ``size // 2``; grey values stay what they are. Lines at the Nyquist
    frequency are set to zero where the size changes. What is cropped along x is never transformed along y.

    Args:
        boxes: float32 ``[m, box, box]``, even.
        size: even, at most ``box``.
        transfer: real ``[size, size//2+1]``, ``rfft2`` layout; the transforms are multiplied by it.
        shifts: px of the *input* ``[m, 2]`` (x, y): content moves towards +x, +y.

    Returns:
        float32 ``[m, size, size]``.
    """
    box = boxes.shape[-1]
    if size == box and transfer is None and shifts is None:
        return boxes
    columns = size // 2 + 1 if size == box else size // 2
    lines = torch.fft.rfft(boxes, dim=-1)[..., :columns]
    spectrum = torch.fft.fft(lines, dim=-2)
    half = size // 2
    cropped = spectrum.new_zeros((len(boxes), size, size // 2 + 1))
    if size == box:
        cropped.copy_(spectrum)
    else:
        cropped[:, :half, :columns] = spectrum[:, :half]
        cropped[:, -(half - 1) :, :columns] = spectrum[:, -(half - 1) :]
    if transfer is not None:
        cropped *= transfer
    if shifts is not None:
        cropped = cropped * _ramps(size, shifts.to(torch.float64) * (size / box), boxes.device)
    return torch.fft.irfft2(cropped, s=(size, size)) * (size / box) ** 2


def _ramps(size: int, shifts: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Phase factors of a shift by ``shifts`` px, with none at the Nyquist frequency, whose sign is not known."""
    from vitreous.algorithms.fourier.shift import phase_ramps

    ramp_y, ramp_x = phase_ramps((size, size), shifts, device)
    ramp_y[..., size // 2, :], ramp_x[..., size // 2] = 1.0, 1.0
    return ramp_y * ramp_x
