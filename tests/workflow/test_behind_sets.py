"""Jobs behind jobs on sets: what a set gives, all its members have; results build upon earlier ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engine_project import arrive, bring, calm, install, make, run, runs, stepping

from vitreous.project import actions
from vitreous.project.cleaning import leftovers
from vitreous.project.why import explain
from vitreous.store.fragments import list_fragments


@pytest.fixture(scope="module", autouse=True)
def _plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    undo = install(tmp_path_factory.mktemp("plugin"))
    yield
    undo()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "p"


def sums(folder: Path) -> list[str]:
    """What the runs on the set have written, the oldest first."""
    files = sorted((folder / "jobs").glob("J3-grow/set-*/sum.txt"), key=lambda path: path.stat().st_mtime_ns)
    return [path.read_text() for path in files]


def test_items_go_on_behind_a_set_with_what_it_gives(folder: Path) -> None:
    project = make(folder, "a", "b")
    project.add("writes")
    project.add("grow")
    project.add("behind")
    project.add("choose", "J3")
    found = run(project)
    assert found[2:] == [("grow", "a+b"), *found[3:]]
    assert sorted(found[3:]) == [("behind", "a"), ("behind", "b"), ("choose", "a+b:1")]
    assert {path.read_text() for path in folder.glob("jobs/J4-behind/*/seen.txt")} == {"a+b"}


def test_what_stands_behind_a_set_is_made_again_with_its_next_result(folder: Path) -> None:
    project = make(folder, "a", closed=True)
    project.add("writes")
    project.add("grow")
    project.add("choose")
    assert run(project)[-2:] == [("grow", "a"), ("choose", "a:1")]
    bring(project, "b")
    assert run(project)[-2:] == [("grow", "a+b"), ("choose", "a+b:1")]
    project.trash("b")
    assert ("grow", "a") not in run(project)  # it has been there before
    project.add("behind", "J3")
    assert run(project) == [("behind", "a")]
    assert next(folder.glob("jobs/J5-behind/*/seen.txt")).read_text() == "a"


def test_a_growing_set_goes_on_from_its_newest_result_and_knows_when_it_is_complete(folder: Path) -> None:
    project = make(folder, closed=False)
    project.add("writes")
    project.add("grow", options={"batch": 2})
    project.add("choose")
    with stepping(project) as (engine, _):
        for name in ("a", "b", "c", "d"):
            arrive(engine.session, name)
            engine._pace.forget("sets")
            calm(engine)
        actions.perform(engine.session, "close_source", {"job": 1})
        arrive(engine.session, "e")
        engine._sets_changed = True
        for _ in range(3):
            engine._pace.forget("sets")
            calm(engine)
    assert [text.splitlines()[:2] for text in sums(folder)] == [
        ["a+b", "after "],
        ["a+b+c+d", "after a+b"],
        ["a+b+c+d+e", "after a+b+c+d"],
    ]
    assert [text.splitlines()[3] for text in sums(folder)] == ["False", "False", "True"]
    assert [item for type, item in runs(project) if type == "choose"] == ["a+b:1", "a+b+c+d:1", "a+b+c+d+e:1"]


def test_scratch_survives_a_failure_and_goes_with_the_result(folder: Path) -> None:
    project = make(folder, "a")
    project.add("writes")
    project.add("grow")
    (folder / "unwell").touch()
    run(project)
    (scratch,) = folder.glob("jobs/J3-grow/.work-*")
    assert (scratch / "tries.txt").read_text() == "x"
    assert all("grow" not in entry.folder for entry in _leftovers(project))
    (folder / "unwell").unlink()
    project.act("retry", jobs=["J3"])
    run(project)
    assert sums(folder)[0].splitlines()[2] == "xx"
    assert not list(folder.glob("jobs/J3-grow/.work-*"))


def test_other_parameters_begin_anew(folder: Path) -> None:
    project = make(folder, "a")
    project.add("writes")
    job = project.add("grow")
    project.add("behind")
    run(project)
    job.edit(number=5)
    run(project)
    assert sums(folder)[-1].splitlines()[1] == "after "


def test_big_tables_hold_the_rows_of_current_results_only(folder: Path) -> None:
    project = make(folder, "a")
    project.add("writes")
    project.add("grow")
    run(project)
    bring(project, "b")
    run(project)
    with project.writing("test") as (session, _):
        (fragment,) = list_fragments(session.db, "things")
        assert (fragment.rows, fragment.job) == (2, 3)
        assert (folder / fragment.path).stat().st_size == fragment.bytes
        assert [part.rows for part in list_fragments(session.db, "things", [3])] == [2]
        assert list_fragments(session.db, "things", [2]) == []


def _leftovers(project):
    with project.writing("test") as (session, _):
        return leftovers(session)


def test_items_that_came_after_the_last_run_of_a_set_are_told(folder: Path) -> None:
    project = make(folder, closed=False)
    project.add("writes")
    project.add("grow", options={"batch": 2})
    with stepping(project) as (engine, _):
        for name in ("a", "b", "c"):
            arrive(engine.session, name)
            engine._pace.forget("sets")
            calm(engine)
        told = "1 item came after its last run; it runs again after 1 more or when the import has ended"
        assert told in explain(engine.session, "J3")
        assert told in explain(engine.session)
        actions.perform(engine.session, "close_source", {"job": 1})
        engine._sets_changed = True
        engine._pace.forget("sets")
        calm(engine)
        assert "all that has come is done" in explain(engine.session, "J3")
