"""The job type that writes particles for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vitreous.core.errors import UsageError
from vitreous.core.progress import Progress
from vitreous.workflow.graph import chosen_slot
from vitreous.workflow.job_type import ItemInput, JobType, Params, Result, Runner, SetRunner, Slot, parameter

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable

_SLOTS = "particle_set|particles"


class ExportParticlesParams(Params):
    """What is written."""

    format: Literal["relion", "cryosparc", "csv", "parquet"] = parameter(
        "relion", help="relion: STAR of 3.1 and later; cryosparc: .cs file; csv: all columns under our names"
    )
    relative_to: Path | None = parameter(
        None, help="folder that images are named relative to; the file's own unless given", level="advanced",
        machine=True,
    )  # fmt: skip
    check_images: bool = parameter(
        True, help="refuse particles whose images are missing or are not as the table says", level="advanced"
    )


def export(table: ParticleTable, params: ExportParticlesParams, out: Path, stem: str) -> Result:
    """Write particles; ``warnings`` say what the format has no place for.

    Raises:
        DataError: images are missing or not as the table says.
    """
    from vitreous.formats.coordinates import write_coordinates
    from vitreous.formats.cryosparc_particles import write_cryosparc_particles
    from vitreous.formats.particle_images import check_particle_images
    from vitreous.formats.particle_parquet import write_particle_parquet
    from vitreous.formats.particle_star import write_particle_star

    if params.check_images and "image_stack" in table:
        check_particle_images(table, one_size=False)
    suffix = {"relion": "star", "cryosparc": "cs", "csv": "csv", "parquet": "parquet"}[params.format]
    path, losses = out / f"{stem}.{suffix}", tuple[str, ...]()
    if params.format == "relion":
        losses = write_particle_star(path, table, image_root=params.relative_to)
    elif params.format == "cryosparc":
        losses = write_cryosparc_particles(path, table, root=params.relative_to)
    elif params.format == "csv":
        losses = write_coordinates(path, table, "csv")
    else:
        write_particle_parquet(path, table)
    return {"outputs": {"table": str(path)}, "particles_exported": len(table), "warnings": list(losses)}


def read_table(path: Path) -> ParticleTable:
    """Particles of a STAR, Parquet or .cs file.

    Raises:
        UsageError: another kind of file.
    """
    from vitreous.formats.cryosparc_particles import read_cryosparc_particles
    from vitreous.formats.particle_parquet import read_particle_parquet
    from vitreous.formats.particle_star import read_particle_star

    readers = {".star": read_particle_star, ".parquet": read_particle_parquet, ".cs": read_cryosparc_particles}
    if path.suffix.lower() not in readers:
        raise UsageError(f"{path}: no table of particles by its name", hint="Give a .star, .parquet or .cs file")
    return readers[path.suffix.lower()](path)


def _start(params: ExportParticlesParams) -> Runner:
    def run(path: Path, out: Path, progress: Progress) -> Result:
        from vitreous.jobs.pick_files import output_stem

        return export(read_table(path), params, out, output_stem(path, out))

    return run


def _on_set(params: ExportParticlesParams) -> SetRunner:
    def run(items: list[ItemInput], out: Path, progress: Progress) -> Result:
        from vitreous.model.particles import joined

        files: dict[str, None] = {}
        for item in items:
            slot = chosen_slot(_SLOTS, item.slots)
            value = None if slot is None else item.slots[slot]
            name = None if value is None else value.files.get("table", value.file)
            if name is not None:
                files[name] = None  # members of one set share its table
        if not files:
            raise UsageError("none of the items has particles", hint="Connect the job behind one that extracts them")
        tables = []
        for index, name in enumerate(files):
            progress(index / len(files), "read")
            tables.append(read_table(Path(name)))
        # The folder gets its final name only later, so images are named from the project.
        chosen = params.model_copy(update={"relative_to": params.relative_to or Path.cwd()})
        return export(joined(tables), chosen, out, "particles")

    return run


JOB = JobType(
    name="export-particles",
    title="Export particles",
    summary="Write particles as RELION, cryoSPARC or a plain table reads them, and say what is lost.",
    params=ExportParticlesParams,
    start=_start,
    items="PARTICLES",
    example="vitreous export-particles particles.star --format cryosparc --out export",
    columns={"particles_exported": ("particles", "d")},
    category="Particles",
    order=90,
    modes=("single-particle", "tomography"),
    scope="set",
    needs=(_SLOTS,),
    gives=(Slot("particle_export", file="table"),),
    methods="Particles were exported for {format}.",
    on_set=_on_set,
)
