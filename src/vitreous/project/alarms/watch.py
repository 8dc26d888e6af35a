"""The engine's watch over a session: looks every few seconds, raises and clears alarms, and has people told."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from vitreous.core.errors import VitreousError
from vitreous.project.alarms import rules as find
from vitreous.project.alarms.deliver import Outbox
from vitreous.project.alarms.limits import Limits, limits
from vitreous.project.alarms.messages import KEPT_SECONDS, messages
from vitreous.project.alarms.receivers import read_receivers
from vitreous.project.alarms.settings import Rules, rules
from vitreous.project.alarms.state import Fact, Notice, Step, advance
from vitreous.project.alarms.streams import Streams
from vitreous.project.alarms.trend import SERIES, scores
from vitreous.project.pace import Pace
from vitreous.project.session import Session
from vitreous.store.alarms import (
    Alarm,
    alarms_to_tell,
    insert_alarm,
    learned_series,
    open_alarms,
    told_states,
    update_alarm,
    write_learned,
    write_told,
)
from vitreous.store.database import read_meta
from vitreous.store.events import log_event

DISK_SECONDS = 60.0
"""s between two measures of the disk; the rate is that of the last ``DISK_SAMPLES``."""
DISK_SAMPLES = 31
LEAST_DISK_SAMPLES = 11
SLOW_SECONDS = 30.0
"""s between two looks at what changes slowly."""
KEEP_SECONDS = 300.0
"""s after which what was learned is written down."""
WORKERS_SECONDS = 300.0
"""s that workers may take to start before that is an alarm."""
OF_ENGINE = frozenset({"workers", "condition", "silence"})
"""Kinds of alarms that speak of the engine at work: they end with it."""
MOST_JOBS = 20
"""Jobs whose share of images that were set aside is looked at."""


@dataclass(frozen=True)
class Around:
    """What the engine says of itself.

    Attributes:
        conditions: what hinders it.
        watching: whether an import waits for images.
        faults: import → why it can't go on.
        hindered: what keeps an import from finding images just now.
    """

    conditions: Mapping[str, str] = field(default_factory=dict)
    watching: bool = False
    faults: Mapping[int, str] = field(default_factory=dict)
    hindered: str | None = None


@dataclass
class AlarmWatch:
    """Watches one session; used by the engine's thread alone.

    Attributes:
        session: open for writing.
        outbox: sends messages.
    """

    session: Session
    outbox: Outbox = field(default_factory=Outbox)
    _streams: Streams | None = None
    _pace: Pace = field(default_factory=Pace)
    _disk: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=DISK_SAMPLES))
    _set_aside: list[Fact] = field(default_factory=list)
    _found: list[Fact] = field(default_factory=list)
    _settings: tuple[Limits | None, ...] = ()
    _since: float = 0.0
    _calm: Mapping[str, float] = field(default_factory=dict)
    _touched: Mapping[str, float] = field(default_factory=dict)
    _kept: bool = True
    _no_workers: float | None = None
    fault: str | None = None

    def look(self, around: Around) -> None:
        """Look once: a few milliseconds.

        Raises:
            ResourceError: the catalogue can't be written.
        """
        now = self.session.clock()
        ruled, levels = rules(self.session), limits(self.session)
        streams = self._begin(levels, ruled, now)
        if streams.look():
            self._kept = False
        facts = [*self._of_images(streams, levels, ruled), *self._of_engine(around, ruled, now)]
        step = advance(facts, open_alarms(self.session.db), now, self._calm, self._touched)
        self._commit(step, now)
        self._keep()
        self._tell(ruled, now)

    def close(self) -> None:
        """Keep what was learned, and end the thread that sends."""
        if self._streams is not None and not self._kept:
            write_learned(self.session.db, self._streams.learned())
        now = self.session.clock()
        with self.session.db.transaction():
            for alarm in open_alarms(self.session.db):
                if alarm.kind in OF_ENGINE:
                    self._write(Notice("cleared", replace(alarm, cleared=now, changed=now)), now)
        self.outbox.close()

    # --- what is wrong ----------------------------------------------------------------------------------------------

    def _begin(self, levels: Mapping[str, Limits], ruled: Rules, now: float) -> Streams:
        wanted = [*SERIES, *(column for column in levels if column not in SERIES)]
        if self._streams is None:
            self._streams, self._since = Streams(self.session.db), now
            self._streams.begin(wanted, learned_series(self.session.db))
            self._streams.fill(ruled.window)
        elif any(column not in self._streams.streams for column in wanted):
            self._streams.begin(wanted, learned_series(self.session.db))
        return self._streams

    def _of_images(self, streams: Streams, levels: Mapping[str, Limits], ruled: Rules) -> list[Fact]:
        courses = streams.courses()
        moved = scores(courses.items())
        facts = find.limit_facts(streams.recent(), levels, ruled, moved)
        facts += find.trend_facts(courses, ruled, moved)
        if self._pace.is_due("set aside", SLOW_SECONDS):
            self._set_aside = self._quarantined(ruled)
        # What was wrong before the engine began, and of which nothing has come since, stays as it was.
        told = {fact.key for fact in facts}
        stale = [name for name, stream in streams.streams.items() if not stream.fresh]
        facts += [
            Fact(key, "limits", alarm.sentence, None, alarm.severity, alarm.column_name)
            for alarm in open_alarms(self.session.db)
            if (key := alarm.key) not in told and alarm.kind == "limits" and _is_stale(alarm, stale, streams)
        ]
        return [*facts, *self._set_aside]

    def _quarantined(self, ruled: Rules) -> list[Fact]:
        graph, found = self.session.graph(), []
        jobs = [job for job in graph.jobs.values() if job.scope == "item" and job.gives and job.state == "active"]
        for job in jobs[:MOST_JOBS]:
            newest = {state: self._newest(job.id, state, ruled.window) for state in ("done", "quarantined")}
            fact = find.quarantine_fact(job.id, job.title, newest["done"], newest["quarantined"], ruled)
            found += [fact] if fact else []
        return found

    def _newest(self, job: int, state: str, limit: int) -> list[int]:
        text = "SELECT item FROM task WHERE job = ? AND state = ? AND item > 0 ORDER BY item DESC LIMIT ?"
        return [row[0] for row in self.session.db.connection.execute(text, (job, state, limit))]

    def _of_engine(self, around: Around, ruled: Rules, now: float) -> list[Fact]:
        row = self.session.db.connection.execute("SELECT imported FROM exposure ORDER BY id DESC LIMIT 1").fetchone()
        newest = None if row is None else float(row[0])
        silence = find.silence_fact(newest, self._since, now, around.watching, ruled, around.hindered)
        free = shutil.disk_usage(self.session.folder).free
        if self._pace.is_due("disk", DISK_SECONDS):
            self._disk.append((now, free))
        rate = None
        if len(self._disk) >= LEAST_DISK_SAMPLES and self._disk[-1][0] > self._disk[0][0]:
            (first, before), (last, after) = self._disk[0], self._disk[-1]
            rate = (before - after) / (last - first)
        reserve = 1e9 * float(self.session.settings().get("disk_reserve") or 0.0)
        disk = find.disk_fact(free, reserve, rate, ruled)
        facts = find.condition_facts(self._lasting(around.conditions, now), around.faults)
        return [*facts, *(fact for fact in (silence, disk) if fact is not None)]

    def _lasting(self, conditions: Mapping[str, str], now: float) -> Mapping[str, str]:
        """The conditions without that of workers which have not had the time to start."""
        if "workers" not in conditions:
            self._no_workers = None
            return conditions
        self._no_workers = now if self._no_workers is None else self._no_workers
        if now - self._no_workers >= WORKERS_SECONDS:
            return conditions
        return {name: text for name, text in conditions.items() if name != "workers"}

    # --- what follows -----------------------------------------------------------------------------------------------

    def _commit(self, step: Step, now: float) -> None:
        self._calm, self._touched = step.calm, step.touched_at
        if not step.notices and not step.touched:
            return
        with self.session.db.transaction():
            for notice in step.notices:
                self._write(notice, now)
            for alarm in step.touched:
                update_alarm(self.session.db, alarm)

    def _write(self, notice: Notice, now: float) -> None:
        alarm = notice.alarm
        if alarm.id == 0:
            alarm = replace(alarm, id=insert_alarm(self.session.db, alarm))
        else:
            update_alarm(self.session.db, alarm)
        data = {"what": notice.what, "alarm": alarm.id, "key": alarm.key, "severity": alarm.severity}
        log_event(self.session.db, "alarm", f"{_word(notice)}: {alarm.sentence}", now, data=data)
        if alarm.kind == "trend" and self._streams is not None:
            write_learned(self.session.db, self._streams.learned())

    def _keep(self) -> None:
        if not self._kept and self._streams is not None and self._pace.is_due("keep", KEEP_SECONDS):
            write_learned(self.session.db, self._streams.learned())
            self._kept = True

    def _tell(self, ruled: Rules, now: float) -> None:
        db = self.session.db
        for message in self.outbox.sent():
            write_told(db, message.receiver.name, message.states, now)
        try:
            receivers = read_receivers(self.session.folder)
        except VitreousError as error:
            self.fault = str(error)
            return
        self.fault = self.outbox.fault
        if not receivers:
            return
        since = now - KEPT_SECONDS
        alarms = alarms_to_tell(db, since)
        if not alarms:
            return
        title = read_meta(db).get("title") or self.session.folder.name
        free = self.outbox.free(receivers)
        for message in messages(alarms, told_states(db, since), free, ruled, now, title):
            self.outbox.put(message)


def _is_stale(alarm: Alarm, stale: Sequence[str], streams: Streams) -> bool:
    return alarm.column_name in stale if alarm.column_name else len(stale) == len(streams.streams)


def _word(notice: Notice) -> str:
    alarm: Alarm = notice.alarm
    if notice.what == "cleared":
        return "passed"
    kind = f"{alarm.severity} alarm"
    return {"raised": kind, "worse": f"now a {kind}", "better": f"now a {kind} only"}[notice.what]
