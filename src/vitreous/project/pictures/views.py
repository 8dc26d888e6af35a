"""Which pictures an item has now, and the sets of four in which they are looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vitreous.core.errors import UsageError
from vitreous.core.optics import Ctf
from vitreous.project.pictures.gain import Gain, gain_of
from vitreous.project.pictures.source import Optics, Source
from vitreous.project.session import Session

Kind = Literal["image", "spectrum", "drawing"]

TITLES: dict[str, tuple[str, Kind]] = {
    "before": ("Before drift correction", "image"),
    "fft_before": ("FFT before", "spectrum"),
    "after": ("After drift correction", "image"),
    "fft_after": ("FFT after", "spectrum"),
    "after_dw": ("Exposure-filtered", "image"),
    "odd": ("Odd frames", "image"),
    "even": ("Even frames", "image"),
    "particles": ("Background taken off", "image"),
    "trajectory": ("Drift", "drawing"),
    "thon": ("Thon rings and fit", "spectrum"),
    "thon_plot": ("Thon rings and curves", "drawing"),
    "curves": ("Fit of the CTF", "drawing"),
}
"""View → its title and kind, in the order in which they are listed."""

OVERVIEWS: dict[str, tuple[str, tuple[str, str, str, str]]] = {
    "image": ("Image", ("before", "fft_before", "after", "fft_after")),
    "drift": ("Drift", ("after", "fft_after", "trajectory", "thon")),
    "particles": ("Particles", ("particles", "fft_after", "trajectory", "thon")),
}
"""Set of four views → its title and the views (Biyani et al. 2017, J. Struct. Biol. 198:124, Table S1)."""

OF_MODE: dict[str, tuple[str, ...]] = {"single-particle": ("image", "drift", "particles")}
"""Mode of a project → sets that fit, the rest has image and drift."""

MICROGRAPH_FILES = {
    "after": None,
    "fft_after": None,
    "particles": None,
    "after_dw": "sum_dw",
    "odd": "odd",
    "even": "even",
}
"""View → the file of the slot micrograph that it is made of; ``None`` is the sum itself."""


@dataclass(frozen=True)
class View:
    """One picture of an item.

    Attributes:
        name: as in addresses.
        title: for people.
        kind: ``image``, ``spectrum`` (zero frequency in the middle), or ``drawing`` (of numbers).
        available: whether it can be shown now.
        reason: why not, in a sentence.
        identity: changes when the picture does; for addresses that may be kept for ever.
        width, height: px. pixel_size: Å/px; of a spectrum the pixel size of the image.
        job: number of the job that made it; ``None`` for the import.
        file: relative to the project.
    """

    name: str
    title: str
    kind: Kind
    available: bool
    reason: str | None = None
    identity: str | None = None
    width: int | None = None
    height: int | None = None
    pixel_size: float | None = None
    job: int | None = None
    file: str | None = None


@dataclass(frozen=True)
class Overview:
    """A set of four views."""

    name: str
    title: str
    views: tuple[str, ...]


@dataclass(frozen=True)
class ItemViews:
    """The views of an item."""

    item: int
    name: str
    before: int | None
    after: int | None
    mode: str
    views: tuple[View, ...]
    overviews: tuple[Overview, ...]


@dataclass(frozen=True)
class Made:
    """What a job made for a slot of the item: identity of the result, number of the job, files."""

    identity: str
    job: int
    file: str | None
    files: Mapping[str, str]


@dataclass(frozen=True)
class Facts:
    """An item as its pictures need it.

    Attributes:
        row: columns of ``exposure``.
        slots: slot → what was made; a slot that is not there has no result now.
        why: slot → why it has none.
        gain: reference of the movie's camera.
    """

    row: Mapping[str, Any]
    slots: Mapping[str, Made]
    why: Mapping[str, str] = field(default_factory=dict)
    gain: Gain | None = None

    def value(self, *names: str) -> Any:
        """The first of these columns that is known."""
        return next((self.row[name] for name in names if self.row.get(name) is not None), None)


def item_facts(session: Session, item: int) -> Facts:
    """What is known of an item.

    Raises:
        UsageError: there is no such item.
    """
    found = session.db.connection.execute("SELECT * FROM exposure WHERE id = ?", (item,)).fetchone()
    if found is None:
        raise UsageError(f"there is no image {item}", hint="Choose one of the library", missing=True)
    row = dict(found)
    slots, why = {}, {}
    for slot in ("motion", "micrograph", "ctf"):
        made = _made(session, row, slot)
        if isinstance(made, Made):
            slots[slot] = made
        else:
            why[slot] = made
    return Facts(row, slots, why, gain_of(session.folder, row, _motion_values(session, row)))


def _motion_values(session: Session, row: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of the item's motion correction: the job's own, else the project's."""
    job = session.graph().jobs.get(row["motion_job"]) if row.get("motion_job") else None
    own = {} if job is None else {name: value for name, value in job.params.items() if value is not None}
    return {**session.settings(), **own}


NOT_YET = {
    "motion": "Its motion was not corrected yet",
    "micrograph": "Its motion was not corrected yet",
    "ctf": "Its CTF was not found yet",
}


