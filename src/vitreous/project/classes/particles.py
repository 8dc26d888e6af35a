"""The particles of classes: pages of them, the images on which they lie, and what each image gave."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.project.classes.averages import ParticleImage
from vitreous.project.classes.gallery import known
from vitreous.project.classes.place import ClassesAt
from vitreous.project.session import Session
from vitreous.store import library
from vitreous.store.columns import exposure_columns
from vitreous.store.tables import connect, table_faults

MEMORY, THREADS = "256MB", 1
"""What a question about particles may take of the server."""
ORDERS = {
    "probability": "max_probability DESC NULLS LAST, file_row_number",
    "doubtful": "max_probability ASC NULLS LAST, file_row_number",
    "number": "uid NULLS LAST, file_row_number",
}
Order = Literal["probability", "doubtful", "number"]
"""Sure ones first, doubtful ones first, or by number."""
_WANTED = (
    "uid",
    "micrograph",
    "coordinate_x",
    "coordinate_y",
    "class_number",
    "max_probability",
    "psi",
    "origin_x",
    "origin_y",
    "image_stack",
    "image_index",
    "pixel_size",
)


@dataclass(frozen=True)
class _Table:
    """The particles of a classification on disk, and which columns they have."""

    path: Path
    columns: frozenset[str]
    stamp: str


def _table(session: Session, found: ClassesAt) -> _Table:
    assert found.particles is not None
    path = found.particles
    stamp = f"{path.stat().st_mtime_ns:x}"

    def read() -> frozenset[str]:
        with connect(MEMORY, THREADS) as connection, table_faults("particles"):
            rows = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
            return frozenset(row[0] for row in rows)

    columns = library.cached(session.db, ("particle columns", str(path), stamp), read)
    if "class_number" not in columns:
        raise UsageError(f"{path.name} has no classes", hint="Run the classification again", missing=True)
    return _Table(path, columns, stamp)


def _ask(table: _Table, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Rows of a query on the view ``p`` of the particles, in which every wanted column is there."""
    names = ", ".join(name if name in table.columns else f"NULL AS {name}" for name in _WANTED)
    with connect(MEMORY, THREADS) as connection, table_faults("particles"):
        view = f"WITH p AS (SELECT {names}, file_row_number FROM read_parquet(?, file_row_number = true)) "
        return connection.execute(view + text, [str(table.path), *values]).fetchall()


def _listed(classes: Iterable[int]) -> str:
    return ", ".join(str(int(number)) for number in classes) or "NULL"


def class_particles(
    session: Session,
    found: ClassesAt,
    classes: Sequence[int],
    order: Order = "probability",
    limit: int = 24,
    offset: int = 0,
) -> dict[str, Any]:
    """A page of the particles of some classes; JSON-able.

    Returns:
        ``{"total", "rows"}``; a row has uid, micrograph, item (number of the exposure, ``None`` where it is gone),
        coordinate_x and _y in px of the micrograph, class_number, max_probability.
    """
    table = _table(session, found)
    where = f"FROM p WHERE class_number IN ({_listed(classes)})"
    key = ("class total", str(table.path), table.stamp, tuple(classes))
    total = library.cached(session.db, key, lambda: int(_ask(table, f"SELECT count(*) {where}")[0][0]))
    names = ", ".join(_WANTED[:6])
    rows = _ask(table, f"SELECT {names} {where} ORDER BY {ORDERS[order]} LIMIT ? OFFSET ?", (limit, offset))
    items = items_named(session, [row[1] for row in rows])
    return {
        "total": total,
        "rows": [
            {
                "uid": row[0],
                "micrograph": row[1],
                "item": items.get(row[1]),
                "coordinate_x": known(row[2]),
                "coordinate_y": known(row[3]),
                "class_number": row[4],
                "max_probability": known(row[5]),
            }
            for row in rows
        ],
    }


def particle_images(
    session: Session, found: ClassesAt, classes: Sequence[int], order: Order, limit: int, offset: int
) -> list[ParticleImage]:
    """Where the images of such a page lie, in its order; stacks outside the project's folder are not read."""
    table = _table(session, found)
    where = f"class_number IN ({_listed(classes)}) ORDER BY {ORDERS[order]} LIMIT ? OFFSET ?"
    names = f"image_stack, image_index, coalesce(pixel_size, {found.model.pixel_size:.9g}), psi, origin_x, origin_y"
    text = f"SELECT {names} FROM p WHERE {where}"
    return [
        ParticleImage(
            _stack(session.folder, row[0]),
            int(row[1] or 0),
            float(row[2]),
            known(row[3]) or 0.0,
            (known(row[4]) or 0.0, known(row[5]) or 0.0),
        )
        for row in _ask(table, text, (limit, offset))
    ]


