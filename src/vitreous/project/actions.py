"""What a user may do to a project, by name: the command line, the Python API and a page all act through these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vitreous.core.errors import UsageError
from vitreous.core.plain import plain
from vitreous.project import cleaning, item_actions, job_actions, job_selection, preflight, task_actions, templates
from vitreous.project.alarms import actions as alarm_actions
from vitreous.project.session import Session

if TYPE_CHECKING:
    from vitreous.project.engine import Engine

Action = Callable[..., Any]

MODULES = (job_actions, job_selection, item_actions, task_actions, preflight, cleaning, templates, alarm_actions)

ACTIONS: Mapping[str, Action] = {function.__name__: function for module in MODULES for function in module.ACTIONS}


def perform(session: Session, name: str, arguments: Mapping[str, Any], engine: Engine | None = None) -> Any:
    """Do one action; what it returns is JSON-able.

    Raises:
        VitreousError: it can't be done, and nothing was changed.
    """
    if name == "stop_engine":
        if engine is None:
            raise UsageError("no engine runs this project", hint="There is nothing to stop")
        engine.stop(now=bool(arguments.get("now")))
        return None
    function = ACTIONS.get(name)
    if function is None:
        raise UsageError(f"there is no action {name!r}", hint=f"Known: {', '.join(ACTIONS)}", action=name)
    author = arguments.get("author")
    before = session.author
    session.author = str(author) if author else before
    session.after_commit.clear()
    try:
        with session.db.transaction():
            given = {key: value for key, value in arguments.items() if key != "author"}
            answer = plain(function(session, **given))
        for finish in session.after_commit:
            finish()
        return answer
    except BaseException:
        session.forget_graph()  # it may show what was taken back
        raise
    finally:
        session.author = before
