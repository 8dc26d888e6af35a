"""The imports of a running engine: one thread each, whose reports the engine's own thread commits."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitreous.acquisition.reports import Arrival, Changed, Condition, Duplicate, KnownFile, Rejected, Report, Skipped
from vitreous.acquisition.watcher import Watcher
from vitreous.core.errors import VitreousError
from vitreous.core.plain import to_json
from vitreous.jobs.import_movies import movie_values
from vitreous.project.decisions import apply_pending
from vitreous.project.faults import is_disk_full
from vitreous.project.session import Session
from vitreous.store.events import log_event
from vitreous.store.groups import make_group
from vitreous.store.items import add_exposure
from vitreous.store.jobs import update_job
from vitreous.store.ledger import insert_source_result, show_slots, unsettle
from vitreous.workflow.graph import Job
from vitreous.workflow.job_type import SlotValue
from vitreous.workflow.parameters import Source, checked, resolve

if TYPE_CHECKING:
    from vitreous.project.engine import Engine


STOP_SECONDS = 30.0
"""s that imports may take to end."""
RESTART_SECONDS = 30.0
"""s after which an import that could not go on is begun again: what hindered it may have passed."""


@dataclass
class Import:
    """One import that is watched."""

    job: Job
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    watcher: Watcher | None = None
    conditions: tuple[Condition, ...] = ()
    sentence: str = ""
    at_rest: bool = False
    closed: bool = False
    fault: str | None = None
    lacks_space: bool = False
    since: float = field(default_factory=time.monotonic)


class Sources:
    """Starts, looks after and stops the imports of an engine.

    Args:
        engine: whose project; its thread commits.
        single_pass: an import counts as at rest once nothing waits at its camera, though it is not closed.
    """

    def __init__(self, engine: Engine, *, single_pass: bool = False) -> None:
        self.engine = engine
        self.single_pass = single_pass
        self.imports: dict[int, Import] = {}
        self.items: dict[str, str] = {}
        self.look_after()

    def look_after(self) -> None:
        """Start imports that are to run, end those that are not, close those that have ended by themselves."""
        session = self.engine.session
        graph = session.graph()
        for number in list(self.imports):
            entry = self.imports[number]
            job = graph.jobs.get(number)
            changed = job is None or job.identity != entry.job.identity or job.closed or job.state != "active"
            if changed:
                entry.stop.set()
            if entry.closed and job is not None and not job.closed:
                update_job(session.db, number, closed=1)
                log_event(session.db, "job", "closed: nothing new has come", session.clock(), number)
                self.engine.look_at_sets()
            ended = entry.thread is None or not entry.thread.is_alive()
            again = entry.fault is not None and time.monotonic() - entry.since > RESTART_SECONDS
            if ended and (changed or entry.closed or again):
                del self.imports[number]
        for job in graph.jobs.values():
            runs = job.scope == "source" and job.state == "active" and not job.closed and job.broken is None
            if runs and job.id not in self.imports:
                self.imports[job.id] = self._start(job)

    def _start(self, job: Job) -> Import:
        session, entry = self.engine.session, Import(job)
        if not self.items:
            self.items |= dict(session.db.connection.execute("SELECT name, identity FROM exposure").fetchall())
        job_type = session.type(job.type)
        values = resolve(job_type, [Source("job", job.params, inherited=False), Source("project", session.settings())])
        params: Any = checked(job_type, {name: value.value for name, value in values.items()}, job.label)
        if params.gain is not None:
            params = params.model_copy(update={"gain": session.folder / params.gain})
        folder = session.folder.absolute()
        known = known_files(session, job.id, folder)

        def watch() -> None:
            try:
                watcher = Watcher(
                    params,
                    folder / "movies" / f"J{job.id}",
                    known,
                    lambda report: self._take(entry, report),
                    lambda conditions: setattr(entry, "conditions", conditions),
                    items=self.items,
                    root=folder,
                )
                entry.watcher = watcher
                self._rounds(watcher, entry)
            except VitreousError as error:
                entry.lacks_space = is_disk_full(error.to_dict())
                entry.fault = str(error)

        entry.thread = threading.Thread(target=watch, name=f"import J{job.id}", daemon=True)
        entry.thread.start()
        return entry

    def _rounds(self, watcher: Watcher, entry: Import) -> None:
        from vitreous.acquisition.wake_up import WakeUp

        looked = 0
        with WakeUp(watcher.params.sources) as wake_up:
            while not entry.stop.is_set():
                done = watcher.step(entry.stop.is_set)
                entry.sentence, looked = done.sentence, looked + 1
                entry.at_rest = looked > 1 and not done.waiting and not done.reports
                if done.closed:
                    entry.closed = True
                    self.engine.call(lambda: None)
                    return
                wake_up.wait(done.wait, entry.stop)

    def _take(self, entry: Import, report: Report) -> None:
        """Hand a report to the engine's thread, and wait until it is committed."""
        entry.at_rest = False
        self.engine.call(lambda: self._commit(entry.job, report)).result()

    def _commit(self, job: Job, report: Report) -> None:
        """Write down what an import reports; runs in the engine's thread."""
        session = self.engine.session
        with session.db.transaction():
            if isinstance(report, Arrival):
                commit_arrival(session, job, report)
            else:
                commit_other(session, job, report)
        if isinstance(report, Arrival):
            self.items[report.name] = report.identity

    def look_again(self, job: int, paths: Sequence[str]) -> None:
        """Have an import look again at files that it has refused."""
        entry = self.imports.get(job)
        if entry is not None and entry.watcher is not None:
            entry.at_rest = False
            for path in paths:
                entry.watcher.retry(path)

    def busy(self, *, wait_closed: bool) -> bool:
        """Whether something may still come: an import is open (or, in a single pass, has files that settle)."""
        self.look_after()
        for entry in self.imports.values():
            if entry.fault is not None and not entry.lacks_space:
                continue  # else it goes on by itself when there is space
            if entry.closed or entry.lacks_space or not self.single_pass or wait_closed:
                return True
            if not entry.at_rest:
                return True
        return False

    def watching(self) -> bool:
        """Whether an import waits for images."""
        return any(not entry.closed and entry.fault is None for entry in self.imports.values())

    def hindered(self) -> str | None:
        """What keeps an import from finding images just now, ``None`` where nothing does."""
        return next((condition.message for entry in self.imports.values() for condition in entry.conditions), None)

    def faults(self) -> dict[int, str]:
        """Import → why it can't go on: it has failed, or its folder can't be read; not a lack of space."""
        found = {}
        for number, entry in self.imports.items():
            gone = next((c.message for c in entry.conditions if c.code.startswith("folder_")), None)
            text = entry.fault or gone
            if text is not None and not entry.lacks_space:
                found[number] = text
        return found

    def conditions(self) -> dict[str, str]:
        """Import → what hinders it, or what it waits for."""
        found = {}
        for number, entry in self.imports.items():
            texts = [f"{condition.message}; {condition.hint}" for condition in entry.conditions]
            found[f"J{number}"] = entry.fault or "; ".join(texts) or entry.sentence
        return found

    def stop(self) -> None:
        """End all imports; a transfer under way is given up and leaves nothing.

        One that hangs in a network mount is left behind after a while; it can commit nothing any more.
        """
        for entry in self.imports.values():
            entry.stop.set()
        end = time.monotonic() + STOP_SECONDS
        for entry in self.imports.values():
            while entry.thread is not None and entry.thread.is_alive() and time.monotonic() < end:
                entry.thread.join(0.05)
                self.engine._drain()


