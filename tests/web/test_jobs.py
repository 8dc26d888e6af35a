"""Jobs over HTTP: the graph, one job, its log, revisions, and jobs for chosen items."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from vitreous import Project

BASE = "/api/projects/night"
NIGHT = Path(__file__).resolve().parents[2] / "benchmarks" / "night.py"
make_night = runpy.run_path(str(NIGHT))["make_night"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A night that no test changes: each works on a copy of it."""
    folder = tmp_path_factory.mktemp("made") / "night"
    make_night(folder, images=120, jobs=6)
    return folder


@pytest.fixture
def night(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "night"))


@pytest.fixture
def ask(client_of, night):
    client = client_of(night)

    def send(path, status=200, method="GET", **more):
        answer = client.request(method, BASE + path, **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


def act(ask, name, status=200, **body):
    answer = ask(f"/actions/{name}", status, "POST", json=body)
    return answer["value"] if status == 200 else answer


def line(ask, number):
    return next(job for job in ask("/jobs")["jobs"] if job["id"] == number)


def test_the_graph_tells_state_counts_and_what_items_have_behind_each_job(ask):
    ctf = line(ask, 3)
    assert ctf["state"] == "done"
    assert ctf["inputs"] == ["J2"]
    assert (ctf["total"], ctf["given"], ctf["bad"]) == (120, {"items": 117}, 3)
    assert ctf["slots"] == ["ctf", "micrograph", "motion", "movie"]
    assert line(ask, 1)["given"] == {"items": 120}
    assert line(ask, 1)["state"] == "stopped"
    assert line(ask, 5)["outputs"] == ["items", "rejected"]


def test_a_paused_job_says_so_and_goes_on(ask):
    act(ask, "pause_job", job=3)
    assert line(ask, 3)["state"] == "paused"
    act(ask, "resume_job", job=3)
    assert line(ask, 3)["state"] != "paused"


def test_an_added_job_is_a_draft_until_an_engine_plans_it(ask):
    number = act(ask, "add_job", type="measure", inputs=["J2"])
    assert line(ask, number)["state"] == "draft"


def test_a_job_tells_parameters_with_origin_methods_and_the_command_that_makes_it(ask):
    act(ask, "edit_job", job=3, params={"max_resolution": 3.5})
    job = ask("/jobs/3")
    origins = {entry["name"]: (entry["value"], entry["origin"]) for entry in job["parameters"]}
    assert origins["max_resolution"] == (3.5, "job")
    assert origins["pixel_size"] == (0.83, "project")
    assert origins["box"] == (512, "default")
    assert "3.5 Å" in job["methods"]
    assert job["citations"]
    assert job["command"] == "vitreous add ctf --after J2 max_resolution=3.5"
    assert job["sources"] == [{"job": 2, "output": "items", "title": "Correct motion", "count": 120}]
    assert 4 in job["targets"] or 5 in job["targets"]
    assert "J3" in job["why"]


def test_a_job_that_is_not_there_is_not_found(ask):
    assert ask("/jobs/99", 404)["code"] == "usage"
    assert ask("/jobs/nothing/log", 404)["code"] == "usage"
    assert ask("/jobs/3/tasks/99999/log", 404)["code"] == "usage"
    assert ask("/jobs/3/revisions/diff?before=7", 404)["code"] == "usage"


def test_the_plots_are_the_columns_of_numbers_that_the_job_gives(ask):
    columns = {plot["column"]: plot["unit"] for plot in ask("/jobs/3/plots")}
    assert columns["fit_resolution"] == "Å"
    assert "iciness" not in columns


def test_the_log_goes_on_after_a_line_and_names_items(ask):
    act(ask, "edit_job", job=3, params={"box": 256})
    lines = ask("/jobs/3/log")
    assert lines[-1]["message"] == "parameters changed (box)"
    act(ask, "edit_job", job=3, params={"box": 512})
    newer = ask(f"/jobs/3/log?after={lines[-1]['seq']}")
    assert [entry["message"] for entry in newer] == ["parameters changed (box)"]


def test_a_failed_task_tells_its_error(ask, night):
    with Project(night) as project:
        bad = next(task for task in project.tasks(job=3) if task.state == "quarantined")
    log = ask(f"/jobs/3/tasks/{bad.item}/log")
    assert log["error"]["message"]


def test_two_revisions_differ_in_parameters_and_in_the_items_of_a_filter(ask):
    act(ask, "edit_job", job=5, params={"expression": "fit_resolution < 3.5"})
    found = ask("/jobs/5/revisions/diff?before=1")
    assert found["after"] == 2
    assert [change["name"] for change in found["changes"]] == ["expression"]
    assert found["changes"][0]["after"] == "fit_resolution < 3.5"
    assert found["entered"] == []


def test_a_job_on_a_few_images_is_a_subset_by_name_and_the_job_behind_it(ask, night):
    subset, ctf = act(ask, "add_job_on", type="ctf", selection={"ids": [1, 2, 3]}, params={"max_resolution": 4.0})
    with Project(night) as project:
        assert len(project.job(subset).params["select"]["patterns"]) == 3
        assert project.job(subset).view().type == "subset"
        assert [entry.source for entry in project.job(ctf).view().inputs] == [subset]
        assert project.job(ctf).params == {"max_resolution": 4.0}


def test_brackets_in_names_are_no_patterns(ask, night):
    with Project(night) as project, project.writing("test") as (session, _):
        session.db.connection.execute("UPDATE exposure SET name = 'image[1]' WHERE id = 1")
    subset, _ = act(ask, "add_job_on", type="ctf", selection={"ids": [1]})
    with Project(night) as project:
        assert project.job(subset).params["select"]["patterns"] == ["image[[]1]"]


def test_a_job_on_many_images_gives_them_a_tag(client_of, tmp_path):
    make_night(tmp_path / "night", images=260, jobs=4)
    client = client_of(tmp_path / "night")
    body = {"type": "ctf", "selection": {"ids": list(range(1, 251))}}
    subset, _ = client.post(f"{BASE}/actions/add_job_on", json=body).json()["value"]
    with Project(tmp_path / "night") as project:
        select = project.job(subset).params["select"]
        assert select["kind"] == "tag"
        assert len(project.sql(f"SELECT item FROM tag WHERE name = '{select['tags'][0]}'").rows) == 250


def test_a_job_on_a_condition_is_a_filter_behind_the_job_that_gives_its_columns(ask, night):
    part, _ = act(ask, "add_job_on", type="measure", selection={"expression": "fit_resolution < 4"})
    with Project(night) as project:
        view = project.job(part).view()
        assert view.type == "filter"
        assert view.params["expression"] == "fit_resolution < 4"
        assert "ctf" in project.graph().slots_behind(view.inputs[0].source)


def test_a_job_on_a_flag_goes_on_following_the_flag(ask, night):
    act(ask, "flag_items", selection={"ids": [5]}, flag="gold")
    part, _ = act(ask, "add_job_on", type="ctf", selection={"flag": "gold"})
    with Project(night) as project:
        assert project.job(part).params["select"] == {"kind": "flag", "flags": ["gold"]}


def test_a_job_on_nothing_is_refused_and_nothing_is_added(ask):
    before = len(ask("/jobs")["jobs"])
    none = act(ask, "add_job_on", 400, type="ctf", selection={"expression": "fit_resolution < 0"})
    assert "no items" in none["message"]
    wrong = act(ask, "add_job_on", 400, type="ctf", selection={"ids": [1]}, params={"box": 3})
    assert wrong["context"]["parameter"] == "box"
    assert len(ask("/jobs")["jobs"]) == before
