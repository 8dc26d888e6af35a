"""A report as PDF: A4 pages laid out here and drawn by matplotlib, the figures as vectors, the text to be searched.

No browser and no further library is needed: the figures are matplotlib's already.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.project.session_report.blocks import (
    Block,
    Code,
    Facts,
    Figures,
    GraphFigure,
    Pictures,
    Report,
    Table,
    Text,
)
from vitreous.project.session_report.charts import SETTINGS, draw
from vitreous.project.session_report.pictures import ACCENT, INK, new_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Sheet

WIDTH, HEIGHT = 8.27, 11.69
MARGIN = 0.75
SOFT = "#52606d"
FOLDED_LINES = 0
"""Lines of folded text that are printed; the HTML holds all of it."""
MOST_COLUMN = 0.55
"""Part of the page's width that a column of a table takes at most, where others need room."""


class Pages:
    """A cursor on pages; y is in inches from the top.

    Args:
        write: takes each finished page.
        title: at the foot of each.
    """

    def __init__(self, write: Callable[[Sheet], None], title: str) -> None:
        self._write, self._title = write, title
        self.number = 0
        self.sheet: Sheet | None = None
        self.y = 0.0

    @property
    def width(self) -> float:
        """Inches between the margins."""
        return WIDTH - 2 * MARGIN

    def room(self, height: float) -> None:
        """Go to a new page unless so many inches are left."""
        if self.sheet is None or self.y + height > HEIGHT - MARGIN:
            self.turn()

    def turn(self) -> None:
        """Begin a new page."""
        self.close()
        self.number += 1
        self.sheet = new_page(WIDTH, HEIGHT)
        self.y = MARGIN
        self.put(f"{self._title}", MARGIN, HEIGHT - 0.45, 7, SOFT)
        self.put(str(self.number), WIDTH - MARGIN, HEIGHT - 0.45, 7, SOFT, align="right")

    def close(self) -> None:
        """Write the page that is open."""
        if self.sheet is not None:
            self._write(self.sheet)
            self.sheet = None

    def put(self, text: str, x: float, y: float, size: float, colour: str = INK, bold: bool = False,
            align: str = "left", mono: bool = False) -> None:  # fmt: skip
        """Text at a place, in inches from the left and the top."""
        assert self.sheet is not None
        self.sheet.text(x / WIDTH, 1 - y / HEIGHT, text, fontsize=size, color=colour, ha=align, va="top",
                        fontweight="bold" if bold else "normal", parse_math=False,
                        fontfamily="monospace" if mono else None)  # fmt: skip

    def line(self, y: float, colour: str = "#cbd2d9") -> None:
        """A rule across the page."""
        from matplotlib.lines import Line2D

        assert self.sheet is not None
        place = 1 - y / HEIGHT
        self.sheet.add_artist(Line2D([MARGIN / WIDTH, 1 - MARGIN / WIDTH], [place, place], color=colour, linewidth=0.5))