def known_files(session: Session, job: int, folder: Path) -> dict[str, KnownFile]:
    """What the catalogue knows of an import's files."""
    rows = session.db.connection.execute(
        "SELECT s.path, s.size, s.mtime, s.state, s.identity, e.name, e.path FROM source_file s"
        " LEFT JOIN exposure e ON e.id = s.item WHERE s.job = ?",
        (job,),
    )
    return {
        row[0]: KnownFile(row[1], row[2], row[3], row[4], row[5], None if row[6] is None else str(folder / row[6]))
        for row in rows
    }


def commit_arrival(session: Session, job: Job, arrival: Arrival) -> int:
    """Make an item of a movie that has arrived; returns its number. Part of an open transaction."""
    now = session.clock()
    folder = session.folder.absolute()
    path = str(arrival.path.relative_to(folder))
    item = add_exposure(
        session.db,
        arrival.name,
        source_job=job.id,
        source_path=str(arrival.source_path),
        path=path,
        identity=arrival.identity,
        size=arrival.size,
        imported=now,
        recorded=arrival.recorded,
        group=make_group(session.db, arrival.group, session.author),
    )
    files = {f"side_{n}": str(side.relative_to(folder)) for n, side in enumerate(arrival.side_files, start=1)}
    slots = {"movie": SlotValue(path, files, movie_values(arrival.values))}
    insert_source_result(session.db, arrival.identity, job.id, item, slots, arrival.warnings, now)
    show_slots(session.db, job.id, item, slots)
    _note_file(session, job, str(arrival.source_path), arrival.size, arrival.mtime, "imported", item, arrival.identity)
    log_event(session.db, "import", "imported", now, job.id, item, {"warnings": list(arrival.warnings)})
    unsettle(session.db, [item])
    apply_pending(session, [item])
    return item


