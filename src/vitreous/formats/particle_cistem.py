"""Particles in cisTEM's STAR files: one block, labels of its own, all images in one stack.

Conventions (each conversion stands in the column registry): position in the stack from 1, phase shifts in radians,
occupancies in %, x and y shift the place of the particle from the image's centre (minus our origin), positions on the
micrograph in Å.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from vitreous.core.errors import DataError
from vitreous.formats.relion_write import relative_name
from vitreous.formats.stack_paths import located_all
from vitreous.formats.star import read_star, write_star
from vitreous.formats.star_block import StarBlock, star_error
from vitreous.model.columns import columns as registry
from vitreous.model.columns import find_alias
from vitreous.model.particles import ParticleTable, by_unique, is_known, micrograph_name

_HINT = "Give a STAR file of particles, as cisTEM exports it"
_STACK, _IMAGE = "cisTEMStackFilename", "cisTEMOriginalImageFilename"
_PLACES: Mapping[str, str] = MappingProxyType(
    {"cisTEMOriginalXPosition": "coordinate_x", "cisTEMOriginalYPosition": "coordinate_y"}
)
_TEXT = frozenset({_STACK, _IMAGE, "cisTEMReference3DFilename"})
_DEFAULTS: Mapping[str, float] = MappingProxyType(
    {
        "psi": 0.0, "tilt": 0.0, "rot": 0.0, "origin_x": 0.0, "origin_y": 0.0, "phase_shift": 0.0,
        "astigmatism_angle": 0.0, "occupancy": 1.0, "noise_sigma": 10.0, "score": 0.0, "score_change": 0.0,
    }
)  # fmt: skip
"""What a particle has before it is refined: cisTEM reads these columns of every file."""
_ORDER = (
    "image_index", "psi", "tilt", "rot", "origin_x", "origin_y", "defocus_u", "defocus_v", "astigmatism_angle",
    "phase_shift", "occupancy", "noise_sigma", "score", "score_change", "pixel_size", "voltage",
    "spherical_aberration", "amplitude_contrast", "beam_tilt_x", "beam_tilt_y", "class_number", "random_subset",
    "pre_exposure", "total_exposure",
)  # fmt: skip
_NEEDED = (
    "image_index", "defocus_u", "defocus_v", "pixel_size", "voltage", "spherical_aberration", "amplitude_contrast",
)  # fmt: skip
_WHOLE = frozenset({"image_index", "class_number", "random_subset"})
_OWN = frozenset({"uid", "micrograph", "micrograph_path", "micrograph_pixel_size", "image_stack", "box_size", "kept"})


def write_cistem_particles(path: Path | str, table: ParticleTable) -> tuple[str, ...]:
    """Write a STAR file that cisTEM imports; the images are to be one stack of dark particles.

    Args:
        path: of the STAR file.
        table: particles with images, CTF and microscope; the stack is named relative to the file's folder.

    Returns:
        What could not be said, one sentence each.

    Raises:
        DataError: image, CTF, pixel size or microscope is unknown for some, or the images are in several stacks.
    """
    path = Path(path)
    for name in _NEEDED:
        missing = int(np.count_nonzero(~table.known(name)))
        if missing:
            raise DataError(
                f"{name} is unknown for {missing} of {len(table)} particles, and cisTEM needs it",
                hint="Estimate the CTF and extract the particles first, or leave these out",
                column=name,
            )
    stacks = list(dict.fromkeys(table["image_stack"].tolist()))
    if len(stacks) > 1:
        raise DataError(f"cisTEM takes one stack, the images are in {len(stacks)}", hint="Copy them to one stack")
    labels = _labels(table)
    names = by_unique(table["image_stack"], lambda name: relative_name(name, path.parent.absolute()))
    write_star(path, {"": StarBlock({**labels, _STACK: names, **_origin(table)})})
    said = {*_ORDER, *_OWN, *_PLACES.values()}
    lost = sorted(name for name in table.columns if name not in said)
    return (f"cisTEM's file has no place for {', '.join(lost)}",) if lost else ()


def read_cistem_particles(path: Path | str) -> ParticleTable:
    """Read particles of a cisTEM STAR file; labels that the registry does not have stay columns of their own name.

    Raises:
        DataError: no such file, no labels of cisTEM in it, or a value that is no number.
    """
    path = Path(path)
    block = next(iter(read_star(path).values()))
    if "cisTEMPositionInStack" not in block:
        raise star_error(str(path), "no table of cisTEM's particles", _HINT)
    labels = block.parsed(_TEXT)
    columns: dict[str, np.ndarray] = {}
    for label, values in labels.items():
        column = find_alias("cistem", label, "particle")
        alias = None if column is None else column.aliases["cistem"]
        if label in _TEXT or label in _PLACES:
            continue
        if column is None or alias is None or alias.scale is None:
            columns[label] = values
            continue
        if values.dtype.kind == "O":
            block.numbers(label)
        columns[column.name] = (values - alias.offset) / alias.scale
    for name in _WHOLE & set(columns):
        columns[name] = np.round(columns[name])
    return ParticleTable({**columns, **_places(labels, path)})


def is_cistem(path: Path) -> bool:
    """Whether a STAR file is one of cisTEM's, by its first lines."""
    with open(path, "rb") as file:
        return b"\n_cisTEM" in file.read(1 << 14)


def _labels(table: ParticleTable) -> dict[str, np.ndarray]:
    known, found = registry("particle"), {}
    for name in _ORDER:
        values = table.get(name)
        default = _DEFAULTS.get(name)
        if values is None or not is_known(values).all():
            if default is None:
                continue
            held = np.full(len(table), np.nan) if values is None else values.astype(np.float64)
            values = np.where(np.isnan(held), default, held)
        alias = known[name].aliases["cistem"]
        assert alias.scale is not None
        scaled = values * alias.scale + alias.offset
        # Not -0: our origins change their sign.
        found[alias.name] = scaled.astype(np.int64) if name in _WHOLE else scaled + 0.0
    n = len(table)
    return {**found, "cisTEMLogP": np.zeros(n), "cisTEMImageActivity": np.ones(n, dtype=np.int64)}


def _origin(table: ParticleTable) -> dict[str, np.ndarray]:
    """Micrograph and place on it, where both are known."""
    found = {}
    name = table.get("micrograph_path")
    name = table.get("micrograph") if name is None else name
    if name is not None and is_known(name).all():
        found[_IMAGE] = name
    size = table.get("micrograph_pixel_size")
    if size is not None and is_known(size).all():
        for label, column in _PLACES.items():
            if column in table:
                found[label] = table[column] * size
    return found


def _places(labels: Mapping[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    if _STACK in labels:
        found["image_stack"] = located_all(_unquoted(labels[_STACK]), path)
    if _IMAGE in labels:
        found["micrograph_path"] = _unquoted(labels[_IMAGE])
        found["micrograph"] = by_unique(found["micrograph_path"], micrograph_name)
    # Positions are in Å there, and no file says what the micrograph's pixels were.
    return {**found, **{label: labels[label] for label in _PLACES if label in labels}}


def _unquoted(names: np.ndarray) -> np.ndarray:
    return by_unique(names, lambda name: name.strip("'\""))
