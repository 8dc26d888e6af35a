"""The job type that judges the settings of a session by its first movies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vitreous.core.errors import UsageError
from vitreous.core.plain import to_json
from vitreous.core.progress import Progress
from vitreous.jobs.acquisition_params import AcquisitionParams, given_acquisition
from vitreous.workflow.job_type import ItemInput, JobType, Result, SetRunner, Slot, no_command, parameter

if TYPE_CHECKING:
    from vitreous.acquisition.preflight_report import Finding

_CAMERA = "Camera"


class PreflightParams(AcquisitionParams):
    """What was said of the session, to be compared with what its movies show."""

    movies: int = parameter(5, help="movies that are looked at, the first that came", ge=1, le=10)
    gain: Path | None = parameter(None, help="gain reference", group=_CAMERA, inherits=True)
    gain_orientation: str = parameter(
        "auto", help="how the gain reference is said to lie on the frames", group=_CAMERA, inherits=True
    )
    gain_kind: Literal["auto", "multiplicative", "sensitivity"] = parameter(
        "auto", help="what the gain reference's values are said to mean", group=_CAMERA, inherits=True
    )
    n_frames: int | None = parameter(None, help="frames that a movie should have", unit="frames", group=_CAMERA, ge=1)
    counts_per_electron: float = parameter(
        1.0, help="counts that one electron gives", unit="counts/e", level="advanced", group=_CAMERA, gt=0
    )


def _on_set(params: PreflightParams) -> SetRunner:
    def run(items: list[ItemInput], out: Path, progress: Progress) -> Result:
        from vitreous.acquisition.preflight import check_movies
        from vitreous.acquisition.preflight_report import PreflightSettings
        from vitreous.formats.base import write_text

        given = given_acquisition(params)
        settings = PreflightSettings(
            gain=params.gain,
            gain_orientation=params.gain_orientation,
            gain_kind=params.gain_kind,
            pixel_size=given.pixel_size,
            dose_per_frame=given.dose_per_frame,
            frames=params.n_frames,
            counts_per_electron=params.counts_per_electron,
        )
        files = [item.slots["movie"].file for item in items[: params.movies]]
        movies = [Path(file) for file in files if file is not None]
        if not movies:
            raise UsageError("no movie has come to be checked", hint="Connect the check behind an import")
        report = check_movies(movies, settings, progress)
        findings = [vars(finding) for finding in report.findings]
        target = out / "preflight.json"
        record = {"movies": report.movies, "ok": report.ok, "findings": findings, "proposal": report.proposal}
        write_text(target, to_json(record) + "\n")
        return {"outputs": {"json": str(target)}, "warnings": [_told(f) for f in report.findings if f.ok is False]}

    return run


def _told(finding: Finding) -> str:
    """A finding with what would mend it."""
    proposal = ", ".join(f"{name} = {value}" for name, value in finding.proposal.items())
    return finding.message + (f"; set {proposal}" if proposal else "")


JOB = JobType(
    name="preflight",
    title="Check the first movies",
    summary="Judge gain reference, frames, dose and pixel size by the first movies, and propose what would mend them.",
    params=PreflightParams,
    start=no_command,
    items="MOVIE",
    example="vitreous add preflight --input J2",
    columns={},
    category="Import",
    order=15,
    scope="set",
    needs=("movie",),
    gives=(Slot("preflight", file="json"),),
    methods="The gain reference's orientation and the dose were checked on the first movies.",
    on_set=_on_set,
    batch=3,
)
