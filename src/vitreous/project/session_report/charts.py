"""Drawing the figures of a report, as vectors."""

from __future__ import annotations

import io
import re
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.project.session_report.blocks import Bars, Figure, GraphFigure, Limit, Series
from vitreous.project.session_report.pictures import ACCENT, GREY, INK, WARM, new_page

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND = "#a9cfe3"
MILD = "#b07500"
GRID = "#e4e7eb"
FEW_DOTS = 200
"""Images up to which their dots are large."""
SETTINGS: Any = {"svg.fonttype": "none", "font.size": 8.0, "font.family": ["DejaVu Sans"], "axes.linewidth": 0.6}


def svg(figure: Figure, width: float, height: float) -> str:
    """A figure of so many inches as an ``svg`` element to be put into a page."""
    from matplotlib import rc_context

    with rc_context({**SETTINGS, "svg.hashsalt": secrets.token_hex(4)}):
        sheet = new_page(width, height)
        left = 0.02 if isinstance(figure, GraphFigure) else 0.5 / width
        box = (left, 0.32 / height, 1 - left - 0.12 / width, 1 - 0.6 / height)
        draw(figure, sheet.add_axes(box))
        buffer = io.StringIO()
        sheet.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    return text.replace("<svg ", f'<svg role="img" aria-label="{figure.title}" ', 1)


def draw(figure: Figure, axes: Axes) -> None:
    """Draw a figure."""
    if isinstance(figure, Series):
        _series(figure, axes)
    elif isinstance(figure, Bars):
        _bars(figure, axes)
    else:
        _graph(figure, axes)


def _series(figure: Series, axes: Axes) -> None:
    times = _days(figure.times)
    if figure.dots is not None:
        few = figure.dots[0].size <= FEW_DOTS
        axes.plot(_days(figure.dots[0]), figure.dots[1], ".", color=GREY, markersize=5 if few else 2, alpha=0.7)
    else:
        axes.fill_between(times, figure.low, figure.high, color=BAND, linewidth=0, step="mid", label="middle 90 %")
    axes.plot(times, figure.median, color=ACCENT, linewidth=1.1, label="median")
    low, high = _range(figure)
    if figure.worse:
        axes.set_ylim(high, low)
    else:
        axes.set_ylim(low, high)
    _marks(axes, [level for level in figure.limits if low <= level.value <= high], upright=False)
    _ruled(axes, figure.title, "", figure.unit)
    _time_axis(axes, float(figure.times[0]), float(figure.times[-1]))


def _range(figure: Series) -> tuple[float, float]:
    """What is drawn: all but the most extreme values, and limits that are not far from them."""
    known = np.concatenate([figure.low, figure.high])
    known = known[np.isfinite(known)]
    low, high = (float(part) for part in np.percentile(known, (1, 99))) if known.size else (0.0, 1.0)
    span = (high - low) or abs(high) or 1.0
    for level in figure.limits:
        if low - 0.6 * span < level.value < high + 0.6 * span:
            low, high = min(low, level.value), max(high, level.value)
    pad = 0.07 * ((high - low) or 1.0)
    return low - pad, high + pad


def _bars(figure: Bars, axes: Axes) -> None:
    edges = _days(figure.edges) if figure.over_time else figure.edges
    # One outline in place of many bars: a tenth of the time and of the size.
    axes.stairs(figure.counts, edges, fill=True, color=ACCENT if figure.part is None else BAND, linewidth=0)
    if figure.part is not None:
        axes.stairs(figure.part, edges, fill=True, color=ACCENT, linewidth=0)
    _marks(axes, figure.limits, upright=True)
    axes.set_xlim(float(edges[0]), float(edges[-1]))
    axes.set_ylim(bottom=0)
    if not figure.over_time:
        axes.locator_params(axis="x", nbins=5)
    if figure.over_time:
        _ruled(axes, figure.title, "", figure.unit)
        _time_axis(axes, float(figure.edges[0]), float(figure.edges[-1]))
    else:
        _ruled(axes, figure.title, figure.unit, figure.what)


def _marks(axes: Axes, levels: Any, upright: bool) -> None:
    """Lines at the limits: long dashes are severe, dots mild."""
    for level in levels:
        style: Any = {"color": WARM if level.severe else MILD, "linewidth": 1.0}
        style["linestyle"] = "--" if level.severe else ":"
        place = axes.axvline if upright else axes.axhline
        place(level.value, **style)
        _name(axes, level, upright)


def _name(axes: Axes, level: Limit, upright: bool) -> None:
    word = "severe" if level.severe else "mild"
    colour = WARM if level.severe else MILD
    if upright:
        axes.text(
            level.value, 0.98, f" {word}", transform=axes.get_xaxis_transform(), color=colour, fontsize=7, va="top"
        )
    else:
        axes.text(1.0, level.value, word, transform=axes.get_yaxis_transform(), color=colour, fontsize=7,
                  va="bottom", ha="right")  # fmt: skip


def _graph(figure: GraphFigure, axes: Axes) -> None:
    columns = max(node.column for node in figure.nodes) + 1
    rows = max(node.row for node in figure.nodes) + 1
    places = {node.key: (float(node.column), -node.row) for node in figure.nodes}
    for source, target in figure.edges:
        x, y = places[source]
        x2, y2 = places[target]
        axes.annotate("", (x2 - 0.42, y2), (x + 0.42, y), arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 0.9,
                      "shrinkA": 0, "shrinkB": 0})  # fmt: skip
    from matplotlib.patches import FancyBboxPatch

    for node in figure.nodes:
        x, y = places[node.key]
        box = FancyBboxPatch((x - 0.42, y - 0.3), 0.84, 0.6, boxstyle="round,pad=0,rounding_size=0.06",
                             facecolor="#eef6fa", edgecolor=ACCENT, linewidth=0.8)  # fmt: skip
        axes.add_patch(box)
        size = 8.0 if columns <= 5 else 6.0
        axes.text(x, y + 0.08, _cut(node.title, 20 if columns <= 5 else 16), ha="center", va="center", fontsize=size,
                  color=INK)  # fmt: skip
        axes.text(x, y - 0.14, _cut(node.note, 24), ha="center", va="center", fontsize=size - 1.5, color="#52606d")
    axes.set_xlim(-0.6, columns - 0.4)
    axes.set_ylim(-rows + 0.4, 0.6)
    axes.axis("off")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _days(seconds: np.ndarray) -> np.ndarray:
    """s since 1970 → days of local time, as time axes want them."""
    offset = datetime.fromtimestamp(float(seconds[0])).astimezone().utcoffset() if seconds.size else None
    return np.asarray((seconds + (offset.total_seconds() if offset else 0.0)) / 86400.0)


def _time_axis(axes: Axes, start: float, end: float) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.xaxis.get_offset_text().set_fontsize(7)


def _ruled(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(
        f"{title}" + (f", {y}" if y and y != "images" else f", {x}" if x else ""), fontsize=9, color=INK, loc="left"
    )
    axes.tick_params(labelsize=7.5, colors="#3e4c59", width=0.6, length=3)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#9aa5b1")
