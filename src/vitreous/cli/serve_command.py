"""The commands that show projects in a browser: serve, users."""

from __future__ import annotations

from vitreous.cli.project_common import Command

COMMANDS: dict[str, Command] = {}
