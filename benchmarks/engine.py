"""What the engine itself costs: tasks that do nothing, a project of 100,000 exposures, a parameter changed over all.

    python benchmarks/engine.py [--tasks 10000] [--exposures 100000] [--folder bench/engine]

writes benchmarks/results/engine.json. Job types that do nothing come from ``engine_plugin``; workers are processes.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vitreous.project import job_types
from vitreous.project.engine import Engine
from vitreous.project.project import Project
from vitreous.project.running import open_engine
from vitreous.project.session import Session
from vitreous.store.columns import set_many
from vitreous.store.items import add_exposure
from vitreous.store.ledger import (
    insert_source_result,
    item_facts,
    slots_to_json,
    unsettle,
    unsettled,
)
from vitreous.workflow.job_type import SlotValue
from vitreous.workflow.planner import ResultFacts, settle

PLUGIN = Path(__file__).parent / "engine_plugin"
JOBS = (("noop-1", "J1"), ("noop-2", "J2"), ("noop-3", "J2"), ("noop-4", "J2"))


def install(folder: Path, plugin: Path = PLUGIN, module: str = "vitreous_noop") -> None:
    """Make the plugin's job types known to this process and to the workers that it starts."""
    sys.path[:0] = [str(folder), str(plugin)]
    entry_points = importlib.import_module(module).ENTRY_POINTS
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    lines = [f"{name} = {module}:{attribute}" for name, attribute in entry_points.items()]
    (info / "entry_points.txt").write_text("[vitreous.jobs]\n" + "\n".join(lines) + "\n")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), str(plugin), os.environ.get("PYTHONPATH", "")])
    job_types.declared.cache_clear()


def memory() -> float:
    """Resident memory of this process now, in MB (1e6 bytes)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def cpu() -> float:
    """CPU time of this process so far, in s; children are not counted."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def make_project(folder: Path, exposures: int, jobs: Sequence[tuple[str, str]]) -> Project:
    """A project with an import that is closed, exposures as it would have brought them, and jobs with no task yet."""
    shutil.rmtree(folder, ignore_errors=True)
    camera = folder.with_name(folder.name + "-camera")
    camera.mkdir(parents=True, exist_ok=True)
    settings = {"pixel_size": 1.0, "voltage": 300.0, "disk_reserve": 0.0}
    project = Project.create(folder, "single-particle", settings)
    project.add("import", sources=[str(camera)])
    project.act("close_source", job=1)
    for name, source in jobs:
        project.add(name, source)
    with project.writing("benchmark") as (session, _):
        add_exposures(session, 1, exposures)
    return project


def add_exposures(session: Session, first: int, count: int) -> None:
    """Exposures as the import commits them."""
    with session.db.transaction():
        for number in range(first, first + count):
            name = f"movie_{number:06d}"
            path, identity = f"movies/J1/{name}.tif", f"{number:032x}"
            facts = {"source_path": f"/camera/{name}.tif", "path": path, "identity": identity, "size": 10**8}
            item = add_exposure(session.db, name, source_job=1, imported=1e9 + number, **facts)  # type: ignore[arg-type]
            slots = {"movie": SlotValue(path, {}, {"pixel_size": 1.0})}
            insert_source_result(session.db, identity, 1, item, slots, (), 1e9)
            unsettle(session.db, [item])


def plan_directly(session: Session, done: frozenset[int]) -> None:
    """Write the tasks of all items by the planner, with the results of some jobs; much quicker than running them."""
    graph = session.graph()
    numbers = [row[0] for row in session.db.connection.execute("SELECT item FROM unsettled ORDER BY item")]
    slots = {2: {"motion": SlotValue(values={"drift_total": 0.0})}}
    for start in range(0, len(numbers), 5000):
        rows, results, shown = [], [], []
        for item in item_facts(session.db, numbers[start : start + 5000]):
            known: dict[str, ResultFacts] = {}
            for _ in range(2):
                plan = settle(graph, item, known.get, session.decide)
                for change in plan.changes:
                    if change.job in done and change.identity is not None:
                        known[change.identity] = ResultFacts(slots[change.job])
                        results.append((change.identity, change.job, item.item, slots_to_json(slots[change.job])))
                        shown.append((item.item, "motion", change.job, {"drift_total": 0.0}))
                plan = settle(graph, item, known.get, session.decide)
            rows += [(change.job, item.item, str(change.state), change.identity) for change in plan.changes]
        with session.db.transaction() as connection:
            connection.executemany("INSERT INTO task (job, item, state, identity) VALUES (?, ?, ?, ?)", rows)
            connection.executemany(
                "INSERT OR IGNORE INTO result (identity, job, item, slots, outputs, versions, committed)"
                " VALUES (?, ?, ?, ?, '[\"items\"]', '{}', 0)",
                results,
            )
            set_many(session.db, shown)
    session.db.connection.execute("DELETE FROM unsettled")


# --- (a) tasks that do nothing ----------------------------------------------------------------------------------------


