"""What the classification reads: images, their contrast transfer functions and noise groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from vitreous.core.errors import DataError
from vitreous.core.optics import Microscope


@dataclass(frozen=True)
class ImageCtf:
    """CTF parameters of N images.

    Attributes:
        defocus_u, defocus_v: Å, underfocus positive, float64 ``[N]``.
        astigmatism_angle: degrees from +x to the U axis, float64 ``[N]``.
        phase_shift: degrees, float64 ``[N]``.
        microscopes: one of each kind.
        microscope: int64 ``[N]``, which of ``microscopes`` took the image.
    """

    defocus_u: np.ndarray
    defocus_v: np.ndarray
    astigmatism_angle: np.ndarray
    phase_shift: np.ndarray
    microscopes: tuple[Microscope, ...]
    microscope: np.ndarray


class Images(Protocol):
    """Particle images, white on black, background of mean 0 and deviation 1."""

    def __len__(self) -> int: ...

    @property
    def ctf(self) -> ImageCtf | None:
        """CTF of each image; ``None``: the images need none."""
        ...

    @property
    def groups(self) -> np.ndarray:
        """Noise group of each image, int64 ``[N]`` from 0."""
        ...

    def read(self, rows: np.ndarray) -> torch.Tensor:
        """Images of these rows, float32 ``[len(rows), box, box]`` on any device."""
        ...


@dataclass(frozen=True)
class ArrayImages:
    """Images held in memory: ``stack`` float32 ``[N, box, box]``."""

    stack: torch.Tensor
    ctf: ImageCtf | None
    groups: np.ndarray

    def __len__(self) -> int:
        return int(self.stack.shape[0])

    def read(self, rows: np.ndarray) -> torch.Tensor:
        """Images of these rows."""
        return self.stack[torch.from_numpy(np.asarray(rows, dtype=np.int64))]


def checked(images: torch.Tensor, rows: np.ndarray, box: int) -> torch.Tensor:
    """Images of one block if they can be used.

    Raises:
        DataError: wrong box, values that are not finite, or an image without any contrast; names the row.
    """
    if tuple(images.shape) != (len(rows), box, box):
        raise DataError(
            f"images of {tuple(images.shape[1:])} px where {box} x {box} px was asked for",
            hint="Extract all particles with one box size",
        )
    deviation = images.std(dim=(1, 2))
    for bad, what in ((~torch.isfinite(deviation), "values that are not finite"), (deviation == 0, "one value only")):
        if bool(bad.any()):
            row = int(rows[int(bad.to(torch.int64).argmax())])
            raise DataError(f"image {row} (from 0) has {what}", hint="Leave this particle out", row=row)
    return images
