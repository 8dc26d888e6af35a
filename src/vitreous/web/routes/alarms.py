"""Alarms of a project, and its limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from vitreous.project.alarms.board import board
from vitreous.project.alarms.limits import default_limits, limits, unit_of
from vitreous.web.guard import Viewing

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
