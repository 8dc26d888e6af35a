"""Run a 2D classification from a particle table to its results, through any number of interruptions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.core.progress import Progress, part_of
from vitreous.jobs import classify2d_files as files
from vitreous.jobs.classify2d_files import STATE_FILE, Checkpoint, Run
from vitreous.jobs.classify2d_images import Geometry, StackImages, noise_groups, rows_text, stack_images
from vitreous.jobs.classify2d_params import Classify2dParams, mask_diameter, shift_ranges
from vitreous.jobs.classify2d_references import read_references
from vitreous.jobs.particle_sets import particle_keys
from vitreous.jobs.result_file import own_settings
from vitreous.workflow.job_type import Result, SetWork

if TYPE_CHECKING:
    import torch

    from vitreous.algorithms.classify2d.settings import Settings
    from vitreous.algorithms.classify2d.state import State
    from vitreous.formats.class_model import ClassModel
    from vitreous.model.particles import ParticleTable

VERSION = 1
"""Raised when the same parameters give another result."""
_PER_IMAGE = ("classes", "psi", "origin", "max_probability", "log_likelihood")
_NOT_IDENTIFYING = ("references", "continue_from")


@dataclass(frozen=True)
class Begun:
    """A classification that can go on.

    Attributes:
        run: what does not change.
        images: those in use, in the state's order.
        checkpoint: where it stands.
    """

    run: Run
    images: StackImages
    checkpoint: Checkpoint


def classify(
    table: ParticleTable, params: Classify2dParams, work: SetWork, progress: Progress, *, root: Path | None
) -> Result:
    """Classify particles; where the work was interrupted before, go on from the last whole iteration.

    Args:
        table: the particles, with CTF and the place of their images.
        params: of the job.
        work: ``scratch`` holds the run between iterations (it may be the same folder as ``out``); ``previous`` is an
            earlier result of fewer particles, whose classes go on.
        progress: told the fraction done, resolution, classes alive and seconds of the last iteration.
        root: the project's folder; ``None`` for a command without one.

    Returns:
        The result with ``outputs`` and the figures that the terminal shows.

    Raises:
        UsageError, DataError: the particles can't be classified as they are.
    """
    begun = begin(table, params, work, part_of(progress, 0.0, 0.05))
    try:
        model = _iterated(begun, params, work.scratch, part_of(progress, 0.05, 0.98))
    finally:
        begun.images.close()
    checkpoint = files.read_checkpoint(work.scratch / STATE_FILE)
    if work.out != work.scratch:
        model = _moved(begun.run, checkpoint, work)
    outputs = files.write_results(work.out, begun.run, checkpoint, model, root)
    warnings = (*begun.run.warnings, *_blank(begun.run, checkpoint))
    return {"outputs": outputs, **figures(model), "warnings": list(warnings)}


def figures(model: ClassModel) -> dict[str, Any]:
    """What the terminal shows of a classification."""
    alive = [one for one in model.classes if one.particles]
    resolved = [one.resolution for one in alive if one.resolution is not None]
    return {
        "n_particles": model.n_particles,
        "n_used": model.n_used,
        "n_classes": len(model.classes),
        "classes_alive": len(alive),
        "classes_suggested": sum(one.suggested for one in alive),
        "best_resolution": min(resolved, default=None),
        "iterations": model.iteration,
    }


def _moved(run: Run, checkpoint: Checkpoint, work: SetWork) -> ClassModel:
    """The run's own files written again beside the results; the history keeps its wall times."""
    import shutil

    work.out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(work.scratch / files.MODEL_FILE, work.out / files.MODEL_FILE)
    return files.save(work.out, run, checkpoint)


def _iterated(begun: Begun, params: Classify2dParams, folder: Path, progress: Progress) -> ClassModel:
    """Iterate to the end, or to where little changes any more; after each iteration all is on disk."""
    from vitreous.algorithms.classify2d.loop import settled
    from vitreous.jobs.classify2d_pool import Pool

    run, checkpoint = begun.run, begun.checkpoint
    model = files.save(folder, run, checkpoint)
    first, left = checkpoint.state.iteration, checkpoint.target - checkpoint.state.iteration
    if left <= 0:
        return model
    # A continuation takes as many iterations as were asked for.
    may_stop = checkpoint.target == params.cycles
    with Pool(run.settings, begun.images, params.workers) as pool:
        while not checkpoint.finished:
            done = checkpoint.state.iteration - first
            share = part_of(progress, done / left, (done + 1) / left)
            state = pool.iterate(checkpoint.state, _told(share, model))
            ends = may_stop and settled(run.settings, state)
            checkpoint = replace(checkpoint, state=state, target=state.iteration if ends else checkpoint.target)
            model = files.save(folder, run, checkpoint)
    return model


