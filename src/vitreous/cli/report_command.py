"""The command that writes a session's report: report."""

from __future__ import annotations

from vitreous.cli.project_common import Command

COMMANDS: dict[str, Command] = {}
