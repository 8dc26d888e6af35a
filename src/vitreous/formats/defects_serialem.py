"""SerialEM's list of camera defects: a keyword and integers on each line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vitreous.formats.defect_list import DefectList, Rectangle
from vitreous.formats.image_faults import image_fault
from vitreous.formats.side_text import whole_number

SINGLE = ("camerasizex", "camerasizey", "rotationandflip", "wasscaled", "k2type", "falcontype", "numtoavgsuperres")
LISTS = ("badpixels", "badcolumns", "badrows")
FOURS = ("usablearea", "partialbadcolumn", "partialbadrow")
HINT = "Write the list again with SerialEM, or correct the line"
PIXELS_PER_LINE = 10
NUMBERS_PER_LINE = 20
SHORTEST_RUN = 3
"""Bad pixels in line from which on a partial column or row is shorter than the pixels one by one."""


def parse_serialem_defects(path: Path, text: str) -> DefectList:
    """Parse the text; coordinates are inclusive, from 0 at the top left.

    Keywords of other matters are passed over; one that speaks of pixels, columns or rows and is not known is refused,
    for bad pixels must not be lost in silence.

    Raises:
        DataError: a line does not hold what its keyword asks for, or no keyword is known.
    """
    single: dict[str, int] = {}
    columns: list[tuple[int, int]] = []
    rows: list[tuple[int, int]] = []
    rectangles: list[Rectangle] = []
    usable = None
    n_known = 0
    for where, keyword, numbers in _lines(path, text):
        n_known += 1
        if keyword in SINGLE:
            if len(numbers) != 1:
                raise image_fault(path, f"{where} has {len(numbers)} numbers, and takes 1", HINT)
            single[keyword] = numbers[0]
        elif keyword in FOURS:
            if len(numbers) != 4:
                raise image_fault(path, f"{where} has {len(numbers)} numbers, and takes 4", HINT)
            a, b, c, d = numbers
            if keyword == "usablearea":
                usable = Rectangle(b, a, d, c) if any(numbers) else None
            elif keyword == "partialbadcolumn":
                rectangles.append(Rectangle(a, c, a + b - 1, d))
            else:
                rectangles.append(Rectangle(c, a, d, a + b - 1))
        elif keyword == "badpixels":
            if len(numbers) % 2:
                raise image_fault(path, f"{where} has {len(numbers)} numbers, and takes pairs", HINT)
            rectangles += [Rectangle(x, y, x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
        else:
            (columns if keyword == "badcolumns" else rows).extend((n, n) for n in numbers)
    if not n_known:
        raise image_fault(
            path, "is no list of defects", "Known are SerialEM's text, Falcon XML, MotionCor2's text and an image"
        )
    size = single.get("camerasizex", 0), single.get("camerasizey", 0)
    if (size[0] > 0) != (size[1] > 0):
        raise image_fault(path, f"gives the camera's size as {size[0]} x {size[1]} px", HINT)
    return DefectList(
        path=path,
        columns=tuple(columns),
        rows=tuple(rows),
        rectangles=tuple(rectangles),
        camera_size=size if size[0] > 0 else None,
        usable=usable,
        is_scaled=single.get("wasscaled", 0) != 0,
        rotation_and_flip=single.get("rotationandflip"),
    )


def _lines(path: Path, text: str) -> Iterator[tuple[str, str, list[int]]]:
    """Place, keyword in lower case and numbers of the lines that matter."""
    for index, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        keyword = words[0].lower()
        where = f"line {index} ({words[0][:30]})"
        if keyword not in SINGLE + LISTS + FOURS:
            if any(part in keyword for part in ("bad", "pixel", "column", "row", "usable", "camerasize")):
                raise image_fault(path, f"{where} has a keyword that is not known", HINT)
            continue
        numbers = [whole_number(word) for word in words[1:]]
        known = [number for number in numbers if number is not None]
        if len(known) != len(numbers) or (keyword not in SINGLE and min(known, default=0) < 0):
            raise image_fault(path, f"{where} holds something else than whole numbers from 0", HINT)
        yield where, keyword, known


def serialem_defects_text(bad: np.ndarray) -> str:
    """The text that lists the bad pixels of a map ``[ny, nx]`` in MRC orientation, true where a pixel is bad."""
    top_first = np.asarray(bad, bool)[::-1]
    ny, nx = top_first.shape
    columns, rows = np.flatnonzero(top_first.all(0)), np.flatnonzero(top_first.all(1))
    if len(columns) == nx:
        rows = rows[:0]
    rest = top_first.copy()
    rest[:, columns] = False
    rest[rows] = False
    vertical = _rectangles_of_runs(rest.T)
    for y0, x0, y1, x1 in vertical:
        rest[y0 : y1 + 1, x0 : x1 + 1] = False
    horizontal = _rectangles_of_runs(rest)
    for x0, y0, x1, y1 in horizontal:
        rest[y0 : y1 + 1, x0 : x1 + 1] = False
    ys, xs = np.nonzero(rest)
    lines = [f"CameraSizeX {nx}", f"CameraSizeY {ny}", "RotationAndFlip 0", "WasScaled 0", "UsableArea 0 0 0 0"]
    lines += [f"PartialBadColumn {x0} {x1 - x0 + 1} {y0} {y1}" for y0, x0, y1, x1 in vertical]
    lines += [f"PartialBadRow {y0} {y1 - y0 + 1} {x0} {x1}" for x0, y0, x1, y1 in horizontal]
    pairs = [f"{x} {y}" for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]
    lines += [f"BadPixels {chunk}" for chunk in _chunks(pairs, PIXELS_PER_LINE)]
    lines += [f"BadColumns {chunk}" for chunk in _chunks([str(c) for c in columns.tolist()], NUMBERS_PER_LINE)]
    lines += [f"BadRows {chunk}" for chunk in _chunks([str(r) for r in rows.tolist()], NUMBERS_PER_LINE)]
    return "\n".join(lines) + "\n"


def _rectangles_of_runs(bad: np.ndarray) -> list[Rectangle]:
    """Runs along axis 1 of at least ``SHORTEST_RUN`` pixels; equal runs of adjacent rows are one rectangle."""
    edges = np.diff(np.pad(bad, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (ys, starts), (_, ends) = np.nonzero(edges == 1), np.nonzero(edges == -1)
    long = ends - starts >= SHORTEST_RUN
    found: list[Rectangle] = []
    open_runs: dict[tuple[int, int], int] = {}
    for y, x0, x1 in zip(ys[long].tolist(), starts[long].tolist(), (ends[long] - 1).tolist(), strict=True):
        at = open_runs.get((x0, x1))
        if at is not None and found[at].y1 == y - 1:
            found[at] = found[at]._replace(y1=y)
        else:
            open_runs[x0, x1] = len(found)
            found.append(Rectangle(x0, y, x1, y))
    return found


def _chunks(words: Sequence[str], size: int) -> list[str]:
    return [" ".join(words[at : at + size]) for at in range(0, len(words), size)]
