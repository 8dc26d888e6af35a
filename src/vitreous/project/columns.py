"""The columns that a job type adds to the exposures, as the catalogue stores them."""

from __future__ import annotations

from vitreous.core.errors import UsageError
from vitreous.model.columns import find_column
from vitreous.project.scripts import script_columns
from vitreous.store.columns import ColumnType
from vitreous.workflow.job_type import JobType

TYPES: dict[str, ColumnType] = {"real": "REAL", "integer": "INTEGER", "text": "TEXT", "boolean": "BOOLEAN"}


def columns_of(job_type: JobType) -> dict[str, ColumnType]:
    """Column → type in the catalogue, with a column ``SLOT_job`` for each slot."""
    own = script_columns(job_type)
    found: dict[str, ColumnType] = {}
    for slot in job_type.gives:
        found[f"{slot.name}_job"] = "INTEGER"
        for name in slot.columns:
            if name in own:
                found[name] = TYPES[own[name][0]]
            elif (known := find_column(name)) is not None:
                found[name] = TYPES[known.kind]
            else:
                raise UsageError(
                    f"{job_type.name} gives a column {name}, which nobody has declared",
                    hint="Declare it in the column registry, with unit and meaning",
                    column=name,
                )
    return found
