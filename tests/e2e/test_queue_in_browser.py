"""Order of the queue, failures, quarantine, report and settings, by hand in the browser."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest

from vitreous import Project
from vitreous.store.database import open_database

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import browser as chrome
from night import make_night

IMAGES, OPEN = 300, 12
STATIC = Path(__file__).parents[2] / "src" / "vitreous" / "web" / "static" / "index.html"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(chrome.chromium() is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(not STATIC.is_file(), reason="the page is not built: pip install -e ."),
]


@pytest.fixture
def night(tmp_path) -> Path:
    """A session of 300 images; the CTF of the last 12 is not begun, three others failed."""
    folder = tmp_path / "night"
    make_night(folder, IMAGES)
    with open_database(folder, write=True) as db, db.transaction() as connection:
        connection.execute(
            "UPDATE task SET state = 'ready', finished = NULL, started = NULL, tries = 0 WHERE job = 3 AND item > ?",
            (IMAGES - OPEN,),
        )
    return folder


def name_of(number: int) -> str:
    return f"_{number - 1:06d}"


def next_names(page) -> list[str]:
    """The images of the next tasks, in order, by the end of their names."""
    found = page.get_by_role("list", name="Next tasks, in order").get_by_role("button", name=re.compile("^Move "))
    return [str(entry.get_attribute("aria-label"))[-7:] for entry in found.all()]


def await_order(page, wanted: list[int]) -> None:
    """Wait until these images come first."""
    names, end = [name_of(number) for number in wanted], time.monotonic() + 10
    while next_names(page)[: len(names)] != names:
        assert time.monotonic() < end, f"the order is {next_names(page)}"
        page.wait_for_timeout(50)


def await_states(folder: Path, wanted: str, numbers: set[int]) -> None:
    """Wait until exactly these images' CTF is in a state."""
    end, found = time.monotonic() + 10, None
    while found != numbers:
        assert time.monotonic() < end, f"{wanted}: {found}"
        with Project(folder) as project:
            found = {task.item for task in project.tasks(job=3, state=wanted)}
        time.sleep(0.1)


def order_by_menu_drag_and_keys(page, first: int) -> None:
    """Move images in the queue in three ways."""
    await_order(page, [first, first + 1, first + 2])
    page.get_by_role("button", name=re.compile(f"^Place of .*{name_of(first + 3)}$")).click()
    page.get_by_role("menuitem", name="First").click()
    await_order(page, [first + 3, first, first + 1])
    handle = page.get_by_role("button", name=re.compile(f"^Move .*{name_of(first + 5)}$"))
    goal = page.get_by_role("button", name=re.compile(f"^Move .*{name_of(first)}$")).bounding_box()
    box = handle.bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 8, box["y"] - 12, steps=4)
    page.mouse.move(box["x"] + 8, goal["y"] + 8, steps=12)
    page.mouse.up()
    await_order(page, [first + 3, first + 5, first, first + 1])
    page.wait_for_timeout(400)
    handle = page.get_by_role("button", name=re.compile(f"^Move .*{name_of(first + 3)}$"))
    handle.focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(200)
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(300)
    page.keyboard.press("Space")
    await_order(page, [first + 5, first + 3, first])


def quarantine(page, number: int) -> None:
    """Set an image aside with a reason."""
    page.get_by_role("button", name=re.compile(f"^Place of .*{name_of(number)}$")).click()
    page.get_by_role("menuitem", name=re.compile("^Quarantine")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Reason").fill("a crack across the image")
    dialog.get_by_role("button", name=re.compile("^Quarantine")).click()
    dialog.wait_for(state="hidden")
    page.get_by_role("group", name="a crack across the image").wait_for()


def make_report(page) -> str:
    """The HTML report, as it is downloaded."""
    page.get_by_role("button", name="Make the HTML report").click()
    link = page.get_by_role("link", name=re.compile("^Save HTML"))
    link.wait_for(timeout=60_000)
    with page.expect_download() as told:
        link.click()
    return Path(told.value.path()).read_text()


def change_and_undo_a_setting(page, folder: Path) -> None:
    """A setting is changed after its effect is told, and taken back."""

    def await_voltage(value: float) -> None:
        end = time.monotonic() + 10
        while True:
            with Project(folder) as project:
                found = project.settings()["voltage"]
            if found == value:
                return
            assert time.monotonic() < end, f"the voltage is {found}"
            time.sleep(0.1)

    field = page.get_by_label("Voltage / kV")
    field.fill("200")
    page.get_by_role("status", name="What the change does").wait_for()
    page.get_by_role("button", name="Apply", exact=True).click()
    await_voltage(200.0)
    page.get_by_role("button", name="Undo").first.click()
    await_voltage(300.0)


def test_queue_report_and_settings_by_hand(night, tmp_path):
    first = IMAGES - OPEN + 1
    with Project(night) as project:
        failed = {task.item for task in project.tasks(job=3, state="quarantined")}
    with (
        chrome.served(night, options=("--no-engine",), state=tmp_path / "state") as server,
        chrome.browsing() as browser,
    ):
        tab = chrome.open_tab(browser, server)
        tab.page.goto(f"{server.base}/p/night/queue")
        order_by_menu_drag_and_keys(tab.page, first)
        tab.page.get_by_role("button", name=f"Retry {len(failed)} tasks of J3").click()
        await_states(night, "quarantined", set())
        quarantine(tab.page, first + 7)
        await_states(night, "quarantined", {first + 7})
        tab.page.goto(f"{server.base}/p/night/export")
        report = make_report(tab.page)
        assert "a crack across the image" in report
        assert report.count("<svg") >= 8
        tab.page.goto(f"{server.base}/p/night/settings")
        change_and_undo_a_setting(tab.page, night)
        assert not tab.complaints
