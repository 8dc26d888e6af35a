"""The engines under a server: one process per project, begun anew after a crash, ended with the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.core.words import duration
from vitreous.project.overview import engine_status, holder_record
from vitreous.project.project import ENGINE, Project
from vitreous.store.lock import acquire, read_lock
from vitreous.web.engine_process import (
    Adopted,
    Child,
    EngineOptions,
    EngineProcess,
    engine_left_behind,
    log_tail,
)
from vitreous.web.served import ServedProject

PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
"""s before an engine is started again after its first, second … crash in a row."""
WELL_SECONDS = 300.0
"""s after which an engine that runs has put its crashes behind it."""
END_SECONDS = 30.0
"""s that an engine which is to end at once gets before it is killed."""
REFUSED = 2
"""Exit code of a command that was refused: trying again gives the same."""


class Keeper:
    """Keeps the engine of one project running, in a thread of its own, until it is asked to end.

    Attributes:
        options: how the engine runs.
        state: ``starting``, ``running``, ``stopping``, ``pausing`` (after a crash), ``stopped``, ``refused``.
        crashes: in a row.
        next_try: s since 1970, while it pauses.
        last: what is to be told of the last end.
    """

    def __init__(self, folder: Path, options: EngineOptions, adopted: EngineProcess | None, log: Callable[[str], None]):
        self.folder, self.options = folder, options
        self.state = "running" if adopted is not None else "starting"
        self.crashes = 0
        self.next_try: float | None = None
        self.last: str | None = None
        self._log = log
        self._process = adopted
        self._ending = threading.Event()
        self._now = False
        self._killed_at: float | None = None
        self._thread = threading.Thread(target=self._keep, name=f"engine of {folder.name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether there is an engine, or will be one by itself."""
        return self._thread.is_alive()

    @property
    def pid(self) -> int | None:
        """Number of its process."""
        return None if self._process is None else self._process.pid

    def end(self, now: bool) -> None:
        """Have the engine end after what is under way, or at once."""
        first = not self._ending.is_set()
        harder = now and not self._now
        self._now = self._now or now
        self._ending.set()
        if self.alive:
            self.state = "stopping"
        process = self._process
        if process is not None and (first or harder):
            process.ask_to_end(self._now)
            self._killed_at = time.monotonic() + END_SECONDS if self._now else None

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def _keep(self) -> None:
        while not self._ending.is_set():
            began = time.monotonic()
            code = self._run_once()
            if self._ending.is_set():
                break
            if code == 0:
                self._over("stopped", "it was stopped")
                return
            if code == REFUSED:
                self._over("refused", " ".join(log_tail(self.folder, 1)) or "it was refused")
                return
            self.crashes = 1 if time.monotonic() - began > WELL_SECONDS else self.crashes + 1
            self._pause(code)
        self._over("stopped", None)

    def _run_once(self) -> int | None:
        """Start an engine (unless there is one) and wait for its end; its exit code."""
        try:
            if self._process is None:
                self.state = "starting"
                self._process = Child(self.folder, self.options)
                self._log(f"engine of {self.folder}: process {self._process.pid} starts")
                if self._ending.is_set():  # while it was being started
                    self._process.ask_to_end(self._now)
        except OSError as error:
            self.last = f"it can't be started: {error}"
            return None
        while (code := self._process.wait(0.5)) is None:
            if not self._ending.is_set():
                held = read_lock(self.folder)
                holds = held.owner is not None and held.owner.pid == self._process.pid
                self.state = "running" if holds else "starting"
            elif self._killed_at is not None and time.monotonic() > self._killed_at:
                self._process.kill()
        self._log(f"engine of {self.folder}: process {self._process.pid} has ended with {code}")
        self.last = f"it ended with code {code}" if code >= 0 else f"signal {-code} ended it"
        self._process = None
        return code

    def _pause(self, code: int | None) -> None:
        seconds = PAUSES[min(self.crashes, len(PAUSES)) - 1]
        self.state, self.next_try = "pausing", time.time() + seconds
        self._ending.wait(seconds)
        self.next_try = None

    def _over(self, state: str, told: str | None) -> None:
        self.state, self.last = state, told


