"""What people decided about items: what of it still counts, and doing it again in another project."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from vitreous.core.words import counted
from vitreous.project import job_actions
from vitreous.project.session import Session
from vitreous.store import groups, items
from vitreous.store.events import log_event
from vitreous.store.ledger import unsettle

BY_HAND: Mapping[str, tuple[str, ...]] = {"filter": ("keep", "reject")}
"""Job type → its parameters that name items one by one: decisions too."""


@dataclass(frozen=True)
class Decided:
    """One decision about one item that still counts.

    Attributes:
        order: of the decision among all.
        item: its name.
        kind, value: as the catalogue records them.
        author, time: who decided, and when (s since 1970).
    """

    order: int
    item: str
    kind: str
    value: str | None
    author: str
    time: float


def standing(session: Session) -> list[Decided]:
    """What people decided and have not taken back or replaced, in order.

    A flag that was changed counts as it is now, a group by its present name, an item that was restored not at all.
    """
    found: dict[tuple[str, ...], Decided] = {}
    text = "SELECT id, time, author, kind, items, value FROM decision ORDER BY id"
    for order, time, author, kind, names, value in session.db.connection.execute(text):
        if kind in ("rename group", "remove group"):
            _change_group(found, kind, value)
        for name in json.loads(names):
            _decide(found, Decided(order, name, kind, value, author, time))
    return sorted(found.values(), key=lambda entry: (entry.order, entry.value or "", entry.item))


def _decide(found: dict[tuple[str, ...], Decided], new: Decided) -> None:
    name, kind, value = new.item, new.kind, new.value
    if kind == "flag":
        _put(found, (name, kind), new, stands=value not in (None, "none"))
    elif kind == "comment":
        _put(found, (name, kind), new, stands=value is not None)
    elif kind in ("tag", "untag"):
        _put(found, (name, "tag", value or ""), new, stands=kind == "tag")
    elif kind in ("trash", "restore"):
        _put(found, (name, "trash"), new, stands=kind == "trash")
    elif kind == "group":
        found.pop((name, "trash"), None)
        _put(found, (name, kind), new, stands=True)
    elif kind == "parameters":
        before = found.get((name, kind))
        merged = {**json.loads((before and before.value) or "{}"), **json.loads(value or "{}")}
        left = {key: one for key, one in merged.items() if one is not None}
        text = json.dumps(left, ensure_ascii=False, sort_keys=True)
        _put(found, (name, kind), replace(new, value=text), stands=bool(left))


def _put(found: dict[tuple[str, ...], Decided], key: tuple[str, ...], new: Decided, *, stands: bool) -> None:
    found.pop(key, None)
    if stands:
        found[key] = new


def _change_group(found: dict[tuple[str, ...], Decided], kind: str, value: str | None) -> None:
    """Let the items of a group that was renamed be in it by its new name; forget those of one that was removed."""
    before, after = json.loads(value or "[]") if kind == "rename group" else (value, None)
    for key, entry in list(found.items()):
        if entry.kind == "group" and entry.value == before:
            _put(found, key, replace(entry, value=after), stands=after is not None)


@dataclass(frozen=True)
class Pending:
    """A decision that waits for its item; see the table ``pending_decision``."""

    name: str
    identity: str | None
    kind: str
    value: str | None = None
    job: int | None = None
    author: str = ""
    time: float = 0.0


def await_items(session: Session, pending: Sequence[Pending], template: str) -> None:
    """Keep decisions until their items arrive; those of items that are here are done now."""
    if not pending:
        return
    with session.db.transaction() as connection:
        connection.executemany(
            "INSERT INTO pending_decision (name, identity, kind, value, job, author, time, template)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(p.name, p.identity, p.kind, p.value, p.job, p.author, p.time, template) for p in pending],
        )
        apply_pending(session, [row[0] for row in connection.execute("SELECT id FROM exposure")])


def apply_pending(session: Session, arrived: Sequence[int]) -> int:
    """Do what a template's decisions say of these items, which have just arrived; returns how many were done.

    A decision is about an item of the same content, else about one of the same name; it is done once.
    """
    connection = session.db.connection
    if connection.execute("SELECT 1 FROM pending_decision LIMIT 1").fetchone() is None:
        return 0
    with session.db.transaction():
        matches = _matches(session, arrived)
        for (kind, value, job, author), same in groupby(matches, key=lambda m: (m.kind, m.value, m.job, m.author)):
            _do(session, kind, value, job, author or session.author, list(same))
        connection.executemany("DELETE FROM pending_decision WHERE id = ?", [(match.id,) for match in matches])
        unsettle(session.db, [match.item for match in matches])
    return len(matches)


@dataclass(frozen=True)
class _Match:
    id: int
    item: int
    name: str
    decided_name: str
    same_content: bool
    kind: str
    value: str | None
    job: int | None
    author: str
    template: str


def _matches(session: Session, arrived: Sequence[int]) -> list[_Match]:
    """Waiting decisions with their items, in order; of two items that fit, the one of the same content."""
    start = """SELECT p.id, e.id, e.name, p.name, p.identity IS e.identity, p.kind, p.value, p.job, p.author, p.template
        FROM json_each(?) JOIN exposure e ON e.id = json_each.value JOIN pending_decision p ON"""
    found: dict[int, _Match] = {}
    for condition in ("p.name = e.name", "p.identity = e.identity"):  # the same content comes last, and wins
        for row in session.db.connection.execute(f"{start} {condition}", (json.dumps(list(arrived)),)):
            match = _Match(*row)
            if match.id not in found or not found[match.id].same_content:
                found[match.id] = match
    return [found[number] for number in sorted(found)]


def _do(
    session: Session, kind: str, value: str | None, job: int | None, author: str, matches: Sequence[_Match]
) -> None:
    db, numbers = session.db, [match.item for match in matches]
    if kind == "flag":
        items.set_flag(db, numbers, value or "none", author)
    elif kind == "trash":
        groups.trash(db, numbers, author)
    elif kind == "group":
        groups.make_group(db, value or "", author)
        groups.move(db, numbers, value or "", author)
    elif kind == "tag":
        items.add_tag(db, numbers, value or "", author)
    elif kind == "comment":
        items.set_comment(db, numbers, value, author)
    elif kind == "parameters":
        items.set_parameters(db, numbers, json.loads(value or "{}"), author)
    elif job is not None:
        _name_anew(session, kind, job, matches)
    for match in matches:
        same = "same content" if match.same_content else "same name"
        shown = "" if value is None else f" {value}"
        told = f"{kind}{shown}: {author} decided so in {match.template!r} about {match.decided_name} ({same})"
        log_event(db, "decision", told, session.clock(), job, match.item)


def _name_anew(session: Session, kind: str, number: int, matches: Sequence[_Match]) -> None:
    """Let a filter's decisions by hand hold for items that have another name here."""
    params = session.graph().jobs[number].params
    entries = [entry if isinstance(entry, dict) else {"item": entry} for entry in params.get(kind, ())]
    listed = {str(entry["item"]): entry for entry in entries}
    taken = {name for names in BY_HAND.values() for one in names for name in names_by_hand({one: params.get(one, ())})}
    new = [
        {**listed[match.decided_name], "item": match.name}
        for match in matches
        if match.name not in taken and match.decided_name in listed
    ]
    if new:
        told = f"{counted(len(new), 'item')} decided by hand came by another name"
        job_actions.edit_job(session, number, {kind: [*entries, *new]}, reason=told)


def names_by_hand(params: Mapping[str, Any]) -> Iterator[str]:
    """Names of the items in lists such as a filter's ``keep``."""
    for entries in params.values():
        for entry in entries or ():
            yield str(entry["item"] if isinstance(entry, dict) else entry)
