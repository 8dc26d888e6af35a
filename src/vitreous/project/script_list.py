"""The user scripts of a project, each with the job type that it becomes or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vitreous.project.scripts import BrokenScript, find_scripts


@dataclass(frozen=True)
class ScriptLine:
    """One script: its file in ``scripts/``, the job type and its title; or line, reason and hint of what is wrong."""

    file: str
    name: str
    title: str
    summary: str
    ok: bool
    line: int | None
    reason: str
    hint: str


def script_lines(folder: Path) -> list[ScriptLine]:
    """The scripts of a project by name."""
    found = []
    for name, script in sorted(find_scripts(folder / "scripts").items()):
        if isinstance(script, BrokenScript):
            found.append(ScriptLine(script.file.name, name, "", "", False, script.line, script.reason, script.hint))
        else:
            file = getattr(script, "file", Path(name))
            found.append(ScriptLine(Path(file).name, name, script.title, script.summary, True, None, "", ""))
    return found
