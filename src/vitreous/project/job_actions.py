"""Actions on jobs: add, edit, copy, extend, connect, pause, resume, cancel, remove; settings of the project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from vitreous.core.errors import UsageError
from vitreous.core.plain import plain
from vitreous.core.words import near
from vitreous.project.columns import columns_of
from vitreous.project.references import bring_file, bring_files
from vitreous.project.session import Session, job_number
from vitreous.project.settings import FILES, check_settings
from vitreous.store import jobs as rows
from vitreous.store.columns import clear_values, ensure_columns, exposure_columns
from vitreous.store.events import log_event
from vitreous.store.ledger import show_slots, slots_from_json, unsettle
from vitreous.workflow.expression import parse
from vitreous.workflow.graph import Graph, Input, Job, chosen_slot
from vitreous.workflow.job_type import JobType
from vitreous.workflow.parameters import normalised

InputName = str | int | tuple[str | int, str]
"""A job, or a job with one of its outputs: ``3``, ``"J3"``, ``"J3:rejected"``, ``(3, "rejected")``."""


def add_job(
    session: Session,
    type: str,
    params: Mapping[str, Any] | None = None,
    inputs: Sequence[InputName] | None = None,
    *,
    title: str | None = None,
    note: str = "",
    waits: Sequence[str | int] = (),
    priority: int = 0,
    serial: bool = False,
    batch: int | None = None,
    continues: int | None = None,
) -> int:
    """Add a job; it begins as soon as its inputs are there.

    Args:
        session: the project.
        type: job type.
        params: what is set; the rest comes from slots, project and defaults.
        inputs: jobs whose items it takes; unless given, the newest job behind which its slots are there.
        title, note: for people.
        waits: jobs that must be finished before it starts.
        priority: jobs with a higher one go first.
        serial: one item after the other, in order of arrival.
        batch: items that are worked on together (1; 0: all); a set is run again when so many have come (0: at the end).
        continues: the job whose result it extends.

    Returns:
        Its number.
    """
    job_type = session.type(type)
    graph = session.graph()
    chosen = [read_input(graph, entry) for entry in inputs] if inputs is not None else default_inputs(graph, job_type)
    check_connection(graph, job_type, chosen)
    values = bring_files(session, job_type, normalised(job_type, params or {}))
    check_columns(session, job_type, values)
    ensure_columns(session.db, columns_of(job_type))
    number = rows.insert_job(
        session.db,
        type=type,
        title=title or job_type.title,
        note=note,
        params=values,
        inputs=chosen,
        now=session.clock(),
        author=session.author,
        waits=[job_number(graph, name) for name in waits],
        priority=priority,
        serial=serial,
        batch=default_batch(job_type) if batch is None else batch,
        continues=continues,
    )
    unsettle(session.db, None)
    _tell(session, number, f"added: {title or job_type.title} ({type})", params=values)
    return number


def default_batch(job_type: JobType) -> int:
    """Items that a job of this type takes together; for a set: how many have to come before it is run again."""
    if job_type.batch is not None:
        return job_type.batch
    return 0 if job_type.scope == "set" else 1


def check_columns(session: Session, job_type: JobType, params: Mapping[str, Any]) -> None:
    """Raise ``UsageError`` where an expression asks for a column that no job of the project gives."""
    if job_type.scope != "decision" or not isinstance(params.get("expression"), str):
        return
    kinds: dict[str, Literal["number", "text", "boolean"]] = {"group": "text", "number": "number"}
    for name, kind in exposure_columns(session.db, "exposure").items():
        kinds[name] = {"TEXT": "text", "BOOLEAN": "boolean"}.get(kind, "number")  # type: ignore[assignment]
    parse(params["expression"], kinds)


def read_input(graph: Graph, name: InputName) -> Input:
    """An edge from what a person gave."""
    if isinstance(name, list | tuple):
        job, output = name
    else:
        text, _, output = str(name).partition(":")
        job, output = text, output or "items"
    number = job_number(graph, job)
    outputs = graph.jobs[number].outputs
    if output not in outputs:
        raise UsageError(
            f"{graph.jobs[number].label} has no output {output!r}",
            hint=near(output, outputs) or f"It has {', '.join(outputs)}",
            job=number,
        )
    return Input(number, output)


def default_inputs(graph: Graph, job_type: JobType) -> list[Input]:
    """The newest job behind which the slots that are needed are there: one that gives some of them, before others.

    So a second CTF job stands behind the motion correction, not behind the particles that came of it.
    """
    if job_type.scope == "source":
        return []
    newest = sorted(graph.jobs, reverse=True)
    giving = [number for number in newest if _gives_needed(graph.jobs[number], job_type)]
    passing = [number for number in newest if graph.jobs[number].scope in ("item", "source")]
    for number in (*giving, *passing):
        if _missing(graph, job_type, [Input(number)]) is None:
            return [Input(number)]
    raise UsageError(
        f"{job_type.name} needs {' and '.join(job_type.needs) or 'items'}, which no job gives yet",
        hint="Add a job that gives it first, such as import",
        job_type=job_type.name,
    )


def _gives_needed(job: Job, job_type: JobType) -> bool:
    """Whether a job gives something that the type needs: then a job on a set is meant by it."""
    return any(chosen_slot(need, job.gives) is not None for need in job_type.needs)


def check_connection(graph: Graph, job_type: JobType, inputs: Sequence[Input]) -> None:
    """Raise ``UsageError`` where a job of that type can't take these inputs."""
    if job_type.scope == "source":
        if inputs:
            raise UsageError(f"{job_type.name} brings items in: it takes no input", hint="Leave the input away")
        return
    if not inputs:
        raise UsageError(f"{job_type.name} needs an input", hint="Name the job whose items it is to take")
    missing = _missing(graph, job_type, inputs)
    if missing is not None:
        names = ", ".join(graph.jobs[entry.source].label for entry in inputs)
        slots = sorted(set().union(*(graph.slots_behind(entry.source) for entry in inputs)))
        raise UsageError(
            f"{job_type.name} needs {_alternatives(missing)}, which items behind {names} do not have",
            hint=f"They have {', '.join(slots)}; connect it behind a job that gives {missing.split('|')[0]}",
            needs=missing,
        )
    _check_each(graph, job_type, inputs)


