"""Write the jobs of a project down as a template, which another project can take."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from vitreous import __version__
from vitreous.core.errors import UsageError
from vitreous.core.plain import plain
from vitreous.model.columns import find_column
from vitreous.project.create import FILES
from vitreous.project.decisions import BY_HAND, Decided, names_by_hand, standing
from vitreous.project.job_actions import default_batch
from vitreous.project.scripts import PREFIX, ScriptJob
from vitreous.project.session import Session, job_number
from vitreous.project.template_format import (
    FORMAT,
    SETTINGS,
    VERSION,
    Supply,
    Template,
    TemplateDecision,
    TemplateFile,
    TemplateInput,
    TemplateJob,
    to_mapping,
)
from vitreous.store.database import read_meta
from vitreous.workflow.expression import parse
from vitreous.workflow.graph import Graph, Job, chosen_slot
from vitreous.workflow.job_type import JobType
from vitreous.workflow.parameters import is_file


def export_template(
    session: Session,
    jobs: Sequence[str | int] | None = None,
    *,
    with_settings: bool = False,
    with_decisions: bool = True,
    title: str | None = None,
) -> dict[str, Any]:
    """All jobs, or some, as a template (JSON-able).

    Files stay behind, named with the hash of their content; so do the folders of the camera.

    Args:
        session: the project.
        jobs: which; an input from a job that is left out becomes an open one, which states the slots that it must give.
        with_settings: take the project's settings along (pixel size, voltage …), which jobs inherit.
        with_decisions: take along what people decided about items: flags, TRASH, groups, tags, comments, parameters
            of single items, and lists of filters.
        title: for people; the project's unless given.

    Raises:
        UsageError: there are no jobs, or a job's type is not here.
    """
    graph = session.graph()
    chosen = set(graph.jobs) if jobs is None else {job_number(graph, name) for name in jobs}
    if not chosen:
        raise UsageError("there are no jobs to export", hint="Add jobs first, or name some")
    keys = _keys(graph, chosen)
    parts = [_portable(session, graph.jobs[number], key, with_decisions) for number, key in keys.items()]
    decided = standing(session) if with_decisions else []
    by_hand = [name for part in parts for name in names_by_hand(part.by_hand)]
    meta = read_meta(session.db)
    settings = session.settings() if with_settings else {}
    template = Template(
        format=FORMAT,
        version=VERSION,
        title=title or meta["title"],
        mode=typing.cast(Any, meta["mode"]),
        vitreous=__version__,
        jobs=tuple(_job(graph, keys, n, part) for n, part in zip(keys, parts, strict=True)),
        files=(*(file for part in parts for file in part.files), *_setting_files(session, settings)),
        supply=tuple(supply for part in parts for supply in part.supply),
        settings={name: plain(value) for name, value in settings.items() if name not in FILES},
        decisions=_decisions(decided),
        items=_contents(session, [*by_hand, *(entry.item for entry in decided)]),
        scripts=dict(part.script for part in parts if part.script is not None),
        left_out=tuple(_left_out(graph, keys)),
    )
    return to_mapping(template)


def _keys(graph: Graph, chosen: Iterable[int]) -> dict[int, str]:
    """Job → its key, in the order of the graph: its type, numbered where there are several."""
    keys: dict[int, str] = {}
    for number in (n for n in graph.order if n in frozenset(chosen)):
        words = re.findall(r"[A-Za-z0-9]+", graph.jobs[number].type.removeprefix(PREFIX))
        base = "_".join(words) or "job"
        taken, key, count = {*keys.values(), SETTINGS}, base, 1
        while key in taken:
            count += 1
            key = f"{base}_{count}"
        keys[number] = key
    return keys


@dataclass(frozen=True)
class _Portable:
    """What of a job can go elsewhere, and what must be supplied there."""

    job_type: JobType
    params: Mapping[str, Any]
    by_hand: Mapping[str, Any]
    files: tuple[TemplateFile, ...]
    supply: tuple[Supply, ...]
    script: tuple[str, str] | None


def _portable(session: Session, job: Job, key: str, with_decisions: bool) -> _Portable:
    job_type = session.type(job.type)
    params: dict[str, Any] = {}
    files: list[TemplateFile] = []
    supply: list[Supply] = []
    by_hand: dict[str, Any] = {}
    for name, value in job.params.items():
        field = job_type.params.model_fields.get(name)
        if name in BY_HAND.get(job.type, ()):
            if with_decisions:
                params[name] = by_hand[name] = value
        elif field is None or value is None or not _speaks_of_paths(field.annotation):
            params[name] = value
        elif is_file(job_type, name):
            files.append(_file(session, key, name, str(value)))
        else:
            supply.append(Supply(job=key, parameter=name, help=field.description or ""))
    return _Portable(job_type, params, by_hand, tuple(files), tuple(supply), _script(job_type))


def _speaks_of_paths(annotation: Any) -> bool:
    return annotation is Path or any(_speaks_of_paths(part) for part in typing.get_args(annotation))


def _file(session: Session, key: str | None, parameter: str, name: str) -> TemplateFile:
    there = (session.folder / name).is_file()
    identity = session.file_identity(name) if there else None
    return TemplateFile(job=key, parameter=parameter, name=name, identity=identity)


def _setting_files(session: Session, settings: Mapping[str, Any]) -> list[TemplateFile]:
    return [_file(session, None, name, str(settings[name])) for name in FILES if settings.get(name)]


def _script(job_type: JobType) -> tuple[str, str] | None:
    if not isinstance(job_type, ScriptJob):
        return None
    try:
        return job_type.file.name, job_type.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{job_type.file}: can't be read as text: {error}",
            hint="A template takes scripts along as text; save it as UTF-8, or export the other jobs",
            path=str(job_type.file),
        ) from error


def _job(graph: Graph, keys: Mapping[int, str], number: int, part: _Portable) -> TemplateJob:
    job = graph.jobs[number]
    return TemplateJob(
        key=keys[number],
        type=job.type,
        version=part.job_type.version,
        title=job.title,
        note=job.note,
        params=dict(part.params),
        inputs=tuple(
            TemplateInput(job=keys[entry.source], output=entry.output)
            if entry.source in keys
            else _open_input(graph, keys, number, entry.source, entry.output)
            for entry in job.inputs
        ),
        waits=tuple(keys[other] for other in job.waits if other in keys),
        priority=job.priority,
        serial=job.serial,
        batch=None if job.batch == default_batch(part.job_type) else job.batch,
        state=job.state,
        continues=None if job.continues is None else keys.get(job.continues),
    )


def _open_input(graph: Graph, keys: Mapping[int, str], number: int, source: int, output: str) -> TemplateInput:
    """The input from a job that stays behind: what it and the exported jobs behind it take of that job's slots."""
    there = graph.slots_behind(source)
    needs: dict[str, None] = {}
    for other in (n for n in keys if n in graph.descendants([number])):
        given = {slot for n in graph.ancestors(other) & keys.keys() for slot in graph.jobs[n].gives}
        for need in (*graph.jobs[other].needs, *_slots_of_expression(graph.jobs[other])):
            if chosen_slot(need, given) is None and chosen_slot(need, there) is not None:
                needs[need] = None
    was = graph.jobs[source].label + ("" if output == "items" else f", {output}")
    return TemplateInput(open=tuple(needs), was=was)


