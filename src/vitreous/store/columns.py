"""The columns that jobs add to the table of exposures, and the values in them."""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from vitreous.core.errors import DataError, UsageError
from vitreous.core.plain import plain
from vitreous.core.words import near_names
from vitreous.store.database import Database

ColumnType = Literal["REAL", "INTEGER", "TEXT", "BOOLEAN"]

COLUMN_TYPES: tuple[ColumnType, ...] = ("REAL", "INTEGER", "TEXT", "BOOLEAN")

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LAST = ("imported", "recorded", "parameters", "group_id", "group_before")
_FIRST = ("comment", "source_job", "source_path", "path", "identity", "size")


def exposure_columns(db: Database, table: str = "exposures") -> dict[str, str]:
    """Columns of the view of exposures (or of another table), in order → type; the type of a computed one is empty."""
    rows = db.connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,))
    return {row[0]: row[1] for row in rows}


def check_column(db: Database, name: str) -> str:
    """The type of a column of exposures.

    Raises:
        UsageError: there is no such column; the hint names similar ones.
    """
    known = exposure_columns(db)
    if name not in known:
        raise UsageError(
            f"exposures have no column {name!r}",
            hint=f"Did you mean {near_names(name, known)}? Columns come with the jobs that give them",
            column=name,
        )
    return known[name]


def ensure_columns(db: Database, columns: Mapping[str, ColumnType]) -> list[str]:
    """Add the columns that are not there yet to the table of exposures; returns their names.

    Raises:
        UsageError: a name is not small letters, digits and ``_``, or the column is there with another type.
    """
    have = {name.lower(): kind for name, kind in exposure_columns(db, "exposure").items()}
    missing = []
    for name, kind in columns.items():
        if not _NAME.fullmatch(name) or name in ("group_name", "tags"):
            raise UsageError(
                f"{name!r} can't be the name of a column",
                hint="Use small letters, digits and _, with a letter first",
                column=name,
            )
        if kind not in COLUMN_TYPES:
            raise UsageError(
                f"column {name}: there is no type {kind!r}", hint=f"Use one of {', '.join(COLUMN_TYPES)}", column=name
            )
        if name not in have:
            missing.append(name)
        elif have[name] != kind:
            raise UsageError(
                f"column {name} holds {have[name]}, not {kind}", hint="Give the new column another name", column=name
            )
    if missing:
        with db.transaction() as connection:
            for name in missing:
                connection.execute(f"ALTER TABLE exposure ADD COLUMN {name} {columns[name]}")
            refresh_view(db)
    return missing


def refresh_view(db: Database) -> None:
    """Make the view ``exposures`` anew, so that it shows all columns."""
    special = {"id", "name", "flag", *_FIRST, *_LAST}
    grown = [name for name in exposure_columns(db, "exposure") if name not in special]
    names = ", ".join([*_FIRST, *grown, *_LAST])
    with db.transaction() as connection:
        connection.execute("DROP VIEW IF EXISTS exposures")
        connection.execute(
            "CREATE VIEW exposures AS SELECT id, name, "
            "(SELECT name FROM item_group WHERE id = group_id) AS group_name, flag, "
            "(SELECT group_concat(name, ', ') FROM tag WHERE item = exposure.id) AS tags, "
            f"{names} FROM exposure"
        )


def set_values(db: Database, item: int, slot: str, job: int, values: Mapping[str, Any]) -> bool:
    """Show the values that ``job`` gives to one item's slot, unless a newer job's are there; whether they are shown.

    Args:
        item: id of the exposure.
        slot: name of the slot; all its columns that ``values`` does not name become unknown.
        job: the newest job wins, so the outcome does not depend on the order of calls.
        values: column → value, ``None`` for unknown; columns must be there (``ensure_columns``).

    Raises:
        UsageError: a column is not there, or belongs to another slot.
        DataError: a value does not fit its column.
    """
    return bool(set_many(db, [(item, slot, job, values)]))


