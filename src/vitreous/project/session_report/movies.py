"""A report that shows what processing made of single movies, with the pictures of each.

It is beside the report of a session because it needs no project, and shows each movie before and after; both are built
of the same blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from vitreous import __version__
from vitreous.core.words import counted
from vitreous.project.session_report import pictures as figures
from vitreous.project.session_report.blocks import (
    Block,
    Facts,
    Picture,
    Pictures,
    Report,
    Section,
    Table,
    Text,
)
from vitreous.project.session_report.write import write
from vitreous.workflow.job_type import Result


@dataclass(frozen=True)
class Figure:
    """One line of the table of numbers.

    Attributes:
        key: of the result.
        label: with the unit.
        spec: of the format.
        scale: what the value is multiplied by for this unit.
    """

    key: str
    label: str
    spec: str
    scale: float = 1.0


NUMBERS = (
    Figure("drift_total", "drift, total / Å", ".1f"),
    Figure("drift_early", "drift, early / Å", ".1f"),
    Figure("drift_late", "drift, late / Å", ".1f"),
    Figure("defocus_u", "defocus U / µm", ".3f", 1e-4),
    Figure("defocus_v", "defocus V / µm", ".3f", 1e-4),
    Figure("defocus_difference", "defocus difference / Å", ".0f"),
    Figure("astigmatism_angle", "astigmatism angle / °", ".0f"),
    Figure("phase_shift", "phase shift / °", ".0f"),
    Figure("fit_resolution", "CTF fit to / Å", ".1f"),
    Figure("score", "CTF score", ".3f"),
    Figure("aliasing_limit", "aliasing from / Å", ".1f"),
    Figure("iciness", "iciness", ".2f"),
    Figure("ice_ring_density", "ice ring over its surroundings", ".2f"),
    Figure("counts_per_frame", "counts / e⁻ per px and frame", ".2f"),
    Figure("total_dose", "dose as set / e⁻/Å²", ".1f"),
    Figure("counted_dose", "dose as counted / e⁻/Å²", ".1f"),
)
SUMMARY = ("drift_total", "defocus_u", "defocus_v", "defocus_difference", "fit_resolution", "score", "iciness")


def write_report(
    results: Sequence[Result],
    path: Path,
    *,
    title: str,
    before: Mapping[str, np.ndarray] | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write a report of processed movies, with the pictures of each, as HTML or PDF.

    Args:
        results: of the job ``process``; failed items are listed with their reason.
        path: of the file; its folder is made.
        title: heading.
        before: plain sums of the frames ``[y, x]``, unaligned, by the result's ``input``.
        notes: sentences under the summary.

    Raises:
        DataError: an output that a result names can't be read.
    """
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    sections = [
        _section(result, (before or {}).get(str(result["input"]))) for result in results if "error" not in result
    ]
    subtitle = f"{counted(len(results), 'movie')} · {made} · Vitreous {__version__}"
    return write(Report(title, subtitle, (summary(results, notes), *sections)), path)


def formatted(result: Mapping[str, Any], figure: Figure) -> str:
    """A number of the result in the figure's unit; a dash where it is not known."""
    value = result.get(figure.key)
    return "–" if value is None else format(value * figure.scale, figure.spec)


def summary(results: Sequence[Result], notes: Sequence[str]) -> Section:
    """The session's table, one line per movie; then the movies that failed."""
    chosen = [figure for figure in NUMBERS if figure.key in SUMMARY]
    rows = [
        [Path(str(result["input"])).name, *(formatted(result, figure) for figure in chosen)]
        for result in results
        if "error" not in result
    ]
    failed = [
        [Path(str(result["input"])).name, f"{result['error']['message']}. {result['error']['hint']}"]
        for result in results
        if "error" in result
    ]
    blocks: list[Block] = [Table(["movie", *(f"#{figure.label}" for figure in chosen)], rows)] if rows else []
    if failed:
        blocks.append(Table(["movie", "reason"], failed, "Failed"))
    return Section("Session", [*blocks, *(Text(note, True) for note in notes)])


def _section(result: Result, before: np.ndarray | None) -> Section:
    known = [figure for figure in NUMBERS if result.get(figure.key) is not None]
    blocks: list[Block] = [Facts([(formatted(result, figure), figure.label) for figure in known])]
    blocks += [Text(f"Warning: {text}", True) for text in result.get("warnings") or ()]
    pictures = [Picture(text, picture) for text, picture in movie_pictures(result, before)]
    if pictures:
        blocks.append(Pictures(pictures))
    if result.get("curves"):
        text = "Spectrum and fitted CTF"
        blocks.append(Pictures([Picture(text, figures.draw_curves(result, text))]))
    return Section(Path(str(result["input"])).name, blocks)


def movie_pictures(result: Result, before: np.ndarray | None) -> list[tuple[str, bytes]]:
    """Titles and PNG pictures of one processed movie, in the order of the page."""
    outputs = result.get("outputs", {})
    pictures: list[tuple[str, bytes]] = []
    known: list[tuple[str, np.ndarray, float]] = []
    if "sum" in outputs:
        image, pixel_size = _read(Path(outputs["sum"]))
        if before is not None:
            known.append(("before alignment", before, pixel_size * image.shape[1] / before.shape[1]))
        known.append(("aligned", image, pixel_size))
    for text, image, size in known:
        pictures.append((f"Image, {text}", figures.draw_image(image, size, f"Image, {text}")))
    for text, image, size in known:
        pictures.append((f"Spectrum, {text}", figures.draw_spectrum(image, size, f"Spectrum, {text}")))
    if result.get("trajectory"):
        pictures.append(("Drift", figures.draw_trajectory(result["trajectory"], "Drift of the whole field")))
        pictures.append(("Local motion", figures.draw_local_motion(result["trajectory"], "Local motion")))
    if "ctf_mrc" in outputs:
        diagnostic, _ = _read(Path(outputs["ctf_mrc"]))
        text = "Thon rings, fit in the lower left"
        pictures.append((text, figures.draw_rings(diagnostic, text)))
    return pictures


def unaligned_sum(path: Path, gain: np.ndarray | None = None) -> np.ndarray:
    """Plain sum of a movie's frames, float32 ``[y, x]``, times the gain where one is given."""
    from vitreous.formats.images import open_images

    with open_images(path) as images:
        total = np.zeros(images.header.shape, np.float32)
        for frame in images.frames():
            total += frame
    return total if gain is None else total * gain


def _read(path: Path) -> tuple[np.ndarray, float]:
    from vitreous.formats.images import open_images

    with open_images(path) as images:
        return images.frame(0), images.header.acquisition.needed("pixel_size")
