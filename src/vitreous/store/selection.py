"""Choosing exposures by number, name, group, flag, tag and values of their columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vitreous.core.errors import UsageError
from vitreous.core.words import near_names
from vitreous.store.columns import check_column
from vitreous.store.database import Database
from vitreous.store.groups import find_group
from vitreous.store.items import FLAGS, TRASH, check_items, check_tag

Comparison = Literal["=", "!=", "<", "<=", ">", ">="]

_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True)
class Selection:
    """Which exposures; what is ``None`` or empty does not restrict, and all restrictions hold together.

    Attributes:
        ids: numbers.
        names: names or patterns with ``*``, ``?`` and ``[…]``; one of them fits.
        group: name of a group. Where no group, number or name is given, TRASH is left out.
        flag: colour, or ``none`` for those without.
        tag: that they have.
        values: ``(column, comparison, value)``; ``None`` with ``=`` or ``!=`` asks whether the value is unknown or
            known. An unknown value fits no other comparison.
        where, parameters: an SQL condition that the program made.
    """

    ids: Sequence[int] | None = None
    names: Sequence[str] | None = None
    group: str | None = None
    flag: str | None = None
    tag: str | None = None
    values: Sequence[tuple[str, Comparison, Any]] = ()
    where: str | None = None
    parameters: Sequence[Any] = ()


def select(db: Database, selection: Selection) -> list[int]:
    """Ids of the chosen exposures, in order.

    Raises:
        UsageError: a number, name, group, flag, tag or column is not there; the hint names similar ones.
    """
    where, parameters = condition(db, selection)
    rows = db.connection.execute(f"SELECT id FROM exposures WHERE {where} ORDER BY id", parameters)
    return [row[0] for row in rows]


def condition(db: Database, selection: Selection) -> tuple[str, tuple[Any, ...]]:
    """The SQL condition of a selection on the view ``exposures``, with its parameters."""
    parts: list[tuple[str, tuple[Any, ...]]] = [("1", ())]
    if selection.ids is not None:
        parts.append((_IN_LIST, (json.dumps(check_items(db, selection.ids)),)))
    if selection.names is not None:
        parts.append((_IN_LIST, (json.dumps(_named(db, selection.names)),)))
    if selection.group is not None:
        parts.append(("group_id = ?", (find_group(db, selection.group),)))
    elif selection.ids is None and selection.names is None:
        parts.append(("group_id <> ?", (TRASH,)))
    if selection.flag is not None:
        parts.append(("flag IS ?", (_flag(selection.flag),)))
    if selection.tag is not None:
        check_tag(db, selection.tag)
        parts.append(("id IN (SELECT item FROM tag WHERE name = ?)", (selection.tag,)))
    parts.extend(_compare(db, *value) for value in selection.values)
    if selection.where:
        parts.append((f"({selection.where})", tuple(selection.parameters)))
    return " AND ".join(text for text, _ in parts), tuple(value for _, values in parts for value in values)


_IN_LIST = "id IN (SELECT value FROM json_each(?))"


def _compare(db: Database, column: str, comparison: str, value: Any) -> tuple[str, tuple[Any, ...]]:
    check_column(db, column)
    if comparison not in _COMPARISONS:
        raise UsageError(
            f"there is no comparison {comparison!r}", hint=f"Use one of {' '.join(_COMPARISONS)}", column=column
        )
    if value is None:
        if comparison not in ("=", "!="):
            raise UsageError(
                f"column {column} can't be {comparison} nothing",
                hint="Ask for unknown values with = and for known ones with !=",
                column=column,
            )
        return f'"{column}" IS {"NOT " if comparison == "!=" else ""}NULL', ()
    return f'"{column}" {comparison} ?', (value,)


def _flag(flag: str) -> str | None:
    if flag not in FLAGS:
        raise UsageError(f"there is no flag {flag!r}", hint=f"Use one of {', '.join(FLAGS)}", flag=flag)
    return None if flag == "none" else flag


def _named(db: Database, names: Sequence[str]) -> list[int]:
    found: set[int] = set()
    for name in names:
        rows = db.connection.execute("SELECT id FROM exposure WHERE name = ?", (name,)).fetchall()
        if not rows and any(character in name for character in "*?["):
            rows = db.connection.execute("SELECT id FROM exposure WHERE name GLOB ?", (name,)).fetchall()
        if not rows:
            raise UsageError(
                f"the project has no exposure {name!r}",
                hint=f"Did you mean {near_names(name, _candidates(db, name))}?",
                name=name,
            )
        found.update(row[0] for row in rows)
    return sorted(found)


def _candidates(db: Database, name: str, limit: int = 500) -> list[str]:
    """Names that begin like ``name``: comparing with all of 100,000 would take seconds."""
    for length in range(len(name) - 1, -1, -1):
        start = name[:length]
        rows = db.connection.execute(
            "SELECT name FROM exposure WHERE name >= ? AND name < ? ORDER BY name LIMIT ?",
            (start, start + "\U0010ffff", limit),
        ).fetchall()
        if rows:
            return [row[0] for row in rows]
    return []
