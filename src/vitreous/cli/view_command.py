"""The command that shows one image in a browser: view."""

from __future__ import annotations

from vitreous.cli.project_common import Command

COMMANDS: dict[str, Command] = {}
