"""The engine's watch over a session: images that come one after the other, engines that end and begin again."""

from __future__ import annotations

import contextlib
import http.server
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitreous import Project
from vitreous.project.alarms import deliver
from vitreous.project.alarms.deliver import Outbox
from vitreous.project.alarms.receivers import write_receivers
from vitreous.project.alarms.watch import AlarmWatch, Around
from vitreous.project.engine import Engine
from vitreous.project.session import Session
from vitreous.store.alarms import Alarm, open_alarms, past_alarms
from vitreous.store.columns import ensure_columns, set_many
from vitreous.store.database import open_database
from vitreous.store.events import events
from vitreous.store.items import add_exposure
from vitreous.workflow.executors.inline import InlineExecutor

COLUMNS = {"drift_total": "REAL", "iciness": "REAL", "counts_per_frame": "REAL"}


class Night:
    """A session of figures alone, and a watch over it with a clock that is set by hand."""

    def __init__(self, folder: Path, send: Callable[[str, str, str], str | None] | None = None) -> None:
        self.folder, self.now, self.count, self.send = folder, 1_700_000_000.0, 0, send
        self.rng = np.random.default_rng(1)
        self.begin()

    def begin(self) -> None:
        """A new engine."""
        self.db = open_database(self.folder, write=True)
        self.session = Session(self.folder, self.db, clock=lambda: self.now)
        ensure_columns(self.db, COLUMNS)
        self.watch = AlarmWatch(self.session, Outbox(self.send or deliver.send, clock=lambda: self.now))

    def end(self) -> None:
        """The engine ends."""
        self.watch.close()
        self.db.close()

    def images(self, number: int, *, look: bool = True, **values: float) -> None:
        """So many images, one each 10 s, with these figures (a little scattered)."""
        for first in range(0, number, 3):
            with self.db.transaction():
                for _ in range(min(3, number - first)):
                    self._image(values)
            if look:
                self.look()

    def _image(self, values: dict[str, float]) -> None:
        self.now += 10.0
        self.count += 1
        name = f"i{self.count:06d}"
        item = add_exposure(
            self.db, name, source_job=1, source_path=name, path=name, identity=name, size=1, imported=self.now
        )
        usual = {"drift_total": 8.0, "iciness": 0.5, "counts_per_frame": 0.8, **values}
        found = {key: value * float(self.rng.normal(1.0, 0.02)) for key, value in usual.items()}
        drift = {"drift_total": found.pop("drift_total")}
        set_many(self.db, [(item, "motion", 2, drift), (item, "quality", 3, found)])

    def look(self, seconds: float = 0.0, **around: Any) -> None:
        """Look, after some seconds."""
        self.now += seconds
        self.watch.look(Around(**around))

    def rest(self, seconds: float) -> None:
        """Nothing comes for a while."""
        for _ in range(int(seconds / 5)):
            self.look(5.0)

    def open(self) -> dict[str, Alarm]:
        return {alarm.key: alarm for alarm in open_alarms(self.db)}

    def told(self) -> list[str]:
        """What the log says of alarms."""
        return [event.message for event in events(self.db, kind="alarm")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    Project.create(tmp_path / "p", "drift", {"disk_reserve": 0.0}, title="Night").close()
    return tmp_path / "p"


@pytest.fixture
def night(folder: Path) -> Iterator[Night]:
    found = Night(folder)
    yield found
    found.end()


def test_a_quiet_session_raises_nothing(night):
    night.images(300)
    night.rest(60)
    assert night.open() == {}
    assert past_alarms(night.db) == []


def test_thirty_of_fifty_images_out_of_limits_raise_an_alarm_that_ends_below_half(night):
    night.images(60)
    night.images(28, drift_total=60.0)
    assert "limits:drift_total" not in night.open()
    night.images(8, drift_total=60.0)
    alarm = night.open()["limits:drift_total"]
    assert alarm.severity == "mild"
    assert alarm.column_name == "drift_total"
    assert alarm.cause == "temperature of the specimen or mechanics of the stage"
    assert alarm.advice
    night.images(30)
    assert "limits:drift_total" in night.open()
    night.images(12)
    night.rest(60)
    assert "limits:drift_total" not in night.open()
    assert past_alarms(night.db)[0].cleared is not None


def test_fifteen_dark_images_are_severe_and_say_that_there_is_no_beam(night):
    night.images(90)
    night.images(18, counts_per_frame=0.02)
    alarm = night.open()["limits:counts_per_frame"]
    assert alarm.severity == "severe"
    assert "hardly any electrons" in (alarm.cause or "")


def test_a_fall_of_the_counts_is_found_within_thirty_images_with_its_cause(night):
    night.images(200)
    night.images(30, counts_per_frame=0.6)
    alarm = night.open()["trend:counts_per_frame"]
    assert "has fallen to 0.6" in alarm.sentence.replace("have", "has")
    assert "energy filter" in (alarm.cause or "")
    assert 195 <= alarm.data["item"] <= 212
    night.images(40)
    assert night.open() == {}


def test_fewer_electrons_with_more_ice_mean_thicker_ice(night):
    night.images(200)
    night.images(36, counts_per_frame=0.6, iciness=1.4)
    opened = night.open()
    assert "thicker ice" in (opened["trend:counts_per_frame"].cause or "")
    assert "thicker ice" in (opened["trend:iciness"].cause or "")


def test_silence_is_told_while_an_import_watches_and_ends_with_the_next_image(night):
    night.images(5)
    night.look(14 * 60.0, watching=True)
    assert night.open() == {}
    night.look(2 * 60.0)
    assert night.open() == {}
    night.look(watching=True)
    assert night.open()["silence"].sentence == "no new image has come for 16 min"
    night.images(1, look=False)
    night.look(watching=True)
    assert night.open() == {}


def test_what_hinders_the_engine_is_an_alarm_until_it_has_passed(night):
    full = {"disk": "0.5 GB are free on the project's disk, less than the 1.00 GB to be kept free"}
    night.look(conditions=full)
    night.look(faults={1: "the folder /camera is gone"})
    assert {"disk", "import:J1"} <= night.open().keys()
    for _ in range(30):
        night.look(5.0)
    assert night.open() == {}


def test_a_new_engine_goes_on_with_alarms_and_tells_nothing_twice(folder):
    sent: list[str] = []

    def send(url: str, title: str, body: str) -> None:
        sent.append(title)

    write_receivers(folder, [{"name": "me", "url": "json://localhost/alarm"}])
    night = Night(folder, send)
    night.images(200)
    night.images(40, counts_per_frame=0.6)
    _until(lambda: sent, night)
    night.end()
    told = events(open_database(folder, write=False), kind="alarm")
    for _ in range(3):
        night.begin()
        night.rest(120)
        night.images(6, counts_per_frame=0.6)
        assert list(night.open()) == ["trend:counts_per_frame"]
        night.end()
    assert len(sent) == 1
    night.begin()
    assert [event.seq for event in events(night.db, kind="alarm")] == [event.seq for event in told]
    night.images(60)
    assert night.open() == {}
    night.end()


def test_acknowledged_and_snoozed_alarms_are_not_sent(folder):
    sent: list[str] = []
    write_receivers(folder, [{"name": "me", "url": "json://localhost/alarm"}])
    night = Night(folder, lambda url, title, body: sent.append(body))
    night.look(conditions={"disk": "full"}, faults={1: "gone"})
    numbers = {key: alarm.id for key, alarm in night.open().items()}
    from vitreous.project.actions import perform

    night.session.author = "anna"
    perform(night.session, "acknowledge_alarm", {"alarm": numbers["disk"], "note": "ordered disks"})
    perform(night.session, "snooze_alarm", {"alarm": numbers["import:J1"], "minutes": 30})
    for _ in range(20):
        night.look(10.0, conditions={"disk": "full"}, faults={1: "gone"})
    assert sent == []
    alarm = night.open()["disk"]
    assert (alarm.acknowledged_by, alarm.note) == ("anna", "ordered disks")
    night.now += 1800
    _until(lambda: sent, night, conditions={"disk": "full"}, faults={1: "gone"})
    assert "gone" in sent[0]
    assert "full" not in sent[0]
    night.end()


def test_a_dead_server_never_slows_the_engine_and_is_shown(folder):
    release = threading.Event()

    def hang(url: str, title: str, body: str) -> str:
        release.wait(10)
        return "mailto://…@mail did not take the message: timed out"

    write_receivers(folder, [{"name": "me", "url": "mailto://user:secret@mail"}])
    night = Night(folder, hang)
    night.look(conditions={"disk": "full"})
    night.look(30.0, conditions={"disk": "full"})
    began = time.perf_counter()
    for _ in range(20):
        night.look(5.0, conditions={"disk": "full"})
    assert time.perf_counter() - began < 2.0
    release.set()
    _until(lambda: night.watch.fault, night, conditions={"disk": "full"})
    assert "me can't be told of alarms" in (night.watch.fault or "")
    assert "secret" not in (night.watch.fault or "")
    night.end()


def test_a_webhook_gets_the_alarm(folder):
    with _webhook() as (address, bodies):
        write_receivers(folder, [{"name": "hook", "url": f"json://{address}/alarm"}])
        night = Night(folder)
        night.look(conditions={"disk": "the disk is full"})
        night.look(30.0, conditions={"disk": "the disk is full"})
        _until(lambda: bodies, night, conditions={"disk": "the disk is full"})
        night.end()
    assert bodies[0]["title"] == "Night: severe: the disk is full"
    assert "Likely cause: results and movies fill the disk." in bodies[0]["message"]


def test_an_engine_looks_by_itself_and_tells_its_condition(tmp_path, folder, monkeypatch):
    camera = tmp_path / "camera"
    camera.mkdir()
    monkeypatch.setitem(sys.modules, "apprise", None)  # as where it is not installed
    monkeypatch.setattr("vitreous.project.alarms.messages.BUNDLE_SECONDS", 0.0)
    monkeypatch.setattr("vitreous.project.engine.ALARM_SECONDS", 0.05)
    with Project(folder) as project:
        project.add("import", sources=[str(camera)])
        project.set(disk_reserve=1e12)
        write_receivers(folder, [{"name": "me", "url": "json://user:hush@127.0.0.1:1/x"}])
        with project.writing("test") as (session, _):
            engine = Engine(session, InlineExecutor, tick=0.02)
            engine.prepare()
            end = time.monotonic() + 10
            while "alarms" not in engine.status().conditions and time.monotonic() < end:
                engine.step()
                engine._wait()
            told = engine.status().conditions
            engine.finish()
    assert "vitreous[notify]" in told["alarms"]
    assert "hush" not in told["alarms"]
    with open_database(folder, write=False) as db:
        (alarm,) = open_alarms(db)
        assert (alarm.key, alarm.severity) == ("disk", "severe")


def test_a_look_costs_milliseconds(night):
    night.images(240)
    costs = []
    for _ in range(60):
        night.images(1, look=False)
        began = time.process_time()
        night.look()
        costs.append(time.process_time() - began)
    assert float(np.median(costs)) < 0.010


def _until(true: Callable[[], Any], night: Night, **around: Any) -> None:
    end = time.monotonic() + 10.0
    while not true():
        assert time.monotonic() < end, "it never came true"
        night.look(5.0, **around)
        time.sleep(0.02)


@contextlib.contextmanager
def _webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    bodies: list[dict[str, Any]] = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()
        server.server_close()


def test_workers_that_take_their_time_to_start_are_no_alarm_at_first(night):
    starting = {"workers": "the workers are starting"}
    for _ in range(50):
        night.look(5.0, conditions=starting)
    assert "workers" not in night.open()
    for _ in range(20):
        night.look(5.0, conditions=starting)
    assert night.open()["workers"].severity == "severe"


def test_what_an_engine_says_of_itself_ends_with_it(night):
    for _ in range(80):
        night.look(5.0, conditions={"workers": "no workers could be started"})
    assert "workers" in night.open()
    night.end()
    night.begin()
    assert night.open() == {}
    assert night.told()[-1].startswith("passed: no workers")
