"""Where a job computes, and how its pixels get there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitreous.core.errors import ResourceError

if TYPE_CHECKING:
    import torch


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        ResourceError: no CUDA GPU is available.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ResourceError("no CUDA GPU is available", hint="Compute on the CPU (--device cpu)", device=device)


def as_tensor(image: np.ndarray, device: str = "cpu") -> torch.Tensor:
    """A float32 tensor of an image's pixels, on ``device``; the array is not changed by anything done to it.

    Raises:
        ResourceError: the device is not there.
    """
    import torch

    check_device(device)
    return torch.from_numpy(np.array(image, dtype=np.float32, order="C")).to(device)
