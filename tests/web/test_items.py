"""The table of items over HTTP: pages, conditions, figures, one item, groups and filters."""

from __future__ import annotations

import csv
import io
import runpy
from pathlib import Path

import pytest

from vitreous import Project

BASE = "/api/projects/night"
NIGHT = Path(__file__).resolve().parents[2] / "benchmarks" / "night.py"
make_night = runpy.run_path(str(NIGHT))["make_night"]


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library") / "night"
    make_night(folder, images=300, jobs=6)
    return folder


@pytest.fixture
def get(client_of, night):
    client = client_of(night)

    def ask(path, status=200, **params):
        answer = client.get(BASE + path, params=params)
        assert answer.status_code == status, answer.text
        return answer.json()

    return ask


def test_columns_tell_unit_meaning_and_slot(get):
    found = {column["name"]: column for column in get("/columns")}
    assert found["fit_resolution"] == {
        "name": "fit_resolution",
        "kind": "real",
        "unit": "Å",
        "meaning": found["fit_resolution"]["meaning"],
        "slot": "ctf",
    }
    assert found["fit_resolution"]["meaning"]
    assert found["name"]["slot"] is None
    assert "group_id" not in found


def test_pages_are_the_sorted_filtered_table(get):
    whole = get("/items", columns="name,drift_total", order="drift_total:desc", limit=300)
    assert whole["total"] == 300
    drifts = [row[1] for row in whole["rows"]]
    assert drifts == sorted(drifts, reverse=True)
    page = get("/items", columns="name,drift_total", order="drift_total:desc", limit=10, offset=20)
    assert page["ids"] == whole["ids"][20:30]
    few = get("/items", columns="drift_total", where="drift_total < 8")
    assert few["total"] == sum(drift < 8 for drift in drifts)
    assert all(row[0] < 8 for row in few["rows"])
    assert get("/items/ids", order="drift_total:desc", **{"from": 5, "to": 9})["ids"] == whole["ids"][5:9]


def test_items_beyond_the_highest_number_known_are_counted_not_shown(get):
    page = get("/items", upto=290, limit=5)
    assert (page["total"], page["new"], page["newest"]) == (290, 10, 300)
    assert get("/items", limit=5)["new"] == 0


def test_group_and_number_mean_in_the_table_what_they_mean_in_filters(get):
    assert get("/items", where='group == "Imported" and number <= 7')["total"] == 7
    assert get("/expression/check", text="number <= 7") == {"fault": None, "columns": ["id"], "count": 7}


def test_a_condition_is_checked_with_the_place_of_its_fault(get):
    found = get("/expression/check", text="fit_resolution < 4 and defokus > 0")
    assert found["fault"]["position"] == len("fit_resolution < 4 and ")
    assert "defocus" in found["fault"]["hint"]
    assert found["count"] is None
    narrowed = get("/expression/check", text="fit_resolution < 4", where="drift_total < 8")
    assert narrowed["count"] == get("/items", where="fit_resolution < 4 and drift_total < 8")["total"]


def test_wrong_questions_are_refused_not_broken(get):
    assert "fit_resolution" in get("/items", status=400, columns="fit_resolutio")["hint"]
    get("/items", status=400, order="name:up")
    get("/items", status=400, where="fit_resolution <")
    get("/items", status=400, flag="pink")
    get("/items", status=404, filter=99)
    get("/items", status=422, limit=100_000)
    get("/items/999999", status=404)
    get("/histogram", status=400, column="name")


def test_a_histogram_counts_what_the_condition_leaves(get):
    found = get("/histogram", column="fit_resolution", bins=10, where="fit_resolution < 4")
    assert sum(found["counts"]) == get("/items", where="fit_resolution < 4")["total"]
    assert len(found["edges"]) == 11
    between = get("/histogram", column="fit_resolution", bins=4, low=3, high=4)
    assert between["edges"][0] == 3
    assert sum(between["counts"]) + between["below"] + between["above"] + between["unknown"] == 300
    assert get("/summary", column="fit_resolution")["known"] == 300
    assert get("/summary", column="square")["frequent"][0] == ["GridSquare_01", 270]


def test_an_item_tells_values_tasks_slots_and_faults(get):
    failed = get("/items", columns="name", where="number == 60")["ids"][0]
    found = get(f"/items/{failed}")
    tasks = {task["type"]: task for task in found["tasks"]}
    assert tasks["motion"]["state"] == "done"
    assert tasks["ctf"]["state"] == "quarantined"
    assert "Thon rings" in tasks["ctf"]["error"]["message"]
    assert found["slots"]["motion"] == 2
    assert found["files"][0]["slot"] == "movie"


def test_csv_holds_all_rows_in_order(client_of, night):
    client = client_of(night)
    answer = client.get(BASE + "/items.csv", params={"columns": "name,defocus", "order": "defocus"})
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["name", "defocus"]
    numbers = [float(row[1]) for row in rows[1:]]
    assert len(numbers) == 300
    assert numbers == sorted(numbers)
    rows = client.post(BASE + "/items/rows", json={"ids": [7, 3, 100_000], "columns": ["name"]}).json()
    assert rows["ids"] == [7, 3]


def test_groups_flags_and_tags_are_counted(client_of, tmp_path):
    make_night(tmp_path / "night", images=40)
    client = client_of(tmp_path / "night")
    with Project(tmp_path / "night") as project:
        project.act("make_group", group="carbon")
        project.act("move_items", selection={"ids": [1, 2]}, group="carbon")
        project.act("trash", selection={"ids": [3]})
        project.act("flag_items", selection={"ids": [4, 5]}, flag="blue")
        project.act("tag_items", selection={"ids": [4]}, tag="nice")
    found = client.get(BASE + "/groups").json()
    assert [(group["name"], group["count"]) for group in found["groups"]] == [
        ("Imported", 37),
        ("carbon", 2),
        ("TRASH", 1),
    ]
    assert found["flags"]["blue"] == 2
    assert found["tags"] == {"nice": 1}
    assert client.get(BASE + "/items").json()["total"] == 39
    assert client.get(BASE + "/items", params={"group": "TRASH"}).json()["ids"] == [3]
    assert client.get(BASE + "/items", params={"tag": "nice"}).json()["ids"] == [4]


def test_the_place_of_an_item_follows_the_order_and_what_is_shown(get):
    for asked in ({}, {"order": "name:desc"}, {"order": "drift_total:asc"}):
        ids = get("/items/ids", **asked)["ids"]
        for place in (0, 7, 299):
            assert get("/items/place", item=ids[place], **asked) == {"row": place}
    assert get("/items/place", item=10**6) == {"row": None}


def test_columns_that_the_project_lacks_are_unknown_where_that_is_asked_for(get):
    get("/items", 400, columns="name,no_such,id")
    page = get("/items", columns="name,no_such,id", lacking=True)
    assert page["columns"] == ["name", "no_such", "id"]
    assert [row[1:] for row in page["rows"]] == [[None, item] for item in page["ids"]]
