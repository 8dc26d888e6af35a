"""What a report says of the images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.project.session import Session
from vitreous.project.session_report.blocks import (
    Block,
    Figure,
    Figures,
    Picture,
    Pictures,
    Section,
    Table,
    Text,
)
from vitreous.project.session_report.figures_of import (
    Columns,
    Shown,
    histogram,
    over_time,
    throughput,
)
from vitreous.project.session_report.texts import text_of
from vitreous.store.items import TRASH
from vitreous.store.library import page

if TYPE_CHECKING:
    from PIL.Image import Image

BEST = 8
"""Images in the tables of the best and the worst."""


def course(columns: Columns) -> Section:
    """How the session went, over time."""
    found = over_time(columns)
    rate = throughput(columns)
    figures: list[Figure] = [*found, *([rate] if rate is not None else [])]
    if not figures:
        return Section("Course of the session")
    dots = any(series.dots is not None for series in found)
    shown = "each image is a dot" if dots else "the band holds the middle 90 % of the images"
    note = f"The line is the median, {shown}; dots mark mild limits, dashes severe ones. Better is higher."
    return Section("Course of the session", [Figures(figures), Text(note, True)])


def distributions(columns: Columns) -> Section:
    """How the values are spread, with limits and statistics."""
    bars = [histogram(entry, columns.values[entry.column], columns.limits[entry.column]) for entry in columns.shown]
    blocks: list[Block] = [Figures(bars, across=3)] if bars else []
    rows = [_statistics(entry, columns) for entry in columns.shown]
    if rows:
        head = ["column", "#known", "#median", "#5 %", "#95 %", "#mean", "#std. dev.", "#beyond mild", "#beyond severe"]
        blocks.append(Table(head, rows, "Statistics"))
    return Section("Distributions", blocks)


def _statistics(entry: Shown, columns: Columns) -> list[str]:
    values = columns.values[entry.column]
    known = values[np.isfinite(values)]
    low, median, high = (float(value) for value in np.percentile(known, (5, 50, 95)))
    numbers = [median, low, high, float(known.mean()), float(known.std())]
    label = entry.title + (f" / {entry.unit}" if entry.unit else "")
    beyond = [_beyond(known, columns, entry, severe) for severe in (False, True)]
    return [label, f"{known.size:,}", *(text_of(value, entry.digits) for value in numbers), *beyond]


def _beyond(known: np.ndarray, columns: Columns, entry: Shown, severe: bool) -> str:
    """Images beyond the limits: a level under the median bounds from below, one over it from above."""
    levels = [level.value for level in columns.limits[entry.column] if level.severe == severe]
    if not levels:
        return "–"
    middle = float(np.median(known))
    out = np.zeros(known.size, dtype=bool)
    for value in levels:
        lower = _is_lower(columns, entry, value, severe, middle)
        out |= known < value if lower else known > value
    return f"{int(out.sum()):,}"


def _is_lower(columns: Columns, entry: Shown, value: float, severe: bool, middle: float) -> bool:
    pair = sorted(level.value for level in columns.limits[entry.column] if level.severe == severe)
    if len(pair) == 2:
        return value == pair[0]
    return value < middle and not entry.worse


def best_and_worst(session: Session, columns: Columns, blurred: bool = False) -> Section:
    """The best and the worst images, with pictures where there are some."""
    known = {entry.column: entry for entry in columns.shown}
    by = next((name for name in ("fit_resolution", "drift_total", "iciness") if name in known), None)
    if by is None:
        return Section("Best and worst images")
    named = [known[name] for name in ("fit_resolution", "drift_total", "defocus", "iciness", "score") if name in known]
    blocks: list[Block] = []
    for word, direction in (("Best", "asc"), ("Worst", "desc")):
        found = page(
            session.db,
            ["id", "name", *(entry.column for entry in named)],
            f'"{by}" IS NOT NULL AND group_id <> ?',
            (TRASH,),
            [(by, direction)],  # type: ignore[list-item]
            limit=BEST,
        )
        head = ["image", *(f"#{entry.title}" + (f" / {entry.unit}" if entry.unit else "") for entry in named)]
        rows = [
            [str(row[1]), *(_scaled(value, entry) for value, entry in zip(row[2:], named, strict=True))]
            for row in found.rows
        ]
        blocks.append(Table(head, rows, f"{word} by {known[by].title}"))
        pictures = [picture for row in found.rows[:3] for picture in _pictures(session, row[0], str(row[1]), blurred)]
        if pictures:
            blocks.append(Pictures(pictures))
    return Section("Best and worst images", blocks)


def _scaled(value: Any, entry: Shown) -> str:
    return text_of(None if value is None else float(value) * entry.scale, entry.digits)


def _pictures(session: Session, item: int, name: str, blurred: bool) -> Iterator[Picture]:
    """The pictures that jobs wrote beside an image's results, made small."""
    rows = session.db.connection.execute(
        "SELECT r.slots FROM task t JOIN result r ON r.identity = t.identity WHERE t.item = ? AND t.state = 'done'"
        " ORDER BY t.job",
        (item,),
    )
    for (text,) in rows:
        for slot, value in json.loads(text).items():
            files = (value.get("file"), *(value.get("files") or {}).values())
            for file in files:
                if file and str(file).endswith(".png"):
                    small = _small(session.folder / str(file), blurred)
                    if small is not None:
                        yield Picture(f"{name}: {slot}", small)


def _small(path: Path, blurred: bool, size: int = 420) -> bytes | None:
    """A picture of at most so many pixels, ``None`` where the file is gone or no picture."""
    import io

    import PIL.Image

    try:
        with PIL.Image.open(path) as image:
            shown = image.convert("L" if image.mode in ("L", "1", "I;16") else "RGB")
            shown.thumbnail((size, size))
            shown = _hidden(shown) if blurred else shown
    except (OSError, ValueError):
        return None
    buffer = io.BytesIO()
    shown.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _hidden(picture: Image) -> Image:
    """A small picture as guests see it: blurred, in grey, and marked as such."""
    import PIL.Image

    from vitreous.project.pictures.blur import blurred, stamped

    found = blurred(np.asarray(picture.convert("L"), np.float32))
    return PIL.Image.fromarray(stamped(np.clip(np.rint(found), 0, 255).astype(np.uint8)))
