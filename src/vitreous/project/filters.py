"""Filters as things with versions: what a change of one lets in and leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.project.session import Session
from vitreous.store.jobs import revisions
from vitreous.store.ledger import Results, item_facts
from vitreous.workflow.filter_diff import Diff, diff
from vitreous.workflow.filter_rule import FilterRule
from vitreous.workflow.job_type import DecisionInput
from vitreous.workflow.planner import decision_input, settle

FilterDiff = Diff


def diff_revisions(session: Session, number: int, before: int, after: int | None = None) -> FilterDiff:
    """Which items entered and left between two revisions of a filter (``after``: its newest)."""
    job = session.graph().jobs[number]
    if job.type != "filter":
        raise UsageError(f"{job.label} is no filter", hint="Name a filter", job=number)
    known = {entry.revision: entry.params for entry in revisions(session.db, number)}
    chosen = []
    for revision in (before, max(known) if after is None else after):
        if revision not in known:
            hint = f"It has revisions {min(known)} to {max(known)}"
            raise UsageError(f"{job.label} has no revision {revision}", hint=hint, job=number)
        chosen.append(rule(known[revision]))
    rows = ((given.name, given.values) for given in arrivals(session, number))
    return diff(chosen[0], chosen[1], rows)


def rule(params: Mapping[str, Any]) -> FilterRule:
    """What a filter with these parameters does."""
    from vitreous.jobs.filter import FilterParams, filter_rule

    return filter_rule(FilterParams.model_validate(dict(params)))


def arrivals(session: Session, number: int) -> Iterator[DecisionInput]:
    """The items that have come to a decision job, with what it knows of them."""
    graph = session.graph()
    numbers = [row[0] for row in session.db.connection.execute("SELECT id FROM exposure ORDER BY id")]
    for start in range(0, len(numbers), 500):
        facts = item_facts(session.db, numbers[start : start + 500])
        results = Results(session.db)
        results.load([t.identity for f in facts for t in f.tasks.values() if t.identity] + [f.identity for f in facts])
        for item in facts:
            arrived = settle(graph, item, results.find, session.decide).arrivals[number]
            if arrived.state == "here":
                yield decision_input(graph.jobs[number], item, arrived, results.find)
