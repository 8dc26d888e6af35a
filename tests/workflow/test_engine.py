"""The engine on real projects of tiny jobs: order, delta, holding back, failures, sets, and why something waits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engine_project import arrive, bring, calm, counts, install, make, run, runs, states, stepping, until

from vitreous.core.errors import UsageError
from vitreous.project import actions
from vitreous.store.ledger import unsettled
from vitreous.workflow.share import Registration


@pytest.fixture(scope="module", autouse=True)
def _plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    undo = install(tmp_path_factory.mktemp("plugin"))
    yield
    undo()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "p"


# Order


def test_first_come_first_served_and_each_item_through_all_its_jobs(folder: Path) -> None:
    project = make(folder, "a", "b")
    project.add("writes")
    project.add("likectf")
    assert run(project) == [("writes", "a"), ("likectf", "a"), ("writes", "b"), ("likectf", "b")]


def test_newest_first_takes_the_newest_next(folder: Path) -> None:
    project = make(folder, "a", "b", "c", order="newest")
    project.add("slow", seconds=0.3)  # long enough to be handed out one by one
    with stepping(project) as (engine, executor):
        until(engine, lambda: len(executor.works) == 1)
        arrive(engine.session, "d")
        calm(engine)
    assert [item for _, item in runs(project)] == ["c", "d", "b", "a"]


def test_what_has_just_come_does_not_wait_until_all_is_planned_anew(folder: Path) -> None:
    project = make(folder, *(f"m{number}" for number in range(1, 11)))
    with project.writing("test") as (session, _):
        assert unsettled(session.db, 4, newest=2) == [1, 2, 3, 4, 9, 10]
        assert unsettled(session.db, 9, newest=2) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_order_by_hand_goes_before_arrival(folder: Path) -> None:
    project = make(folder, "a", "b", "c", "d")
    project.add("noop")
    with stepping(project) as (engine, _):
        engine.settle_items()
        selection = {"names": ["c"]}
        assert actions.perform(engine.session, "order_items", {"selection": selection, "place": "first"}) == 1
        actions.perform(engine.session, "order_items", {"selection": {"names": ["a"]}, "place": "last"})
        calm(engine)
    assert [item for _, item in runs(project)] == ["c", "b", "d", "a"]


def test_a_job_of_higher_priority_goes_first_over_all_items(folder: Path) -> None:
    project = make(folder, "a", "b", "c")
    project.add("noop", "J1")
    project.add("fails", "J1", options={"priority": 5})
    assert [type for type, _ in run(project)] == ["fails"] * 3 + ["noop"] * 3


def test_a_serial_job_keeps_the_order_of_arrival_whatever_comes_first(folder: Path) -> None:
    project = make(folder, "a", "b", "c", order="newest")
    project.add("writes")
    project.add("likectf", options={"serial": True})
    ran = run(project)
    assert [item for type, item in ran if type == "writes"] == ["c", "b", "a"]
    assert [item for type, item in ran if type == "likectf"] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("batch", "expected"), [(2, [["a", "b"], ["c", "d"], ["e"]]), (0, [["a", "b", "c", "d", "e"]])]
)
def test_batches_are_handed_out_whole(folder: Path, batch: int, expected: list[list[str]]) -> None:
    project = make(folder, "a", "b", "c", "d", "e")
    project.add("noop", options={"batch": batch})
    with stepping(project) as (engine, executor):
        calm(engine)
    assert executor.batches() == expected


def test_a_batch_waits_until_it_is_full_while_items_may_come(folder: Path) -> None:
    project = make(folder, "a", "b", "c", closed=False)
    job = project.add("noop", options={"batch": 2})
    with stepping(project) as (engine, executor):
        until(engine, lambda: len(executor.works) == 1)
        for _ in range(5):
            engine.step()
        assert executor.batches() == [["a", "b"]]
        assert "takes 2 items together, and they are not there yet" in project.why("J2")
        actions.perform(engine.session, "close_source", {"job": 1})
        until(engine, lambda: len(executor.works) == 2)
    assert counts(project, job.id) == {"done": 3}


def test_a_job_starts_when_those_that_it_waits_for_have_finished(folder: Path) -> None:
    project = make(folder, "a", "b")
    project.add("noop", "J1")
    project.add("fails", "J1", options={"waits": ["J2"]})
    assert run(project) == [("noop", "a"), ("noop", "b"), ("fails", "a"), ("fails", "b")]


def test_short_tasks_are_handed_out_together_and_long_ones_alone(folder: Path) -> None:
    project = make(folder, *(f"m{number:02}" for number in range(40)))
    project.add("noop")
    with stepping(project) as (engine, executor):
        calm(engine)
    assert len(executor.batches()[0]) == 1
    assert max(len(batch) for batch in executor.batches()) >= 20


# Delta


def chain(folder: Path) -> None:
    project = make(folder, "a", "b")
    for type in ("writes", "likectf", "likemeasure"):
        project.add(type, "J1" if type == "writes" else "J2")
    project.add("likepick", "J3")
    assert len(run(project)) == 8


def test_a_changed_parameter_runs_its_job_and_what_depends_on_it_and_nothing_else(folder: Path) -> None:
    chain(folder)
    from vitreous.project.project import Project

    project = Project(folder)
    files = {path: path.stat().st_mtime_ns for path in folder.glob("jobs/*/*/*")}
    assert run(project) == []
    seen = len(project.log(limit=10**6))
    project.job("J3").edit(number=5)
    assert sorted(run(project)) == [("likectf", "a"), ("likectf", "b"), ("likepick", "a"), ("likepick", "b")]
    done = [event.job for event in project.log(limit=10**6)[seen:] if event.kind == "done"]
    assert sorted(number or 0 for number in done) == [3, 3, 5, 5]
    assert {path: path.stat().st_mtime_ns for path in folder.glob("jobs/*/*/*")} == files
    assert list(project.table()["defocus_u"]) == [5.0, 5.0]


def test_parameters_that_come_back_find_their_results(folder: Path) -> None:
    project = make(folder, "a", "b")
    project.add("writes")
    ctf = project.add("likectf", number=1)
    run(project)
    ctf.edit(number=2)
    assert len(run(project)) == 2
    ctf.undo()
    assert run(project) == []
    assert list(project.table()["defocus_u"]) == [1.0, 1.0]
    assert counts(project, ctf.id) == {"done": 2}
    assert ctf.view().revision == 3


def test_a_parameter_of_the_machine_runs_nothing_anew(folder: Path) -> None:
    project = make(folder, "a")
    job = project.add("noop")
    run(project)
    job.edit(note="another computer")
    assert run(project) == []


def test_a_copy_finds_what_is_equal_and_runs_what_differs(folder: Path) -> None:
    project = make(folder, "a", "b")
    writes, ctf = project.add("writes"), project.add("likectf")
    project.add("likepick")
    run(project)
    same = ctf.copy()
    assert run(project) == []
    assert counts(project, same.id) == {"done": 2}
    branch = project.copy_branch([writes, ctf, project.job("J4")], {writes: {"number": 3}})
    assert sorted({type for type, _ in run(project)}) == ["likectf", "likepick", "writes"]
    assert [job.view().inputs[0].source for job in branch] == [1, branch[0].id, branch[1].id]


def test_an_extension_goes_on_from_the_result_and_leaves_it(folder: Path) -> None:
    project = make(folder, "a")
    project.add("writes", number=1)
    more = project.add("more", number=2)
    run(project)
    further = more.extend(number=3)
    assert run(project) == [("more", "a")]
    (task,) = project.tasks(job=further.id)
    assert (folder / str(task.folder) / "picture.txt").read_text() == "a 1\na 2\na 3\n"
    assert further.view().continues == more.id
    with pytest.raises(UsageError, match="can't be extended"):
        project.job("J2").extend()


def test_parameters_of_one_item_concern_that_item(folder: Path) -> None:
    project = make(folder, "a", "b")
    job = project.add("noop", number=1)
    run(project)
    project.act("set_item_parameters", selection={"names": ["b"]}, type="noop", params={"number": 9})
    assert run(project) == [("noop", "b")]
    assert list(project.table()["drift_total"]) == [1.0, 9.0]
    origins = project.parameters(job.id, "b")
    assert (origins["number"].value, origins["number"].origin) == (9, "item")
    assert project.parameters(job.id, "a")["number"].origin == "job"


def test_settings_are_inherited_and_a_change_runs_who_inherits(folder: Path) -> None:
    project = make(folder, "a")
    heir, own = project.add("noop", "J1"), project.add("fails", "J1", voltage=200.0)
    run(project)
    found = project.parameters(heir.id)
    assert (found["voltage"].value, found["voltage"].origin) == (300.0, "project")
    assert project.parameters(own.id)["voltage"].origin == "job"
    assert found["seconds"].origin == "default"
    project.set(voltage=120.0)
    assert run(project) == [("noop", "a")]


# Held back


def test_a_paused_job_begins_nothing_and_goes_on(folder: Path) -> None:
    project = make(folder, "a", "b")
    writes, ctf = project.add("writes"), project.add("likectf")
    ctf.pause()
    assert [type for type, _ in run(project)] == ["writes", "writes"]
    assert "the job is paused; go on with vitreous resume J3" in ctf.why()
    assert writes.view().counts == {"done": 2}
    ctf.resume()
    assert len(run(project)) == 2


def test_a_cancelled_job_keeps_what_is_done(folder: Path) -> None:
    project = make(folder, "a")
    job = project.add("noop")
    run(project)
    bring(project, "b")
    job.cancel()
    assert run(project) == []
    assert states(project, job.id) == {"a": "done", "b": "cancelled"}
    assert "cancelled with its job; go on with vitreous resume J2" in project.why("b")
    job.resume()
    assert run(project) == [("noop", "b")]


def test_trash_takes_part_in_nothing_and_comes_back_where_it_was(folder: Path) -> None:
    project = make(folder, "a", "b")
    project.add("writes")
    project.trash("b")
    assert run(project) == [("writes", "a")]
    assert "b is in TRASH" in project.why("b")
    project.restore("b")
    project.trash("a")
    assert run(project) == [("writes", "b")]
    project.restore("a")
    assert run(project) == []
    assert states(project, 2) == {"a": "done", "b": "done"}


def test_an_engine_takes_its_part_of_the_machine_beside_another_project(folder: Path, tmp_path: Path) -> None:
    project = make(folder, "a", "b", "c")
    project.add("noop")
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    other = Registration(tmp_path / "other", meeting)
    other.demand(10)
    with stepping(project) as (engine, _):
        engine.settle_items()
        engine.crew.share = Registration(folder, meeting)
        engine.crew._part("cpu", 4)
        assert engine.crew.parts["cpu"] == 2
        other.leave()
        engine.crew._pace.forget("share cpu")
        assert engine.crew._part("cpu", 4) == 3  # no more than it has tasks


# Failures


def test_a_bad_item_is_quarantined_with_its_reason_and_stops_no_other(folder: Path) -> None:
    project = make(folder, "a", "bad", "c")
    job = project.add("fails")
    assert len(run(project)) == 3
    assert states(project, job.id) == {"a": "done", "bad": "quarantined", "c": "done"}
    (task,) = project.tasks(job=job.id, state="quarantined")
    assert task.error is not None
    assert (task.error["message"], task.error["hint"]) == ("bad is truncated", "Copy it again")
    assert "bad is truncated. Copy it again" in project.why("bad")
    assert not list(folder.glob("jobs/**/half"))
    assert run(project) == []
    (folder / "mended").touch()
    assert job.retry() == 1
    assert run(project) == [("fails", "bad")]
    assert states(project, job.id)["bad"] == "done"


def test_a_fault_of_a_job_type_leaves_its_traceback_in_the_log(folder: Path) -> None:
    project = make(folder, "bug")
    job = project.add("fails")
    with stepping(project) as (engine, _):
        until(engine, lambda: states(project, job.id).get("bug") == "failed")
    (task,) = project.tasks(job=job.id)
    assert task.error is not None
    assert task.error["code"] == "internal"
    assert "ZeroDivisionError" in (folder / task.error["context"]["log"]).read_text()


def test_what_may_be_the_machines_fault_is_tried_three_times_with_pauses(folder: Path) -> None:
    now = 1e9
    project = make(folder, "flaky", "a")
    job = project.add("fails")
    with stepping(project, lambda: now) as (engine, executor):
        for tries, pause in ((1, 5.0), (2, 20.0)):
            until(engine, lambda: states(project, job.id).get("flaky") == "failed")
            (task,) = project.tasks(job=job.id, state="failed")
            assert task.tries == tries
            row = engine.session.db.connection.execute("SELECT retry_at FROM task WHERE state = 'failed'").fetchone()
            assert row[0] == pytest.approx(now + pause)
            before = len(executor.works)
            for _ in range(3):
                engine._pace.forget("retries")
                engine.step()
            assert len(executor.works) == before
            now += pause + 0.1
            engine._pace.forget("retries")
            engine.step()
        calm(engine)
    assert states(project, job.id) == {"flaky": "quarantined", "a": "done"}


def test_quarantine_by_hand_needs_a_reason_and_a_retry_finds_the_result(folder: Path) -> None:
    project = make(folder, "a")
    job = project.add("writes")
    project.add("likectf")
    run(project)
    with pytest.raises(UsageError, match="needs a reason"):
        project.act("quarantine", job=job.id, selection={"names": ["a"]}, reason=" ")
    assert project.act("quarantine", job=job.id, selection={"names": ["a"]}, reason="it looks wrong") == 1
    pick = project.add("likepick")
    assert run(project) == []
    assert states(project, pick.id) == {"a": "waiting"}
    assert "it looks wrong" in project.why("a")
    assert project.why(f"J{pick.id}").startswith(
        "J4 likepick (1 waiting): the first of them: a, J4 likepick waits for J2"
    )
    job.retry()
    assert run(project) == [("likepick", "a")]
    assert states(project, 2) == states(project, 3) == {"a": "done"}


def test_what_has_changed_before_dispatch_is_planned_first(folder: Path) -> None:
    """The facts of an item may change while its task stands in the queue, by a way that has not told the planner."""
    project = make(folder, "a", "b")
    project.add("noop")
    with stepping(project) as (engine, _):
        engine.settle_items()
        engine.session.db.connection.execute("UPDATE exposure SET group_id = 2 WHERE name = 'a'")
        assert unsettled(engine.session.db, 9) == []
        calm(engine)
    assert runs(project) == [("noop", "b")]
    assert states(project, 2) == {"a": "excluded", "b": "done"}


# Sets


def test_filters_deal_with_items_as_they_come_and_follow_their_expression(folder: Path) -> None:
    project = make(folder, "a", "b")
    project.add("writes")
    project.add("noop", "J1", number=3)
    keep = project.add("filter", "J3", expression="drift_total < 5")
    kept = project.add("likectf", project.add("join", "J2", keep))
    rejected = project.add("collect", project.add("join", "J2", keep.output("rejected")))
    run(project)
    assert counts(project, kept.id) == {"done": 2}
    project.act("set_item_parameters", selection={"names": ["b"]}, type="noop", params={"number": 7})
    assert run(project) == [("noop", "b"), ("collect", "b")]
    assert states(project, kept.id) == {"a": "done", "b": "excluded"}
    assert project.why("b") == "b is left out of J5 Join by J4 Filter; all else is done."
    keep.edit(expression="drift_total < 9")
    assert run(project) == []
    assert counts(project, kept.id) == {"done": 2}
    assert project.diff(keep, 1, 2).entered == ("b",)
    assert counts(project, rejected.id) == {"waiting": 1}


def test_a_union_streams_and_takes_each_item_once(folder: Path) -> None:
    project = make(folder, "a", "b", "c")
    project.add("writes")
    project.flag("gold", "a", "b")
    project.tag("nice", "b", "c")
    gold = project.add("subset", "J2", select={"kind": "flag", "flags": ["gold"]})
    nice = project.add("subset", "J2", select={"kind": "tag", "tags": ["nice"]})
    both, common = project.add("union", gold, nice), project.add("intersection", gold, nice)
    project.add("likectf", both)
    project.add("likemeasure", common)
    assert sorted(entry for entry in run(project) if entry[0] != "writes") == [
        ("likectf", "a"),
        ("likectf", "b"),
        ("likectf", "c"),
        ("likemeasure", "b"),
    ]


def test_a_set_runs_at_the_end_and_again_when_it_has_changed(folder: Path) -> None:
    project = make(folder, "a", "b", closed=False)
    project.add("writes")
    job = project.add("collect")
    run(project)
    assert ("collect", "a+b") not in runs(project)
    assert "it runs when all items have come" in job.why()
    project.act("close_source", job=1)
    assert run(project) == [("collect", "a+b")]
    bring(project, "c")
    assert run(project) == [("writes", "c"), ("collect", "a+b+c")]
    project.trash("c")
    assert run(project) == []  # the set of two has been there before
    project.trash("a")
    assert run(project) == [("collect", "b")]


def test_a_set_grows_by_batches_while_items_come(folder: Path) -> None:
    project = make(folder, closed=False)
    project.add("writes")
    project.add("collect", options={"batch": 2})
    with stepping(project) as (engine, executor):
        for name in ("a", "b", "c", "d", "e"):
            arrive(engine.session, name)
            engine._pace.forget("sets")
            calm(engine)
        actions.perform(engine.session, "close_source", {"job": 1})
        engine._sets_changed = True
        calm(engine)
    assert [item for type, item in runs(project) if type == "collect"] == ["a+b", "a+b+c+d", "a+b+c+d+e"]
    assert executor.batches()[-1] == ["set"]


def test_a_set_that_has_grown_in_the_queue_is_named_after_what_it_is_of(folder: Path) -> None:
    project = make(folder, "a", "b")
    project.add("writes")
    job = project.add("collect")
    with stepping(project) as (engine, _):
        until(engine, lambda: counts(project, job.id).get("ready", 0) == 1 or counts(project, job.id) == {"done": 1})
    bring(project, "c")
    run(project)
    identities = project.sql("SELECT identity, folder FROM tasks WHERE job = 3").rows
    (identity, place) = identities[0]
    assert len((folder / place / "names.txt").read_text().splitlines()) == 3
    assert identity[:8] == place[-8:]


# What is kept, and why something waits


def test_provenance_is_kept_for_each_result(folder: Path) -> None:
    project = make(folder, "a")
    job = project.add("writes")
    run(project)
    job.edit(reason="finer", number=2)
    run(project)
    versions = project.sql("SELECT versions FROM result WHERE job = 2").rows
    assert all('"painter":"3.2"' in row[0].replace(" ", "") and '"vitreous"' in row[0] for row in versions)
    rows = project.sql("SELECT revision, reason FROM job_revision WHERE job = 2 ORDER BY revision").rows
    assert [tuple(row) for row in rows] == [(1, ""), (2, "finer")]
    (task,) = project.tasks(job=2)
    assert task.warnings == ("fresh paint",)
    assert task.worker
    assert [event.kind for event in project.log(item="a")].count("done") == 2
    assert {event.message for event in project.log(job=2)} >= {"added: writes (writes)", "parameters changed (number)"}


def test_why_says_a_true_sentence_of_each_state(folder: Path) -> None:
    project = make(folder, "a", "bad")
    project.add("fails")
    project.add("writes", "J1", options={"waits": ["J2"]})
    project.add("likectf", "J3")
    assert project.why().startswith("No engine runs this project, and some items are still to be planned")
    with stepping(project) as (engine, _):
        engine.stopping = True  # it plans, and begins nothing yet
        until(engine, lambda: counts(project, 3) == {"ready": 2})
        engine.step()
        engine.stopping = False
        assert project.why().startswith("2 tasks of J2 fails are ready")
        assert "a, J2 fails is ready" in project.why("a")
        assert "to start only when J2 fails has finished" in project.why("J3")
        assert "waits for J3 writes" in project.why("J4")
        calm(engine)
    assert "bad is truncated" in project.why("bad")
    assert project.why("a") == "a: everything is done."
    assert project.why().startswith("Everything else is done; 1 task")
    assert project.why("J4").endswith("all that has come is done.")
    assert "nothing more is taken" in project.why("J1")
    with pytest.raises(UsageError, match="there is no job, item or file"):
        project.why("nothing")


def test_when_a_job_is_removed_the_table_shows_what_the_others_gave(tmp_path: Path) -> None:
    project = make(tmp_path / "p", "m0", "m1")
    first = project.add("noop")
    run(project)
    text = "SELECT motion_job, drift_total FROM exposures ORDER BY id"
    shown = project.sql(text).rows
    second = first.copy(number=3)
    run(project)
    assert [row[0] for row in project.sql(text).rows] == [second.id, second.id]
    second.remove()
    assert project.sql(text).rows == shown
    first.remove()
    assert project.sql(text).rows == [(None, None), (None, None)]


def test_cleaning_removes_what_no_task_shows_and_only_once_that_is_written_down(tmp_path: Path) -> None:
    project = make(tmp_path / "p", "m0")
    writes = project.add("writes")
    run(project)
    old = project.folder / str(project.tasks(job=writes.id)[0].folder)
    writes.edit(number=5)
    run(project)
    new = project.folder / str(project.tasks(job=writes.id)[0].folder)
    assert project.act("clean", dry_run=True)["folders"] == [str(old.relative_to(project.folder))]
    assert old.is_dir()
    assert project.act("clean")["bytes"] > 0
    assert (old.exists(), new.is_dir()) == (False, True)
    writes.undo()
    assert len(run(project)) > 0  # made again
    assert old.is_dir()
