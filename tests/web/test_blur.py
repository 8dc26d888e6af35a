"""Whoever may only look gets no sharp image by any route: pictures, files of results, reports."""

from __future__ import annotations

import base64
import io
import json
import re
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from vitreous import Project
from vitreous.formats.mrc_write import write_mrc
from vitreous.project.session_report.making import KEPT, Reports
from vitreous.store.columns import set_many
from vitreous.store.database import open_database
from vitreous.web.accounts import SingleUser
from vitreous.web.app import create_app
from vitreous.web.served import Projects

SIZE = 512
RESULT = "jobs/J2-motion/one-0"
P = "/api/projects/p"


def stripes() -> np.ndarray:
    """An image of nothing but fine detail: stripes of 4 px, which no blur leaves standing."""
    rows = np.where(np.arange(SIZE) // 4 % 2, 200.0, 50.0).astype(np.float32)
    noise = np.random.default_rng(2).normal(0.0, 3.0, (SIZE, SIZE)).astype(np.float32)
    return np.broadcast_to(rows[:, None], (SIZE, SIZE)) + noise


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project whose image is known as micrograph, movie, and picture that a job wrote."""
    place = tmp_path_factory.mktemp("blur") / "p"
    with Project.create(place, "single-particle", {"pixel_size": 1.0, "voltage": 300.0}) as project:
        for kind, given in (("import", {"sources": ["/camera"]}), ("motion", {}), ("ctf", {})):
            project.add(kind, **given)
    write_mrc(place / RESULT / "one.mrc", stripes(), pixel_size=1.0)
    write_mrc(place / "movies" / "one.mrc", np.stack([stripes()] * 2), pixel_size=1.0, is_stack=True)
    Image.fromarray(stripes().astype(np.uint8)).save(place / RESULT / "one.png")
    (place / RESULT / "one.json").write_text("{}")
    slots = {"micrograph": {"file": f"{RESULT}/one.mrc", "files": {"preview": f"{RESULT}/one.png"}, "values": {}}}
    with open_database(place, write=True) as db:
        with db.transaction() as connection:
            connection.execute(
                "INSERT INTO exposure (name, source_job, source_path, path, identity, size, imported)"
                " VALUES ('one', 1, '/camera/one.mrc', 'movies/one.mrc', 'aa', 1, 0)"
            )
            connection.execute(
                "INSERT INTO result (identity, job, item, slots, outputs, versions, committed)"
                " VALUES ('r1', 2, 1, ?, '[]', '{}', 0)",
                (json.dumps(slots),),
            )
            connection.execute("INSERT INTO task (job, item, state, identity) VALUES (2, 1, 'done', 'r1')")
        values = {"pixel_size": 1.0, "width": SIZE, "height": SIZE}
        set_many(db, [(1, "micrograph", 2, values), (1, "ctf", 3, {"fit_resolution": 3.5})])
    return place


@pytest.fixture(scope="module")
def clients(folder):
    """Clients of an owner and of a guest, each by a token."""
    accounts = SingleUser("runner")
    app = create_app(Projects([folder]), accounts)
    found = {}
    for role in ("owner", "viewer"):
        token = accounts.new_token(None, role, role, folder=None, days=1, by="t")
        found[role] = TestClient(app, headers={"Authorization": f"Bearer {token}"})
    return found


def detail(content: bytes) -> float:
    """How much neighbouring rows of the picture's middle differ: in grey levels, root mean square."""
    image = np.asarray(Image.open(io.BytesIO(content)).convert("L"), np.float32)
    ny, nx = image.shape
    middle = image[ny // 4 : ny // 2, nx // 4 : nx // 2]
    return float(np.sqrt(np.mean(np.diff(middle, axis=0) ** 2)))


TILE = "tile?level=0&x=0&y=0"
FILE = f"path={RESULT}/one.mrc"
PICTURES = [
    f"{P}/items/1/views/{view}.png?size={size}" for view in ("before", "after") for size in (400, 1600)
] + [
    f"{P}/images/{kind}{source}"
    for source in ("item=1&view=after", "item=1&view=before", FILE, "path=movies/one.mrc")
    for kind in ("picture?size=512&", "picture?size=64&", "tile?level=0&x=0&y=0&", f"{TILE}&low=0&high=255&")
] + [f"{P}/images/gallery?cell=400&columns=1&{source}" for source in ("item=1&view=before", FILE)]  # fmt: skip


@pytest.mark.parametrize("url", PICTURES)
def test_guests_get_no_sharp_picture(clients, url):
    seen = clients["viewer"].get(url)
    assert seen.status_code == 200, seen.text
    assert detail(seen.content) < 5.0
    if "size=64" not in url:
        assert detail(clients["owner"].get(url).content) > 20.0  # there is detail that could be seen


@pytest.mark.parametrize("what", ["values?x=3&y=3&radius=9", "profile?x0=0&y0=0&x1=9&y1=9", "spectrum?part=9,9,32,32",
                                  "spectrum?part=0,0,64,64", "radial?part=9,9,32,32"])  # fmt: skip
def test_guests_learn_no_values(clients, what):
    for source in ("item=1&view=after", FILE):
        assert clients["viewer"].get(f"{P}/images/{what}&{source}").status_code == 400
        assert clients["owner"].get(f"{P}/images/{what}&{source}").status_code == 200


def test_the_cache_of_owners_gives_guests_nothing_sharp(clients):
    url = f"{P}/items/1/views/after.png?size=400"
    owners = clients["owner"].get(url)
    seen = clients["viewer"].get(url, headers={"If-None-Match": owners.headers["etag"]})
    assert seen.status_code == 200
    assert seen.content != owners.content


def test_guests_get_files_without_images_only(clients):
    for name, status in (("one.mrc", 403), ("one.png", 403), ("one.json", 200)):
        where = f"{P}/results/file?path={RESULT}/{name}"
        assert clients["viewer"].get(where).status_code == status, name
        assert clients["owner"].get(where).status_code == 200
    assert clients["viewer"].get(f"{P}/results/file?path=movies/one.mrc").status_code == 404


def made(client, format="html"):
    """A report, once it is there: its number and content."""
    number = client.post(f"{P}/report", json={"format": format}).json()["id"]
    end = time.monotonic() + 60
    while (state := client.get(f"{P}/report/{number}").json())["state"] == "running":
        assert time.monotonic() < end
        time.sleep(0.1)
    assert state["state"] == "done", state
    return number, client.get(f"{P}/report/{number}/file").text


def test_reports_of_guests_have_blurred_pictures_and_those_of_owners_are_not_given_to_them(clients):
    pytest.importorskip("matplotlib")
    pictures = {}
    for role in ("owner", "viewer"):
        number, text = made(clients[role])
        found = [base64.b64decode(part) for part in re.findall(r"data:image/png;base64,([^\"']+)", text)]
        assert found
        pictures[role] = max(map(detail, found))
        if role == "owner":
            assert clients["viewer"].get(f"{P}/report/{number}").status_code == 404
            assert clients["viewer"].get(f"{P}/report/{number}/file").status_code == 404
    assert pictures["viewer"] < 5.0 < 15.0 < pictures["owner"]


def test_reports_of_a_project_are_made_one_at_a_time_and_old_ones_go(folder):
    reports, none = Reports(), folder.parent / "none"
    with reports._turns["p"]:  # as if one were being made
        waiting = reports.make("p", none, "html")
        assert reports.make("p", none, "html") is waiting
        assert reports.make("p", none, "html", blurred=True) is not waiting
        time.sleep(0.2)
        assert (waiting.state, waiting.what) == ("running", "waiting for its turn")
    for _ in range(KEPT + 2):
        making = reports.make("p", none, "pdf")
        making.path.write_text("as if it were made")
        making.state = "done"
    assert len(list(making.path.parent.glob("*.pdf"))) == KEPT + 1
    end = time.monotonic() + 30
    while waiting.state == "running":
        assert time.monotonic() < end
        time.sleep(0.05)
    assert waiting.state == "failed"
