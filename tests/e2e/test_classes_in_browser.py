"""2D classes in a browser: looked at, chosen, kept as a job, and their particles found on the micrographs."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitreous import Project
from vitreous.store.database import open_database

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).parent))
import particle_session as session

import browser as chrome

STATIC = Path(__file__).parents[2] / "src" / "vitreous" / "web" / "static" / "index.html"
PHONE = {"width": 390, "height": 844}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(chrome.chromium() is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(not STATIC.is_file(), reason="the page is not built: pip install -e ."),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return session.make_session(tmp_path_factory.mktemp("classes"))


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
    tab = chrome.open_tab(browser, server, cookies)
    yield tab, server.base
    assert tab.complaints == []
    tab.context.close()


def until(condition, what: str, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def tiles_of(page):
    found = page.get_by_role("listbox", name="Class averages").get_by_role("option")
    found.first.wait_for()
    return found


def particles_told(tile) -> int:
    """How many particles a class has, as its label says."""
    return int(re.search(r": ([\d,]+) particle", tile.get_attribute("aria-label"))[1].replace(",", ""))


def has_picture(locator) -> bool:
    """Whether something is drawn there: not one grey."""
    return float(np.asarray(Image.open(BytesIO(locator.screenshot())).convert("L"), np.float32).std()) > 8


def test_classes_are_chosen_and_kept_as_a_job_that_passes_on_their_particles(tab, project):
    page, base = tab[0].page, tab[1]
    page.goto(f"{base}/p/p/classes")
    tiles = tiles_of(page)
    assert tiles.count() == 3
    assert sum(particles_told(tiles.nth(n)) for n in range(3)) == 48
    until(lambda: has_picture(tiles.first), "averages are drawn", 10.0)

    page.get_by_role("combobox", name="Sort by").select_option("particles")

    def numbers() -> list[int]:
        return [particles_told(tiles.nth(n)) for n in range(3)]

    until(lambda: numbers() == sorted(numbers(), reverse=True), "the most particles are first", 10.0)
    most = numbers()[0]
    tiles.first.click()
    page.get_by_text("1 of 3 classes chosen").wait_for()
    page.get_by_role("textbox", name="Why").fill("most particles")
    page.get_by_role("textbox", name="Name of a new selection").fill("Largest")
    page.get_by_role("button", name="Save", exact=True).click()
    selections = page.get_by_role("region", name="Selections")
    selections.get_by_text("“most particles”", exact=True).wait_for()

    with Project(project) as found:
        job = max(found.graph().jobs)
        made = found.graph().jobs[job]
        assert made.type == "select-classes"
        assert made.params["classes"] == [int(tiles.first.get_attribute("data-number"))]

    def passed_on() -> bool:
        with open_database(project, write=False) as db:
            return db.connection.execute("SELECT 1 FROM result WHERE job = ?", (job,)).fetchone() is not None

    until(passed_on, "the engine makes the selection", 60.0)
    selections.get_by_text(f"{most} particles").first.wait_for()


def test_the_particles_of_a_class_lead_to_where_they_lie(tab):
    page, base = tab[0].page, tab[1]
    page.goto(f"{base}/p/p/jobs/{session.CLASSES}/classes")
    tiles = tiles_of(page)
    tiles.first.dblclick()
    number = tiles.first.get_attribute("data-number")
    detail = page.get_by_role("region", name=f"Class {number}", exact=True)
    detail.get_by_role("img", name=re.compile("Fourier ring correlation")).wait_for()
    particle = detail.get_by_role("link", name=re.compile("^Particle on")).first
    particle.wait_for()
    until(lambda: has_picture(particle), "particles are drawn", 15.0)
    particle.click()
    panel = page.get_by_role("region", name="Picks")
    panel.get_by_text(f"Particles of class {number}").wait_for()
    until(lambda: re.search(r"This image\s+[1-9]", panel.inner_text()), "circles of the class", 10.0)
    page.go_back()
    tiles_of(page)


def test_the_page_works_by_keys_alone_and_on_a_phone(opened):
    browser, server, cookies = opened
    tab = chrome.open_tab(browser, server, cookies, viewport=PHONE, has_touch=True, is_mobile=True)
    page = tab.page
    page.goto(f"{server.base}/p/p/jobs/{session.CLASSES}/classes")
    tiles = tiles_of(page)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("listbox", name="Class averages").focus()
    for key, told in (("a", "3 of 3"), ("n", "0 of 3"), (" ", "1 of 3"), ("i", "2 of 3")):
        page.keyboard.press("ArrowRight")
        page.keyboard.press(key)
        page.get_by_text(f"{told} classes chosen").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Close the class").wait_for()
    assert tiles.count() == 3
    assert tab.complaints == []
