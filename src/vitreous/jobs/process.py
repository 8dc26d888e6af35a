"""The job type that takes a movie through motion correction, CTF estimation and quality measurement in one go."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

from pydantic import ValidationError, create_model, field_validator, model_validator

from vitreous.core.errors import UsageError
from vitreous.core.progress import Progress, part_of
from vitreous.jobs.ctf import JOB as CTF
from vitreous.jobs.measure import JOB as MEASURE
from vitreous.jobs.measure import MeasureParams, alerts, with_alerts
from vitreous.jobs.micrographs_table import write_micrographs_table
from vitreous.jobs.motion import JOB as MOTION
from vitreous.jobs.result_file import write_result
from vitreous.workflow.job_type import JobType, Params, Result, Runner, Slot

STEPS = (MOTION, CTF, MEASURE)
SHARES = (0.75, 0.95, 1.0)  # of the time, where each step ends
SHOWN = ("drift_total", "defocus_u", "defocus_v", "fit_resolution", "score", "iciness")


class _Chain(Params):
    """Checks each step's parameters as the step itself would."""

    @model_validator(mode="after")
    def _each_step_accepts_them(self) -> _Chain:
        for job in STEPS:
            try:
                step_params(job, self)
            except ValidationError as error:
                first = error.errors()[0]
                raise ValueError(first["msg"].removeprefix("Value error, ")) from None
        return self


def step_params(job: JobType, params: Params, **changed: Any) -> Params:
    """The parameters of one step, taken from those of the chain, with some changed."""
    values = {field: getattr(params, field) for field in job.params.model_fields}
    return job.params(**{**values, **changed})


def _reader(method: Callable[..., Any]) -> Callable[..., Any]:
    """A step's validator as a plain function: pydantic would bind the method to the chain's class once more."""
    if len(signature(method).parameters) == 1:
        return lambda value: method(value)
    return lambda value, info: method(value, info)


def _chain_params() -> type[Params]:
    """All fields of all steps; a field that the steps share stands once, with the readers of text that it has."""
    fields: dict[str, Any] = {}
    readers: dict[str, Any] = {}
    for job in STEPS:
        for field, info in job.params.model_fields.items():
            fields.setdefault(field, (info.annotation, info))
        for name, entry in job.params.__pydantic_decorators__.field_validators.items():
            reader = field_validator(*entry.info.fields, mode=entry.info.mode)(_reader(entry.func))
            readers.setdefault(f"{job.name}_{name}", reader)
    model = create_model("ProcessParams", __base__=_Chain, __module__=__name__, __validators__=readers, **fields)
    model.__doc__ = "The parameters of motion correction, CTF estimation and quality measurement."
    return model


ProcessParams = _chain_params()


def merged(results: dict[str, Result], path: Path, outputs: dict[str, str]) -> Result:
    """One result of all steps: the figures side by side, what steps name alike under the step's name.

    ``outputs`` are those of motion correction by their own names and those of later steps as ``ctf_png``;
    ``settings`` are nested by step; ``warnings`` are joined.
    """
    whole: Result = {"input": str(path), "outputs": outputs, "warnings": [], "settings": {}}
    for name, result in results.items():
        for key, value in result.items():
            if key == "outputs":
                for kind, file in value.items():
                    whole["outputs"].setdefault(kind if name == MOTION.name else f"{name}_{kind}", str(file))
            elif key == "warnings":
                whole["warnings"] += [text for text in value if text not in whole["warnings"]]
            elif key == "settings":
                whole["settings"][name] = value
            elif key in whole and key != "input":
                whole[f"{name}_{key}"] = value
            else:
                whole.setdefault(key, value)
    return whole


def _judged(result: Result, limits: Params) -> Result:
    """The result with alerts on the figures of all steps: measurement by itself knows neither drift nor defocus."""
    assert isinstance(limits, MeasureParams)
    found = alerts(result, limits)
    texts = [f"{alert['what']} ({alert['cause']})" for alert in found]
    new = [text for text in texts if text not in result["warnings"]]
    return {**with_alerts(result, found), "warnings": [*result["warnings"], *new]}


def _start(params: Params) -> Runner:
    motion = MOTION.start(step_params(MOTION, params))

    def run(path: Path, out: Path, progress: Progress) -> Result:
        from vitreous.formats.images import open_images

        results = {MOTION.name: motion(path, out, part_of(progress, 0.0, SHARES[0]))}
        summed = Path(results[MOTION.name]["outputs"]["sum"])
        if summed.resolve() == path.resolve():
            raise UsageError(f"{path}: the sum would replace the movie", hint="Choose another --out", path=str(path))
        with open_images(summed) as images:
            pixel_size = images.header.acquisition.needed("pixel_size")
        found = results[MOTION.name]
        # The sum may be coarser than the movie, and of some of its frames: what was said of the movie does not hold.
        of_sum = {"pixel_size": pixel_size, "n_frames": found["n_frames"], "total_dose": found["total_dose"]}
        start = SHARES[0]
        for job, stop in zip(STEPS[1:], SHARES[1:], strict=True):
            fields = job.params.model_fields
            known = {name: value for name, value in of_sum.items() if name in fields and value is not None}
            step = job.start(step_params(job, params, **known))
            results[job.name] = step(summed, out, part_of(progress, start, stop))
            start = stop
        target = out / f"{path.stem}_process.json"
        result = _judged(merged(results, path, {"process": str(target)}), step_params(MEASURE, params))
        write_result(target, result)
        return result

    return run


def _columns() -> dict[str, tuple[str, str]]:
    known = {key: column for job in STEPS for key, column in job.columns.items()}
    return {key: known[key] for key in SHOWN if key in known}


def _slots() -> tuple[Slot, ...]:
    """The slots of all steps, by the names that ``merged`` gives to their files and figures."""
    found: list[Slot] = []
    taken: set[str] = set()
    for job in STEPS:
        keys: set[str] = set()
        for slot in job.gives:
            keys |= set(slot.columns.values())
            columns = {name: f"{job.name}_{key}" if key in taken else key for name, key in slot.columns.items()}
            found.append(
                Slot(slot.name, _file(job, slot.file), tuple(_file(job, one) or "" for one in slot.files), columns)
            )
        taken |= keys
    return tuple(found)


def _file(job: JobType, key: str | None) -> str | None:
    return key if key is None or job is MOTION else f"{job.name}_{key}"


JOB = JobType(
    name="process",
    title="Process movies",
    summary="Correct motion, estimate the CTF and measure quality of movies in one go.",
    params=ProcessParams,
    start=_start,
    finish=write_micrographs_table,
    items="MOVIE",
    example="vitreous process movies/*.tiff --gain gain.mrc --pixel-size 0.83 --voltage 300 "
    "--spherical-aberration 2.7 --dose-per-frame 1.2 --patches 5x5 --out processed",
    columns=_columns(),
    citations=tuple(dict.fromkeys(paper for job in STEPS for paper in job.citations)),
    category="All in one",
    order=45,
    needs=("movie",),
    gives=_slots(),
    methods=" ".join(job.methods for job in STEPS),
)
