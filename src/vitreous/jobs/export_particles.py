"""The job type that writes particles and coordinates for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vitreous.core.errors import UsageError
from vitreous.core.progress import Progress
from vitreous.jobs.export_files import (
    TABLES,
    centres,
    copied_stack,
    eman_box,
    read_table,
    shapes_of_micrographs,
    with_pixel_size,
)
from vitreous.workflow.graph import chosen_slot
from vitreous.workflow.job_type import ItemInput, JobType, Params, Result, Runner, SetRunner, Slot, parameter

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable

_SLOTS = "particle_set|particles|picks"
_COORDINATES = "Coordinates"


class ExportParticlesParams(Params):
    """What is written."""

    format: Literal["relion", "cryosparc", "cistem", "csv", "parquet", "relion-picks", "eman-box", "cistem-text"] = (
        parameter(
            "relion",
            help="particles: relion (STAR of 3.1 and later), cryosparc (.cs), cistem (STAR and one stack of dark "
            "particles), csv or parquet (all columns under our names); coordinates alone: relion-picks (a STAR for "
            "each micrograph and their list), eman-box, cistem-text, csv",
        )
    )
    images: Literal["named", "copied"] = parameter(
        "named", help="name the images where they lie, or copy them to one stack beside the table, to be taken away"
    )
    relative_to: Path | None = parameter(
        None, help="folder that images are named relative to; the file's own unless given", level="advanced",
        machine=True,
    )  # fmt: skip
    check_images: bool = parameter(
        True, help="refuse particles whose images are missing or are not as the table says", level="advanced"
    )
    box: int | None = parameter(
        None, help="side of the boxes in eman-box files; that of the particles' images unless given", unit="px",
        level="advanced", group=_COORDINATES, ge=2, le=65536,
    )  # fmt: skip
    pixel_size: float | None = parameter(
        None, help="pixel size of the micrographs, where the particles do not say it", unit="Å", level="advanced",
        group=_COORDINATES, gt=0.01, lt=1000,
    )  # fmt: skip


def export(table: ParticleTable, params: ExportParticlesParams, out: Path, stem: str) -> Result:
    """Write particles or coordinates; ``warnings`` say what the format has no place for.

    Raises:
        DataError: images are missing or not as the table says, or what the format needs is unknown.
        UsageError: the format needs a value that is neither in the table nor given.
    """
    table = with_pixel_size(table, params.pixel_size)
    if params.format in ("relion-picks", "eman-box", "cistem-text"):
        outputs, losses = _coordinates(table, params, out, stem)
    else:
        outputs, losses = _particles(table, params, out, stem)
    return {
        "outputs": {name: str(path) for name, path in outputs.items()},
        "particles_exported": len(table),
        "warnings": list(losses),
    }


def _particles(
    table: ParticleTable, params: ExportParticlesParams, out: Path, stem: str
) -> tuple[dict[str, Path], tuple[str, ...]]:
    from vitreous.formats.coordinates import write_coordinates
    from vitreous.formats.cryosparc_particles import write_cryosparc_particles
    from vitreous.formats.particle_cistem import write_cistem_particles
    from vitreous.formats.particle_images import check_particle_images
    from vitreous.formats.particle_parquet import write_particle_parquet
    from vitreous.formats.particle_star import write_particle_star

    if params.check_images and "image_stack" in table:
        check_particle_images(table, one_size=False)
    outputs, root = {"table": out / f"{stem}.{TABLES[params.format]}"}, params.relative_to
    copies = params.images == "copied" or params.format == "cistem"
    if copies and "image_stack" in table:
        outputs["stack"] = out / f"{stem}.mrcs"
        table = copied_stack(table, outputs["stack"], invert=params.format == "cistem")
        root = None
    path, losses = outputs["table"], tuple[str, ...]()
    if params.format == "relion":
        losses = write_particle_star(path, table, image_root=root)
    elif params.format == "cryosparc":
        losses = write_cryosparc_particles(path, table, shape=shapes_of_micrographs(table), root=root)
    elif params.format == "cistem":
        losses = write_cistem_particles(path, table)
    elif params.format == "csv":
        losses = write_coordinates(path, table, "csv")
    else:
        stack = outputs.get("stack")
        write_particle_parquet(path, table if stack is None else table.with_columns(image_stack=stack.name))
    return outputs, losses


def _coordinates(
    table: ParticleTable, params: ExportParticlesParams, out: Path, stem: str
) -> tuple[dict[str, Path], tuple[str, ...]]:
    from vitreous.formats.coordinates import write_coordinates
    from vitreous.formats.coordinates_folder import RELION_LIST, write_coordinate_folder

    box = eman_box(table, params.box) if params.format == "eman-box" else None
    table = centres(table)
    if params.format == "cistem-text":
        path = out / f"{stem}.txt"
        return {"table": path}, write_coordinates(path, table, "cistem-text")
    format: Literal["eman-box", "relion-star"] = "eman-box" if params.format == "eman-box" else "relion-star"
    files, losses = write_coordinate_folder(out, table, format, box=box)
    return {"table" if name == RELION_LIST else name: path for name, path in files.items()}, losses


def _start(params: ExportParticlesParams) -> Runner:
    def run(path: Path, out: Path, progress: Progress) -> Result:
        from vitreous.jobs.pick_files import kept_picks, output_stem

        result = export(kept_picks(read_table(path)), params, out, output_stem(path, out))
        return {"input": str(path), **result}

    return run


def _on_set(params: ExportParticlesParams) -> SetRunner:
    def run(items: list[ItemInput], out: Path, progress: Progress) -> Result:
        from vitreous.jobs.pick_files import kept_picks
        from vitreous.model.particles import joined

        files: dict[str, None] = {}
        for item in items:
            slot = chosen_slot(_SLOTS, item.slots)
            value = None if slot is None else item.slots[slot]
            name = None if value is None else value.files.get("table", value.file)
            if name is not None:
                files[name] = None  # members of one set share its table
        if not files:
            raise UsageError("none of the items has particles", hint="Connect the job behind one that finds them")
        tables = []
        for index, name in enumerate(files):
            progress(index / len(files), "read")
            tables.append(kept_picks(read_table(Path(name))))
        # The folder gets its final name only later, so images are named from the project.
        chosen = params.model_copy(update={"relative_to": params.relative_to or Path.cwd()})
        return export(joined(tables), chosen, out, "particles")

    return run


JOB = JobType(
    name="export-particles",
    title="Export particles",
    summary="Write particles or their coordinates as RELION, cryoSPARC, cisTEM or EMAN read them.",
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
