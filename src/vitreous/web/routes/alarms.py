"""Alarms of a project, and its limits."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from vitreous.project.alarms.board import board
from vitreous.project.alarms.deliver import try_receivers
from vitreous.project.alarms.limits import default_limits, limits, unit_of
from vitreous.project.alarms.receivers import receiver_records, write_receivers
from vitreous.project.alarms.settings import Rules, rules
from vitreous.store.database import read_meta
from vitreous.web.guard import Operating, Owning, Viewing

router = APIRouter(prefix="/api/projects/{project}/alarms", tags=["alarms"])


class AlarmView(BaseModel):
    """One alarm; times in s since 1970; ``column`` where it is about one; ``data`` holds its figures."""

    id: int
    key: str
    kind: str
    column: str | None
    severity: Literal["mild", "severe"]
    sentence: str
    cause: str | None
    advice: list[str]
    data: dict[str, Any]
    raised: float
    changed: float
    cleared: float | None
    acknowledged: float | None
    acknowledged_by: str | None
    note: str | None
    snoozed_until: float | None
    snoozed_by: str | None


class AlarmBoard(BaseModel):
    """Open alarms, severe ones first, and those that have passed, the newest first."""

    open: list[AlarmView]
    recent: list[AlarmView]


class ColumnLimits(BaseModel):
    """Levels of a column in the catalogue's units; ``null``: not watched."""

    mild_low: float | None
    mild_high: float | None
    severe_low: float | None
    severe_high: float | None


class LimitTable(BaseModel):
    """Column → its levels now, and those that a project begins with; ``units`` of the catalogue."""

    limits: dict[str, ColumnLimits]
    defaults: dict[str, ColumnLimits]
    units: dict[str, str | None]


@router.get("", operation_id="list_alarms")
def list_alarms(
    access: Viewing,
    limit: Annotated[int, Query(ge=0, le=1000, description="alarms that have passed, at most")] = 100,
) -> AlarmBoard:
    """What is wrong now, and what was."""
    with access.project.reading() as session:
        return AlarmBoard.model_validate(board(session, limit))


@router.get("/limits", operation_id="alarm_limits")
def alarm_limits(access: Viewing) -> LimitTable:
    """The limits of the figures of images."""
    with access.project.reading() as session:
        found = limits(session)
    units = {column: unit_of(column) for column in found}
    return LimitTable.model_validate({"limits": found, "defaults": default_limits(), "units": units})


class RuleSet(BaseModel):
    """How a project watches itself; ``trends``: column → whether its course is watched; times of the day ``HH:MM``."""

    silence_minutes: float | None
    window: int
    mild_count: int
    severe_count: int
    quarantine_percent: float
    disk_hours: float
    trends: dict[str, bool]
    pause_minutes: float
    quiet_from: str | None
    quiet_to: str | None


class RulesView(BaseModel):
    """The rules now, and those that a project begins with."""

    rules: RuleSet
    defaults: RuleSet


class ReceiverView(BaseModel):
    """Somebody who is told; ``url`` without what is secret in it; those of ``origin`` user are in the user's file."""

    name: str
    url: str
    level: Literal["mild", "severe"]
    active: bool
    origin: Literal["project", "user"]


class ReceiverGiven(BaseModel):
    """A receiver to be kept; no ``url``: that of the receiver called ``before`` (or ``name``) stays."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=80)
    url: str | None = Field(None, max_length=2000)
    level: Literal["mild", "severe"] = "mild"
    active: bool = True
    before: str | None = Field(None, max_length=80)


class TestGiven(BaseModel):
    """Who gets the test message; all unless given."""

    model_config = ConfigDict(extra="forbid")
    receiver: str | None = Field(None, max_length=80)


class TestResult(BaseModel):
    """Whether a receiver's service took the test message, and why not."""

    receiver: str
    url: str
    ok: bool
    message: str


@router.get("/rules", operation_id="alarm_rules")
def alarm_rules(access: Viewing) -> RulesView:
    """Silence, counts, trends, disk, pause between messages, quiet hours."""
    with access.project.reading() as session:
        return RulesView.model_validate({"rules": asdict(rules(session)), "defaults": asdict(Rules())})


@router.get("/receivers", operation_id="alarm_receivers")
def alarm_receivers(access: Operating) -> list[ReceiverView]:
    """Who is told of alarms, addresses masked."""
    return [ReceiverView.model_validate(entry) for entry in receiver_records(access.project.folder)]


@router.put("/receivers", operation_id="set_alarm_receivers")
def set_alarm_receivers(
    access: Owning, given: Annotated[list[ReceiverGiven], Field(max_length=50)]
) -> list[ReceiverView]:
    """Replace who is told by this project."""
    write_receivers(access.project.folder, [entry.model_dump() for entry in given])
    return [ReceiverView.model_validate(entry) for entry in receiver_records(access.project.folder)]


@router.post("/test", operation_id="test_alarm_receivers")
def test_alarm_receivers(access: Operating, given: TestGiven) -> list[TestResult]:
    """Send a test message to all receivers, or to one."""
    with access.project.reading() as session:
        title = read_meta(session.db).get("title") or access.project.folder.name
    found = try_receivers(access.project.folder, title, given.receiver)
    return [TestResult.model_validate(entry) for entry in found]
