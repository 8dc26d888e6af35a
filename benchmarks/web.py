"""Measure the pages in a browser: a project of 100,000 images and 1,000 jobs, served and looked at on loopback.

Prints and keeps: when each page first shows something useful, how long a sort and a filter take from the key to the
screen, how long an event takes from the catalogue to the screen, the server's memory, the size of the page's program.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measuring
from browser import Server, Tab, browsing, open_tab, served
from night import make_night

STATIC = Path(__file__).parents[1] / "src" / "vitreous" / "web" / "static"

FIRST_ROW = "[role='grid'] [role='rowgroup'] [role='row']"
"""The images that the library shows, the first first."""

PAGES = {
    "session": "[role='status'][data-state] h1",
    "library": FIRST_ROW,
    "workflow": ".react-flow__node, main [role='gridcell'], main tbody td",
    "queue": "main [role='tabpanel']",
}
"""Page → what shows that it has something useful to show."""

LIMITS = {"first paint": 1000.0, "sort": 200.0, "filter": 200.0, "event": 1000.0, "memory": 500.0, "bundle": 700.0}
"""ms, MB, kB."""

WATCH = """(selector) => {
  const look = () => {
    if (document.querySelector(selector)) requestAnimationFrame(() => { window.__ready = performance.now(); });
    else requestAnimationFrame(look);
  };
  look();
}"""


def first_paints(tab: Tab, server: Server, key: str, repeats: int) -> dict[str, list[float]]:
    """Page → ms from the request of the page to something useful on the screen, in fresh loads."""
    found: dict[str, list[float]] = {}
    for page, selector in PAGES.items():
        for _ in range(repeats):
            fresh = tab.context.new_page()
            fresh.add_init_script(f"({WATCH})({json.dumps(selector)})")
            fresh.goto(f"{server.base}/p/{key}/{page}")
            fresh.locator(selector).first.wait_for(timeout=30_000)
            while (ready := fresh.evaluate("window.__ready ?? null")) is None:
                fresh.wait_for_timeout(100)
            found.setdefault(page, []).append(float(ready))
            fresh.close()
    return found


def until_changed(tab: Tab, selector: str, do: Callable[[], None]) -> float:
    """ms from an action to another text in the first element of a selector, painted."""
    tab.page.evaluate(
        """(selector) => { const before = document.querySelector(selector)?.textContent; window.__changed = null;
        window.__acted = null;
        const act = () => { window.__acted ??= performance.now(); };
        for (const kind of ['click', 'keydown']) document.addEventListener(kind, act, {capture: true, once: true});
        const look = () => { const now = document.querySelector(selector)?.textContent;
          if (window.__acted !== null && now !== undefined && now !== before) requestAnimationFrame(() => {
            window.__changed = performance.now() - window.__acted; });
          else requestAnimationFrame(look); }; look(); }""",
        selector,
    )
    do()
    tab.page.wait_for_function("window.__changed !== null", timeout=20_000)
    return float(tab.page.evaluate("window.__changed"))


def peak_memory(pid: int) -> float:
    """MB that the process has held at most."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1e3


def bundle() -> dict[str, float]:
    """kB of the program, compressed: what every page loads, and each part that is loaded when it is needed."""
    index = (STATIC / "index.html").read_text()
    first = set(re.findall(r'(?:src|href)="/(assets/[^"]+)"', index))
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 6)) / 1e3 for path in (STATIC / "assets").iterdir()}
    entry = sum(size for name, size in sizes.items() if f"assets/{name}" in first)
    return {"entry": round(entry, 1), "all": round(sum(sizes.values()), 1)}


def report(name: str, values: list[float] | float, unit: str, limit: float | None) -> dict[str, Any]:
    """Print one figure, and give it as it is kept."""
    listed = values if isinstance(values, list) else [values]
    middle = statistics.median(listed)
    mark = "" if limit is None else f"  (limit {limit:g})" + ("" if middle <= limit else "  OVER")
    print(f"{name:32s} {middle:8.1f} {unit}  [{min(listed):.1f} – {max(listed):.1f}]{mark}")
    return {"median": round(middle, 1), "values": [round(value, 1) for value in listed], "unit": unit, "limit": limit}


