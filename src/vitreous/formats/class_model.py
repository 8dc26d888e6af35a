"""The record of a 2D classification: ``model.json``, and the same as RELION's ``model.star``.

``model.json`` is one JSON object with ``"format": "vitreous-classes2d"``: how far the run is, what each class is worth,
and how the run went (``ClassModel`` names its fields). While a run is under way the file is written anew after each
iteration, with ``finished`` false.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vitreous.core.errors import DataError
from vitreous.core.plain import to_json
from vitreous.formats.base import write_text
from vitreous.formats.star import write_star
from vitreous.formats.star_block import StarBlock

FORMAT, VERSION = "vitreous-classes2d", 1
_UNRESOLVED = 999.0
_HINT = "Give the model.json that vitreous classify2d wrote"


@dataclass(frozen=True)
class ClassRecord:
    """One class.

    Attributes:
        number: from 1; the place of its average in ``classes.mrcs``, the same through all continuations of a run.
        particles: whose most probable class it is.
        population: prior probability of the class, 0..1.
        resolution: Å, from the correlation of two half averages; ``None`` where there is none.
        quality: 0..1; ``None`` of an empty class.
        rank: from 1, the best.
        suggested: whether it would be kept by the automatic rule.
        frc: correlation of the half averages at the model's ``frc_frequencies``.
    """

    number: int
    particles: int
    population: float
    resolution: float | None
    quality: float | None
    rank: int
    suggested: bool
    frc: tuple[float, ...] = ()


@dataclass(frozen=True)
class ClassModel:
    """How a classification stands.

    Attributes:
        iteration, iterations: done, and planned in all.
        finished: no iteration is left.
        n_particles, n_used: in the table, and of them those with a usable image.
        pixel_size: Å.
        box: px.
        mask_diameter: Å.
        resolution_limit: Å, of the last iteration.
        classes: in order of their numbers.
        frc_frequencies: 1/Å.
        history: one mapping per iteration: iteration, particles, resolution_limit, populations, resolutions, changed
            (fraction of the particles that changed class), seconds.
        settings: the parameters.
        seed: of the random start.
        lineage: the same for a run and all that continue it; class numbers of another lineage mean other classes.
    """

    iteration: int
    iterations: int
    finished: bool
    n_particles: int
    n_used: int
    pixel_size: float
    box: int
    mask_diameter: float | None
    resolution_limit: float | None
    classes: tuple[ClassRecord, ...]
    frc_frequencies: tuple[float, ...] = ()
    history: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    lineage: str = ""

    def numbered(self, number: int) -> ClassRecord | None:
        """The class of that number; ``None`` where there is none."""
        return next((one for one in self.classes if one.number == number), None)

    def ranked(self) -> tuple[ClassRecord, ...]:
        """The classes, the best first."""
        return tuple(sorted(self.classes, key=lambda one: one.rank))


def write_class_model(path: Path, model: ClassModel) -> None:
    """Write ``model.json`` atomically; what is not finite becomes null."""
    write_text(path, to_json({"format": FORMAT, "version": VERSION, **asdict(model)}, indent=1) + "\n")


def read_class_model(path: Path | str) -> ClassModel:
    """Read ``model.json``; fields that a later version added are left out.

    Raises:
        DataError: no such file, no JSON, or not the record of a 2D classification.
    """
    path = Path(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: can't read: {error.strerror}", hint=_HINT, path=str(path)) from error
    except ValueError as error:
        raise DataError(f"{path}: this is no JSON: {error}", hint=_HINT, path=str(path)) from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise DataError(f"{path}: this is no record of a 2D classification", hint=_HINT, path=str(path))
    if values.get("version") != VERSION:
        raise DataError(
            f"{path}: version {values.get('version')} of the format, and {VERSION} is known",
            hint="Read it with the version of Vitreous that wrote it",
            path=str(path),
        )
    try:
        return _model(values)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: a field is missing or wrong: {error}", hint=_HINT, path=str(path)) from error


def _model(values: Mapping[str, Any]) -> ClassModel:
    known = {name: values[name] for name in ClassModel.__dataclass_fields__ if name in values}
    known["classes"] = tuple(_record(one) for one in values["classes"])
    known["frc_frequencies"] = tuple(float(one) for one in known.get("frc_frequencies") or ())
    known["history"] = tuple(known.get("history") or ())
    return ClassModel(**known)


def _record(values: Mapping[str, Any]) -> ClassRecord:
    known = {name: values[name] for name in ClassRecord.__dataclass_fields__ if name in values}
    # The curve of an empty class has no values; JSON has null in their place.
    known["frc"] = tuple(math.nan if one is None else float(one) for one in known.get("frc") or ())
    return ClassRecord(**known)


def write_class_star(path: Path, model: ClassModel, stack: str = "classes.mrcs") -> None:
    """Write the classes in the tables of RELION's ``model.star``: general, classes, and one curve per class.

    A class without a resolution has RELION's 999 Å.

    Args:
        path: the file, replaced where it exists.
        model: the classification.
        stack: name of the averages' file as it shall stand in ``rlnReferenceImage``.
    """
    limit = model.resolution_limit or 2.0 * model.pixel_size
    general = {
        "rlnReferenceDimensionality": 2,
        "rlnDataDimensionality": 2,
        "rlnOriginalImageSize": model.box,
        "rlnCurrentResolution": limit,
        "rlnCurrentImageSize": min(model.box, 2 * math.ceil(model.box * model.pixel_size / limit)),
        "rlnPixelSize": model.pixel_size,
        "rlnNrClasses": len(model.classes),
        "rlnNrGroups": 1,
        "rlnCurrentIteration": model.iteration,
    }
    classes = model.classes
    table: dict[str, Sequence[Any]] = {
        "rlnReferenceImage": [f"{one.number:06d}@{stack}" for one in classes],
        "rlnClassDistribution": [float(one.population) for one in classes],
        "rlnEstimatedResolution": [float(one.resolution or _UNRESOLVED) for one in classes],
    }
    blocks = {"model_general": StarBlock(_pairs(general), loop=False), "model_classes": StarBlock(table)}
    for one in classes:
        if one.frc:
            blocks[f"model_class_{one.number}"] = _curve(model.frc_frequencies, one.frc)
    write_star(path, blocks)


def _pairs(values: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    return {name: [value] for name, value in values.items()}


def _curve(frequencies: Sequence[float], frc: Sequence[float]) -> StarBlock:
    shown = [0.0 if not math.isfinite(value) else float(value) for value in frc]
    return StarBlock(
        {
            "rlnSpectralIndex": list(range(len(frequencies))),
            "rlnResolution": list(frequencies),
            "rlnAngstromResolution": [1.0 / one if one > 0 else _UNRESOLVED for one in frequencies],
            "rlnGoldStandardFsc": shown,
        }
    )
