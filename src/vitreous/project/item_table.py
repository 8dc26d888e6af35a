"""The table of items as pages ask for it: its columns, conditions that people type, pages, counts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal

from vitreous.core.errors import UsageError
from vitreous.model.columns import find_column
from vitreous.project.conditions import KINDS
from vitreous.project.filters import Rule, filter_condition
from vitreous.project.scripts import script_columns
from vitreous.project.session import Session
from vitreous.store import library
from vitreous.store.columns import exposure_columns
from vitreous.store.database import Database
from vitreous.store.groups import groups
from vitreous.store.items import FLAGS, TRASH, tags
from vitreous.store.library import Direction, Page
from vitreous.store.selection import Selection, condition
from vitreous.workflow.expression import Expression, parse
from vitreous.workflow.expression_nodes import Column, Kind, Node

HIDDEN = frozenset({"id", "group_id", "group_before", "parameters"})
"""Columns of the view that are no news to people."""
ALIASES = {"group": "group_name", "number": "id"}
"""What filters call a column → its name in the table."""
KIND_NAMES = {"REAL": "real", "INTEGER": "integer", "BOOLEAN": "boolean"}

Side = Literal["all", "items", "rejected", "by hand"]


@dataclass(frozen=True)
class TableColumn:
    """A column of the project's table.

    Attributes:
        name, kind, unit, meaning: as declared.
        slot: that brings it; ``None``: the item has it by itself.
    """

    name: str
    kind: str
    unit: str | None
    meaning: str
    slot: str | None


@dataclass(frozen=True)
class Which:
    """Which items a page shows; what is ``None`` does not restrict.

    Attributes:
        where: condition in the language of filters.
        group, flag, tag: as in ``Selection``; TRASH is left out unless it is asked for.
        filter: number of a filter job, of whose items ``side`` shows all, those that pass (``items``), those that don't
            (``rejected``), or those that people decided on.
        upto: highest number of an item: what came later waits to be announced.
    """

    where: str | None = None
    group: str | None = None
    flag: str | None = None
    tag: str | None = None
    filter: int | None = None
    side: Side = "items"
    upto: int | None = None


Condition = tuple[str, tuple[Any, ...]]


def table_columns(session: Session) -> list[TableColumn]:
    """The columns of the project's table that mean something to people, in its order."""
    slots = dict(session.db.connection.execute("SELECT name, slot FROM exposure_column").fetchall())
    declared = _of_scripts(session)
    found = []
    for name, stored in exposure_columns(session.db).items():
        if name in HIDDEN:
            continue
        kind = KIND_NAMES.get(stored, "text")
        known = find_column(name)
        if known is not None:
            found.append(TableColumn(name, kind, known.unit, known.meaning, known.slot))
        elif name.endswith("_job"):
            slot = name.removesuffix("_job")
            meaning = "job that brought the item" if slot == "source" else f"job that gave {slot}"
            found.append(TableColumn(name, "integer", None, meaning, None if slot == "source" else slot))
        else:
            _, unit, meaning = declared.get(name, (kind, None, name.replace("_", " ")))
            found.append(TableColumn(name, kind, unit, meaning, slots.get(name)))
    return found


def _of_scripts(session: Session) -> dict[str, tuple[str, str | None, str]]:
    declared: dict[str, tuple[str, str | None, str]] = {}
    rows = session.db.connection.execute("SELECT DISTINCT type FROM job WHERE type GLOB 'script:*'")
    for (name,) in rows.fetchall():
        declared.update(script_columns(session.type(name)))
    return declared


def read_condition(db: Database, text: str) -> Expression:
    """A condition that a person typed, checked against the table's columns; ``group`` and ``number`` are known too.

    Raises:
        UsageError: it can't be read; ``context`` tells ``position`` and ``length``.
    """
    kinds: dict[str, Kind] = {"group": "text", "number": "number"}
    kinds |= {name: KINDS.get(kind, "text") for name, kind in exposure_columns(db).items()}
    found = parse(text, kinds)
    return replace(found, root=_renamed(found.root))


def _renamed(node: Any) -> Any:
    if isinstance(node, Column):
        return replace(node, name=ALIASES.get(node.name, node.name))
    if isinstance(node, tuple):
        return tuple(_renamed(part) for part in node)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    changed: Mapping[str, Node] = {
        field.name: _renamed(getattr(node, field.name)) for field in fields(node) if field.name not in ("kind",)
    }
    return replace(node, **changed)


def condition_of(session: Session, which: Which) -> Condition:
    """The SQL condition on the view ``exposures``, with its values."""
    where, values = condition(session.db, Selection(group=which.group, flag=which.flag, tag=which.tag))
    parts, given = [where], list(values)
    if which.where and which.where.strip():
        text, more = read_condition(session.db, which.where).sql(table="exposures")
        parts.append(f"({text})")
        given += more
    if which.filter is not None and which.side != "all":
        rule = Rule.of(session, which.filter)
        text, more = filter_condition(rule, *_filter_sql(session, rule), side=which.side)
        parts.append(text)
        given += more
    if which.upto is not None:
        parts.append("id <= ?")
        given.append(which.upto)
    return " AND ".join(parts), tuple(given)


def _filter_sql(session: Session, rule: Rule) -> Condition:
    return read_condition(session.db, rule.expression).sql(table="exposures")


def read_order(text: str | None) -> list[tuple[str, Direction]]:
    """``fit_resolution:asc,name:desc`` → columns with their directions."""
    found: list[tuple[str, Direction]] = []
    for part in (text or "").split(","):
        name, _, direction = part.strip().partition(":")
        if not name:
            continue
        if direction not in ("", "asc", "desc"):
            raise UsageError(f"no order {direction!r}", hint="Sort asc or desc, as in name:asc", column=name)
        found.append((name, "desc" if direction == "desc" else "asc"))
    return found


