"""What has likely caused an alarm, and what to do: told from which other figures have moved at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOVED = 1.5
"""Standard deviations from what is usual from which on a figure counts as moved."""


@dataclass(frozen=True)
class Cause:
    """A likely cause in a phrase, and what to do, a sentence each."""

    phrase: str
    advice: tuple[str, ...]


def likely_cause(column: str, side: int, scores: Mapping[str, float], dark: bool = False) -> Cause | None:
    """The likely cause of a figure that has moved.

    Args:
        column: which.
        side: 1 up, -1 down.
        scores: column → standard deviations from what is usual, of all figures.
        dark: hardly any electrons arrive.
    """
    up = {name for name, score in scores.items() if score >= MOVED and name != column}
    if column == "counts_per_frame":
        return _counts(side, up, dark)
    if column == "iciness":
        return _iciness(scores)
    finders = {"drift_total": _drift, "fit_resolution": _resolution, "defocus": _defocus}
    if column in finders:
        return finders[column](up)
    return _OTHERS.get(column)


def _counts(side: int, up: set[str], dark: bool) -> Cause:
    if dark:
        return Cause(
            "hardly any electrons reach the camera: beam or column valves, a blanked beam, or the camera",
            ("See whether there is a beam on the screen", "Check column valves, gun and camera"),
        )
    if side > 0:
        return Cause(
            "the beam is brighter or smaller than before, or the ice is thinner or missing",
            ("Check spot size and illuminated area", "Look at the newest images: are the holes empty?"),
        )
    if "iciness" in up:
        return Cause(
            "thicker ice: the ice ring has grown as well",
            ("Look at the newest images and choose squares with thinner ice",),
        )
    return Cause(
        "the energy filter's slit or the beam has drifted: the counts fall while the ice is as before",
        ("Centre the slit of the energy filter", "Centre the beam, and check its intensity on vacuum"),
    )


def _drift(up: set[str]) -> Cause:
    if "iciness" in up:
        return Cause(
            "the specimen is warming up: it drifts, and ice grows",
            ("Check the temperature of the stage and the level of liquid nitrogen",),
        )
    return Cause(
        "temperature of the specimen or mechanics of the stage",
        ("Check temperature and nitrogen level of stage and autoloader", "Wait longer after the stage has moved"),
    )


def _iciness(scores: Mapping[str, float]) -> Cause:
    if scores.get("counts_per_frame", 0.0) <= -MOVED:
        return Cause(
            "thicker ice: fewer electrons arrive as well",
            ("Look at the newest images and choose squares with thinner ice",),
        )
    return Cause(
        "the specimen has warmed up, or ice is growing on it",
        (
            "Check temperature and vacuum of the stage, and the cryo box",
            "Look at the newest images for crystals; change the grid if they stay",
        ),
    )


def _resolution(up: set[str]) -> Cause:
    if "drift_total" in up:
        return Cause("the specimen drifts more: Thon rings are lost by motion", ("See to the drift first",))
    if "iciness" in up or "relative_stddev" in up:
        return Cause("worse ice", ("Look at the newest images and choose better squares",))
    if "defocus_difference" in up:
        return Cause("astigmatism has grown", ("Correct the objective astigmatism", "Check coma and alignment"))
    if "defocus" in up:
        return Cause("the defocus is not what it was", ("See to the focusing routine first",))
    return Cause(
        "settings of the CTF estimation, thicker ice, or astigmatism",
        ("Check pixel size, voltage and search range", "Look at the Thon rings of the newest images"),
    )


def _defocus(up: set[str]) -> Cause:
    if "fit_resolution" in up:
        return Cause(
            "the focusing routine, or fits that fail: the fit's resolution is worse as well",
            ("Look at the Thon rings of the newest images", "Check the routine that focuses, and the eucentric height"),
        )
    return Cause(
        "the focusing routine does not reach the defocus that was asked for",
        ("Check the routine that focuses, and the eucentric height",),
    )


_OTHERS: Mapping[str, Cause] = {
    "defocus_difference": Cause(
        "the objective stigmator is off, or an aperture is dirty and charges",
        ("Correct the objective astigmatism", "Check the objective aperture"),
    ),
    "relative_stddev": Cause(
        "edges of holes, contamination or stripes in the image",
        ("Look at the newest images", "Check the gain reference and the position of the holes"),
    ),
}

SILENCE = Cause(
    "the acquisition has stopped, or files are no longer transferred",
    ("See whether the microscope still records", "Check the transfer, and that the camera's folder can be read"),
)
QUARANTINE = Cause(
    "a setting that does not fit these images, or damaged files",
    ("Open the Queue: images set aside are grouped by reason", "Correct the cause, then retry the group"),
)
DISK = Cause("results and movies fill the disk", ("Free some space, or move movies away",))
WORKERS = Cause("the machines that compute can't be reached", ("vitreous profile test tells more",))
IMPORT = Cause(
    "the camera's folder can't be read or a setting of the import is wrong", ("See the import in the Workflow",)
)
