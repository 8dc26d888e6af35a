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
from typing import Any, Literal

import numpy as np

import soak_compare
from vitreous.acquisition.simulate_camera import Shot, run_camera
from vitreous.core.errors import VitreousError
from vitreous.formats.tiff_write import TiffStackWriter
from vitreous.project.project import Project

Phase = Literal["start", "import", "work", "publish", "commit", "any"]
Target = Literal["engine", "worker", "all"]
MARK = "SOAK_MARK"
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

NOTE = """#!/bin/sh
# /// vitreous
# title = "Note"
# summary = "Writes down that it began, and gives a number."
# needs = ["micrograph"]
# [gives.note]
# columns.size_of_sum = { kind = "int", unit = "bytes", meaning = "size of the micrograph's file" }
# ///
echo "note $VITREOUS_ITEM $(date +%s.%N)" >> "$SOAK_LOG"
echo "set size_of_sum = $(wc -c < "$VITREOUS_MICROGRAPH" | tr -d ' ')"
"""
SUM = """#!/bin/sh
# /// vitreous
# title = "Sum"
# summary = "Writes down that it began, and gives a file."
# needs = ["micrograph"]
# [gives.checksum]
# file = "checksum"
# ///
echo "sum $VITREOUS_ITEM $(date +%s.%N)" >> "$SOAK_LOG"
sleep 0.1
cksum < "$VITREOUS_MICROGRAPH" > checksum.txt
echo "file checksum = checksum.txt"
"""
TOTAL = """#!/bin/sh
# /// vitreous
# title = "Total"
# summary = "Counts all images when the session has ended."
# scope = "set"
# needs = ["micrograph"]
# [gives.total]
# file = "count"
# ///
sleep 1
grep -o '"micrograph":' "$VITREOUS_JOB" | wc -l > count.txt
echo "file count = count.txt"
"""


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
        pool = make_movies(self.folder / "pool", self.movies, self.size, self.frames)
        make_project(self.project, self.camera, self.transfer)
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
            MARK: self.mark,
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
        while (found := marked(self.mark)) and time.monotonic() < end:
            time.sleep(0.1)
        return found

    def kill_all(self) -> None:
        """SIGKILL whatever is left of the engines."""
        for pid in marked(self.mark):
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
            copies = marks(movies)
            return lambda: any(name.endswith(".part") for name, _ in marks(movies) - copies)
        if phase in ("work", "any"):
            growing = marks(staging)
            return lambda: bool(marks(staging) - growing)
        if phase == "publish":
            before = published(self.project)
            return lambda: bool(published(self.project) - before)
        return self._commit_watcher()

    def _commit_watcher(self) -> Callable[[], bool]:
        """Sees the catalogue's log grow while results are there that it did not know."""
        wal = self.project / "project.db-wal"
        before, stamp = published(self.project), stamp_of(wal)

        def written() -> bool:
            nonlocal stamp
            now, last = stamp_of(wal), stamp
            if not published(self.project) - before:
                stamp = now
                return False
            return now != last

        return written

    def _hit(self, engine: subprocess.Popen[bytes], target: Target) -> dict[str, int]:
        """Stop the victims, look at what they were doing, and kill them."""
        if target == "all":
            victims = marked(self.mark)
        elif target == "engine":
            victims = [engine.pid]
        else:
            victims = workers(self.mark)[:1]
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        seen = look(self.project)
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
            if over.is_set() and not asked and imported(self.project) == self.movies:
                with contextlib.suppress(VitreousError):
                    project.act("close_source", job=1)
                    asked = True
            if not late and any(name.startswith("set-") for name in listed(self.project / "jobs" / ".staging")):
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
            self.faults += [f"{name} is left at the camera" for name in listed(self.camera)]
            for path in pool:
                shutil.copy2(path, self.camera)
        make_project(folder, self.camera, self.transfer, timeout=10.0)
        engine = self.start(folder)
        try:
            if engine.wait(60.0 + 3.0 * self.movies):
                self.faults.append(f"the undisturbed engine ended with code {engine.returncode}")
        except subprocess.TimeoutExpired:
            self.faults.append(f"the undisturbed engine does not end: {Project(folder).why()}")
            self.kill_all()
        return folder


# -- looking at processes and folders ----------------------------------------------------------------------------------


