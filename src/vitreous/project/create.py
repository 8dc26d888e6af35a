"""Make a new project: its folder, its catalogue, its settings."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.core.words import near
from vitreous.project.job_actions import change_settings
from vitreous.project.session import Session
from vitreous.project.settings import FILES, check_settings, site_settings
from vitreous.store.database import create_database
from vitreous.store.events import log_event
from vitreous.workflow.job_type import MODES

FOLDERS = ("movies", "jobs", "scripts", "references", "logs", "tables")


def create_project(folder: Path, mode: str, settings: Mapping[str, Any], *, title: str | None = None) -> None:
    """Make a project.

    Args:
        folder: new, or an empty one.
        mode: ``drift``, ``single-particle``, ``tomography`` or ``crystal2d``.
        settings: of the acquisition (``pixel_size`` in Å, ``voltage`` in kV …) and of the project; jobs inherit them.
            What is not given comes from the site's settings.
        title: for people; the folder's name unless given.

    Raises:
        UsageError: the folder is in use, there is no such mode or setting, or a value is not allowed.
    """
    if mode not in MODES:
        hint = near(mode, MODES) or f"Choose {', '.join(MODES)}"
        raise UsageError(f"there is no project mode {mode!r}", hint=hint, mode=mode)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not an empty folder", hint="Choose a new one", path=str(folder))
    given = {name: value for name, value in settings.items() if value is not None}
    site = {name: value for name, value in site_settings().items() if name not in given}
    check_settings({**site, **given})
    for name in FILES:
        value = given.get(name, site.get(name))
        if value is not None and not Path(str(value)).expanduser().is_file():
            raise UsageError(f"{name}: {value} is not a file", hint="Check the name", path=str(value))
    facts = {"mode": mode, "title": title or folder.resolve().name, "project": uuid.uuid4().hex, "settings": "{}"}
    with create_database(folder, facts) as db:
        for name in FOLDERS:
            (folder / name).mkdir(exist_ok=True)
        session = Session(folder, db)
        log_event(db, "project", f"made for {mode}", session.clock())
        for origin, values in (("site", site), ("user", given)):
            if values:
                change_settings(session, values, origin)
