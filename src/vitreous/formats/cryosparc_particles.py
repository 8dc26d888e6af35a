"""Particles in cryoSPARC's dataset files (.cs): a NumPy structured array with a row per particle.

Conventions (each conversion stands in the column registry): coordinates are fractions of the micrograph's width and
height, y turned over; angles in radians, the pose as a rotation vector w with A = exp(-[w]×), A the matrix from object
to view; shifts in pixels of the image, same sign as ours; classes from 0; halves 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.core.errors import DataError
from vitreous.formats.base import atomic_path
from vitreous.formats.stack_paths import located
from vitreous.model.columns import columns as registry
from vitreous.model.particles import ParticleTable, by_unique, is_known, micrograph_name

Shape = tuple[int, int] | np.ndarray
_HINT = "Give a .cs file of particles, as cryoSPARC exports it"
_UID_BITS = 53
_PLAIN = (
    "pixel_size", "voltage", "spherical_aberration", "amplitude_contrast", "defocus_u", "defocus_v",
    "astigmatism_angle", "phase_shift", "pick_score", "micrograph_pixel_size", "random_subset", "class_number",
    "optics_group",
)  # fmt: skip
"""Columns that a plain factor converts."""
_WHOLE = frozenset({"random_subset", "class_number", "optics_group"})
_TEXT_WIDTH = 8


def read_cryosparc_particles(path: Path | str) -> ParticleTable:
    """Read a .cs file of particles; fields of a passthrough file may be joined with ``with_passthrough``.

    ``uid`` is cryoSPARC's number modulo 2^53 (ours must fit JavaScript); the number itself stays as text in
    ``cryosparc/uid``, and is written back. Poses come as ``rot``, ``tilt`` and ``psi``.

    Raises:
        DataError: no structured array, or no field of particles in it.
    """
    path = Path(path)
    return _table(_load(path), path)


def with_passthrough(path: Path | str, passthrough: Path | str) -> ParticleTable:
    """Read a .cs file and the fields that its passthrough file adds, row by row by ``uid``.

    Raises:
        DataError: the passthrough file lacks particles of the other.
    """
    path, other = Path(path), Path(passthrough)
    rows, more = _load(path), _load(other)
    order = np.argsort(more["uid"])
    place = order[np.searchsorted(more["uid"], rows["uid"], sorter=order).clip(max=max(len(more) - 1, 0))]
    missing = int(np.count_nonzero(more["uid"][place] != rows["uid"])) if len(more) else len(rows)
    if missing:
        raise DataError(f"{other}: {missing} of {len(rows)} particles of {path} are not in it", hint=_HINT)
    first, second = _table(rows, path), _table(more[place], other)
    return ParticleTable({**second.columns, **first.columns})


def write_cryosparc_particles(
    path: Path | str, table: ParticleTable, *, shape: Shape | None = None, root: Path | None = None
) -> tuple[str, ...]:
    """Write a .cs file that cryoSPARC's import of particle stacks reads.

    Args:
        path: of the file.
        table: particles with images.
        shape: ``(ny, nx)`` of the micrographs, or of each particle's ``[n, 2]``; without it coordinates can't be said.
        root: folder that images are named relative to; ``None``: the file's own.

    Returns:
        What could not be said, one sentence each.

    Raises:
        DataError: an image or a pixel size is unknown for some particles.
    """
    path = Path(path)
    fields, losses = _fields(table, shape, (root or path.parent).absolute())
    kinds = [(name, values.dtype, values.shape[1:]) for name, values in fields.items()]
    rows = np.zeros(len(table), dtype=kinds)
    for name, values in fields.items():
        rows[name] = values
    with atomic_path(path) as aside, open(aside, "wb") as handle:
        np.save(handle, rows, allow_pickle=False)
    return losses


def _load(path: Path) -> np.ndarray:
    try:
        with open(path, "rb") as handle:
            rows = np.load(handle, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: can't read: {error}", hint=_HINT, path=str(path)) from error
    if rows.dtype.names is None or rows.ndim != 1 or "uid" not in rows.dtype.names:
        raise DataError(f"{path}: no dataset of cryoSPARC", hint=_HINT, path=str(path))
    return np.asarray(rows)


def _table(rows: np.ndarray, path: Path) -> ParticleTable:
    names = set(rows.dtype.names or ())
    found: dict[str, Any] = {
        "uid": (rows["uid"].astype(np.uint64) & np.uint64(2**_UID_BITS - 1)).astype(np.int64),
        "cryosparc/uid": np.array([str(number) for number in rows["uid"].tolist()], dtype=object),
    }
    for name in _PLAIN:
        alias = registry("particle")[name].aliases["cryosparc"]
        if alias.name in names and alias.scale is not None:
            values = rows[alias.name].astype(np.float64)
            found[name] = np.round((values - alias.offset) / alias.scale) if name in _WHOLE else values / alias.scale
    if "ctf/exp_group_id" in names:
        found["optics_group"] = rows["ctf/exp_group_id"].astype(np.int64)
    if "blob/path" in names:
        found["image_stack"] = by_unique(_words(rows["blob/path"]), lambda name: located(name.removeprefix(">"), path))
        found["image_index"] = rows["blob/idx"].astype(np.int64)
    if "blob/shape" in names:
        found["box_size"] = rows["blob/shape"][:, 0].astype(np.int64)
    if "location/micrograph_path" in names:
        found["micrograph_path"] = by_unique(_words(rows["location/micrograph_path"]), lambda n: n.removeprefix(">"))
        found["micrograph"] = by_unique(found["micrograph_path"], micrograph_name)
    if {"location/center_x_frac", "location/center_y_frac", "location/micrograph_shape"} <= names:
        height, width = rows["location/micrograph_shape"].astype(np.float64).T
        found["coordinate_x"] = rows["location/center_x_frac"] * width
        found["coordinate_y"] = (1.0 - rows["location/center_y_frac"].astype(np.float64)) * height
    return ParticleTable({**found, **_pose(rows, names)})


def _pose(rows: np.ndarray, names: set[str]) -> dict[str, np.ndarray]:
    kind = "alignments3D" if "alignments3D/pose" in names else "alignments2D"
    if f"{kind}/pose" not in names:
        return {}
    found: dict[str, np.ndarray] = {}
    pose = rows[f"{kind}/pose"].astype(np.float64)
    if kind == "alignments3D":
        from scipy.spatial.transform import Rotation

        # exp(-[w]x) is A = Rz(rot) Ry(tilt) Rz(psi) turned over, so exp([w]x) has our angles.
        angles = Rotation.from_rotvec(pose).as_euler("ZYZ", degrees=True) if len(pose) else np.zeros((0, 3))
        found |= {"rot": angles[:, 0], "tilt": angles[:, 1], "psi": angles[:, 2]}
    else:
        found["psi"] = np.degrees(pose.reshape(len(pose)))
    if f"{kind}/shift" in names and f"{kind}/psize_A" in names:
        shift = rows[f"{kind}/shift"].astype(np.float64) * rows[f"{kind}/psize_A"].astype(np.float64)[:, None]
        found |= {"origin_x": shift[:, 0], "origin_y": shift[:, 1]}
    return found


def _words(values: np.ndarray) -> np.ndarray:
    words = np.empty(len(values), dtype=object)
    words[:] = [word.decode() if isinstance(word, bytes) else str(word) for word in values.tolist()]
    return words


# --- writing -------------------------------------------------------------------------------------------------------


def _fields(table: ParticleTable, shape: Shape | None, root: Path) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    from vitreous.formats.relion_write import relative_name

    for name in ("image_stack", "image_index", "pixel_size", "box_size"):
        missing = int(np.count_nonzero(~table.known(name)))
        if missing:
            raise DataError(f"{name} is unknown for {missing} of {len(table)} particles", hint="Extract them first")
    box, pixel_size = table["box_size"], table["pixel_size"]
    fields = {
        "uid": _uids(table),
        "blob/path": _bytes(by_unique(table["image_stack"], lambda name: relative_name(name, root))),
        "blob/idx": table["image_index"].astype(np.uint32),
        "blob/shape": np.stack([box, box], axis=1).astype(np.uint32),
        "blob/psize_A": pixel_size.astype(np.float32),
        "blob/sign": np.ones(len(table), dtype=np.float32),  # ours are white on black
    }
    said = {"uid", "cryosparc/uid", "image_stack", "image_index", "pixel_size", "box_size", "micrograph"}
    if {"defocus_u", "defocus_v", "voltage", "spherical_aberration"} <= set(table.columns):
        fields |= {"ctf/type": np.full(len(table), b"imported"), "ctf/scale": np.ones(len(table), dtype=np.float32)}
    for name in _PLAIN:
        values = table.get(name)
        alias = registry("particle")[name].aliases["cryosparc"]
        if name == "pixel_size" or values is None or not is_known(values).all():
            continue
        number = values if alias.scale is None else values * alias.scale + alias.offset
        fields[alias.name] = number.astype(np.uint32 if name in _WHOLE else np.float32)
        said.add(name)
    further, further_said = {**_location(table, shape)}, _said_of_location(table, shape)
    poses = _pose_fields(table)
    said |= further_said | ({"rot", "tilt", "psi", "origin_x", "origin_y"} if poses else set())
    lost = sorted(name for name in table.columns if name not in said)
    sentences = (f"cryoSPARC's file has no place for {', '.join(lost)}",) if lost else ()
    if shape is None and "coordinate_x" in table:
        sentences = (*sentences, "coordinates are fractions of the micrograph there, and its shape was not given")
    return {**fields, **further, **poses}, sentences


def _location(table: ParticleTable, shape: Shape | None) -> Mapping[str, np.ndarray]:
    found = {}
    path = table.get("micrograph_path")
    path = table.get("micrograph") if path is None else path
    if path is not None and is_known(path).all():
        found["location/micrograph_path"] = _bytes(path)
    if shape is not None and "coordinate_x" in table:
        each = np.broadcast_to(np.asarray(shape, dtype=np.uint32), (len(table), 2))
        found["location/micrograph_shape"] = each.copy()
        found["location/center_x_frac"] = (table["coordinate_x"] / each[:, 1]).astype(np.float32)
        found["location/center_y_frac"] = (1.0 - table["coordinate_y"] / each[:, 0]).astype(np.float32)
    return found


def _said_of_location(table: ParticleTable, shape: Shape | None) -> set[str]:
    return {"micrograph_path"} | ({"coordinate_x", "coordinate_y"} if shape is not None else set())


def _pose_fields(table: ParticleTable) -> dict[str, np.ndarray]:
    """3D poses where rot and tilt are known and not all 0, else in-plane ones of a 2D classification."""
    if "psi" not in table or not table.known("psi").all():
        return {}
    n, psi = len(table), table["psi"]
    rot, tilt = (_or_zero(table, name) for name in ("rot", "tilt"))
    kind = "alignments3D" if np.any(rot) or np.any(tilt) else "alignments2D"
    if kind == "alignments3D":
        from scipy.spatial.transform import Rotation

        pose = Rotation.from_euler("ZYZ", np.stack([rot, tilt, psi], axis=1), degrees=True).as_rotvec()
    else:
        pose = np.radians(psi)
    pixel_size = table["pixel_size"]
    shift = np.stack([_or_zero(table, "origin_x"), _or_zero(table, "origin_y")], axis=1) / pixel_size[:, None]
    return {
        f"{kind}/pose": pose.astype(np.float32),
        f"{kind}/shift": shift.astype(np.float32),
        f"{kind}/psize_A": pixel_size.astype(np.float32),
        f"{kind}/alpha": np.ones(n, dtype=np.float32),
    }


def _or_zero(table: ParticleTable, name: str) -> np.ndarray:
    values = table.get(name)
    return np.zeros(len(table)) if values is None else np.nan_to_num(values.astype(np.float64))


def _uids(table: ParticleTable) -> np.ndarray:
    theirs = table.get("cryosparc/uid")
    if theirs is not None and is_known(theirs).all():
        return np.array([int(text) for text in theirs.tolist()], dtype=np.uint64)
    own = table.get("uid")
    if own is None or not is_known(own).all() or len(set(own.tolist())) < len(own):
        return np.arange(1, len(table) + 1, dtype=np.uint64)
    return own.astype(np.uint64)


def _bytes(words: np.ndarray) -> np.ndarray:
    longest = max((len(str(word).encode()) for word in set(words.tolist())), default=_TEXT_WIDTH)
    return np.array([str(word).encode() for word in words.tolist()], dtype=f"S{max(longest, _TEXT_WIDTH)}")
