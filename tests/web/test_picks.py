"""Picks over HTTP: of an image, of all, by thresholds, changed by hand by several people."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from vitreous import Project
from vitreous.web.guard import Caller, caller

sys.path.insert(0, str(Path(__file__).parent))
import picks_project
from picks_project import COUNTS, PICK, SELECT, THRESHOLD

P = "/api/projects/p"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picks_project.make(tmp_path_factory.mktemp("made") / "p")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "p"))


@pytest.fixture
def client(client_of, folder: Path) -> TestClient:
    return client_of(folder)  # type: ignore[no-any-return]


@pytest.fixture
def guest(client: TestClient) -> Iterator[TestClient]:
    app = client.app
    app.dependency_overrides[caller] = lambda: Caller("guest", "viewer", {}, None)  # type: ignore[attr-defined]
    yield client
    app.dependency_overrides.clear()  # type: ignore[attr-defined]


def _counts(client: TestClient, **limits: float) -> dict[str, object]:
    answer = client.post(f"{P}/jobs/J4/picks/counts", json=limits)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def _edit(client: TestClient, item: int = 1, **change: object) -> dict[str, object]:
    answer = client.post(f"{P}/items/{item}/picks/edits", json={"job": PICK, **change})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_picks_of_an_image_have_place_score_power_and_whether_they_are_kept(client: TestClient) -> None:
    found = client.get(f"{P}/items/1/particles").json()
    assert (found["job"], found["base"], found["diameter"], found["reason"]) == (PICK, PICK, 40.0, None)
    assert len(found["coordinates"]) == COUNTS[0]
    assert found["coordinates"][3] == [39.0, 87.0]
    assert (found["score"][3], found["power"][3], found["sources"]) == (4.3, 0.56, ["blob"])
    assert sum(found["kept"]) == 20
    assert found["jobs"] == [{"job": PICK, "title": "Pick particles", "type": "pick", "count": 20}]


def test_an_image_that_is_not_there_and_a_job_without_picks_are_not_found(client: TestClient) -> None:
    for address in ("items/99/particles", "items/1/particles?job=J2", "items/1/particles?job=J77"):
        answer = client.get(f"{P}/{address}")
        assert (answer.status_code, answer.json()["code"]) == (404, "usage"), address
    assert client.post(f"{P}/jobs/J3/picks/histogram", json={}).status_code == 404


def test_a_lost_file_is_told_and_others_are_shown(client: TestClient, folder: Path) -> None:
    (folder / "jobs/J4-pick/one-0/one_picks.parquet").write_bytes(b"no table")
    answer = client.get(f"{P}/items/1/particles")
    assert (answer.status_code, answer.json()["code"]) == (422, "data")
    assert client.get(f"{P}/items/2/particles").status_code == 200


def test_without_a_picker_the_reason_is_told(client_of, tmp_path: Path) -> None:
    client = client_of(picks_project.make(tmp_path / "p", picked=False))
    found = client.get(f"{P}/items/1/particles").json()
    assert found["coordinates"] == []
    assert "No job of this project picks" in found["reason"]


def test_the_histogram_counts_every_pick_once(client: TestClient) -> None:
    found = client.post(f"{P}/jobs/J4/picks/histogram", json={"bins": [20, 10]}).json()
    density = found["density"]
    assert np.shape(density["counts"]) == (10, 20)
    assert np.sum(density["counts"]) == density["total"] == sum(COUNTS)
    assert density["kept"] == 20 + 80
    assert density["kept_from"] == pytest.approx(THRESHOLD)
    assert density["score_range"] == pytest.approx([4.0, 13.9])
    assert [entry[1:] for entry in density["examples"]] == [["three", 0], ["one", 20], ["two", 80]]
    assert found["select"] is None


def test_thresholds_leave_what_select_picks_would_keep(client: TestClient) -> None:
    from vitreous.jobs.select_picks import SelectPicksParams, passing

    cases = ({}, {"min_score": 4.55}, {"min_power": 0.95}, {"min_score": 5.0, "max_score": 7.02, "max_power": 1.0})
    for limits in cases:
        params = SelectPicksParams(**limits)
        wanted = [int(passing(picks_project.picks_of(index), params).sum()) for index in range(3)]
        found = _counts(client, **limits)
        assert found["kept"] == sum(wanted), limits
        assert (found["least"], found["most"]) == (min(wanted), max(wanted)), limits
        assert sum(found["counts"]) == 3  # type: ignore[call-overload]


def test_new_pictures_are_counted_and_trashed_ones_are_not(client: TestClient, folder: Path) -> None:
    assert _counts(client)["total"] == sum(COUNTS)
    client.post(f"{P}/actions/trash", json={"selection": {"ids": [2]}})
    assert _counts(client)["total"] == COUNTS[0] + COUNTS[2]
    client.post(f"{P}/actions/restore", json={"selection": {"ids": [2]}})
    assert _counts(client)["total"] == sum(COUNTS)


def test_thresholds_are_set_in_a_job_behind_which_takers_move_behind_and_can_be_taken_back(
    client: TestClient, folder: Path
) -> None:
    with Project(folder) as project:
        project.add("extract", f"J{PICK}", box=32)
    applied = client.post(f"{P}/jobs/J4/picks/limits", json={"min_score": 7.0, "max_power": 2.0}).json()
    assert (applied["created"], applied["job"], applied["moved"]) == (True, 6, [5])
    page = client.get(f"{P}/jobs/J6").json()
    assert (page["type"], page["inputs"]) == ("select-picks", ["J4"])
    assert page["params"] == {"min_score": 7.0, "max_power": 2.0}
    assert client.get(f"{P}/jobs/J5").json()["inputs"] == ["J6"]
    again = client.post(f"{P}/jobs/J4/picks/limits", json={"min_score": 8.0}).json()
    assert (again["created"], again["job"], again["before"]["max_power"]) == (False, 6, 2.0)
    assert client.get(f"{P}/jobs/J6").json()["params"] == {"min_score": 8.0}
    back = client.post(f"{P}/jobs/J6/picks/limits", json=again["before"])
    assert back.status_code == 200
    assert client.get(f"{P}/jobs/J6").json()["params"] == {"min_score": 7.0, "max_power": 2.0}
    assert client.get(f"{P}/items/1/particles").json()["selection"]["limits"]["min_score"] == 7.0


def test_thresholds_that_contradict_each_other_are_refused(client: TestClient) -> None:
    answer = client.post(f"{P}/jobs/J4/picks/limits", json={"min_score": 7.0, "max_score": 5.0})
    assert answer.status_code == 400
    assert "above" in answer.json()["message"]
    assert len(client.get(f"{P}/jobs").json()["jobs"]) == 4
    assert client.post(f"{P}/jobs/J4/picks/counts", content='{"min_score": NaN}').status_code == 422


def test_edits_by_hand_are_one_decision_of_the_image_and_are_replayed_by_the_job(
    client: TestClient, folder: Path
) -> None:
    saved = _edit(client, add=[[100.004, 50.0]], remove=[[39.0, 87.0]], stamp=None)
    assert (saved["created"], saved["job"], saved["added"], saved["others"]) == (True, SELECT, [[100.0, 50.0]], False)
    item = client.get(f"{P}/items/1").json()
    assert item["parameters"] == {"select-picks.added": [[100.0, 50.0]], "select-picks.removed": [[39.0, 87.0]]}
    decisions = [entry for entry in item["decisions"] if entry["kind"] == "parameters"]
    assert [entry["author"] for entry in decisions] == ["tester"]
    found = client.get(f"{P}/items/1/particles").json()["selection"]
    assert (found["author"], found["added"], found["stamp"]) == ("tester", [[100.0, 50.0]], saved["stamp"])
    assert client.get(f"{P}/items/2/particles").json()["selection"]["added"] == []


def test_what_another_person_changed_meanwhile_is_kept(client: TestClient) -> None:
    first = _edit(client, add=[[10.0, 10.0], [20.0, 20.0]])
    _edit(client, add=[[30.0, 30.0]], unadd=[[20.0, 20.0]], stamp=first["stamp"])
    late = _edit(client, add=[[40.0, 40.0]], unadd=[[20.0, 20.0]], stamp=first["stamp"])
    assert late["others"] is True
    assert late["added"] == [[10.0, 10.0], [30.0, 30.0], [40.0, 40.0]]
    assert late["done"] == {"add": [[40.0, 40.0]], "remove": [], "unadd": [], "unremove": []}


def test_a_save_is_taken_back_by_its_inverse_and_leaves_nothing(client: TestClient) -> None:
    done = _edit(client, add=[[10.0, 10.0]], remove=[[13.0, 29.0]])["done"]
    assert isinstance(done, dict)
    inverse = {"add": done["unadd"], "remove": done["unremove"], "unadd": done["add"], "unremove": done["remove"]}
    after = _edit(client, **inverse)
    assert (after["added"], after["removed"]) == ([], [])
    assert client.get(f"{P}/items/1").json()["parameters"] == {}


def test_picking_by_hand_needs_no_picker(client_of, tmp_path: Path) -> None:
    client = client_of(picks_project.make(tmp_path / "p", picked=False))
    answer = client.post(f"{P}/items/2/picks/edits", json={"job": None, "add": [[5.0, 6.0]]})
    assert answer.status_code == 200, answer.text
    number = answer.json()["job"]
    page = client.get(f"{P}/jobs/J{number}").json()
    assert page["type"] == "select-picks"
    found = client.get(f"{P}/items/2/particles").json()
    assert (found["job"], found["base"], found["selection"]["added"]) == (number, None, [[5.0, 6.0]])
    again = client.post(f"{P}/items/1/picks/edits", json={"job": number, "add": [[7.0, 8.0]]}).json()
    assert (again["job"], again["created"]) == (number, False)
    assert client.post(f"{P}/jobs/J{number}/picks/histogram", json={}).status_code == 400


def test_bad_edits_are_refused_in_words(client: TestClient) -> None:
    address = f"{P}/items/1/picks/edits"
    assert client.post(address, json={"job": PICK}).json()["code"] == "usage"
    assert client.post(address, content='{"add": [[Infinity, 1]]}').status_code in (400, 422)
    assert client.post(address, json={"add": [[1.0]]}).status_code == 422
    assert client.post(f"{P}/items/99/picks/edits", json={"add": [[1, 1]]}).status_code == 404
    assert len(client.get(f"{P}/jobs").json()["jobs"]) == 4


def test_who_may_only_look_sees_picks_and_changes_none(guest: TestClient) -> None:
    assert guest.get(f"{P}/items/1/particles").status_code == 200
    assert guest.post(f"{P}/jobs/J4/picks/counts", json={}).status_code == 200
    assert guest.post(f"{P}/jobs/J4/picks/limits", json={"min_score": 7.0}).status_code == 403
    assert guest.post(f"{P}/items/1/picks/edits", json={"add": [[1.0, 1.0]]}).status_code == 403


def test_particles_of_classes_are_shown_on_their_image(client: TestClient, folder: Path) -> None:
    number = picks_project.add_classes(folder, {"one": [1, 2, 1, 3], "two": [2, 2]})
    found = client.get(f"{P}/items/1/particles", params={"classes": "1,3", "job": f"J{number}"}).json()
    assert found["class_number"] == [1, 1, 3]
    assert found["coordinates"] == [[0.0, 0.0], [26.0, 58.0], [39.0, 87.0]]
    assert client.get(f"{P}/items/1/particles", params={"classes": "all"}).json()["class_number"] == [1, 2, 1, 3]
    none = client.get(f"{P}/items/3/particles", params={"classes": "1"}).json()
    assert none["coordinates"] == []
    assert "no particle of this image" in none["reason"]
    assert client.get(f"{P}/items/1/particles", params={"classes": "1", "job": "J2"}).status_code == 404
