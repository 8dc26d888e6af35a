"""One HTML file that shows what processing made of a session's movies; pictures are inside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from vitreous import __version__
from vitreous.project import figures
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

STYLE = """
:root{--ink:#1f2933;--soft:#52606d;--line:#e4e7eb;--accent:#0b6e99}
*{box-sizing:border-box}
body{margin:0;background:#f5f7fa;color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
header{background:#102a43;color:#fff;padding:28px 40px}header h1{margin:0;font-size:26px;font-weight:600}
header p{margin:4px 0 0;color:#bcccdc}
main{max-width:1320px;margin:0 auto;padding:28px 24px}
section{background:#fff;border:1px solid var(--line);border-radius:10px;padding:22px 26px;margin-bottom:26px}
h2{margin:0 0 14px;font-size:19px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{text-align:right;font-weight:600;color:var(--soft);font-size:13px;padding:6px 10px;
border-bottom:2px solid var(--line)}
td{text-align:right;border-bottom:1px solid var(--line);padding:7px 10px}th:first-child,td:first-child{text-align:left}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(290px,1fr));gap:14px;align-items:start}
.grid img,.wide img{width:100%;display:block}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:10px;margin:0 0 18px}
.numbers div{border-left:3px solid var(--accent);padding:2px 10px}
.numbers b{display:block;font-size:19px;font-weight:600}.numbers span{font-size:12.5px;color:var(--soft)}
.note{color:var(--soft);margin:6px 0}.failed{color:#ab091e}footer{color:var(--soft);text-align:center;padding:0 0 30px}
a{color:var(--accent)}
"""


def write_report(
    results: Sequence[Result],
    path: Path,
    *,
    title: str,
    before: Mapping[str, np.ndarray] | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write a self-contained HTML report of processed movies.

    Args:
        results: of the job ``process``; failed items are listed with their reason.
        path: of the HTML file; its folder is made.
        title: heading.
        before: plain sums of the frames ``[y, x]``, unaligned, by the result's ``input``.
        notes: sentences under the summary.

    Raises:
        UsageError: matplotlib is not installed.
        DataError: an output that a result names can't be read.
    """
    from vitreous.formats.base import write_text

    sections = [_section(result, (before or {}).get(str(result["input"]))) for result in results]
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<header><h1>{escape(title)}</h1><p>{len(results)} movies · {made} · Vitreous {__version__}</p></header>"
        f"<main>{summary_table(results, notes)}{''.join(sections)}</main></body></html>"
    )
    write_text(path, page)
    return path


def formatted(result: Mapping[str, Any], figure: Figure) -> str:
    """A number of the result in the figure's unit; a dash where it is not known."""
    value = result.get(figure.key)
    return "–" if value is None else format(value * figure.scale, figure.spec)


def summary_table(results: Sequence[Result], notes: Sequence[str]) -> str:
    """HTML of the session's table: one line per movie."""
    chosen = [figure for figure in NUMBERS if figure.key in SUMMARY]
    head = "".join(f"<th>{escape(figure.label)}</th>" for figure in chosen)
    rows = []
    for result in results:
        name = escape(Path(str(result["input"])).name)
        if "error" in result:
            reason = escape(f"{result['error']['message']}. {result['error']['hint']}")
            rows.append(f'<tr><td>{name}</td><td class="failed" colspan="{len(chosen)}">{reason}</td></tr>')
            continue
        link = f'<a href="#{_anchor(result)}">{name}</a>'
        cells = "".join(f"<td>{formatted(result, figure)}</td>" for figure in chosen)
        rows.append(f"<tr><td>{link}</td>{cells}</tr>")
    remarks = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    return (
        f"<section><h2>Session</h2><table><thead><tr><th>movie</th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>{remarks}</section>"
    )


def _section(result: Result, before: np.ndarray | None) -> str:
    if "error" in result:
        return ""
    known = [figure for figure in NUMBERS if result.get(figure.key) is not None]
    numbers = "".join(
        f"<div><b>{formatted(result, figure)}</b><span>{escape(figure.label)}</span></div>" for figure in known
    )
    warnings = "".join(f'<p class="note">⚠ {escape(str(text))}</p>' for text in result.get("warnings") or ())
    pictures = "".join(_embedded(picture, text) for text, picture in movie_pictures(result, before))
    curves = ""
    if result.get("curves"):
        text = "Spectrum and fitted CTF"
        curves = f'<div class="wide">{_embedded(figures.draw_curves(result, text), text)}</div>'
    name = escape(Path(str(result["input"])).name)
    return (
        f'<section id="{_anchor(result)}"><h2>{name}</h2><div class="numbers">{numbers}</div>{warnings}'
        f'<div class="grid">{pictures}</div>{curves}</section>'
    )


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


def _embedded(picture: bytes, text: str) -> str:
    data = base64.b64encode(picture).decode()
    return f'<img alt="{escape(text)}" src="data:image/png;base64,{data}">'


def _anchor(result: Result) -> str:
    return escape(Path(str(result["input"])).stem, quote=True).replace(" ", "_")
