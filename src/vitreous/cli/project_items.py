"""The commands on items: trash, restore, move, flag, tag, comment, and how items are chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vitreous.cli.project_common import Command, JsonOption, ProjectOption, answer, opened, say
from vitreous.core.words import counted

if TYPE_CHECKING:
    from vitreous.project.project import Project

Colour = Literal["none", "red", "green", "blue", "gold"]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ITEM]...", help="names, or patterns such as '*_0012*'", show_default=False),
]
GroupOption = Annotated[
    str | None, typer.Option("--group", help="items of this group", rich_help_panel="Which items", show_default=False)
]
FlagOption = Annotated[
    Colour | None,
    typer.Option("--flag", help="items of this colour", rich_help_panel="Which items", show_default=False),
]
TagOption = Annotated[
    str | None, typer.Option("--tag", help="items with this tag", rich_help_panel="Which items", show_default=False)
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="EXPRESSION",
        help='items that fit, such as "fit_resolution > 8 and defocus_u < 30000"',
        rich_help_panel="Which items",
        show_default=False,
    ),
]


def selection(
    names: Sequence[str] | None, group: str | None, flag: str | None, tag: str | None, where: str | None
) -> dict[str, Any]:
    """What was said of the items that are meant; all of it holds together."""
    given = {"names": list(names or ()), "group": group, "flag": flag, "tag": tag, "expression": where}
    return {name: value for name, value in given.items() if value not in (None, [])}


def trash(
    names: NamesArgument = None,
    group: GroupOption = None,
    flag: FlagOption = None,
    tag: TagOption = None,
    where: WhereOption = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Move items to TRASH: they take part in nothing, and lose nothing.

    Example: [bold]vitreous trash --where "drift_total > 60"[/bold]
    """
    chosen = selection(names, group, flag, tag, where)
    _change(project, json_output, "moved to TRASH", lambda found: found.trash(**chosen))


def restore(
    names: NamesArgument = None,
    flag: FlagOption = None,
    tag: TagOption = None,
    where: WhereOption = None,
    all_items: Annotated[bool, typer.Option("--all", help="everything that is in TRASH")] = False,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Move items from TRASH back to where they were.

    Example: [bold]vitreous restore '*_0012*'[/bold]
    """
    chosen = selection(names, "TRASH" if all_items else None, flag, tag, where)
    _change(project, json_output, "taken back from TRASH", lambda found: found.restore(**chosen))


def move(
    target: Annotated[str, typer.Argument(metavar="GROUP", help="made where there is none of that name")],
    names: NamesArgument = None,
    group: GroupOption = None,
    flag: FlagOption = None,
    tag: TagOption = None,
    where: WhereOption = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Move items to a group.

    Example: [bold]vitreous move "thick ice" --where "iciness > 1.4"[/bold]
    """
    chosen = selection(names, group, flag, tag, where)
    _change(
        project,
        json_output,
        f"moved to {target}",
        lambda found: found.act("move_items", selection=chosen, group=target),
    )


def flag_items(
    colour: Annotated[Colour, typer.Argument(metavar="COLOUR", help="none, red, green, blue, gold")],
    names: NamesArgument = None,
    group: GroupOption = None,
    flag: FlagOption = None,
    tag: TagOption = None,
    where: WhereOption = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Give items a colour, or take it from them (none).

    Example: [bold]vitreous flag red --where "fit_resolution > 8"[/bold]
    """
    chosen = selection(names, group, flag, tag, where)
    _change(
        project,
        json_output,
        f"flagged {colour}",
        lambda found: found.act("flag_items", selection=chosen, flag=colour),
    )


def tag_items(
    name: Annotated[str, typer.Argument(metavar="TAG", help="a word")],
    names: NamesArgument = None,
    remove: Annotated[bool, typer.Option("--remove", help="take the tag from them")] = False,
    group: GroupOption = None,
    flag: FlagOption = None,
    tag: TagOption = None,
    where: WhereOption = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Give items a tag, or take it from them.

    Example: [bold]vitreous tag ribosomes '*_hole3_*'[/bold]
    """
    chosen = selection(names, group, flag, tag, where)
    told = f"lose the tag {name}" if remove else f"have the tag {name}"
    _change(
        project,
        json_output,
        told,
        lambda found: found.act("tag_items", selection=chosen, tag=name, remove=remove),
    )


def comment(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="what is written; '' removes it")],
    names: NamesArgument = None,
    group: GroupOption = None,
    flag: FlagOption = None,
    tag: TagOption = None,
    where: WhereOption = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Write a comment to items.

    Example: [bold]vitreous comment "crack at the lower edge" session1_0012[/bold]
    """
    chosen = selection(names, group, flag, tag, where)
    _change(
        project,
        json_output,
        "commented" if text else "without comment",
        lambda found: found.act("comment_items", selection=chosen, comment=text or None),
    )


def _change(project: Path | None, json_output: bool, told: str, change: Callable[[Project], Sequence[str]]) -> None:
    with opened(project) as found:
        changed = list(change(found))
    some = ", ".join(changed[:5]) + (" …" if len(changed) > 5 else "")
    text = (
        f"{counted(len(changed), 'item')} {told}: {some}" if changed else "Nothing has changed: they were so already."
    )
    answer(changed, json_output, lambda: say(text))


COMMANDS = {
    "trash": Command(trash),
    "restore": Command(restore),
    "move": Command(move),
    "flag": Command(flag_items),
    "tag": Command(tag_items),
    "comment": Command(comment),
}
