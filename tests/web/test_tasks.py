"""The queue over HTTP: pages of tasks, order by hand, reasons of failures, the log."""

from __future__ import annotations

import json
import time

import pytest

from vitreous import Project
from vitreous.project.overview import open_for_reading
from vitreous.project.queue import _lanes
from vitreous.project.reasons import reason_of
from vitreous.project.session import Session
from vitreous.store.database import open_database
from vitreous.store.ready import ready_tasks

ERROR = {"code": "compute", "message": "no rings between 30 and 4 Å (score 0.02)", "hint": "Look at it", "context": {}}


@pytest.fixture
def folder(tmp_path):
    """A project with 30 images whose tasks of J2 are ready, but four: two quarantined alike, one failed, one done."""
    with Project.create(tmp_path / "p", "single-particle", {"pixel_size": 1.0, "voltage": 300.0}) as project:
        project.add("import", sources=["/camera"])
        project.add("motion")
    with open_database(tmp_path / "p", write=True) as db, db.transaction() as connection:
        for n in range(1, 31):
            connection.execute(
                "INSERT INTO exposure (id, name, source_job, source_path, path, identity, size, imported)"
                " VALUES (?, ?, 1, 'a', 'b', ?, 5, ?)",
                (n, f"image_{n:04d}", f"{n:032x}", float(n)),
            )
            connection.execute(
                "INSERT INTO task (job, item, state, identity) VALUES (2, ?, 'ready', ?)", (n, f"{n:032x}")
            )
        for n, score in ((5, "0.02"), (6, "0.31")):
            error = json.dumps({**ERROR, "message": f"no rings between 30 and 4 Å (score {score})"})
            connection.execute(
                "UPDATE task SET state = 'quarantined', error = ?, finished = ? WHERE item = ?", (error, 10.0 + n, n)
            )
        lost = json.dumps({"code": "resource", "message": "the worker died", "hint": "Wait", "log": "Killed"})
        connection.execute(
            "UPDATE task SET state = 'failed', tries = 1, error = ?, finished = 50, retry_at = ? WHERE item = 7",
            (lost, time.time() + 500),
        )
        connection.execute("UPDATE task SET state = 'done', started = 90, finished = 99 WHERE item = 8")
        connection.execute(
            "INSERT INTO result (identity, job, item, slots, outputs, versions, seconds, worker, committed)"
            " VALUES (?, 2, 8, '{}', '[\"items\"]', '{\"vitreous\": \"1\"}', 8.5, 'w1', 99)",
            (f"{8:032x}",),
        )
        connection.execute("DELETE FROM unsettled")
    return tmp_path / "p"


def order(folder, newest=False):
    with open_database(folder, write=False) as db:
        return [task.item for task in ready_tasks(db, [2], newest, 100)]


def test_tasks_are_sorted_filtered_and_paged(client_of, folder):
    client = client_of(folder)
    page = client.get("/api/projects/p/tasks?order=-finished&limit=2").json()
    assert page["total"] == 30
    assert [row["name"] for row in page["rows"]] == ["image_0008", "image_0007"]
    assert page["rows"][0]["seconds"] == 8.5
    assert page["titles"] == {"2": "Correct motion"}
    bad = client.get("/api/projects/p/tasks?state=failed,quarantined&order=item").json()
    assert [row["item"] for row in bad["rows"]] == [5, 6, 7]
    assert client.get("/api/projects/p/tasks?text=died").json()["rows"][0]["item"] == 7
    assert client.get("/api/projects/p/tasks?text=_0012").json()["total"] == 1
    assert client.get("/api/projects/p/tasks?item=image_0003").json()["total"] == 1
    assert [row["item"] for row in client.get("/api/projects/p/tasks?order=name&offset=28").json()["rows"]] == [29, 30]


@pytest.mark.parametrize("query", ["order=colour", "state=asleep", "item=nobody"])
def test_a_wrong_question_about_tasks_is_refused(client_of, folder, query):
    answer = client_of(folder).get(f"/api/projects/p/tasks?{query}")
    assert answer.status_code == 400
    assert answer.json()["hint"]


def test_a_task_tells_reason_log_and_why(client_of, folder):
    client = client_of(folder)
    found = client.get("/api/projects/p/tasks/2/7").json()
    assert found["line"]["message"] == "the worker died"
    assert found["log"] == "Killed"
    assert "tried again" in found["why"]
    assert client.get("/api/projects/p/tasks/2/999").status_code == 404


