"""Every bad input at once through the real engine, and a disk that is full for a while."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitreous.acquisition.simulate_camera import Shot, run_camera
from vitreous.core.errors import UsageError, VitreousError
from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.tiff_write import TiffStackWriter
from vitreous.project.project import Project

pytestmark = pytest.mark.slow
SETTINGS = {"pixel_size": 1.3, "voltage": 300.0, "spherical_aberration": 2.7, "dose_per_frame": 1.3}
ENGINE = "import sys; from vitreous.project.project import Project; Project(sys.argv[1]).run(until='closed', workers=1)"
FRAMES, SIZE = 6, 256

REASONS = {
    "zero_0.tif": ("is empty (0 bytes)", "copy it again, or delete it"),
    "cut_0.tif": ("cut short or damaged: 3 whole frames were found.", "Copy the movie again from the microscope"),
    "never_0.tif": ("cut short or damaged", "Copy the movie again from the microscope"),
    "small_0.tif": ("its frames have 192 x 192 px, unlike the gain reference of 256 x 256 px", "gain"),
    "few_0.tif": ("it has 5 frames, and 6 are expected", "frames"),
    "twice_0.tif": ("has the same content as good_0", "Nothing is lost"),
    "secret_0.tif": ("Permission denied", "permission"),
    "no pattern at all.tif": ("does not fit the pattern", ""),
    "words_0.tif": ("not a TIFF file", "leave it out"),
}
"""File that does not become an item → what is said of it, and what is to be done."""


def movie(path: Path, seed: int, *, n: int = FRAMES, size: int = SIZE, bad_frame: bool = False) -> Path:
    """A small movie of a drifting specimen; with a bad frame the middle one is no number at all."""
    random = np.random.default_rng(seed)
    specimen = 3.0 + np.kron(random.random((size // 8, size // 8)), np.ones((8, 8)))
    with TiffStackWriter(path, (size, size), np.dtype("float32" if bad_frame else "uint8"), pixel_size=1.3) as writer:
        for frame in range(n):
            counts = random.poisson(np.roll(specimen, 2 * frame, 1))
            if bad_frame:
                counts = np.where(frame == n // 2, np.nan, counts)
            writer.append(counts.astype(np.float32 if bad_frame else np.uint8))
    return path


def without_power_over_permissions() -> None:
    """Let the permissions of files hold for root too, in the process that begins here."""
    if os.geteuid() == 0:
        library = ctypes.CDLL(None, use_errno=True)
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            library.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


class Engine:
    """An engine in a process of its own."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder, self.log = folder, log
        run = log.with_name("run")
        run.mkdir(mode=0o700, exist_ok=True)
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(run), "OMP_NUM_THREADS": "1"}
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", ENGINE, str(folder)],
                env=environment,
                stdout=output,
                stderr=output,
                preexec_fn=without_power_over_permissions,
            )

    def wait_until(self, what: Callable[[], Any], seconds: float = 150.0) -> None:
        """Wait for something while the engine lives."""
        end = time.monotonic() + seconds
        while not what():
            assert self.process.poll() is None, f"the engine ended: {self.log.read_text()}"
            assert time.monotonic() < end, f"not in {seconds} s: {Project(self.folder).why()}\n{self.log.read_text()}"
            time.sleep(0.2)

    def close(self, project: Project) -> None:
        """End the import, and see the engine end by itself."""
        project.act("close_source", job=1)
        assert self.process.wait(60) == 0, self.log.read_text()


@pytest.fixture
def engines() -> Iterator[list[Engine]]:
    """Engines that end with the test."""
    started: list[Engine] = []
    yield started
    for engine in started:
        if engine.process.poll() is None:
            engine.process.terminate()
            engine.process.wait(30)


def said(project: Project, name: str) -> str:
    """What ``why`` says, empty where nothing is known of it."""
    try:
        return project.why(name)
    except UsageError:
        return ""


