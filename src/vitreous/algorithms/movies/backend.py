"""Which of two twins runs: the CPU kernel or plain torch."""

from __future__ import annotations

import torch


def use_kernels(tensor: torch.Tensor) -> bool:
    """Whether the compiled kernels of ``kernels.py`` serve this tensor: they do on the CPU."""
    return tensor.device.type == "cpu"
