"""Commands that have commands below them: script, profile, users."""

from __future__ import annotations

import typer

from vitreous.cli.project_common import Command


def script() -> None:
    """Write and check user scripts, which become job types (new, check)."""


def script_app() -> typer.Typer:
    """``script new`` and ``script check``."""
    from vitreous.cli import script_command

    app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help=script.__doc__)
    app.command("new")(script_command.new)
    app.command("check")(script_command.check)
    return app


def profile() -> None:
    """Run profiles: where work runs and with what (list, show, check, test)."""


def profile_app() -> typer.Typer:
    """``profile list``, ``show``, ``check``, ``test``."""
    from vitreous.cli.profile_command import profile_app as app

    return app


def users() -> None:
    """Say who may come into the server, and what each may do (list, add, grant, token, link)."""


def users_app() -> typer.Typer:
    """``users list``, ``add``, ``remove`` and so on."""
    from vitreous.cli.users_command import users_app as app

    return app


COMMANDS = {
    "script": Command(script, group=script_app),
    "profile": Command(profile, group=profile_app),
    "users": Command(users, group=users_app),
}
