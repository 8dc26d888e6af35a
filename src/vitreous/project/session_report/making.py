"""Reports that are being made in processes of their own, so that a server stays small and quick."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vitreous.core.errors import UsageError

Format = Literal["html", "pdf"]
KEPT = 8
"""Reports that are kept; the oldest makes room."""


@dataclass
class Making:
    """One report.

    Attributes:
        id, project, format: which.
        path: where it is written.
        state: ``running``, ``done`` or ``failed`` (then ``message`` and ``hint`` say why).
        fraction, what: how far it is.
    """

    id: str
    project: str
    format: Format
    path: Path
    state: Literal["running", "done", "failed"] = "running"
    fraction: float = 0.0
    what: str = "starting"
    message: str | None = None
    hint: str | None = None
    process: subprocess.Popen[str] | None = field(default=None, repr=False)


class Reports:
    """The reports of a server."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vitreous-report-")
        self._lock = threading.Lock()
        self._made: dict[str, Making] = {}

    def make(self, project: str, folder: Path, format: Format) -> Making:
        """Begin to make a report; one of the same kind that is under way is given again."""
        with self._lock:
            for making in self._made.values():
                if making.project == project and making.format == format and making.state == "running":
                    return making
            number = secrets.token_hex(6)
            making = Making(number, project, format, Path(self._folder.name) / f"{number}.{format}")
            self._made[number] = making
            self._forget_old()
        command = [sys.executable, "-m", "vitreous.project.session_report", str(folder), str(making.path)]
        making.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=_follow, args=(making,), name=f"report {number}", daemon=True).start()
        return making

    def _forget_old(self) -> None:
        ended = [making for making in self._made.values() if making.state != "running"]
        for making in ended[: max(0, len(ended) - KEPT)]:
            making.path.unlink(missing_ok=True)
            del self._made[making.id]

    def get(self, project: str, number: str) -> Making:
        """A report by its number.

        Raises:
            UsageError: there is none in this project (``missing``).
        """
        found = self._made.get(number)
        if found is None or found.project != project:
            raise UsageError(f"there is no report {number!r}", hint="Make a new one", missing=True)
        return found

    def done(self, project: str, number: str) -> Making:
        """A report that is finished.

        Raises:
            UsageError: it is not.
        """
        found = self.get(project, number)
        if found.state != "done":
            raise UsageError("the report is not finished", hint="Wait until it is, or make a new one")
        return found


def _follow(making: Making) -> None:
    """Read what the process says of itself, until it ends."""
    process = making.process
    assert process is not None
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
