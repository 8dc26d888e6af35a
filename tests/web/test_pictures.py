"""The pictures of items over HTTP: which there are, what they show, and what guests get."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from vitreous import Project
from vitreous.formats.mrc_write import write_mrc
from vitreous.store.columns import set_many
from vitreous.store.database import open_database
from vitreous.web.accounts import SingleUser
from vitreous.web.app import create_app
from vitreous.web.guard import Caller, caller

SIZE = 600
PIXEL = 1.5


def _image() -> np.ndarray:
    """Noise with a bright square in the lower left corner."""
    image = np.random.default_rng(1).normal(100.0, 10.0, (SIZE, SIZE)).astype(np.float32)
    image[30:90, 40:100] += 80.0
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of two images: the first was corrected, the second is only imported."""
    place = tmp_path_factory.mktemp("pictures") / "p"
    with Project.create(place, "single-particle", {"pixel_size": PIXEL, "voltage": 300.0}) as project:
        project.add("import", sources=["/camera"])
        project.add("motion")
        project.add("ctf")
    result = place / "jobs" / "J2-motion" / "one-0"
    write_mrc(result / "one.mrc", _image(), pixel_size=PIXEL)
    (result / "one.json").write_text(json.dumps(_motion()))
    movie = np.stack([_image()[:128, :128]] * 3)
    (place / "movies").mkdir(exist_ok=True)
    outside = place.parent / "outside.mrc"
    write_mrc(outside, movie, pixel_size=PIXEL, is_stack=True)
    (place / "movies" / "one.mrc").symlink_to(outside)
    (place / "movies" / "other.mrc").symlink_to(outside)
    slots = {
        "motion": {"file": None, "files": {"json": "jobs/J2-motion/one-0/one.json"}, "values": {}},
        "micrograph": {"file": "jobs/J2-motion/one-0/one.mrc", "files": {}, "values": {}},
    }
    with open_database(place, write=True) as db:
        with db.transaction() as connection:
            for name, identity in (("one", "aa"), ("two", "bb")):
                connection.execute(
                    "INSERT INTO exposure (name, source_job, source_path, path, identity, size, imported)"
                    " VALUES (?, 1, ?, ?, ?, 1, 0)",
                    (name, f"/camera/{name}.mrc", f"movies/{name}.mrc", identity),
                )
            connection.execute(
                "INSERT INTO result (identity, job, item, slots, outputs, versions, committed)"
                " VALUES ('r1', 2, 1, ?, '[]', '{}', 0)",
                (json.dumps(slots),),
            )
            connection.execute("INSERT INTO task (job, item, state, identity) VALUES (2, 1, 'done', 'r1')")
            connection.execute("INSERT INTO task (job, item, state) VALUES (2, 2, 'waiting')")
        values = {"pixel_size": PIXEL, "width": SIZE, "height": SIZE}
        set_many(db, [(1, "motion", 2, {"drift_total": 5.0}), (1, "micrograph", 2, values)])
    return place


def _motion() -> dict[str, object]:
    shift = [[[[t * 1.0, t * 2.0]] * 2] * 2 for t in range(3)]
    return {
        "frame_shape": [SIZE, SIZE],
        "width": SIZE,
        "pixel_size": PIXEL,
        "n_frames": 3,
        "drift_total": 4.5,
        "trajectory": {"x": [150.0, 450.0], "y": [150.0, 450.0], "shift": shift},
    }


@pytest.fixture
def client(client_of, folder: Path) -> TestClient:
    """The owner."""
    return client_of(folder)  # type: ignore[no-any-return]


@pytest.fixture
def guest(client: TestClient) -> Iterator[TestClient]:
    """The same client as one who may only look."""
    app = client.app
    app.dependency_overrides[caller] = lambda: Caller("guest", "viewer", {}, None)  # type: ignore[attr-defined]
    yield client
    app.dependency_overrides.clear()  # type: ignore[attr-defined]


def _picture(client: TestClient, url: str) -> np.ndarray:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"), np.float32)


VIEWS = "/api/projects/p/items/1/views"
FILES = "/api/projects/p/images"


def test_views_say_what_is_there_and_why_the_rest_is_not(client: TestClient) -> None:
    answer = client.get(VIEWS).json()
    found = {view["name"]: view for view in answer["views"]["views"]}
    assert answer["blurred"] is False
    assert [found[name]["available"] for name in ("before", "after", "fft_after", "trajectory")] == [True] * 4
    assert (found["after"]["width"], found["after"]["pixel_size"], found["after"]["job"]) == (SIZE, PIXEL, 2)
    assert found["thon"]["available"] is False
    assert found["thon"]["reason"]
    assert [entry["name"] for entry in answer["views"]["overviews"]] == ["image", "drift", "particles"]
    other = client.get("/api/projects/p/items/2/views").json()["views"]
    after = next(view for view in other["views"] if view["name"] == "after")
    assert (after["available"], other["before"]) == (False, 1)
    assert "waiting" in after["reason"]


