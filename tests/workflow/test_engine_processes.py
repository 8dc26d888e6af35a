"""An engine in a process of its own with two workers in theirs: asked from outside, stopped, struck by deaths."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engine_project import counts, install, make, pids, run, runs, states, wait_for

from vitreous.core.errors import UsageError
from vitreous.project.project import Project
from vitreous.project.status import read_status
from vitreous.store.lock import read_lock

pytestmark = pytest.mark.slow

RUN = "import sys; from vitreous.project.project import Project; Project(sys.argv[1]).run("


@pytest.fixture(scope="module", autouse=True)
def _plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    undo = install(tmp_path_factory.mktemp("plugin"))
    yield
    undo()


@contextmanager
def engine_of(project: Project, options: str) -> Iterator[subprocess.Popen[bytes]]:
    """An engine in another process, killed at the end if it is still there."""
    log = project.folder / "logs" / "engine.txt"
    code = f"if __name__ == '__main__':\n    {RUN}{options})"
    script = project.folder.parent / f"{project.folder.name}-engine.py"
    script.write_text(code)
    with open(log, "wb") as out:
        process = subprocess.Popen([sys.executable, str(script), str(project.folder)], stdout=out, stderr=out)
    try:
        wait_for(lambda: read_lock(project.folder).held and read_status(project.folder) is not None)
        yield process
    finally:
        process.kill()
        process.wait()
    assert b"Traceback" not in log.read_bytes(), log.read_text()


def _workers(project: Project) -> Sequence[object]:
    status = read_status(project.folder)
    return () if status is None else status.workers


def test_a_running_engine_takes_requests_shows_itself_and_ends_when_asked(tmp_path: Path) -> None:
    project = make(tmp_path / "p", *(f"m{number}" for number in range(6)), closed=False)
    slow = project.add("slow", seconds=2.5)
    with engine_of(project, "workers=2, until='closed'") as process:
        wait_for(lambda: counts(project, slow.id).get("running", 0) >= 2, 60)
        wait_for(lambda: len(_workers(project)) == 2)
        assert "running" in project.why()
        with pytest.raises(UsageError, match="is in use by run"), project.writing("test"):
            pass

        added = project.add("fails", "J1", options={"priority": 1})  # done by the engine, which answers
        assert project.flag("gold", "m0") == ["m0"]
        with pytest.raises(UsageError, match="there is no job type"):
            project.add("nothing")

        slow.edit(number=1)  # what runs is stopped and begun again with the new parameter
        wait_for(lambda: counts(project, added.id).get("done") == 6)

        slow.pause()
        assert wait_for(lambda: "running" not in counts(project, slow.id), 10) < 5
        held = len(runs(project))
        project.trash("m5")
        slow.resume()
        wait_for(lambda: counts(project, slow.id).get("running", 0) >= 1)
        assert len(runs(project)) >= held

        slow.edit(seconds=60.0)
        wait_for(lambda: counts(project, slow.id).get("running", 0) >= 1)
        slow.cancel()
        assert wait_for(lambda: set(counts(project, slow.id)) <= {"cancelled", "excluded", "done"}, 15) < 10
        assert states(project, slow.id)["m5"] == "excluded"

        project.stop()
        assert process.wait(20) == 0
    assert not read_lock(project.folder).held
    assert read_status(project.folder) is None
    assert len(pids(project)) == 2
    assert str(os.getpid()) not in pids(project)
    slow.edit(seconds=0.0)
    slow.resume()
    project.act("close_source", job=1)
    run(project)
    assert counts(project, slow.id) == {"done": 5, "excluded": 1}


def test_a_task_that_kills_its_workers_is_quarantined_while_the_others_finish(tmp_path: Path) -> None:
    names = ["killer", *(f"m{number:02}" for number in range(12))]
    project = make(tmp_path / "p", *names)
    job = project.add("fails")
    project.run(workers=2, watch=False)
    found = states(project, job.id)
    assert found.pop("killer") == "quarantined"
    assert set(found.values()) == {"done"}
    assert [type for type, item in runs(project) if item == "killer"] == ["fails"] * 3
    (task,) = project.tasks(job=job.id, state="quarantined")
    assert task.error is not None
    assert "its worker died 3 times" in task.error["message"]
    # An engine that begins anew leaves what is done and what is quarantined.
    assert run(project) == []


def test_files_that_were_refused_are_looked_at_again_when_asked_and_when_the_import_is_edited(tmp_path: Path) -> None:
    camera = tmp_path / "camera"
    camera.mkdir()
    (camera / "odd.tif").write_bytes(b"no image")
    project = Project.create(tmp_path / "p", "drift")
    watch = project.add("import", sources=[str(camera)], settle_delay=0, file_timeout=0)

    def refused_at() -> float | None:
        rows = project.sql("SELECT seen FROM source_file WHERE state = 'quarantined'").rows
        return rows[0][0] if rows else None

    with engine_of(project, "workers=0, until='closed'"):
        wait_for(lambda: refused_at() is not None)
        first = refused_at()
        assert project.act("retry") == 1
        wait_for(lambda: refused_at() not in (None, first))
        second = refused_at()
        watch.edit(truncated="accept")
        wait_for(lambda: refused_at() not in (None, second))
        project.stop()


def test_a_set_runs_once_the_import_before_it_has_ended_by_itself(tmp_path: Path) -> None:
    project = make(tmp_path / "p", "m0", "m1", closed=False)
    project.job("J1").edit(settle_delay=0, global_timeout=3)
    collect = project.add("collect", project.add("writes", "J1"))
    project.run(until="closed", workers=0)
    assert counts(project, collect.id) == {"done": 1}, project.why()
