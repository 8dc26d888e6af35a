"""What the pre-flight check of a session found, and taking up what it proposes."""

from __future__ import annotations

import json
from typing import Any

from vitreous.core.errors import DataError, UsageError
from vitreous.model.acquisition import Acquisition
from vitreous.project.job_actions import change_settings
from vitreous.project.session import Session
from vitreous.project.settings import OTHER_SETTINGS, check_settings
from vitreous.store.ledger import Results


def newest_report(session: Session) -> dict[str, Any] | None:
    """The report of the newest pre-flight check that is done, ``None`` where there is none."""
    text = """SELECT t.identity FROM task t JOIN job j ON j.id = t.job
        WHERE j.type = 'preflight' AND t.state = 'done' ORDER BY t.finished DESC LIMIT 1"""
    row = session.db.connection.execute(text).fetchone()
    found = None if row is None else Results(session.db).find(row[0])
    file = None if found is None or "preflight" not in found.slots else found.slots["preflight"].file
    if file is None:
        return None
    try:
        return dict(json.loads((session.folder / file).read_text()))
    except (OSError, ValueError) as error:
        raise DataError(f"{file} can't be read: {error}", hint="Run the check again", path=file) from error


def apply_proposal(session: Session) -> dict[str, Any]:
    """Set the project's settings as the newest pre-flight check proposes.

    Returns:
        What was set; proposals that are no settings of the project (such as a number of frames) are left to people.

    Raises:
        UsageError: there is no check, or it proposes nothing that can be set.
    """
    report = newest_report(session)
    if report is None:
        raise UsageError("no pre-flight check is done", hint="Add one behind an import: vitreous add preflight")
    known = {*Acquisition.model_fields, *OTHER_SETTINGS}
    values = {name: value for name, value in report["proposal"].items() if name in known}
    if not values:
        raise UsageError("the pre-flight check proposes no other settings", hint="Look at its findings")
    check_settings(values)
    change_settings(session, values, origin="pre-flight check")
    return values


ACTIONS = (apply_proposal,)