def _told(progress: Progress, model: ClassModel) -> Progress:
    """Progress within an iteration, in words that fit a terminal's bar: what the last iteration came to."""
    words = f"{model.iteration + 1}/{model.iterations}"
    if model.history:
        alive = sum(one.particles > 0 for one in model.classes)
        seconds = model.history[-1].get("seconds")
        words += f"  {model.resolution_limit:.1f} Å  {alive} classes"
        words += "" if seconds is None else f"  {seconds:.1f} s"
    return lambda fraction, what: progress(fraction, words)


# --- the beginning -------------------------------------------------------------------------------------------------


def begin(table: ParticleTable, params: Classify2dParams, work: SetWork, progress: Progress) -> Begun:
    """Find where to go on: in the scratch folder, from an earlier result, or at the very beginning."""
    images, geometry = stack_images(
        table, with_ctf=params.ctf, invert=params.invert, mask_of=lambda extent: mask_diameter(params, extent)
    )
    earlier = _earlier(params, work, len(table))
    references = None if params.references is None else read_references(params.references, geometry)
    n_classes = _class_number(params, len(table), earlier, references)
    run = Run(
        table=table,
        geometry=geometry,
        settings=algorithm_settings(params, geometry, n_classes),
        parameters=own_settings(params, Classify2dParams) | {"classes": n_classes},
    )
    identity = files.identity_of(table, _identifying(run), _beginning(earlier, references, work.complete))
    checkpoint = _unfinished(work.scratch / STATE_FILE, identity, params)
    if checkpoint is None:
        checkpoint = _first(run, images, earlier, references, identity, params, work.complete, progress)
    run = replace(run, warnings=_left_out(table, checkpoint.rows))
    groups, _ = noise_groups(table, checkpoint.rows, checkpoint.labels)
    return Begun(run, replace(images.take(checkpoint.rows), groups=groups), checkpoint)


def algorithm_settings(params: Classify2dParams, geometry: Geometry, n_classes: int) -> Settings:
    """The algorithm's settings that the parameters state for these images."""
    from vitreous.algorithms.classify2d.settings import Settings
    from vitreous.jobs.device import check_device

    check_device(params.device)
    x_range, y_range = shift_ranges(params, geometry.extent)
    return Settings(
        n_classes=n_classes,
        pixel_size=geometry.pixel_size,
        box=geometry.box,
        mask_diameter=mask_diameter(params, geometry.extent),
        cycles=params.cycles,
        stop_early=params.stop_early,
        low_resolution=params.low_resolution,
        start_resolution=params.start_resolution,
        finish_resolution=params.finish_resolution,
        angular_step=params.angular_step,
        x_range=x_range,
        y_range=y_range,
        smoothing=params.smoothing,
        exclude_blank_edges=params.exclude_blank_edges,
        automatic_percent=params.auto_percent,
        percent=params.percent,
        regularisation=params.regularisation,
        balance=params.balance,
        use_ctf=params.ctf,
        recentre=params.recentre,
        reseed=params.reseed,
        seed=params.seed,
        cache_bytes=round(params.memory * 2**30),
        device=params.device,
        precision=params.precision,
    )


def _class_number(
    params: Classify2dParams, n_particles: int, earlier: Checkpoint | None, references: torch.Tensor | None
) -> int:
    from vitreous.algorithms.classify2d.settings import suggested_classes

    if earlier is not None or references is not None:
        given = len(references) if references is not None else len(earlier.state.averages) if earlier else 0
        if params.classes not in (None, given):
            raise UsageError(
                f"{params.classes} classes are asked for, and there are {given} to begin with",
                hint="Leave the number of classes out",
            )
        return given
    number = params.classes or suggested_classes(n_particles)
    if number > n_particles:
        raise UsageError(
            f"{number} classes of {n_particles} particle{'s' * (n_particles > 1)} can't be made",
            hint="Take fewer classes (20 particles or more to each), or more particles",
        )
    return number


def _earlier(params: Classify2dParams, work: SetWork, n_particles: int) -> Checkpoint | None:
    """The result that is to be continued; none where more particles ask for more classes than it has."""
    from vitreous.algorithms.classify2d.settings import suggested_classes

    if params.continue_from is not None:
        folder = params.continue_from if params.continue_from.is_dir() else params.continue_from.parent
        if not (folder / STATE_FILE).is_file():
            raise DataError(
                f"{params.continue_from}: there is no classification to continue ({STATE_FILE} is missing)",
                hint="Give the folder that vitreous classify2d wrote",
                path=str(params.continue_from),
            )
        if folder.resolve() == work.out.resolve():
            raise UsageError("a classification can't be continued in its own folder", hint="Choose another --out")
        return files.read_checkpoint(folder / STATE_FILE)
    if work.previous is None or not (work.previous / STATE_FILE).is_file():
        return None
    found = files.read_checkpoint(work.previous / STATE_FILE)
    grown = params.classes is None and params.references is None and suggested_classes(n_particles)
    return None if grown and grown > len(found.state.averages) else found


def _identifying(run: Run) -> dict[str, Any]:
    kept = {name: value for name, value in run.parameters.items() if name not in _NOT_IDENTIFYING}
    return {"version": VERSION, **kept}


