"""Jobs worked on by mouse in the graph: added, connected, edited, copied, undone."""

from __future__ import annotations

import re
import runpy
import sys
import time
from pathlib import Path

import pytest

from vitreous import Project

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import browser as chrome  # noqa: E402

make_night = runpy.run_path(str(ROOT / "benchmarks" / "night.py"))["make_night"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(chrome.chromium() is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(
        not (ROOT / "src" / "vitreous" / "web" / "static" / "index.html").is_file(),
        reason="the page is not built: pip install -e .",
    ),
]


def jobs(project: Path) -> dict:
    """Number → each job, all as they are at one moment."""
    with Project(project) as found:
        return dict(found.graph().jobs)


def until(condition, what: str) -> None:
    """Wait until the project is so."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def centre(locator) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def handle(page, job: int, kind: str):
    """Where edges of a job begin (``source``) or end (``target``)."""
    return page.locator(f'.react-flow__node[data-id="{job}"] .react-flow__handle.{kind}').first


def drag(page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=5)
    page.mouse.move(*end, steps=5)
    page.mouse.up()


def show(page, base: str, query: str = "") -> None:
    """Open the page, and wait until the graph stands still."""
    page.goto(f"{base}/p/night/workflow{query}")
    page.locator(".react-flow__node").first.wait_for()
    page.wait_for_timeout(600)


def add_filter(page, base: str, project: Path) -> int:
    """Drag from a job to empty ground; choose a filter, which the catalogue offers there; fill it in."""
    known = set(jobs(project))
    show(page, base)
    x, y = centre(handle(page, 3, "source"))
    ground = page.locator(".react-flow__pane").bounding_box()
    drag(page, (x, y), (x + 10, ground["y"] + ground["height"] - 15))
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("What fits behind J3").wait_for()
    assert dialog.get_by_role("button", name=re.compile("^Add Import")).count() == 0
    dialog.get_by_role("textbox", name="Search job types").fill("filter")
    dialog.get_by_role("button", name="Add Filter", exact=True).click()
    dialog.get_by_label(re.compile("^Expression")).first.fill("fit_resolution < 6")
    dialog.get_by_role("button", name="Add job").click()
    dialog.wait_for(state="hidden")
    until(lambda: len(jobs(project)) == len(known) + 1, "the filter is not there")
    return max(jobs(project))


def edit_and_undo(page, base: str, project: Path) -> None:
    """Another parameter of the CTF, and back."""
    before = jobs(project)[3].params
    show(page, base, "?job=3&tab=form")
    page.get_by_role("switch", name=re.compile("^Advanced")).check(force=True)
    page.get_by_label(re.compile("^max.resolution", re.IGNORECASE)).first.fill("4.4")
    page.get_by_role("button", name="Apply").click()
    until(lambda: jobs(project)[3].params.get("max_resolution") == 4.4, "the parameter is not set")
    page.get_by_role("button", name="Undo").last.click()
    until(lambda: jobs(project)[3].params == before, "the parameter is not taken back")


def connect_and_cut(page, base: str, project: Path, added: int) -> None:
    """Drag an edge between two jobs, and delete it."""
    show(page, base)
    drag(page, centre(handle(page, 2, "source")), centre(handle(page, added, "target")))
    until(lambda: [entry.source for entry in jobs(project)[added].inputs] == [3, 2], "they are not connected")
    edge = page.locator(f'.react-flow__edge[data-id="2:items-{added}"]')
    edge.locator(".react-flow__edge-interaction").dispatch_event("click")
    page.locator(f'.react-flow__edge.selected[data-id="2:items-{added}"]').wait_for(state="attached")
    page.keyboard.press("Delete")
    until(lambda: [entry.source for entry in jobs(project)[added].inputs] == [3], "the edge is still there")


def save_threshold(page, base: str, project: Path, added: int) -> None:
    """Another condition of the filter."""
    show(page, base, f"?job={added}&tab=filter")
    page.get_by_role("textbox", name="Let pass what meets").fill("fit_resolution < 5")
    page.get_by_role("button", name="Save the filter").click()
    until(lambda: jobs(project)[added].params == {"expression": "fit_resolution < 5"}, "the filter is not saved")


def copy_branch(page, base: str, project: Path) -> None:
    """Copy a job with all behind it, and take it back."""
    known = set(jobs(project))
    show(page, base, "?job=3")
    panel = page.get_by_role("region", name="Job J3")
    panel.get_by_role("button", name=re.compile("more|actions|do", re.IGNORECASE)).first.click()
    page.get_by_role("menuitem", name=re.compile("copy with|branch|behind", re.IGNORECASE)).first.click()
    until(lambda: len(jobs(project)) > len(known) + 1, "nothing was copied")
    page.get_by_role("button", name="Undo").last.click()
    until(lambda: set(jobs(project)) == known, "the copies are still there")


def test_jobs_are_added_connected_edited_and_copied_by_mouse(tmp_path):
    project = tmp_path / "night"
    make_night(project, images=60, jobs=4)
    options = ("--no-engine",)
    with chrome.served(project, options=options, state=tmp_path / "state") as server, chrome.browsing() as browser:
        tab = chrome.open_tab(browser, server)
        tab.page.set_default_timeout(10_000)
        added = add_filter(tab.page, server.base, project)
        edit_and_undo(tab.page, server.base, project)
        connect_and_cut(tab.page, server.base, project, added)
        save_threshold(tab.page, server.base, project, added)
        copy_branch(tab.page, server.base, project)
        assert not tab.complaints