@dataclass(frozen=True)
class Rows:
    """A page: ids and rows in order, rows in all, the highest number there is, and how many fit behind ``upto``."""

    page: Page
    ids: list[int]
    newest: int
    new: int
    verdicts: list[str] | None


def rows_of(
    session: Session,
    which: Which,
    columns: Sequence[str],
    order: Sequence[tuple[str, Direction]] = (),
    limit: int = 200,
    offset: int = 0,
    lacking: bool = False,
) -> Rows:
    """One page of the table; ``verdicts`` where ``which`` names a filter (see ``verdicts_of``).

    Args:
        session, which, order, limit, offset: as they say.
        columns: names.
        lacking: whether columns that the project lacks are given as unknown, not refused.
    """
    known = exposure_columns(session.db)
    given = [name for name in columns if name in known] if lacking else list(columns)
    where, values = condition_of(session, replace(which, upto=None))
    newest = int(session.db.connection.execute("SELECT coalesce(max(id), 0) FROM exposure").fetchone()[0])
    bounded, all_values, new = where, values, 0
    if which.upto is not None and which.upto < newest:
        bounded, all_values = f"{where} AND id <= ?", (*values, which.upto)
        new = library.count(session.db, f"{where} AND id > ?", (*values, which.upto))
    page = library.page(session.db, ["id", *given], bounded, all_values, order, limit, offset)
    ids = [row[0] for row in page.rows]
    verdicts = None if which.filter is None else verdicts_of(session, which.filter, ids)
    rows = [row[1:] for row in page.rows]
    if len(given) < len(columns):
        rows = [tuple(dict(zip(given, row, strict=True)).get(name) for name in columns) for row in rows]
    return Rows(Page(rows, tuple(columns), page.total), ids, newest, new, verdicts)


def verdicts_of(session: Session, number: int, ids: Sequence[int]) -> list[str]:
    """What a filter says of items: ``kept`` and ``refused`` by hand, ``in``, ``out``, ``unknown`` by its expression."""
    rule = Rule.of(session, number)
    text, values = _filter_sql(session, rule)
    cursor = session.db.connection.execute(
        f"SELECT id, name, {text} FROM exposures WHERE id IN (SELECT value FROM json_each(?))",
        (*values, json.dumps(list(ids))),
    )
    found = {row[0]: rule.verdict(row[1], row[2]) for row in cursor}
    return [found.get(number, "unknown") for number in ids]


def ids_between(
    session: Session, which: Which, order: Sequence[tuple[str, Direction]], first: int, last: int
) -> list[int]:
    """Numbers of the items in rows ``first`` to ``last`` (not included) of the sorted table."""
    where, values = condition_of(session, which)
    return list(library.ids_of(session.db, where, values, order)[max(0, first) : max(0, last)])


def place_of(session: Session, which: Which, order: Sequence[tuple[str, Direction]], item: int) -> int | None:
    """The row (from 0) in which an item stands in the sorted table; ``None`` where it is not shown there."""
    where, values = condition_of(session, which)
    own = session.db.connection.execute(f"SELECT 1 FROM exposures WHERE {where} AND id = ?", (*values, item))
    if own.fetchone() is None:
        return None
    if not order:
        return library.count(session.db, f"{where} AND id < ?", (*values, item))
    return list(library.ids_of(session.db, where, values, order)).index(item)


def rows_by_id(session: Session, ids: Sequence[int], columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows of these items in this order, each beginning with its number; those that are gone are left out."""
    where = "id IN (SELECT value FROM json_each(?))"
    page = library.page(session.db, ["id", *columns], where, (json.dumps(list(ids)),), (), len(ids), 0)
    found = {row[0]: row for row in page.rows}
    return [found[number] for number in ids if number in found]


def chunks(ids: Sequence[int], size: int = 1000) -> Iterator[Sequence[int]]:
    """The numbers in parts."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


@dataclass(frozen=True)
class Checked:
    """What can be said of a condition while it is typed: the fault, or the columns it reads and how many rows fit."""

    columns: list[str]
    count: int | None
    fault: dict[str, Any] | None


def check_condition(session: Session, text: str, which: Which) -> Checked:
    """Whether a condition can be read, and how many of the items that ``which`` leaves meet it."""
    try:
        expression = read_condition(session.db, text)
    except UsageError as error:
        place = {name: error.context.get(name) for name in ("position", "length")}
        return Checked([], None, {"message": error.message, "hint": error.hint, **place})
    where, values = condition_of(session, which)
    sql, more = expression.sql(table="exposures")
    number = library.count(session.db, f"{where} AND ({sql})", (*values, *more))
    return Checked(sorted(expression.columns), number, None)


def marks(session: Session) -> dict[str, Any]:
    """Groups, flags and tags with the number of items of each; flags and tags without TRASH."""

    def make() -> dict[str, Any]:
        connection = session.db.connection
        text = "SELECT flag, count(*) FROM exposure WHERE flag IS NOT NULL AND group_id <> ? GROUP BY flag"
        flags = dict(connection.execute(text, (TRASH,)).fetchall())
        return {
            "groups": [{"name": g.name, "count": g.count, "fixed": g.id <= TRASH} for g in groups(session.db)],
            "flags": {flag: int(flags.get(flag, 0)) for flag in FLAGS if flag != "none"},
            "tags": tags(session.db),
        }

    return library.cached(session.db, "marks", make)
