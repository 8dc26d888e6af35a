"""Filters as things with versions: what each lets pass, and what a change of one lets in and leaves out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.core.plain import to_json
from vitreous.project.session import Session
from vitreous.store.jobs import revise_params, revisions
from vitreous.store.ledger import Results, item_facts, leaving_counts
from vitreous.store.library import cached
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


@dataclass(frozen=True)
class Rule:
    """A filter job's parameters: its condition, and the names that people decided on (name → reason).

    Attributes:
        expression: condition in the language of filters.
        keep, reject: by hand.
        accept_unknown: whether an item passes of which the expression is unknown.
    """

    expression: str
    keep: Mapping[str, str]
    reject: Mapping[str, str]
    accept_unknown: bool

    @classmethod
    def of(cls, session: Session, number: int) -> Rule:
        """The rule of a filter job.

        Raises:
            UsageError: there is no such job, or it is no filter.
        """
        job = session.graph().jobs.get(number)
        if job is None:
            raise UsageError(f"there is no job J{number}", hint="See the list of filters", missing=True, job=number)
        if job.type != "filter":
            raise UsageError(f"{job.label} is no filter", hint="Name a filter", job=number)
        params = job.params
        return cls(
            str(params.get("expression", "")),
            by_hand(params.get("keep")),
            by_hand(params.get("reject")),
            params.get("unknown") == "accept",
        )

    def verdict(self, name: str, met: Any) -> str:
        """What becomes of an item of which the expression says ``met``."""
        if name in self.reject:
            return "refused"
        if name in self.keep:
            return "kept"
        if met is None:
            return "in" if self.accept_unknown else "unknown"
        return "in" if met else "out"


def by_hand(entries: Any) -> dict[str, str]:
    """Name → reason, of a filter's parameter ``keep`` or ``reject``."""
    pairs = (entry if isinstance(entry, Mapping) else {"item": entry} for entry in entries or ())
    return {str(entry["item"]): str(entry.get("reason", "")) for entry in pairs}


def filter_condition(rule: Rule, sql: str, values: Sequence[Any], side: str = "items") -> tuple[str, tuple[Any, ...]]:
    """The SQL condition of the items that pass a filter (``items``), don't (``rejected``), or are ``by hand``.

    It goes by the values that the table shows now, so that a page need not wait for the engine to decide.

    Args:
        rule: of the filter.
        sql, values: its expression in SQL.
        side: which items.
    """
    kept, refused = json.dumps(list(rule.keep)), json.dumps(list(rule.reject))
    listed = "name IN (SELECT value FROM json_each(?))"
    if side == "by hand":
        return f"({listed} OR {listed})", (kept, refused)
    passes = f"coalesce({sql}, {int(rule.accept_unknown)})"
    given: tuple[Any, ...] = tuple(values)
    if rule.keep:
        passes, given = f"({passes} OR {listed})", (*given, kept)
    if rule.reject:
        passes, given = f"({passes} AND NOT {listed})", (*given, refused)
    return (f"NOT {passes}" if side == "rejected" else passes), given


@dataclass(frozen=True)
class FilterLine:
    """A filter in the list: its job, its rule in words, and how many items leave it by which output.

    Attributes:
        job, title, state, revision: of the job.
        expression: its condition.
        kept, refused: items decided by hand.
        passed, rejected: items that the engine has sent on so far; ``None`` where it has not decided yet.
    """

    job: int
    title: str
    state: str
    revision: int
    expression: str
    kept: int
    refused: int
    passed: int | None
    rejected: int | None


def filter_lines(session: Session) -> list[FilterLine]:
    """All filters of the project."""
    leaving = cached(session.db, "leaving", lambda: leaving_counts(session.db))
    found = []
    for job in session.graph().jobs.values():
        if job.type != "filter":
            continue
        counts, params = leaving.get(job.id), job.params
        passed, rejected = (None, None) if counts is None else (counts.get("items", 0), counts.get("rejected", 0))
        kept, refused = len(params.get("keep") or ()), len(params.get("reject") or ())
        title = str(params.get("name") or job.title)
        state = "broken" if job.broken else str(job.state)
        expression = str(params.get("expression", ""))
        found.append(FilterLine(job.id, title, state, job.revision, expression, kept, refused, passed, rejected))
    return found


JOINED_SECONDS = 300.0
"""Decisions by hand of one person that follow each other within this time (s) are one version of the filter."""
REASON = "by hand"


def revise_by_hand(session: Session, number: int, values: Mapping[str, Any]) -> None:
    """Give a filter other lists of items decided by hand.

    Thousands of decisions in a row are one version: each would otherwise keep a list of all of them.
    """
    db, now = session.db, session.clock()
    text = "SELECT revision, author, time, reason FROM job_revision WHERE job = ? ORDER BY revision DESC LIMIT 1"
    last = db.connection.execute(text, (number,)).fetchone()
    fresh = last is not None and last["reason"] == REASON and last["author"] == session.author
    if not fresh or now - last["time"] > JOINED_SECONDS:
        revise_params(db, number, values, session.author, now, REASON)
        return
    params = to_json(values, indent=None)
    with db.transaction() as connection:
        connection.execute("UPDATE job SET params = ? WHERE id = ?", (params, number))
        connection.execute(
            "UPDATE job_revision SET params = ?, time = ? WHERE job = ? AND revision = ?",
            (params, now, number, last["revision"]),
        )
