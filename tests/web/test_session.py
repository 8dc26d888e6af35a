"""The Session page's questions: pulse, series, scatter, selections."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from vitreous import Project
from vitreous.project.overview import open_for_reading
from vitreous.project.pulse import pulse
from vitreous.project.series import Wanted, series

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from night import make_night

IMAGES = 600
END = 1_760_000_000.0
URL = "/api/projects/night"
COLUMNS = "counts_per_frame,drift_total,fit_resolution"


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("session") / "night"
    make_night(folder, IMAGES, end=END)
    return folder


def test_the_pulse_says_how_the_session_is(client_of, night):
    answer = client_of(night).get(f"{URL}/pulse", params={"seconds": 3600}).json()
    figures = {figure["name"]: figure for figure in answer["figures"]}
    assert answer["state"] == "ok"
    assert answer["headline"].startswith("At rest: 600 images, all processed")
    assert {"age", "rate", "processed", "queue", "kept", "disk", "iciness", "fit_resolution"} <= figures.keys()
    assert figures["rate"]["value"] == pytest.approx(257, abs=3)
    assert figures["processed"]["value"] == figures["processed"]["whole"] == IMAGES
    assert all(len(figure["spark"]) <= 60 for figure in figures.values())
    assert figures["disk"]["written"] is None  # no file of an image is there to be weighed


def test_limits_make_a_figure_worth_a_look(client_of, night):
    client = client_of(night)
    body = {"limits": {"iciness": {"mild_high": 0.05}, "fit_resolution": {"severe_high": 2.0}}}
    assert client.post(f"{URL}/actions/set_limits", json=body).status_code == 200
    answer = client.get(f"{URL}/pulse").json()
    states = {figure["name"]: figure["state"] for figure in answer["figures"]}
    assert (states["iciness"], states["fit_resolution"], answer["state"]) == ("mild", "severe", "severe")
    assert "Fit resolution" in answer["headline"]
    body = {"limits": {"iciness": None, "fit_resolution": None}}
    assert client.post(f"{URL}/actions/set_limits", json=body).status_code == 200
    assert client.get(f"{URL}/pulse").json()["state"] == "ok"


def test_few_images_are_points_of_their_own(client_of, night):
    answer = client_of(night).get(f"{URL}/series", params={"columns": COLUMNS, "seconds": 1400}).json()
    assert answer["reduced"] is False
    assert len(answer["times"]) == len(answer["ids"]) == len(answer["names"]) == answer["images"] == 101
    drift = answer["columns"]["drift_total"]
    assert len(drift["median"]) == 101
    assert (drift["unit"], drift["job"], drift["known"]) == ("Å", "J2 Correct motion", 101)
    assert drift["limits"]["mild_high"] == 50.0


def test_many_images_are_reduced_and_keep_their_extremes(client_of, night):
    client = client_of(night)
    every = client.get(f"{URL}/series", params={"columns": COLUMNS}).json()
    few = client.get(f"{URL}/series", params={"columns": COLUMNS, "points": 50}).json()
    assert few["reduced"]
    assert len(few["times"]) <= 50
    for name in COLUMNS.split(","):
        values = [value for value in every["columns"][name]["median"] if value is not None]
        least = min(value for value in few["columns"][name]["least"] if value is not None)
        greatest = max(value for value in few["columns"][name]["greatest"] if value is not None)
        assert (least, greatest) == (min(values), max(values))
    assert sum(few["overview"]["values"]) == IMAGES


def test_a_condition_and_trash_leave_images_out(client_of, night):
    client = client_of(night)
    params = {"columns": "iciness", "where": "iciness < 0.6"}
    left = client.get(f"{URL}/series", params=params).json()
    assert 0 < left["images"] < IMAGES
    chosen = client.get(f"{URL}/chosen", params={"where": "iciness < 0.6"}).json()
    assert chosen == {"count": left["images"], "expression": "(iciness < 0.6)"}
    client.post(f"{URL}/actions/trash", json={"selection": {"ids": left["ids"][:10]}})
    assert client.get(f"{URL}/series", params=params).json()["images"] == left["images"] - 10
    client.post(f"{URL}/actions/restore", json={"selection": {"ids": left["ids"][:10]}})
    assert client.get(f"{URL}/series", params=params).json()["images"] == left["images"]


def test_the_condition_of_a_stretch_of_time_chooses_just_its_images(client_of, night):
    client = client_of(night)
    stretch = {"from": END - 3000, "to": END - 1000}
    expected = client.get(f"{URL}/series", params={"columns": "iciness", **stretch}).json()["ids"]
    chosen = client.get(f"{URL}/chosen", params=stretch).json()
    found = client.get(f"{URL}/items/ids", params={"where": chosen["expression"]}).json()["ids"]
    assert sorted(found) == sorted(expected)
    assert chosen["count"] == len(expected) > 100


def test_scatter_gives_numbers_of_images_and_colours_by_text(client_of, night):
    client = client_of(night)
    params = {"x": "defocus", "y": "fit_resolution", "colour": "shift_group"}
    answer = client.get(f"{URL}/scatter", params=params).json()
    assert len(answer["x"]) == len(answer["ids"]) == answer["total"] == IMAGES
    assert sum(answer["colour"]["counts"]) == IMAGES
    assert len(answer["colour"]["labels"]) == 8  # seven and all others
    fewer = client.get(f"{URL}/scatter", params={**params, "limit": 100}).json()
    assert (len(fewer["ids"]), fewer["total"]) == (100, IMAGES)
    assert client.get(f"{URL}/scatter", params={**params, "limit": 100}).json()["ids"] == fewer["ids"]


def test_scatter_colours_by_time(client_of, night):
    colour = (
        client_of(night).get(f"{URL}/scatter", params={"x": "time", "y": "iciness", "colour": "time"}).json()["colour"]
    )
    assert colour["kind"] == "number"
    assert colour["low"] < colour["high"]


def test_a_lasso_takes_images_that_are_not_drawn_too(client_of, night):
    client = client_of(night)
    outline = "0,0;1000000,0;1000000,100;0,100"
    params = {"x": "defocus", "y": "fit_resolution", "outline": outline}
    assert len(client.get(f"{URL}/scatter/within", params=params).json()["ids"]) == IMAGES


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("series", {"columns": "iceness"}),
        ("series", {"columns": "square"}),
        ("series", {"columns": "iciness", "where": "iciness <"}),
        ("series", {"columns": "iciness", "from": 10, "to": 5}),
        ("series", {"columns": ",".join(f"a{n}" for n in range(20))}),
        ("scatter", {"x": "defocus", "y": "name"}),
        ("scatter", {"x": "defocus", "y": "iciness", "colour": "colour"}),
        ("scatter/within", {"x": "defocus", "y": "iciness", "outline": "1;2"}),
        ("scatter/within", {"x": "defocus", "y": "iciness", "outline": "1,1;2,2"}),
        ("pulse", {"seconds": -1}),
        ("series", {"columns": "iciness", "from": "nan"}),
    ],
)
def test_what_can_not_be_answered_is_refused_in_words(client_of, night, path, params):
    answer = client_of(night).get(f"{URL}/{path}", params=params)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["hint"]


def test_an_empty_project_says_what_is_waited_for(client_of, tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    client = client_of(tmp_path / "p")
    answer = client.get("/api/projects/p/pulse").json()
    assert (answer["images"], answer["state"]) == (0, "unknown")
    assert "no jobs" in answer["why"]
    assert client.get("/api/projects/p/series").json()["times"] == []
    assert client.get("/api/projects/p/chosen", params={"seconds": 60}).json()["count"] == 0


def test_who_is_not_signed_in_sees_nothing(client_of, night):
    client = client_of(night)
    client.cookies.clear()
    for path in ("pulse", "series", "chosen", "scatter?x=defocus&y=iciness"):
        assert client.get(f"{URL}/{path}").status_code == 401


def test_answers_are_kept_while_the_data_do_not_change(night):
    session = open_for_reading(night)
    try:
        wanted = Wanted(seconds=7200.0)
        first = series(session, ["iciness", "defocus"], wanted)
        assert series(session, ["iciness", "defocus"], wanted) is first
        pulse(session, wanted)
        begun = time.process_time()
        series(session, ["iciness", "defocus"], wanted)
        assert time.process_time() - begun < 0.02
    finally:
        session.db.close()
