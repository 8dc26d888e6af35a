"""Tilt of the specimen: the plane of defocus over an image, and the spectrum that an untilted specimen would have.

Each tile's spectrum is compared with every defocus, as in ``search``, but with tiles in the place of directions; a
plane is then a sum of table entries. Levelling stretches each tile's frequencies until its phases are those of the mean
defocus (Elferich, Kong, Zottig & Grigorieff 2024, eLife 13:RP97227: CTFFIND5).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from vitreous.algorithms.ctf.polar import PolarSpectrum
from vitreous.algorithms.ctf.resolution import equiphase_frequency
from vitreous.algorithms.ctf.search import sector_scores, sum_over_sectors
from vitreous.algorithms.ctf.settings import CtfSettings
from vitreous.algorithms.ctf.spectrum import Spectrum, effective_looks, tile_layout, tile_spectra
from vitreous.core.errors import UsageError
from vitreous.core.optics import Ctf, Microscope

_STEEPEST = math.tan(math.radians(62.0))
_COARSE = 0.125
_ENVELOPES = (20.0, 100.0)


@dataclass(frozen=True)
class TiledSpectrum:
    """Spectra of an image's tiles.

    Attributes:
        power: float32 ``[tiles, box, box//2+1]``.
        centres: float64 ``[tiles, 2]``, (x, y) from the image's centre, Å.
        pixel_size: Å/px of the spectra.
        images: how many images are in the mean.
        looks: independent spectra in the mean over all tiles.
    """

    power: torch.Tensor
    centres: torch.Tensor
    pixel_size: float
    images: int
    looks: float


@dataclass(frozen=True)
class DefocusPlane:
    """Defocus over an image: ``defocus + gradient_x · x + gradient_y · y``, x and y in Å from its centre.

    Attributes:
        defocus: Å at the centre.
        gradient_x, gradient_y: Å/Å.
        significance: agreement in standard deviations of noise.
        gain: how much the significance exceeds that of no tilt (or of the tilt given).
    """

    defocus: float
    gradient_x: float
    gradient_y: float
    significance: float
    gain: float

    @property
    def tilt_axis_angle(self) -> float:
        """Degrees in [0, 180) from +y, counter-clockwise."""
        return math.degrees(math.atan2(self.gradient_y, self.gradient_x)) % 180.0

    @property
    def tilt_angle(self) -> float:
        """Degrees; positive where defocus grows along (cos axis, sin axis), which is +x for an axis along +y."""
        steepness = math.degrees(math.atan(math.hypot(self.gradient_x, self.gradient_y)))
        along = math.degrees(math.atan2(self.gradient_y, self.gradient_x)) % 360.0
        return steepness if along < 180.0 else -steepness


def gradient_of(tilt_angle: float, tilt_axis_angle: float) -> tuple[float, float]:
    """Gradient of defocus (x, y) in Å/Å of a specimen tilted so; signs as in ``DefocusPlane.tilt_angle``."""
    if abs(tilt_angle) > 75.0:
        raise UsageError(
            f"tilt of {tilt_angle:g}° is above 75°", hint="Give the tilt of the specimen in degrees", tilt=tilt_angle
        )
    slope, axis = math.tan(math.radians(tilt_angle)), math.radians(tilt_axis_angle)
    return slope * math.cos(axis), slope * math.sin(axis)


def tiled_spectrum(
    images: Iterable[torch.Tensor], pixel_size: float, box: int = 512, resample_to: float | None = 1.4
) -> TiledSpectrum:
    """Spectra of the tiles of an image, averaged over ``images`` (each ``[ny, nx]``) of one field of view."""
    total: torch.Tensor | None = None
    number = 0
    for image in images:
        layout = tile_layout((int(image.shape[0]), int(image.shape[1])), pixel_size, box, resample_to)
        power = tile_spectra(image, layout, [[i] for i in range(len(layout.corners))])
        total = power if total is None else total + power
        number += 1
        shape, centres, step = image.shape, layout.centres.to(image.device), layout.pixel_size
    if total is None:
        raise UsageError("there is no image to take spectra of", hint="Give at least one image")
    looks = effective_looks((int(shape[0]), int(shape[1])), layout, number)
    return TiledSpectrum(total / number, centres, step, number, looks)


def fit_plane(
    tiled: TiledSpectrum,
    microscope: Microscope,
    settings: CtfSettings,
    gradient: tuple[float, float] | None = None,
) -> DefocusPlane:
    """Find the plane of defocus; with a ``gradient`` given (Å/Å), its height only.

    Args:
        tiled: spectra of the tiles.
        microscope: constants of the instrument.
        settings: range of defocus and resolution.
        gradient: of a known tilt; ``None`` searches tilts up to 62° in every direction.
    """
    profiles = _profiles(tiled, settings)
    step = settings.defocus_step
    count = int((settings.max_defocus - settings.min_defocus) / step + 1e-9) + 1
    reach = float(tiled.centres.norm(dim=1).max()) * (_STEEPEST if gradient is None else math.hypot(*gradient)) * 1.1
    margin = math.ceil(reach / step) + 2
    index = torch.arange(-margin, count + margin, dtype=torch.float64, device=tiled.power.device)
    grid = settings.min_defocus + step * index
    slopes = _slopes(grid) if gradient is None else torch.tensor([gradient], dtype=grid.dtype, device=grid.device)
    offsets = torch.round(slopes @ tiled.centres.T / step).to(torch.int64)
    best: DefocusPlane | None = None
    for products, norms in sector_scores(profiles, microscope, grid, (0.0,), _ENVELOPES):
        table, norm = products[0].to(torch.float64), norms[0].to(torch.float64) * len(tiled.centres)
        merit = sum_over_sectors(table, offsets, margin, count) / torch.sqrt(norm[margin : margin + count])
        flat = float(merit[0].max())
        k, i = divmod(int(merit.argmax()), count)
        start = (margin + float(i), float(slopes[k, 0]), float(slopes[k, 1]))
        found, value = _climbed(table, norm, tiled.centres / step, start, free=gradient is None)
        plane = DefocusPlane(float(grid[0]) + step * found[0], found[1], found[2], value, value - flat)
        best = plane if best is None or plane.significance > best.significance else best
    assert best is not None
    return best


def levelled(tiled: TiledSpectrum, microscope: Microscope, plane: DefocusPlane) -> Spectrum:
    """Mean spectrum after each tile's frequencies are stretched to the phases of the defocus at the centre.

    A tile is sampled bilinearly at the frequency where its own defocus gives the phase that the central defocus has.
    """
    box = int(tiled.power.shape[1])
    middle = box // 2
    whole = Spectrum(tiled.power[0], tiled.pixel_size, 1.0, 1)
    fy, fx = whole.frequencies()
    s = torch.sqrt(fy * fy + fx * fx)
    central = Ctf(plane.defocus, plane.defocus)
    rows = torch.fft.fftfreq(box, 1.0 / box, device=s.device)[:, None]
    columns = torch.arange(middle + 1, device=s.device, dtype=torch.float32)[None, :]
    total = torch.zeros_like(tiled.power[0])
    for power, centre in zip(tiled.power, tiled.centres.tolist(), strict=True):
        defocus = plane.defocus + plane.gradient_x * centre[0] + plane.gradient_y * centre[1]
        ratio = equiphase_frequency(fy, fx, microscope, central, max(defocus, 500.0)) / s.clamp_min(1e-9)
        grid_y = 2.0 * (rows * ratio + middle) / (box - 1) - 1.0
        grid_x = 2.0 * (columns * ratio) / middle - 1.0
        sampled = torch.nn.functional.grid_sample(
            torch.roll(power, middle, 0)[None, None],
            torch.stack([grid_x, grid_y], dim=-1)[None],
            mode="bilinear",
            padding_mode="border",
            align_corners=True,
        )
        total += sampled[0, 0]
    return Spectrum(total / len(tiled.power), tiled.pixel_size, tiled.looks, len(tiled.power) * tiled.images)


def _profiles(tiled: TiledSpectrum, settings: CtfSettings) -> PolarSpectrum:
    """Rotational averages of the tiles, with tiles in the place of sectors."""
    box = int(tiled.power.shape[1])
    whole = Spectrum(tiled.power[0], tiled.pixel_size, 1.0, 1)
    fy, fx = (f.to(torch.float64) for f in whole.frequencies())
    s2 = fy * fy + fx * fx
    step = 1.0 / (box * tiled.pixel_size)
    first = max(4, math.ceil(1.0 / settings.min_resolution / step))
    last = min(math.floor(1.0 / settings.max_resolution / step), int(0.95 * box / 2))
    if last - first < 16:
        raise UsageError(
            f"the band {settings.min_resolution:g} to {settings.max_resolution:g} Å holds too little of the spectrum",
            hint="Widen the band, or take a larger box",
        )
    ring = torch.round(torch.sqrt(s2) / step).to(torch.int64) - first
    keep = (ring >= 0) & (ring <= last - first) & (fx >= 1.5 * step) & (fy.abs() >= 1.5 * step)
    flat, shells = ring[keep], last - first + 1
    number = torch.bincount(flat, minlength=shells).to(torch.float64)
    sums = torch.zeros((len(tiled.power), shells), dtype=torch.float64, device=s2.device)
    sums.index_add_(1, flat, tiled.power[:, keep].to(torch.float64))
    tiles = len(tiled.power)
    m2 = (torch.bincount(flat, s2[keep], minlength=shells) / number).expand(tiles, -1)
    nothing = torch.zeros_like(m2)
    frequency = (torch.arange(shells, device=s2.device, dtype=torch.float64) + first) * step
    return PolarSpectrum(
        sums / number, number.expand(tiles, -1), m2, m2 * m2, nothing, nothing, nothing[:, 0], frequency,
        float(tiled.images), box * tiled.pixel_size,
    )  # fmt: skip


def _slopes(like: torch.Tensor) -> torch.Tensor:
    """Gradients to try, ``[g, 2]``; the first is none."""
    n = int(_STEEPEST / _COARSE)
    axis = torch.arange(-n, n + 1, dtype=like.dtype, device=like.device) * _COARSE
    pairs = torch.cartesian_prod(axis, axis)
    pairs = pairs[pairs.norm(dim=1) <= _STEEPEST]
    return torch.cat([torch.zeros_like(pairs[:1]), pairs])


def _climbed(
    table: torch.Tensor,
    norm: torch.Tensor,
    centres: torch.Tensor,
    start: tuple[float, float, float],
    free: bool,
) -> tuple[tuple[float, float, float], float]:
    """Climb by shrinking steps to the best (height in table steps, gradient x, y), interpolating the table."""
    last = table.shape[1] - 2

    def merit(place: tuple[float, float, float]) -> float:
        at = (place[0] + centres[:, 0] * place[1] + centres[:, 1] * place[2]).clamp(0.0, last + 0.999)
        low = at.floor().to(torch.int64)
        part = at - low
        both = table.gather(1, torch.stack([low, low + 1], dim=1))
        middle = int(min(max(place[0], 0.0), float(last)))
        return float((both[:, 0] * (1.0 - part) + both[:, 1] * part).sum() / torch.sqrt(norm[middle]))

    now, value = start, merit(start)
    sizes = [0.5, 0.5 * _COARSE, 0.5 * _COARSE]
    for _ in range(24):
        moved = False
        for i in range(3 if free else 1):
            for sign in (1.0, -1.0):
                step = [0.0, 0.0, 0.0]
                step[i] = sign * sizes[i]
                trial = (now[0] + step[0], now[1] + step[1], now[2] + step[2])
                if (better := merit(trial)) > value:
                    now, value, moved = trial, better, True
        if not moved:
            sizes = [0.5 * size for size in sizes]
    return now, value
