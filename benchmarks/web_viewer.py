"""Measure how soon an image is seen: ms from the page's request for it to its pixels on the screen, in Chromium.

``python benchmarks/web_viewer.py [IMAGE] [--static FOLDER]``: cold is the first image of a new server, warm the same
image once more, other the first look at another image in a server that has shown one. The server's CPU time is given
beside, because the machine may be busy.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import measuring
from browser import browsing
from vitreous.formats.mrc_write import write_mrc

LIMIT = 250.0
"""ms"""
PATIENCE = 60.0
"""s"""
SHAPE = (3710, 3838)
MARKS = """() => { const at = (name) => performance.getEntriesByName(name)[0]?.startTime;
    return at("image-drawn") === undefined ? null
        : [at("image-asked"), at("image-there"), at("image-drawn")]; }"""


@dataclass(frozen=True)
class Seen:
    """ms from the request to the bytes, and to the pixels; ms of the server's CPU in that time."""

    bytes: float
    pixels: float
    cpu: float


@contextlib.contextmanager
def serving(files: list[Path], static: Path) -> Iterator[tuple[str, int]]:
    """A new server of these files: its link, and the number of its process."""
    command = [sys.executable, __file__, "--serve", "--static", str(static), *map(str, files)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.kill()
        process.wait(20)


def serve(files: list[Path], static: Path) -> None:
    """Be the server, and print its link."""
    import uvicorn

    from vitreous.web.server import addresses, listen
    from vitreous.web.view_server import view_app, warm_up

    app, accounts = view_app(files, static)
    listener = listen("127.0.0.1", 0)
    _, link = addresses(listener, "127.0.0.1", accounts.new_link())
    warm_up(files[0])
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    threading.Timer(1.0, lambda: print(link, flush=True)).start()
    server.run(sockets=[listener])


def cpu_of(pid: int) -> float:
    """ms of CPU that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1000.0 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def look(page: Any, address: str, pid: int) -> Seen:
    """Open the viewer with an image, and read when it was asked for and seen."""
    before = cpu_of(pid)
    page.goto(address)
    end = time.monotonic() + PATIENCE
    while (marks := page.evaluate(MARKS)) is None:  # the page's policy lets no text be run as a program in it
        if time.monotonic() > end:
            raise TimeoutError(f"{address} shows no image within {PATIENCE} s")
        page.wait_for_timeout(20)
    asked, there, drawn = marks
    return Seen(there - asked, drawn - asked, cpu_of(pid) - before)


def measure(files: list[Path], static: Path, rounds: int) -> dict[str, list[Seen]]:
    """Cold, warm and another image, each several times."""
    found: dict[str, list[Seen]] = {"cold": [], "warm": [], "other": []}
    with browsing() as browser:
        for _ in range(rounds):
            with serving(files, static) as (link, pid):
                page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
                base = link.partition("/open")[0]
                page.goto(f"{link}&next=/nothing.txt")  # signed in; nothing of the viewer is loaded yet
                found["cold"].append(look(page, f"{base}/view?file=0", pid))
                found["warm"].append(look(page, f"{base}/view?file=0&again", pid))
                found["other"].append(look(page, f"{base}/view?file=1", pid))
                page.context.close()
    return found


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--static", type=Path, default=measuring.ROOT / "src" / "vitreous" / "web" / "static")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        return serve(given.files, given.static)
    with tempfile.TemporaryDirectory() as scratch:
        made = [Path(scratch) / f"{name}.mrc" for name in ("first", "second")]
        for number, path in enumerate(made):
            noise = np.random.default_rng(number).normal(40.0, 6.0, SHAPE).astype(np.float32)
            write_mrc(path, noise, pixel_size=0.83)
        found = measure([*given.files, *made][:2], given.static, given.rounds)
    results: dict[str, Any] = {
        "machine": measuring.machine(),
        "image": f"{SHAPE[1]} x {SHAPE[0]} float32",
        "limit_ms": LIMIT,
    }
    for name, seen in found.items():
        pixels = [round(one.pixels, 1) for one in seen]
        results[name] = {
            "pixels_ms": statistics.median(pixels),
            "pixels_ms_all": pixels,
            "bytes_ms": round(statistics.median(one.bytes for one in seen), 1),
            "server_cpu_ms": round(statistics.median(one.cpu for one in seen), 1),
        }
        print(f"{name:6s} {results[name]}{'' if statistics.median(pixels) <= LIMIT else '  OVER'}")
    print(measuring.write_results("web_viewer", results["machine"]["cpu"], results))
    return None


if __name__ == "__main__":
    main()
