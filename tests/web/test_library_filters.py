"""Filters in the library: by expression, by hand, their versions."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from vitreous import Project
from vitreous.store.database import open_database

BASE = "/api/projects/night"
NIGHT = Path(__file__).resolve().parents[2] / "benchmarks" / "night.py"
make_night = runpy.run_path(str(NIGHT))["make_night"]


@pytest.fixture
def folder(tmp_path):
    make_night(tmp_path / "night", images=60)
    return tmp_path / "night"


@pytest.fixture
def project(folder):
    with Project(folder) as opened:
        opened.act("add_job", type="filter", params={"expression": "fit_resolution < 3.6"}, title="Good fits")
        yield opened


def shown(client, **params):
    return client.get(BASE + "/items", params={"filter": 5, "limit": 60, "columns": "name,fit_resolution", **params})


def test_a_filter_shows_what_passes_and_what_does_not(client_of, folder, project):
    client = client_of(folder)
    passed, rejected = shown(client).json(), shown(client, side="rejected").json()
    assert all(row[1] < 3.6 for row in passed["rows"])
    assert set(passed["verdicts"]) == {"in"}
    assert passed["total"] + rejected["total"] == 60
    assert set(rejected["verdicts"]) == {"out"}


def test_what_people_decide_wins_and_can_be_taken_back(client_of, folder, project):
    client = client_of(folder)
    good, bad = shown(client).json()["ids"][0], shown(client, side="rejected").json()["ids"][0]
    name = shown(client).json()["rows"][0][0]
    before = project.act("decide_items", job=5, selection={"ids": [good]}, verdict="reject", reason="crack")
    assert before == {"keep": [], "reject": [], "none": [name]}
    project.act("decide_items", job=5, selection={"ids": [bad]}, verdict="keep")
    now = shown(client).json()
    assert good not in now["ids"]
    assert now["verdicts"][now["ids"].index(bad)] == "kept"
    assert sorted(shown(client, side="by hand").json()["ids"]) == sorted([good, bad])
    told = client.get(f"{BASE}/items/{good}").json()
    assert told["by_hand"] == [{"job": 5, "title": "Good fits", "verdict": "refused", "reason": "crack"}]
    assert told["decisions"][0]["kind"] == "reject"
    project.act("decide_items", job=5, selection={"ids": [good, bad]}, verdict="none")
    assert shown(client, side="by hand").json()["total"] == 0
    assert good in shown(client).json()["ids"]


def test_decisions_in_a_row_are_one_version_of_the_filter(folder, project):
    for number in range(1, 20):
        project.act("decide_items", job=5, selection={"ids": [number]}, verdict="keep" if number % 2 else "reject")
    with open_database(folder, write=False) as db:
        rows = db.connection.execute("SELECT revision, reason FROM job_revision WHERE job = 5").fetchall()
    assert [tuple(row) for row in rows] == [(1, ""), (2, "by hand")]
    project.act("undo_edit", job=5)
    assert not project.job(5).view().params.get("keep")


def test_versions_tell_what_entered_and_left(client_of, folder, project):
    project.act("edit_job", job=5, params={"expression": "fit_resolution < 3.4"})
    client = client_of(folder)
    versions = client.get(f"{BASE}/filters/5/versions").json()
    assert [entry["expression"] for entry in versions] == ["fit_resolution < 3.4", "fit_resolution < 3.6"]
    listed = client.get(f"{BASE}/filters").json()
    assert [(line["job"], line["title"], line["kept"]) for line in listed] == [(5, "Good fits", 0)]
    diff = client.get(f"{BASE}/filters/5/diff", params={"before": 1}).json()
    assert diff["entered"] == 0
    assert client.get(f"{BASE}/filters/2/versions").status_code == 400
    assert client.get(f"{BASE}/filters/77/diff", params={"before": 1}).status_code == 404


def test_what_is_no_filter_takes_no_decision(client_of, folder, project):
    body = {"job": 2, "selection": {"ids": [1]}, "verdict": "keep"}
    answer = client_of(folder).post(f"{BASE}/actions/decide_items", json=body)
    assert answer.status_code == 400
    assert "no filter" in answer.json()["message"]