def marked(mark: str) -> list[int]:
    """Processes that bear the mark in their environment; dead ones that nobody has waited for are left out."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return sorted(found)


def workers(mark: str) -> list[int]:
    """Worker processes, in random order."""
    found = []
    for pid in marked(mark):
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    random.shuffle(found)
    return found


def listed(folder: Path) -> list[str]:
    """Names in a folder, none where it is not there."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def marks(folder: Path) -> set[tuple[str, int]]:
    """Names in a folder with the numbers of their files."""
    try:
        with os.scandir(folder) as entries:
            return {(entry.name, entry.inode()) for entry in entries}
    except OSError:
        return set()


def published(project: Path) -> set[str]:
    """Result folders that have their final name."""
    jobs = project / "jobs"
    return {f"jobs/{job}/{name}" for job in listed(jobs) if job[0] != "." for name in listed(jobs / job)}


def stamp_of(path: Path) -> tuple[int, int]:
    """Size and time of change, zeros where there is no file."""
    try:
        about = path.stat()
    except OSError:
        return 0, 0
    return about.st_size, about.st_mtime_ns


def imported(project: Path) -> int:
    """Movies that have become items."""
    return int(soak_compare.query(project, "SELECT count(*) FROM exposure")[0][0])


def look(project: Path) -> dict[str, int]:
    """What is going on in a project whose processes stand still."""
    committed = {row[0] for row in soak_compare.query(project, "SELECT folder FROM result")}
    names = set(listed(project))
    counts = {
        "copies under way": sum(name.endswith(".part") for name in listed(project / "movies" / "J1")),
        "movies not committed": sum(not n.startswith(".") for n in listed(project / "movies" / "J1"))
        - imported(project),
        "results growing": len(listed(project / "jobs" / ".staging")),
        "results not committed": len(published(project) - committed),
        "tasks running": soak_compare.query(project, "SELECT count(*) FROM task WHERE state = 'running'")[0][0],
        "tasks done": soak_compare.query(project, "SELECT count(*) FROM task WHERE state = 'done'")[0][0],
        "no lock yet": int("project.lock" not in names),
        "lock being taken over": sum(name.startswith("project.lock.") for name in names),
    }
    return {name: count for name, count in counts.items() if count}


# -- making ------------------------------------------------------------------------------------------------------------


def make_movies(folder: Path, count: int, size: int = 256, frames: int = 6) -> list[Path]:
    """Small movies of a drifting specimen, each another one, made once."""
    folder.mkdir(parents=True, exist_ok=True)
    random_numbers = np.random.default_rng(7)
    spectrum = np.fft.rfft2(random_numbers.standard_normal((size, size)))
    falloff = np.exp(-30.0 * (np.fft.fftfreq(size)[:, None] ** 2 + np.fft.rfftfreq(size)[None, :] ** 2))
    specimen = np.fft.irfft2(spectrum * falloff, s=(size, size))
    specimen = 4.0 * np.clip(1.0 + 0.4 * specimen / specimen.std(), 0.0, None)
    paths = [folder / f"movie_{number:04d}.tif" for number in range(count)]
    for number, path in enumerate(paths):
        if path.exists():
            continue
        numbers = np.random.default_rng(number)
        with TiffStackWriter(path, (size, size), np.dtype("uint8"), pixel_size=1.3) as writer:
            for frame in range(frames):
                moved = np.roll(specimen, (frame // 2, 2 * frame + 5 * number), (0, 1))
                writer.append(numbers.poisson(moved).astype(np.uint8))
    return paths


def make_project(folder: Path, camera: Path, transfer: str, timeout: float | None = None) -> None:
    """A project with the session's workflow."""
    camera.mkdir(parents=True, exist_ok=True)
    settings = {"pixel_size": 1.3, "voltage": 300.0, "spherical_aberration": 2.7, "dose_per_frame": 1.3}
    project = Project.create(folder, "single-particle", {**settings, "disk_reserve": 0.0})
    for name, text in (("note", NOTE), ("sum", SUM), ("total", TOTAL)):
        script = folder / "scripts" / f"{name}.sh"
        script.write_text(text)
        script.chmod(0o755)
    times: dict[str, Any] = {"settle_delay": 0.3, "poll_interval": 0.2, "global_timeout": timeout}
    source = project.add("import", sources=[str(camera)], transfer=transfer, min_free=0.0, **times)
    motion = project.add("motion", source)
    measure = project.add("measure", motion)
    chosen = project.add("filter", measure, expression="drift_total >= 0")
    project.add("script:note", chosen)
    project.add("script:sum", chosen)
    project.add("script:total", chosen)
    project.close()


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
