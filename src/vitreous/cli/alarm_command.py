"""The commands for alarms: show them, acknowledge them, set their limits, try the ways by which they are told."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vitreous.cli.project_common import (
    Command,
    JsonOption,
    ProjectOption,
    answer,
    find_folder,
    looking,
    moment,
    opened,
    say,
    table,
)
from vitreous.core.errors import UsageError
from vitreous.core.words import duration

if TYPE_CHECKING:
    from vitreous.project.alarms.limits import Limits

NumberArgument = Annotated[int, typer.Argument(metavar="ALARM", help="number, as vitreous alarms shows it")]


def alarms(
    all_alarms: Annotated[bool, typer.Option("--all", help="also those that have passed")] = False,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """What is wrong with the session: limits, trends, silence, disk, with the likely cause and what to do.

    Example: [bold]vitreous alarms --all[/bold]
    """
    from vitreous.project.alarms.board import board

    with looking(project) as session:
        found = board(session)
    chosen = found if all_alarms else {"open": found["open"]}
    answer(chosen, json_output, lambda: _show(found, all_alarms))


def acknowledge(
    alarm: NumberArgument,
    note: Annotated[str, typer.Option(help="what is done about it")] = "",
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Say that an alarm is known and seen to: nobody is told of it again unless it gets worse.

    Example: [bold]vitreous acknowledge 3 --note "slit is being aligned"[/bold]
    """
    with opened(project) as found:
        found.act("acknowledge_alarm", alarm=alarm, note=note)
    answer({"acknowledged": alarm}, json_output, lambda: say(f"Alarm {alarm} is acknowledged."))


def snooze(
    alarm: NumberArgument,
    minutes: Annotated[float, typer.Argument(help="min; 0 ends it")],
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Send nothing of an alarm for a while.

    Example: [bold]vitreous snooze 3 60[/bold]
    """
    with opened(project) as found:
        found.act("snooze_alarm", alarm=alarm, minutes=minutes)
    told = (
        f"Nothing is sent of alarm {alarm} for {duration(60 * minutes)}."
        if minutes
        else f"Alarm {alarm} is told again."
    )
    answer({"snoozed": alarm, "minutes": minutes}, json_output, lambda: say(told))


def limits(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COLUMN.LEVEL=NUMBER]...",
            help="levels to set: mild_low, mild_high, severe_low, severe_high; empty unsets one; COLUMN=default",
            show_default=False,
        ),
    ] = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show the limits of the figures of images, or set some; defocus in Å.

    Example: [bold]vitreous limits drift_total.mild_high=30 iciness.severe_high=3[/bold]
    """
    from vitreous.project.alarms.limits import limits as read

    with looking(project) as session:
        now = read(session)
    if words:
        with opened(project) as found:
            now = found.act("set_limits", limits=_changes(words, now))
    answer(now, json_output, lambda: _show_limits(now))


def receivers(
    name: Annotated[str | None, typer.Argument(help="of a receiver to add or change")] = None,
    url: Annotated[
        str | None, typer.Option(help="address as Apprise takes it; - reads it from standard input, unseen by others")
    ] = None,
    level: Annotated[Literal["mild", "severe"] | None, typer.Option(help="the least severity that is told")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="tell this receiver no longer")] = False,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show who is told of alarms, by e-mail or any service of Apprise, or add, change or remove one.

    Example: [bold]vitreous receivers anna --url - --level severe[/bold]
    """
    from vitreous.project.alarms.receivers import receiver_records, write_receivers

    folder = find_folder(project)
    before = receiver_records(folder)
    if name is not None:
        kept = [{**entry, "url": None} for entry in before if entry["origin"] == "project"]
        known = next((entry for entry in kept if entry["name"] == name), None)
        others = [entry for entry in kept if entry["name"] != name]
        if remove and known is None:
            raise UsageError(f"there is no receiver {name!r}", hint="vitreous receivers lists them", missing=True)
        address = sys.stdin.readline().strip() if url == "-" else url
        changed = {"name": name, **(known or {}), "url": address, "level": level or (known or {}).get("level")}
        write_receivers(folder, others if remove else [*others, changed])
    found = receiver_records(folder)
    rows = [[entry["name"], entry["url"], entry["level"], entry["active"], entry["origin"]] for entry in found]
    answer(found, json_output, lambda: table(["receiver", "address", "from", "active", "file"], rows))


def alarm_test(
    receiver: Annotated[str | None, typer.Argument(help="name of one receiver; all unless given")] = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Send a test message to those who are told of alarms.

    Example: [bold]vitreous alarm-test[/bold]
    """
    from vitreous.project.alarms.deliver import try_receivers
    from vitreous.store.database import read_meta

    folder = find_folder(project)
    with looking(project) as session:
        title = read_meta(session.db).get("title") or folder.name
    found = try_receivers(folder, title, receiver)
    rows = [[entry["receiver"], entry["url"], "taken" if entry["ok"] else entry["message"]] for entry in found]
    answer(found, json_output, lambda: table(["receiver", "address", "test message"], rows))
    if not all(entry["ok"] for entry in found):
        raise typer.Exit(1)


def _changes(words: Sequence[str], now: Mapping[str, Limits]) -> dict[str, dict[str, float | None] | None]:
    """``drift_total.mild_high=30`` → the levels of the column with that one changed."""
    found: dict[str, dict[str, float | None] | None] = {}
    for word in words:
        name, equals, text = word.partition("=")
        column, _, level = name.partition(".")
        if equals and not level and text == "default":
            found[column] = None
            continue
        if not equals or not level:
            raise UsageError(f"{word!r} sets no limit", hint="Write COLUMN.LEVEL=NUMBER, or COLUMN=default")
        before: Mapping[str, Any] = found.get(column) or now.get(column) or {}
        try:
            value = float(text) if text else None
        except ValueError:
            raise UsageError(f"{word!r}: {text!r} is no number", hint="Write COLUMN.LEVEL=NUMBER") from None
        found[column] = {**before, level: value}
    return found


def _show_limits(now: Mapping[str, Limits]) -> None:
    from vitreous.project.alarms.limits import LEVELS, unit_of

    rows = [[column, unit_of(column), *(levels[name] for name in LEVELS)] for column, levels in now.items()]  # type: ignore[literal-required]
    headings = [f"{name.replace('_', ' ')}#" for name in LEVELS]
    table(["column", "unit", *headings], rows)


def _show(found: Mapping[str, Sequence[Mapping[str, Any]]], all_alarms: bool) -> None:
    for entry in found["open"]:
        known = f", acknowledged by {entry['acknowledged_by']}" if entry["acknowledged"] else ""
        style = "bold red" if entry["severity"] == "severe" else "bold yellow"
        say(f"{entry['id']}  {entry['severity']}: {entry['sentence']}", style)
        say(f"   since {moment(entry['raised'])} ({duration(time.time() - entry['raised'])}){known}")
        if entry["cause"]:
            say(f"   likely cause: {entry['cause']}")
        for advice in entry["advice"]:
            say(f"   - {advice}")
    if not found["open"]:
        say("No alarm is open.", "green")
    if all_alarms and found["recent"]:
        rows = [
            [entry["id"], entry["severity"], entry["sentence"], moment(entry["raised"]), moment(entry["cleared"])]
            for entry in found["recent"]
        ]
        table(["#", "severity", "passed", "from", "to"], rows)


COMMANDS: dict[str, Command] = {
    "alarms": Command(alarms),
    "acknowledge": Command(acknowledge),
    "snooze": Command(snooze),
    "limits": Command(limits),
    "receivers": Command(receivers),
    "alarm-test": Command(alarm_test),
}
