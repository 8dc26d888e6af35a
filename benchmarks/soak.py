"""Kill a session at random moments, and compare what it leaves with the session that nobody disturbed.

A simulated camera writes movies while an engine imports, corrects, measures and filters them, and two user scripts
write down when they begin. SIGKILL hits the engine, one of its workers, or all of its processes at once; the engine is
started again. Each kill waits for a phase (start, import, work, publish, commit, or any moment) and is told with what
it hit: the processes are stopped before they are killed, so that one can look at what they were doing.

    python benchmarks/soak.py --movies 200 --kills 20 --folder bench/soak
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

import soak_compare
import soak_look
import soak_session
from vitreous.acquisition.simulate_camera import Shot, run_camera
from vitreous.core.errors import VitreousError
from vitreous.project.project import Project

Phase = Literal["start", "import", "work", "publish", "commit", "any"]
Target = Literal["engine", "worker", "all"]
ENGINE = "import sys; from vitreous.project.project import Project; Project(sys.argv[1]).run(until='closed', workers=2)"
CYCLE: tuple[tuple[Phase, Target], ...] = (
    ("start", "engine"), ("start", "all"), ("start", "all"), ("import", "engine"), ("import", "all"),
    ("import", "engine"), ("work", "engine"), ("work", "worker"), ("work", "all"), ("work", "worker"),
    ("publish", "engine"), ("publish", "worker"), ("publish", "all"), ("commit", "engine"), ("commit", "all"),
    ("commit", "engine"), ("any", "engine"), ("any", "worker"), ("any", "all"), ("any", "engine"),
)  # fmt: skip
"""Phases and targets of the kills; their order is shuffled."""
PATIENCE = 30.0
"""s to wait for a phase; then the kill comes anyhow."""


@dataclass(frozen=True)
class Kill:
    """One kill: what was waited for, who was hit, and what was going on at that moment."""

    phase: Phase
    target: Target
    seconds: float
    came: bool
    seen: dict[str, int]


@dataclass
class Soak:
    """One soak in a folder: the camera's movies, the disturbed project, the undisturbed one."""

    folder: Path
    movies: int = 60
    kills: int = 20
    seed: int = 1
    transfer: Literal["copy", "move", "link"] = "copy"
    size: int = 256
    frames: int = 6
    cycle: Sequence[tuple[Phase, Target]] = CYCLE
    say: Callable[[str], None] = lambda text: None
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    done: list[Kill] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def project(self) -> Path:
        """The disturbed project."""
        return self.folder / "disturbed"

    @property
    def camera(self) -> Path:
        """Where the camera writes."""
        return self.folder / "camera"

    def run(self) -> list[str]:
        """Do all of it; returns what is wrong (nothing, if all is well)."""
        pool = soak_session.make_movies(self.folder / "pool", self.movies, self.size, self.frames)
        soak_session.make_project(self.project, self.camera, self.transfer)
        stop, over = threading.Event(), threading.Event()
        camera = threading.Thread(target=self._camera, args=(pool, stop, over), name="camera")
        camera.start()
        try:
            self._finish(self._disturb(), over)
        finally:
            stop.set()
            camera.join()
            self.kill_all()
        self.faults += [f"process {pid} is left" for pid in self._processes()]
        calm = self._calm(pool)
        self.faults += soak_compare.leftovers(self.project)
        self.faults += soak_compare.differences(self.project, calm)
        for folder in (self.project, calm):
            self.faults += soak_compare.ledger_faults(folder, self.movies, folder.with_suffix(".runs"))
        return self.faults

    # -- the camera ----------------------------------------------------------------------------------------------------

    def _camera(self, pool: Sequence[Path], stop: threading.Event, over: threading.Event) -> None:
        """Write the movies in step with the kills, so that each kill finds something to do."""

        def shots() -> Iterator[Shot]:
            for number, path in enumerate(pool):
                while number >= (len(self.done) + 2) * self.movies / self.kills and not stop.is_set():
                    stop.wait(0.05)
                yield Shot(path.name, path)

        run_camera(shots(), self.camera, interval=0.05, writing_time=0.2, portions=5, stop=stop)
        over.set()

    # -- the engine ----------------------------------------------------------------------------------------------------

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """Start the engine of a project in a process of its own."""
        run = self.folder / "run"
        run.mkdir(mode=0o700, exist_ok=True)
        environment = {
            **os.environ,
            soak_look.MARK: self.mark,
            "SOAK_LOG": str(folder.with_suffix(".runs")),
            "XDG_RUNTIME_DIR": str(run),
            "OMP_NUM_THREADS": "1",
        }
        with open(folder.with_suffix(".log"), "ab") as log:
            command = [sys.executable, "-c", ENGINE, str(folder)]
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def _processes(self, patience: float = 10.0) -> list[int]:
        """Processes of the soak that are still there when they have had time to end."""
        end = time.monotonic() + patience
        while (found := soak_look.marked(self.mark)) and time.monotonic() < end:
            time.sleep(0.1)
        return found

    def kill_all(self) -> None:
        """SIGKILL whatever is left of the engines."""
        for pid in soak_look.marked(self.mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # -- kills ---------------------------------------------------------------------------------------------------------

    def _disturb(self) -> subprocess.Popen[bytes] | None:
        """All kills; returns the engine that is left of them, which may be dead."""
        chance = random.Random(self.seed)
        plan = [self.cycle[number % len(self.cycle)] for number in range(self.kills)]
        chance.shuffle(plan)
        while any(before[1] == "worker" and after[0] == "start" for before, after in pairwise(plan)):
            chance.shuffle(plan)  # an engine that lives can't be hit while it starts
        engine: subprocess.Popen[bytes] | None = None
        for number, (phase, target) in enumerate(plan):
            if engine is None or engine.poll() is not None:
                if engine is not None and engine.returncode != -signal.SIGKILL:
                    self.faults.append(f"the engine ended by itself with code {engine.returncode}")
                engine = self.start(self.project)
            began = time.monotonic()
            came = self._wait_for(phase, chance, engine)
            seen = self._hit(engine, target)
            self.done.append(Kill(phase, target, round(time.monotonic() - began, 2), came, seen))
            self.say(f"kill {number + 1}: {self.done[-1]}")
            time.sleep(chance.uniform(0.0, 0.3))
        return engine

    def _wait_for(self, phase: Phase, chance: random.Random, engine: subprocess.Popen[bytes]) -> bool:
        """Wait until the engine is in a phase; whether it came to that in time."""
        end = time.monotonic() + PATIENCE
        if phase == "start":
            time.sleep(chance.uniform(0.05, 2.0))
            return True
        ready = self._watcher_of(phase)
        while time.monotonic() < end and engine.poll() is None:
            if ready():
                if phase == "any":
                    time.sleep(chance.uniform(0.0, 3.0))
                return True
            time.sleep(0.001)
        return False

    def _watcher_of(self, phase: Phase) -> Callable[[], bool]:
        movies, staging = self.project / "movies" / "J1", self.project / "jobs" / ".staging"
        # What a killed engine left is still there; only what is new tells of this one.
        if phase == "import":
            copies = soak_look.marks(movies)
            return lambda: any(name.endswith(".part") for name, _ in soak_look.marks(movies) - copies)
        if phase in ("work", "any"):
            growing = soak_look.marks(staging)
            return lambda: bool(soak_look.marks(staging) - growing)
        if phase == "publish":
            before = soak_look.published(self.project)
            return lambda: bool(soak_look.published(self.project) - before)
        return self._commit_watcher()

    def _commit_watcher(self) -> Callable[[], bool]:
        """Sees the catalogue's log grow while results are there that it did not know."""
        wal = self.project / "project.db-wal"
        before, stamp = soak_look.published(self.project), soak_look.stamp_of(wal)

        def written() -> bool:
            nonlocal stamp
            now, last = soak_look.stamp_of(wal), stamp
            if not soak_look.published(self.project) - before:
                stamp = now
                return False
            return now != last

        return written

    def _hit(self, engine: subprocess.Popen[bytes], target: Target) -> dict[str, int]:
        """Stop the victims, look at what they were doing, and kill them."""
        if target == "all":
            victims = soak_look.marked(self.mark)
        elif target == "engine":
            victims = [engine.pid]
        else:
            victims = soak_look.workers(self.mark)[:1]
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        seen = soak_look.look(self.project)
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if engine.pid in victims:
            engine.wait()
        return seen

    # -- the end -------------------------------------------------------------------------------------------------------

    def _finish(self, engine: subprocess.Popen[bytes] | None, over: threading.Event) -> None:
        """Let the engine, or one more, do the rest."""
        if engine is None or engine.poll() is not None:
            engine = self.start(self.project)
        end = time.monotonic() + 60.0 + 3.0 * self.movies
        project = Project(self.project)
        asked = late = False
        while engine.poll() is None and time.monotonic() < end:
            if over.is_set() and not asked and soak_look.imported(self.project) == self.movies:
                with contextlib.suppress(VitreousError):
                    project.act("close_source", job=1)
                    asked = True
            if not late and any(
                name.startswith("set-") for name in soak_look.listed(self.project / "jobs" / ".staging")
            ):
                late = True
                self.done.append(Kill("work", "all", 0.0, True, self._hit(engine, "all")))
                engine = self.start(self.project)
            time.sleep(0.2)
        project.close()
        if not late:
            self.faults.append("the job on the whole set was not seen, so it was not killed")
        if engine.poll() != 0:
            state = "does not end" if engine.poll() is None else f"ended with code {engine.returncode}"
            self.faults.append(f"the last engine {state}: {Project(self.project).why()}")

    def _calm(self, pool: Sequence[Path]) -> Path:
        """The same session without a disturbance."""
        folder = self.folder / "calm"
        if self.transfer == "move":  # the disturbed session has emptied the camera's folder
            self.faults += [f"{name} is left at the camera" for name in soak_look.listed(self.camera)]
            for path in pool:
                shutil.copy2(path, self.camera)
        soak_session.make_project(folder, self.camera, self.transfer, timeout=10.0)
        engine = self.start(folder)
        try:
            if engine.wait(60.0 + 3.0 * self.movies):
                self.faults.append(f"the undisturbed engine ended with code {engine.returncode}")
        except subprocess.TimeoutExpired:
            self.faults.append(f"the undisturbed engine does not end: {Project(folder).why()}")
            self.kill_all()
        return folder


def main() -> int:
    """Soak, and tell what was hit and what is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--movies", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--transfer", choices=("copy", "move", "link"), default="copy")
    parser.add_argument("--folder", type=Path, help="kept; a temporary one unless given")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder = options.folder or Path(temporary)
        for name in ("camera", "disturbed", "calm"):
            shutil.rmtree(folder / name, ignore_errors=True)
        soak = Soak(folder.absolute(), options.movies, options.kills, options.seed, options.transfer, say=print)
        faults = soak.run()
        print(json.dumps([asdict(kill) for kill in soak.done], indent=1))
        print(f"hit: {dict(Counter(name for kill in soak.done for name in kill.seen))}")
        print(f"{options.movies} movies, {len(soak.done)} kills, {time.monotonic() - began:.0f} s")
        print("\n".join(faults) or "equal to the undisturbed session; nothing is left; nothing was done twice")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
