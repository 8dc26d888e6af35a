"""What a report is made of, whatever it is written as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Text:
    """A paragraph; ``quiet`` ones are remarks."""

    text: str
    quiet: bool = False


@dataclass(frozen=True)
class Facts:
    """Figures to be seen at a glance: value with its unit, and what it is."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """A table; columns whose heading begins with ``#`` hold numbers. ``title`` stands above it."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""


@dataclass(frozen=True)
class Code:
    """Text to be copied; ``folded`` is closed until it is opened, and left out on paper but for its first lines."""

    title: str
    text: str
    folded: bool = False


@dataclass(frozen=True)
class Limit:
    """A level of a column, in the unit of the chart."""

    value: float
    severe: bool


@dataclass(frozen=True)
class Series:
    """A column over time.

    Attributes:
        title, unit: of the column.
        times: of the stretches, s since 1970.
        median, low, high: of each stretch; NaN where nothing is known.
        dots: single images (time, value) where there are few.
        limits: levels.
        worse: whether a larger value is worse: then the scale is turned.
    """

    title: str
    unit: str
    times: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    dots: tuple[np.ndarray, np.ndarray] | None
    limits: Sequence[Limit] = ()
    worse: bool = False


@dataclass(frozen=True)
class Bars:
    """Bars over edges: a histogram, or (``over_time``) a number in each stretch of time; ``part`` is drawn darker."""

    title: str
    unit: str
    edges: np.ndarray
    counts: np.ndarray
    limits: Sequence[Limit] = ()
    over_time: bool = False
    part: np.ndarray | None = None
    what: str = "images"


@dataclass(frozen=True)
class Node:
    """A job in the figure of the workflow: its place in columns and rows, and what it says."""

    key: int
    column: int
    row: float
    title: str
    note: str


@dataclass(frozen=True)
class GraphFigure:
    """The workflow; edges are pairs of keys."""

    title: str
    nodes: Sequence[Node]
    edges: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Picture:
    """A picture of an image, PNG."""

    title: str
    png: bytes


Figure = Series | Bars | GraphFigure


@dataclass(frozen=True)
class Figures:
    """Figures side by side, ``across`` of them in a row."""

    entries: Sequence[Figure]
    across: int = 2


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side."""

    entries: Sequence[Picture]


Block = Text | Facts | Table | Code | Figures | Pictures


@dataclass(frozen=True)
class Section:
    """A part of the report under a heading."""

    title: str
    blocks: Sequence[Block] = ()


@dataclass(frozen=True)
class Report:
    """The whole report: title, a line under it, and its parts."""

    title: str
    subtitle: str
    sections: Sequence[Section] = field(default_factory=tuple)