def sort_and_filter(tab: Tab, server: Server, key: str, repeats: int) -> dict[str, list[float]]:
    """ms from a click on a column's head, or from a saved condition, to other rows on the screen."""
    found: dict[str, list[float]] = {"sort": [], "filter": []}
    page = tab.page
    page.goto(f"{server.base}/p/{key}/library")
    page.locator(FIRST_ROW).first.wait_for()
    for number in range(repeats):
        for column in ("iciness", "drift total"):
            button = page.get_by_role("button", name=f"Sort by {column}", exact=True)
            found["sort"].append(until_changed(tab, FIRST_ROW, button.click))
        page.goto(f"{server.base}/p/{key}/library")
        page.locator(FIRST_ROW).first.wait_for()
        box = page.get_by_role("combobox", name="Condition")
        box.fill(f"iciness > {1.0 + 0.01 * number}")
        page.wait_for_timeout(1500)  # a person who has typed reads how many fit
        found["filter"].append(until_changed(tab, FIRST_ROW, lambda box=box: box.press("Enter")))
    return found


def event_to_screen(tab: Tab, server: Server, key: str, repeats: int) -> list[float]:
    """ms from the request of somebody else's change (a flag) to its count on the screen."""
    page, found = tab.page, []
    page.goto(f"{server.base}/p/{key}/library")
    count = page.get_by_role("button", name=re.compile("flagged blue"))
    count.wait_for()
    page.wait_for_timeout(1500)
    for number in range(repeats):
        before = count.inner_text()
        found.append(
            page.evaluate(
                """async ([key, id, before]) => {
                  const me = await (await fetch('/api/me')).json();
                  const button = [...document.querySelectorAll('button')].find(b => b.innerText === before);
                  const start = performance.now();
                  const seen = new Promise((done) => {
                    const told = () => done(performance.now() - start);
                    const look = () => requestAnimationFrame(button.innerText !== before ? told : look);
                    look();
                  });
                  await fetch(`/api/projects/${key}/actions/flag_items`, {method: 'POST',
                    headers: {'Content-Type': 'application/json', 'X-Vitreous-CSRF': me.csrf},
                    body: JSON.stringify({selection: {ids: [id]}, flag: 'blue'})});
                  return seen; }""",
                [key, 1000 + number, before],
            )
        )
    return [float(value) for value in found]


def measure(folder: Path, images: int, jobs: int, repeats: int) -> dict[str, Any]:
    """All figures of a project of this size."""
    project = folder / f"night-{images}-{jobs}"
    if not (project / "project.db").is_file():
        print(f"writing a project of {images} images and {jobs} jobs …")
        make_night(project, images, jobs=jobs)
    found: dict[str, Any] = {}
    with served(project, options=("--no-engine",), state=folder / "state") as server, browsing() as browser:
        tab = open_tab(browser, server, bypass_csp=True)  # what is measured is asked by text
        tab.page.wait_for_timeout(2000)
        key = tab.page.evaluate("fetch('/api/projects').then(r => r.json()).then(l => l[0].key)")
        for page, values in first_paints(tab, server, key, repeats).items():
            found[f"first paint, {page}"] = report(f"first paint, {page}", values, "ms", LIMITS["first paint"])
        for name, values in sort_and_filter(tab, server, key, repeats).items():
            found[name] = report(f"{name} to the screen", values, "ms", LIMITS[name])
        found["event"] = report(
            "event to the screen", event_to_screen(tab, server, key, repeats), "ms", LIMITS["event"]
        )
        found["memory"] = report("server's memory, at most", peak_memory(server.process.pid), "MB", LIMITS["memory"])
    sizes = bundle()
    found["bundle"] = report("program of the page, compressed", sizes["entry"], "kB", LIMITS["bundle"])
    found["bundle, all parts"] = report("with all parts", sizes["all"], "kB", None)
    return found


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("bench/web"))
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    found = measure(given.folder, given.images, given.jobs, given.repeats)
    record = {"machine": measuring.machine(), "images": given.images, "jobs": given.jobs, "figures": found}
    measuring.write_results("web", measuring.processor(), record)
    over = [
        name for name, figure in found.items() if figure["limit"] is not None and figure["median"] > figure["limit"]
    ]
    print(f"over the limit: {', '.join(over) or 'none'}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
