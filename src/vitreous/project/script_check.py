"""What a script would become as a job type, described for people and machines."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from vitreous.core.errors import UsageError, VitreousError
from vitreous.project.scripts import BrokenScript, read_script


def checked_script(
    path: Path, known_columns: Collection[str] | None = None
) -> tuple[dict[str, Any], VitreousError | None]:
    """A description of the job type that a script becomes, or the error that keeps it from that."""
    script = read_script(path, known_columns=known_columns)
    if script is None:
        hint = f"Add a header (vitreous script new writes an example), and chmod +x {path.name}"
        return {}, UsageError(f"{path}: neither a header nor executable: this is no script", hint=hint, path=str(path))
    if isinstance(script, BrokenScript):
        return {}, script.error()
    header = script.header
    return {
        "name": script.name,
        "title": script.title,
        "summary": script.summary,
        "category": script.category,
        "order": script.order,
        "scope": script.scope,
        "modes": list(script.modes),
        "needs": list(script.needs),
        "gives": [slot.name for slot in script.gives],
        "files": [key for slot in header.gives.values() for key in slot.keys],
        "timeout": f"{header.timeout:g} s",
        "gpu": header.gpu,
        "methods": script.methods,
        "citations": list(script.citations),
        "parameters": {name: entry.model_dump(mode="json") for name, entry in header.parameters.items()},
        "columns": {name: entry.model_dump(mode="json") for name, entry in header.columns()},
    }, None
