"""Pages of the engine's rules and of the settings, made from their declarations (a hook of mkdocs)."""

from __future__ import annotations

from typing import Any

from mkdocs.structure.files import File, Files

from vitreous.model.acquisition import Acquisition
from vitreous.project.outcomes import PAUSE, TRIES
from vitreous.project.settings import OTHER_SETTINGS
from vitreous.workflow.states import FINISHED, TRANSITIONS, TaskState


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages to those that are written by hand."""
    for path, text in {"reference/states.md": state_page(), "reference/settings.md": settings_page()}.items():
        files.append(File.generated(config, path, content=text))
    return files


def state_page() -> str:
    """Which state of a task may follow which, drawn from the engine's table."""
    lines = [
        "# States of tasks",
        "",
        "Made from the engine's own table of transitions; any other change is refused as a fault of the program."
        " What the states mean stands in [how a project works](../explanation/projects.md#tasks).",
        "",
        "| state | may become |",
        "|---|---|",
    ]
    for before in TaskState:
        lines.append(f"| **{before}** | {', '.join(after for after in TaskState if after in TRANSITIONS[before])} |")
    finished = ", ".join(state for state in TaskState if state in FINISHED)
    lines += [
        "",
        f"In these states nothing more happens by itself: {finished}.",
        "",
        f"A failed task is begun {TRIES} times in all, after pauses of {PAUSE:g} s and {4 * PAUSE:g} s. Then it is"
        " quarantined.",
    ]
    return "\n".join([*lines, ""])


def settings_page() -> str:
    """What a project may be told, from the declarations of the acquisition and of the project."""
    lines = [
        "# Settings of a project",
        "",
        "Given to `vitreous new` as options, or set by `vitreous settings NAME=VALUE`; `NAME=` removes one. Jobs"
        " inherit what they are not given. A new project begins with those in `/etc/vitreous/settings.toml` and"
        " `~/.config/vitreous/settings.toml`, the second going before the first.",
        "",
        "| setting | meaning |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {field.description} |" for name, field in Acquisition.model_fields.items()]
    lines += [f"| `{name}` | {text} |" for name, text in OTHER_SETTINGS.items()]
    return "\n".join([*lines, ""])
