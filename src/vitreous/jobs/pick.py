"""The job type that finds particles in micrographs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vitreous.core.errors import DataError, UsageError
from vitreous.core.progress import Progress
from vitreous.jobs.pick_params import PickParams
from vitreous.jobs.pick_sources import listed_micrographs, optics_of, rows_by_name
from vitreous.workflow.job_type import ItemInput, ItemRunner, JobType, Result, Runner, Slot


def _check(params: PickParams) -> None:
    """Refuse what can't work before the first micrograph is read."""
    from vitreous.jobs.device import check_device
    from vitreous.jobs.pick_run import check_templates, settings_of

    if params.diameter is None:
        raise UsageError("the particle's diameter is not known", hint="Give --diameter, in Å", parameter="diameter")
    settings_of(params)
    check_templates(params)
    if params.device != "cpu":
        check_device(params.device)


def _start(params: PickParams) -> Runner:
    _check(params)
    rows = rows_by_name(params)

    def run(path: Path, out: Path, progress: Progress) -> Result:
        from vitreous.jobs.pick_run import pick_micrograph, read_header

        optics = optics_of(path, params, rows, read_header(path))
        return pick_micrograph(path, path.stem, optics, params, out, progress)

    return run


def _on_item(params: PickParams) -> ItemRunner:
    """The function for one exposure of a project; pixel size and CTF are inherited from its slots."""
    _check(params)

    def run(item: ItemInput, out: Path, progress: Progress) -> Result:
        from vitreous.jobs.pick_run import pick_micrograph, read_header

        file = item.slots["micrograph"].file if "micrograph" in item.slots else None
        if file is None:
            raise UsageError(
                f"{item.name} has no micrograph", hint="Connect picking behind a job that gives one", item=item.name
            )
        path = Path(file)
        if not path.exists():
            raise DataError(f"{file} is not there", hint="Bring it back, or trash the item", path=file)
        optics = optics_of(path, params, {}, read_header(path))
        return pick_micrograph(path, item.name, optics, params, out, progress)

    return run


def _finish(params: PickParams, results: list[Result], out: Path) -> Mapping[str, str]:
    from vitreous.jobs.pick_run import join_picks

    return join_picks(results, out)


JOB = JobType(
    name="pick",
    title="Pick particles",
    summary="Find particles in micrographs by soft discs, Laplacian of Gaussian or templates, with a score for each.",
    params=PickParams,
    start=_start,
    items="MICROGRAPH",
    example="vitreous pick micrographs/*.mrc --diameter 150 --micrographs micrographs_ctf.star --out picks",
    columns={
        "picks_found": ("picks", "d"),
        "candidates": ("candidates", "d"),
        "pick_score_median": ("median score / σ", ".1f"),
        "masked_fraction": ("avoided", ".0%"),
        "ctf_from": ("CTF from", ""),
    },
    citations=(
        "Sigworth 2004, J. Struct. Biol. 145:111 (whitened matched filter, threshold in standard deviations)",
        "Grant, Rohou & Grigorieff 2018, eLife 7:e35383 (cisTEM: ab-initio picking with a soft disc)",
        "Voss et al. 2009, J. Struct. Biol. 166:205 (picking by scale-space blobs)",
        "Halko, Martinsson & Tropp 2011, SIAM Rev. 53:217 (the templates' basis)",
    ),
    category="Particles",
    order=50,
    modes=("single-particle", "tomography"),
    needs=("micrograph", "ctf|micrograph"),
    gives=(
        Slot(
            "picks",
            file="picks",
            files=("star", "json", "png"),
            columns={
                "picks_found": "picks_found",
                "pick_score_median": "pick_score_median",
                "pick_threshold": "pick_threshold",
                "masked_fraction": "masked_fraction",
            },
            tables={"picks": "picks"},
        ),
    ),
    methods="Particles of {diameter} Å were picked with the method {method} above a score of {threshold} σ.",
    on_item=_on_item,
    expand=listed_micrographs,
    finish=_finish,
)
