"""Small movies of known motion, made without the code that they test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

PIXEL_SIZE = 1.3
MARGIN = 32
Motion = Callable[[float, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Å along x and y of the specimen in a frame, at x, y in -½..½ of the image."""


def drift(length: float = 8.0) -> Motion:
    """Whole-frame drift that slows down, on a bent path of about ``length`` Å along x."""

    def motion(t: float, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        along = 1.0 - float(np.exp(-t / 5.0))
        return x * 0 + length * along, y * 0 - 0.4 * length * along**2

    return motion


def drift_and_bend(length: float = 8.0, local: float = 3.0) -> Motion:
    """The same with a field quadratic in space of up to ``local`` Å."""
    whole = drift(length)

    def motion(t: float, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        along = local * (1.0 - float(np.exp(-t / 4.0)))
        dx, dy = whole(t, x, y)
        return dx + along * (1.2 * x - 1.5 * y * y + 0.1), dy + along * (0.8 * x * y - 0.9 * y + 0.7 * x)

    return motion


def still(t: float, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """No motion."""
    return x * 0, y * 0


def make_movie(
    motion: Motion = still,
    *,
    shape: tuple[int, int] = (512, 512),
    n: int = 16,
    dose: float = 1.3,
    contrast: float = 0.12,
    seed: int = 0,
    multiply: np.ndarray | None = None,
) -> np.ndarray:
    """Counts ``[n, ny, nx]`` int16: Poisson noise on a specimen of random structure that moves and loses detail.

    The structure has the transfer of 1.5 µm defocus at 300 kV and a B-factor of 100 Å²; ``contrast`` is its standard
    deviation over the mean in the undamaged specimen. It is drawn at twice the sampling and read by bicubic
    interpolation. ``multiply`` is the detector's sensitivity.
    """
    random = torch.Generator().manual_seed(seed)
    ny, nx = shape
    fine = (2 * (ny + 2 * MARGIN), 2 * (nx + 2 * MARGIN))
    fy = torch.fft.fftfreq(fine[0], PIXEL_SIZE / 2)[:, None]
    fx = torch.fft.rfftfreq(fine[1], PIXEL_SIZE / 2)[None, :]
    s2 = fx**2 + fy**2
    transfer = torch.sin(np.pi * 0.0197 * 15000.0 * s2 + 0.07) * torch.exp(-25.0 * s2)
    transfer = transfer * (s2 < (0.45 / PIXEL_SIZE) ** 2)
    spectrum = torch.fft.rfft2(torch.randn(fine, generator=random)) * transfer
    spectrum[0, 0] = 0.0
    spectrum = spectrum * (contrast / float(torch.fft.irfft2(spectrum, s=fine).std()))
    critical = 0.245 * s2.clamp_min(1e-8) ** (-0.5 * 1.665) + 2.81
    row, column = torch.meshgrid(torch.arange(float(ny)), torch.arange(float(nx)), indexing="ij")
    frames = np.empty((n, ny, nx), np.int16)
    for t in range(n):
        image = torch.fft.irfft2(spectrum * torch.exp(-0.5 * dose * (t + 0.5) / critical), s=fine)
        dx, dy = motion(float(t), column / nx - 0.5, row / ny - 0.5)
        # What is now at x was at x - motion.
        at_x = 2.0 * (column + MARGIN - dx / PIXEL_SIZE) / (fine[1] - 1) * 2.0 - 1.0
        at_y = 2.0 * (row + MARGIN - dy / PIXEL_SIZE) / (fine[0] - 1) * 2.0 - 1.0
        grid = torch.stack([at_x, at_y], -1)[None]
        seen = torch.nn.functional.grid_sample(image[None, None], grid, mode="bicubic", align_corners=True)[0, 0]
        expected = dose * PIXEL_SIZE**2 * (1.0 + seen).clamp_min(0.0)
        if multiply is not None:
            expected = expected * torch.from_numpy(multiply).to(torch.float32)
        frames[t] = torch.poisson(expected, generator=random).numpy()
    return frames


def truth_on_grid(motion: Motion, n: int, first: int = 0) -> np.ndarray:
    """Å ``[n, 5, 5, 2]`` at the centres of a 5×5 partition, relative to frame ``first``."""
    centre = (torch.arange(5.0) + 0.5) / 5.0 - 0.5
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    path = np.stack([torch.stack(motion(float(t), x, y), -1).numpy() for t in range(first, n)])
    return path - path[0]


def write_movie(path: Path, frames: np.ndarray, pixel_size: float | None = PIXEL_SIZE) -> Path:
    """Write frames as an MRC stack."""
    from vitreous.formats.mrc_write import write_mrc

    write_mrc(path, frames, pixel_size=pixel_size, is_stack=True)
    return path


def correct(path: Path, out: Path, **params: Any) -> dict[str, Any]:
    """Run motion correction on a file; the result as a reader of its JSON sees it."""
    from vitreous.core.progress import silent
    from vitreous.jobs.motion import JOB

    given = {"voltage": 300.0, "dose_per_frame": 1.3, **params}
    runner = JOB.start(JOB.params(**{name: value for name, value in given.items() if value is not None}))
    runner(path, out, silent)
    return dict(json.loads((out / f"{path.stem}.json").read_text()))


def shift_of(result: dict[str, Any]) -> np.ndarray:
    """The trajectory ``[n, 5, 5, 2]`` Å."""
    return np.array(result["trajectory"]["shift"])


def rms(difference: np.ndarray) -> float:
    """Root of the mean squared distance in the plane."""
    return float(np.sqrt((difference**2).sum(-1).mean()))


def image(path: str | Path) -> np.ndarray:
    """The image of an MRC file, row 0 at y = 0."""
    import mrcfile

    with mrcfile.open(path) as file:
        return np.array(file.data)
