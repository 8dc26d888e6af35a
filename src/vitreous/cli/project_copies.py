"""The commands that make jobs from jobs: copy, extend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitreous.cli.project_common import (
    Command,
    JobArgument,
    JobsArgument,
    JsonOption,
    ProjectOption,
    WordsArgument,
    answer,
    job_of,
    opened,
    say,
    type_of,
    typed,
)
from vitreous.cli.project_jobs import record_of
from vitreous.core.errors import UsageError

if TYPE_CHECKING:
    from vitreous.project.project import Project


def copy(
    jobs: JobsArgument,
    words: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="JOB.NAME=VALUE", help="another parameter of the copy; may be repeated"),
    ] = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Copy jobs with the connections between them, some parameters changed; the first ones stay as they are.

    Example: [bold]vitreous copy J2 J3 --set J2.patches=7x7[/bold]
    """
    with opened(project) as found:
        numbers = [job_of(found, name) for name in jobs]
        params = _copied_params(found, numbers, words or ())
        copies = found.act("copy_branch", jobs=numbers, params=params)
        records = [record_of(found, number) for number in copies]

    def show() -> None:
        for old, record in zip(numbers, records, strict=True):
            say(f"J{record['id']} {record['title']} is the copy of J{old}.")

    answer(records, json_output, show)


def _copied_params(project: Project, numbers: Sequence[int], words: Sequence[str]) -> dict[str, Any]:
    of_job: dict[int, list[str]] = {}
    for word in words:
        name, dot, setting = word.partition(".")
        if not dot or setting.endswith("="):
            raise UsageError(
                f"{word!r} sets no parameter of a copy", hint="Write JOB.NAME=VALUE, such as J2.patches=7x7", word=word
            )
        number = job_of(project, name)
        if number not in numbers:
            raise UsageError(f"J{number} is not copied", hint="Name it among the jobs to copy", job=number)
        of_job.setdefault(number, []).append(setting)
    return {
        f"J{number}": typed(type_of(project, number), settings, project.job_view(number).params)
        for number, settings in of_job.items()
    }


def extend(
    job: JobArgument, words: WordsArgument = None, project: ProjectOption = None, json_output: JsonOption = False
) -> None:
    """Add a job that goes on from another's result; the old one and its result stay.

    Example: [bold]vitreous extend J7 iterations=10[/bold]
    """
    with opened(project) as found:
        number = job_of(found, job)
        params = typed(type_of(found, number), words, found.job_view(number).params)
        record = record_of(found, found.act("extend_job", job=number, params=params))
    answer(record, json_output, lambda: say(f"J{record['id']} {record['title']} goes on from J{number}."))


COMMANDS = {"copy": Command(copy), "extend": Command(extend)}
