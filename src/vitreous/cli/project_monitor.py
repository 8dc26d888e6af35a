"""What a person sees while an engine runs: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import re
import sqlite3
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitreous.cli.project_common import counts_text
from vitreous.cli.terminal import console
from vitreous.core.errors import VitreousError
from vitreous.core.words import counted

if TYPE_CHECKING:
    from rich.console import Group

    from vitreous.project.session import Session

TERMINAL_SECONDS = 1.0
PLAIN_SECONDS = 5.0
RATE_SECONDS = 600.0
"""s over which the rate is averaged."""
SHORTEST_RATE = 5.0
"""s before which no rate is told."""
SHOWN_RUNNING = 6
"""Tasks under way that the live table names."""


@dataclass(frozen=True)
class Snapshot:
    """How far a project is at one moment.

    Attributes:
        time: s since 1970.
        jobs: as ``overview.job_records`` gives them.
        conditions: what hinders the engine.
        running: what is under way.
        workers: number.
    """

    time: float
    jobs: Sequence[Mapping[str, Any]]
    conditions: Mapping[str, str]
    running: Sequence[Mapping[str, Any]]
    workers: int


@dataclass
class Rates:
    """Images per hour of each job, from the numbers that were done at several moments."""

    seen: deque[tuple[float, dict[int, int]]] = field(default_factory=deque)

    def note(self, now: float, done: dict[int, int]) -> None:
        """Remember how many are done now."""
        self.seen.append((now, done))
        while len(self.seen) > 2 and now - self.seen[0][0] > RATE_SECONDS:
            self.seen.popleft()

    def of(self, job: int) -> float | None:
        """Images per hour, ``None`` while too little is known."""
        if len(self.seen) < 2:
            return None
        (first, before), (last, now) = self.seen[0], self.seen[-1]
        if last - first < SHORTEST_RATE:
            return None
        return 3600.0 * max(0, now.get(job, 0) - before.get(job, 0)) / (last - first)


def snapshot(session: Session) -> Snapshot:
    """How far a project is now."""
    from vitreous.project.overview import engine_status, job_records

    _, status = engine_status(session.folder)
    return Snapshot(
        time.time(),
        job_records(session),
        {} if status is None else dict(status.conditions),
        [] if status is None else list(status.running),
        0 if status is None else len(status.workers),
    )


def plain_line(now: Snapshot, rates: Rates) -> str:
    """Everything in one line, without the time."""
    parts = []
    for job in now.jobs:
        counts = counts_text({**job["files"], **job["counts"]})
        rate = rates.of(job["id"])
        if counts:
            parts.append(f"J{job['id']} {job['type']} {counts}" + (f" ({rate:.0f} images/h)" if rate else ""))
    return "; ".join(parts) or "nothing has come yet"


def done_of(job: Mapping[str, Any]) -> int:
    """Tasks that are done, or files that were imported."""
    return int(job["counts"].get("done", 0) + job["files"].get("imported", 0))


def live_view(now: Snapshot, rates: Rates) -> Group:
    """The table of jobs, what is under way, and what hinders."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = Table(header_style="bold", box=None, pad_edge=False)
    for heading in ("job", "title", "state"):
        shown.add_column(heading)
    for heading in ("done", "running", "waiting", "failed", "quarantined", "images/h"):
        shown.add_column(heading, justify="right")
    for job in now.jobs:
        counts, rate = {**job["files"], **job["counts"]}, rates.of(job["id"])
        waiting = counts.get("waiting", 0) + counts.get("ready", 0) + counts.get("settling", 0)
        numbers = [done_of(job), counts.get("running", 0), waiting, counts.get("failed", 0)]
        quarantined = counts.get("quarantined", 0)
        shown.add_row(
            f"J{job['id']}",
            job["title"],
            job["state"],
            *(f"{number:,}" if number else "" for number in numbers),
            Text(f"{quarantined:,}" if quarantined else "", style="red"),
            f"{rate:.0f}" if rate else "",
        )
    lines = [
        Text(f"{counted(now.workers, 'worker')}, {counted(len(now.running), 'submission')} under way", style="dim")
    ]
    for entry in list(now.running)[:SHOWN_RUNNING]:
        tasks = ", ".join(f"J{job} #{item}" for job, item in entry.get("tasks", [])[:3])
        lines.append(
            Text(f"{tasks}: {100 * float(entry.get('fraction', 0)):.0f} % {entry.get('what', '')}", style="dim")
        )
    lines += [Text(f"{name}: {text}", style="yellow") for name, text in now.conditions.items()]
    return Group(shown, *lines)


@contextmanager
def monitored(folder: Path) -> Iterator[None]:
    """Show how far the project is while the body runs, on standard error; from a thread of its own."""
    over = threading.Event()
    thread = threading.Thread(target=_show, args=(folder, over), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _show(folder: Path, over: threading.Event) -> None:
    from vitreous.project.overview import open_for_reading

    try:
        session = open_for_reading(folder)
    except VitreousError as error:
        console(stderr=True).print(f"progress can't be shown: {error}", style="yellow", soft_wrap=True)
        return
    try:
        if sys.stderr.isatty():
            _show_live(session, over)
        else:
            _show_lines(session, over)
    finally:
        session.db.close()


def _taken(session: Session, rates: Rates) -> Snapshot | None:
    """A snapshot; ``None`` where the catalogue can't be read at this moment, which the next round may mend."""
    try:
        now = snapshot(session)
    except (VitreousError, sqlite3.Error):
        return None
    rates.note(now.time, {job["id"]: done_of(job) for job in now.jobs})
    return now


def _show_live(session: Session, over: threading.Event) -> None:
    from rich.live import Live

    rates = Rates()
    with Live(console=console(stderr=True), auto_refresh=False, transient=True) as live:
        ended = False
        while not ended:
            ended = over.wait(TERMINAL_SECONDS)
            now = _taken(session, rates)
            if now is not None:
                live.update(live_view(now, rates), refresh=True)


def _without_numbers(text: str) -> str:
    """What a condition says apart from times and amounts, which change all the time."""
    return re.sub(r"[\d.,]+", "#", text)


def _show_lines(session: Session, over: threading.Event) -> None:
    rates, said, told = Rates(), "", ""
    screen = console(stderr=True)
    ended = False
    while not ended:
        ended = over.wait(PLAIN_SECONDS)
        now = _taken(session, rates)
        if now is None:
            continue
        line, numbers = plain_line(now, rates), plain_line(now, Rates())
        conditions = "; ".join(f"{name}: {text}" for name, text in now.conditions.items())
        clock = time.strftime("%H:%M:%S", time.localtime(now.time))
        if numbers != said:
            screen.print(f"{clock} {line}", soft_wrap=True)
        if conditions and _without_numbers(conditions) != _without_numbers(told):
            screen.print(f"{clock} {conditions}", style="yellow", soft_wrap=True)
        said, told = numbers, conditions
