"""Reports that are being made in processes of their own, so that a server stays small and quick."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vitreous.core.errors import UsageError

Format = Literal["html", "pdf"]
KEPT = 4
"""Finished reports that are kept of a project; the oldest makes room."""
AT_ONCE = 2
"""Reports that are made at once in the whole server; of one project one at a time."""


@dataclass
class Making:
    """One report.

    Attributes:
        id, project, format: which.
        blurred: its images are blurred, for guests.
        path: where it is written.
        state: ``running``, ``done`` or ``failed`` (then ``message`` and ``hint`` say why).
        fraction, what: how far it is.
    """

    id: str
    project: str
    format: Format
    path: Path
    blurred: bool = False
    state: Literal["running", "done", "failed"] = "running"
    fraction: float = 0.0
    what: str = "waiting for its turn"
    message: str | None = None
    hint: str | None = None


class Reports:
    """The reports of a server."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vitreous-report-")
        self._lock = threading.Lock()
        self._made: dict[str, Making] = {}
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def make(self, project: str, folder: Path, format: Format, blurred: bool = False) -> Making:
        """Begin to make a report; one of the same kind that is under way is given again, others wait for their turn."""
        wanted = (project, format, blurred)
        with self._lock:
            for making in self._made.values():
                if (making.project, making.format, making.blurred) == wanted and making.state == "running":
                    return making
            number = secrets.token_hex(6)
            making = Making(number, project, format, Path(self._folder.name) / f"{number}.{format}", blurred)
            self._made[number] = making
            self._forget_old(project)
            turn = self._turns[project]
        command = [sys.executable, "-m", "vitreous.project.session_report", str(folder), str(making.path)]
        command += ["--blurred"] if blurred else []

        def work() -> None:
            with turn, self._free:
                _make(making, command)

        threading.Thread(target=work, name=f"report {number}", daemon=True).start()
        return making

    def _forget_old(self, project: str) -> None:
        ended = [making for making in self._made.values() if making.project == project and making.state != "running"]
        for making in ended[: max(0, len(ended) - KEPT)]:
            making.path.unlink(missing_ok=True)
            del self._made[making.id]

    def get(self, project: str, number: str, guest: bool = False) -> Making:
        """A report by its number; guests get blurred ones only.

        Raises:
            UsageError: there is none in this project (``missing``).
        """
        found = self._made.get(number)
        if found is None or found.project != project or (guest and not found.blurred):
            raise UsageError(f"there is no report {number!r}", hint="Make a new one", missing=True)
        return found

    def done(self, project: str, number: str, guest: bool = False) -> Making:
        """A report that is finished.

        Raises:
            UsageError: it is not.
        """
        found = self.get(project, number, guest)
        if found.state != "done":
            raise UsageError("the report is not finished", hint="Wait until it is, or make a new one")
        return found


def _make(making: Making, command: list[str]) -> None:
    """Start the process, and read what it says of itself until it ends."""
    making.what = "starting"
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError as error:
        making.message, making.hint = f"the report can't be started: {error}", "Try again when the machine is less busy"
        making.state = "failed"
        return
    assert process.stdout is not None
    for line in process.stdout:
        try:
            told = json.loads(line)
        except ValueError:
            continue
        making.fraction = float(told.get("fraction", making.fraction))
        making.what = str(told.get("what", making.what))
        if "message" in told:
            making.message, making.hint = str(told["message"]), str(told.get("hint", ""))
    if process.wait() == 0 and making.path.is_file():
        making.fraction, making.what, making.state = 1.0, "done", "done"
        return
    making.message = making.message or f"making the report ended with code {process.returncode}"
    making.hint = making.hint or "Try vitreous report on the command line, which tells more"
    making.state = "failed"
