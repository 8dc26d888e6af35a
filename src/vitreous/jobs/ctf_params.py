"""What may be chosen of the CTF estimation."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from vitreous.jobs.acquisition_params import AcquisitionParams
from vitreous.workflow.job_type import parameter

_SPECTRUM, _SEARCH, _ASTIGMATISM, _PHASE = "Spectrum", "Search", "Astigmatism", "Phase shift"
_TILT = "Tilt"


class CtfParams(AcquisitionParams):
    """What may be chosen of the CTF estimation."""

    frames_to_average: int | None = parameter(
        None,
        help="frames of a movie in each average; Thon rings are best at 4-5 e/Å² (that many where the dose is known, "
        "else 3)",
        unit="frames",
        level="advanced",
        group=_SPECTRUM,
        ge=1,
    )
    box: int = parameter(512, help="side of the spectrum", unit="px", level="advanced", group=_SPECTRUM, ge=64, le=4096)
    resample_to: float = parameter(
        1.4,
        help="pixel size of the spectrum where the image's is finer; 0 keeps the image's",
        unit="Å",
        level="advanced",
        group=_SPECTRUM,
        ge=0,
        le=100,
    )
    min_resolution: float = parameter(
        30.0, help="lowest resolution searched", unit="Å", level="advanced", group=_SEARCH, gt=0
    )
    max_resolution: float = parameter(
        5.0, help="highest resolution searched", unit="Å", level="advanced", group=_SEARCH, gt=0
    )
    min_defocus: float = parameter(5000.0, help="smallest defocus searched", unit="Å", group=_SEARCH)
    max_defocus: float = parameter(50000.0, help="largest defocus searched", unit="Å", group=_SEARCH)
    defocus_step: float = parameter(
        100.0, help="step of the defocus search", unit="Å", level="advanced", group=_SEARCH, gt=0
    )
    exhaustive: bool = parameter(
        False,
        help="search any astigmatism, up to half of the largest defocus (slower)",
        level="advanced",
        group=_SEARCH,
    )
    extend: bool = parameter(
        True,
        help="refine at last with all Thon rings that are seen, beyond the highest resolution searched",
        level="advanced",
        group=_SEARCH,
    )
    restrain_astigmatism: bool = parameter(
        False, help="hold the defocus difference near zero", level="advanced", group=_ASTIGMATISM
    )
    tolerated_astigmatism: float = parameter(
        500.0,
        help="defocus difference that a restraint tolerates; negative: no restraint",
        unit="Å",
        level="advanced",
        group=_ASTIGMATISM,
    )
    find_phase_shift: bool = parameter(False, help="find the phase shift of a phase plate", group=_PHASE)
    min_phase_shift: float = parameter(
        0.0, help="smallest phase shift searched", unit="degrees", level="advanced", group=_PHASE
    )
    max_phase_shift: float = parameter(
        180.0, help="largest phase shift searched", unit="degrees", level="advanced", group=_PHASE
    )
    phase_shift_step: float = parameter(
        10.0, help="step of the phase shift search", unit="degrees", level="advanced", group=_PHASE, gt=0
    )
    find_tilt: bool = parameter(
        False, help="find the tilt of the specimen and take it into account (tilt series, tilted grids)", group=_TILT
    )
    tilt_angle: float | None = parameter(
        None,
        help="known tilt of the specimen, to be taken into account; positive where defocus grows along +x for an axis "
        "along +y",
        unit="degrees",
        level="advanced",
        group=_TILT,
        ge=-75,
        le=75,
    )
    tilt_axis_angle: float = parameter(
        0.0, help="axis of the known tilt, from +y, counter-clockwise", unit="degrees", level="advanced", group=_TILT
    )
    device: Literal["cpu", "cuda"] = parameter("cpu", help="where to compute", level="advanced", machine=True)

    @model_validator(mode="after")
    def _even_box(self) -> CtfParams:
        if self.box % 2:
            raise ValueError(f"box of {self.box} px is odd: give an even number, such as 512")
        return self
