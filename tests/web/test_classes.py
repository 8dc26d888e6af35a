"""The classes of a 2D classification over HTTP: gallery, pictures, particles, images, selections, a run under way."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from vitreous.store.database import open_database
from vitreous.store.jobs import insert_job, revise_params
from vitreous.web.guard import Caller, caller
from vitreous.workflow.graph import Input

sys.path.insert(0, str(Path(__file__).parent))
from class_project import averages_of, begin_run, make_project

COUNTS, BOX = (20, 12, 7, 0), 32
JOB = "/api/projects/p/jobs/2/classes"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose classification (J2) is finished."""
    place = tmp_path_factory.mktemp("classes") / "p"
    make_project(place, counts=COUNTS, box=BOX).close()
    return place


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "p"))


@pytest.fixture
def client(client_of: Any, made: Path) -> TestClient:
    """The owner of the project that nobody changes."""
    return client_of(made)  # type: ignore[no-any-return]


@pytest.fixture
def guest(client: TestClient) -> Iterator[TestClient]:
    """The same client as one who may only look."""
    app = client.app
    app.dependency_overrides[caller] = lambda: Caller("guest", "viewer", {}, None)  # type: ignore[attr-defined]
    yield client
    app.dependency_overrides.clear()  # type: ignore[attr-defined]


def _get(client: TestClient, url: str) -> Any:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _picture(client: TestClient, url: str) -> np.ndarray:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"), np.float32)


def _alike(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def _small(picture: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BOX))


def test_the_gallery_tells_what_each_class_is_worth(client: TestClient) -> None:
    found = _get(client, JOB)
    assert [entry["particles"] for entry in found["classes"]] == list(COUNTS)
    assert found["classes"][0]["rank"] == 1
    assert found["classes"][3]["resolution"] is found["classes"][3]["quality"] is None
    run = found["run"]
    assert (run["running"], run["finished"], run["iteration"], run["n_particles"]) == (False, True, 25, sum(COUNTS))
    assert found["why"] is None


def test_an_average_is_drawn_with_its_lowest_row_at_the_bottom(client: TestClient) -> None:
    shown = _picture(client, f"{JOB}/1.png?size=64")
    assert shown.shape == (64, 64)
    assert _alike(_small(shown, BOX), averages_of(4, BOX)[0][::-1]) > 0.95


def test_a_picture_is_kept_while_the_result_is_the_same(client: TestClient) -> None:
    stamp = _get(client, JOB)["run"]["stamp"]
    kept = client.get(f"{JOB}/1.png", params={"v": stamp})
    assert "immutable" in kept.headers["cache-control"]
    asked = client.get(f"{JOB}/1.png")
    assert "no-cache" in asked.headers["cache-control"]
    again = client.get(f"{JOB}/1.png", headers={"if-none-match": asked.headers["etag"]})
    assert again.status_code == 304


def test_an_empty_class_is_even(client: TestClient) -> None:
    found = _picture(client, f"{JOB}/4.png")
    assert found.shape == (160, 160)


def test_guests_see_averages_without_detail(guest: TestClient) -> None:
    assert _alike(_small(_picture(guest, f"{JOB}/1.png?size=64"), BOX), averages_of(4, BOX)[0][::-1]) < 0.95


def test_curves_and_history_come_by_class(client: TestClient) -> None:
    found = _get(client, f"{JOB}/curves")
    assert len(found["frequency"]) == BOX // 2 == len(found["frc"]["1"])
    assert set(found["frc"]["4"]) == {None}
    history = found["history"]
    assert len(history["iteration"]) == 25
    assert [len(history[key]) for key in ("populations", "resolutions")] == [4, 4]
    assert sum(populations[-1] for populations in history["populations"]) == pytest.approx(1.0)
    assert history["changed"][0] is None


def test_particles_of_a_class_come_in_pages(client: TestClient) -> None:
    first = _get(client, f"{JOB}/particles?classes=1,3&limit=10")
    assert first["total"] == 27
    assert {row["class_number"] for row in first["rows"]} <= {1, 3}
    sure = [row["max_probability"] for row in first["rows"]]
    assert sure == sorted(sure, reverse=True)
    rest = _get(client, f"{JOB}/particles?classes=1,3&limit=100&offset=10")["rows"]
    assert len({row["uid"] for row in (*first["rows"], *rest)}) == 27
    assert all(row["item"] in (1, 2, 3, 4) for row in rest)
    assert _get(client, f"{JOB}/particles?classes=")["total"] == 0