def test_every_bad_input_is_set_aside_with_a_reason_and_all_others_finish(
    tmp_path: Path, engines: list[Engine]
) -> None:
    camera, other = tmp_path / "camera", tmp_path / "other"
    other.mkdir()
    pool = tmp_path / "pool"
    pool.mkdir()
    good = [movie(pool / f"{number}.tif", number) for number in range(7)]
    gain = tmp_path / "gain.mrc"
    write_mrc(gain, np.ones((SIZE, SIZE), np.float32), pixel_size=1.3)
    project = Project.create(tmp_path / "p", "single-particle", {**SETTINGS, "disk_reserve": 0.0})
    source = project.add(
        "import",
        sources=[str(camera), str(other)],
        transfer="copy",
        min_free=0.0,
        gain=str(gain),
        frames=FRAMES,
        name_pattern="{specimen}_{hole}.tif",
        settle_delay=1.0,
        poll_interval=0.3,
        file_timeout=4.0,
        global_timeout=None,
    )
    motion = project.add("motion", source)
    project.add("measure", motion)
    engines.append(engine := Engine(project.folder, tmp_path / "engine.log"))
    corrupt = pool / "corrupt.tif"
    shots = [
        Shot("good_0.tif", good[0]),
        Shot("zero_0.tif", good[1], "zero"),
        Shot("cut_0.tif", good[1], "truncated"),
        Shot("small_0.tif", good[1], "wrong-size"),
        Shot("few_0.tif", good[1], "fewer-frames"),
        Shot("twice_0.tif", good[0]),
        Shot("secret_0.tif", good[1], "forbidden"),
        Shot("no pattern at all.tif", good[1]),
        Shot("nan_0.tif", movie(corrupt, 50, bad_frame=True)),
        Shot("good_1.tif", good[2]),
    ]
    run_camera(shots, camera, interval=0.05, writing_time=0.1, portions=4)
    (camera / "words_0.tif").write_text("this is a text and no image\n" * 100)
    whole = good[3].read_bytes()
    (camera / "never_0.tif").write_bytes(whole[: len(whole) // 2])
    with open(camera / "pause_0.tif", "wb", buffering=0) as slow:  # it stops growing, and goes on
        slow.write(whole[: len(whole) // 3])
        engine.wait_until(lambda: "is waited for" in said(project, "pause_0.tif"))
        slow.write(whole[len(whole) // 3 :])

    shutil.copy(good[4], other / "far_0.tif")
    engine.wait_until(lambda: said(project, "far_0"))
    other.rename(tmp_path / "away")
    engine.wait_until(lambda: f"{other} is not there" in project.why("J1"))
    shutil.copy(good[5], camera / "meanwhile_0.tif")
    engine.wait_until(lambda: said(project, "meanwhile_0"))
    shutil.copy(good[6], tmp_path / "away" / "far_1.tif")
    (tmp_path / "away").rename(other)

    fine = ("good_0", "good_1", "pause_0", "far_0", "meanwhile_0", "far_1")
    engine.wait_until(lambda: all(said(project, name).endswith("everything is done.") for name in fine))
    engine.wait_until(lambda: all("waited for" not in said(project, name) != "" for name in REASONS))
    engine.wait_until(lambda: "quarantined" in said(project, "nan_0"))
    assert "a frame holds NaN or infinity. Copy the movie again. Then: vitreous retry nan_0" in project.why("nan_0")
    for name, (reason, hint) in REASONS.items():
        text = said(project, name)
        assert reason in text, text
        assert hint in text, text
    # What a person mends is taken.
    shutil.copy(good[1], camera / "zero_0.tif")
    engine.wait_until(lambda: said(project, "zero_0").endswith("everything is done."))
    engine.close(project)
    states = {task.name: task.state for task in project.tasks(job=2)}
    assert states == {**dict.fromkeys((*fine, "zero_0"), "done"), "nan_0": "quarantined"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only, where the system lets it")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> int:
    """Write until nothing more goes on the disk; returns the bytes that went."""
    before = path.stat().st_size if path.exists() else 0
    with open(path, "ab", buffering=0) as writer, contextlib.suppress(OSError):
        while writer.write(bytes(4096)):
            pass
    return path.stat().st_size - before


def test_a_full_disk_stops_nothing_for_good(small_disk: Path, tmp_path: Path, engines: list[Engine]) -> None:
    camera = tmp_path / "camera"
    pool = tmp_path / "pool"
    pool.mkdir()
    shots = [Shot(f"m_{number}.tif", movie(pool / f"{number}.tif", number)) for number in range(28)]
    project = Project.create(small_disk / "p", "single-particle", {**SETTINGS, "disk_reserve": 0.012})
    source = project.add("import", sources=[str(camera)], settle_delay=0.3, poll_interval=0.3, global_timeout=None)
    motion = project.add("motion", source)
    project.add("measure", motion)
    engines.append(engine := Engine(project.folder, tmp_path / "engine.log"))
    # While somebody reads, the catalogue's log can't begin anew: each commit then needs space on the disk.
    pinned = sqlite3.connect(f"file:{project.folder / 'project.db'}?mode=ro", uri=True, isolation_level=None)
    pinned.execute("BEGIN")
    pinned.execute("SELECT count(*) FROM event").fetchone()
    run_camera(shots[:24], camera, interval=0.0, writing_time=0.01, portions=1)

    engine.wait_until(lambda: "to be kept free" in project.why())  # results have filled the disk
    assert "Everything waits: " in project.why()
    assert "free some space, and work goes on by itself" in project.why()

    # Now not even the catalogue can be written.
    ballast = small_disk / "ballast"
    fill(ballast)
    run_camera(shots[24:], camera, interval=0.0, writing_time=0.01, portions=1)
    time.sleep(5.0)  # for what was under way to end, and for the import to see the new movies
    engine.wait_until(lambda: fill(ballast) == 0 and "0.0 MB are free on the project's disk" in project.why())
    with pytest.raises(VitreousError):
        project.comment("during the lack of space", "m_0")
    assert project.sql("SELECT count(*) FROM exposures").rows[0][0] == 24  # the last four can't be written down
    states = {task.state for task in project.tasks()}
    assert "quarantined" not in states
    assert "done" in states
    assert "ready" in states

    pinned.close()
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=96m", str(small_disk)], check=True)
    engine.wait_until(lambda: len(project.tasks(state="done")) == 2 * len(shots))
    engine.close(project)
    assert {task.state for task in project.tasks()} == {"done"}
    assert all(task.error is None for task in project.tasks())
    assert project.why() == "Everything is done."