def _check_each(graph: Graph, job_type: JobType, inputs: Sequence[Input]) -> None:
    if job_type.each and len(inputs) < 2:
        raise UsageError(
            f"{job_type.name} takes {' and '.join(map(_alternatives, job_type.each))} of several jobs, one is given",
            hint="Name two inputs or more",
        )
    for need in job_type.each:
        for entry in inputs:
            if chosen_slot(need, graph.slots_behind(entry.source)) is None:
                raise UsageError(
                    f"items behind {graph.jobs[entry.source].label} have no {_alternatives(need)}",
                    hint=f"Each input of {job_type.name} must bring {_alternatives(need)} of its own",
                    needs=need,
                )


def _alternatives(need: str) -> str:
    return need.replace("|", " or ")


def _missing(graph: Graph, job_type: JobType, inputs: Sequence[Input]) -> str | None:
    slots: set[str] = set().union(*(graph.slots_behind(entry.source) for entry in inputs))
    return next((need for need in job_type.needs if chosen_slot(need, slots) is None), None)


def edit_job(
    session: Session,
    job: str | int,
    params: Mapping[str, Any] | None = None,
    *,
    unset: Sequence[str] = (),
    inputs: Sequence[InputName] | None = None,
    waits: Sequence[str | int] | None = None,
    reason: str = "",
    title: str | None = None,
    note: str | None = None,
    priority: int | None = None,
    serial: bool | None = None,
    batch: int | None = None,
) -> int:
    """Change a job; what its results depend on and has changed is computed again, and nothing else.

    Args:
        session: the project.
        job: which.
        params: parameters to set; ``unset``: parameters to leave to slots, project and defaults again.
        inputs, waits: in place of those that it has.
        reason: kept with the revision.
        title, note, priority, serial, batch: other ones, as in ``add_job``; what is ``None`` stays.

    Returns:
        The revision of its parameters.
    """
    graph = session.graph()
    number = job_number(graph, job)
    before = graph.jobs[number]
    job_type = session.type(before.type)
    revision = before.revision
    if params or unset:
        merged = {k: v for k, v in {**before.params, **(params or {})}.items() if k not in unset}
        values = bring_files(session, job_type, normalised(job_type, merged))
        check_columns(session, job_type, values)
        if values != before.params:
            revision = rows.revise_params(session.db, number, values, session.author, session.clock(), reason)
            changed = {k: v for k, v in values.items() if before.params.get(k) != v}
            if before.scope == "source":  # by other rules refused files may be taken
                text = "DELETE FROM source_file WHERE state = 'quarantined' AND job = ?"
                session.db.connection.execute(text, (number,))
            _tell(session, number, f"parameters changed ({', '.join([*changed, *unset])})", params=values)
    if inputs is not None:
        chosen = [read_input(graph, entry) for entry in inputs]
        _check_circle(graph, number, chosen)
        check_connection(graph, job_type, chosen)
        rows.set_inputs(session.db, number, chosen)
    if waits is not None:
        rows.set_waits(session.db, number, [job_number(graph, name) for name in waits])
    given = {"title": title, "note": note, "priority": priority, "serial": serial, "batch": batch}
    fields = {name: value for name, value in given.items() if value is not None}
    if fields:
        rows.update_job(session.db, number, **fields)
    unsettle(session.db, None)
    return revision


