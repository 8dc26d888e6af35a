"""A project as programs and people use it: open it, add jobs, run it, look at it."""

from __future__ import annotations

import contextlib
import getpass
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from vitreous.core.errors import UsageError
from vitreous.project import actions, views
from vitreous.project.conditions import table_condition
from vitreous.project.create import create_project
from vitreous.project.filters import FilterDiff, diff_revisions
from vitreous.project.preflight import newest_report
from vitreous.project.session import Session
from vitreous.project.views import JobView, TaskView
from vitreous.store import library, queries
from vitreous.store.database import open_database, read_meta
from vitreous.store.events import Event, events, log_event
from vitreous.store.inbox import send
from vitreous.store.lock import Lock, acquire, read_lock
from vitreous.workflow.graph import Graph
from vitreous.workflow.parameters import Value

if TYPE_CHECKING:
    import pandas as pd

    from vitreous.project.engine import Engine, Until

ANSWER_SECONDS = 60.0
"""s that a request waits for the engine that holds the project."""
COMMAND_SECONDS = 20.0
"""s that a command waits for another one."""
ENGINE = "run"
"""What the lock of an engine says."""


@dataclass(frozen=True)
class Job:
    """A job of a project; its methods act on the project at once.

    Attributes:
        project: that it belongs to.
        id: its number.
    """

    project: Project
    id: int

    def __repr__(self) -> str:
        view = self.view()
        counts = ", ".join(f"{number} {state}" for state, number in view.counts.items())
        return f"J{self.id} {view.title} ({view.type}): {view.state}{'; ' + counts if counts else ''}"

    def view(self) -> JobView:
        """What it is and how far it is."""
        return self.project.job_view(self.id)

    @property
    def params(self) -> Mapping[str, Any]:
        """What is set."""
        return self.view().params

    def output(self, name: str) -> str:
        """One of its outputs, as an input of another job."""
        return f"J{self.id}:{name}"

    def edit(self, reason: str = "", **params: Any) -> Job:
        """Set parameters; results that depend on them are computed again, nothing else is."""
        self.project.act("edit_job", job=self.id, params=params, reason=reason)
        return self

    def undo(self) -> Job:
        """Go back to the parameters before the last change."""
        self.project.act("undo_edit", job=self.id)
        return self

    def copy(self, **params: Any) -> Job:
        """A second job with the same inputs, some parameters changed."""
        return Job(self.project, self.project.act("copy_job", job=self.id, params=params))

    def extend(self, **params: Any) -> Job:
        """A new job that goes on from this one's result."""
        return Job(self.project, self.project.act("extend_job", job=self.id, params=params))

    def pause(self) -> None:
        """Begin no more tasks."""
        self.project.act("pause_job", job=self.id)

    def resume(self) -> None:
        """Go on."""
        self.project.act("resume_job", job=self.id)

    def cancel(self) -> None:
        """Stop; what is done stays."""
        self.project.act("cancel_job", job=self.id)

    def remove(self, with_all_behind: bool = False) -> None:
        """Take it out of the project."""
        self.project.act("remove_job", job=self.id, with_all_behind=with_all_behind)

    def retry(self) -> int:
        """Try failed and quarantined tasks again; returns how many."""
        return int(self.project.act("retry", jobs=[self.id]))

    def why(self) -> str:
        """In a sentence, what it waits for and what to do."""
        return self.project.why(f"J{self.id}")

    def tasks(self, state: str | None = None) -> list[TaskView]:
        """Its tasks (in one state)."""
        return self.project.tasks(job=self.id, state=state)


