"""Pages that are made from the program's own declarations while the site is built (a hook of mkdocs)."""

from __future__ import annotations

import inspect
from typing import Any

from mkdocs.structure.files import File, Files

from vitreous.cli.options import bare_type, option_name, shown
from vitreous.core import errors
from vitreous.workflow.job_type import JobType
from vitreous.project import job_types


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages to those that are written by hand."""
    for path, text in (("reference/job-types.md", job_page()), ("reference/errors.md", error_page())):
        files.append(File.generated(config, path, content=text))
    return files


def job_page() -> str:
    """All job types with their parameters, from their declarations; a broken one says why."""
    parts = ["# Job types\n", "Made from the job types' declarations.\n"]
    for point in job_types.declared().values():
        job = job_types.load(point)
        if isinstance(job, job_types.BrokenJob):
            parts.append(f"## {job.name}\n\nCan't be loaded: `{job.reason}`\n")
        else:
            parts.append(one_job(job))
    return "\n".join(parts)


def one_job(job: JobType) -> str:
    """One job type: summary, example, parameters with unit, default and limits, papers."""
    lines = [f"## {job.name}", "", f"**{job.title}.** {job.summary}", "", "```bash", job.example, "```", ""]
    lines += ["| option | unit | default | limits | meaning |", "|---|---|---|---|---|"]
    for name, field in job.params.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        default = "required" if field.is_required() else "" if field.default is None else shown(field.default)
        advanced = " *(advanced)*" if extra.get("level") == "advanced" else ""
        meaning = f"{field.description or ''}{advanced}".replace("|", "\\|")
        cells = (f"`{option_name(name)}`", str(extra.get("unit") or ""), default, limits(field), meaning)
        lines.append("| " + " | ".join(cells) + " |")
    if job.citations:
        lines += ["", "Methods: " + "; ".join(job.citations) + "."]
    return "\n".join([*lines, ""])


def limits(field: Any) -> str:
    """The range or the choices of a parameter."""
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    found = [
        f"{sign} {getattr(item, key):g}" for item in field.metadata for key, sign in signs.items() if hasattr(item, key)
    ]
    kind = bare_type(field.annotation)
    choices = getattr(kind, "__args__", ()) if str(kind).startswith("typing.Literal") else ()
    return ", ".join(found) or ", ".join(str(choice) for choice in choices)


def error_page() -> str:
    """All errors with code and exit code, from their classes."""
    lines = [
        "# Errors",
        "",
        "Every fault has one shape, on the command line (`--json`) as in a program: `{code, message, hint, context}`.",
        "",
        "| code | exit code | meaning |",
        "|---|---|---|",
    ]
    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, errors.VitreousError) and kind is not errors.VitreousError:
            meaning = inspect.cleandoc(kind.__doc__ or "").splitlines()[0]
            lines.append(f"| `{kind.code}` | {kind.exit_code} | {meaning} |")
    lines.append("| `internal` | 1 | A fault of Vitreous itself; the traceback is in the log that the message names. |")
    return "\n".join([*lines, ""])