def test_a_picture_has_row_0_at_the_bottom_and_is_kept_for_ever_by_its_identity(client: TestClient) -> None:
    picture = _picture(client, f"{VIEWS}/after.png?size=400")
    assert picture.shape == (400, 400)
    assert picture[345:375, 30:60].mean() > picture[30:60, 30:60].mean() + 40
    named = client.get(f"{VIEWS}/after.png?size=400&v=r1")
    assert "immutable" in named.headers["cache-control"]
    assert "no-cache" in client.get(f"{VIEWS}/after.png?size=400&v=old").headers["cache-control"]
    again = client.get(f"{VIEWS}/after.png?size=400&v=r1", headers={"If-None-Match": named.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_pictures_are_kept_in_the_project_and_may_be_deleted(client: TestClient, folder: Path) -> None:
    _picture(client, f"{VIEWS}/particles.png?size=200")
    kept = list((folder / "thumbnails").glob("*/*.png"))
    assert kept
    for path in kept:
        path.unlink()
    client.app.state._state.pop("shelf")  # type: ignore[attr-defined]
    assert _picture(client, f"{VIEWS}/particles.png?size=200").shape == (200, 200)


def test_drift_is_given_as_numbers(client: TestClient) -> None:
    found = client.get("/api/projects/p/items/1/trajectory").json()
    assert found["mean"] == [[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]
    assert (found["pixel_size"], found["drift_total"]) == (PIXEL, 4.5)


NOT_THERE = (
    ("/api/projects/p/items/9/views", 404),
    (f"{VIEWS}/thon.png", 404),
    (f"{VIEWS}/nothing.png", 404),
    (f"{VIEWS}/trajectory.png", 404),
    (f"{VIEWS}/after.png?size=9", 422),
    ("/api/projects/p/items/1/curves", 404),
    ("/api/projects/p/items/2/views/before.png", 422),
    (f"{FILES}/info", 400),
    (f"{FILES}/info?path=project.db", 422),
    (f"{FILES}/tile?item=1&level=0&x=-1&y=0", 404),
    (f"{FILES}/tile?item=1&level=40&x=0&y=0", 404),
    (f"{FILES}/values?item=1&x=600&y=0", 404),
    (f"{FILES}/spectrum?item=1&part=0,0,20,20", 400),
    (f"{FILES}/picture?item=1&frame=7", 404),
    (f"{FILES}/picture?item=1&frame=x", 400),
    (f"{FILES}/profile?item=1&x0=nan&y0=0&x1=0&y1=0", 422),
)


def test_what_is_not_there_is_told_and_never_a_fault_of_the_server(client: TestClient) -> None:
    for url, status in NOT_THERE:
        answer = client.get(url)
        assert answer.status_code == status, (url, answer.text)
        assert answer.json()["message"]


def test_files_outside_the_project_are_not_shown(client: TestClient) -> None:
    for path in ("../outside.mrc", "/etc/passwd", "movies/other.mrc", "movies", "", "a\0b", "~/x"):
        assert client.get(f"{FILES}/info", params={"path": path}).status_code == 404


def test_the_projects_own_link_to_a_movie_is_followed(client: TestClient) -> None:
    assert client.get(f"{FILES}/info", params={"path": "movies/one.mrc"}).json()["n_frames"] == 3


def test_tiles_and_values_are_those_of_the_file(client: TestClient) -> None:
    image = _image()
    facts = client.get(f"{FILES}/info?item=1").json()
    assert facts["levels"][:2] == [[600, 600], [300, 300]]
    answer = client.get(f"{FILES}/tile?item=1&level=0&x=0&y=0&encoding=raw")
    shown = json.loads(answer.headers["x-picture"])
    tile = np.frombuffer(answer.content, np.uint8).reshape(shown["height"], shown["width"])[::-1]
    values = shown["low"] + (shown["high"] - shown["low"]) * tile / 255.0
    inside = (image[:512, :512] > shown["low"]) & (image[:512, :512] < shown["high"])
    assert np.abs(values - image[:512, :512])[inside].max() < (shown["high"] - shown["low"]) / 255
    found = client.get(f"{FILES}/values?item=1&x=50&y=40&radius=1").json()
    assert np.allclose(found["values"], image[39:42, 49:52])
    assert answer.headers["content-encoding"] == "identity"


def test_guests_see_images_blurred_and_learn_no_values(guest: TestClient) -> None:
    assert guest.get(VIEWS).json()["blurred"] is True
    for url in (f"{VIEWS}/after.png?size=400", f"{FILES}/picture?item=1", f"{FILES}/tile?item=1&level=0&x=0&y=0"):
        picture = _picture(guest, url)
        middle = picture[100:300, 100:300]
        assert np.abs(np.diff(middle, axis=1)).mean() < 3.0, url  # noise is gone
    sharp = _picture(guest, f"{VIEWS}/fft_after.png?size=400")
    assert np.abs(np.diff(sharp, axis=1)).mean() > 10.0
    facts = guest.get(f"{FILES}/info?item=1").json()
    assert (facts["statistics"], facts["histogram"]) == (None, None)
    for url in ("values?item=1&x=3&y=3", "profile?item=1&x0=0&y0=0&x1=9&y1=9", "spectrum?item=1&part=0,0,64,64"):
        assert guest.get(f"{FILES}/{url}").status_code == 400, url


def test_the_blur_may_be_switched_off_for_the_whole_server(guest: TestClient) -> None:
    guest.app.state.blur = False  # type: ignore[attr-defined]
    assert guest.get(VIEWS).json()["blurred"] is False


def test_files_are_shown_by_number(tmp_path: Path) -> None:
    from vitreous.web.view_server import view_app

    write_mrc(tmp_path / "stack.mrcs", np.stack([_image()[:64, :64]] * 5), pixel_size=None, is_stack=True)
    (tmp_path / "broken.mrc").write_bytes(b"no image")
    app, accounts = view_app([tmp_path / "stack.mrcs", tmp_path / "broken.mrc"])
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        assert client.get("/api/files/0/info").status_code == 401
        answer = client.get("/open", params={"token": accounts.new_link(), "next": "/view?file=0"})
        assert answer.headers["location"] == "/view?file=0"
        assert [line["name"] for line in client.get("/api/files").json()] == ["stack.mrcs", "broken.mrc"]
        assert client.get("/api/files/0/info").json()["n_frames"] == 5
        gallery = json.loads(client.get("/api/files/0/gallery?columns=3&cell=64").headers["x-picture"])
        assert (gallery["rows"], gallery["count"]) == (2, 5)
        broken = client.get("/api/files/1/picture")
        assert (broken.status_code, broken.json()["code"]) == (422, "data")
        assert client.get("/api/files/2/info").status_code == 404


def test_create_app_needs_no_files(folder: Path) -> None:
    from vitreous.web.served import Projects

    accounts = SingleUser("x")
    with TestClient(create_app(Projects([folder]), accounts), follow_redirects=False) as client:
        client.get("/open", params={"token": accounts.new_link()})
        assert client.get("/api/files").json() == []


def test_guests_learn_no_folders_from_faults(guest: TestClient, folder: Path) -> None:
    url = "/api/projects/p/items/2/views/before.png"
    answer = guest.get(url)
    assert answer.status_code == 422
    assert str(folder.parent) not in answer.text
    assert "two.mrc" in answer.json()["message"]
    broken = folder / "broken file.mrc"
    broken.write_bytes(b"no image")
    told = guest.get(f"{FILES}/info", params={"path": broken.name})
    assert (told.status_code, told.json()["context"]["path"]) == (422, broken.name)
    assert str(folder.parent) not in told.text
    broken.unlink()


def test_owners_learn_where_a_damaged_file_lies(client: TestClient, folder: Path) -> None:
    assert str(folder) in client.get("/api/projects/p/items/2/views/before.png").json()["message"]


@pytest.mark.parametrize(("orientation", "told"), [("flip-90", "applied"), (None, "not applied")])
def test_the_gain_reference_is_applied_to_sums_where_it_is_known_how_it_lies(
    client_of, tmp_path: Path, orientation: str | None, told: str
) -> None:
    place = tmp_path / "g"
    random = np.random.default_rng(5)
    gain = random.uniform(0.5, 2.0, (64, 96)).astype(np.float32)
    on_frames = np.rot90(gain[::-1], -1)  # turned counter-clockwise, seen with y up
    truth = random.uniform(50.0, 60.0, on_frames.shape)
    with Project.create(place, "single-particle", {"pixel_size": PIXEL}) as project:
        project.add("import", sources=["/camera"])
        project.add("motion")
    write_mrc(place / "gain.mrc", gain, pixel_size=None)
    write_mrc(place / "m.mrc", np.stack([truth / on_frames / 2] * 2).astype(np.float32), pixel_size=None, is_stack=True)
    with open_database(place, write=True) as db:
        with db.transaction() as connection:
            connection.execute(
                "INSERT INTO exposure (name, source_job, source_path, path, identity, size, imported)"
                " VALUES ('m', 1, '/m', 'm.mrc', 'cc', 1, 0)"
            )
            settings = json.dumps({"gain": {"value": "gain.mrc", "origin": "user"}})
            connection.execute("UPDATE meta SET value = ? WHERE name = 'settings'", (settings,))
        if orientation is not None:
            set_many(db, [(1, "motion", 2, {"gain_orientation": orientation, "gain_kind": "multiplicative"})])
    client = client_of(place)
    base = "/api/projects/g/images"
    assert client.get(f"{base}/info?item=1&view=before&frame=sum").json()["gain"] == told
    assert client.get(f"{base}/info?item=1&view=before&frame=0").json()["gain"] == "not applied"
    found = client.get(f"{base}/values?item=1&view=before&frame=sum&x=20&y=30&radius=9").json()
    expected = truth if told == "applied" else truth / on_frames
    assert np.allclose(found["values"], expected[21:40, 11:30], rtol=1e-4)
