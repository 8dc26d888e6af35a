"""The job type that sorts particles into 2D classes and averages each."""

from __future__ import annotations

from pathlib import Path

from vitreous.core.errors import Cancelled
from vitreous.core.progress import Progress
from vitreous.jobs.classify2d_params import Classify2dParams
from vitreous.jobs.particle_sets import BATCH, one_table, particles_of, read_particles
from vitreous.workflow.job_type import GrowingRunner, ItemInput, JobType, Result, Runner, SetWork, Slot


def _start(params: Classify2dParams) -> Runner:
    from vitreous.jobs.device import check_device

    check_device(params.device)

    def run(path: Path, out: Path, progress: Progress) -> Result:
        from vitreous.jobs.classify2d_run import classify

        work = SetWork(out=out, scratch=out)
        try:
            return classify(read_particles(path), params, work, progress, root=None)
        except (KeyboardInterrupt, Cancelled):
            raise stopped(out) from None

    return run


def stopped(out: Path) -> Cancelled:
    """What is said of a run that was stopped by hand: how far it is, and how it goes on."""
    from vitreous.formats.class_model import read_class_model

    model = out / "model.json"
    if not model.is_file():
        return Cancelled("stopped before the first iteration", hint="Run the same command again")
    found = read_class_model(model)
    return Cancelled(
        f"stopped after iteration {found.iteration} of {found.iterations}; {out} holds the classes so far",
        hint="Run the same command again: it goes on from there",
        iteration=found.iteration,
    )


def _on_growing_set(params: Classify2dParams) -> GrowingRunner:
    def run(items: list[ItemInput], work: SetWork, progress: Progress) -> Result:
        from vitreous.jobs.classify2d_run import classify

        return classify(particles_of(items), params, work, progress, root=Path.cwd())

    return run


JOB = JobType(
    name="classify2d",
    title="2D classification",
    summary="Sort particles into classes by maximum likelihood and average each class over all rotations and shifts.",
    params=Classify2dParams,
    start=_start,
    items="PARTICLES",
    example="vitreous classify2d particles.star --classes 20 --diameter 180 --out classes",
    columns={
        "n_used": ("particles", ",d"),
        "n_classes": ("classes", "d"),
        "classes_alive": ("alive", "d"),
        "classes_suggested": ("good", "d"),
        "best_resolution": ("best / Å", ".1f"),
        "iterations": ("iterations", "d"),
    },
    citations=(
        "Sigworth 1998, J. Struct. Biol. 122:328 (maximum likelihood)",
        "Scheres et al. 2005, J. Mol. Biol. 348:139 (classes by maximum likelihood)",
        "Scheres 2012, J. Struct. Biol. 180:519 (regularised averages)",
    ),
    category="Particles",
    order=50,
    modes=("single-particle",),
    scope="set",
    needs=("particle_set|particles",),
    gives=(
        Slot("classes2d", file="classes", files=("model", "star", "png", "state"), tables={"particles2d": "table2d"}),
        Slot("particle_set", file="table"),
    ),
    methods="Particles were sorted into[classes: {classes}] 2D classes by maximum likelihood "
    "in at most {cycles} iterations at up to {finish_resolution} Å.",
    on_growing_set=_on_growing_set,
    expand=one_table,
    batch=BATCH,
)
