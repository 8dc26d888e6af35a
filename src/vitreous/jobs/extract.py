"""The job type that cuts particles out of micrographs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.core.optics import Ctf, Microscope
from vitreous.core.progress import Progress
from vitreous.jobs.device import check_device
from vitreous.jobs.extract_joined import join_particles, parts_folder
from vitreous.jobs.extract_params import ExtractParams
from vitreous.jobs.extract_sources import (
    completed,
    known_micrographs,
    listed_micrographs,
    read_book,
    rows_by_name,
    unknown_micrograph,
)
from vitreous.workflow.job_type import ItemInput, ItemRunner, JobType, Result, Runner, Slot

if TYPE_CHECKING:
    from vitreous.jobs.extract_run import Micrograph
    from vitreous.model.particles import ParticleTable


def _start(params: ExtractParams) -> Runner:
    """The function for one micrograph on the command line; picks and the table of micrographs are read once."""
    book_file = params.picks or params.particles
    if book_file is None:
        raise UsageError("no particles are given", hint="Give --picks, or --particles of an earlier extraction")
    _check(params)
    book, known = read_book(book_file), known_micrographs(params)
    with_ctf = any(micrograph.ctf is not None for micrograph in known.values())

    def run(path: Path, out: Path, progress: Progress) -> Result:
        from vitreous.jobs.extract_run import extract_micrograph

        micrograph = known.get(path) or unknown_micrograph(path)
        picks = book.of(micrograph.name)
        if picks is None:
            return _without_picks(path)
        micrograph = completed(micrograph, picks, params)
        if with_ctf and micrograph.ctf is None:
            raise DataError(
                f"{path}: no CTF is stated for this micrograph, and for others there is",
                hint="Estimate it, or leave the micrograph out",
                path=str(path),
            )
        result = extract_micrograph(micrograph, picks, params, parts_folder(params, out), progress)
        # What waits for being joined is no output.
        return result if params.per_micrograph else {**result, "outputs": {}}

    return run


def _check(params: ExtractParams) -> None:
    """Refuse what can't be computed before the first micrograph."""
    check_device(params.device)
    if params.box is None and params.box_width is None and params.diameter is None:
        raise UsageError(
            "the size of the box is not known", hint="Give --box in pixels of the micrograph, or --diameter in Å"
        )


def _without_picks(path: Path) -> Result:
    return {
        "input": str(path),
        "outputs": {},
        "picks": 0,
        "particles_extracted": 0,
        "warnings": ["no picks name this micrograph"],
    }


def _on_item(params: ExtractParams) -> ItemRunner:
    """The function for one exposure of a project: its slots say where micrograph, particles and CTF are."""
    _check(params)

    @lru_cache(maxsize=1)
    def particle_set(file: str, changed: float) -> tuple[ParticleTable, dict[str, np.ndarray]]:
        # One set belongs to all its members: read once, not for each of them.
        from vitreous.formats.particle_parquet import read_particle_parquet

        table = read_particle_parquet(Path(file))
        return table, rows_by_name(table["micrograph"]) if len(table) else {}

    def particles_of(item: ItemInput) -> ParticleTable:
        from vitreous.formats.particle_parquet import read_particle_parquet

        if "particle_set" in item.slots:
            file = slot_file(item, "particle_set")
            table, rows = particle_set(file, Path(file).stat().st_mtime)
            return table.take(rows.get(item.name, np.zeros(0, np.int64)))
        return read_particle_parquet(Path(slot_file(item, "picks")))

    def run(item: ItemInput, out: Path, progress: Progress) -> Result:
        from vitreous.jobs.extract_run import extract_micrograph

        picks = particles_of(item)
        micrograph = completed(_micrograph_of(item, params), picks, params)
        return extract_micrograph(micrograph, picks, params, out, progress)

    return run


def slot_file(item: ItemInput, slot: str) -> str:
    """The main file of a slot, which must be there."""
    file = item.slots[slot].file if slot in item.slots else None
    if file is None:
        raise UsageError(
            f"{item.name} has no {slot.replace('_', ' ')}",
            hint="Connect the extraction behind a job that gives one",
            item=item.name,
        )
    if not Path(file).exists():
        raise DataError(f"{file} is not there", hint="Bring it back, or trash the item", path=file)
    return file


def _micrograph_of(item: ItemInput, params: ExtractParams) -> Micrograph:
    """What the slots of an exposure say of its micrograph."""
    from vitreous.jobs.extract_run import Micrograph

    file = slot_file(item, "micrograph")
    slot = item.slots["micrograph"]
    filtered = slot.files.get("sum_dw")
    if params.dose_weighted and filtered is not None and Path(filtered).exists():
        file = filtered
    contrast = 0.07 if params.amplitude_contrast is None else params.amplitude_contrast
    microscope = None
    if params.voltage is not None and params.spherical_aberration is not None:
        microscope = Microscope(params.voltage, params.spherical_aberration, contrast)
    group = item.values.get("shift_group")
    number = int(group) if isinstance(group, str) and group.isdigit() and int(group) > 0 else 1
    return Micrograph(
        item.name,
        Path(file),
        file,
        slot.values.get("pixel_size"),
        microscope,
        _ctf_of(item),
        number,
        None if group is None else f"opticsGroup_{group}",
    )


def _ctf_of(item: ItemInput) -> Ctf | None:
    values = item.slots["ctf"].values if "ctf" in item.slots else {}
    u, v = values.get("defocus_u"), values.get("defocus_v")
    if u is None or v is None:
        return None
    return Ctf(u, v, values.get("astigmatism_angle") or 0.0, values.get("phase_shift") or 0.0)


JOB = JobType(
    name="extract",
    title="Extract particles",
    summary="Cut picked particles out of micrographs: box, pixel size, contrast and background as they are to be.",
    params=ExtractParams,
    start=_start,
    items="MICROGRAPH",
    example="vitreous extract --micrographs micrographs_ctf.star --picks picks.star --box 256 --pixel-size 2.6 "
    "--out extract",
    columns={
        "picks": ("picks", "d"),
        "particles_extracted": ("particles", "d"),
        "over_edge": ("at the edge", "d"),
        "box": ("box / px", "d"),
        "image_size": ("image / px", "d"),
        "pixel_size": ("pixel / Å", ".4f"),
    },
    citations=("Scheres 2012, J. Struct. Biol. 180:519 (RELION: normalisation of particle images)",),
    category="Particles",
    order=60,
    modes=("single-particle", "tomography"),
    needs=("micrograph", "particle_set|picks", "ctf|micrograph"),
    gives=(
        Slot(
            "particles",
            file="stack",
            files=("table",),
            columns={"particles_extracted": "particles_extracted"},
            tables={"particles": "table"},
        ),
    ),
    methods="Particles were cut out[box: in boxes of {box} px][pixel_size: at {pixel_size} Å per pixel] and brought to "
    "a background of mean 0 and standard deviation 1.",
    on_item=_on_item,
    expand=listed_micrographs,
    finish=join_particles,
)
