"""The order of the queue by hand: items before a given one, by ranks between the ranks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from vitreous.project.item_actions import choose_items
from vitreous.project.session import Session
from vitreous.project.views import item_number
from vitreous.store.database import Database

OPEN = "state IN ('waiting', 'ready', 'running', 'failed')"
SMALLEST_GAP = 1e-6
"""Ranks that come closer than this are numbered anew."""


def place_items(session: Session, selection: Mapping[str, Any], before: str) -> int:
    """Have items worked on right before another one; returns how many.

    New items keep their place among those that nobody has moved.

    Args:
        session: the project.
        selection: which items.
        before: name of the other item, or its number as ``#12``.

    Raises:
        UsageError: there is no such item, or no items are chosen.
    """
    other = item_number(session, before)
    chosen = [item for item in choose_items(session, selection) if item != other]
    if not chosen:
        return 0
    db, newest = session.db, session.settings().get("order") == "newest"
    rank = _rank_of(db, other)
    between = _split(db, other, rank, newest)
    db.connection.executemany("UPDATE task SET rank = ? WHERE item = ?", [(between, item) for item in chosen])
    _renumber(db)
    return len(chosen)


def _rank_of(db: Database, item: int) -> float:
    row = db.connection.execute(f"SELECT min(rank) FROM task WHERE item = ? AND {OPEN}", (item,)).fetchone()
    return float(row[0] or 0.0)


def _split(db: Database, item: int, rank: float, newest: bool) -> float:
    """Part the items of one rank at an item; returns a rank that lies before it and after those before it.

    Oldest first, new items come at the end of rank 0: those before the item move ahead. Newest first, they come at its
    beginning: the item and those behind it move back.
    """
    if newest:
        behind = db.connection.execute(f"SELECT min(rank) FROM task WHERE rank > ? AND {OPEN}", (rank,)).fetchone()[0]
        gap = (rank + 3.0 if behind is None else float(behind)) - rank
        db.connection.execute(
            f"UPDATE task SET rank = ? WHERE rank = ? AND item <= ? AND item > 0 AND {OPEN}",
            (rank + 2 * gap / 3, rank, item),
        )
        return rank + gap / 3
    ahead = db.connection.execute(f"SELECT max(rank) FROM task WHERE rank < ? AND {OPEN}", (rank,)).fetchone()[0]
    gap = rank - (rank - 3.0 if ahead is None else float(ahead))
    db.connection.execute(
        f"UPDATE task SET rank = ? WHERE rank = ? AND item < ? AND item > 0 AND {OPEN}",
        (rank - 2 * gap / 3, rank, item),
    )
    return rank - gap / 3


def _renumber(db: Database) -> None:
    """Number the ranks anew where two have come too close; 0 stays 0, because new items come with it."""
    ranks = [row[0] for row in db.connection.execute(f"SELECT DISTINCT rank FROM task WHERE {OPEN} ORDER BY rank")]
    if all(after - before > SMALLEST_GAP for before, after in pairwise(ranks)):
        return
    below = sum(rank < 0 for rank in ranks)
    zero = 0 if 0.0 in ranks else -1
    new = {rank: float(place - below - (zero if rank > 0 else 0)) for place, rank in enumerate(ranks)}
    # First to numbers that no rank has, so that none is moved twice.
    free = max(abs(ranks[0]), abs(ranks[-1]), len(ranks)) + 1.0
    for rank, place in new.items():
        db.connection.execute(f"UPDATE task SET rank = ? WHERE rank = ? AND {OPEN}", (free + place + len(ranks), rank))
    for place in new.values():
        db.connection.execute(f"UPDATE task SET rank = ? WHERE rank = ? AND {OPEN}", (place, free + place + len(ranks)))