def test_particles_turned_onto_their_average_look_like_it(client: TestClient) -> None:
    url = f"{JOB}/particles.png?classes=1&limit=12&columns=4&cell=64&resolution=0"
    average = _picture(client, f"{JOB}/1.png?size=64")
    plain, aligned = (_picture(client, f"{url}&aligned={flag}") for flag in ("false", "true"))
    assert plain.shape == aligned.shape == (192, 256)
    cells = [aligned[y : y + 64, x : x + 64] for y in (0, 64, 128) for x in (0, 64, 128, 192)]
    assert min(_alike(cell, average) for cell in cells) > 0.9
    assert np.mean([_alike(plain[y : y + 64, :64], average) for y in (0, 64, 128)]) < 0.8


def test_stacks_outside_the_project_are_not_read(client_of: Any, folder: Path, tmp_path: Path) -> None:
    stack = next((folder / "jobs" / "J1-extract").glob("*.mrcs"))
    outside = tmp_path / "outside.mrcs"
    shutil.move(stack, outside)
    stack.symlink_to(outside)
    shown = _picture(client_of(folder), f"{JOB}/particles.png?classes=1,2,3&limit=40&columns=8&cell=32")
    cells = shown.reshape(5, 32, 8, 32).transpose(0, 2, 1, 3).reshape(40, -1)
    assert 0 < int((cells.std(axis=1) == 0).sum()) < 39


def test_images_are_sorted_by_the_particles_of_the_chosen_classes(client: TestClient) -> None:
    found = _get(client, f"{JOB}/images?classes=1,2")
    chosen = [row["chosen"] for row in found["rows"]]
    assert chosen == sorted(chosen, reverse=True)
    assert sum(chosen) == 32
    assert sum(row["classified"] for row in found["rows"]) == sum(COUNTS)
    assert _get(client, f"{JOB}/images?classes=1,2&fewest=true")["rows"][0]["chosen"] == min(chosen)


def test_the_yield_counts_particles_step_by_step(client: TestClient) -> None:
    found = _get(client, f"{JOB}/yield?classes=1")
    assert found["totals"] == {"picked": None, "extracted": None, "classified": 39, "chosen": 20}
    assert sum(found["counts"]["chosen"]) == found["images"] == sum(found["fraction"]) == 4
    assert len(found["edges"]) == len(found["counts"]["chosen"]) + 1


def test_a_run_under_way_shows_what_it_has_so_far(client_of: Any, folder: Path) -> None:
    begin_run(folder, 2, COUNTS, BOX, 7)
    client = client_of(folder)
    run = _get(client, JOB)["run"]
    assert (run["running"], run["iteration"], run["iterations"], run["finished"]) == (True, 7, 25, False)
    assert len(_get(client, f"{JOB}/curves")["history"]["iteration"]) == 7
    result = _get(client, f"{JOB}?source=result")["run"]
    assert (result["running"], result["iteration"], result["stale"]) == (False, 25, True)
    assert _get(client, f"{JOB}/particles?classes=1")["total"] == 20
    live, ended = (client.get(f"{JOB}/1.png?source={source}").content for source in ("running", "result"))
    assert live != ended
    (folder / "jobs" / "J2-classify2d" / ".work-20123456" / "model.json").unlink()
    assert _get(client, JOB)["run"]["running"] is False


