"""What a job type declares: one declaration gives the command line, validation, documentation and provenance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from vitreous.core.progress import Progress

Result = dict[str, Any]
"""JSON-able result of one item: ``input`` (path), ``outputs`` (name → path) and the job type's own figures."""

Runner = Callable[[Path, Path, Progress], Result]
"""Process one item: ``runner(input_path, output_folder, progress)``."""


class Params(BaseModel):
    """Base of every job type's parameters: frozen, unknown names refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def parameter(
    default: Any = ...,
    *,
    help: str,
    unit: str | None = None,
    level: Literal["normal", "advanced"] = "normal",
    group: str | None = None,
    **constraints: Any,
) -> Any:
    """Declare one parameter: help, unit, level, group (a heading of forms and ``--help``), pydantic constraints."""
    extra: JsonDict = {"unit": unit, "level": level, "group": group}
    return Field(default, description=help, json_schema_extra=extra, **constraints)


@dataclass(frozen=True)
class JobType:
    """One processing step.

    Attributes:
        name: what follows ``vitreous`` on the command line.
        title: a few words for menus.
        summary: one sentence.
        params: the parameters' model; its field names become ``--options``.
        start: ``start(params)`` reads what all items share (gain, defects) once and returns the function for one item.
            It imports its algorithms inside, so that forms and ``--help`` come without torch.
        items: name of the items on the command line (``MOVIE``, ``IMAGE``).
        example: a whole command line, shown by ``--help``.
        columns: keys of the result that the table on the terminal shows → (heading, format), such as
            ``{"drift_total": ("drift / Å", ".1f")}``.
        citations: the papers behind it.
    """

    name: str
    title: str
    summary: str
    params: type[Params]
    start: Callable[[Any], Runner]
    items: str
    example: str
    columns: Mapping[str, tuple[str, str]]
    citations: tuple[str, ...] = ()
