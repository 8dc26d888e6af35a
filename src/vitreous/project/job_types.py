"""The job types that are installed: found by entry point, loaded only when asked for."""

from __future__ import annotations

import ast
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitreous.workflow.job_type import JobType

GROUP = "vitreous.jobs"
_WORKING = ("item", "set")
"""Scopes of job types that can work outside of projects."""


@dataclass(frozen=True)
class BrokenJob:
    """A job type that is declared but can't be loaded; it is shown with its traceback, never left out."""

    name: str
    origin: str
    reason: str
    traceback: str


@cache
def declared() -> Mapping[str, EntryPoint]:
    """All declared job types by name, sorted; reads the installed packages' metadata once, and imports nothing."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    return dict(sorted(found.items()))


def load(point: EntryPoint) -> JobType | BrokenJob:
    """Import one job type; a fault of its module becomes a ``BrokenJob``."""
    from vitreous.workflow.job_type import JobType

    try:
        job = point.load()
        if not isinstance(job, JobType):
            raise TypeError(f"{point.value} is a {type(job).__name__}, not a JobType")
        if job.name != point.name:
            raise TypeError(f"{point.value} calls itself {job.name!r}, its entry point {point.name!r}")
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return BrokenJob(point.name, point.value, reason, traceback.format_exc())
    return job


def summary(point: EntryPoint) -> str:
    """The job type's one-sentence summary, read from its source without running it where that can be done.

    Listing the commands is then quick: nothing of a job type is imported until it is used.
    """
    text = _stated(point).get("summary")
    if isinstance(text, ast.Constant) and isinstance(text.value, str):
        return text.value
    job = load(point)
    return f"Can't be loaded: {job.reason}" if isinstance(job, BrokenJob) else job.summary


def is_command(point: EntryPoint) -> bool:
    """Whether the job type is a command by itself: it works outside of projects, on items one by one or on a set.

    Read from the source like ``summary``; a job type that can't be loaded is a command that says why.
    """
    words = _stated(point)
    if words:
        scope = words.get("scope")
        works = scope is None or (isinstance(scope, ast.Constant) and scope.value in _WORKING)
        return works and getattr(words.get("start"), "id", None) != "no_command"
    from vitreous.workflow.job_type import no_command

    job = load(point)
    return isinstance(job, BrokenJob) or (job.scope in _WORKING and job.start is not no_command)


@cache
def _stated(point: EntryPoint) -> Mapping[str, ast.expr]:
    """The words of the call of ``JobType`` in the job type's source; none where it is made in another way."""
    module, _, name = point.value.partition(":")
    try:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            return {}
        return _words_of_call(Path(spec.origin).read_text(), name)
    except (ImportError, OSError, SyntaxError, ValueError):
        return {}


def _words_of_call(source: str, name: str) -> Mapping[str, ast.expr]:
    """The words of ``NAME = JobType(...)``. Only this statement is parsed: a whole module takes a hundred times longer.

    Raises:
        SyntaxError: the statement does not end with a bracket at the beginning of a line.
    """
    found = re.search(rf"^{re.escape(name)}\b[^=\n]*= *JobType\(.*?^\)", source, re.MULTILINE | re.DOTALL)
    if found is None:
        return {}
    statement = ast.parse(found[0]).body[0]
    call = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    return {word.arg: word.value for word in call.keywords if word.arg} if isinstance(call, ast.Call) else {}


def find(name: str) -> JobType | BrokenJob | None:
    """The job type of that name, a ``BrokenJob`` where it can't be loaded, ``None`` where none is declared."""
    point = declared().get(name)
    return None if point is None else load(point)
