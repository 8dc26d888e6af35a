"""The consoles on standard output and standard error, and how an error looks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

PLAIN_WIDTH = 200  # of a pipe or log file, which has no width of its own


def console(*, stderr: bool) -> Console:
    """A console on standard output or standard error; text is shown as it is, never read as markup."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def show_error(error: Mapping[str, Any], *, subject: str | None = None) -> None:
    """One red line on standard error: what happened, then what to do."""
    text = Text("error", style="bold red")
    if subject and subject not in error["message"]:
        text.append(f" {subject}", style="bold")
    text.append(f": {error['message']}. ", style="red")
    text.append(error["hint"], style="default")
    console(stderr=True).print(text, soft_wrap=True)
