"""One engine in a process of its own: started, asked to end, seen to be gone with all that it had started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from vitreous.store.lock import read_lock
from vitreous.store.lock_state import process_start

RECORD = Path("logs") / "engine-process.json"
"""File of a project that says which engine a server has started there."""
LOG = Path("logs") / "engine.log"
LARGEST_LOG = 5_000_000
"""Bytes from which the log is begun anew; the one before is kept."""


@dataclass(frozen=True)
class EngineOptions:
    """How an engine is to run: run profile; workers and threads other than the profile's."""

    profile: str = "local"
    workers: int | None = None
    threads: int | None = None


@dataclass(frozen=True)
class Record:
    """An engine that a server has started; ``started`` is in the kernel's ticks since boot."""

    host: str
    pid: int
    started: str
    profile: str
    workers: int | None
    threads: int | None

    @property
    def options(self) -> EngineOptions:
        """How it runs."""
        return EngineOptions(self.profile, self.workers, self.threads)


class EngineProcess(Protocol):
    """An engine's process."""

    pid: int

    def wait(self, seconds: float) -> int | None:
        """Its exit code when it has ended (-1 where that is not known), ``None`` after this time."""

    def ask_to_end(self, now: bool) -> None:
        """After what is under way, or at once."""

    def kill(self) -> None:
        """End it, and all that it has started, whatever they do."""


class Child:
    """An engine that this server has started."""

    def __init__(self, folder: Path, options: EngineOptions) -> None:
        self.folder = folder
        log = folder / LOG
        log.parent.mkdir(exist_ok=True)
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            log.replace(log.with_suffix(".before.log"))
        words = [sys.executable, "-P", "-m", "vitreous.cli.main", "run", "--until", "stopped", "--project", str(folder)]
        for name, value in asdict(options).items():
            words += [] if value is None else [f"--{name}", str(value)]
        with open(log, "ab") as out:
            # In a session of its own: Ctrl-C at the server's terminal reaches the server alone, which asks the engine.
            self._process = subprocess.Popen(
                words,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self.pid = self._process.pid
        record = Record(socket.gethostname(), self.pid, process_start(self.pid) or "", **asdict(options))
        (folder / RECORD).write_text(json.dumps(asdict(record), indent=1) + "\n")

    def wait(self, seconds: float) -> int | None:
        """See ``EngineProcess``."""
        end = time.monotonic() + seconds
        # Looked at without taking note: as long as the dead process is not let go, nobody else gets its number, so
        # that what is left of its group can be ended safely.
        try:
            while os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
                if time.monotonic() > end:
                    return None
                time.sleep(0.05)
        except ChildProcessError:  # another thread has let it go, and has ended its group
            return self._process.wait()
        self._signal_group(signal.SIGTERM)
        time.sleep(0.1)
        self._signal_group(signal.SIGKILL)
        code = self._process.wait()
        with contextlib.suppress(OSError):
            (self.folder / RECORD).unlink(missing_ok=True)
        return code

    def ask_to_end(self, now: bool) -> None:
        """See ``EngineProcess``."""
        # Before it holds the project it has begun nothing, and may not listen to Ctrl-C yet.
        owner = read_lock(self.folder).owner
        holds = owner is not None and owner.pid == self.pid
        self._process.send_signal(signal.SIGINT if holds and not now else signal.SIGTERM)

    def kill(self) -> None:
        """See ``EngineProcess``."""
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


class Adopted:
    """An engine that another server has started which is gone; it is known by its number and the time of its start."""

    def __init__(self, folder: Path, record: Record) -> None:
        self.folder, self.pid, self._started = folder, record.pid, record.started

    def wait(self, seconds: float) -> int | None:
        """See ``EngineProcess``."""
        end = time.monotonic() + seconds
        while self._lives():
            if time.monotonic() > end:
                return None
            time.sleep(0.2)
        # Whether it ended well is known from the lock: who ends well gives it back.
        return 0 if read_lock(self.folder).state == "free" else -1

    def ask_to_end(self, now: bool) -> None:
        """See ``EngineProcess``."""
        self._signal(signal.SIGTERM if now else signal.SIGINT)

    def kill(self) -> None:
        """See ``EngineProcess``."""
        if self._lives():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._lives():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _lives(self) -> bool:
        return process_start(self.pid) == self._started


def engine_left_behind(folder: Path) -> Record | None:
    """The engine that a server which is gone has started here and that still holds the project, if there is one."""
    try:
        record = Record(**json.loads((folder / RECORD).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    state = read_lock(folder)
    owner = state.owner
    if owner is None or not state.held or (owner.host, owner.pid) != (record.host, record.pid):
        return None
    if record.host != socket.gethostname() or not record.started or process_start(record.pid) != record.started:
        return None
    return record


def log_tail(folder: Path, lines: int = 40) -> list[str]:
    """The newest lines of the engine's log."""
    try:
        with open(folder / LOG, "rb") as handle:
            handle.seek(max(0, os.fstat(handle.fileno()).st_size - 200 * lines))
            return handle.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []
