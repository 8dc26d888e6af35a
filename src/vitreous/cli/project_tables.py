"""The commands that show tables: items, sql."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vitreous.cli.project_common import Command, JsonOption, ProjectOption, find_folder, opened, say, table
from vitreous.cli.project_items import Colour
from vitreous.core.errors import UsageError
from vitreous.core.plain import to_json

CsvOption = Annotated[bool, typer.Option("--csv", help="print the answer as CSV")]
FIRST_COLUMNS = ("name", "group_name", "flag", "tags")
BEST_COLUMNS = ("drift_total", "defocus", "fit_resolution", "iciness", "counts_per_frame", "total_dose", "alerts")
BOOKKEEPING = ("id", "source_path", "identity", "imported", "parameters", "group_id", "group_before", "size")
MOST_COLUMNS = 8
"""Columns that jobs give which are shown unless others are asked for."""


def items(
    where: Annotated[
        str | None,
        typer.Option("--where", metavar="EXPRESSION", help='such as "fit_resolution < 6"', show_default=False),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", metavar="NAME,...", help="columns to show; all: all of them", show_default=False),
    ] = None,
    sort: Annotated[
        list[str] | None,
        typer.Option("--sort", metavar="NAME", help="-NAME: the highest first; may be repeated", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="rows at most")] = 100,
    group: Annotated[str | None, typer.Option("--group", help="of this group", show_default=False)] = None,
    flag: Annotated[Colour | None, typer.Option("--flag", help="of this colour", show_default=False)] = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
    csv_output: CsvOption = False,
) -> None:
    """List the items with their columns; those in TRASH only with --group TRASH.

    Example: [bold]vitreous items --where "fit_resolution < 6" --sort -drift_total --columns name,defocus_u[/bold]
    """
    conditions = [f"({where})"] if where else []
    conditions.append(f"group_name == {_quoted(group)}" if group else 'group_name != "TRASH"')
    if flag:
        conditions.append("flag is None" if flag == "none" else f"flag == {_quoted(flag)}")
    with opened(project) as found:
        if group is not None:
            _check_group(found.folder, group)
        asked = _asked(list(found.page(limit=0).columns), columns)
        page = found.page(asked, " and ".join(conditions), _order(sort or ()), limit=limit)
    shown = list(page.columns) if columns or json_output or csv_output else _telling(page.columns, page.rows)
    places = [page.columns.index(name) for name in shown]
    _print(shown, [[row[place] for place in places] for row in page.rows], json_output, csv_output)
    if page.total > len(page.rows) and not (json_output or csv_output):
        say(f"{len(page.rows):,} of {page.total:,}; give --limit for more.", style="dim")


def _check_group(folder: Path, name: str) -> None:
    """Raise ``UsageError`` with similar names where there is no such group."""
    from vitreous.project.overview import open_for_reading
    from vitreous.store.groups import find_group

    session = open_for_reading(folder)
    try:
        find_group(session.db, name)
    finally:
        session.db.close()


def _quoted(text: str) -> str:
    return repr(text)


def _asked(known: Sequence[str], asked: Sequence[str] | None) -> list[str]:
    """The columns that were asked for; else all but those by which the catalogue keeps its books."""
    names = [name.strip() for text in asked or () for name in text.split(",") if name.strip()]
    if names:
        return list(known) if names == ["all"] else names
    given = [name for name in known if name not in BOOKKEEPING and not name.endswith("_job")]
    return [*FIRST_COLUMNS, *(name for name in given if name not in FIRST_COLUMNS)]


def _telling(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Columns for a terminal: those that tell most of an image, then numbers in which the items differ."""
    values = {name: {row[place] for row in rows if row[place] is not None} for place, name in enumerate(columns)}
    differ = [
        name
        for name, found in values.items()
        if name not in (*FIRST_COLUMNS, "recorded")
        and len(found) > 1
        and all(isinstance(v, int | float) for v in found)
    ]
    used = [name for place, name in enumerate(columns) if name in FIRST_COLUMNS and any(row[place] for row in rows)]
    best = [name for name in BEST_COLUMNS if values.get(name)]
    more = [name for name in differ if name not in best]
    return [*(used or FIRST_COLUMNS[:1]), *best, *(more[: MOST_COLUMNS - len(best)] if best else more[-MOST_COLUMNS:])]


def _order(sort: Sequence[str]) -> list[tuple[str, Literal["asc", "desc"]]]:
    return [(name.lstrip("-"), "desc" if name.startswith("-") else "asc") for name in sort]


def sql(
    text: Annotated[
        str | None, typer.Argument(metavar="[SELECT]", help="one SELECT statement", show_default=False)
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--value", metavar="NAME=VALUE", help="what $NAME stands for; may be repeated"),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="rows at most", show_default=False)] = None,
    examples: Annotated[bool, typer.Option("--examples", help="print queries to start from")] = False,
    project: ProjectOption = None,
    json_output: JsonOption = False,
    csv_output: CsvOption = False,
) -> None:
    """Ask the project in SQL, for reading only: views exposures, jobs, tasks, events, and tables such as particles.

    Example: [bold]vitreous sql "SELECT name, defocus_u FROM exposures WHERE fit_resolution < 6" --csv[/bold]
    """
    from vitreous.store import queries

    if examples:
        _show_examples(json_output)
        return
    if text is None:
        raise UsageError("no query is given", hint='Give one in quotes, such as "SELECT * FROM jobs", or --examples')
    found = queries.sql(find_folder(project), text, dict(_value(word) for word in values or ()), limit)
    _print(found.columns, found.rows, json_output, csv_output)


def _value(word: str) -> tuple[str, Any]:
    name, equals, text = word.partition("=")
    if not equals or not name:
        raise UsageError(f"{word!r} gives no value", hint="Write --value NAME=VALUE", word=word)
    for kind in (int, float):
        try:
            return name, kind(text)
        except ValueError:
            continue
    return name, text


def _show_examples(json_output: bool) -> None:
    from vitreous.store.queries import EXAMPLES

    if json_output:
        print(to_json([vars(example) for example in EXAMPLES]))  # noqa: T201 - the answer
        return
    for example in EXAMPLES:
        say(example.title, style="bold")
        say(example.text)
        if example.parameters:
            say(
                "with " + " ".join(f"--value {name}={value}" for name, value in example.parameters.items()), style="dim"
            )
        say("")


def _print(columns: Sequence[str], rows: Sequence[Sequence[Any]], json_output: bool, csv_output: bool) -> None:
    if json_output and csv_output:
        raise UsageError("both --json and --csv are given", hint="Give one of them")
    if json_output:
        records: list[Mapping[str, Any]] = [dict(zip(columns, row, strict=True)) for row in rows]
        print(to_json(records))  # noqa: T201 - the answer
    elif csv_output:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    else:
        numbers = [any(isinstance(row[place], int | float) for row in rows) for place in range(len(columns))]
        headings = [f"{name}#" if number else name for name, number in zip(columns, numbers, strict=True)]
        table(headings, rows)


ITEM_COMMANDS = {"items": Command(items)}
LOOK_COMMANDS = {"sql": Command(sql)}
