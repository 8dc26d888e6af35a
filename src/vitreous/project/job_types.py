"""The job types that are installed: found by entry point, loaded only when asked for."""

from __future__ import annotations

import ast
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
    stated = _stated_summary(point)
    if stated is not None:
        return stated
    job = load(point)
    return f"Can't be loaded: {job.reason}" if isinstance(job, BrokenJob) else job.summary


def _stated_summary(point: EntryPoint) -> str | None:
    try:
        spec = find_spec(point.module)
        if spec is None or spec.origin is None:
            return None
        tree = ast.parse(Path(spec.origin).read_text())
    except (ImportError, OSError, SyntaxError, ValueError):
        return None
    for call in (node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)):
        if isinstance(call, ast.Call) and getattr(call.func, "id", None) == "JobType":
            words = {word.arg: word.value for word in call.keywords}
            text = words.get("summary")
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                return text.value
    return None


def find(name: str) -> JobType | BrokenJob | None:
    """The job type of that name, a ``BrokenJob`` where it can't be loaded, ``None`` where none is declared."""
    point = declared().get(name)
    return None if point is None else load(point)
