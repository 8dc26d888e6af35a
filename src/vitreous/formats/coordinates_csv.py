"""Coordinates as a table with named columns, separated by commas, semicolons or tabs."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from types import MappingProxyType

import numpy as np

from vitreous.core.errors import DataError
from vitreous.formats.base import write_text
from vitreous.formats.coordinates_text import text_lines
from vitreous.model.columns import find_alias, find_column
from vitreous.model.particles import ParticleTable, by_unique, is_known, micrograph_name

_HINT = "Give a table with a heading: micrograph, coordinate_x, coordinate_y and perhaps pick_score"
_OTHERS: Mapping[str, str] = MappingProxyType(
    {
        "x": "coordinate_x", "y": "coordinate_y", "x_px": "coordinate_x", "y_px": "coordinate_y",
        "center_x": "coordinate_x", "center_y": "coordinate_y", "x_coordinate": "coordinate_x",
        "y_coordinate": "coordinate_y", "confidence": "pick_score", "power": "pick_power",
        "image": "micrograph", "image_name": "micrograph", "filename": "micrograph", "file": "micrograph",
        "micrograph_name": "micrograph", "rlnmicrographname": "micrograph", "source": "pick_source",
    }
)  # fmt: skip


def read_csv(path: Path, pixel_size: float | None = None) -> ParticleTable:
    """Columns by their heading: our names, RELION's labels, or plain x, y, score, image; others are left aside."""
    lines = list(text_lines(path, _HINT))
    if not lines:
        raise DataError(f"{path}: the table is empty", hint=_HINT, path=str(path))
    separator = max(",;\t", key=lines[0][1].count)
    heading, *rows = [(line, next(csv.reader([text], delimiter=separator))) for line, text in lines]
    names = [_our_name(word) for word in heading[1]]
    if "score" in names and "pick_score" not in names:  # a table of picks has no other
        names[names.index("score")] = "pick_score"
    for wanted in ("coordinate_x", "coordinate_y"):
        if names.count(wanted) != 1:
            raise DataError(
                f"{path}: {names.count(wanted)} columns are {wanted}; the heading: {', '.join(heading[1])[:200]}",
                hint=_HINT,
                path=str(path),
            )
    for line, words in rows:
        if len(words) != len(names):
            raise DataError(
                f"{path}: line {line} has {len(words)} values for {len(names)} columns",
                hint="Correct the line",
                path=str(path),
                line=line,
            )
    columns = {
        name: _values(name, [words[i].strip() for _, words in rows], [line for line, _ in rows], path)
        for i, name in enumerate(names)
        if name is not None
    }
    if "micrograph" in columns:
        columns["micrograph_path"] = columns["micrograph"]
        columns["micrograph"] = by_unique(columns["micrograph"], micrograph_name)
    return ParticleTable(columns)


def write_csv(path: Path, table: ParticleTable) -> tuple[str, ...]:
    """Every column under our name; unknown is empty."""
    known = {name: is_known(values).tolist() for name, values in table.columns.items()}
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    values = [
        [_text(value) if there else "" for value, there in zip(column.tolist(), known[name], strict=True)]
        for name, column in table.columns.items()
    ]
    writer.writerows(zip(*values, strict=True))
    write_text(path, text.getvalue())
    return ()


def _our_name(word: str) -> str | None:
    name = word.strip().lstrip("_").split(" #")[0].split(" [")[0]
    if find_column(name, "particle") is not None:
        return name
    other = _OTHERS.get(name.lower().replace(" ", "_"))
    if other is not None and find_column(other, "particle") is not None:
        return other
    found = find_alias("relion", name, "particle")
    return None if found is None else found.name


def _values(name: str, words: list[str], lines: list[int], path: Path) -> np.ndarray:
    column = find_column(name, "particle")
    if column is not None and column.kind == "text":
        texts = np.empty(len(words), dtype=object)
        texts[:] = [word or None for word in words]
        return texts
    try:
        return np.array([float(word) if word else np.nan for word in words])
    except ValueError:
        wrong = next(i for i, word in enumerate(words) if word and not _is_number(word))
        raise DataError(
            f"{path}: line {lines[wrong]}: {name} is {words[wrong][:40]!r}, not a number",
            hint="Correct the line",
            path=str(path),
            line=lines[wrong],
        ) from None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _text(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)