def _check_circle(graph: Graph, number: int, inputs: Sequence[Input]) -> None:
    behind = graph.descendants([number])
    for entry in inputs:
        if entry.source in behind:
            raise UsageError(
                f"{graph.jobs[entry.source].label} comes behind J{number}: they would wait for each other",
                hint="Choose an input that does not depend on it",
            )


def undo_edit(session: Session, job: str | int) -> int:
    """Go back to the parameters before the last change (as a new revision); results of then are found again."""
    number = job_number(session.graph(), job)
    known = rows.revisions(session.db, number)
    if len(known) < 2:
        raise UsageError(f"J{number} has had no other parameters", hint="There is nothing to undo")
    before = known[-2]
    why = f"undo of revision {known[-1].revision}"
    revision = rows.revise_params(session.db, number, before.params, session.author, session.clock(), why)
    unsettle(session.db, None)
    _tell(session, number, f"back to the parameters of revision {before.revision}")
    return revision


def copy_job(
    session: Session, job: str | int, params: Mapping[str, Any] | None = None, title: str | None = None
) -> int:
    """A second job with the same inputs and parameters, some changed."""
    return copy_branch(session, [job], {str(job): params or {}}, {str(job): title} if title else {})[0]


def copy_branch(
    session: Session,
    jobs: Sequence[str | int],
    params: Mapping[str, Mapping[str, Any]] | None = None,
    titles: Mapping[str, str] | None = None,
) -> list[int]:
    """Copy several jobs with the edges between them; edges from outside stay as they are.

    Args:
        session: the project.
        jobs: which; one alone with everything behind it is ``graph.descendants``.
        params: job → parameters that its copy has otherwise.
        titles: job → title of its copy.

    Returns:
        Numbers of the copies, in the order of ``jobs``.
    """
    graph = session.graph()
    numbers = [job_number(graph, name) for name in jobs]
    changes = {job_number(graph, name): values for name, values in (params or {}).items()}
    names = {job_number(graph, name): title for name, title in (titles or {}).items()}
    copies: dict[int, int] = {}
    for number in sorted(numbers, key=lambda n: graph.place[n]):
        job = graph.jobs[number]
        inputs = [(copies.get(entry.source, entry.source), entry.output) for entry in job.inputs]
        copies[number] = add_job(
            session,
            job.type,
            {**job.params, **changes.get(number, {})},
            inputs,
            title=names.get(number) or free_title(session, job.title),
            note=job.note,
            waits=[copies.get(other, other) for other in job.waits],
            priority=job.priority,
            serial=job.serial,
            batch=job.batch,
        )
    return [copies[number] for number in numbers]


def free_title(session: Session, title: str) -> str:
    """The title, with a number behind it where a job has it already."""
    taken = {job.title for job in session.graph().jobs.values()}
    numbered = (f"{title} {number}" for number in range(2, len(taken) + 3))
    return title if title not in taken else next(name for name in numbered if name not in taken)


def extend_job(session: Session, job: str | int, params: Mapping[str, Any] | None = None) -> int:
    """A new job that goes on from another's result: it takes the old one's items, and does so much more.

    The old job and its result stay as they are.
    """
    graph = session.graph()
    number = job_number(graph, job)
    old = graph.jobs[number]
    job_type = session.type(old.type)
    if not set(job_type.gives_names()) & {name for need in job_type.needs for name in need.split("|")}:
        raise UsageError(
            f"{old.label} can't be extended: {old.type} does not take up what it gives itself",
            hint="Copy it with other parameters instead",
            job=number,
        )
    merged = {**old.params, **(params or {})}
    return add_job(session, old.type, merged, [number], title=f"{old.title}, continued", continues=number)


