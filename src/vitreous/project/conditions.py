"""Conditions on the table of exposures that people type: checked against its columns, then SQL."""

from __future__ import annotations

from typing import Any

from vitreous.store.columns import exposure_columns
from vitreous.store.database import Database
from vitreous.workflow.expression import parse
from vitreous.workflow.expression_nodes import Kind

KINDS: dict[str, Kind] = {"REAL": "number", "INTEGER": "number", "BOOLEAN": "boolean"}
"""Type of a column in the catalogue → what an expression takes it for; all others are text."""


def table_condition(db: Database, text: str) -> tuple[str, tuple[Any, ...]]:
    """The condition in SQL on the view ``exposures``, and the values of its question marks.

    Raises:
        UsageError: it can't be read, or names a column that the table does not have: SQLite would take that name for
            text, and every row would fit or none.
    """
    kinds = {name: KINDS.get(kind, "text") for name, kind in exposure_columns(db).items()}
    return parse(text, kinds).sql(table="exposures")