class Project:
    """One project folder.

    Reading goes to the catalogue; changes are made here if no engine runs the project, else by that engine, which is
    asked and answers.

    Args:
        folder: of the project.

    Raises:
        UsageError: there is no project in the folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).absolute()  # tasks that run in this process change its working folder
        self._held: Session | None = None
        self._reader: Session | None = None
        self.meta = read_meta(self._read().db)

    @classmethod
    def create(
        cls,
        folder: str | Path,
        mode: str = "single-particle",
        settings: Mapping[str, Any] | None = None,
        *,
        title: str | None = None,
    ) -> Project:
        """Make a new project; see ``project.create.create_project``."""
        create_project(Path(folder), mode, settings or {}, title=title)
        return cls(folder)

    def __repr__(self) -> str:
        return f"Project({str(self.folder)!r}, mode={self.mode!r})"

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the catalogue."""
        if self._reader is not None:
            self._reader.db.close()
            self._reader = None

    @property
    def mode(self) -> str:
        """``drift``, ``single-particle``, ``tomography`` or ``crystal2d``."""
        return self.meta["mode"]

    @property
    def note(self) -> str | None:
        """What people should know of how the project was opened (such as: for reading only)."""
        return self._read().db.note

    def _read(self) -> Session:
        if self._held is not None:
            return self._held
        if self._reader is None:
            self._reader = Session(self.folder, open_database(self.folder, write=False))
        return self._reader

    @contextlib.contextmanager
    def writing(self, command: str, take_over: bool = False) -> Iterator[tuple[Session, Lock]]:
        """Hold the project for writing.

        Raises:
            UsageError: another process holds it.
        """
        lock = self._acquire(command, take_over)
        try:
            with open_database(self.folder, write=True) as db:
                self._held = Session(self.folder, db)
                if lock.note is not None:
                    log_event(db, "lock", lock.note, self._held.clock())
                yield self._held, lock
        finally:
            self._held = None
            self.close()  # what was read of an older catalogue is a copy, which does not follow it
            lock.release()

    def act(self, action: str, **arguments: Any) -> Any:
        """Do an action by name (see ``project.actions``): here, or by the engine that holds the project."""
        arguments.setdefault("author", getpass.getuser())
        if self._held is not None:
            return actions.perform(self._held, action, arguments)
        if self.engine_holds():
            return send(self.folder, action, arguments, ANSWER_SECONDS)
        with self.writing(action) as (session, _):
            return actions.perform(session, action, arguments)

    def engine_holds(self) -> bool:
        """Whether an engine has the project: only engines answer requests."""
        state = read_lock(self.folder)
        return state.held and (state.owner is None or state.owner.command == ENGINE)

    def _acquire(self, command: str, take_over: bool) -> Lock:
        """Take the lock; a command that has it only for a moment is waited for."""
        end = time.monotonic() + COMMAND_SECONDS
        while True:
            try:
                return acquire(self.folder, command, take_over=take_over)
            except UsageError:
                if self.engine_holds() or read_lock(self.folder).state == "stale" or time.monotonic() > end:
                    raise
            time.sleep(0.05)

    # --- jobs -------------------------------------------------------------------------------------------------------

    def add(
        self,
        type: str,
        *inputs: Job | str | int,
        title: str | None = None,
        options: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Job:
        """Add a job.

        Args:
            type: job type.
            inputs: jobs whose items it takes (``job.output("rejected")`` for another output); the newest that fits
                unless given.
            title: for people.
            options: ``note``, ``waits``, ``priority``, ``serial``, ``batch``.
            params: what is set.
        """
        names = [f"J{entry.id}" if isinstance(entry, Job) else entry for entry in inputs]
        number = self.act("add_job", type=type, params=params, inputs=names or None, title=title, **(options or {}))
        return Job(self, int(number))

    def job(self, name: str | int) -> Job:
        """A job by number or title."""
        return Job(self, self._read().job(name).id)

    def jobs(self) -> list[Job]:
        """All jobs by number."""
        return [Job(self, number) for number in sorted(self.graph().jobs)]

    def graph(self) -> Graph:
        """The graph of jobs."""
        return self._read().graph()

    def job_view(self, name: str | int) -> JobView:
        """What a job is and how far it is."""
        return views.job_view(self._read(), self._read().job(name).id)

    def copy_branch(self, jobs: Sequence[Job], params: Mapping[Job, Mapping[str, Any]] | None = None) -> list[Job]:
        """Copy several jobs with the edges between them, with other parameters for some."""
        changed = {f"J{job.id}": dict(values) for job, values in (params or {}).items()}
        numbers = self.act("copy_branch", jobs=[f"J{job.id}" for job in jobs], params=changed)
        return [Job(self, number) for number in numbers]

    def diff(self, job: str | int | Job, before: int, after: int | None = None) -> FilterDiff:
        """Which items entered and left between two revisions of a filter (``after``: as it is now)."""
        number = job.id if isinstance(job, Job) else self._read().job(job).id
        return diff_revisions(self._read(), number, before, after)

    def parameters(self, job: str | int, item: str | None = None) -> dict[str, Value]:
        """Every parameter of a job (for an item) with its value and where that comes from."""
        return views.parameter_origins(self._read(), self._read().job(job).id, item)

    # --- running ----------------------------------------------------------------------------------------------------

    def run(
        self,
        *,
        until: Until = "done",
        profile: str = "local",
        workers: int | None = None,
        threads: int | None = None,
        watch: bool = True,
        take_over: bool = False,
    ) -> None:
        """Run the project's jobs in this process and its workers.

        Args:
            until: ``done``: until nothing is left to do now; ``closed``: until every import has ended too.
            profile: run profile.
            workers, threads: number of workers, and threads of each, other than the profile's; 0 workers: in this
                process.
            watch: look for new movies.
            take_over: take the lock of an engine on another machine that shows no sign of life.
        """
        from vitreous.project.running import open_engine

        with self.writing(ENGINE, take_over) as (session, lock):
            engine = open_engine(session, profile=profile, workers=workers, threads=threads)
            with stopped_by_signals(engine), stopped_without_lock(engine, lock):
                engine.run(until, watch=watch)

    def stop(self, now: bool = False) -> None:
        """Ask the engine that runs the project to end (``now``: give up what is under way)."""
        if read_lock(self.folder).held:
            self.act("stop_engine", now=now)
        else:
            raise UsageError("no engine runs this project", hint="There is nothing to stop")

    # --- looking ----------------------------------------------------------------------------------------------------

    def why(self, name: str | None = None) -> str:
        """In a sentence, what a job or an item (or the whole project) waits for, and what to do."""
        from vitreous.project.why import explain

        return explain(self._read(), name)

    def tasks(self, job: int | None = None, item: str | None = None, state: str | None = None) -> list[TaskView]:
        """Tasks with their state, reason and times."""
        return views.task_views(self._read(), job=job, item=item, state=state)

    def log(self, *, job: str | int | None = None, item: str | None = None, limit: int = 200) -> list[Event]:
        """The newest lines of the log, oldest first."""
        session = self._read()
        number = None if job is None else session.job(job).id
        chosen = None if item is None else views.item_number(session, item)
        return events(session.db, job=number, item=chosen, limit=limit)

    def page(
        self,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        order: Sequence[tuple[str, Literal["asc", "desc"]]] = (),
        limit: int = 100,
        offset: int = 0,
    ) -> library.Page:
        """Rows of the table of exposures that fit an expression, sorted."""
        db = self._read().db
        text, values = (None, ()) if where is None else table_condition(db, where)
        return library.page(db, columns, text, values, order=list(order), limit=limit, offset=offset)

    def table(self, where: str | None = None) -> pd.DataFrame:
        """All exposures (that fit an expression) as a data frame."""
        import pandas as pd

        page = self.page(where=where, limit=2**31 - 1)
        return pd.DataFrame(page.rows, columns=list(page.columns))

    def sql(self, text: str) -> queries.Table:
        """Ask the catalogue in SQL, for reading only; see the documented views."""
        return queries.sql(self.folder, text)

    # --- items ------------------------------------------------------------------------------------------------------

    def trash(self, *names: str, **selection: Any) -> list[str]:
        """Move items to TRASH; by names (patterns), ``group``, ``flag``, ``tag`` or ``expression``."""
        return self._on_items("trash", names, selection)

    def restore(self, *names: str, **selection: Any) -> list[str]:
        """Move items back from TRASH."""
        return self._on_items("restore", names, selection)

    def move(self, group: str, *names: str, **selection: Any) -> list[str]:
        """Move items to a group."""
        return self._on_items("move_items", names, selection, group=group)

    def flag(self, colour: str, *names: str, **selection: Any) -> list[str]:
        """Give items a colour (none, red, green, blue, gold)."""
        return self._on_items("flag_items", names, selection, flag=colour)

    def tag(self, tag: str, *names: str, remove: bool = False, **selection: Any) -> list[str]:
        """Give items a tag."""
        return self._on_items("tag_items", names, selection, tag=tag, remove=remove)

    def comment(self, text: str | None, *names: str, **selection: Any) -> list[str]:
        """Write a comment to items."""
        return self._on_items("comment_items", names, selection, comment=text)

    def _on_items(self, action: str, names: Sequence[str], selection: Mapping[str, Any], **more: Any) -> list[str]:
        chosen = {**selection, **({"names": list(names)} if names else {})}
        return list(self.act(action, selection=chosen, **more))

    def preflight(self) -> dict[str, Any] | None:
        """What the newest pre-flight check found: ``{movies, ok, findings, proposal}``, or ``None``."""
        return newest_report(self._read())

    def apply_proposal(self) -> dict[str, Any]:
        """Set the project's settings as the newest pre-flight check proposes; returns those that were set."""
        return dict(self.act("apply_proposal"))

    # --- settings, templates ----------------------------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Values of the project that parameters inherit."""
        return self._read().settings()

    def set(self, **values: Any) -> None:
        """Set values of the project; ``None`` removes one."""
        self.act("change_settings", values=values)

    def export_template(
        self, jobs: Sequence[Job | str | int] | None = None, *, with_settings: bool = False, with_decisions: bool = True
    ) -> dict[str, Any]:
        """All jobs, or some, as a template that another project can take (JSON-able)."""
        from vitreous.project import templates

        names = None if jobs is None else [entry.id if isinstance(entry, Job) else entry for entry in jobs]
        return templates.export_template(
            self._read(), names, with_settings=with_settings, with_decisions=with_decisions
        )

    def run_template(self, template: str | Path | Mapping[str, Any], **changes: Any) -> list[Job]:
        """Add a template's jobs: a shipped one by name, a file, or what ``export_template`` gave.

        Args:
            template: which.
            changes: ``key__parameter`` = value, such as ``import__sources=["/camera"]``.
        """
        from vitreous.project import templates

        content = templates.read_template(template)
        return [Job(self, n) for n in self.act("apply_template", template=content, changes=templates.split(changes))]


@contextlib.contextmanager
def stopped_by_signals(engine: Engine) -> Iterator[None]:
    """Let Ctrl-C and a termination signal end the engine: once after what is under way, twice at once."""
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    count = 0

    def stop(number: int, frame: Any) -> None:
        nonlocal count
        count += 1
        engine.stop(now=count > 1 or number == signal.SIGTERM)
        if count == 1 and number == signal.SIGINT and sys.stderr.isatty():
            print("\nEnding after what is under way; once more to end at once.", file=sys.stderr)  # noqa: T201

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def stopped_without_lock(engine: Engine, lock: Lock) -> Iterator[None]:
    """End the engine at once if another process has taken the project."""
    import threading

    over = threading.Event()

    def look() -> None:
        while not over.wait(1.0):
            if lock.lost:
                engine.stop(now=True)
                return

    thread = threading.Thread(target=look, name="lock watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
