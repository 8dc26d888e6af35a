"""Pages that are made from the program's own declarations while the site is built (a hook of mkdocs)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

import typer
from mkdocs.structure.files import File, Files
from rich.text import Text

from vitreous.cli import main as entry
from vitreous.cli.options import bare_type
from vitreous.core import errors
from vitreous.model.columns import ITEMS, Alias, Column, columns
from vitreous.project import job_types, schemas
from vitreous.workflow.job_type import JobType


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages to those that are written by hand."""
    pages = {
        "reference/commands.md": command_page(),
        "reference/job-types.md": job_page(),
        "reference/columns.md": column_page(),
        "reference/errors.md": error_page(),
    }
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def job_page() -> str:
    """All job types with their parameters, from their declarations; a broken one says why."""
    parts = [
        "# Job types\n",
        "Made from the job types' declarations. On the command line `pixel_size` is `--pixel-size`.\n",
    ]
    for point in job_types.declared().values():
        job = job_types.load(point)
        if isinstance(job, job_types.BrokenJob):
            parts.append(f"## {job.name}\n\nCan't be loaded: `{job.reason}`\n")
        else:
            parts.append(one_job(job))
    return "\n".join(parts)


def one_job(job: JobType) -> str:
    """One job type: summary, example, slots, parameters with unit, default and limits, methods, papers."""
    lines = [f"## {job.name}", "", f"**{job.title}** ({job.category}). {job.summary}", ""]
    lines += ["```bash", job.example, "```", ""]
    lines += [*(f"- {line}" for line in schemas.slot_lines(job)), ""]
    lines += ["| parameter | unit | default | limits | meaning |", "|---|---|---|---|---|"]
    for info in schemas.parameters(job):
        limits = info.limits or ", ".join(str(choice) for choice in info.choices)
        advanced = " *(advanced)*" if info.level == "advanced" else ""
        cells = (f"`{info.name}`", info.unit or "", info.default_text, limits, f"{info.help}{advanced}")
        lines.append(row(cells))
    if job.methods:
        lines += ["", f"Methods, with the defaults: {schemas.default_methods(job)}"]
    if job.citations:
        lines += ["", "Papers: " + "; ".join(job.citations) + "."]
    return "\n".join([*lines, ""])


def command_page() -> str:
    """Every command with its help, under the headings of ``vitreous --help``."""
    parts = [
        "# Commands\n",
        "Made from the commands' own help. A command on a project takes `--project DIR`; without it, it works on the"
        " project in the current folder or the nearest one above. With `--json` the answer is JSON on standard output."
        " A command ends with exit code 0, with 2 where what was asked for can't be done as it was said, and with 1"
        " where the program or the machine is at fault. Job types that work without a project are commands too:"
        " see [job types](job-types.md).\n",
    ]
    group: Any = typer.main.get_command(entry.app)
    known = entry.built_in()
    for panel in dict.fromkeys(panel for panel, _ in known.values()):
        parts.append(f"## {panel}\n")
        for name in (name for name, (heading, _) in known.items() if heading == panel):
            command: Any = group.get_command(None, name)
            below = getattr(command, "commands", {})
            parts += [one_command(f"{name} {inner}", one) for inner, one in below.items()] or [
                one_command(name, command)
            ]
    return "\n".join(parts)


def one_command(name: str, command: Any) -> str:
    """One command: what it does, its usage, an example, its arguments and options."""
    text = inspect.cleandoc(command.help or "")
    body, _, example = text.partition("Example: ")
    arguments = [item for item in command.params if item.param_type_name == "argument"]
    options = [item for item in command.params if item.param_type_name != "argument" and item.name != "help"]
    words = " ".join(plain_text(item.metavar or item.name.upper()) for item in arguments)
    lines = [
        f"### {name}",
        "",
        body.strip(),
        "",
        "```text",
        f"vitreous {name} {words}".rstrip() + " [OPTIONS]",
        "```",
        "",
    ]
    if example:
        lines += ["```bash", plain_text(example).strip(), "```", ""]
    if arguments or options:
        lines += ["| argument or option | meaning |", "|---|---|"]
    for item in arguments:
        lines.append(
            row((f"`{plain_text(item.metavar or item.name.upper())}`", as_written(plain_text(item.help or ""))))
        )
    for item in options:
        names = ", ".join([*item.opts, *item.secondary_opts])
        lines.append(row((f"`{names}`", as_written(plain_text(item.help or "") + choices_and_default(item)))))
    return "\n".join([*lines, ""])


def choices_and_default(option: Any) -> str:
    """The choices of an option, and its default where its help does not say it."""
    kind = bare_type(option.type_descriptor.annotation)
    choices = ", ".join(map(str, get_args(kind))) if get_origin(kind) is Literal else ""
    simple = isinstance(option.default, str | int | float) and not isinstance(option.default, bool)
    default = f" [default: {option.default}]" if simple and option.default != "" and option.show_default else ""
    return (f"; one of: {choices}" if choices else "") + default


def plain_text(text: str) -> str:
    """Help without the marks of the terminal."""
    return Text.from_markup(text).plain if "[bold]" in text or "\\[" in text else text


def as_written(text: str) -> str:
    """Text whose brackets, stars and pointed brackets mean nothing to Markdown."""
    return re.sub(r"([\[\]*<>_])", r"\\\1", text)


def row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def column_page() -> str:
    """All columns of the registry with what other packages call them."""
    lines = [
        "# Columns",
        "",
        "Made from the column registry. A name in another package stands with its conversion: theirs = ours × factor +"
        " offset; without one the values are equal. A name in *italics* is made of more than this column.",
    ]
    for item in ITEMS:
        lines += ["", f"## Columns of an {item}" if item[0] in "aeiou" else f"## Columns of a {item}"]
        for slot in dict.fromkeys(column.slot for column in columns(item).values()):
            lines += ["", f"### {slot or 'of the item itself'}", ""]
            lines += ["| column | unit | meaning | elsewhere |", "|---|---|---|---|"]
            lines += [one_column(column) for column in columns(item).values() if column.slot == slot]
    return "\n".join([*lines, ""])


def one_column(column: Column) -> str:
    """One column as a line of the table."""
    elsewhere = "; ".join(f"{package}: {alias_text(alias)}" for package, alias in column.aliases.items())
    return row((f"`{column.name}`", column.unit or column.kind, column.meaning, elsewhere))


def alias_text(alias: Alias) -> str:
    """A name in another package with its conversion and note."""
    note = f" ({alias.note})" if alias.note else ""
    if alias.scale is None:
        return f"*{alias.name}*{note}"
    factor = "" if alias.scale == 1.0 else f" × {alias.scale:.10g}"
    offset = "" if alias.offset == 0.0 else f" {alias.offset:+g}"
    return f"`{alias.name}`{factor}{offset}{note}"


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
