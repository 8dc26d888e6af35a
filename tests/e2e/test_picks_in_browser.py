"""Picks in a browser: shown, thresholds moved, changed by hand and taken back, tried with another diameter."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitreous import Project
from vitreous.formats.particle_parquet import read_particle_parquet
from vitreous.store.database import open_database

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).parent))
import particle_session as session

import browser as chrome

STATIC = Path(__file__).parents[2] / "src" / "vitreous" / "web" / "static" / "index.html"
MOVIES = 2

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(chrome.chromium() is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(not STATIC.is_file(), reason="the page is not built: pip install -e ."),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return session.make_session(tmp_path_factory.mktemp("picks"), movies=MOVIES, upto="select-picks")


@pytest.fixture(scope="module")
def opened(project, tmp_path_factory) -> Iterator[tuple]:
    """Browser, server and the cookies of one who is signed in; an engine works on what is changed."""
    with chrome.served(project, state=tmp_path_factory.mktemp("state")) as server, chrome.browsing() as browser:
        tab = chrome.open_tab(browser, server)
        tab.page.wait_for_selector("main")
        yield browser, server, tab.context.cookies()


@pytest.fixture
def tab(opened) -> Iterator[tuple[chrome.Tab, str]]:
    browser, server, cookies = opened
    tab = chrome.open_tab(browser, server, cookies, viewport={"width": 1280, "height": 800})
    yield tab, server.base
    assert tab.complaints == []
    tab.context.close()


def picks_of(project: Path, item: int):
    """Kept picks of an image as the newest result of the selection has them."""
    with open_database(project, write=False) as db:
        text = """SELECT r.folder FROM task t JOIN result r ON r.identity = t.identity AND r.item = t.item
            WHERE t.job = ? AND t.item = ? AND t.state = 'done'"""
        rows = db.connection.execute(text, (session.SELECT, item)).fetchall()
    if not rows:
        return None
    table = read_particle_parquet(next((project / rows[0][0]).glob("*_picks.parquet")))
    return table.take(table["kept"] == 1)


def until(condition, what: str, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def number_of(panel) -> int:
    """How many picks the panel counts on this image."""
    found = re.search(r"This image\s+(\d+)", panel.inner_text())
    assert found is not None, panel.inner_text()
    return int(found[1])


def until_number(panel, wanted) -> int:
    """Wait until the panel counts so many picks."""
    until(lambda: wanted(number_of(panel)), f"{panel.inner_text()!r}", 10.0)
    return number_of(panel)


def test_picks_are_thinned_by_a_threshold_and_changed_by_hand_with_a_way_back(tab, project):
    page, base = tab[0].page, tab[1]
    before = picks_of(project, 1)
    page.goto(f"{base}/view?project=p&item=1&view=after&layers=particles&picks=J{session.SELECT}")
    panel = page.get_by_role("region", name="Picks")
    panel.get_by_text("This image").wait_for()
    assert until_number(panel, lambda number: number > 0) == len(before)

    middle = sorted(before["pick_score"])[len(before) // 2]
    panel.get_by_role("slider", name="Min score").fill(f"{middle:.2f}")
    assert 0 < until_number(panel, lambda number: number < len(before)) <= len(before) // 2 + 1
    panel.get_by_role("button", name="Back to those set").click()
    until_number(panel, lambda number: number == len(before))

    page.keyboard.press("e")
    tools = panel.get_by_role("group", name="Change picks by hand")
    image = page.get_by_role("region", name="Image").bounding_box()
    side = min(image["width"], image["height"])
    x, y = farthest(before, 512)
    page.mouse.click(
        image["x"] + image["width"] / 2 + (x / 512 - 0.5) * side,
        image["y"] + image["height"] / 2 - (y / 512 - 0.5) * side,  # the first row is drawn below
    )
    until_number(panel, lambda number: number == len(before) + 1)
    tools.get_by_role("button", name="Undo").click()
    until_number(panel, lambda number: number == len(before))
    tools.get_by_role("button", name="Redo").click()
    until_number(panel, lambda number: number == len(before) + 1)
    tools.get_by_role("button", name="Save 1 (W)").click()
    tools.get_by_role("button", name="Saved").wait_for()
    until(lambda: (now := picks_of(project, 1)) is not None and len(now) == len(before) + 1, "the engine works again")
    after = picks_of(project, 1)
    hand = after.take(after["pick_source"] == "hand")
    assert abs(hand["coordinate_x"][0] - x) < 8
    assert abs(hand["coordinate_y"][0] - y) < 8
    assert len(picks_of(project, 2)) > 0


def farthest(picks, size: int) -> tuple[float, float]:
    """Place (x, y) of an image of that size that has most room around it."""
    places = [(x, y) for x in range(60, size - 60, 8) for y in range(60, size - 60, 8)]

    def room(place: tuple[int, int]) -> float:
        return float(((picks["coordinate_x"] - place[0]) ** 2 + (picks["coordinate_y"] - place[1]) ** 2).min())

    return max(places, key=room)


def test_thresholds_over_all_images_count_what_stays_and_are_applied_with_a_way_back(tab, project):
    page, base = tab[0].page, tab[1]
    page.goto(f"{base}/p/p/jobs/{session.PICK}/picks")
    page.get_by_role("heading", name="Thresholds of picks").wait_for()
    main = page.get_by_role("main")
    whole = main.get_by_text(re.compile(r"^\d+ of \d+ picks"))
    whole.wait_for()
    all_picks = int(whole.inner_text().split()[0])
    score = main.get_by_role("slider", name="Min score")
    score.fill(score.get_attribute("max"))
    until(lambda: int(whole.inner_text().split()[0]) < all_picks, "fewer picks stay", 10.0)
    main.get_by_role("button", name="Apply").click()
    until(lambda: set_limit(project) is not None, "the limit is the job's parameter")
    page.get_by_role("button", name="Undo").click()
    until(lambda: set_limit(project) is None, "it is taken back")


def set_limit(project: Path):
    with Project(project) as found:
        return found.graph().jobs[session.SELECT].params.get("min_score")


def test_a_form_is_tried_on_one_image_and_nothing_is_recorded(tab, project):
    page, base = tab[0].page, tab[1]
    page.goto(f"{base}/p/p/workflow?job={session.PICK}&tab=form")
    page.get_by_text("180 Å, from the project").or_(page.get_by_placeholder("180 Å, from the project")).first.wait_for()
    page.get_by_role("button", name="Try on one image").click()
    told = page.get_by_text(re.compile(r"^\d+ picks of \d+"))
    told.wait_for(timeout=60_000)
    page.get_by_role("textbox", name="Diameter", exact=True).fill("60")
    first = told.inner_text()
    until(lambda: told.inner_text() != first, "other picks with another diameter", 20.0)
    page.get_by_role("button", name="Discard").click()
    with Project(project) as found:
        assert "diameter" not in found.graph().jobs[session.PICK].params
