"""What people do to exposures: flags, tags, comments, parameters of their own; each recorded as a decision."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from vitreous.core.errors import UsageError
from vitreous.core.plain import plain
from vitreous.core.words import near_names
from vitreous.store.database import Database

Flag = Literal["none", "red", "green", "blue", "gold"]

FLAGS: tuple[Flag, ...] = ("none", "red", "green", "blue", "gold")

IMPORTED, TRASH = 1, 2
"""Ids of the two groups that every project has."""


def add_exposure(
    db: Database,
    name: str,
    *,
    source_job: int,
    source_path: str,
    path: str,
    identity: str,
    size: int,
    imported: float | None = None,
    recorded: float | None = None,
    group: int = IMPORTED,
) -> int:
    """Add one exposure; returns its id.

    Args:
        name: unique in the project.
        source_job: the job that brings it.
        source_path: where the file came from.
        path: where it is, relative to the project folder.
        identity: hash of the file's content.
        size: bytes.
        imported, recorded: s since 1970; imported now unless given.

    Raises:
        UsageError: the name is empty or taken.
    """
    if not name.strip():
        raise UsageError("an exposure must have a name", hint="Give the name of its file", path=source_path)
    now = time.time() if imported is None else imported
    with db.transaction() as connection:
        if connection.execute("SELECT 1 FROM exposure WHERE name = ?", (name,)).fetchone():
            raise UsageError(
                f"the project has an exposure {name} already", hint=f"Use {free_name(db, name)} instead", name=name
            )
        cursor = connection.execute(
            "INSERT INTO exposure (name, group_id, source_job, source_path, path, identity, size, imported, recorded)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (name, group, source_job, source_path, path, identity, size, now, recorded),
        )
    return int(cursor.lastrowid or 0)


def free_name(db: Database, name: str) -> str:
    """The name, or with ``_2``, ``_3`` … behind it where it is taken: cameras' folders repeat names."""
    taken = {row[0] for row in db.connection.execute("SELECT name FROM exposure WHERE name GLOB ?", (_literal(name),))}
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def set_flag(db: Database, items: Sequence[int], flag: str, author: str) -> list[int]:
    """Give exposures a colour, or take it away (``none``); returns those that changed."""
    if flag not in FLAGS:
        raise UsageError(f"there is no flag {flag!r}", hint=f"Use one of {', '.join(FLAGS)}", flag=flag)
    stored = None if flag == "none" else flag
    with db.transaction():
        changed = _update(db, items, "flag = :value", "flag IS NOT :value", stored)
        record(db, "flag", changed, flag, author)
    return changed


def add_tag(db: Database, items: Sequence[int], tag: str, author: str) -> list[int]:
    """Give exposures a tag; returns those that did not have it."""
    tag = tag.strip()
    if not tag or "," in tag:
        raise UsageError(f"{tag!r} can't be a tag", hint="Use one or more letters, without comma", tag=tag)
    with db.transaction() as connection:
        known = check_items(db, items)
        have = {row[0] for row in connection.execute("SELECT item FROM tag WHERE name = ?", (tag,))}
        changed = [item for item in known if item not in have]
        connection.executemany("INSERT INTO tag (item, name) VALUES (?, ?)", [(item, tag) for item in changed])
        record(db, "tag", changed, tag, author)
    return changed


def remove_tag(db: Database, items: Sequence[int], tag: str, author: str) -> list[int]:
    """Take a tag from exposures; returns those that had it.

    Raises:
        UsageError: no exposure of the project has the tag.
    """
    with db.transaction() as connection:
        check_tag(db, tag)
        known = check_items(db, items)
        have = {row[0] for row in connection.execute("SELECT item FROM tag WHERE name = ?", (tag,))}
        changed = [item for item in known if item in have]
        connection.executemany("DELETE FROM tag WHERE item = ? AND name = ?", [(item, tag) for item in changed])
        record(db, "untag", changed, tag, author)
    return changed


