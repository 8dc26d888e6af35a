"""Pages of the project's log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vitreous.project.session import Session
from vitreous.project.task_pages import titles_of
from vitreous.store import library


@dataclass(frozen=True)
class LogLine:
    """One line of the log; ``time`` is s since 1970, ``name`` that of its item."""

    seq: int
    time: float
    kind: str
    job: int | None
    item: int | None
    name: str | None
    message: str


@dataclass(frozen=True)
class LogPage:
    """Lines, newest first; ``kinds`` are those of the whole log; ``more`` tells that older ones are left.

    ``titles`` are those of the jobs that are named.
    """

    lines: list[LogLine]
    kinds: list[str]
    more: bool
    titles: dict[int, str]


def log_page(
    session: Session,
    *,
    job: int | None = None,
    item: int | None = None,
    kind: str | None = None,
    text: str | None = None,
    after: int | None = None,
    before: int | None = None,
    limit: int = 200,
) -> LogPage:
    """The newest lines (of a job, an item, a kind, with a text) between two numbers of lines."""
    parts, values = ["1"], list[Any]()
    for condition, value in (
        ("v.job = ?", job),
        ("v.item = ?", item),
        ("v.kind = ?", kind),
        ("v.seq > ?", after),
        ("v.seq < ?", before),
    ):
        if value is not None:
            parts.append(condition)
            values.append(value)
    if text:
        escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        parts.append("(v.message LIKE ? ESCAPE '\\' OR e.name LIKE ? ESCAPE '\\')")
        values += [f"%{escaped}%"] * 2
    rows = session.db.connection.execute(
        f"""SELECT v.seq, v.time, v.kind, v.job, v.item, e.name, v.message FROM event v
        LEFT JOIN exposure e ON e.id = v.item WHERE {" AND ".join(parts)} ORDER BY v.seq DESC LIMIT ?""",
        (*values, limit + 1),
    ).fetchall()

    def kinds() -> list[str]:
        found = session.db.connection.execute("SELECT DISTINCT kind FROM event ORDER BY kind")
        return [row[0] for row in found]

    lines = [LogLine(*row) for row in rows[:limit]]
    titles = titles_of(session, {line.job for line in lines if line.job is not None})
    return LogPage(lines, library.cached(session.db, ("log kinds",), kinds), len(rows) > limit, titles)
