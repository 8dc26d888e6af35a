"""A counting detector: gain pattern, defects, and Poisson counts."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vitreous.core.errors import UsageError

TileGrid = tuple[int, int]


@dataclass(frozen=True)
class Detector:
    """Fixed properties of one detector.

    Attributes:
        gain: multiplicative gain, float32 ``[ny, nx]``, mean 1 over good pixels: corrected = raw x gain; 0 marks
            a defect.
        dead_columns: column numbers that give no counts.
        dead_pixels: ``(x, y)`` that give no counts.
        hot_pixels: ``(x, y)`` that add ``hot_counts`` to every frame; they are not in the gain reference.
        hot_counts: added counts per frame.
    """

    gain: torch.Tensor
    dead_columns: tuple[int, ...]
    dead_pixels: tuple[tuple[int, int], ...]
    hot_pixels: tuple[tuple[int, int], ...]
    hot_counts: int

    @property
    def sensitivity(self) -> torch.Tensor:
        """Counts per electron of each pixel: 1 / gain, 0 at defects."""
        return torch.where(self.gain > 0, 1.0 / self.gain.clamp_min(1e-6), 0.0)


def make_detector(
    shape: tuple[int, int],
    *,
    gain_scatter: float,
    dead_columns: int,
    dead_pixels: int,
    hot_pixels: int,
    hot_counts: int,
    generator: torch.Generator,
    tiles: TileGrid = (2, 8),
) -> Detector:
    """Draw a detector whose gain has read-out tiles, column steps and pixel scatter, as Gatan's references show.

    Args:
        shape: ``(ny, nx)``.
        gain_scatter: relative standard deviation of single pixels; tiles scatter by the same, columns by a third of it.
        dead_columns, dead_pixels, hot_pixels: how many of each.
        hot_counts: counts a hot pixel adds per frame.
        generator: random numbers.
        tiles: read-out tiles along y and x.

    Raises:
        UsageError: a scatter outside 0..0.3, or more defects than a tenth of the detector.
    """
    if not 0.0 <= gain_scatter <= 0.3:
        raise UsageError(f"gain scatter {gain_scatter:g} is outside 0..0.3", hint="A usual value is 0.03")
    ny, nx = shape
    if min(dead_columns, dead_pixels, hot_pixels) < 0 or dead_columns * ny + dead_pixels + hot_pixels > 0.1 * ny * nx:
        raise UsageError(
            f"{dead_columns} dead columns, {dead_pixels} dead and {hot_pixels} hot pixels are more than a tenth of "
            f"{nx} x {ny} px",
            hint="Ask for fewer defects",
        )
    device = generator.device
    tile = torch.randn(*tiles, generator=generator, device=device)
    rows = torch.arange(ny, device=device) * tiles[0] // ny
    columns = torch.arange(nx, device=device) * tiles[1] // nx
    column_step = torch.randn(nx, generator=generator, device=device) / 3.0
    pixel = torch.randn(ny, nx, generator=generator, device=device)
    gain = 1.0 + gain_scatter * (tile[rows][:, columns] + column_step + pixel).clamp(-4.0, 4.0)
    gain = gain.clamp_min(0.3)
    bad_columns = torch.randperm(nx, generator=generator, device=device)[:dead_columns]
    spots = torch.randperm(ny * nx, generator=generator, device=device)[: dead_pixels + hot_pixels].tolist()
    points = tuple((spot % nx, spot // nx) for spot in spots)
    dead, hot = points[:dead_pixels], points[dead_pixels:]
    good = torch.ones(ny, nx, dtype=torch.bool, device=device)
    good[:, bad_columns] = False
    for x, y in dead:
        good[y, x] = False
    gain = torch.where(good, gain / gain[good].mean(), 0.0)
    hot = tuple(point for point in hot if bool(good[point[1], point[0]]))
    return Detector(gain, tuple(sorted(bad_columns.tolist())), dead, hot, hot_counts)


def count_electrons(expected: torch.Tensor, detector: Detector, generator: torch.Generator) -> torch.Tensor:
    """Raw counts of one frame: Poisson with mean ``expected / gain``, 0 at defects, hot pixels added.

    A raw frame holds whole counts; its product with the gain has the mean ``expected`` and the variance
    ``expected x gain``.

    Args:
        expected: electrons per pixel ``[ny, nx]``, not negative.

    Returns:
        float32 whole numbers ``[ny, nx]``.
    """
    counts = torch.poisson(expected * detector.sensitivity, generator=generator)
    if detector.hot_pixels:
        x, y = torch.tensor(detector.hot_pixels, device=counts.device).T
        counts[y, x] += detector.hot_counts
    return counts