def _stack(folder: Path, name: str | None) -> Path | None:
    """The file of a stack, where it really lies in the project."""
    if not name or "\0" in name:
        return None
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None


def items_named(session: Session, names: Iterable[str | None]) -> dict[str, int]:
    """Numbers of exposures by name; names that are not there are left out."""
    wanted = json.dumps(sorted({name for name in names if name is not None}))
    text = "SELECT name, min(id) FROM exposure WHERE name IN (SELECT value FROM json_each(?)) GROUP BY name"
    return {row[0]: row[1] for row in session.db.connection.execute(text, (wanted,))}


@dataclass(frozen=True)
class _Images:
    """Each image with particles in classes: its name, number, particles in any class and in the chosen ones."""

    names: list[str]
    items: np.ndarray
    classified: np.ndarray
    chosen: np.ndarray


def _images(session: Session, found: ClassesAt, classes: Sequence[int]) -> _Images:
    """Images by name, counted; kept until the data change."""
    table = _table(session, found)

    def count() -> _Images:
        text = f"""SELECT micrograph, count(*), count(*) FILTER (class_number IN ({_listed(classes)})) FROM p
            WHERE class_number IS NOT NULL AND micrograph IS NOT NULL GROUP BY micrograph ORDER BY micrograph"""
        rows = _ask(table, text)
        numbers = items_named(session, [row[0] for row in rows])
        return _Images(
            [row[0] for row in rows],
            np.array([numbers.get(row[0], 0) for row in rows], np.int64),
            np.array([row[1] for row in rows], np.int64),
            np.array([row[2] for row in rows], np.int64),
        )

    key = ("class images", str(table.path), table.stamp, tuple(classes))
    return library.cached(session.db, key, lambda: (count(),))[0]


def class_images(
    session: Session,
    found: ClassesAt,
    classes: Sequence[int],
    *,
    fewest: bool = False,
    limit: int = 50,
    offset: int = 0,
) -> dict[str, Any]:
    """Images by the number of their particles in some classes, the most (or fewest) first; JSON-able.

    Returns:
        ``{"total", "rows"}``; a row has micrograph, item, classified (particles in any class) and chosen.
    """
    images = _images(session, found, classes)
    there = np.arange(images.chosen.size) if fewest else np.flatnonzero(images.chosen)
    by = np.lexsort((there, images.chosen[there] if fewest else -images.chosen[there]))
    rows = [int(place) for place in there[by[offset : offset + limit]]]
    return {
        "total": int(there.size),
        "rows": [
            {
                "micrograph": images.names[row],
                "item": int(images.items[row]) or None,
                "classified": int(images.classified[row]),
                "chosen": int(images.chosen[row]),
            }
            for row in rows
        ],
    }


STEPS = ("picked", "extracted", "classified", "chosen")
"""What becomes of particles, in order."""
_COLUMNS = {"picked": "picks_found", "extracted": "particles_extracted"}


def class_yield(session: Session, found: ClassesAt, classes: Sequence[int], bins: int = 24) -> dict[str, Any]:
    """What each image gave: particles picked, extracted, classified and in the chosen classes; JSON-able.

    Returns:
        ``{"images", "totals", "edges", "counts", "fraction"}``: totals of each step (``None`` where no job of the
        project counts it), how many images gave how many particles, and how many images had which fraction of their
        classified particles chosen, in 20 equal parts of 0..1.
    """
    images = _images(session, found, classes)
    values: dict[str, np.ndarray | None] = {"classified": images.classified, "chosen": images.chosen}
    there = exposure_columns(session.db, "exposure")
    for step, column in _COLUMNS.items():
        values[step] = _column(session, column) if column in there else None
    most = max((int(value.max()) for value in values.values() if value is not None and value.size), default=0)
    width = max(1, -(-(most + 1) // bins))
    edges = np.arange(0, most + 1 + width, width) - 0.5
    share = images.chosen[images.classified > 0] / images.classified[images.classified > 0]
    return {
        "images": len(images.names),
        "totals": {step: None if (value := values[step]) is None else int(value.sum()) for step in STEPS},
        "edges": [float(edge) for edge in edges],
        "counts": {
            step: None if (value := values[step]) is None else [int(n) for n in np.histogram(value, edges)[0]]
            for step in STEPS
        },
        "fraction": [int(n) for n in np.histogram(share, 20, (0.0, 1.0))[0]],
    }


def _column(session: Session, name: str) -> np.ndarray:
    rows = session.db.connection.execute(f'SELECT "{name}" FROM exposures WHERE "{name}" IS NOT NULL').fetchall()
    return np.array([row[0] for row in rows], np.int64)
