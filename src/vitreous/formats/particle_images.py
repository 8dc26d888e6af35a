"""Whether the images that a table of particles names are there, and are what it says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vitreous.core.errors import DataError
from vitreous.formats.base import ImageHeader
from vitreous.formats.images import open_images
from vitreous.model.particles import ParticleTable, is_known

_PIXEL_TOLERANCE = 1e-3


def check_particle_images(table: ParticleTable, *, one_size: bool = True) -> None:
    """Refuse a table whose images can't be read as it says; only headers are read.

    Args:
        table: with ``image_stack`` and ``image_index``.
        one_size: box and pixel size must be the same for all, as one stack of averages needs.

    Raises:
        DataError: a stack is missing (with the number of missing ones), an index lies outside its stack, boxes are not
            square or differ from the table's, or box or pixel sizes are mixed (with the first particle of each).
    """
    stacks, index = table["image_stack"], table["image_index"]
    without = int(np.count_nonzero(~(is_known(stacks) & is_known(index))))
    if without:
        raise DataError(f"{without} of {len(table)} particles have no image", hint="Leave them out")
    names = list(dict.fromkeys(stacks.tolist()))
    missing = [name for name in names if not Path(name).exists()]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(names)} stacks of images are not there, the first is {missing[0]}",
            hint="Bring them back, or run where the paths in the table begin",
            path=missing[0],
            missing=len(missing),
        )
    headers = {name: _header(name) for name in names}
    _check_places(stacks, index, headers)
    boxes = np.array([headers[name].shape[0] for name in stacks.tolist()])
    stated = table.get("box_size")
    if stated is not None:
        _refuse(stacks, (boxes != stated) & is_known(stated), boxes, stated)
    if one_size:
        _check_one("boxes", "px", boxes.astype(np.float64), stacks, 0.5)
        pixel_sizes = table.get("pixel_size")
        if pixel_sizes is not None and is_known(pixel_sizes).any():
            _check_one("pixel sizes", "Å", pixel_sizes, stacks, _PIXEL_TOLERANCE)


def _header(name: str) -> ImageHeader:
    with open_images(Path(name)) as file:
        header = file.header
    if header.shape[0] != header.shape[1]:
        ny, nx = header.shape
        raise DataError(f"{name}: images of {nx} × {ny} px are not square", hint="Extract them again", path=name)
    return header


def _check_places(stacks: np.ndarray, index: np.ndarray, headers: Mapping[str, ImageHeader]) -> None:
    counts = np.array([headers[name].n_frames for name in stacks.tolist()])
    wrong = np.flatnonzero((index < 0) | (index >= counts))
    if len(wrong):
        row = wrong[0]
        raise DataError(
            f"particle {row + 1} is image {int(index[row]) + 1} of {stacks[row]}, which holds {counts[row]} "
            f"({len(wrong)} such particles)",
            hint="Stack and table do not belong together",
            path=str(stacks[row]),
        )


def _refuse(stacks: np.ndarray, wrong: np.ndarray, boxes: np.ndarray, stated: np.ndarray) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{stacks[row]}: images of {boxes[row]} px, the table says {stated[row]:g} px",
            hint="Stack and table do not belong together",
            path=str(stacks[row]),
        )


def _check_one(what: str, unit: str, values: np.ndarray, stacks: np.ndarray, tolerance: float) -> None:
    known = np.flatnonzero(is_known(values))
    other = known[np.abs(values[known] - values[known[0]]) > tolerance] if len(known) else known
    if len(other):
        a, b = known[0], other[0]
        raise DataError(
            f"{what} are mixed: {values[a]:g} {unit} in {stacks[a]}, {values[b]:g} {unit} in {stacks[b]} "
            f"(particle {b + 1}; {len(other)} of {len(values)} differ from the first)",
            hint="Take particles of one size, or extract them again with one box and pixel size",
        )
