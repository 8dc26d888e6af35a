"""RELION 3.1's tables of a table of particles."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vitreous.core.errors import DataError
from vitreous.formats.relion_columns import MANUAL_SCORE, OPTICS_LABELS
from vitreous.formats.star_block import StarBlock
from vitreous.model.columns import columns as registry
from vitreous.model.particles import ParticleTable, by_unique, is_known

_NEEDED = frozenset({"coordinate_x", "coordinate_y", "defocus_u", "defocus_v", "pixel_size", "voltage", "box_size"})
_OWN = frozenset(
    {"uid", "micrograph", "micrograph_path", "image_stack", "image_index", "optics_group", "optics_group_name"}
)


def relion_blocks(table: ParticleTable, root: Path) -> tuple[dict[str, StarBlock], tuple[str, ...]]:
    """``data_optics`` and ``data_particles``, and what could not be said in them.

    Args:
        table: particles or picks.
        root: absolute folder that image files are named relative to.

    Raises:
        DataError: what must be known of every particle is unknown for some.
    """
    labels, losses = _labels(table)
    optics_columns = {name: values for name, values in labels.items() if name in OPTICS_LABELS}
    particles = {name: values for name, values in labels.items() if name not in OPTICS_LABELS}
    names = _names(table, root)
    optics, group = optics_groups(table, optics_columns)
    rows = {**names, **particles, "rlnOpticsGroup": group}
    return {"optics": StarBlock(optics), "particles": StarBlock(rows)}, tuple(losses)


def optics_groups(table: ParticleTable, values: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The table of optics groups, and the group of each particle (from 1).

    Groups are told apart by their values and, where the particles have them, by their names and numbers. Numbers are
    kept where each belongs to one set of values; names likewise, else they are numbered.
    """
    number, name = table.get("optics_group"), table.get("optics_group_name")
    keys = [*values.values(), *(column for column in (number, name) if column is not None)]
    first, inverse = _distinct(keys, len(table))
    numbers = np.arange(1, len(first) + 1)
    if number is not None and is_known(number).all() and len(first):
        own = number[first].astype(np.int64)
        numbers = own if len(set(own.tolist())) == len(own) and own.min() > 0 else numbers
    texts = [f"opticsGroup{i}" for i in numbers]
    if name is not None and is_known(name).all() and len(set(name[first].tolist())) == len(first):
        texts = name[first].tolist()
    optics: dict[str, np.ndarray] = {
        "rlnOpticsGroupName": np.array(texts, dtype=object),
        "rlnOpticsGroup": numbers,
        **{label: column[first] for label, column in values.items()},
    }
    if "rlnImageSize" in values:
        optics["rlnImageDimensionality"] = np.full(len(first), 2)
    order = np.argsort(numbers)
    return {label: column[order] for label, column in optics.items()}, numbers[inverse]


def _distinct(keys: list[np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """First row of each distinct combination of values, in order of appearance, and the combination of each row."""
    import pandas as pd

    code = np.zeros(n, dtype=np.int64)
    for key in keys:
        codes, found = pd.factorize(key, use_na_sentinel=False)
        code = pd.factorize(code * max(len(found), 1) + codes)[0]
    first = np.zeros(int(code.max()) + 1 if n else 0, dtype=np.int64)
    first[code[::-1]] = np.arange(n)[::-1]
    return first, code


def _labels(table: ParticleTable) -> tuple[dict[str, np.ndarray], list[str]]:
    """RELION's labels with values where the particles have them, and what is lost."""
    known = registry("particle")
    found: dict[str, np.ndarray] = {}
    losses: list[str] = []
    unsaid = []
    for name, values in table.columns.items():
        alias = known[name].aliases.get("relion") if name in known else None
        if name in _OWN:
            continue
        if name.startswith("rln"):
            label, scaled = name, values
        elif alias is None or alias.scale is None:
            unsaid.append(name)
            continue
        else:
            label = alias.name
            scaled = values if alias.scale == 1.0 and not alias.offset else values * alias.scale + alias.offset
        complete = _complete(name, label, scaled, losses)
        if complete is not None:
            found[label] = complete
    if unsaid:
        losses.append(f"RELION has no column for {', '.join(sorted(unsaid))}")
    return found, losses


def _complete(name: str, label: str, values: np.ndarray, losses: list[str]) -> np.ndarray | None:
    """Values without unknown ones, which STAR can't say: RELION's own word for unknown, 0 or None."""
    there = is_known(values)
    if there.all():
        return values
    if not there.any():
        return None
    missing = int(np.count_nonzero(~there))
    if name in _NEEDED:
        raise DataError(
            f"{name} is unknown for {missing} of {len(values)} particles (the first is number {np.argmin(there) + 1})",
            hint="Leave these particles out, or find it for them",
            column=name,
        )
    word: object = MANUAL_SCORE if name == "pick_score" else "None" if values.dtype.kind == "O" else 0
    if name != "pick_score" and name != "class_number":
        losses.append(f"{name} is unknown for {missing} of {len(values)} particles: {label} says {word} there")
    filled = values.copy()
    filled[~there] = word
    whole = name in registry("particle") and registry("particle")[name].kind == "integer"
    return filled.astype(np.int64) if whole else filled


def _names(table: ParticleTable, root: Path) -> dict[str, np.ndarray]:
    """``rlnMicrographName`` and ``rlnImageName``."""
    found = {}
    micrograph = table.get("micrograph_path")
    micrograph = table.get("micrograph") if micrograph is None else micrograph
    if micrograph is not None and is_known(micrograph).all():
        found["rlnMicrographName"] = micrograph
    if "image_stack" in table:
        stack, index = table["image_stack"], table["image_index"]
        if not (is_known(stack).all() and is_known(index).all()):
            n = int(np.count_nonzero(~(is_known(stack) & is_known(index))))
            raise DataError(f"{n} of {len(table)} particles have no image", hint="Extract them, or leave them out")
        files = by_unique(stack, lambda name: relative_name(name, root))
        joint = [f"{i + 1:06d}@{file}" for i, file in zip(index.astype(np.int64).tolist(), files.tolist(), strict=True)]
        found["rlnImageName"] = np.array(joint, dtype=object)
    return found


def relative_name(name: str, root: Path) -> str:
    """A file as seen from a folder; absolute where they share no folder, as it stands where there is no such file."""
    file = Path(name).absolute()
    if not (Path(name).is_absolute() or file.exists()):
        return name
    return os.path.relpath(file, root) if file.parts[1:2] == root.parts[1:2] else str(file)
