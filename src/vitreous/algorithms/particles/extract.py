"""Cut particles out of a micrograph: boxes, pixel size, sign and normalisation in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vitreous.algorithms.particles.boxes import Placement, cut_boxes, mirrored, place_boxes
from vitreous.algorithms.particles.normalise import background_mask, normalised
from vitreous.algorithms.particles.resample import resampled

_PIXELS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class ExtractionSettings:
    """How particles are cut out.

    Attributes:
        box: side in px of the micrograph, even.
        size: side in px of the images, even, at most ``box``.
        background_radius: px of the images; beyond it is background. ``None``: images are not normalised.
        invert: change the sign, so that particles are white on black.
        ramp: subtract a plane from each image, not only the background's mean.
        white_dust, black_dust: standard deviations beyond which a pixel is dust; ``None`` leaves all pixels.
        pad: particles whose box crosses the micrograph's edge are continued by a mirror; otherwise they are left out.
        centre: move each image by the part of a pixel by which the box misses the position.
    """

    box: int
    size: int
    background_radius: float | None
    invert: bool = True
    ramp: bool = True
    white_dust: float | None = None
    black_dust: float | None = None
    pad: bool = False
    centre: bool = False


@dataclass(frozen=True)
class Extracted:
    """Images of particles, and which positions gave none.

    Attributes:
        images: float32 ``[k, size, size]``.
        rows: int64 ``[k]``: number of the position that each image belongs to, ascending.
        centres: int64 ``[k, 2]`` (x, y): pixel of the micrograph at the centre of each box.
        offsets: float64 ``[k, 2]`` px of the micrograph: where the position lies from the image's centre.
        off_image, over_edge, unusable: int64: rows that lie outside the micrograph, whose box crosses its edge, whose
            pixels are not all numbers or do not vary.
        dust: pixels that were replaced, of all images.
        padded: images that were continued beyond the edge.
    """

    images: torch.Tensor
    rows: torch.Tensor
    centres: torch.Tensor
    offsets: torch.Tensor
    off_image: torch.Tensor
    over_edge: torch.Tensor
    unusable: torch.Tensor
    dust: int
    padded: int


def extract_particles(
    micrograph: torch.Tensor,
    positions: torch.Tensor,
    settings: ExtractionSettings,
    transfer: torch.Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Extracted:
    """Cut out, resample, normalise and invert the particles at ``positions``.

    Args:
        micrograph: float32 ``[ny, nx]``, row 0 is y = 0; not changed.
        positions: px ``[m, 2]`` (x, y) of the micrograph, 0-based.
        settings: how.
        transfer: real ``[size, size//2+1]`` that multiplies the transforms (signs of the contrast transfer function).
        generator: of the noise that replaces dust.

    Raises:
        UsageError: box or background are not possible.
    """
    ny, nx = micrograph.shape
    placed = place_boxes(positions.to(micrograph.device), (ny, nx), settings.box)
    taken = placed.on_image if settings.pad else placed.within
    rows = torch.nonzero(taken).reshape(-1)
    margin = _margin(placed, rows, (ny, nx), settings.box) if settings.pad else 0
    source = mirrored(micrograph, margin) if margin else micrograph
    images = micrograph.new_empty((len(rows), settings.size, settings.size), dtype=torch.float32)
    usable = torch.zeros(len(rows), dtype=torch.bool, device=micrograph.device)
    dust, step = 0, max(1, _PIXELS_AT_ONCE // settings.box**2)
    background = None
    if settings.background_radius is not None:
        background = background_mask(settings.size, settings.background_radius, micrograph.device)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        boxes = cut_boxes(source, placed.centres[part] + margin, settings.box).to(torch.float32)
        small = resampled(boxes, settings.size, transfer, -placed.offsets[part] if settings.centre else None)
        finished, good, count = _finished(small, settings, background, generator)
        images[start : start + step], usable[start : start + step] = finished, good
        dust += count
    chosen = rows[usable]
    offsets = torch.zeros_like(placed.offsets[chosen]) if settings.centre else placed.offsets[chosen]
    return Extracted(
        images if len(chosen) == len(rows) else images[usable],
        chosen,
        placed.centres[chosen],
        offsets,
        torch.nonzero(~placed.on_image).reshape(-1),
        torch.nonzero(placed.on_image & ~taken).reshape(-1),
        rows[~usable],
        dust,
        int((taken & ~placed.within)[chosen].sum()),
    )


def _margin(placed: Placement, rows: torch.Tensor, shape: tuple[int, int], box: int) -> int:
    """How far the boxes of ``rows`` reach beyond the micrograph, px."""
    if len(rows) == 0:
        return 0
    corner = placed.centres[rows] - box // 2
    size = torch.tensor([shape[1], shape[0]], device=corner.device)
    return max(0, int((-corner).max()), int((corner + box - size).max()))


def _finished(
    images: torch.Tensor,
    settings: ExtractionSettings,
    background: torch.Tensor | None,
    generator: torch.Generator | None,
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Normalised and inverted images, which of them can be used, and the number of pixels replaced as dust."""
    signed = -images if settings.invert else images
    if background is None:
        return signed, torch.isfinite(signed).all(dim=2).all(dim=1), 0
    found = normalised(
        signed,
        background,
        ramp=settings.ramp,
        white_dust=settings.white_dust,
        black_dust=settings.black_dust,
        generator=generator,
    )
    return found.images, found.usable, int(found.dust.sum())