def _slots_of_expression(job: Job) -> list[str]:
    """The slots whose columns a filter reads."""
    text = job.params.get("expression")
    if not isinstance(text, str):
        return []
    found = [find_column(name) for name in sorted(parse(text).columns)]
    return list(dict.fromkeys(column.slot for column in found if column is not None and column.slot))


def _left_out(graph: Graph, keys: Mapping[int, str]) -> Iterable[str]:
    for number, key in keys.items():
        job = graph.jobs[number]
        for other in job.waits:
            if other not in keys:
                yield f"{key} waited for {graph.jobs[other].label}"
        if job.continues is not None and job.continues not in keys:
            yield f"{key} continued J{job.continues}"


def _decisions(decided: Sequence[Decided]) -> tuple[TemplateDecision, ...]:
    """One entry for the items of one decision."""
    same = groupby(decided, key=lambda entry: (entry.order, entry.kind, entry.value or "", entry.author, entry.time))
    return tuple(
        TemplateDecision(
            kind=typing.cast(Any, kind),
            items=tuple(entry.item for entry in (first, *rest)),
            value=first.value,
            author=author,
            time=time,
        )
        for (_, kind, _, author, time), (first, *rest) in ((key, list(entries)) for key, entries in same)
    )


def _contents(session: Session, names: Iterable[str]) -> dict[str, str]:
    """Name → content hash of those items that are in the project."""
    wanted = frozenset(names)
    if not wanted:
        return {}
    rows = session.db.connection.execute("SELECT name, identity FROM exposure ORDER BY name")
    return {row[0]: row[1] for row in rows if row[0] in wanted}
