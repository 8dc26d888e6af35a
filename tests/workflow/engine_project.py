"""Projects of tiny jobs for tests of the engine: items as an import brings them, and what was run in which order."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vitreous.project import job_types
from vitreous.project.engine import Engine
from vitreous.project.project import Project
from vitreous.project.session import Session
from vitreous.store.items import add_exposure
from vitreous.store.ledger import insert_source_result, unsettle
from vitreous.workflow.executor import Done, Report, RunWork, Work
from vitreous.workflow.executors.inline import InlineExecutor
from vitreous.workflow.job_type import SlotValue

PLUGIN = Path(__file__).parent / "engine_plugin"
SETTINGS = {"pixel_size": 1.0, "voltage": 300.0, "disk_reserve": 0.0}


def install(folder: Path) -> Callable[[], None]:
    """Install the plugin for this process and those that it starts; returns what undoes it."""
    before = (list(sys.path), os.environ.get("PYTHONPATH"))
    sys.path.insert(0, str(PLUGIN))
    from engine_types import ENTRY_POINTS

    info = folder / "engine_types-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: engine-types\nVersion: 1.0\n")
    lines = [f"{name} = engine_types:{attribute}" for name, attribute in ENTRY_POINTS.items()]
    (info / "entry_points.txt").write_text("[vitreous.jobs]\n" + "\n".join(lines) + "\n")
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), str(PLUGIN), before[1] or ""])
    job_types.declared.cache_clear()

    def undo() -> None:
        sys.path[:] = before[0]
        if before[1] is None:
            os.environ.pop("PYTHONPATH", None)
        else:
            os.environ["PYTHONPATH"] = before[1]
        job_types.declared.cache_clear()

    return undo


def make(folder: Path, *names: str, closed: bool = True, **settings: Any) -> Project:
    """A project whose import (J1) has brought items of these names."""
    (folder.parent / "camera").mkdir(exist_ok=True)
    project = Project.create(folder, "single-particle", {**SETTINGS, **settings})
    project.add("import", sources=[str(folder.parent / "camera")])
    if closed:
        project.act("close_source", job=1)
    bring(project, *names)
    return project


def bring(project: Project, *names: str) -> None:
    """Further items of the import."""
    with project.writing("test") as (session, _):
        arrive(session, *names)


def arrive(session: Session, *names: str) -> None:
    """What the import's thread has the engine commit."""
    with session.db.transaction():
        for name in names:
            path = f"movies/J1/{name}.tif"
            (session.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (session.folder / path).write_text(name)
            identity = f"file of {name}"
            item = add_exposure(
                session.db, name, source_job=1, source_path=f"/camera/{name}.tif", path=path, identity=identity, size=1
            )
            slots = {"movie": SlotValue(path, {}, {"pixel_size": 1.0})}
            insert_source_result(session.db, identity, 1, item, slots, (), 0.0)
            unsettle(session.db, [item])


def runs(project: Project) -> list[tuple[str, str]]:
    """``(type, item)`` of all that was run, in order."""
    return [(line.split()[0], line.split()[1]) for line in _lines(project)]


def pids(project: Project) -> set[str]:
    """Processes that ran something."""
    return {line.split()[2] for line in _lines(project)}


def _lines(project: Project) -> list[str]:
    log = project.folder / "logs" / "runs.txt"
    return log.read_text().splitlines() if log.exists() else []


def run(project: Project) -> list[tuple[str, str]]:
    """Run until nothing is left, in this process; returns what was run meanwhile."""
    before = len(runs(project))
    project.run(workers=0, watch=False)
    return runs(project)[before:]


def states(project: Project, job: int) -> dict[str, str]:
    """Item → state of its task."""
    return {task.name: task.state for task in project.tasks(job=job)}


class Recording(InlineExecutor):
    """Runs in this process, and remembers the submissions."""

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.works: list[Work] = []

    def submit(self, run: RunWork, work: Work, done: Done) -> None:
        self.works.append(work)
        super().submit(run, work, done)

    def batches(self) -> list[list[str]]:
        """Names of the items of each submission."""
        return [[chain.item.name for chain in work.chains] for work in self.works]


@contextmanager
def stepping(project: Project, clock: Callable[[], float] = time.time) -> Iterator[tuple[Engine, Recording]]:
    """An engine to be stepped by hand, with its executor."""
    made: list[Recording] = []

    def start(report: Report) -> Recording:
        made.append(Recording(report))
        return made[0]

    with project.writing("test") as (session, _):
        session.clock = clock
        engine = Engine(session, start, tick=0.02)
        engine.crew.executor = start(engine.crew.report)
        engine.prepare()
        try:
            yield engine, made[0]
        finally:
            engine.finish()


def until(engine: Engine, true: Callable[[], bool], seconds: float = 15.0) -> None:
    """Step until it is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        engine.step()
        engine._wait()


def calm(engine: Engine) -> None:
    """Step until nothing is left to do now."""
    until(engine, lambda: engine._is_over("done"))


def wait_for(true: Callable[[], bool], seconds: float = 20.0) -> float:
    """Seconds until it is true."""
    start = time.monotonic()
    while not true():
        assert time.monotonic() - start < seconds, "it never came true"
        time.sleep(0.05)
    return time.monotonic() - start


def counts(project: Project, job: int) -> Mapping[str, int]:
    """State → number of a job's tasks."""
    return project.job_view(job).counts
