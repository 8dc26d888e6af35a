"""Where a job computes, and how its pixels get there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from vitreous.core.errors import ResourceError

if TYPE_CHECKING:
    import torch


def check_device(device: str) -> None:
    """Refuse a device that is not there; have a GPU give the same bits for the same work again.

    Raises:
        ResourceError: no CUDA GPU is available.
    """
    if not device.startswith("cuda"):
        return
    import torch

    if not torch.cuda.is_available():
        raise ResourceError("no CUDA GPU is available", hint="Compute on the CPU (--device cpu)", device=device)
    # Sums over atomic additions come in another order each time; cuBLAS reads its variable when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # not in its stubs


def as_tensor(image: np.ndarray, device: str = "cpu") -> torch.Tensor:
    """A float32 tensor of an image's pixels, on ``device``; the array is not changed by anything done to it.

    Raises:
        ResourceError: the device is not there.
    """
    import torch

    check_device(device)
    return torch.from_numpy(np.array(image, dtype=np.float32, order="C")).to(device)