def test_the_queue_groups_failures_that_differ_only_in_numbers(client_of, folder):
    found = client_of(folder).get("/api/projects/p/queue?limit=3").json()
    assert [task["item"] for task in found["next"]] == [1, 2, 3]
    assert found["ready"] == 26
    assert found["order"] == "first"
    first = found["failed"][0]
    assert (first["quarantined"], first["reason"]) == (2, "no rings between # and # Å (score #)")
    assert [example["name"] for example in first["examples"]] == ["image_0005", "image_0006"]
    assert "no engine runs" in found["waiting"][0]["why"]


def test_a_reason_names_neither_image_nor_numbers_but_keeps_words_with_digits():
    assert reason_of("a_1: 3 of 4.5e-3 in Krios3", "a_1") == "…: # of # in Krios3"


def test_one_group_of_failures_is_retried_alone(client_of, folder):
    client = client_of(folder)
    reason = client.get("/api/projects/p/queue").json()["failed"][0]["reason"]
    body = {"jobs": ["J2"], "reason": reason}
    assert client.post("/api/projects/p/actions/retry", json=body).json() == {"value": 2}
    left = client.get("/api/projects/p/tasks?state=failed,quarantined").json()["rows"]
    assert [row["item"] for row in left] == [7]


@pytest.mark.parametrize("newest", [False, True])
def test_images_are_placed_before_another_again_and_again(folder, newest):
    with Project(folder) as project, project.writing("test"):
        project.act("change_settings", values={"order": "newest" if newest else "first"})
        wanted = order(folder, newest)
        for step in range(60):  # ranks between ranks end where numbers do: then they are numbered anew
            moved, other = wanted[-1 - step % 5], wanted[3 + step % 4]
            assert project.act("place_items", selection={"ids": [moved]}, before=f"#{other}") == 1
            wanted.remove(moved)
            wanted.insert(wanted.index(other), moved)
            assert order(folder, newest) == wanted


def test_a_new_image_keeps_its_place_among_those_that_nobody_moved(folder):
    with Project(folder) as project:
        project.act("place_items", selection={"ids": [20]}, before="#3")
    with open_database(folder, write=True) as db, db.transaction() as connection:
        connection.execute("INSERT INTO task (job, item, state, identity) VALUES (2, 31, 'ready', 'x')")
    assert order(folder)[:3] == [1, 2, 20]
    assert order(folder)[-1] == 31


def test_placing_before_an_image_that_is_not_there_is_refused(client_of, folder):
    body = {"selection": {"ids": [3]}, "before": "nobody"}
    answer = client_of(folder).post("/api/projects/p/actions/place_items", json=body)
    assert answer.status_code == 400
    assert "nobody" in answer.json()["message"]


def test_the_log_is_read_backwards_and_filtered(client_of, folder):
    client = client_of(folder)
    whole = client.get("/api/projects/p/log").json()
    assert [line["seq"] for line in whole["lines"]] == sorted((x["seq"] for x in whole["lines"]), reverse=True)
    assert "job" in whole["kinds"]
    first = client.get("/api/projects/p/log?limit=1").json()
    assert first["more"]
    older = client.get(f"/api/projects/p/log?before={first['lines'][0]['seq']}&limit=1").json()
    assert older["lines"][0]["seq"] < first["lines"][0]["seq"]
    assert {line["kind"] for line in client.get("/api/projects/p/log?kind=job").json()["lines"]} == {"job"}
    assert client.get("/api/projects/p/log?text=nothing%20like%20it").json()["lines"] == []


def test_why_answers_in_a_sentence(client_of, folder):
    assert "No engine runs" in client_of(folder).get("/api/projects/p/why").json()
    assert client_of(folder).get("/api/projects/p/why?name=nobody").status_code == 400


def test_the_order_of_the_queue_is_that_in_which_tasks_are_handed_out(folder):
    with open_database(folder, write=False) as db:
        from vitreous.project.queue import queue

        session = Session(folder, db)
        told = [task.item for task in queue(session, 5).next]
        picked = ready_tasks(db, [2], False, 5)
        assert told == [task.item for task in picked]


def test_a_lane_names_the_worker_that_has_the_work(folder):
    workers = [{"name": "cpu-0", "host": "here", "kind": "cpu", "busy": "k1"},
               {"name": "cpu-1", "host": "here", "kind": "cpu", "busy": None}]  # fmt: skip
    running = [{"key": "k1", "tasks": [[2, 3]], "since": 1.0, "fraction": 0.5, "what": "frames"},
               {"key": "k2", "tasks": [[2, 4]], "since": 2.0, "fraction": 0.0, "what": ""}]  # fmt: skip
    session = open_for_reading(folder)
    try:
        lanes = _lanes(session, workers, running)
    finally:
        session.db.close()
    assert [(lane.worker, [task.name for task in lane.tasks]) for lane in lanes] == [
        ("cpu-0", ["image_0003"]),
        ("cpu-1", []),
        (None, ["image_0004"]),
    ]
