"""Settings of a project: which there are, which values they may have, and those that a site begins with."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitreous.core.errors import DataError, UsageError
from vitreous.core.words import near
from vitreous.model.acquisition import Acquisition, from_mapping

FILES = ("gain", "defects")
NUMBERS = ("disk_reserve", "diameter")
OTHER_SETTINGS = {
    "gain": "gain reference of the camera",
    "gain_orientation": "how the gain reference lies on the frames",
    "gain_kind": "whether frames are multiplied by the gain reference or divided by it",
    "defects": "list or map of the camera's defects",
    "diameter": "longest diameter of the particle, Å; picking, boxes and masks go by it",
    "device": "where to compute: cpu or cuda",
    "disk_reserve": "space to be kept free on the project's disk, GB",
    "order": "which image is worked on next: first (that came) or newest",
}
"""Settings of a project beside those of the acquisition, with their meaning."""


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
    diameter = values.get("diameter", 100.0)
    if not isinstance(diameter, int | float) or not 5 <= diameter <= 5000:
        raise UsageError(f"diameter is {diameter!r}", hint="Give the particle's longest diameter in Å, from 5 to 5000")
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
