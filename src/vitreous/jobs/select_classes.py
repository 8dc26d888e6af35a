"""The job type that keeps the particles of good classes, chosen by hand or by a rule."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.core.progress import Progress
from vitreous.jobs.particle_sets import PARTICLE_SET, particles_of, read_particles, write_set
from vitreous.workflow.job_type import (
    GrowingRunner,
    ItemInput,
    JobType,
    Params,
    Result,
    Runner,
    SetWork,
    parameter,
)

if TYPE_CHECKING:
    from vitreous.formats.class_model import ClassModel, ClassRecord
    from vitreous.model.particles import ParticleTable

SELECTION_FILE = "selection.json"
_RULE, _HAND = "Automatic choice", "Choice by hand"
_LIKE = 0.3
"""Averages of two runs that correlate by less, at the best, do not show the same."""


class SelectClassesParams(Params):
    """Which classes are kept."""

    classes: tuple[int, ...] | None = parameter(
        None, help="numbers of the classes to keep; unless given, the automatic choice", group=_HAND
    )
    lineage: str | None = parameter(
        None,
        help="run of whose classes the numbers speak (lineage in its model.json); unless given, that which is there",
        level="advanced",
        group=_HAND,
    )
    threshold: float = parameter(0.5, help="least quality of a class", group=_RULE, ge=0, le=1)
    min_particles: int = parameter(1, help="least particles in a class", group=_RULE, ge=1)
    max_resolution: float | None = parameter(
        None, help="classes of no better resolution than this are left out", unit="Å", group=_RULE, gt=0
    )


@dataclass(frozen=True)
class Classes:
    """A classification as a selection reads it.

    Attributes:
        model: its record.
        averages: float32 ``[K, box, box]``.
        table: its particles.
    """

    model: ClassModel
    averages: np.ndarray
    table: ParticleTable


@dataclass(frozen=True)
class Chosen:
    """Numbers of the classes, how they were chosen (``hand``, ``rule``, ``likeness``), and what is to be said of it."""

    numbers: tuple[int, ...]
    by: str
    warnings: tuple[str, ...] = ()


def suggested(classes: Iterable[ClassRecord], params: SelectClassesParams) -> tuple[int, ...]:
    """Numbers of the classes that the automatic rule keeps, ascending."""
    return tuple(
        sorted(
            one.number
            for one in classes
            if one.quality is not None
            and one.quality >= params.threshold
            and one.particles >= params.min_particles
            and (params.max_resolution is None or (one.resolution or np.inf) <= params.max_resolution)
        )
    )


def choose(classes: Classes, params: SelectClassesParams, previous: Path | None) -> Chosen:
    """The classes to keep.

    Numbers hold for all continuations of one run. Where the classes are of another run than the choice was made of,
    those are kept that look more like the kept averages of the choice's last result than like its rejected ones; where
    there is no such result, or the averages are too unlike, the automatic rule decides. Both are said in a warning.

    Args:
        classes: what there is.
        params: the decision.
        previous: folder of the decision's last result.

    Raises:
        UsageError: a number that no class has.
    """
    if params.classes is None:
        return Chosen(suggested(classes.model.classes, params), "rule")
    earlier = previous if previous is not None and (previous / SELECTION_FILE).is_file() else None
    made_of = params.lineage or (None if earlier is None else _lineage(earlier))
    if made_of is None or made_of == classes.model.lineage:
        missing = [number for number in params.classes if classes.model.numbered(number) is None]
        if missing:
            raise UsageError(
                f"there is no class {missing[0]}: they are numbered 1 to {len(classes.model.classes)}",
                hint="Look at classes.png, whose numbers stand below the averages",
            )
        return Chosen(tuple(sorted(set(params.classes))), "hand")
    if earlier is not None and _lineage(earlier) == made_of:
        found = _by_likeness(classes, earlier)
        if found is not None:
            return found
    return Chosen(
        suggested(classes.model.classes, params),
        "rule",
        ("the classes are of another run than the choice was made of: the automatic rule chose; choose again",),
    )


def _lineage(folder: Path) -> str:
    return str(json.loads((folder / SELECTION_FILE).read_text())["lineage"])


def _by_likeness(classes: Classes, earlier: Path) -> Chosen | None:
    from vitreous.jobs.class_match import kept_by_likeness

    kept, rejected = read_averages(earlier / "classes.mrcs"), read_averages(earlier / "rejected_classes.mrcs")
    numbers, least = kept_by_likeness(classes.averages, kept, rejected)
    if not numbers or least < _LIKE:
        return None
    warning = (
        f"the classes are of another run than the choice was made of: {len(numbers)} were chosen by their likeness "
        f"(correlation of {least:.2f} or more); look at them"
    )
    return Chosen(numbers, "likeness", (warning,))


def read_averages(path: Path) -> np.ndarray:
    """A stack of averages, float32 ``[K, box, box]``; of no classes where there is no such file."""
    from vitreous.formats.images import open_images

    if not path.is_file():
        return np.zeros((0, 1, 1), np.float32)
    with open_images(path) as file:
        return np.stack([np.asarray(frame, np.float32) for frame in file.frames()])


def select(classes: Classes, params: SelectClassesParams, work: SetWork, *, root: Path | None) -> Result:
    """Divide the particles into those of the chosen classes and the others, and write both.

    Args:
        classes: the classification.
        params: the decision.
        work: where to write; ``previous`` is the last result of the same decision.
        root: the project's folder; ``None`` for a command without one.

    Raises:
        UsageError: no particle would be left.
    """
    chosen = choose(classes, params, work.previous)
    number = classes.table["class_number"]
    keep = np.isin(number, chosen.numbers)
    if not keep.any():
        raise UsageError(
            f"no particle is left: classes {_shown(chosen.numbers)} are kept of {len(classes.model.classes)}",
            hint="Choose other classes, or lower the threshold of the quality",
        )
    outputs = _write(classes, chosen, keep, work.out, root)
    return {
        "outputs": outputs,
        "n_particles": len(keep),
        "n_kept": int(keep.sum()),
        "n_rejected": int((~keep).sum()),
        "n_classes": len(chosen.numbers),
        "kept_classes": list(chosen.numbers),
        "by": chosen.by,
        "warnings": list(chosen.warnings),
    }


def _shown(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"


def _write(classes: Classes, chosen: Chosen, keep: np.ndarray, out: Path, root: Path | None) -> dict[str, str]:
    from vitreous.core.plain import to_json
    from vitreous.formats.base import write_text
    from vitreous.formats.mrc_write import write_mrc

    outputs = write_set(classes.table.take(keep), classes.table.take(~keep), out, root)
    kept = np.isin(np.arange(1, len(classes.averages) + 1), chosen.numbers)
    for places, name in ((kept, "classes"), (~kept, "rejected_classes")):
        if places.any():
            outputs[name] = str(out / f"{name}.mrcs")
            write_mrc(
                Path(outputs[name]), classes.averages[places], pixel_size=classes.model.pixel_size, dtype="float32",
                is_stack=True,
            )  # fmt: skip
    record: dict[str, Any] = {
        "lineage": classes.model.lineage,
        "classes": chosen.numbers,
        "rejected_classes": [one.number for one in classes.model.classes if one.number not in chosen.numbers],
        "by": chosen.by,
        "particles": int(keep.sum()),
        "rejected_particles": int((~keep).sum()),
    }
    outputs["json"] = str(out / SELECTION_FILE)
    write_text(Path(outputs["json"]), to_json(record) + "\n")
    return outputs


def _start(params: SelectClassesParams) -> Runner:
    def run(path: Path, out: Path, progress: Progress) -> Result:
        from vitreous.formats.class_model import read_class_model

        model = read_class_model(path)
        if out.resolve() == path.parent.resolve():
            raise UsageError("the chosen particles would take the place of all", hint="Choose another --out")
        missing = [name for name in ("particles.parquet", "classes.mrcs") if not (path.parent / name).is_file()]
        if missing:
            state = "" if model.finished else f" (the run is at iteration {model.iteration} of {model.iterations})"
            raise DataError(
                f"{path.parent} has no {missing[0]}{state}",
                hint="Let the classification come to its end: run vitreous classify2d again",
                path=str(path.parent / missing[0]),
            )
        table = read_particles(path.parent / "particles.parquet")
        classes = Classes(model, read_averages(path.parent / "classes.mrcs"), table)
        return select(classes, params, SetWork(out=out, scratch=out), root=None)

    return run


def _one_model(params: SelectClassesParams, paths: list[Path]) -> list[Path]:
    """The model.json that was given, or that lies in the folder that was given."""
    if len(paths) > 1:
        raise UsageError(f"{len(paths)} classifications are given", hint="Choose from one at a time")
    return [path / "model.json" if path.is_dir() else path for path in paths]


def _on_growing_set(params: SelectClassesParams) -> GrowingRunner:
    def run(items: list[ItemInput], work: SetWork, progress: Progress) -> Result:
        from vitreous.formats.class_model import read_class_model

        slots = {slot.file: slot for item in items if (slot := item.slots.get("classes2d")) is not None}
        if len(slots) != 1:
            raise UsageError(
                f"the particles come of {len(slots)} classifications",
                hint="Connect the selection behind one classification",
            )
        (slot,) = slots.values()
        classes = Classes(
            model=read_class_model(slot.files["model"]),
            averages=read_averages(Path(str(slot.file))),
            table=particles_of(items),
        )
        return select(classes, params, work, root=Path.cwd())

    return run


JOB = JobType(
    name="select-classes",
    title="Select classes",
    summary="Keep the particles of good classes, chosen by hand or by their quality, and set the others aside.",
    params=SelectClassesParams,
    start=_start,
    items="MODEL",
    example="vitreous select-classes classes/model.json --classes 1,4,5 --out selected",
    columns={
        "n_classes": ("classes", "d"),
        "n_kept": ("particles", ",d"),
        "n_rejected": ("rejected", ",d"),
        "by": ("chosen by", "s"),
    },
    category="Particles",
    order=55,
    modes=("single-particle",),
    scope="set",
    needs=("classes2d", "particle_set"),
    gives=(replace(PARTICLE_SET, files=(*PARTICLE_SET.files, "classes", "json")),),
    methods="Particles of the good 2D classes[classes: (chosen by hand)] were kept.",
    on_growing_set=_on_growing_set,
    expand=_one_model,
)
