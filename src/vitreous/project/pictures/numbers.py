"""What is drawn of numbers: the drift of an image, and the curves of its fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.formats.image_faults import file_faults, image_fault
from vitreous.project.pictures.views import Facts, view_of


def _content(folder: Path, facts: Facts, name: str) -> dict[str, Any]:
    view = view_of(facts, name)
    if not view.available or view.file is None:
        raise UsageError(f"{facts.row['name']}: {view.reason}", hint="Wait for the job, or run it", missing=True)
    path = folder / view.file
    with file_faults(path):
        text = path.read_text()
    try:
        return dict(json.loads(text))
    except ValueError as error:
        raise image_fault(path, f"is no JSON ({error})", "Run the job again for this image") from error


def trajectory(folder: Path, facts: Facts) -> dict[str, Any]:
    """The specimen's motion: ``x``, ``y`` px of the recorded frame of a grid of points, and ``shift`` in Å,
    ``[frame][y][x][2]``, relative to the first frame; ``mean`` ``[frame][2]``; size and pixel size of the frame."""
    found = _content(folder, facts, "trajectory")
    path = found.get("trajectory") or {}
    shift = path.get("shift") or []
    mean = [_mean(frame) for frame in shift]
    shape = found.get("frame_shape") or [None, None]
    binning = _ratio(shape[1], found.get("width"))
    return {
        "x": path.get("x") or [],
        "y": path.get("y") or [],
        "shift": shift,
        "mean": mean,
        "width": shape[1],
        "height": shape[0],
        "pixel_size": None if found.get("pixel_size") is None else found["pixel_size"] / binning,
        "n_frames": found.get("n_frames"),
        "drift_total": found.get("drift_total"),
        "drift_early": found.get("drift_early"),
        "dose_per_frame": found.get("dose_per_frame"),
    }


def _ratio(recorded: float | None, given: float | None) -> float:
    return recorded / given if recorded and given else 1.0


def _mean(frame: list[list[list[float]]]) -> list[float]:
    points = [point for row in frame for point in row]
    return [round(sum(point[axis] for point in points) / len(points), 4) for axis in (0, 1)]


def curves(folder: Path, facts: Facts) -> dict[str, Any]:
    """The curves of the fit over ``frequency`` in 1/Å: ``spectrum``, ``fit`` (CTF²), ``quality``; and the fit."""
    found = _content(folder, facts, "curves")
    names = ("frequency", "spectrum", "fit", "quality")
    fit = (
        "defocus_u", "defocus_v", "astigmatism_angle", "phase_shift", "fit_resolution", "score", "aliasing_limit",
    )  # fmt: skip
    settings = found.get("settings") or {}
    optics = ("pixel_size", "voltage", "spherical_aberration", "amplitude_contrast")
    return {
        **{name: (found.get("curves") or {}).get(name) or [] for name in names},
        **{name: found.get(name) for name in fit},
        **{name: settings.get(name) for name in optics},
    }
