"""Power spectra of images, averaged over overlapping tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vitreous.algorithms.fourier.grids import frequencies
from vitreous.algorithms.fourier.sizes import smooth_up
from vitreous.core.errors import ComputeError, DataError, UsageError


@dataclass(frozen=True)
class Spectrum:
    """A mean power spectrum.

    Attributes:
        power: float32 ``[box, box//2+1]``, ``rfft2`` layout; 1 is the power of white noise of variance 1.
        pixel_size: Å/px of an image that would have this spectrum: the step in frequency is 1/(box · pixel_size).
        looks: effective number of independent spectra in the mean; a pixel's relative noise is 1/√looks.
        n_tiles: tiles in the mean.
    """

    power: torch.Tensor
    pixel_size: float
    looks: float
    n_tiles: int

    @property
    def box(self) -> int:
        """Side of the spectrum in px."""
        return int(self.power.shape[-2])

    @property
    def extent(self) -> float:
        """Side of a tile in Å; 1/extent is the step in frequency."""
        return self.box * self.pixel_size

    def frequencies(self) -> tuple[torch.Tensor, torch.Tensor]:
        """``fy [box, 1]``, ``fx [1, box//2+1]`` in 1/Å."""
        return frequencies((self.box, self.box), self.pixel_size, self.power.device)

    def off_axes(self, max_frequency: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Power ``[rows, columns]`` with its ``fy [rows, 1]`` and ``fx [1, columns]`` in 1/Å, up to ``max_frequency``
        along either axis.

        Pixels next to the axes (|kx| or |ky| below 2) are left out: they hold the camera's lines and columns.
        """
        box, middle = self.box, self.box // 2
        last = min(middle, max(2, math.ceil(max_frequency * self.extent)))
        fy, fx = self.frequencies()
        parts = slice(2, last + 1), slice(max(box - last, last + 1), box - 1)
        power = torch.cat([self.power[rows, 2 : last + 1] for rows in parts])
        return power, torch.cat([fy[rows] for rows in parts]), fx[:, 2 : last + 1]


@dataclass(frozen=True)
class TileLayout:
    """Where the tiles of an image lie.

    Attributes:
        size: side of a tile, px of the image.
        box: side of the spectrum that is kept (the transform is cropped to it).
        pixel_size: Å/px of the spectrum after cropping.
        corners: ``(y, x)`` of each tile's first pixel.
        centres: float64 ``[tiles, 2]``, (x, y) of each tile's centre from the image's centre, Å.
    """

    size: int
    box: int
    pixel_size: float
    corners: tuple[tuple[int, int], ...]
    centres: torch.Tensor


def tile_layout(shape: tuple[int, int], pixel_size: float, box: int, resample_to: float | None) -> TileLayout:
    """Plan tiles that overlap by half and cover the image.

    Where the pixel is finer than ``resample_to`` (Å), tiles are taken larger and their transforms cropped to ``box``,
    so that the spectrum's step in frequency stays fine (Rohou & Grigorieff 2015, §2.3.1).
    """
    if box < 64 or box % 2:
        raise UsageError(f"box of {box} px is not an even number from 64", hint="Give a box such as 512", box=box)
    size = box
    # A gain of less than a tenth would not be worth the larger transforms.
    if resample_to is not None and pixel_size < 0.9 * resample_to:
        size = smooth_up(round(box * resample_to / pixel_size))
    ny, nx = shape
    if min(ny, nx) < size:
        # An image smaller than the wanted tile still has rings: take what is there, if it resolves anything.
        size = min(ny, nx) - min(ny, nx) % 2
        box = min(box, size)
    if size < 64:
        raise DataError(
            f"image of {nx} × {ny} px is too small to estimate a CTF",
            hint="Give an image of at least 64 × 64 px; 1024 px or more is usual",
            shape=[ny, nx],
        )
    rows, columns = _starts(ny, size), _starts(nx, size)
    corners = tuple((y, x) for y in rows for x in columns)
    centres = torch.tensor(
        [((x + size // 2 - nx // 2) * pixel_size, (y + size // 2 - ny // 2) * pixel_size) for y, x in corners],
        dtype=torch.float64,
        device="cpu",
    )
    return TileLayout(size, box, pixel_size * size / box, corners, centres)


def _starts(length: int, size: int) -> list[int]:
    count = 1 + math.ceil((length - size) / (size / 2))
    return [round(i * (length - size) / max(1, count - 1)) for i in range(count)]


def sine_window(size: int, device: torch.device | str | None = None) -> torch.Tensor:
    """Taper sin(π (i + ½) / size) along one side, float32 ``[size]``, scaled to mean square 1.

    It ends the leakage of strong low frequencies along the axes, and its square sums to a constant over tiles that
    overlap by half: every pixel counts the same.
    """
    index = torch.arange(size, device=device, dtype=torch.float32)
    return torch.sin(math.pi * (index + 0.5) / size) * math.sqrt(2.0)


def window_correlation(lag: torch.Tensor) -> torch.Tensor:
    """Autocorrelation of the sine window at ``lag`` in tile sides, 1 at 0 and 0 from 1 on; any shape.

    ∫ sin(πt) sin(π(t + u)) dt over the overlap, doubled: (1 - u) cos πu + sin(πu)/π. A Thon ring at s comes from pairs
    of points 2λΔf s apart, of which a tapered tile contains this part: so rings fade in a small tile.
    """
    u = lag.abs().clamp(max=1.0)
    return (1.0 - u) * torch.cos(math.pi * u) + torch.sin(math.pi * u) / math.pi


def tile_spectra(
    image: torch.Tensor, layout: TileLayout, groups: Sequence[Sequence[int]], *, batch: int | None = None
) -> torch.Tensor:
    """Mean power spectrum of each group of tiles.

    Args:
        image: real ``[ny, nx]``.
        layout: of ``tile_layout``.
        groups: indices of the tiles in each group.
        batch: tiles transformed at once; one at a time is fastest on a CPU (it stays in cache), many on a GPU.

    Returns:
        float32 ``[groups, box, box//2+1]``; 1 is the power of white noise of variance 1.

    Raises:
        ComputeError: the image holds NaN or infinity, or has no contrast at all.
    """
    size, low = layout.size, layout.box // 2
    batch = batch or (1 if image.device.type == "cpu" else 32)
    side = sine_window(size, image.device)
    window = side[:, None] * side[None, :]
    # Squares of real and imaginary parts are summed apart, so that each tile is gone through once only.
    sums = torch.zeros((len(groups), layout.box, low + 1, 2), dtype=torch.float32, device=image.device)
    for number, members in enumerate(groups):
        for first in range(0, len(members), batch):
            corners = [layout.corners[i] for i in members[first : first + batch]]
            parts = [image[y : y + size, x : x + size].to(torch.float32) for y, x in corners]
            # A transform of one tile is faster than that of a batch of one.
            tiles = torch.stack(parts) if len(parts) > 1 else parts[0]
            transform = torch.view_as_real(torch.fft.rfft2((tiles - tiles.mean((-2, -1), keepdim=True)).mul_(window)))
            for part in transform.reshape(-1, size, size // 2 + 1, 2):
                sums[number, :low].addcmul_(part[:low, : low + 1], part[:low, : low + 1])
                sums[number, -low:].addcmul_(part[-low:, : low + 1], part[-low:, : low + 1])
        sums[number] /= len(members) * float(size * size)
    out = sums.sum(-1)
    total = float(out.sum())
    if not math.isfinite(total):
        raise ComputeError(
            "image holds NaN or infinite pixels",
            hint="Replace bad pixels before the CTF is estimated (vitreous motion)",
        )
    if total <= 0.0:
        raise ComputeError("image is constant: it has no spectrum", hint="Look at the image: is the shutter closed?")
    return out


def effective_looks(shape: tuple[int, int], layout: TileLayout, n_images: int = 1) -> float:
    """Number of independent spectra in the mean over all tiles of ``n_images``.

    Tiles that overlap by half share pixels: with the sine window the correlation of neighbouring periodograms is
    (1/π)² along one side, so that L = area / tile area × 4 / (1 + 2/π²)².
    """
    per_side = [1 + (length - layout.size) / (layout.size / 2) for length in shape]
    share = 1.0 + 2.0 / math.pi**2
    return n_images * math.prod(max(1.0, count / share) for count in per_side)


def image_spectrum(image: torch.Tensor, pixel_size: float, box: int = 512, resample_to: float | None = 1.4) -> Spectrum:
    """Mean power spectrum of an image, or of several (a movie's averages of frames).

    Args:
        image: real ``[ny, nx]`` or ``[images, ny, nx]``.
        pixel_size: Å/px.
        box: side of the spectrum, px.
        resample_to: Å/px; where the pixel is finer, transforms of larger tiles are cropped to this pixel size.
    """
    images = image if image.ndim == 3 else image[None]
    shape = (int(images.shape[-2]), int(images.shape[-1]))
    layout = tile_layout(shape, pixel_size, box, resample_to)
    every = [list(range(len(layout.corners)))]
    power = sum_of([tile_spectra(one, layout, every)[0] for one in images]) / len(images)
    return Spectrum(
        power, layout.pixel_size, effective_looks(shape, layout, len(images)), len(images) * len(layout.corners)
    )


def mean_spectrum(spectra: Sequence[Spectrum]) -> Spectrum:
    """Mean of the spectra of several images of one shape and pixel size."""
    power = sum_of([one.power for one in spectra]) / len(spectra)
    first = spectra[0]
    return Spectrum(power, first.pixel_size, sum(s.looks for s in spectra), sum(s.n_tiles for s in spectra))


def sum_of(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Sum of equal-shaped tensors, a new tensor."""
    total = tensors[0].clone()
    for tensor in tensors[1:]:
        total += tensor
    return total
