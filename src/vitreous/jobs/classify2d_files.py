"""What a classification leaves in a folder: its state after each iteration, and at last its tables and pictures."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.core.errors import DataError
from vitreous.formats.class_model import ClassModel, ClassRecord, read_class_model, write_class_model, write_class_star
from vitreous.jobs.classify2d_images import Geometry
from vitreous.jobs.particle_sets import ALIGNED, write_tables

if TYPE_CHECKING:
    from vitreous.algorithms.classify2d.settings import Settings
    from vitreous.algorithms.classify2d.state import State
    from vitreous.model.particles import ParticleTable

STATE_FILE, MODEL_FILE, CLASSES_FILE = "state.npz", "model.json", "classes.mrcs"
_OWN = ("identity", "lineage", "target", "before", "keys", "rows", "labels")
_PREFIX = "state_"
_IDENTIFYING = (
    "image_stack", "image_index", "pixel_size", "optics_group", "voltage", "spherical_aberration",
    "amplitude_contrast", "defocus_u", "defocus_v", "astigmatism_angle", "phase_shift",
)  # fmt: skip
SUGGESTED_QUALITY = 0.5
"""A class of this quality is suggested to be kept."""


@dataclass(frozen=True)
class Checkpoint:
    """A run between two iterations.

    Attributes:
        state: of the algorithm; its images are ``rows`` of the table.
        identity: of parameters and particles; a run goes on only where it is the same.
        lineage: of the class numbers.
        target: the state's iteration at which the run ends.
        before: iterations of the lineage that the state no longer counts.
        keys: int64 ``[particles]``, what tells each row of the table from all others.
        rows: int64 ``[images]``, row of the table of each image in use.
        labels: int64 ``[groups]``, optics group of each noise group.
    """

    state: State
    identity: str
    lineage: str
    target: int
    before: int
    keys: np.ndarray
    rows: np.ndarray
    labels: np.ndarray

    @property
    def finished(self) -> bool:
        """Whether no iteration is left."""
        return self.state.iteration >= self.target


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the state atomically; equal states give equal bytes (wall times are left out)."""
    from dataclasses import replace

    from vitreous.algorithms.classify2d.state import to_arrays
    from vitreous.formats.base import atomic_path

    timeless = tuple(replace(record, seconds=0.0) for record in checkpoint.state.history)
    arrays = {_PREFIX + name: values for name, values in to_arrays(replace(checkpoint.state, history=timeless)).items()}
    stored: dict[str, Any] = {name: np.asarray(getattr(checkpoint, name)) for name in _OWN} | arrays
    with atomic_path(path) as aside, open(aside, "wb") as handle:
        np.savez(handle, **stored)


def read_checkpoint(path: Path) -> Checkpoint:
    """The state that ``write_checkpoint`` wrote.

    Raises:
        DataError: it can't be read.
    """
    from vitreous.algorithms.classify2d.state import from_arrays

    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        own = {name: arrays.pop(name) for name in _OWN}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: the state of the classification can't be read: {error}",
            hint="Begin anew (--restart)",
            path=str(path),
        ) from error
    state = from_arrays({name.removeprefix(_PREFIX): values for name, values in arrays.items()})
    return Checkpoint(
        state=state,
        identity=str(own["identity"]),
        lineage=str(own["lineage"]),
        target=int(own["target"]),
        before=int(own["before"]),
        keys=own["keys"],
        rows=own["rows"],
        labels=own["labels"],
    )


def identity_of(table: ParticleTable, settings: Mapping[str, Any], beginning: bytes) -> str:
    """Digest of the particles, the settings and what the run begins with."""
    import xxhash

    from vitreous.core.plain import to_json

    digest = xxhash.xxh3_128(to_json(settings, indent=None).encode())
    digest.update(beginning)
    for name in _IDENTIFYING:
        if name in table:
            values = np.asarray(table[name])
            digest.update(name.encode())
            digest.update("\0".join(map(str, values)).encode() if values.dtype == object else values.tobytes())
    return digest.hexdigest()


