"""A job's result as a JSON file that is the same wherever the project lies."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import relpath
from pathlib import Path
from typing import Any

from vitreous.core.plain import to_json
from vitreous.jobs.acquisition_params import AcquisitionParams
from vitreous.workflow.job_type import Params


def own_settings(params: Params, model: type[Params]) -> dict[str, Any]:
    """The values of a model's parameters as JSON knows them, without acquisition settings and choices of the machine.

    Where and how fast a result was computed is no part of it; the project's ledger keeps that.
    """
    values = params.model_dump(mode="json")
    own = [name for name in model.model_fields if name not in AcquisitionParams.model_fields]
    return {name: values[name] for name in own if not _is_of_machine(model, name)}


def _is_of_machine(model: type[Params], name: str) -> bool:
    extra = model.model_fields[name].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("machine"))


def write_result(path: Path, result: Mapping[str, Any], *, indent: int | None = 2) -> None:
    """Write a result atomically; its ``outputs`` are named relative to the file's folder, all else as it is."""
    from vitreous.formats.base import write_text

    folder = path.parent
    outputs = {name: Path(relpath(file, folder)).as_posix() for name, file in result.get("outputs", {}).items()}
    write_text(path, to_json({**result, "outputs": outputs}, indent=indent) + "\n")