def _beginning(earlier: Checkpoint | None, references: torch.Tensor | None, complete: bool) -> bytes:
    begun = "" if earlier is None else f"{earlier.identity} {len(earlier.state.history)} {complete}"
    return begun.encode() + (b"" if references is None else references.numpy().tobytes())


def _unfinished(path: Path, identity: str, params: Classify2dParams) -> Checkpoint | None:
    """The same run where it was interrupted (or finished).

    Raises:
        UsageError: the folder holds another run.
    """
    if not path.is_file() or params.restart:
        return None
    found = files.read_checkpoint(path)
    if found.identity == identity:
        return found
    raise UsageError(
        f"{path.parent} holds a classification of other particles or with other parameters "
        f"(iteration {found.state.iteration} of {found.target})",
        hint="Choose another --out, or begin anew in this one (--restart)",
        path=str(path.parent),
    )


def _first(
    run: Run,
    images: StackImages,
    earlier: Checkpoint | None,
    references: torch.Tensor | None,
    identity: str,
    params: Classify2dParams,
    complete: bool,
    progress: Progress,
) -> Checkpoint:
    """The checkpoint before the first iteration of this run."""
    keys = particle_keys(run.table)
    if earlier is not None:
        continued = _continued(run, images, earlier, keys, progress)
        checkpoint = replace(continued, identity=identity)
        if params.continue_from is not None:
            return replace(checkpoint, target=checkpoint.state.iteration + params.cycles)
        if not complete:
            return replace(checkpoint, target=checkpoint.state.iteration + params.update_cycles)
        # All have come: the resolution rises once more from the start, with the classes as references.
        before = checkpoint.before + checkpoint.state.iteration
        anew = replace(checkpoint.state, iteration=0, moments=np.zeros(0, np.float32))
        return replace(checkpoint, state=anew, before=before, target=params.cycles)
    rows = np.setdiff1d(np.arange(len(run.table)), images.unusable(progress))
    if len(rows) < max(1, run.settings.n_classes):
        raise DataError(
            f"{len(rows)} of {len(run.table)} images are finite and not constant: too few for "
            f"{run.settings.n_classes} classes",
            hint="Look at the stacks; extract the particles anew",
        )
    groups, labels = noise_groups(run.table, rows, np.zeros(0, np.int64))
    state = _started(run.settings, replace(images.take(rows), groups=groups), references)
    lineage = identity[:16]
    return Checkpoint(state, identity, lineage, params.cycles, 0, keys, rows, labels)


def _started(settings: Settings, images: StackImages, references: torch.Tensor | None) -> State:
    from vitreous.algorithms.classify2d.loop import start

    try:
        return start(settings, images, references)
    finally:
        images.close()


def _continued(run: Run, images: StackImages, earlier: Checkpoint, keys: np.ndarray, progress: Progress) -> Checkpoint:
    """The earlier state with the particles of now: those that left are gone, new ones stand behind the others.

    Raises:
        DataError: the earlier averages have another box.
    """
    from vitreous.algorithms.classify2d.state import extended

    box = int(earlier.state.averages.shape[1])
    if box != run.geometry.box:
        raise DataError(
            f"the earlier classes have boxes of {box} px, and the particles {run.geometry.box} px",
            hint="Give them as references (--references classes.mrcs)",
        )
    place = {key: row for row, key in enumerate(keys.tolist())}
    rows = np.array([place.get(key, -1) for key in earlier.keys[earlier.rows].tolist()], dtype=np.int64)
    state = replace(earlier.state, **{name: getattr(earlier.state, name)[rows >= 0] for name in _PER_IMAGE})
    known = np.isin(keys, earlier.keys)
    unseen = np.flatnonzero(~known)
    new = unseen if not len(unseen) else np.delete(unseen, images.take(unseen).unusable(progress))
    state = extended(state, len(new))
    rows = np.concatenate((rows[rows >= 0], new))
    _, labels = noise_groups(run.table, rows, earlier.labels)
    return replace(earlier, state=_with_groups(state, len(labels)), keys=keys, rows=rows, labels=labels)


def _with_groups(state: State, n_groups: int) -> State:
    """The state with noise for new groups: the mean of the others'."""
    more = n_groups - len(state.noise)
    if more <= 0:
        return state
    return replace(state, noise=np.concatenate((state.noise, np.repeat(state.noise.mean(0, keepdims=True), more, 0))))


def _left_out(table: ParticleTable, rows: np.ndarray) -> tuple[str, ...]:
    out = np.setdiff1d(np.arange(len(table)), rows)
    if not len(out):
        return ()
    return (f"left out: {rows_text(out, len(table))}, whose images are not finite or have one value only",)


def _blank(run: Run, checkpoint: Checkpoint) -> tuple[str, ...]:
    """What is said of images that no iteration took."""
    out = checkpoint.rows[checkpoint.state.classes < 0]
    if not (run.settings.exclude_blank_edges and len(out)):
        return ()
    return (f"left out: {rows_text(np.sort(out), len(run.table))}, whose edges are blank",)
