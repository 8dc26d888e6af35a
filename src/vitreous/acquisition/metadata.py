"""What is known of a movie before it is processed: from its name, its header, and the mdoc or XML beside it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from vitreous.acquisition.names import NameFacts
from vitreous.core.errors import DataError
from vitreous.formats.base import ImageHeader
from vitreous.formats.mdoc import read_mdoc
from vitreous.formats.side_record import Sidecar
from vitreous.formats.side_text import read_bounded
from vitreous.formats.sidecar import sidecar_acquisition, sidecar_candidates

GAIN_BESIDE = (".gain",)
TIME_FORMS = ("%d-%b-%y %H:%M:%S", "%d-%b-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S")
XML_TIME = re.compile(rb"<(?:\w+:)?acquisitionDateTime>\s*(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)[^<Z+]*(Z|[+-]\d\d:\d\d)?")
MAX_XML = 4 << 20


@dataclass(frozen=True)
class Description:
    """What is known of a movie.

    Attributes:
        values: by name; what is not known is absent. ``specimen``, ``hole``, ``square``, ``shift_group`` are texts,
            ``tilt_angle`` degrees, ``pixel_size`` Å, ``voltage`` kV, ``dose_per_frame``, ``total_dose`` and
            ``pre_exposure`` e/Å², ``exposure_time`` s, ``target_defocus`` and ``stage_defocus`` Å, stage in µm, shifts
            in the microscope's units.
        recorded: s since 1970; times without a zone are taken to be of this computer's zone.
        warnings: for people.
        stated_frames: frames that the side file states.
        shift: beam shift, else image shift, x and y in the microscope's units.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    recorded: float | None = None
    warnings: tuple[str, ...] = ()
    stated_frames: int | None = None
    shift: tuple[float, float] | None = None


def sides_of(movie: Path) -> tuple[Path, ...]:
    """Paths at which files that belong to a movie alone may be."""
    return (*sidecar_candidates(movie), *(movie.with_suffix(ending) for ending in GAIN_BESIDE))


def describe(movie: Path, header: ImageHeader, name: NameFacts) -> Description:
    """Join what name, side file and header say; a side file that can't be read is a warning.

    The user's name pattern wins over the side file for the tilt angle; for what both state otherwise, the side file.
    """
    warnings = [*name.warnings, *header.warnings]
    try:
        sidecar = sidecar_acquisition(movie)
    except DataError as error:
        warnings.append(f"the file beside it is not used: {error.message}")
        sidecar = None
    values = {key: value for key, value in name.values.items() if key not in ("date", "time", "number")}
    values |= {key: value for key, value in _of_header(header).items() if value is not None}
    recorded = None
    if sidecar is not None:
        warnings.extend(sidecar.warnings)
        stated = {key: value for key, value in _of_sidecar(sidecar, header).items() if value is not None}
        values = {**values, **stated, **{key: name.values[key] for key in ("tilt_angle",) if key in name.values}}
        recorded = _recorded(sidecar)
        warnings.extend(_disagreements(sidecar, header, name))
    if recorded is None:
        recorded = _time_of_name(name.values)
    if "dose_per_frame" in values:
        values.setdefault("total_dose", values["dose_per_frame"] * header.n_frames)
    values |= {"frames": header.n_frames, "height": header.shape[0], "width": header.shape[1]}
    if sidecar is None:
        return Description(values, recorded, tuple(dict.fromkeys(warnings)))
    return Description(
        values,
        recorded,
        tuple(dict.fromkeys(warnings)),
        # Of EER the reader sums frames as it likes, so that their number says nothing.
        stated_frames=None if header.format == "eer" else sidecar.n_frames,
        shift=sidecar.beam_shift or sidecar.image_shift,
    )


def _of_header(header: ImageHeader) -> dict[str, Any]:
    about = header.acquisition
    return {
        "pixel_size": about.pixel_size,
        "voltage": about.voltage,
        "dose_per_frame": about.dose_per_frame,
        "tilt_angle": header.tilt_angle,
    }


def _of_sidecar(sidecar: Sidecar, header: ImageHeader) -> dict[str, Any]:
    about = sidecar.acquisition
    doses = about.frame_doses if about.frame_doses is not None and len(about.frame_doses) == header.n_frames else None
    dose = about.dose_per_frame
    if doses is None and sidecar.total_dose is not None and (dose is None or header.format == "eer"):
        dose = sidecar.total_dose / header.n_frames
    beam, image, stage = sidecar.beam_shift, sidecar.image_shift, sidecar.stage_position
    return {
        "pixel_size": sidecar.pixel_size_of_frames(header.shape),
        "voltage": about.voltage,
        "dose_per_frame": dose if doses is None else None,
        "frame_doses": None if doses is None else list(doses),
        "pre_exposure": about.pre_exposure,
        "total_dose": sidecar.total_dose,
        "exposure_time": sidecar.exposure_time,
        "tilt_angle": sidecar.tilt_angle,
        "tilt_axis_angle": sidecar.tilt_axis_angle,
        "magnification": sidecar.magnification,
        "target_defocus": sidecar.target_defocus,
        "stage_defocus": sidecar.stage_defocus,
        "beam_shift_x": None if beam is None else beam[0],
        "beam_shift_y": None if beam is None else beam[1],
        "image_shift_x": None if image is None else image[0],
        "image_shift_y": None if image is None else image[1],
        "stage_x": None if stage is None else stage[0],
        "stage_y": None if stage is None else stage[1],
        "stage_z": None if stage is None else stage[2],
        "camera": sidecar.camera,
        "gain_reference": sidecar.gain_reference,
        "defect_file": sidecar.defect_file,
    }


def _disagreements(sidecar: Sidecar, header: ImageHeader, name: NameFacts) -> list[str]:
    """What two sources state differently, said with both values."""
    found = []
    beside, own = sidecar.pixel_size_of_frames(header.shape), header.acquisition.pixel_size
    if beside is not None and own is not None and abs(beside - own) > 0.02 * own:
        found.append(f"pixel size is {own:.4g} Å in the movie and {beside:.4g} Å in {sidecar.path.name}: the latter")
    tilt = name.values.get("tilt_angle")
    if tilt is not None and sidecar.tilt_angle is not None and abs(tilt - sidecar.tilt_angle) > 1.0:
        found.append(f"tilt is {tilt:g}° by the name and {sidecar.tilt_angle:.2f}° in {sidecar.path.name}: the former")
    if sidecar.n_frames is not None and header.format != "eer" and sidecar.n_frames != header.n_frames:
        found.append(f"{sidecar.path.name} states {sidecar.n_frames} frames, and the movie has {header.n_frames}")
    return found


def _recorded(sidecar: Sidecar) -> float | None:
    """When the side file says the movie was recorded, s since 1970."""
    if sidecar.kind == "epu":
        match = XML_TIME.search(read_bounded(sidecar.path, MAX_XML))
        if match is None:
            return None
        zone = (match[2] or b"").decode().replace("Z", "+00:00")
        return _timestamp(lambda: datetime.fromisoformat(match[1].decode() + zone).timestamp())
    told = sidecar.metadata.get("DateTime")
    if told is None:
        return None
    text = " ".join(told.split())
    for form in TIME_FORMS:
        seconds = _timestamp(lambda form=form: datetime.strptime(text, form).timestamp())
        if seconds is not None:
            return seconds
    return None


def _time_of_name(values: Mapping[str, Any]) -> float | None:
    date, clock = values.get("date"), values.get("time")
    if date is None or clock is None:
        return None
    form = "%Y%m%d %H%M%S" if len(date) == 8 else "%y%m%d %H%M%S"
    return _timestamp(lambda: time.mktime(time.strptime(f"{date} {clock}", form)))


def _timestamp(read: Any) -> float | None:
    try:
        return float(read())
    except (ValueError, OverflowError, OSError):
        return None


def belongs_to_movie_alone(side: Path, movie: Path) -> bool:
    """Whether a side file tells of this movie only; an mdoc of a whole series must stay for the others."""
    if side.suffix.lower() != ".mdoc":
        return True
    try:
        mdoc = read_mdoc(side)
    except DataError:
        return False
    return len(mdoc.sections) <= 1
