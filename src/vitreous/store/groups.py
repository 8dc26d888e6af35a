"""Groups of exposures; TRASH is one of them, and what is in it knows where it came from."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from vitreous.core.errors import UsageError
from vitreous.core.words import near_names
from vitreous.store.database import Database
from vitreous.store.items import IMPORTED, TRASH, check_items, record


@dataclass(frozen=True)
class Group:
    """One group: its id, name, number of exposures, and when it was made (s since 1970)."""

    id: int
    name: str
    count: int
    created: float


def groups(db: Database) -> list[Group]:
    """All groups: Imported first, TRASH last, the others by name."""
    rows = db.connection.execute(
        "SELECT id, name, (SELECT count(*) FROM exposure WHERE group_id = item_group.id), created FROM item_group"
        " ORDER BY id = ? DESC, id = ?, name",
        (IMPORTED, TRASH),
    )
    return [Group(*row) for row in rows]


def find_group(db: Database, name: str) -> int:
    """Id of a group.

    Raises:
        UsageError: there is none of this name; the hint names similar ones.
    """
    known = {row[0]: row[1] for row in db.connection.execute("SELECT name, id FROM item_group")}
    if name not in known:
        raise UsageError(
            f"the project has no group {name!r}", hint=f"Did you mean {near_names(name, known)}?", group=name
        )
    return int(known[name])


def make_group(db: Database, name: str, author: str) -> int:
    """Make a group, or find the one of this name; returns its id."""
    name = _checked(name)
    with db.transaction() as connection:
        row = connection.execute("SELECT id FROM item_group WHERE name = ?", (name,)).fetchone()
        if row:
            return int(row[0])
        cursor = connection.execute("INSERT INTO item_group (name, created) VALUES (?, ?)", (name, time.time()))
        record(db, "new group", [], name, author)
    return int(cursor.lastrowid or 0)


def rename_group(db: Database, name: str, new_name: str, author: str) -> None:
    """Give a group another name.

    Raises:
        UsageError: there is no such group, it is TRASH or Imported, or the new name is taken.
    """
    new_name = _checked(new_name)
    with db.transaction() as connection:
        group = _changeable(db, name, "renamed")
        if connection.execute("SELECT 1 FROM item_group WHERE name = ? AND id <> ?", (new_name, group)).fetchone():
            raise UsageError(f"there is a group {new_name!r} already", hint="Choose another name", group=new_name)
        connection.execute("UPDATE item_group SET name = ? WHERE id = ?", (new_name, group))
        record(db, "rename group", [], json.dumps([name, new_name], ensure_ascii=False), author)


def remove_group(db: Database, name: str, author: str) -> None:
    """Remove an empty group; what is in TRASH and came from it will go back to Imported.

    Raises:
        UsageError: there is no such group, it is TRASH or Imported, or it holds exposures.
    """
    with db.transaction() as connection:
        group = _changeable(db, name, "removed")
        number = connection.execute("SELECT count(*) FROM exposure WHERE group_id = ?", (group,)).fetchone()[0]
        if number:
            raise UsageError(
                f"group {name} holds {number} exposures", hint="Move them to another group first", group=name
            )
        connection.execute("UPDATE exposure SET group_before = ? WHERE group_before = ?", (IMPORTED, group))
        connection.execute("DELETE FROM item_group WHERE id = ?", (group,))
        record(db, "remove group", [], name, author)


def move(db: Database, items: Sequence[int], group: str, author: str) -> list[int]:
    """Move exposures to a group, TRASH too; returns those that were not there."""
    with db.transaction():
        target = find_group(db, group)
        if target == TRASH:
            return trash(db, items, author)
        changed = _move(db, items, "group_id = :group, group_before = NULL", "group_id <> :group", target)
        record(db, "group", changed, group, author)
    return changed


def trash(db: Database, items: Sequence[int], author: str) -> list[int]:
    """Move exposures to TRASH, which remembers where they were; returns those that were not in it."""
    with db.transaction():
        changed = _move(db, items, "group_before = group_id, group_id = :group", "group_id <> :group", TRASH)
        record(db, "trash", changed, None, author)
    return changed


def restore(db: Database, items: Sequence[int], author: str) -> list[int]:
    """Move exposures from TRASH to where they were before; returns those that were in it."""
    with db.transaction():
        change = f"group_id = coalesce(group_before, {IMPORTED}), group_before = NULL"
        changed = _move(db, items, change, "group_id = :group", TRASH)
        record(db, "restore", changed, None, author)
    return changed


def _move(db: Database, items: Sequence[int], change: str, condition: str, group: int) -> list[int]:
    known = check_items(db, items)
    rows = db.connection.execute(
        f"UPDATE exposure SET {change} WHERE id IN (SELECT value FROM json_each(:items)) AND {condition} RETURNING id",
        {"items": json.dumps(known), "group": group},
    )
    return sorted(row[0] for row in rows)


def _changeable(db: Database, name: str, done: str) -> int:
    group = find_group(db, name)
    if group in (IMPORTED, TRASH):
        raise UsageError(f"group {name} can't be {done}: every project has it", hint="Make another group", group=name)
    return group


def _checked(name: str) -> str:
    name = name.strip()
    if not name or "/" in name or not name.isprintable():
        raise UsageError(
            f"{name!r} can't be the name of a group", hint="Use letters, digits and blanks, without /", group=name
        )
    return name