def write_pdf(report: Report, path: Path, tell: Callable[[float], None] = lambda fraction: None) -> None:
    """Write a report; ``tell`` is told the fraction that is done."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import PdfPages

    settings: Any = {**SETTINGS, "pdf.fonttype": 42, "pdf.compression": 6}
    with rc_context(settings), PdfPages(path, metadata={"Title": report.title, "Creator": "Vitreous"}) as file:
        pages = Pages(file.savefig, report.title)
        pages.turn()
        pages.put(report.title, MARGIN, pages.y, 18, bold=True)
        pages.put(report.subtitle, MARGIN, pages.y + 0.34, 9, SOFT)
        pages.y += 0.62
        for place, section in enumerate(report.sections):
            tell(place / len(report.sections))
            pages.room(1.4)
            pages.y += 0.1
            pages.put(section.title, MARGIN, pages.y, 13, ACCENT, bold=True)
            pages.y += 0.3
            for block in section.blocks:
                _block(pages, block)
        pages.close()


def _block(pages: Pages, block: Block) -> None:
    if isinstance(block, Text):
        _lines(pages, _wrapped(block.text, pages.width, 9), 9, SOFT if block.quiet else INK)
        pages.y += 0.05
    elif isinstance(block, Facts):
        _facts(pages, block)
    elif isinstance(block, Table):
        _table(pages, block)
    elif isinstance(block, Figures):
        _figures(pages, block)
    elif isinstance(block, Pictures):
        _pictures(pages, block)
    else:
        _code(pages, block)


def _lines(pages: Pages, lines: Sequence[str], size: float, colour: str = INK, mono: bool = False) -> None:
    step = size * 1.35 / 72
    for text in lines:
        pages.room(step)
        pages.put(text, MARGIN, pages.y, size, colour, mono=mono)
        pages.y += step


def _facts(pages: Pages, block: Facts) -> None:
    across = 4
    width = pages.width / across
    for start in range(0, len(block.entries), across):
        entries = block.entries[start : start + across]
        labels = [_wrapped(what, width - 0.15, 7.5) for _, what in entries]
        height = 0.3 + 0.145 * max(map(len, labels))
        pages.room(height)
        for place, (value, _) in enumerate(entries):
            x = MARGIN + place * width
            pages.put(value, x, pages.y, 13, bold=True)
            for row, text in enumerate(labels[place]):
                pages.put(text, x, pages.y + 0.24 + 0.14 * row, 7.5, SOFT)
        pages.y += height + 0.08


def _table(pages: Pages, block: Table) -> None:
    size = 7.5
    if block.title:
        pages.room(0.8)
        pages.y += 0.06
        pages.put(block.title, MARGIN, pages.y, 10, bold=True)
        pages.y += 0.24
    numeric = [name.startswith("#") for name in block.head]
    names = [name.removeprefix("#") for name in block.head]
    widths = _widths(names, block.rows, pages.width, size)
    _row(pages, names, widths, numeric, size, SOFT, True)
    pages.line(pages.y)
    for row in block.rows:
        _row(pages, row, widths, numeric, size, INK, False)
    pages.y += 0.12


def _row(pages: Pages, cells: Sequence[str], widths: Sequence[float], numeric: Sequence[bool], size: float,
         colour: str, bold: bool) -> None:  # fmt: skip
    step = size * 1.3 / 72
    wrapped = [_wrapped(cell, width - 0.1, size, bold) for cell, width in zip(cells, widths, strict=True)]
    height = step * max(map(len, wrapped)) + 0.05
    pages.room(height)
    x = MARGIN
    for lines, width, number in zip(wrapped, widths, numeric, strict=True):
        for place, text in enumerate(lines):
            y = pages.y + 0.02 + step * place
            if number:
                pages.put(text, x + width - 0.1, y, size, colour, bold, "right")
            else:
                pages.put(text, x, y, size, colour, bold)
        x += width
    pages.y += height


def _widths(names: Sequence[str], rows: Sequence[Sequence[str]], total: float, size: float) -> list[float]:
    """Each column as wide as it needs; where that is too much, the widest give way."""
    wanted = np.array([
        max([_length(names[place], size, True), *(_length(row[place], size) for row in rows[:60])]) + 0.14
        for place in range(len(names))
    ])  # fmt: skip
    least = np.array([min(_longest_word(names[place], size), 1.2) + 0.14 for place in range(len(names))])
    excess = float(wanted.sum()) - total
    while excess > 1e-6:
        widest = int(np.argmax(wanted - least))
        if wanted[widest] <= least[widest]:
            return list(wanted * total / wanted.sum())
        second = float(np.partition(wanted, -2)[-2]) if wanted.size > 1 else 0.0
        cut = min(excess, max(float(wanted[widest]) - max(second, float(least[widest])), 0.02))
        wanted[widest] -= cut
        excess -= cut
    return [float(width) for width in wanted]


def _longest_word(text: str, size: float) -> float:
    return max((_length(word, size, True) for word in text.split()), default=0.0)


def _figures(pages: Pages, block: Figures) -> None:
    across = block.across
    width = pages.width / across
    for start in range(0, len(block.entries), across):
        entries = block.entries[start : start + across]
        height = 1.75 if across > 1 else 2.4
        if isinstance(entries[0], GraphFigure):
            height = min(7.0, max(1.0, 0.62 * (max(node.row for node in entries[0].nodes) + 1)))
        pages.room(height + 0.1)
        assert pages.sheet is not None
        for place, entry in enumerate(entries):
            inset = 0.0 if isinstance(entry, GraphFigure) else 0.42
            left = (MARGIN + place * width + inset) / WIDTH
            bottom = 1 - (pages.y + height - 0.28) / HEIGHT
            box = (left, bottom, (width - inset - 0.12) / WIDTH, (height - 0.52) / HEIGHT)
            draw(entry, pages.sheet.add_axes(box))
        pages.y += height + 0.05


def _pictures(pages: Pages, block: Pictures) -> None:
    from PIL import Image

    across = 4
    width = pages.width / across
    for start in range(0, len(block.entries), across):
        entries = block.entries[start : start + across]
        images = [np.asarray(Image.open(io.BytesIO(entry.png))) for entry in entries]
        height = max((width - 0.1) * image.shape[0] / image.shape[1] for image in images) + 0.36
        pages.room(height)
        assert pages.sheet is not None
        for place, (entry, image) in enumerate(zip(entries, images, strict=True)):
            tall = (width - 0.1) * image.shape[0] / image.shape[1]
            box = (
                (MARGIN + place * width) / WIDTH,
                1 - (pages.y + tall) / HEIGHT,
                (width - 0.1) / WIDTH,
                tall / HEIGHT,
            )
            axes = pages.sheet.add_axes(box)
            axes.imshow(image, cmap="gray", aspect="auto", interpolation="bilinear")
            axes.axis("off")
            for row, text in enumerate(_wrapped(entry.title, width - 0.1, 6.5)[:2]):
                pages.put(text, MARGIN + place * width, pages.y + tall + 0.03 + 0.12 * row, 6.5, SOFT)
        pages.y += height


def _code(pages: Pages, block: Code) -> None:
    pages.room(0.5)
    pages.y += 0.06
    pages.put(block.title, MARGIN, pages.y, 9, bold=True)
    pages.y += 0.2
    lines = list(_broken(block.text, 108))
    if block.folded:
        note = f"{len(lines):,} lines; they are in the HTML report (vitreous report --out report.html)."
        _lines(pages, [note], 8, SOFT)
        return
    _lines(pages, lines, 7, mono=True)


def _broken(text: str, length: int) -> Iterator[str]:
    for line in text.splitlines():
        yield line[:length]
        for start in range(length, len(line), length - 2):
            yield "  " + line[start : start + length - 2]


def _wrapped(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """The text in lines of at most ``width`` inches; words that are longer are broken."""
    lines, line = [], ""
    for word in _words(text, width, size, bold):
        longer = f"{line} {word}" if line else word
        if line and _length(longer, size, bold) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def _words(text: str, width: float, size: float, bold: bool) -> Iterator[str]:
    for word in text.split():
        while _length(word, size, bold) > width and len(word) > 1:
            end = len(word) - 1
            while end > 1 and _length(word[:end], size, bold) > width:
                end -= 1
            yield word[:end]
            word = word[end:]
        yield word


def _length(text: str, size: float, bold: bool = False) -> float:
    """Inches that a text takes."""
    return sum(_letter(letter, bold) for letter in text) * size


@lru_cache(maxsize=2048)
def _letter(letter: str, bold: bool) -> float:
    """Inches of a letter at 1 pt; bold texts are some percent wider."""
    font: Any = _font(bold)
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536.0 / 72.0


@lru_cache(maxsize=2)
def _font(bold: bool) -> Any:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))
    font.set_size(1.0, 72)
    return font
