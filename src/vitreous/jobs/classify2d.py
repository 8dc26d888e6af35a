"""The job type that sorts particles into 2D classes and averages each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vitreous.core.errors import Cancelled, DataError, UsageError
from vitreous.core.progress import Progress
from vitreous.jobs.classify2d_params import Classify2dParams
from vitreous.workflow.job_type import GrowingRunner, ItemInput, JobType, Result, Runner, SetWork, Slot

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable

BATCH = 50
"""Images (exposures) that are waited for before the classes are brought up to date."""


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


def one_table(params: Classify2dParams, paths: list[Path]) -> list[Path]:
    """The one particle table that was given.

    Raises:
        UsageError: several.
    """
    if len(paths) > 1:
        raise UsageError(
            f"{len(paths)} particle tables are given, and one is classified at a time",
            hint="Join them into one table first (relion_star_handler --combine), or run one after the other",
        )
    return paths


def read_particles(path: Path) -> ParticleTable:
    """A particle table, STAR or Parquet by its name, with image stacks where they lie."""
    if path.suffix.lower() == ".parquet":
        from vitreous.formats.particle_parquet import read_particle_parquet

        return read_particle_parquet(path)
    from vitreous.formats.particle_star import read_particle_star

    return read_particle_star(path)


def particles_of(items: Sequence[ItemInput]) -> ParticleTable:
    """The particles of the set's members: of a set that they share, else of each.

    Of a shared set only the particles on the members' micrographs are taken.

    Raises:
        UsageError: no member has particles.
    """
    import numpy as np

    from vitreous.model.particles import joined

    shared = {item.slots["particle_set"].file for item in items if "particle_set" in item.slots}
    own = [item.slots["particles"] for item in items if "particle_set" not in item.slots and "particles" in item.slots]
    # The slot's main file is the stack; the table beside it names its images.
    paths = sorted(file for file in shared if file is not None) + [str(slot.files["table"]) for slot in own]
    if not paths:
        raise UsageError("no member of the set has particles", hint="Connect the job behind an extraction")
    missing = [path for path in paths if not Path(path).is_file()]
    if missing:
        raise DataError(f"{missing[0]} is not there", hint="Bring it back, or trash the item", path=missing[0])
    table = joined([read_particles(Path(path)) for path in paths])
    if shared and "micrograph" in table:
        names = {item.name for item in items}
        of_members = np.array([name in names for name in table["micrograph"].tolist()], dtype=bool)
        table = table.take(of_members) if of_members.any() else table
    return table


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
