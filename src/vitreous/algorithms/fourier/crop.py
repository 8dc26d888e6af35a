"""Resampling by cropping or padding a Fourier transform."""

from __future__ import annotations

import torch


def fourier_resize(transform: torch.Tensor, shape: tuple[int, int], new_shape: tuple[int, int]) -> torch.Tensor:
    """Crop or pad an ``rfft2`` transform to that of an image of ``new_shape``.

    Args:
        transform: complex ``[..., ny, nx//2+1]``, unnormalised forward.
        shape: real-space ``(ny, nx)`` of the input.
        new_shape: real-space ``(ny, nx)`` of the output.

    Returns:
        complex ``[..., new_ny, new_nx//2+1]``, scaled so that the image's *mean per pixel grows by the area factor*
        (electrons per pixel stay electrons per pixel): the sum of all pixels is kept. Nyquist lines of even sizes are
        set to zero when either side changes, so that the operation is linear and has no preferred sign.
    """
    ny, nx = shape
    my, mx = new_shape
    if (ny, nx) == (my, mx):
        return transform.clone()
    out = transform.new_zeros((*transform.shape[:-2], my, mx // 2 + 1))
    low = min(ny, my)
    positive, negative = (low + 1) // 2, (low - 1) // 2
    columns = (min(nx, mx) + 1) // 2
    out[..., :positive, :columns] = transform[..., :positive, :columns]
    if negative:
        out[..., -negative:, :columns] = transform[..., -negative:, :columns]
    return out