def test_selections_tell_who_chose_what_when_and_why(client_of: Any, folder: Path) -> None:
    with open_database(folder, write=True) as db, db.transaction():
        given: dict[str, Any] = {"type": "select-classes", "inputs": [Input(2)], "batch": 0}
        insert_job(db, title="Good ones", params={"classes": [1, 2]}, now=10.0, author="ann", note="clear", **given)
        insert_job(db, title="By quality", params={"threshold": 0.2}, now=20.0, author="bob", **given)
        revise_params(db, 3, {"classes": [1]}, "bob", 30.0, "2 is blurred")
    client = client_of(folder)
    by_hand, automatic = _get(client, JOB)["selections"]
    assert (by_hand["title"], by_hand["classes"], by_hand["particles"], by_hand["automatic"]) == (
        "Good ones",
        [1],
        20,
        False,
    )
    told = [(entry["author"], entry["time"], entry["reason"], entry["classes"]) for entry in by_hand["revisions"]]
    assert told == [("bob", 30.0, "2 is blurred", [1]), ("ann", 10.0, "clear", [1, 2])]
    assert automatic["automatic"]
    assert automatic["classes"] == [1, 2, 3]
    of_selection = _get(client, "/api/projects/p/jobs/3/classes")
    assert (of_selection["job"], of_selection["asked"]) == (2, 3)


def test_a_card_shows_the_best_averages(client: TestClient) -> None:
    (card,) = _get(client, "/api/projects/p/classes")
    assert (card["job"], card["n_classes"], card["state"]) == (2, 3, _get(client, JOB)["state"])
    assert [entry["number"] for entry in card["best"]] == [1, 2, 3]
    assert card["resolution"] == min(entry["resolution"] for entry in card["best"])
    assert _get(client, "/api/projects/p/classes?job=1") == []


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/api/projects/p/jobs/1/classes", 404),
        ("/api/projects/p/jobs/99/classes", 404),
        (f"{JOB}/5.png", 404),
        (f"{JOB}/0.png", 404),
        (f"{JOB}/1.png?size=5000", 422),
        (f"{JOB}/particles?classes=a", 422),
        (f"{JOB}/particles?classes=99999999999999999999", 400),
        (f"{JOB}/particles?classes=1&limit=0", 422),
        (f"{JOB}/curves?source=running", 404),
        (f"{JOB}/particles?classes=1&order=random", 422),
    ],
)
def test_what_is_not_there_is_refused_in_words(client: TestClient, url: str, status: int) -> None:
    answer = client.get(url)
    assert answer.status_code == status
    assert answer.json()["hint"]


def test_a_damaged_record_or_table_is_told(client_of: Any, folder: Path) -> None:
    out = folder / "jobs" / "J2-classify2d" / "set-0"
    client = client_of(folder)
    (out / "particles.parquet").write_bytes(b"PAR1 not really")
    answer = client.get(f"{JOB}/particles?classes=1")
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == "data"
    (out / "model.json").write_text("{}")
    assert client.get(JOB).json()["code"] == "data"


def test_a_classification_without_a_result_says_what_it_waits_for(client_of: Any, folder: Path) -> None:
    with open_database(folder, write=True) as db, db.transaction():
        insert_job(db, type="classify2d", title="Next", params={}, inputs=[Input(1)], now=1.0, author="ann", batch=0)
    found = _get(client_of(folder), "/api/projects/p/jobs/3/classes")
    assert (found["classes"], found["run"], found["has_result"]) == ([], None, False)
    assert found["why"]


def test_a_choice_is_saved_changed_and_taken_back_by_actions(client_of: Any, folder: Path) -> None:
    client = client_of(folder)
    actions = "/api/projects/p/actions"

    def act(name: str, **body: Any) -> Any:
        answer = client.post(f"{actions}/{name}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]

    def shown() -> tuple[Any, ...]:
        (one,) = _get(client, JOB)["selections"]
        return one["classes"], one["particles"], one["automatic"], one["revisions"][0]["reason"]

    rule = {"classes": [1, 2], "lineage": "run"}
    number = act("add_job", type="select-classes", params=rule, inputs=[2], title="Good", note="clear views")
    assert shown() == ([1, 2], 32, False, "clear views")
    assert _get(client, JOB)["selections"][0]["other_run"]
    act("edit_job", job=number, params={"threshold": 0.9}, unset=["classes", "lineage"], reason="only the best")
    assert shown() == ([1], 20, True, "only the best")
    act("undo_edit", job=number)
    assert shown()[0] == [1, 2]
    (card,) = _get(client, f"/api/projects/p/classes?job={number}")
    assert (card["job"], card["selections"]) == (2, 1)
