"""The import at the microscope: every kind of bad file, and that nothing is lost, doubled or taken too early."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitreous.acquisition.import_params import ImportParams
from vitreous.acquisition.reports import (
    Arrival,
    Changed,
    Condition,
    Duplicate,
    KnownFile,
    Rejected,
    Report,
    Round,
    Skipped,
    Vanished,
)
from vitreous.acquisition.watcher import Watcher
from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.tiff_write import TiffStackWriter

SHAPE = (32, 40)


def counts(seed: int, n: int = 4, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).poisson(2.0, (n, *shape)).astype(np.uint8)


def movie(path: Path, seed: int = 0, n: int = 4, shape: tuple[int, int] = SHAPE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with TiffStackWriter(path, shape, "uint8", pixel_size=1.0) as writer:
        for frame in counts(seed, n, shape):
            writer.append(frame)
    return path


@dataclass
class Session:
    """A camera's folder, a project and a watcher whose clock is ours."""

    base: Path
    params: dict[str, Any] = field(default_factory=dict)
    now: float = 1000.0
    reports: list[Report] = field(default_factory=list)
    conditions: tuple[Condition, ...] = ()
    known: dict[str, KnownFile] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.camera = self.base / "camera"
        self.camera.mkdir(exist_ok=True)
        self.start()

    def start(self) -> None:
        """Begin anew with what the catalogue knows, as after a kill."""
        given = {"sources": (self.camera,), "min_free": 0, "file_timeout": 60, **self.params}
        self.watcher = Watcher(
            ImportParams(**given),
            self.base / "project" / "movies",
            dict(self.known),
            self.commit,
            self.hold,
            lambda: self.now,
            items=dict(self.items),
        )

    def commit(self, report: Report) -> None:
        self.reports.append(report)
        if isinstance(report, Arrival):
            assert report.name not in self.items
            assert report.identity not in self.items.values()
            self.items[report.name] = report.identity
            path = str(report.source_path)
            self.known[path] = KnownFile(
                report.size, report.mtime, "imported", report.identity, report.name, str(report.path)
            )
        elif isinstance(report, Duplicate):
            self.known[str(report.path)] = KnownFile(report.size, report.mtime, "duplicate", report.identity, report.of)
        elif isinstance(report, Rejected):
            state = "quarantined" if report.final else "settling"
            self.known[str(report.path)] = KnownFile(report.size, report.mtime, state)
        elif isinstance(report, Skipped):
            self.known |= {path: KnownFile(*stamp, "skipped") for path, stamp in report.files.items()}

    def hold(self, conditions: tuple[Condition, ...]) -> None:
        self.conditions = conditions

    def go(self, seconds: float, step: float = 5.0) -> Round:
        """Let time pass in rounds."""
        end = self.now + seconds
        done = self.watcher.step()
        while self.now < end:
            self.now += step
            done = self.watcher.step()
        return done

    def of(self, kind: type) -> list[Any]:
        return [report for report in self.reports if isinstance(report, kind)]

    @property
    def names(self) -> list[str]:
        return [arrival.name for arrival in self.of(Arrival)]

    def final(self, name: str) -> Rejected:
        found = [r for r in self.of(Rejected) if r.final and r.path.name == name]
        assert len(found) == 1, self.reports
        error = found[0].error
        assert set(error) == {"code", "message", "hint", "context"}
        assert name in error["message"]
        assert len(error["hint"]) > 10
        return found[0]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def test_a_movie_is_taken_when_it_has_rested(session: Session) -> None:
    movie(session.camera / "grid_0001.tif")
    session.go(10)
    assert session.names == []
    session.go(5)
    (arrival,) = session.of(Arrival)
    assert (arrival.name, arrival.frames, arrival.shape) == ("grid_0001", 4, SHAPE)
    assert arrival.path.is_symlink()
    assert arrival.path.read_bytes() == (session.camera / "grid_0001.tif").read_bytes()
    assert arrival.values["specimen"] == "grid"
    assert arrival.values["pixel_size"] == pytest.approx(1.0)
    assert arrival.group == "Imported"
    session.go(60)
    assert len(session.reports) == 1


