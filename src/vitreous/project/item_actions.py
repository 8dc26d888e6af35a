"""Actions on items: TRASH, groups, flags, tags, comments, parameters of single items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from vitreous.core.errors import UsageError
from vitreous.core.words import counted, near
from vitreous.project.conditions import table_condition
from vitreous.project.filters import Rule, revise_by_hand
from vitreous.project.session import Session, job_number
from vitreous.store import groups, items
from vitreous.store.events import log_event
from vitreous.store.ledger import unsettle
from vitreous.store.selection import Selection, select
from vitreous.workflow.job_type import JobType
from vitreous.workflow.parameters import normalised


def choose_items(session: Session, selection: Mapping[str, Any]) -> list[int]:
    """Numbers of the items that a selection means.

    Args:
        session: the project.
        selection: ``ids``, ``names`` (patterns), ``group``, ``flag``, ``tag``, ``expression``; all that are given hold.
    """
    given = {name: value for name, value in selection.items() if value not in (None, [], ())}
    text = given.pop("expression", None)
    unknown = given.keys() - {"ids", "names", "group", "flag", "tag"}
    if unknown:
        raise UsageError(
            f"items can't be chosen by {', '.join(sorted(unknown))}", hint="Use names, group, flag, tag, expression"
        )
    if not given and text is None:
        raise UsageError(
            "no items are chosen", hint="Give names (patterns such as '*_0001*'), a group, flag, tag or expression"
        )
    if text is not None:
        given["where"], given["parameters"] = table_condition(session.db, text)
    return select(session.db, Selection(**given))


def _changed(session: Session, changed: Sequence[int]) -> list[str]:
    unsettle(session.db, changed)
    return items.names_of(session.db, changed)


def trash(session: Session, selection: Mapping[str, Any]) -> list[str]:
    """Move items to TRASH: they take part in nothing, and lose nothing."""
    return _changed(session, groups.trash(session.db, choose_items(session, selection), session.author))


def restore(session: Session, selection: Mapping[str, Any]) -> list[str]:
    """Move items from TRASH back to where they were."""
    chosen = {"group": "TRASH", **selection}
    return _changed(session, groups.restore(session.db, choose_items(session, chosen), session.author))


def move_items(session: Session, selection: Mapping[str, Any], group: str) -> list[str]:
    """Move items to a group, which is made where there is none of that name."""
    groups.make_group(session.db, group, session.author)
    return _changed(session, groups.move(session.db, choose_items(session, selection), group, session.author))


def make_group(session: Session, group: str) -> None:
    """Make an empty group; one that is there already stays as it is."""
    groups.make_group(session.db, group, session.author)


def rename_group(session: Session, group: str, name: str) -> None:
    """Give a group another name."""
    groups.rename_group(session.db, group, name, session.author)
    unsettle(session.db, None)


def remove_group(session: Session, group: str) -> None:
    """Remove an empty group."""
    groups.remove_group(session.db, group, session.author)


def flag_items(session: Session, selection: Mapping[str, Any], flag: str) -> list[str]:
    """Give items a colour (none, red, green, blue, gold)."""
    return _changed(session, items.set_flag(session.db, choose_items(session, selection), flag, session.author))


def tag_items(session: Session, selection: Mapping[str, Any], tag: str, remove: bool = False) -> list[str]:
    """Give items a tag, or take it from them."""
    change = items.remove_tag if remove else items.add_tag
    return _changed(session, change(session.db, choose_items(session, selection), tag, session.author))


def comment_items(session: Session, selection: Mapping[str, Any], comment: str | None) -> list[str]:
    """Write a comment to items; empty removes it."""
    return _changed(session, items.set_comment(session.db, choose_items(session, selection), comment, session.author))


def set_item_parameters(
    session: Session, selection: Mapping[str, Any], type: str, params: Mapping[str, Any]
) -> list[str]:
    """Give items parameters of their own for jobs of a type; ``None`` leaves one to the job again."""
    job_type: JobType = session.type(type)
    for name in params:
        if name not in job_type.params.model_fields:
            hint = near(name, job_type.params.model_fields) or f"Known: {', '.join(job_type.params.model_fields)}"
            raise UsageError(f"{type} has no parameter {name!r}", hint=hint)
    values = normalised(job_type, {name: value for name, value in params.items() if value is not None})
    own = {f"{type}.{name}": values.get(name) for name in params}
    return _changed(session, items.set_parameters(session.db, choose_items(session, selection), own, session.author))


def decide_items(
    session: Session,
    job: str | int,
    selection: Mapping[str, Any],
    verdict: Literal["keep", "reject", "none"],
    reason: str = "",
) -> dict[str, list[str]]:
    """Keep or reject items in a filter by hand, whatever its expression says; ``none`` leaves them to it again.

    Args:
        session: the project.
        job: the filter.
        selection: the items.
        verdict: what is decided.
        reason: why.

    Returns:
        The names of the items that changed, by what had been decided of them before: ``keep``, ``reject``, ``none``.
    """
    number = job_number(session.graph(), job)
    rule = Rule.of(session, number)
    chosen = choose_items(session, selection)
    names = items.names_of(session.db, chosen)
    lists = {"keep": dict(rule.keep), "reject": dict(rule.reject)}
    before: dict[str, list[str]] = {"keep": [], "reject": [], "none": []}
    changed = []
    for item, name in zip(chosen, names, strict=True):
        was = "keep" if name in rule.keep else "reject" if name in rule.reject else "none"
        if was == verdict and (verdict == "none" or lists[verdict][name] == reason):
            continue
        changed.append(item)
        before[was].append(name)
        for names_in in lists.values():
            names_in.pop(name, None)
        if verdict != "none":
            lists[verdict][name] = reason
    if changed:
        _write_verdicts(session, number, lists)
        kind = "undecide" if verdict == "none" else verdict
        items.record(session.db, kind, changed, reason or None, session.author, number)
        done = {"keep": "kept by hand", "reject": "rejected by hand", "none": "left to the expression again"}[verdict]
        log_event(session.db, "decision", f"{counted(len(changed), 'item')} {done}", session.clock(), number)
        unsettle(session.db, changed)
    return before


def _write_verdicts(session: Session, number: int, lists: Mapping[str, Mapping[str, str]]) -> None:
    job = session.graph().jobs[number]
    entries = {
        kind: [{"item": name, "reason": reason} for name, reason in names.items()] for kind, names in lists.items()
    }
    values = normalised(session.type(job.type), {**job.params, **entries})
    revise_by_hand(session, number, values)


ACTIONS = (
    trash,
    restore,
    move_items,
    make_group,
    decide_items,
    rename_group,
    remove_group,
    flag_items,
    tag_items,
    comment_items,
    set_item_parameters,
)
