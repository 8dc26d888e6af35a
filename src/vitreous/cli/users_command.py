"""The commands about who may come into the server: users, rights, tokens, links."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitreous.cli.project_common import JsonOption, answer, moment, say, table
from vitreous.core.errors import UsageError

if TYPE_CHECKING:
    from vitreous.web.accounts import Accounts, Role

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="name of the user")]
RoleOption = Annotated[
    str | None,
    typer.Option("--role", metavar="ROLE", help="on the whole server: viewer, operator, owner or none"),
]
FolderArgument = Annotated[Path, typer.Argument(metavar="PROJECT", help="folder of the project")]

users_app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Users of the server and their rights.")


@contextmanager
def _accounts() -> Iterator[Accounts]:
    from vitreous.web.accounts import Accounts

    found = Accounts()
    try:
        yield found
    finally:
        found.close()


def _role(text: str | None) -> Role | None:
    from vitreous.web.accounts.roles import check_role

    return None if text in (None, "none") else check_role(text)


def _password(generate: bool) -> tuple[str, bool]:
    """A password that is typed twice, or the first line of standard input, or a made one; whether it was made."""
    if generate:
        import secrets

        return secrets.token_urlsafe(12), True
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n"), False
    from getpass import getpass

    first = getpass("Password: ")
    if getpass("Once more: ") != first:
        raise UsageError("the two passwords differ", hint="Type the same one twice")
    return first, False


GenerateOption = Annotated[
    bool, typer.Option("--generate", help="make a password and print it; else it is asked for, or read from a pipe")
]


@users_app.command("list")
def list_users(json_output: JsonOption = False) -> None:
    """List the users with their roles and rights in projects.

    Example: [bold]vitreous users list[/bold]
    """
    with _accounts() as accounts:
        found = accounts.users()

    def show() -> None:
        rows = [
            [
                user.name + (" (disabled)" if user.disabled else ""),
                user.role,
                "; ".join(f"{role} of {folder}" for folder, role in user.rights.items()) or None,
                moment(user.seen),
            ]
            for user in found
        ]
        if rows:
            table(["user", "on the server", "in projects", "last here"], rows)
        else:
            say("There are no users: only the address that vitreous serve prints leads in.")

    answer([vars(user) for user in found], json_output, show)


@users_app.command("add")
def add(name: NameArgument, role: RoleOption = None, generate: GenerateOption = False) -> None:
    """Add a user; without a role on the server one sees only projects in which one is given a right.

    Example: [bold]vitreous users add anna --role operator[/bold]
    """
    kind = _role(role)
    with _accounts() as accounts:
        password, made = _password(generate)
        user = accounts.add_user(name, password, kind, by=accounts.starter)
    say(f"{user.name} may sign in" + (f", with the password {password}" if made else ""))


@users_app.command("remove")
def remove(name: NameArgument) -> None:
    """Remove a user with all rights, tokens and sessions.

    Example: [bold]vitreous users remove anna[/bold]
    """
    with _accounts() as accounts:
        accounts.remove_user(accounts.user(name).id, by=accounts.starter)
    say(f"{name} is removed")


@users_app.command("role")
def set_role(
    name: NameArgument,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="viewer, operator, owner or none")],
) -> None:
    """Change the role that a user has on the whole server.

    Example: [bold]vitreous users role anna viewer[/bold]
    """
    with _accounts() as accounts:
        user = accounts.change_user(accounts.user(name).id, {"role": _role(role)}, by=accounts.starter)
    say(f"{user.name}: {user.role or 'no role'} on the server")


@users_app.command("password")
def password(name: NameArgument, generate: GenerateOption = False) -> None:
    """Give a user a new password; all sessions of the user end.

    Example: [bold]vitreous users password anna[/bold]
    """
    with _accounts() as accounts:
        user = accounts.user(name)
        text, made = _password(generate)
        accounts.change_user(user.id, {"password": text}, by=accounts.starter)
    say(f"{user.name} has a new password" + (f": {text}" if made else ""))


@users_app.command("disable")
def disable(
    name: NameArgument,
    undo: Annotated[bool, typer.Option("--undo", help="let the user in again")] = False,
) -> None:
    """Keep a user out, and end all sessions of the user; rights are kept.

    Example: [bold]vitreous users disable anna[/bold]
    """
    with _accounts() as accounts:
        user = accounts.change_user(accounts.user(name).id, {"disabled": not undo}, by=accounts.starter)
    say(f"{user.name} " + ("may not come in" if user.disabled else "may come in again"))


@users_app.command("grant")
def grant(
    name: NameArgument,
    folder: FolderArgument,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="viewer, operator or owner")] = "viewer",
) -> None:
    """Give a user a role in one project; it holds wherever that folder is served.

    Example: [bold]vitreous users grant anna session1 operator[/bold]
    """
    from vitreous.web.accounts.roles import check_role

    if not (folder / "project.db").is_file():
        raise UsageError(f"{folder} is not a project", hint="Name the folder of a project", path=str(folder))
    with _accounts() as accounts:
        accounts.grant(name, folder, check_role(role), by=accounts.starter)
    say(f"{name} is {role} of {folder}")


@users_app.command("revoke")
def revoke(name: NameArgument, folder: FolderArgument) -> None:
    """Take a user's role in one project away; a role on the whole server stays.

    Example: [bold]vitreous users revoke anna session1[/bold]
    """
    with _accounts() as accounts:
        accounts.grant(name, folder, None, by=accounts.starter)
    say(f"{name} has no right in {folder}")


@users_app.command("token")
def token(
    name: Annotated[str, typer.Argument(metavar="TOKEN", help="what the token is for")],
    user: Annotated[str | None, typer.Option("--user", metavar="NAME", help="whose; yours unless given")] = None,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="the most that it may do")] = "viewer",
    project: Annotated[
        Path | None, typer.Option("--project", metavar="DIR", help="the only project that it opens")
    ] = None,
    days: Annotated[float, typer.Option("--days", min=0.0, help="for which it holds; 0: until it is removed")] = 90.0,
    remove: Annotated[bool, typer.Option("--remove", help="remove the token of that name")] = False,
) -> None:
    """Make a token for a script and print it once; or remove it.

    Example: [bold]vitreous users token nightly --role viewer --days 30[/bold]
    """
    from vitreous.web.accounts.roles import check_role

    with _accounts() as accounts:
        number = None if user is None else accounts.user(user).id
        if remove:
            found = [one.id for one in accounts.tokens_of(number) if one.name == name]
            if not found:
                raise UsageError(f"there is no token {name!r}", hint="See vitreous users tokens")
            accounts.remove_token(number, found[0], accounts.starter)
            say(f"the token {name} is removed")
            return
        kind = check_role(role) or "viewer"
        secret = accounts.new_token(number, name, kind, folder=project, days=days or None, by=accounts.starter)
    print(secret)  # noqa: T201 - the answer


@users_app.command("tokens")
def tokens(
    user: Annotated[str | None, typer.Option("--user", metavar="NAME", help="whose; yours unless given")] = None,
    json_output: JsonOption = False,
) -> None:
    """List the tokens of a user, without their secrets.

    Example: [bold]vitreous users tokens[/bold]
    """
    with _accounts() as accounts:
        found = accounts.tokens_of(None if user is None else accounts.user(user).id)

    def show() -> None:
        rows = [[one.name, one.role, one.folder, moment(one.expires), moment(one.used)] for one in found]
        table(["token", "at most", "only in", "holds until", "last used"], rows) if rows else say(
            "There are no tokens."
        )

    answer([vars(one) for one in found], json_output, show)


@users_app.command("link")
def link(
    server: Annotated[str, typer.Option("--server", metavar="URL", help="address of your running server")] = (
        "http://127.0.0.1:8642"
    ),
) -> None:
    """Print an address that signs you in once, within ten minutes, at your running server.

    Example: [bold]vitreous users link[/bold]
    """
    with _accounts() as accounts:
        print(f"{server.rstrip('/')}/open?token={accounts.new_link()}")  # noqa: T201 - the answer


@users_app.command("log")
def log(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=1000, help="how many")] = 20,
    json_output: JsonOption = False,
) -> None:
    """Tell who came in, who was refused, and what was changed of users and rights.

    Example: [bold]vitreous users log -n 50[/bold]
    """
    with _accounts() as accounts:
        found = accounts.log(lines)

    def show() -> None:
        rows = [[moment(one["time"]), one["kind"], one["who"], one["message"], one["address"]] for one in found]
        table(["time", "what", "who", "", "from"], rows[::-1])

    answer(found, json_output, show)
