"""Files that parameters name (gain references, defect lists): brought into the project, so that it can be moved."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.formats.base import atomic_path
from vitreous.project.session import Session
from vitreous.workflow.job_type import JobType
from vitreous.workflow.parameters import is_file

FOLDER = "references"


def bring_files(session: Session, job_type: JobType, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with every file named relative to the project, copied to ``references`` where it lay outside."""
    return {
        name: bring_file(session, value) if isinstance(value, str) and is_file(job_type, name) else value
        for name, value in params.items()
    }


def bring_file(session: Session, name: str) -> str:
    """A file's name relative to the project; a file from outside is copied into it, once for the same content.

    Raises:
        UsageError: there is no such file.
    """
    inside = session.folder / name
    if not Path(name).is_absolute() and inside.is_file():
        return name
    path = Path(name).expanduser().absolute()
    if not path.is_file():
        raise UsageError(f"{name} is not a file", hint="Check the name; relative ones begin in the project", path=name)
    folder = session.folder.absolute()
    if path.is_relative_to(folder):
        return str(path.relative_to(folder))
    identity = session.file_identity(str(path))
    for number in range(1, 1000):
        target = folder / FOLDER / (path.name if number == 1 else f"{path.stem}~{number}{path.suffix}")
        if not target.exists():
            with atomic_path(target) as aside:
                shutil.copyfile(path, aside)
            break
        if session.file_identity(str(target)) == identity:
            break
    return str(target.relative_to(folder))
