"""The library of 3,000 images as people use it: sort, filter, decide by keys, undo, choose, trash, restore, links."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest

from vitreous import Project

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import browser as chrome
from night import make_night

IMAGES = 3000
STATIC = Path(__file__).parents[2] / "src" / "vitreous" / "web" / "static" / "index.html"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(chrome.chromium() is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(not STATIC.is_file(), reason="the page is not built: pip install -e ."),
]


def row(page, index: int):
    """A row of the table by its place."""
    return page.locator(f"#library-row-{index}")


def shows(page, number: int) -> None:
    """Wait until the table has so many rows."""
    page.wait_for_function(
        """(n) => document.querySelector('[role=grid][data-loaded=true]')
            ?.getAttribute('aria-rowcount') === String(n + 1)""",
        arg=number,
        timeout=15_000,
    )


def numbers(project: Path, text: str) -> list:
    """The first column of an answer of the catalogue."""
    with Project(project) as found:
        return [line[0] for line in found.sql(text).rows]


def becomes(project: Path, text: str, wanted: list) -> None:
    """Wait until the catalogue answers so."""
    end = time.monotonic() + 15
    while (found := numbers(project, text)) != wanted:
        assert time.monotonic() < end, f"{text}: {found[:5]}, not {wanted[:5]}"
        time.sleep(0.1)


def filter_by_enter(page, project: Path) -> None:
    """Enter adds a condition that is right, at once, and keeps a wrong one with its fault."""
    condition = page.get_by_role("combobox", name="Condition")
    condition.fill("fit_resolution < 0.5")
    condition.press("Enter")
    shows(page, 0)
    page.get_by_role("button", name=re.compile("^Remove the condition")).click()
    shows(page, IMAGES)
    condition.press_sequentially("iciness <")
    condition.press("Enter")
    page.get_by_text("ends too early").wait_for()
    condition.fill("iciness < 1.2")
    condition.press("Enter")
    shows(page, numbers(project, "SELECT count(*) FROM exposures WHERE iciness < 1.2")[0])
    page.get_by_role("button", name=re.compile("^Remove the condition")).click()
    shows(page, IMAGES)


def sort_by_header(page, project: Path) -> None:
    """A click on a header sorts by it."""
    page.get_by_role("columnheader").filter(has_text="fit").locator("button").first.click()
    page.wait_for_url("**order=fit_resolution%3Aasc*")
    text = "SELECT name FROM exposures WHERE fit_resolution IS NOT NULL ORDER BY fit_resolution, id LIMIT 1"
    row(page, 0).filter(has_text=numbers(project, text)[0]).wait_for(timeout=10_000)


def flag_and_trash(page, base: str, project: Path) -> None:
    """Choose a range, flag it, take it back; trash and restore what is chosen."""
    page.goto(f"{base}/p/night/library")
    shows(page, IMAGES)
    before = numbers(project, "SELECT count(*) FROM exposures WHERE flag = 'gold'")
    row(page, 0).click()
    row(page, 7).click(modifiers=["Shift"])
    page.get_by_text("8 images chosen").wait_for()
    page.keyboard.press("4")
    becomes(project, "SELECT count(*) FROM exposures WHERE flag = 'gold' AND id <= 8", [8])
    page.get_by_text("8 images flagged gold").first.wait_for()
    page.keyboard.press("u")
    becomes(project, "SELECT count(*) FROM exposures WHERE flag = 'gold'", before)
    page.keyboard.press("t")
    shows(page, IMAGES - 8)
    page.get_by_role("button", name=re.compile("^TRASH 8")).click()
    shows(page, 8)
    page.get_by_role("grid", name="Images").focus()
    page.keyboard.press("Control+a")
    page.get_by_text("8 images chosen").wait_for()
    page.get_by_role("button", name="Restore").click()
    becomes(project, "SELECT count(*) FROM exposures WHERE group_name = 'TRASH'", [0])


def links_work(page, base: str, project: Path) -> None:
    """An address with an image goes to its row, one with a condition as plain text shows what meets it."""
    page.goto(f"{base}/p/night/library?item=2500&order=fit_resolution:desc")
    name = numbers(project, "SELECT name FROM exposures WHERE id = 2500")[0]
    page.locator("[role=row][aria-current=true]").filter(has_text=name).wait_for(timeout=10_000)
    page.get_by_role("grid", name="Images").focus()
    page.keyboard.press("End")
    page.locator(f"#library-row-{IMAGES - 1}[aria-current=true]").wait_for(timeout=10_000)
    page.goto(f"{base}/p/night/library?where=id%20%3C%3D%2040")
    shows(page, 40)


def test_three_thousand_images_are_sorted_filtered_decided_and_restored(tmp_path):
    project = tmp_path / "night"
    make_night(project, IMAGES, jobs=5)
    with chrome.served(project, state=tmp_path / "state") as server, chrome.browsing() as browser:
        tab = chrome.open_tab(browser, server, bypass_csp=True)
        page = tab.page
        page.goto(f"{server.base}/p/night/library")
        shows(page, IMAGES)
        filter_by_enter(page, project)
        sort_by_header(page, project)
        flag_and_trash(page, server.base, project)
        links_work(page, server.base, project)
        assert not tab.complaints
