"""Images as polar Fourier coefficients: made once, kept within a memory budget, thinned for each iteration."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from vitreous.algorithms.classify2d.gridding import Gridding, gridding, to_polar
from vitreous.algorithms.classify2d.images import Images, checked
from vitreous.algorithms.classify2d.polar import PolarGrid, angles_needed, grid_for, polar_ctf
from vitreous.algorithms.classify2d.settings import Settings


def soft_disc(box: int, radius: float, edge: float, device: torch.device | str = "cpu") -> torch.Tensor:
    """Disc of ``radius`` px around pixel box // 2 with a cosine edge of ``edge`` px beyond it, float32."""
    offset = torch.arange(box, dtype=torch.float32, device=device) - box // 2
    distance = torch.sqrt(offset[:, None] ** 2 + offset**2)
    beyond = ((distance - radius) / max(edge, 1e-3)).clamp(0.0, 1.0)
    return 0.5 + 0.5 * torch.cos(math.pi * beyond)


@dataclass(frozen=True)
class Frame:
    """What is fixed for a whole classification: discs and the finest grid.

    Attributes:
        reference_radius, image_radius: px, of the discs of references and images.
        disc: float32 ``[box, box]``, multiplies the images.
        inside: mean of ``disc²``: the share of the noise power that is left.
        plan: between images and the finest polar grid.
    """

    reference_radius: float
    image_radius: float
    disc: torch.Tensor
    inside: float
    plan: Gridding

    @property
    def radii(self) -> float:
        """Sum of the radii of the supports of image and reference, px."""
        return self.image_radius + self.reference_radius + 2.0


def frame(settings: Settings) -> Frame:
    """Discs and finest grid of a classification.

    Images are cut by a wide disc only (reference, shift and edge): the references live in the tight one, which alone
    decides what noise enters the likelihood.
    """
    box, pixel = settings.box, settings.pixel_size
    largest = 0.5 * box - 1.0
    reference = min(0.5 * settings.mask_diameter / pixel, largest)
    reach = max(settings.x_range, settings.y_range) / pixel
    edge = min(settings.mask_edge, 0.25 * box)
    image = max(min(reference + reach + edge, largest - edge), 0.25 * box)
    disc = soft_disc(box, image, edge, settings.device)
    needed = angles_needed(settings.finest_ring, box, image + reference + 2.0, settings.angular_step)
    grid = grid_for(settings.finest_ring, needed)
    inside = float(disc.double().square().mean())
    return Frame(reference, image, disc, inside, gridding(grid, box, settings.device))


class Prepared:
    """Images behind a cache of their polar coefficients; the same values whether they come from it or not.

    Args:
        settings: of the classification.
        images: what is read.
    """

    def __init__(self, settings: Settings, images: Images) -> None:
        self.settings = settings
        self.images = images
        self.frame = frame(settings)
        self.grid: PolarGrid = self.frame.plan.grid
        size = 8 * self.grid.rings * self.grid.half
        self._room = min(len(images), int(settings.cache_bytes // size))
        self._kept = torch.empty((2, self._room, self.grid.rings, self.grid.half), device=settings.device)
        self._filled = np.zeros(self._room, dtype=bool)

    def __len__(self) -> int:
        return len(self.images)

    def coefficients(self, rows: np.ndarray, rings: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Real and imaginary part, float32 ``[n, rings, M/2]``, at all angles; ``rows`` as one of ``block_rows``."""
        if len(rows) and rows.max() < self._room:
            if not self._filled[rows].all():
                self._kept[:, torch.from_numpy(rows)] = torch.stack(self._made(rows))
                self._filled[rows] = True
            part = self._kept[:, :, :rings][:, torch.from_numpy(rows)]
            return part[0], part[1]
        real, imaginary = self._made(rows)
        return real[:, :rings].contiguous(), imaginary[:, :rings].contiguous()

    def _made(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        images = self.images.read(rows).to(device=self.settings.device, dtype=torch.float32)
        images = checked(images, rows, self.settings.box)
        return to_polar(self.frame.plan, images * self.frame.disc)

    def ctf(self, rows: np.ndarray, grid: PolarGrid) -> torch.Tensor | None:
        """Contrast transfer functions, float32 ``[n, R, M/2]``; ``None``: none is applied."""
        ctf = self.images.ctf
        if ctf is None or not self.settings.use_ctf:
            return None
        out = torch.empty((len(rows), grid.rings, grid.half), device=self.settings.device)
        for kind in np.unique(ctf.microscope[rows]):
            where = np.flatnonzero(ctf.microscope[rows] == kind)
            chosen = rows[where]
            u, v, angle, shift = (
                torch.from_numpy(np.asarray(values[chosen], dtype=np.float64)).to(self.settings.device)
                for values in (ctf.defocus_u, ctf.defocus_v, ctf.astigmatism_angle, ctf.phase_shift)
            )
            values = polar_ctf(grid, self.settings.extent, ctf.microscopes[int(kind)], (u, v, angle, shift))
            out[torch.from_numpy(where)] = values
        return out


def block_rows(settings: Settings, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of at most ``batch`` rows, each of one half set (even or odd rows): the units of work and of sharing."""
    ordered = np.sort(np.asarray(rows, dtype=np.int64))
    for half in (0, 1):
        members = ordered[ordered % 2 == half]
        for first in range(0, len(members), settings.batch):
            yield members[first : first + settings.batch]