def commit_other(session: Session, job: Job, report: Report) -> None:
    """Write down a refusal, a duplicate, a change or what was left out."""
    if isinstance(report, Rejected):
        state = "quarantined" if report.final else "settling"
        _note_file(session, job, str(report.path), report.size, report.mtime, state, error=report.error)
        if report.final:
            log_event(session.db, "quarantined", report.error["message"], session.clock(), job.id, data=report.error)
    elif isinstance(report, Duplicate):
        error = {
            "code": "data",
            "message": f"{report.path.name} has the same content as {report.of}",
            "hint": "Nothing is lost; see whether the camera's program wrote one image twice",
            "context": {"path": str(report.path), "of": report.of},
        }
        args = (str(report.path), report.size, report.mtime, "duplicate", None, report.identity)
        _note_file(session, job, *args, error=error)
        log_event(session.db, "duplicate", str(error["message"]), session.clock(), job.id, data=error)
    elif isinstance(report, Changed):
        row = session.db.connection.execute("SELECT id FROM exposure WHERE name = ?", (report.name,)).fetchone()
        item = None if row is None else row[0]
        log_event(session.db, "changed", report.error["message"], session.clock(), job.id, item, report.error)
        session.db.connection.execute(
            "UPDATE source_file SET size = ?, mtime = ?, error = ? WHERE job = ? AND path = ?",
            (report.size, report.mtime, to_json(report.error, indent=None), job.id, str(report.path)),
        )
    elif isinstance(report, Skipped):
        for path, (size, mtime) in report.files.items():
            _note_file(session, job, path, size, mtime, "skipped")
    else:
        session.db.connection.execute(
            "DELETE FROM source_file WHERE job = ? AND path = ? AND state = 'settling'", (job.id, str(report.path))
        )


def _note_file(
    session: Session,
    job: Job,
    path: str,
    size: int,
    mtime: float,
    state: str,
    item: int | None = None,
    identity: str | None = None,
    error: Any = None,
) -> None:
    text = None if error is None else json.dumps(json.loads(to_json(error)), ensure_ascii=False)
    session.db.connection.execute(
        "INSERT INTO source_file (job, path, size, mtime, state, item, identity, error, seen)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job, path) DO UPDATE SET size = excluded.size,"
        " mtime = excluded.mtime, state = excluded.state, item = excluded.item, identity = excluded.identity,"
        " error = excluded.error",
        (job.id, path, size, mtime, state, item, identity, text, session.clock()),
    )
