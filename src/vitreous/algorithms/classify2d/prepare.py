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

FOLDS = 4
"""Parts of the images; each is aligned to references that the other parts made. Even and odd parts are half sets."""


def soft_disc(box: int, radius: float, edge: float, device: torch.device | str = "cpu") -> torch.Tensor:
    """Disc of ``radius`` px around pixel box // 2 with a cosine edge of ``edge`` px beyond it, float32."""
    offset = torch.arange(box, dtype=torch.float32, device=device) - box // 2
    distance = torch.sqrt(offset[:, None] ** 2 + offset**2)
    beyond = ((distance - radius) / max(edge, 1e-3)).clamp(0.0, 1.0)
    return 0.5 + 0.5 * torch.cos(math.pi * beyond)


def blank_edges(images: torch.Tensor) -> np.ndarray:
    """Whether the first or last row or column of each image ``[n, box, box]`` has one value only, bool ``[n]``."""
    lines = torch.stack((images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]), dim=1)
    return np.asarray((lines.amax(dim=2) == lines.amin(dim=2)).any(dim=1).cpu().numpy(), dtype=bool)


@dataclass(frozen=True)
class Frame:
    """What is fixed for a whole classification: discs and the finest grid.

    Attributes:
        reference_radius, image_radius: px, of the discs of references and images.
        edge: px, width of their soft edges.
        disc: float32 ``[box, box]``, multiplies the images.
        inside: mean of ``disc²``: the share of the noise power that is left.
        plan: between images and the finest polar grid.
    """

    reference_radius: float
    image_radius: float
    edge: float
    disc: torch.Tensor
    inside: float
    plan: Gridding

    @property
    def radii(self) -> float:
        """Sum of the radii of the supports of image and reference, px."""
        return self.image_radius + self.reference_radius + self.edge


def frame(settings: Settings) -> Frame:
    """Discs and finest grid of a classification.

    Images are cut by a wide disc only (reference, shift and edge): the references live in the tight one, which alone
    decides what noise enters the likelihood.
    """
    box, pixel = settings.box, settings.pixel_size
    edge = min(settings.mask_edge, 0.1 * box)
    largest = 0.5 * box - 1.0 - edge
    reference = min(0.5 * settings.mask_diameter / pixel, largest)
    reach = max(settings.x_range, settings.y_range) / pixel
    image = max(min(reference + reach, largest), 0.25 * box)
    disc = soft_disc(box, image, edge, settings.device)
    needed = angles_needed(settings.finest_ring, box, image + reference + edge, settings.angular_step)
    grid = grid_for(settings.finest_ring, needed)
    inside = float(disc.double().square().mean())
    return Frame(reference, image, edge, disc, inside, gridding(grid, box, settings.device))


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
        self._blank: np.ndarray | None = None

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

    def excluded(self) -> np.ndarray:
        """Images that are left out because of a blank border, bool ``[N]``; reads all images once, if at all."""
        if not self.settings.exclude_blank_edges:
            return np.zeros(len(self.images), dtype=bool)
        if self._blank is None:
            rows = np.arange(len(self.images))
            parts = [rows[first : first + self.settings.batch] for first in range(0, len(rows), self.settings.batch)]
            self._blank = np.concatenate([blank_edges(self.images.read(part)) for part in parts])
        return self._blank

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
    """Blocks of at most ``batch`` rows, each of one fold (row modulo ``FOLDS``): the units of work and of sharing."""
    ordered = np.sort(np.asarray(rows, dtype=np.int64))
    for fold in range(FOLDS):
        members = ordered[ordered % FOLDS == fold]
        for first in range(0, len(members), settings.batch):
            yield members[first : first + settings.batch]
