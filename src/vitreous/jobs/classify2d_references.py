"""Class averages of an earlier run as references of a 2D classification."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitreous.core.errors import DataError
from vitreous.jobs.classify2d_images import Geometry

if TYPE_CHECKING:
    import torch


def read_references(path: Path, geometry: Geometry) -> torch.Tensor:
    """Averages to start from, brought to the box and pixel size of the particles; float32 ``[K, box, box]``.

    Raises:
        DataError: they are not square, or not finite.
    """
    import torch

    from vitreous.formats.images import open_images

    with open_images(path) as file:
        header = file.header
        stack = np.stack([np.asarray(frame, np.float32) for frame in file.frames()])
    if stack.shape[1] != stack.shape[2] or not np.isfinite(stack).all():
        why = "are not square" if stack.shape[1] != stack.shape[2] else "have values that are not finite"
        raise DataError(
            f"{path}: references of {stack.shape[2]} x {stack.shape[1]} px {why}",
            hint="Give a stack of class averages, such as classes.mrcs",
            path=str(path),
        )
    size = header.acquisition.pixel_size or geometry.pixel_size
    return _resized(torch.from_numpy(stack), size / geometry.pixel_size, geometry.box)


def _resized(stack: torch.Tensor, factor: float, box: int) -> torch.Tensor:
    """Images enlarged by a factor about their centre, and cut or filled up with 0 to a box."""
    import torch

    from vitreous.algorithms.fourier.crop import fourier_resize

    side = stack.shape[1]
    size = max(2, round(side * factor))
    if size != side:
        transform = fourier_resize(torch.fft.rfft2(stack), (side, side), (size, size))
        stack = torch.fft.irfft2(transform, s=(size, size)) * (size / side) ** 2
    low = box // 2 - size // 2
    return torch.nn.functional.pad(stack, (low, box - size - low, low, box - size - low)).contiguous()