# --- results -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What does not change while a classification runs.

    Attributes:
        table: all particles.
        geometry: of their images.
        settings: of the algorithm.
        parameters: of the job, as they are recorded.
        warnings: what a person should know.
    """

    table: ParticleTable
    geometry: Geometry
    settings: Settings
    parameters: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


def class_model(run: Run, checkpoint: Checkpoint, history: tuple[Mapping[str, Any], ...]) -> ClassModel:
    """The record of a run as it stands."""
    from vitreous.algorithms.classify2d.summary import summary

    state = checkpoint.state
    summed = summary(run.settings, state)
    classes = tuple(
        ClassRecord(
            number=one.number,
            particles=one.particles,
            population=round(float(one.population), 6),
            resolution=None if one.resolution is None else round(float(one.resolution), 3),
            quality=round(float(one.quality), 4) if one.particles else None,
            rank=one.rank,
            suggested=bool(one.particles and one.quality >= SUGGESTED_QUALITY),
            frc=tuple(round(value, 4) for value in one.frc.tolist()),
        )
        for one in summed.classes
    )
    return ClassModel(
        iteration=checkpoint.before + state.iteration,
        iterations=checkpoint.before + checkpoint.target,
        finished=checkpoint.finished,
        n_particles=len(run.table),
        n_used=int(np.count_nonzero(state.classes >= 0)),
        pixel_size=run.geometry.pixel_size,
        box=run.geometry.box,
        mask_diameter=run.settings.mask_diameter,
        resolution_limit=state.history[-1].resolution_limit if state.history else None,
        classes=classes,
        frc_frequencies=tuple(round(value, 7) for value in summed.frequencies.tolist()),
        history=history,
        settings=run.parameters,
        seed=run.settings.seed,
        lineage=checkpoint.lineage,
    )


def records(checkpoint: Checkpoint, known: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
    """The history as it is recorded, numbered through all continuations; wall times of earlier runs are kept."""
    written: list[Mapping[str, Any]] = []
    for place, record in enumerate(checkpoint.state.history):
        seconds = round(record.seconds, 2) if record.seconds > 0.0 else None
        if seconds is None and place < len(known):
            seconds = known[place].get("seconds")
        written.append(
            {
                "iteration": place + 1,
                "particles": record.particles,
                "resolution_limit": round(record.resolution_limit, 3),
                "populations": [round(one, 5) for one in record.populations],
                "resolutions": [None if one is None else round(one, 2) for one in record.resolutions],
                "changed": None if record.changed is None else round(record.changed, 5),
                "shift_deviation": round(record.shift_deviation, 3),
                "log_likelihood": round(record.log_likelihood, 3),
                "reseeded": [number + 1 for number in record.reseeded],
                "seconds": seconds,
            }
        )
    return tuple(written)


def save(folder: Path, run: Run, checkpoint: Checkpoint) -> ClassModel:
    """Write state, averages and record after an iteration, each file whole; the state first: it is what counts."""
    from vitreous.formats.mrc_write import write_mrc

    known = read_class_model(folder / MODEL_FILE).history if (folder / MODEL_FILE).is_file() else ()
    write_checkpoint(folder / STATE_FILE, checkpoint)
    write_mrc(
        folder / CLASSES_FILE, checkpoint.state.averages, pixel_size=run.geometry.pixel_size, dtype="float32",
        is_stack=True,
    )  # fmt: skip
    model = class_model(run, checkpoint, records(checkpoint, known))
    write_class_model(folder / MODEL_FILE, model)
    return model


def assigned(run: Run, checkpoint: Checkpoint) -> ParticleTable:
    """The whole table with class and pose of each particle; of those that were left out they are unknown.

    Angles of an earlier alignment in 3D would mean nothing beside the new ones: where there are any, they become 0.
    """
    state, n = checkpoint.state, len(run.table)
    origin = state.origin.astype(np.float64) * run.geometry.pixel_size
    seen = state.classes >= 0
    values = (state.psi, origin[:, 0], origin[:, 1], state.max_probability, state.log_likelihood)
    columns: dict[str, np.ndarray] = {}
    for name, of_images in zip(ALIGNED, (state.classes + 1, *values), strict=True):
        columns[name] = np.full(n, np.nan)
        columns[name][checkpoint.rows] = np.where(seen, of_images.astype(np.float64), np.nan)
    columns |= {name: np.zeros(n) for name in ("rot", "tilt") if name in run.table}
    return run.table.with_columns(**columns)


def write_results(
    folder: Path, run: Run, checkpoint: Checkpoint, model: ClassModel, root: Path | None
) -> dict[str, str]:
    """Write tables and picture of a finished run beside its state.

    Args:
        folder: of the outputs, with the averages in it.
        run, checkpoint, model: the run.
        root: as of ``write_tables``.

    Returns:
        Name of the output → path.
    """
    from vitreous.formats.particle_parquet import write_particle_parquet
    from vitreous.jobs.classify2d_montage import write_montage

    table = assigned(run, checkpoint)
    outputs = {
        "classes": folder / CLASSES_FILE,
        "model": folder / MODEL_FILE,
        "state": folder / STATE_FILE,
        "star": folder / "particles.star",
        "table": folder / "particles.parquet",
        "model_star": folder / "model.star",
        "png": folder / "classes.png",
    }
    write_tables(outputs["star"], outputs["table"], table, root)
    write_class_star(outputs["model_star"], model)
    write_montage(outputs["png"], checkpoint.state.averages, model)
    if "uid" in table:
        outputs["table2d"] = folder / "particles2d.parquet"
        narrow = {name: table[name] for name in ("uid", *ALIGNED)}
        write_particle_parquet(outputs["table2d"], type(table)(narrow))
    return {name: str(path) for name, path in outputs.items()}
