"""Frames at coarser sampling for the alignment."""

from __future__ import annotations

import torch

from vitreous.algorithms.movies.backend import use_kernels


def add_to(total: torch.Tensor, frame: torch.Tensor) -> None:
    """``total += frame`` in place: float32 ``[ny, nx]`` and a frame of any real type."""
    if not use_kernels(total):
        total.add_(frame)
        return
    from vitreous.algorithms.movies import kernels

    kernels.add_image(frame.numpy(), total.numpy())


def binned_frame(frame: torch.Tensor, factor: int) -> torch.Tensor:
    """Sums over squares of ``factor`` pixels, float32 ``[ny // factor, nx // factor]``; a rest at the end is left out.

    Counting noise stays white under sums; frequencies that alias are noise too, and carry no more of it than the rest.

    Args:
        frame: ``[ny, nx]``, any real type.
    """
    ny, nx = frame.shape[0] // factor, frame.shape[1] // factor
    if not use_kernels(frame):
        whole = frame[: ny * factor, : nx * factor].to(torch.float32)
        return whole.reshape(ny, factor, nx, factor).sum((1, 3))
    from vitreous.algorithms.movies import kernels

    out = torch.zeros(ny, nx)
    kernels.add_binned(frame.numpy(), factor, out.numpy())
    return out
