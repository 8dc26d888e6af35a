"""A job for chosen items: a part of the set, and the job behind it, added in one step."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.core.words import counted
from vitreous.model.columns import find_column
from vitreous.project.item_actions import choose_items
from vitreous.project.job_actions import InputName, add_job, check_connection, default_inputs, free_title, read_input
from vitreous.project.session import Session
from vitreous.store import items
from vitreous.store.columns import exposure_columns
from vitreous.workflow.expression import parse
from vitreous.workflow.graph import Graph, Input, chosen_slot
from vitreous.workflow.job_type import JobType

MOST_NAMES = 200
"""Items that a subset lists by name; more are given a tag, which is looked up at once for each item that arrives."""


def add_job_on(
    session: Session,
    type: str,
    selection: Mapping[str, Any],
    params: Mapping[str, Any] | None = None,
    inputs: Sequence[InputName] | None = None,
    *,
    title: str | None = None,
    note: str = "",
    priority: int = 0,
) -> list[int]:
    """Add a job that works on chosen items alone: a subset (or a filter, for an expression), and the job behind it.

    A group, flag, tag or expression goes on choosing as items arrive and change; items named one by one, and choices
    of several kinds together, stay those of now.

    Args:
        session: the project.
        type: job type.
        selection: ``ids``, ``names`` (patterns), ``group``, ``flag``, ``tag`` or ``expression``.
        params: what is set; the rest comes from slots, project and defaults.
        inputs: jobs whose items are chosen from; unless given, the newest job behind which the slots are there.
        title, note, priority: of the job, as in ``add_job``.

    Returns:
        Numbers of the part and of the job.

    Raises:
        UsageError: no item is chosen, or the job can't be added; nothing is changed.
    """
    job_type = session.type(type)
    if job_type.scope == "source":
        raise UsageError(f"{type} brings items in: it takes none", hint="Choose a job type that works on items")
    given = {name: value for name, value in selection.items() if value not in (None, [], ())}
    chosen = choose_items(session, given)
    if not chosen:
        raise UsageError("no items are chosen", hint="Choose some that are in the project")
    graph = session.graph()
    sources = [read_input(graph, entry) for entry in inputs] if inputs is not None else None
    part, values, sources = _part(session, graph, job_type, given, chosen, sources)
    check_connection(graph, job_type, sources)
    edges = [(entry.source, entry.output) for entry in sources]
    name = free_title(session, f"For {title or job_type.title}")
    about = counted(len(chosen), "item") + " when it was made"
    before = add_job(session, part, values, edges, title=name, note=about)
    wanted = title or free_title(session, job_type.title)
    job = add_job(session, type, params, [before], title=wanted, note=note, priority=priority)
    return [before, job]


def _part(
    session: Session,
    graph: Graph,
    job_type: JobType,
    given: Mapping[str, Any],
    chosen: Sequence[int],
    sources: list[Input] | None,
) -> tuple[str, dict[str, Any], list[Input]]:
    """Type and parameters of the job that chooses, and what it chooses from."""
    only = next(iter(given)) if len(given) == 1 else None
    if only == "expression":
        found = sources or _behind_columns(session, graph, job_type, str(given["expression"]))
        if found is not None:
            return "filter", {"expression": given["expression"]}, found
    behind = sources or default_inputs(graph, job_type)
    if only == "group":
        return "subset", {"select": {"kind": "group", "groups": [glob.escape(str(given["group"]))]}}, behind
    if only == "flag" and given["flag"] != "none":
        return "subset", {"select": {"kind": "flag", "flags": [given["flag"]]}}, behind
    if only == "tag":
        return "subset", {"select": {"kind": "tag", "tags": [given["tag"]]}}, behind
    if len(chosen) <= MOST_NAMES:
        names = [glob.escape(name) for name in items.names_of(session.db, chosen)]
        return "subset", {"select": {"kind": "names", "patterns": names}}, behind
    tag = _free_tag(session)
    items.add_tag(session.db, chosen, tag, session.author)
    return "subset", {"select": {"kind": "tag", "tags": [tag]}}, behind


def _behind_columns(session: Session, graph: Graph, job_type: JobType, text: str) -> list[Input] | None:
    """The newest job behind which items have what the type needs and the slots whose columns the expression reads."""
    known = exposure_columns(session.db, "exposure")
    slots = []
    for name in parse(text).columns:
        column = find_column(name)
        if column is not None and column.slot and name in known:
            slots.append(column.slot)
    for number in sorted(graph.jobs, reverse=True):
        there = graph.slots_behind(number)
        single = graph.jobs[number].scope in ("item", "source")
        if single and all(chosen_slot(need, there) is not None for need in (*job_type.needs, *slots)):
            return [Input(number)]
    return None


def _free_tag(session: Session) -> str:
    taken = {row[0] for row in session.db.connection.execute("SELECT DISTINCT name FROM tag")}
    return next(name for number in range(1, len(taken) + 2) if (name := f"chosen {number}") not in taken)


ACTIONS = (add_job_on,)
