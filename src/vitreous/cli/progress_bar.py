"""The progress bar over a batch: items done, rate, time left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from vitreous.cli.terminal import console
from vitreous.core import progress as core_progress


class RateColumn(ProgressColumn):
    """Seconds per item, from the items done so far."""

    def render(self, task: Task) -> Text:
        """Text of the column."""
        if not task.speed:
            return Text("– s/item", style="dim")
        return Text(f"{1.0 / task.speed:.1f} s/item", style="dim")


@contextmanager
def progress_display(n_items: int, *, shown: bool) -> Iterator[core_progress.Progress]:
    """A bar over all items with rate and time left on standard error; silent where it is not a terminal."""
    if not (shown and sys.stderr.isatty()):
        yield core_progress.silent
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.1f}/{task.total:.0f}"),
        RateColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=n_items)

        def update(fraction: float, what: str) -> None:
            bar.update(task, completed=fraction * n_items, description=what[-40:])

        yield update
