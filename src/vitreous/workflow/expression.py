"""The language of filters: conditions over columns, written like Python, with one meaning in Python and in SQL.

Known are numbers, texts in quotes, ``True`` and ``False``, columns by name, comparisons (chained too:
``5000 <= defocus < 40000``), ``and or not``, ``+ - * / %``, ``abs min max sqrt log`` (natural), ``x in (1, 2)``,
``is None``, ``is not None``, and the tests of text ``name.startswith("a")``, ``endswith``, ``contains`` and ``like``
(``%`` stands for any characters, ``_`` for one).

- What is unknown makes unknown what depends on it, as in SQL; ``x > 1 or y < 2`` is true where one side is. A filter
  passes only what is true. Ask for it with ``is None``.
- A column that the row lacks is unknown, and so is NaN.
- Numbers are double precision; ``/`` is true division; by zero, the square root of a negative number and the logarithm
  of one that is not positive are unknown. ``%`` has the sign of the left number (C's ``fmod``: -5 % 3 is -2).
- Texts are compared by character code; case matters everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from vitreous.workflow.expression_nodes import Column, Kind, Node
from vitreous.workflow.expression_reader import read
from vitreous.workflow.expression_sql import Dialect, Parameter, to_sql
from vitreous.workflow.expression_value import evaluate


@dataclass(frozen=True)
class Expression:
    """A condition over columns.

    Attributes:
        text: as it was typed.
        root: its parts.
    """

    text: str
    root: Node

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        return frozenset(node.name for node in _parts(self.root) if isinstance(node, Column))

    def evaluate(self, row: Mapping[str, Any]) -> bool | None:
        """Whether the row meets the condition; ``None`` where that is unknown.

        Raises:
            UsageError: a column holds another kind of value than the expression takes it for.
        """
        value = evaluate(self.root, row)
        return None if value is None else bool(value)

    def sql(self, dialect: Dialect = "sqlite", table: str | None = None) -> tuple[str, tuple[Parameter, ...]]:
        """The condition in SQL, and the values of its question marks; true, false or NULL as ``evaluate`` says.

        Name the ``table`` (or its alias) where you can: SQLite takes a quoted name that is no column for text.
        """
        written = to_sql(self.root, dialect, table)
        return written.text, written.parameters


def parse(text: str, columns: Mapping[str, Kind] | None = None) -> Expression:
    """Read a condition; with ``columns`` (name → kind), names and kinds are checked.

    Without them any name is a column, and its kind is what its use asks for.

    Raises:
        UsageError: it can't be read; the hint shows the place, and columns that are spelt nearly so.
    """
    return Expression(text, read(text, columns))


def _parts(node: Node) -> Iterator[Node]:
    yield node
    for field in fields(node):
        value = getattr(node, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if is_dataclass(item):
                yield from _parts(item)  # type: ignore[arg-type]
