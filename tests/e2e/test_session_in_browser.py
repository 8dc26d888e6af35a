"""A session as people have it: a project made in the browser, images that arrive live, curation, other parameters."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vitreous import Project
from vitreous.acquisition.simulate_camera import Shot, run_camera

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import browser as chrome

MODEL = Path(__file__).parents[2] / "examples" / "5me2.pdb"
MOVIES = 5
PHONE = {"width": 390, "height": 844}
STATIC = Path(__file__).parents[2] / "src" / "vitreous" / "web" / "static" / "index.html"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(480),
    pytest.mark.skipif(chrome.chromium() is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(not STATIC.is_file(), reason="the page is not built: pip install -e ."),
]


@pytest.fixture(scope="module")
def movies(tmp_path_factory) -> list[Path]:
    """Simulated movies of an assembly of haemoglobin."""
    from vitreous.jobs.simulate import JOB
    from vitreous.project.batch import run_batch

    folder = tmp_path_factory.mktemp("simulated")
    params = JOB.params(movies=MOVIES, size=512, frames=8, symmetry="O", radius=60.0, pixel_size=1.3)
    made = run_batch(JOB, params, [MODEL], folder)[0]["outputs"]
    return [Path(made[f"movie_{number}"]) for number in range(1, MOVIES + 1)]


@contextmanager
def camera(movies: list[Path], folder: Path) -> Iterator[None]:
    """A camera that writes one movie after the other while the body runs."""
    stop = threading.Event()
    shots = [Shot(movie.name, movie) for movie in movies]
    options = {"interval": 1.0, "writing_time": 0.5, "stop": stop}
    thread = threading.Thread(target=run_camera, args=(shots, folder), kwargs=options)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def picture_of_failure(page, name: str) -> Iterator[None]:
    """Where the body fails, keep what the page showed then."""
    try:
        yield
    except BaseException:
        page.screenshot(path=Path(tempfile.gettempdir()) / f"vitreous-failed-{name}.png")
        raise


def make_project(page, place: Path, camera_folder: Path) -> None:
    """Fill in the dialog of a new project that watches the camera."""
    page.get_by_role("button", name="New project").first.click()
    dialog = page.get_by_role("dialog", name="New project")
    dialog.get_by_role("textbox", name="Name").fill("grid 3")
    dialog.get_by_role("textbox", name="Place").fill(str(place))
    for label, value in (("Pixel size (Å)", "1.3"), ("Voltage (kV)", "300"), ("Spherical aberration (mm)", "2.7")):
        dialog.get_by_role("textbox", name=label).fill(value)
    dialog.get_by_role("textbox", name="Exposure of a frame (e/Å²)").fill("1.3")
    dialog.get_by_role("textbox", name="Camera folder").fill(str(camera_folder))
    dialog.get_by_role("button", name="Create project").click()
    page.wait_for_url("**/p/grid-3/session", timeout=30_000)


def until_processed(page, project: Path) -> None:
    """Watch the status bar until all tasks of all movies are done, without loading the page again."""
    page.evaluate("window.__same = true")
    text = "SELECT count(*) FROM tasks WHERE state = 'done' AND type IN ('motion', 'ctf', 'measure')"
    await_value(page, project, text, 3 * MOVIES, seconds=240)
    assert page.evaluate("window.__same") is True
    with Project(project) as found:
        assert not found.tasks(state="quarantined")
        assert not found.tasks(state="failed")


def await_value(page, project: Path, text: str, value: int, seconds: float = 20.0) -> None:
    """Wait until a question to the catalogue has this answer; the page goes on meanwhile."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with Project(project) as found:
            if found.sql(text).rows[0][0] == value:
                return
        page.wait_for_timeout(300)
    raise AssertionError(f"{text}: not {value} after {seconds:g} s")


def check_session(page) -> None:
    """The dashboard shows the images that came while it was open."""
    page.locator("[data-figure='processed']").filter(has_text=re.compile(rf"\b{MOVIES}\b")).wait_for(timeout=20_000)
    for label in ("Fit resolution", "Drift", "Iciness", "Defocus", "Counts"):
        assert page.get_by_text(label, exact=True).first.is_visible()
    page.locator("main img[src*='/views/']").first.wait_for(timeout=20_000)


def rows(page):
    """The rows of images in the library."""
    return page.get_by_role("grid", name="Images").get_by_role("row").filter(has_text="5me2")


def count_rows(page, number: int) -> None:
    """Wait until the library shows so many images."""
    page.wait_for_function(
        """(n) => document.querySelectorAll('[role=grid] [role=rowgroup] [role=row]').length === n""",
        arg=number,
        timeout=15_000,
    )