def tags(db: Database) -> dict[str, int]:
    """All tags → number of exposures that have them."""
    return {row[0]: row[1] for row in db.connection.execute("SELECT name, count(*) FROM tag GROUP BY name")}


def set_comment(db: Database, items: Sequence[int], comment: str | None, author: str) -> list[int]:
    """Write a comment to exposures, in place of what was there; ``None`` or empty removes it; returns those changed."""
    text = comment.strip() if comment else None
    with db.transaction():
        changed = _update(db, items, "comment = :value", "comment IS NOT :value", text or None)
        record(db, "comment", changed, text, author)
    return changed


def set_parameters(db: Database, items: Sequence[int], parameters: Mapping[str, Any], author: str) -> list[int]:
    """Set parameters of jobs for these exposures alone; a value ``None`` removes one; returns those that changed.

    Args:
        parameters: name → value, JSON-able; those that are not named stay as they are.
    """
    changed = []
    with db.transaction() as connection:
        for item in check_items(db, items):
            before = parameters_of(db, item)
            after = {name: value for name, value in {**before, **plain(parameters)}.items() if value is not None}
            if after != before:
                text = json.dumps(after, ensure_ascii=False, sort_keys=True) if after else None
                connection.execute("UPDATE exposure SET parameters = ? WHERE id = ?", (text, item))
                changed.append(item)
        record(db, "parameters", changed, json.dumps(plain(parameters), ensure_ascii=False), author)
    return changed


def parameters_of(db: Database, item: int) -> dict[str, Any]:
    """Parameters of jobs that are set for one exposure alone."""
    row = db.connection.execute("SELECT parameters FROM exposure WHERE id = ?", (item,)).fetchone()
    return dict(json.loads(row[0])) if row and row[0] else {}


def record(
    db: Database, kind: str, items: Sequence[int], value: str | None, author: str, job: int | None = None
) -> None:
    """Write down a decision that people made about exposures; one about no exposure is not, unless about a group."""
    if not items and "group" not in kind:
        return
    names = names_of(db, items)
    db.connection.execute(
        "INSERT INTO decision (time, author, kind, job, items, value) VALUES (?, ?, ?, ?, ?, ?)",
        (time.time(), author, kind, job, json.dumps(names, ensure_ascii=False), value),
    )


def names_of(db: Database, items: Sequence[int]) -> list[str]:
    """Names of exposures, in the order of their ids."""
    rows = db.connection.execute(
        "SELECT name FROM exposure WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (json.dumps(list(items)),)
    )
    return [row[0] for row in rows]


def check_items(db: Database, items: Sequence[int]) -> list[int]:
    """The ids, each once and in order.

    Raises:
        UsageError: one of them is not in the project.
    """
    wanted = sorted({int(item) for item in items})
    rows = db.connection.execute(
        "SELECT id FROM exposure WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (json.dumps(wanted),)
    )
    known = [row[0] for row in rows]
    if len(known) < len(wanted):
        missing = sorted(set(wanted) - set(known))
        raise UsageError(
            f"the project has no exposure number {missing[0]}"
            + (f", nor {len(missing) - 1} others that were named" if len(missing) > 1 else ""),
            hint="See the numbers with vitreous info",
            items=missing[:100],
        )
    return known


def check_tag(db: Database, tag: str) -> None:
    """Raise ``UsageError`` where no exposure has this tag."""
    known = tags(db)
    if tag not in known:
        raise UsageError(f"no exposure has the tag {tag!r}", hint=f"Did you mean {near_names(tag, known)}?", tag=tag)


def _update(db: Database, items: Sequence[int], change: str, differs: str, value: Any) -> list[int]:
    known = check_items(db, items)
    rows = db.connection.execute(
        f"UPDATE exposure SET {change} WHERE id IN (SELECT value FROM json_each(:items)) AND {differs} RETURNING id",
        {"items": json.dumps(known), "value": value},
    )
    return sorted(row[0] for row in rows)


def _literal(name: str) -> str:
    """A pattern for ``name`` and whatever follows it: in patterns, brackets make a character mean itself."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in name) + "*"
