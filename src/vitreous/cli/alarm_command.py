"""The commands for alarms: show them, acknowledge them, set their limits, try the ways by which they are told."""

from __future__ import annotations

from vitreous.cli.project_common import Command

COMMANDS: dict[str, Command] = {}
