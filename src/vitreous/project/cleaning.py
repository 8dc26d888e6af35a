"""Results that nothing shows any more: how much room they take, and their removal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vitreous.project.session import Session
from vitreous.project.worker import STAGING
from vitreous.store.events import log_event
from vitreous.store.fragments import sweep


@dataclass(frozen=True)
class Leftover:
    """A folder of results that can be made again and that nothing shows: bytes, and the result that it holds."""

    folder: str
    bytes: int
    identity: str | None


def leftovers(session: Session) -> list[Leftover]:
    """Folders that no task shows: results for parameters that have changed since, of removed jobs, of crashes."""
    rows = session.db.connection.execute("SELECT folder, identity FROM result WHERE folder IS NOT NULL").fetchall()
    made = {row[0]: row[1] for row in rows}
    text = "SELECT identity FROM task WHERE identity IS NOT NULL UNION SELECT identity FROM set_run"
    wanted = {row[0] for row in session.db.connection.execute(text) if row[0] is not None}
    endings = {identity[:8] for identity in wanted}
    found = []
    for folder in _folders(session.folder):
        identity = made.get(folder)
        # What a worker has just published is not in the catalogue yet; its folder ends like its task's identity.
        shown = identity in wanted if identity is not None else folder.rpartition("-")[2] in endings
        if not shown:
            found.append(Leftover(folder, size_of(session.folder / folder), identity))
    return found


def _folders(project: Path) -> Iterator[str]:
    for job in sorted((project / "jobs").glob("J*")):
        for folder in sorted(job.iterdir()) if job.is_dir() else ():
            if folder.is_dir() and folder.name != STAGING:
                yield str(folder.relative_to(project))


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def clean(session: Session, dry_run: bool = False) -> dict[str, Any]:
    """Remove results that nothing shows; they are computed again if their parameters ever come back.

    Returns:
        ``folders`` and ``bytes`` that were removed (would be, with ``dry_run``).
    """
    found = leftovers(session)
    total = sum(entry.bytes for entry in found)
    if not dry_run:
        # The rows go first: a folder without a row is rubbish, a row without its folder would be a loss.
        identities = [(entry.identity,) for entry in found if entry.identity is not None]
        session.db.connection.executemany("DELETE FROM result WHERE identity = ?", identities)
        session.db.connection.executemany("DELETE FROM fragment WHERE identity = ?", identities)
        log_event(session.db, "clean", f"{len(found)} folders removed, {total / 1e9:.3f} GB", session.clock())
        folders = [session.folder / entry.folder for entry in found]
        session.after_commit += [partial(shutil.rmtree, folder, ignore_errors=True) for folder in folders]
        session.after_commit.append(partial(sweep, session.db))
    return {"folders": [entry.folder for entry in found], "bytes": total}


ACTIONS = (clean,)