def measure_tasks(folder: Path, tasks: int, workers: int = 2) -> dict[str, Any]:
    """Run no-op tasks through real workers: time per task of wall clock and of the engine's process, and its memory."""
    project = make_project(folder, tasks, JOBS[:1])
    samples: list[tuple[int, float]] = []
    with project.writing("benchmark") as (session, _):
        engine = open_engine(session, workers=workers)
        commit = engine._take_outcomes
        ended = 0

        def counted() -> None:
            nonlocal ended
            ended += sum(len(work.chains) for work, _ in engine._pending)
            commit()
            samples.append((ended, memory()))

        engine._take_outcomes = counted  # type: ignore[method-assign]
        start, used = time.monotonic(), cpu()
        engine.run("done", watch=False)
        total, used = time.monotonic() - start, cpu() - used
        text = "SELECT min(started), max(finished), count(*), sum(state = 'done') FROM task"
        begun, end, count, done = session.db.connection.execute(text).fetchone()
    assert (count, done) == (tasks, tasks), (count, done)
    third = next(size for number, size in samples if number >= tasks / 3)
    wall = end - begun
    return {
        "tasks": tasks,
        "workers": workers,
        "wall_s": round(wall, 2),
        "wall_ms_per_task": round(1000 * wall / tasks, 3),
        "with_start_of_workers_s": round(total, 2),
        "engine_cpu_ms_per_task": round(1000 * used / tasks, 3),
        "memory_at_a_third_mb": round(third, 1),
        "memory_at_the_end_mb": round(samples[-1][1], 1),
    }


# --- (b) a big project ------------------------------------------------------------------------------------------------


def timed(function: Callable[[], object], times: int = 3) -> float:
    """The shortest of some runs, in s."""
    found = []
    for _ in range(times):
        start = time.monotonic()
        function()
        found.append(time.monotonic() - start)
    return min(found)


@contextmanager
def idle_engine(session: Session) -> Iterator[Engine]:
    """An engine whose tasks run in this process, prepared, with its first round behind it."""
    engine = open_engine(session, workers=0)
    engine.prepare()
    try:
        yield engine
    finally:
        engine.finish()


def measure_big(folder: Path, exposures: int) -> dict[str, Any]:
    """Open a project of many exposures, see its jobs, and have the engine take one more arrival."""
    start = time.monotonic()
    project = make_project(folder, exposures, JOBS)
    with project.writing("benchmark") as (session, _):
        plan_directly(session, done=frozenset({2}))
        session.db.connection.execute("ANALYZE")
    made = time.monotonic() - start

    def open_and_look() -> None:
        with Project(folder) as opened:
            [repr(job) for job in opened.jobs()]
            opened.why()

    opening = timed(open_and_look)
    with project.writing("benchmark") as (session, _):
        counts = dict(session.db.connection.execute("SELECT state, count(*) FROM task GROUP BY state"))
        with idle_engine(session) as engine:
            engine.step()  # starts the workers
            engine.step()
            rounds, arrivals = [], []
            for number in range(exposures + 1, exposures + 6):
                add_exposures(session, number, 1)
                start = time.monotonic()
                engine.settle_items()
                arrivals.append(time.monotonic() - start)
                start = time.monotonic()
                engine.step()
                rounds.append(time.monotonic() - start)
    return {
        "exposures": exposures,
        "tasks": counts,
        "made_in_s": round(made, 1),
        "open_and_jobs_table_s": round(opening, 3),
        "arrival_planned_ms": round(1000 * max(arrivals), 2),
        "arrival_round_with_dispatch_ms": round(1000 * sorted(rounds)[2], 2),
        "catalogue_mb": round((folder / "project.db").stat().st_size / 1e6, 1),
    }


# --- (c) one parameter over everything --------------------------------------------------------------------------------


def measure_change(folder: Path) -> dict[str, Any]:
    """Change a parameter of the second job in the project of ``measure_big``, and have the engine follow."""
    project = Project(folder)
    with project.writing("benchmark") as (session, _), idle_engine(session) as engine:
        count = "SELECT count(*) FROM task WHERE job = 3 AND state IN ('running', 'done')"
        session.db.connection.execute("UPDATE task SET state = 'ready' WHERE job = 3 AND state = 'done'")
        start = time.monotonic()
        project.act("edit_job", job="J3", params={"number": 7})
        acted = time.monotonic() - start
        while not session.db.connection.execute(count).fetchone()[0]:
            engine.step()
        first = time.monotonic() - start
        engine.stopping = True  # nothing more is begun, so that planning is measured alone
        begun, todo = time.monotonic(), len(unsettled(session.db, 10**9))
        while unsettled(session.db, 1):
            engine.step()
        planned = time.monotonic() - begun
    return {
        "act_s": round(acted, 3),
        "first_task_after_s": round(first, 3),
        "planned": todo,
        "all_planned_after_s": round(planned, 2),
        "planned_ms_per_item": round(1000 * planned / max(1, todo), 3),
    }


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, and write what was found."""
    from measuring import RESULTS, ROOT, machine

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--exposures", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=ROOT / "bench" / "engine")
    parser.add_argument("--out", type=Path, default=RESULTS / "engine.json")
    given = parser.parse_args(arguments)
    install(given.folder / "plugin")
    found: dict[str, Any] = {"machine": machine()}
    for name, measure in (
        ("tasks", lambda: measure_tasks(given.folder / "tasks", given.tasks)),
        ("project", lambda: measure_big(given.folder / "big", given.exposures)),
        ("changed_parameter", lambda: measure_change(given.folder / "big")),
    ):
        found[name] = measure()
        print(name, json.dumps(found[name], indent=1), flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    return found


if __name__ == "__main__":
    main()