def _made(session: Session, row: Mapping[str, Any], slot: str) -> Made | str:
    """The result that an item's slot shows, or why there is none."""
    job = row.get(f"{slot}_job")
    if job is None:
        return _state(session, row["id"], slot)
    text = (
        "SELECT t.identity, r.slots FROM task t JOIN result r ON r.identity = t.identity WHERE t.job = ? AND t.item = ?"
    )
    found = session.db.connection.execute(text, (job, row["id"])).fetchone()
    entry = None if found is None else json.loads(found["slots"]).get(slot)
    if entry is None:
        return f"The files of J{job} are not there any more"
    return Made(str(found["identity"]), int(job), entry.get("file"), entry.get("files") or {})


def _state(session: Session, item: int, slot: str) -> str:
    """Why a slot has no result: what the tasks that would give it say."""
    graph = session.graph()
    jobs = [job.id for job in graph.jobs.values() if slot in job.gives]
    if not jobs:
        return f"{NOT_YET[slot]}: no job does that"
    marks = ",".join("?" * len(jobs))
    text = f"SELECT job, state FROM task WHERE item = ? AND job IN ({marks}) ORDER BY job"
    for job, state in session.db.connection.execute(text, (item, *jobs)):
        if state in ("failed", "quarantined"):
            return f"J{job} failed for this image"
        if state in ("waiting", "ready", "running"):
            return f"{NOT_YET[slot]} (J{job} {state})"
    return NOT_YET[slot]


def item_views(session: Session, item: int, mode: str) -> ItemViews:
    """The views of an item, and the sets of four that fit the project's mode."""
    facts = item_facts(session, item)
    names = OF_MODE.get(mode, ("image", "drift"))
    return ItemViews(
        item,
        str(facts.row["name"]),
        *_neighbours(session, item),
        mode,
        tuple(view_of(facts, name) for name in TITLES),
        tuple(Overview(name, *OVERVIEWS[name]) for name in names),
    )


def _neighbours(session: Session, item: int) -> tuple[int | None, int | None]:
    ask = session.db.connection.execute
    before = ask("SELECT max(id) FROM exposure WHERE id < ?", (item,)).fetchone()[0]
    after = ask("SELECT min(id) FROM exposure WHERE id > ?", (item,)).fetchone()[0]
    return before, after


def view_of(facts: Facts, name: str) -> View:
    """One view of an item.

    Raises:
        UsageError: there is no view of that name.
    """
    if name not in TITLES:
        raise UsageError(f"there is no view {name!r}", hint=f"Views are {', '.join(TITLES)}", missing=True)
    title, kind = TITLES[name]
    if name in ("before", "fft_before"):
        return _before(facts, name, title, kind)
    slot = "micrograph" if name in MICROGRAPH_FILES else "motion" if name == "trajectory" else "ctf"
    made = facts.slots.get(slot)
    file = None if made is None else _file(made, name)
    if made is None or file is None:
        reason = facts.why.get(slot) or "The job was not asked to write it"
        return View(name, title, kind, False, reason)
    size: tuple[Any, Any, Any] = (None, None, facts.value("pixel_size", "movie_pixel_size"))
    if slot == "micrograph":
        size = facts.value("width"), facts.value("height"), facts.value("pixel_size")
    return View(name, title, kind, True, None, made.identity, *size, made.job, file)


def _before(facts: Facts, name: str, title: str, kind: Kind) -> View:
    size = facts.value("movie_width"), facts.value("movie_height"), facts.value("movie_pixel_size")
    row = facts.row
    identity = row["identity"] if facts.gain is None else f"{row['identity']}-{facts.gain.key()}"
    return View(name, title, kind, True, None, identity, *size, None, row["path"])


def _file(made: Made, name: str) -> str | None:
    if name in MICROGRAPH_FILES:
        wanted = MICROGRAPH_FILES[name]
        return made.file if wanted is None else made.files.get(wanted)
    if name == "trajectory":
        return made.files.get("json")
    if name == "curves":
        return made.file
    return made.files.get("mrc" if name == "thon" else "png")


def source_of(folder: Path, facts: Facts, view: View, blurred: bool = False) -> Source:
    """The file behind a view.

    Raises:
        UsageError: the view is not there now.
    """
    if not view.available or view.file is None:
        raise UsageError(
            f"{facts.row['name']}: {view.reason or 'there is no file'}",
            hint="Wait for the job, or run it",
            missing=True,
        )
    gain = facts.gain if view.name in ("before", "fft_before") else None
    return Source(folder / view.file, str(facts.row["name"]), optics_of(facts, view), blurred, gain)


def optics_of(facts: Facts, view: View | None = None) -> Optics:
    """What is known of how an item was taken, and its fit."""
    ctf = None
    u, v = facts.value("defocus_u"), facts.value("defocus_v")
    if u is not None and v is not None:
        ctf = Ctf(u, v, facts.value("astigmatism_angle") or 0.0, facts.value("phase_shift") or 0.0)
    return Optics(
        pixel_size=facts.value("pixel_size", "movie_pixel_size") if view is None else view.pixel_size,
        voltage=facts.value("voltage", "movie_voltage"),
        spherical_aberration=facts.value("spherical_aberration"),
        amplitude_contrast=facts.value("amplitude_contrast"),
        ctf=ctf,
        fit_resolution=facts.value("fit_resolution"),
    )