def curate(page, base: str, project: Path) -> None:
    """Filter, flag, trash, restore: by keyboard, and seen in the catalogue."""
    page.goto(f"{base}/p/grid-3/library")
    count_rows(page, MOVIES)
    condition = page.get_by_role("combobox", name="Condition")
    condition.fill("fit_resolution < 0.5")
    condition.press("Enter")
    count_rows(page, 0)
    page.goto(f"{base}/p/grid-3/library")
    count_rows(page, MOVIES)
    first = rows(page).first
    name = re.search(r"5me2_\d+", first.inner_text())[0]
    first.click()
    page.keyboard.press("1")
    await_value(page, project, f"SELECT count(*) FROM exposures WHERE flag = 'red' AND name = '{name}'", 1)
    trashed = "SELECT count(*) FROM exposures WHERE group_name = 'TRASH'"
    page.keyboard.press("t")
    count_rows(page, MOVIES - 1)
    await_value(page, project, trashed, 1)
    page.get_by_role("button", name=re.compile("^TRASH 1")).click()
    count_rows(page, 1)
    rows(page).first.click()
    page.keyboard.press("r")
    await_value(page, project, trashed, 0)
    page.get_by_role("button", name=re.compile("^All images")).click()
    count_rows(page, MOVIES)


def run_ctf_on_two(page, base: str, project: Path) -> None:
    """Run CTF with another parameter on a selection, and follow it to its end."""
    page.goto(f"{base}/p/grid-3/library")
    count_rows(page, MOVIES)
    rows(page).nth(0).click()
    rows(page).nth(1).click(modifiers=["Shift"])
    page.get_by_role("button", name=re.compile("Run a job")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Search job types").fill("CTF")
    dialog.get_by_role("button", name=re.compile("Find CTF")).first.click()
    dialog.get_by_role("switch", name=re.compile("^Advanced")).check(force=True)
    dialog.get_by_label(re.compile("^max.resolution", re.IGNORECASE)).first.fill("4.5")
    dialog.get_by_role("button", name=re.compile("^Add")).last.click()
    dialog.wait_for(state="hidden")
    await_value(page, project, "SELECT count(*) FROM jobs WHERE type = 'ctf'", 2)
    page.goto(f"{base}/p/grid-3/workflow?view=list")
    page.get_by_text("Find CTF").nth(1).wait_for()
    done = "SELECT count(*) FROM tasks WHERE type = 'ctf' AND state = 'done'"
    await_value(page, project, done, MOVIES + 2, seconds=120)
    with Project(project) as found:
        newest = max(job.id for job in found.jobs() if job.view().type == "ctf")
        assert found.job(newest).params["max_resolution"] == 4.5


def look_at_spectrum(page, base: str) -> None:
    """Open the viewer from the library, and the FFT of a rectangle in it."""
    page.goto(f"{base}/p/grid-3/library")
    count_rows(page, MOVIES)
    rows(page).first.dblclick()
    page.wait_for_url(re.compile(r"/view\?"))
    page.get_by_role("region", name="Image").locator("canvas").first.wait_for()
    page.get_by_text(re.compile(r"× \d+ px")).first.wait_for()
    with page.expect_response(lambda answer: "/spectrum" in answer.url and answer.ok, timeout=20_000) as told:
        page.keyboard.press("f")
    with page.expect_response(
        lambda answer: "/spectrum" in answer.url and answer.url != told.value.url and answer.ok, timeout=20_000
    ):
        page.keyboard.press("s")
        box = page.get_by_role("region", name="Image").bounding_box()
        x, y = box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"]
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 150, y + 150, steps=5)
        page.mouse.up()


def export_template(page, base: str) -> None:
    """Download the template of all jobs."""
    page.goto(f"{base}/p/grid-3/export")
    with page.expect_download() as told:
        page.get_by_role("button", name=re.compile("template", re.IGNORECASE)).first.click()
    content = json.loads(Path(told.value.path()).read_text())
    assert {"import", "motion", "ctf"} <= {job["type"] for job in content["jobs"]}


def check_on_a_phone(browser, server, cookies) -> None:
    """Every page fits the screen of a phone, and complains of nothing."""
    tab = chrome.open_tab(browser, server, cookies, viewport=PHONE, has_touch=True, is_mobile=True)
    for name in ("session", "library", "workflow", "queue", "results", "export", "settings"):
        tab.page.goto(f"{server.base}/p/grid-3/{name}")
        tab.page.locator("main").wait_for()
        tab.page.wait_for_timeout(1000)
        wide = tab.page.evaluate("document.scrollingElement.scrollWidth")
        assert wide <= PHONE["width"], f"{name}: {wide} px wide"
    assert not tab.complaints
    tab.context.close()


def test_a_session_from_a_new_project_to_its_template(movies, tmp_path):
    folder, project = tmp_path / "camera", tmp_path / "grid-3"
    folder.mkdir()
    options = ("--root", str(tmp_path), "--workers", "1")
    with chrome.served(options=options, state=tmp_path / "state") as server, chrome.browsing() as browser:
        tab = chrome.open_tab(browser, server)
        tab.page.set_default_timeout(30_000)
        with picture_of_failure(tab.page, "session"):
            make_project(tab.page, tmp_path, folder)
            with camera(movies, folder):
                until_processed(tab.page, project)
            check_session(tab.page)
            curate(tab.page, server.base, project)
            run_ctf_on_two(tab.page, server.base, project)
            look_at_spectrum(tab.page, server.base)
            export_template(tab.page, server.base)
        check_on_a_phone(browser, server, tab.context.cookies())
        assert not tab.complaints
    assert server.process.returncode == 0