class Engines:
    """The engines that a server looks after, by project.

    Args:
        options: how engines run unless told otherwise.
        log: told what happens, a line each.
    """

    def __init__(self, options: EngineOptions | None = None, log: Callable[[str], None] = lambda line: None) -> None:
        self.options = options or EngineOptions()
        self._log = log
        self._keepers: dict[Path, Keeper] = {}
        self._lock = threading.RLock()
        self._closing = False

    def start(self, project: ServedProject, options: EngineOptions | None = None) -> None:
        """Start an engine for a project, or take over the one that a server which is gone has left there.

        Raises:
            UsageError: somebody else runs the project, or its lock was left behind on another host.
        """
        folder = project.folder
        with self._lock:
            keeper = self._keepers.get(folder)
            if self._closing or (keeper is not None and keeper.alive):
                raise UsageError(f"the engine of {folder} is there already", hint="Stop it first to start another one")
            left = engine_left_behind(folder)
            if left is not None:
                self._log(f"engine of {folder}: process {left.pid} of a server that is gone is taken over")
                self._keepers[folder] = Keeper(folder, left.options, Adopted(folder, left), self._log)
                return
            held = read_lock(folder)
            if held.held and (held.owner is None or held.owner.command == ENGINE):
                raise UsageError(f"{folder} is run by {held.owner}: {held.reason}", hint="Stop that engine first")
            if held.state == "stale" and not held.same_host:
                raise UsageError(
                    f"{folder} was held by {held.owner}, and seems abandoned: {held.reason}",
                    hint="Make sure that it no longer runs there; then free the project (Unlock)",
                    stale=True,
                )
            self._keepers[folder] = Keeper(folder, options or self.options, None, self._log)

    def stop(self, project: ServedProject, now: bool, author: str) -> None:
        """Ask the engine of a project to end, whoever has started it.

        Raises:
            UsageError: no engine runs.
        """
        with self._lock:
            keeper = self._keepers.get(project.folder)
            if keeper is not None and keeper.alive:
                keeper.end(now)
                return
        with Project(project.folder) as found:
            if not found.engine_holds():
                raise UsageError("no engine runs this project", hint="There is nothing to stop")
            found.act("stop_engine", now=now, author=author)

    def unlock(self, project: ServedProject) -> None:
        """Take away a lock whose holder is gone.

        Raises:
            UsageError: its holder lives, or nobody holds the project.
        """
        state = read_lock(project.folder)
        if state.state != "stale":
            reason = "nobody holds it" if state.state == "free" else f"{state.owner} lives: {state.reason}"
            raise UsageError(f"{project.folder}: {reason}", hint="There is nothing to unlock; stop a living engine")
        acquire(project.folder, "unlock", take_over=True).release()

    def told(self, folder: Path) -> dict[str, Any]:
        """What this server does about a project's engine, in a few words that change only when that does."""
        keeper = self._keepers.get(folder)
        if keeper is None:
            return {"state": None, "profile": None, "crashes": 0, "next_try": None, "last": None}
        return {
            "state": keeper.state,
            "profile": keeper.options.profile,
            "crashes": keeper.crashes,
            "next_try": keeper.next_try,
            "last": keeper.last,
        }

    def describe(self, project: ServedProject) -> dict[str, Any]:
        """All that is known of the engine of a project; JSON-able."""
        held, status = engine_status(project.folder)
        keeper = self._keepers.get(project.folder)
        mine = keeper is not None and keeper.alive
        holder = holder_record(held)
        own = mine and keeper is not None and (held.owner is None or held.owner.pid == keeper.pid)
        state, sentence = _sentence(holder, keeper if mine or holder["state"] == "free" else None, own)
        options = None if keeper is None or not mine else keeper.options
        return {
            "state": state,
            "sentence": sentence,
            "holder": holder["owner"],
            "lock": holder["state"],
            "since": holder["since"],
            "mine": own,
            "profile": None if options is None else options.profile,
            "workers": [] if status is None else [dict(worker) for worker in status.workers],
            "running": 0 if status is None else len(status.running),
            "conditions": {} if status is None else dict(status.conditions),
            "crashes": 0 if keeper is None else keeper.crashes,
            "next_try": None if keeper is None else keeper.next_try,
            "log": log_tail(project.folder),
        }

    def begin_end(self, now: bool) -> None:
        """Ask all engines to end, without waiting; none is started any more."""
        with self._lock:
            self._closing = True
            keepers = list(self._keepers.values())
        for keeper in keepers:
            if keeper.alive:
                keeper.end(now)

    def close(self, now: bool = False) -> None:
        """End all engines and wait for them."""
        self.begin_end(now)
        for keeper in list(self._keepers.values()):
            keeper.join()

    def forget(self, project: ServedProject) -> None:
        """The project is served no longer: its engine is asked to end, and waited for when the server ends."""
        keeper = self._keepers.get(project.folder)
        if keeper is not None and keeper.alive:
            keeper.end(now=False)

    @property
    def alive(self) -> list[str]:
        """Names of the projects whose engines are still there."""
        return [folder.name for folder, keeper in self._keepers.items() if keeper.alive]


def _sentence(holder: Mapping[str, Any], keeper: Keeper | None, own: bool) -> tuple[str, str]:
    """State and sentence for people."""
    if keeper is not None and (own or holder["state"] != "held"):
        if keeper.state == "pausing":
            wait = duration(max(0.0, (keeper.next_try or time.time()) - time.time()))
            return "pausing", f"The engine crashed ({keeper.last}); it is started again in {wait}."
        if keeper.state == "refused":
            return "refused", f"The engine could not begin: {keeper.last}"
        if keeper.state in ("starting", "running", "stopping"):
            words = {"starting": "starts", "running": "runs", "stopping": "ends after what is under way"}
            return keeper.state, f"The engine {words[keeper.state]}, started by this server."
    if holder["state"] == "held":
        return "elsewhere", f"The project is run by {holder['owner'] or 'another process'}: {holder['reason']}."
    if holder["state"] == "stale":
        return "stale", f"{holder['owner'] or 'A process'} held the project and is gone: {holder['reason']}."
    return "stopped", "No engine runs this project: what is new waits."
