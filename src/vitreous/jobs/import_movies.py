"""The job type that brings movies from the microscope into a project, as they are recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitreous.acquisition.import_params import ImportParams
from vitreous.model.columns import slot_columns
from vitreous.workflow.job_type import JobType, Slot, no_command

STATED = {
    "pixel_size": "movie_pixel_size",
    "voltage": "movie_voltage",
    "dose_per_frame": "movie_dose_per_frame",
    "pre_exposure": "movie_pre_exposure",
    "total_dose": "movie_total_dose",
    "frames": "movie_frames",
    "width": "movie_width",
    "height": "movie_height",
    "tilt_angle": "stage_tilt",
    "tilt_axis_angle": "stage_tilt_axis",
}
"""What names and side files say → its column, where that has another name: later jobs give a value of their own."""


def movie_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of the slot ``movie`` from what an import found out; what no column holds is left away."""
    known = {column.name for column in slot_columns("movie")}
    named = {STATED.get(name, name): value for name, value in values.items()}
    return {name: value for name, value in named.items() if name in known}


JOB = JobType(
    name="import",
    title="Import movies",
    summary="Watch the camera's folders and bring every movie into the project once it is whole.",
    params=ImportParams,
    start=no_command,
    items="FOLDER",
    example="vitreous watch /camera/grid3 --project session1 --pattern '*.tif' --transfer copy",
    columns={},
    category="Import",
    order=10,
    scope="source",
    gives=(Slot("movie", columns={column.name: column.name for column in slot_columns("movie")}),),
    methods="Movies were imported as they were recorded.",
)
