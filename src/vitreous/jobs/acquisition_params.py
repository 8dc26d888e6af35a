"""The acquisition settings that every job type on images takes, and where their values come from."""

from __future__ import annotations

from pathlib import Path

from vitreous.model.acquisition import Acquisition, first_known, read_settings
from vitreous.workflow.job_type import Params, parameter

_GROUP = "Acquisition"


class AcquisitionParams(Params):
    """Settings of the recording; what is not given comes from the settings file, then from the file's header."""

    settings: Path | None = parameter(None, help="TOML file with acquisition settings", group=_GROUP)
    pixel_size: float | None = parameter(
        None, help="pixel size of the images as recorded", unit="Å", gt=0.01, lt=1000, group=_GROUP, inherits=True
    )
    voltage: float | None = parameter(
        None, help="acceleration voltage", unit="kV", ge=10, le=3000, group=_GROUP, inherits=True
    )
    spherical_aberration: float | None = parameter(
        None, help="spherical aberration of the objective lens", unit="mm", ge=0, le=20, group=_GROUP, inherits=True
    )
    amplitude_contrast: float | None = parameter(
        None, help="amplitude contrast (0.07 unless known)", unit="fraction", ge=0, le=1, group=_GROUP, inherits=True
    )
    dose_per_frame: float | None = parameter(
        None, help="exposure of one frame at the specimen", unit="e/Å²", ge=0, le=1000, group=_GROUP, inherits=True
    )
    frame_doses: tuple[float, ...] | None = parameter(
        None,
        help="exposure of each frame, comma-separated; wins over the dose per frame",
        unit="e/Å²",
        group=_GROUP,
        inherits=True,
    )
    pre_exposure: float | None = parameter(
        None, help="exposure before the first frame (0 unless known)", unit="e/Å²", ge=0, group=_GROUP, inherits=True
    )


def given_acquisition(params: AcquisitionParams) -> Acquisition:
    """What the user said: the parameters, then the settings file."""
    given = Acquisition(**params.model_dump(include=set(Acquisition.model_fields)))
    return given if params.settings is None else first_known(given, read_settings(params.settings))