def set_many(db: Database, rows: Iterable[tuple[int, str, int, Mapping[str, Any]]]) -> int:
    """``set_values`` for many ``(item, slot, job, values)`` in one transaction; how many are shown."""
    batches: dict[tuple[str, tuple[str, ...]], list[tuple[int, int, Mapping[str, Any]]]] = {}
    for item, slot, job, values in rows:
        batches.setdefault((slot, tuple(values)), []).append((item, job, values))
    changed = 0
    if not batches:
        return 0
    with db.transaction() as connection:
        for (slot, names), batch in batches.items():
            kinds = _claim(db, slot, names)
            cursor = connection.executemany(
                _update(slot, kinds),
                (
                    (*(_stored(name, kind, values.get(name)) for name, kind in kinds.items()), job, item, job)
                    for item, job, values in batch
                ),
            )
            changed += cursor.rowcount
    return changed


def clear_values(db: Database, slot: str, job: int, items: Sequence[int] | None = None) -> int:
    """Make a slot's values unknown where they are those of ``job`` (of all items, or of some); how many were."""
    if f"{slot}_job" not in exposure_columns(db, "exposure"):
        return 0
    chosen, parameters = "", [job]
    names = _columns_of(db.connection, slot)
    unknown = ", ".join(f"{name} = NULL" for name in [*names, f"{slot}_job"])
    extra: tuple[Any, ...] = tuple(parameters)
    if items is not None:
        chosen = " AND id IN (SELECT value FROM json_each(?))"
        extra = (*extra, json.dumps(list(items)))
    with db.transaction() as connection:
        return connection.execute(f"UPDATE exposure SET {unknown} WHERE {slot}_job = ?{chosen}", extra).rowcount


def _update(slot: str, kinds: Mapping[str, str]) -> str:
    parts = ", ".join([*(f"{name} = ?" for name in kinds), f"{slot}_job = ?"])
    return f"UPDATE exposure SET {parts} WHERE id = ? AND ({slot}_job IS NULL OR {slot}_job <= ?)"


def _claim(db: Database, slot: str, names: Sequence[str]) -> dict[str, str]:
    """All columns of a slot → type, after giving it ``names`` and its column of the job."""
    if not _NAME.fullmatch(slot) or slot == "source":
        raise UsageError(f"{slot!r} can't be the name of a slot", hint="Use small letters, digits and _", slot=slot)
    ensure_columns(db, {f"{slot}_job": "INTEGER"})
    kinds = exposure_columns(db, "exposure")
    owners = dict(db.connection.execute("SELECT name, slot FROM exposure_column").fetchall())
    for name in names:
        if name not in kinds or name in (*_FIRST, *_LAST, "id", "name", "flag") or name.endswith("_job"):
            raise UsageError(
                f"slot {slot} has no column {name!r}",
                hint=f"Did you mean {near_names(name, owners)}? New columns are declared before they are filled",
                column=name,
            )
        if owners.setdefault(name, slot) != slot:
            raise UsageError(
                f"column {name} belongs to slot {owners[name]}, and slot {slot} would fill it too",
                hint="Give the new column another name",
                column=name,
            )
    db.connection.executemany("INSERT OR IGNORE INTO exposure_column VALUES (?, ?)", [(name, slot) for name in names])
    return {name: kinds[name] for name in _columns_of(db.connection, slot)}


def _columns_of(connection: sqlite3.Connection, slot: str) -> list[str]:
    rows = connection.execute("SELECT name FROM exposure_column WHERE slot = ? ORDER BY name", (slot,))
    return [row[0] for row in rows]


def _stored(name: str, kind: str, value: Any) -> Any:
    """A value as the column keeps it: NaN and infinities are unknown, lists and tables are JSON text."""
    value = plain(value)
    if value is None:
        return None
    if kind == "TEXT":
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, int | float) and (kind == "REAL" or float(value).is_integer()):
        number = float(value) if kind == "REAL" else int(value)
        if math.isfinite(number) and (kind != "BOOLEAN" or number in (0, 1)):
            return number
    raise DataError(
        f"column {name} holds {kind}, not {value!r}", hint="Correct the result of the job that gives it", column=name
    )
