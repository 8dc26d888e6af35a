"""A picture of every page, of a small simulated session and of a large night, in light, dark and on a phone.

It fails where a page complains of an error, has an empty chart, or is wider than a phone.
``python benchmarks/screenshots.py --out screenshots`` takes some minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "e2e"))
from particle_session import make_session

import browser as chrome
from night import make_night
from vitreous import Project
from vitreous.jobs.simulate import JOB as SIMULATE
from vitreous.project.batch import run_batch
from vitreous.project.session_report.write import write_session_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MODEL = Path(__file__).parents[1] / "examples" / "5me2.pdb"
IMAGES = 3000
SETTLE_MS = 1200
"""ms without change after which a page is taken to be drawn."""
SIZES: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
PAGES = {
    "projects": "/",
    "server": "/settings",
    "session": "/p/night/session",
    "library-table": "/p/night/library?row=0",
    "library-gallery": "/p/small/library?view=gallery",
    "library-views": "/p/small/library?row=0",
    "workflow-graph": "/p/small/workflow",
    "workflow-list": "/p/small/workflow?view=list",
    "workflow-tree": "/p/small/workflow?view=tree",
    "workflow-job": "/p/small/workflow?job=3",
    "workflow-form": "/p/small/workflow?job=3&tab=form",
    "queue": "/p/night/queue",
    "queue-tasks": "/p/night/queue?tab=tasks",
    "queue-log": "/p/small/queue?tab=log",
    "results": "/p/small/results",
    "results-night": "/p/night/results",
    "export": "/p/small/export",
    "settings": "/p/small/settings",
    "session-small": "/p/small/session",
    "viewer": "/view?project=small&item=1&view=after",
    "viewer-spectrum": "/view?project=small&item=1&view=fft_after",
    "viewer-thon": "/view?project=small&item=1&view=thon",
    "session-particles": "/p/particles/session",
    "workflow-particles": "/p/particles/workflow?job=6",
    "pick-form": "/p/particles/workflow?job=3&tab=form",
    "results-classes": "/p/particles/results?job=6",
    "classes": "/p/particles/jobs/6/classes?size=160",
    "class": "/p/particles/jobs/6/classes?class=1",
    "class-plots": "/p/particles/jobs/6/classes?tab=plots",
    "pick-thresholds": "/p/particles/jobs/3/picks",
    "viewer-picks": "/view?project=particles&item=1&view=after&layers=particles",
    "viewer-classes": "/view?project=particles&item=1&view=after&layers=particles&classes=1&job=J6",
}
"""Name of the picture → address."""
EMPTY = """() => [...document.querySelectorAll('canvas')].filter(canvas => {
    const box = canvas.getBoundingClientRect();
    if (!box.width || !box.height || !canvas.width || !canvas.height) return false;
    const drawn = canvas.getContext('2d');
    if (!drawn) return false;  // drawn by the graphics card: its pixels can't be read
    const pixels = drawn.getImageData(0, 0, canvas.width, canvas.height).data;
    for (let at = 3; at < pixels.length; at += 4) if (pixels[at]) return false;
    return true;
}).map(canvas => `${canvas.className || canvas.parentElement.className} ${canvas.width}x${canvas.height}`)"""


@dataclass(frozen=True)
class Shooting:
    """Where pictures go, and what was wrong so far."""

    out: Path
    faults: list[str]

    def take(self, page: Page, name: str, full: bool = False) -> None:
        """Wait until the page is drawn, take its picture, look for empty charts."""
        page.wait_for_load_state("load")
        page.locator(".mantine-Skeleton-root[data-visible], .mantine-Loader-root").first.wait_for(state="hidden")
        if name.startswith("session"):
            page.locator("main canvas").first.wait_for()
        page.wait_for_timeout(SETTLE_MS)
        page.screenshot(path=self.out / f"{name}.png", full_page=full)
        self.faults.extend(f"{name}: empty chart {told}" for told in page.evaluate(EMPTY))
        wide = page.evaluate("document.scrollingElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            self.faults.append(f"{name}: {wide} px wider than the screen")


def make_small(folder: Path, movies: int) -> Path:
    """A session of simulated movies, processed."""
    say(f"simulating and processing {movies} movies …")
    params = SIMULATE.params(movies=movies, size=512, frames=8, symmetry="O", radius=60.0, pixel_size=1.3)
    made = run_batch(SIMULATE, params, [MODEL], folder / "simulated")[0]["outputs"]
    camera = folder / "camera"
    camera.mkdir()
    for number in range(1, movies + 1):
        movie = Path(made[f"movie_{number}"])
        movie.rename(camera / movie.name)
    settings = {
        "pixel_size": 1.3,
        "voltage": 300.0,
        "spherical_aberration": 2.7,
        "dose_per_frame": 1.3,
        "gain": Path(made["gain"]),
    }
    with Project.create(folder / "small", "drift", settings, title="Haemoglobin") as project:
        project.run_template("drift", import__sources=[str(camera)], import__settle_delay=0.0)
        motion = project.job("Correct motion")
        ctf = project.add("ctf", motion, box=512)
        project.add("filter", ctf, expression="fit_resolution < 12", title="Sharp")
        project.run(until="done", workers=0)
        done = ctf.tasks(state="done")
        if len(done) != movies:
            raise RuntimeError(f"{len(done)} of {movies} movies were processed: {project.why()}")
    return folder / "small"


def make_particles(folder: Path, movies: int) -> Path:
    """A session of simulated movies with picks, stacks and 2D classes."""
    say(f"simulating and classifying the particles of {movies} movies …")
    place = folder / "cages"
    place.mkdir()
    made = make_session(place, movies=movies, classes=5)
    return made.rename(folder / "particles")


def shoot(browser: Browser, server: chrome.Server, shooting: Shooting, report: Path) -> None:
    """Every page in every size."""
    first = chrome.open_tab(browser, server)
    cookies = first.context.cookies()
    first.context.close()
    for size, options in SIZES.items():
        with opened(browser, server, cookies, options) as tab:
            for name, address in PAGES.items():
                tab.page.goto(server.base + address)
                shooting.take(tab.page, f"{name}-{size}")
                shooting.faults.extend(f"{name}-{size}: {told}" for told in tab.complaints)
                tab.complaints.clear()
            tab.page.goto(report.as_uri())
            shooting.take(tab.page, f"report-{size}", full=True)
        with opened(browser, server, [], options) as tab:
            tab.page.goto(f"{server.base}/login")
            shooting.take(tab.page, f"login-{size}")
        say(f"{len(PAGES) + 2} pages, {size}")


@contextmanager
def opened(
    browser: Browser, server: chrome.Server, cookies: list[Any], options: dict[str, Any]
) -> Iterator[chrome.Tab]:
    """A tab that is closed afterwards."""
    tab = chrome.open_tab(browser, server, cookies, **options)
    try:
        yield tab
    finally:
        tab.context.close()


def say(text: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """Make the projects, serve them, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    parser.add_argument("--movies", type=int, default=12)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    shooting = Shooting(given.out, [])
    with tempfile.TemporaryDirectory(prefix="vitreous-screenshots-") as name:
        folder = Path(name)
        small = make_small(folder, given.movies)
        make_night(folder / "night", IMAGES, jobs=6)
        report = write_session_report(small, folder / "report.html")
        particles = make_particles(folder, max(3, given.movies // 2))
        served = chrome.served(small, folder / "night", particles, options=("--no-engine",), state=folder / "state")
        with served as server, chrome.browsing() as browser:
            shoot(browser, server, shooting, report)
    for fault in shooting.faults:
        say(fault)
    say(f"{len(list(given.out.glob('*.png')))} pictures in {given.out}, {len(shooting.faults)} faults")
    return 1 if shooting.faults else 0


if __name__ == "__main__":
    sys.exit(main())