@pytest.mark.parametrize("transfer", ["link", "copy", "move"])
def test_a_restart_neither_loses_nor_doubles(tmp_path: Path, transfer: str) -> None:
    session = Session(tmp_path, {"transfer": transfer})
    contents = {}
    for number in range(6):
        path = movie(session.camera / f"m_{number}.tif", number)
        contents[path.stem] = path.read_bytes()
        session.go(7)
        session.start()
    session.go(60)
    assert sorted(session.names) == sorted(contents)
    for arrival in session.of(Arrival):
        assert arrival.path.read_bytes() == contents[arrival.name]
    left = sorted(path.name for path in session.camera.iterdir())
    assert left == ([] if transfer == "move" else sorted(f"{name}.tif" for name in contents))


def test_bad_files_are_quarantined_with_reason_and_the_others_go_on(session: Session) -> None:
    camera = session.camera
    session.params = {
        "gain": write_mrc(session.base / "gain.mrc", np.ones(SHAPE, np.float32), pixel_size=1.0),
        "frames": 4,
    }
    session.start()
    (camera / "zero_1.tif").write_bytes(b"")
    whole = movie(session.base / "x.tif", 1).read_bytes()
    (camera / "cut_2.tif").write_bytes(whole[: len(whole) * 2 // 3])
    movie(camera / "size_3.tif", 3, shape=(24, 24))
    movie(camera / "few_4.tif", 4, n=3)
    (camera / "text_5.tif").write_bytes(b"no image " * 300)
    movie(camera / "good_6.tif", 6)
    movie(camera / "same_7.tif", 6)
    session.go(90)
    assert session.names == ["good_6"]
    assert "empty (0 bytes)" in session.final("zero_1.tif").error["message"]
    assert "cut short" in session.final("cut_2.tif").error["message"]
    assert "gain reference of 40 x 32 px" in session.final("size_3.tif").error["message"]
    assert "3 frames, and 4 are expected" in session.final("few_4.tif").error["message"]
    assert "not a TIFF file" in session.final("text_5.tif").error["message"]
    (duplicate,) = session.of(Duplicate)
    assert (duplicate.path.name, duplicate.of) == ("same_7.tif", "good_6")
    # What may still be mended is said before it is final.
    assert [r.final for r in session.of(Rejected) if r.path.name == "zero_1.tif"] == [False, True]


def test_a_growing_file_is_never_taken_before_its_end(session: Session) -> None:
    data = movie(session.base / "whole.tif", 3).read_bytes()
    path = session.camera / "grow_1.tif"
    for cut in np.linspace(0, len(data), 8).astype(int):
        path.write_bytes(data[:cut])
        os.utime(path, (cut, cut))
        session.go(20)  # pauses longer than the delay
        if cut < len(data):
            assert session.names == []
    session.go(20)
    assert session.names == ["grow_1"]
    assert all(not report.final for report in session.of(Rejected))


def test_a_quarantined_file_that_is_written_anew_is_taken(session: Session) -> None:
    path = session.camera / "late_1.tif"
    path.write_bytes(b"")
    session.go(100)
    session.final("late_1.tif")
    movie(path)
    session.go(30)
    assert session.names == ["late_1"]


def test_a_file_that_grows_after_its_import_is_told(session: Session) -> None:
    path = movie(session.camera / "a_1.tif")
    session.go(30)
    os.utime(path, (5, 5))
    session.go(30)
    assert session.of(Changed) == []
    with path.open("ab") as handle:
        handle.write(b"more")
    session.go(30)
    (changed,) = session.of(Changed)
    assert changed.name == "a_1"
    assert "changed after its import" in changed.error["message"]
    session.go(60)
    assert len(session.of(Changed)) == 1


def test_a_name_without_sense_is_quarantined_where_a_pattern_was_given(tmp_path: Path) -> None:
    session = Session(tmp_path, {"name_pattern": "{specimen}_{hole}_{tilt}.tif"})
    movie(session.camera / "lysozyme_h12_-3.5.tif", 1)
    movie(session.camera / "strange.tif", 2)
    session.go(30)
    (arrival,) = session.of(Arrival)
    assert {k: arrival.values[k] for k in ("specimen", "hole", "tilt_angle")} == {
        "specimen": "lysozyme",
        "hole": "h12",
        "tilt_angle": -3.5,
    }
    assert "does not fit the pattern" in session.final("strange.tif").error["message"]


def test_without_a_pattern_a_name_without_sense_is_a_warning(session: Session) -> None:
    movie(session.camera / "strange.tif")
    session.go(30)
    assert any("says nothing" in warning for warning in session.of(Arrival)[0].warnings)


def test_a_folder_that_vanishes_and_comes_back(session: Session) -> None:
    movie(session.camera / "a_1.tif", 1)
    session.go(30)
    away = session.base / "away"
    session.camera.rename(away)
    done = session.go(30)
    (condition,) = session.conditions
    assert condition.code == "folder_gone"
    assert "is not there" in done.sentence
    movie(away / "a_2.tif", 2)
    away.rename(session.camera)
    session.go(30)
    assert session.conditions == ()
    assert session.names == ["a_1", "a_2"]
    assert session.of(Vanished) == []


def test_same_name_with_other_content_gets_a_number(session: Session) -> None:
    for number in range(3):
        movie(session.camera / f"square{number}" / "a_1.tif", number)
    session.go(30)
    assert session.names == ["a_1", "a_1~2", "a_1~3"]
    assert len({arrival.path.read_bytes() for arrival in session.of(Arrival)}) == 3
    assert "another image is called a_1" in session.of(Arrival)[1].warnings[-1]


def test_side_files_travel_along(tmp_path: Path) -> None:
    session = Session(tmp_path, {"transfer": "move"})
    path = movie(session.camera / "ts_001_-3.0.tif")
    Path(f"{path}.mdoc").write_text(
        "PixelSpacing = 1.35\nVoltage = 300\n[FrameSet = 0]\nTiltAngle = -3.01\nNumSubFrames = 4\n"
        "ExposureDose = 3.2\nDateTime = 12-Mar-2023  10:11:12\nSubFramePath = X:\\frames\\ts_001_-3.0.tif\n"
    )
    session.go(30)
    (arrival,) = session.of(Arrival)
    assert [side.name for side in arrival.side_files] == ["ts_001_-3.0.tif.mdoc"]
    assert arrival.side_files[0].is_file()
    assert arrival.values["pixel_size"] == 1.35
    assert arrival.values["dose_per_frame"] == pytest.approx(0.8)
    assert arrival.values["tilt_angle"] == -3.0
    assert arrival.recorded is not None
    assert list(session.camera.iterdir()) == []


def test_fewer_frames_than_the_mdoc_states_are_waited_for(session: Session) -> None:
    path = movie(session.camera / "a_1.tif", n=3)
    Path(f"{path}.mdoc").write_text("[FrameSet = 0]\nNumSubFrames = 4\n")
    session.go(40)
    assert session.names == []
    assert "3 of the 4 frames" in session.of(Rejected)[0].error["message"]
    session.go(60)
    assert any("states 4 frames" in warning for warning in session.of(Arrival)[0].warnings)


def test_fewer_frames_than_usual_are_a_warning(session: Session) -> None:
    for number in range(3):
        movie(session.camera / f"a_{number}.tif", number)
    session.go(30)
    movie(session.camera / "a_9.tif", 9, n=3)
    session.go(30)
    assert "3 frames, and 4 are expected" in session.of(Arrival)[-1].warnings[0]


def test_a_movie_waits_for_its_side_file_where_that_is_wanted(tmp_path: Path) -> None:
    session = Session(tmp_path, {"side_file": "wait"})
    path = movie(session.camera / "a_1.tif")
    session.go(40)
    assert session.names == []
    Path(f"{path}.mdoc").write_text("[FrameSet = 0]\nTiltAngle = 7\n")
    session.go(40)
    assert session.of(Arrival)[0].values["tilt_angle"] == 7


def test_order_and_old_files(tmp_path: Path) -> None:
    session = Session(tmp_path, {"newest_first": True, "existing": "skip"})
    movie(session.camera / "old_0.tif", 9)
    session.go(30)
    assert [list(report.files) for report in session.of(Skipped)] == [[str(session.camera / "old_0.tif")]]
    for number in range(3):
        path = movie(session.camera / f"m_{number}.tif", number)
        os.utime(path, (100 + number, 100 + number))
    session.start()
    session.go(30)
    assert session.names == ["m_2", "m_1", "m_0"]


def test_closes_when_nothing_comes(tmp_path: Path) -> None:
    session = Session(tmp_path, {"global_timeout": "1h 4m 34s"})
    movie(session.camera / "a_1.tif")
    assert not session.go(3000, 100).closed
    done = session.go(2000, 100)
    assert done.closed
    assert session.conditions[-1].code == "closed"


def test_says_that_no_name_fits(session: Session) -> None:
    (session.camera / "notes.txt").write_text("x")
    session.go(5)
    assert session.conditions[0].code == "nothing_matches"
    assert "*.tif" in session.conditions[0].message


def test_ignores_gains_parts_and_what_it_wrote_itself(tmp_path: Path) -> None:
    session = Session(tmp_path, {"sources": (tmp_path,)})
    movie(session.camera / "a_gain_ref.tif", 1)
    movie(session.camera / ".hidden.tif", 2)
    movie(session.camera / "Thumbnails" / "a_1.tif", 3)
    movie(session.camera / "a_1.tif", 4)
    (session.camera / "loop").symlink_to(session.camera)
    session.go(60)
    assert session.names == ["a_1"]


def test_a_vanished_file_is_told_only_if_it_was_complained_of(session: Session) -> None:
    for name in ("bad_1.tif", "bad_2.tif"):
        (session.camera / name).write_bytes(b"")
    session.go(20)
    (session.camera / "bad_1.tif").unlink()
    session.go(5)
    assert [report.path.name for report in session.of(Vanished)] == ["bad_1.tif"]


def test_a_movie_cut_short_is_used_where_that_is_wanted(tmp_path: Path) -> None:
    session = Session(tmp_path, {"truncated": "accept"})
    whole = write_mrc(tmp_path / "w.mrc", counts(1), pixel_size=1.0, dtype="int8", is_stack=True).read_bytes()
    (session.camera / "a_1.mrc").write_bytes(whole[:-700])
    session.go(40)
    assert session.names == []
    session.go(60)
    assert session.of(Arrival)[0].frames == 3
    assert "cut short" in session.of(Arrival)[0].warnings[0]


def test_runs_in_a_thread_until_told_to_stop(tmp_path: Path) -> None:
    session = Session(tmp_path)
    watcher = Watcher(
        ImportParams(sources=(session.camera,), settle_delay=0, poll_interval=0.05),
        tmp_path / "movies",
        {},
        session.commit,
        session.hold,
    )
    stop = threading.Event()
    thread = threading.Thread(target=watcher.run, args=(stop,))
    thread.start()
    try:
        movie(session.camera / "a_1.tif")
        for _ in range(100):
            if session.reports:
                break
            stop.wait(0.05)
    finally:
        stop.set()
        thread.join(5)
    assert session.names == ["a_1"]
