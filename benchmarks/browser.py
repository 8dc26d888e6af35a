"""A served project in headless Chromium: for end-to-end tests, benchmarks and pictures.

The server is the real command in a process of its own, on loopback; it ends with the block that opened it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

START_SECONDS = 60.0
END_SECONDS = 60.0
LINK = re.compile(r"(http://[^/\s]+)/open\?token=\S+")


@dataclass(frozen=True)
class Server:
    """A running server: its address, the link that signs one in, its process."""

    base: str
    link: str
    process: subprocess.Popen[str]


def chromium() -> str | None:
    """The program, ``None`` where it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def served(*projects: Path, options: Sequence[str] = (), state: Path | None = None) -> Iterator[Server]:
    """``vitreous serve`` of these projects on a free port.

    Args:
        projects: folders.
        options: more words of the command.
        state: folder for what the server remembers; that of the user unless given.
    """
    words = [
        str(Path(sys.executable).with_name("vitreous")),
        "serve",
        *map(str, projects),
        "--no-browser",
        "--port",
        "0",
    ]
    environment = {**os.environ, **({"XDG_STATE_HOME": str(state)} if state else {})}
    with tempfile.TemporaryFile("w+") as told:  # a pipe that nobody reads would stop the server when it is full
        process = subprocess.Popen([*words, *options], stdout=told, stderr=told, text=True, env=environment)
        try:
            link = _link_of(process, told)
            found = LINK.match(link)
            assert found is not None
            yield Server(found[1], link, process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _tell_faults(told)


def _tell_faults(told: IO[str]) -> None:
    """What the server logged as a fault of its own, where a failed test shows it."""
    text = os.pread(told.fileno(), 1_000_000, 0).decode(errors="replace")
    if "Traceback" in text:
        print(text[max(0, text.index("Traceback") - 500) :][:20_000], file=sys.stderr)


def _link_of(process: subprocess.Popen[str], told: IO[str]) -> str:
    """The link that the server prints; its words until then are told when it ends without one."""
    text, end = "", time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        text = os.pread(told.fileno(), 100_000, 0).decode()
        found = LINK.search(text)
        if found:
            return found[0]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {text}")


@contextmanager
def browsing() -> Iterator[Browser]:
    """Headless Chromium."""
    from playwright.sync_api import sync_playwright

    program = chromium()
    if program is None:
        raise RuntimeError("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path=program, args=options)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True)
class Tab:
    """An open page that is signed in, and what it complained of."""

    page: Page
    context: BrowserContext
    complaints: list[str]


def open_tab(browser: Browser, server: Server, cookies: list[Any] | None = None, **options: Any) -> Tab:
    """A new page: signed in by the link, or by the cookies of an earlier one.

    Args:
        browser: that shows it.
        server: that is asked.
        cookies: ``tab.context.cookies()`` of a page that is signed in; the link works only once.
        options: of the browser's context, such as ``viewport`` or ``color_scheme``.
    """
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
    if cookies is not None:
        context.add_cookies(cookies)
    page = context.new_page()
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{message.text} ({message.location.get('url')})")

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(f"{error}"))
    page.goto(server.link if cookies is None else server.base)
    return Tab(page, context, complaints)
