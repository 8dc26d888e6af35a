"""Frames at coarser sampling for the alignment, without the cost of transforming them whole."""

from __future__ import annotations

import math

import torch

from vitreous.algorithms.movies.backend import use_kernels

_STOPBAND = 45.0  # dB


def add_to(total: torch.Tensor, frame: torch.Tensor) -> None:
    """``total += frame`` in place: float32 ``[ny, nx]`` and a frame of any real type."""
    if not use_kernels(total):
        total.add_(frame)
        return
    from vitreous.algorithms.movies import kernels

    kernels.add_image(frame.numpy(), total.numpy())


def decimation_taps(factor: int, passband: float) -> torch.Tensor:
    """Low-pass filter for decimation: what aliases into the pass band is 45 dB down, float32, odd length, sum 1.

    Sharp features (a hot pixel that was recorded with the specimen, a crystal's reflections) would otherwise be aligned
    by their aliases, which move otherwise. Sinc with a Kaiser window (Kaiser 1974; Oppenheim & Schafer, eq. 7.75-7.76).

    Args:
        factor: of decimation.
        passband: cycles per px; below 1 / (2 factor).
    """
    transition = 1.0 / factor - 2.0 * passband
    length = 2 * math.ceil((_STOPBAND - 8.0) / (2.285 * 2.0 * math.pi * transition) / 2.0) + 1
    beta = 0.5842 * (_STOPBAND - 21.0) ** 0.4 + 0.07886 * (_STOPBAND - 21.0)
    n = torch.arange(length, dtype=torch.float64) - length // 2
    taps = torch.sinc(n / factor) * torch.kaiser_window(length, periodic=False, beta=beta, dtype=torch.float64)
    return (taps / taps.sum()).to(torch.float32)


def decimated(frame: torch.Tensor, factor: int, taps: torch.Tensor) -> torch.Tensor:
    """Every ``factor``-th sample of a low-passed frame, float32 ``[ny // factor, nx // factor]``; borders are repeated.

    Args:
        frame: ``[ny, nx]``, any real type.
        factor: 1 gives the frame itself as float32.
        taps: from :func:`decimation_taps`, on the CPU.
    """
    if factor == 1:
        return frame.to(torch.float32)
    ny, nx = frame.shape[0] // factor, frame.shape[1] // factor
    if use_kernels(frame):
        from vitreous.algorithms.movies import kernels

        out = torch.empty(ny, nx)
        kernels.decimate(frame.numpy(), taps.numpy(), factor, out.numpy())
        return out
    reach = len(taps) // 2
    padded = torch.nn.functional.pad(frame.to(torch.float32)[None, None], (reach,) * 4, mode="replicate")
    kernel = taps.to(frame.device)
    along_y = torch.nn.functional.conv2d(padded, kernel[None, None, :, None], stride=(factor, 1))
    both = torch.nn.functional.conv2d(along_y, kernel[None, None, None, :], stride=(1, factor))
    return both[0, 0, :ny, :nx]
