"""Make a new project: its folder, its catalogue, its settings."""

from __future__ import annotations

import json
import os
import tomllib
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitreous.core.errors import DataError, UsageError
from vitreous.core.plain import plain
from vitreous.core.words import near
from vitreous.model.acquisition import Acquisition, from_mapping
from vitreous.project import job_actions
from vitreous.project.references import bring_file
from vitreous.project.session import Session
from vitreous.store.database import create_database
from vitreous.workflow.job_type import MODES

FOLDERS = ("movies", "jobs", "scripts", "references", "logs", "tables")
FILES = ("gain", "defects")
OTHER_SETTINGS = {
    "gain": "gain reference of the camera",
    "gain_orientation": "how the gain reference lies on the frames",
    "gain_kind": "whether frames are multiplied by the gain reference or divided by it",
    "defects": "list or map of the camera's defects",
    "device": "where to compute: cpu or cuda",
    "disk_reserve": "space to be kept free on the project's disk, GB",
    "order": "which image is worked on next: first (that came) or newest",
}
"""Settings of a project beside those of the acquisition, with their meaning."""


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
    check_settings(given)
    merged = {**{name: (value, "site") for name, value in site_settings().items()}}
    merged |= {name: (value, "user") for name, value in given.items()}
    facts = {"mode": mode, "title": title or folder.resolve().name, "project": uuid.uuid4().hex, "settings": "{}"}
    with create_database(folder, {name: str(value) for name, value in facts.items()}) as db:
        for name in FOLDERS:
            (folder / name).mkdir(exist_ok=True)
        session = Session(folder, db)
        stored = {
            name: {"value": bring_file(session, str(value)) if name in FILES else plain(value), "origin": origin}
            for name, (value, origin) in merged.items()
        }
        session.write_settings(stored)
        job_actions.log_event(db, "project", f"made for {mode}", session.clock(), data=json.loads(json.dumps(stored)))


def check_settings(values: Mapping[str, Any]) -> None:
    """Raise ``UsageError`` where a setting is not known or its value not allowed."""
    known = [*Acquisition.model_fields, *OTHER_SETTINGS]
    for name in values:
        if name not in known:
            raise UsageError(f"there is no setting {name!r}", hint=near(name, known) or f"Known: {', '.join(known)}")
    acquisition = {name: value for name, value in values.items() if name in Acquisition.model_fields}
    try:
        from_mapping(acquisition, origin="settings")
    except DataError as error:
        raise UsageError(error.message, hint=error.hint) from error
    if values.get("order", "first") not in ("first", "newest"):
        raise UsageError(f"order is {values['order']!r}", hint="Choose first or newest")
    reserve = values.get("disk_reserve", 1.0)
    if not isinstance(reserve, int | float) or reserve < 0:
        raise UsageError(f"disk_reserve is {reserve!r}", hint="Give GB, such as 10")


def site_settings() -> dict[str, Any]:
    """Settings that a new project begins with: ``settings.toml`` of the user, over that of the machine."""
    base = os.environ.get("XDG_CONFIG_HOME")
    user = (Path(base) if base else Path.home() / ".config") / "vitreous"
    found: dict[str, Any] = {}
    for path in (Path("/etc/vitreous/settings.toml"), user / "settings.toml"):
        try:
            values = tomllib.loads(path.read_text())
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise DataError(
                f"{path}: can't be read: {error}", hint="Mend or remove the file", path=str(path)
            ) from error
        check_settings(values)
        found |= values
    return found
