"""The job types that a project can use: the installed ones, and the scripts in its folder ``scripts``."""

from __future__ import annotations

from pathlib import Path

from vitreous.core.errors import UsageError
from vitreous.core.words import near
from vitreous.project import job_types
from vitreous.project.job_types import BrokenJob
from vitreous.project.scripts import BrokenScript, find_scripts
from vitreous.workflow.job_type import JobType

PREFIX = "script:"


def find_type(folder: Path, name: str) -> JobType | BrokenJob | BrokenScript | None:
    """The job type of that name in a project, a broken one with its reason, or ``None``."""
    if name.startswith(PREFIX):
        return find_scripts(folder / "scripts").get(name)
    return job_types.find(name)


def needed_type(folder: Path, name: str) -> JobType:
    """The job type of that name, or a ``UsageError`` that says what is wrong and what there is."""
    found = find_type(folder, name)
    if isinstance(found, JobType):
        return found
    if isinstance(found, BrokenScript):
        raise found.error()
    if found is not None:
        raise UsageError(
            f"the job type {name} can't be used: {found.reason}", hint="Mend it, or remove it", job_type=name
        )
    known = type_names(folder)
    raise UsageError(
        f"there is no job type {name!r}", hint=near(name, known) or f"Known: {', '.join(known)}", job_type=name
    )


def type_names(folder: Path) -> list[str]:
    """Names of all job types of a project, broken ones too."""
    return [*job_types.declared(), *find_scripts(folder / "scripts")]
