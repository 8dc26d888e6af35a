"""What people see of alarms: the open ones and those that have passed; JSON-able."""

from __future__ import annotations

from typing import Any

from vitreous.project.session import Session
from vitreous.store.alarms import Alarm, open_alarms, past_alarms


def board(session: Session, limit: int = 100) -> dict[str, list[dict[str, Any]]]:
    """``{"open": […], "recent": […]}``: open alarms, severe ones first, and at most ``limit`` that were cleared."""
    return {
        "open": [alarm_record(entry) for entry in open_alarms(session.db)],
        "recent": [alarm_record(entry) for entry in past_alarms(session.db, limit)],
    }


def alarm_record(alarm: Alarm) -> dict[str, Any]:
    """One alarm; JSON-able."""
    record = {**vars(alarm), "column": alarm.column_name, "advice": list(alarm.advice), "data": dict(alarm.data)}
    del record["column_name"]
    return record
