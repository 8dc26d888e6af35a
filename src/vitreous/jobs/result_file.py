"""A job's result as a JSON file that is the same wherever the project lies."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import relpath
from pathlib import Path
from typing import Any

from vitreous.core.plain import to_json


def write_result(path: Path, result: Mapping[str, Any], *, indent: int | None = 2) -> None:
    """Write a result atomically; its ``outputs`` are named relative to the file's folder, all else as it is."""
    from vitreous.formats.base import write_text

    folder = path.parent
    outputs = {name: Path(relpath(file, folder)).as_posix() for name, file in result.get("outputs", {}).items()}
    write_text(path, to_json({**result, "outputs": outputs}, indent=indent) + "\n")