def pause_job(session: Session, job: str | int) -> None:
    """Begin no more tasks of a job; those under way end."""
    _set_state(session, job, "paused")


def resume_job(session: Session, job: str | int) -> None:
    """Go on with a job that was paused or cancelled."""
    _set_state(session, job, "active")


def cancel_job(session: Session, job: str | int) -> None:
    """End a job: tasks under way are stopped, what is done stays."""
    _set_state(session, job, "cancelled")


def _set_state(session: Session, job: str | int, state: str) -> None:
    number = job_number(session.graph(), job)
    rows.update_job(session.db, number, state=state)
    unsettle(session.db, None)
    _tell(session, number, {"paused": "paused", "active": "resumed", "cancelled": "cancelled"}[state])


def close_source(session: Session, job: str | int) -> None:
    """Have an import end: what comes later is not taken."""
    _source(session, job, closed=True)


def reopen_source(session: Session, job: str | int) -> None:
    """Have an import watch again."""
    _source(session, job, closed=False)


def _source(session: Session, job: str | int, closed: bool) -> None:
    graph = session.graph()
    number = job_number(graph, job)
    if graph.jobs[number].scope != "source":
        raise UsageError(f"{graph.jobs[number].label} is no import", hint="Name an import")
    rows.update_job(session.db, number, closed=int(closed))
    _tell(session, number, "closed: no more items come" if closed else "opened again")


def remove_job(session: Session, job: str | int, with_all_behind: bool = False) -> list[int]:
    """Remove a job (with everything behind it); its files stay until they are cleaned away."""
    graph = session.graph()
    number = job_number(graph, job)
    behind = [n for n in reversed(graph.order) if n in graph.descendants([number])]
    if len(behind) > 1 and not with_all_behind:
        others = ", ".join(graph.jobs[n].label for n in sorted(behind) if n != number)
        raise UsageError(f"{others} depend on J{number}", hint="Remove them too (--with-all-behind)", job=number)
    if graph.jobs[number].scope == "source":
        count = session.db.connection.execute(
            "SELECT count(*) FROM exposure WHERE source_job = ?", (number,)
        ).fetchone()
        if count[0]:
            raise UsageError(
                f"{graph.jobs[number].label} has brought {count[0]} items, which belong to the project",
                hint="Close it instead, and trash items that you do not want",
            )
    show_what_stays(session, graph, frozenset(behind))
    for other in behind:
        _tell(session, other, f"removed: {graph.jobs[other].label}")
        rows.delete_job(session.db, other)
    unsettle(session.db, None)
    return sorted(behind)


def show_what_stays(session: Session, graph: Graph, removed: frozenset[int]) -> None:
    """Have the table of exposures show, in place of what jobs gave that go, what the newest other job gave."""
    slots = {slot for number in removed for slot in graph.jobs[number].gives}
    for number in removed:
        for slot in graph.jobs[number].gives:
            clear_values(session.db, slot, number)
    text = """SELECT t.item, r.slots FROM task t JOIN result r ON r.identity = t.identity
        WHERE t.job = ? AND t.state = 'done' AND t.item > 0"""
    for number in sorted(graph.jobs.keys() - removed):
        if slots.isdisjoint(graph.jobs[number].gives):
            continue
        for item, given in session.db.connection.execute(text, (number,)).fetchall():
            show_slots(session.db, number, item, slots_from_json(given))


def change_settings(session: Session, values: Mapping[str, Any], origin: str = "user") -> None:
    """Set values of the project, which parameters inherit; ``None`` removes one."""
    check_settings({name: value for name, value in values.items() if value is not None})
    settings = session.settings_with_origin()
    for name, value in values.items():
        if value is None:
            settings.pop(name, None)
        else:
            stored = bring_file(session, str(value)) if name in FILES else plain(value)
            settings[name] = {"value": stored, "origin": origin}
    session.write_settings(settings)
    unsettle(session.db, None)
    told = ", ".join(f"{name} = {value}" for name, value in values.items())
    log_event(session.db, "settings", f"settings: {told}", session.clock(), data=dict(values))


def _tell(session: Session, job: int, message: str, **data: Any) -> None:
    log_event(session.db, "job", message, session.clock(), job, data={"author": session.author, **data})


ACTIONS = (
    add_job,
    edit_job,
    undo_edit,
    copy_job,
    copy_branch,
    extend_job,
    pause_job,
    resume_job,
    cancel_job,
    close_source,
    reopen_source,
    remove_job,
    change_settings,
)
