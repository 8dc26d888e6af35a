"""A filter expression as SQL for SQLite or DuckDB, with the meaning that it has for a row in Python.

The two dialects differ where the databases do: SQLite makes NULL of a division by zero and of what is no number, DuckDB
makes ∞ and NaN, which are turned into NULL here; SQLite divides whole numbers to whole numbers, so columns in sums are
cast; SQLite's LIKE ignores case, its GLOB does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vitreous.core.errors import UsageError
from vitreous.workflow.expression_nodes import (
    Calculation,
    Column,
    Comparison,
    Constant,
    IsUnknown,
    Logic,
    Membership,
    Negative,
    Node,
    Not,
    NumberCall,
    TextTest,
)

Dialect = Literal["sqlite", "duckdb"]
Parameter = float | str | bool | int


@dataclass(frozen=True)
class Sql:
    """A piece of SQL and the values of its question marks, in order."""

    text: str
    parameters: tuple[Parameter, ...] = ()


def to_sql(node: Node, dialect: Dialect, table: str | None = None) -> Sql:
    """The SQL of ``node``; columns are quoted, and qualified by ``table`` where it is given.

    Raises:
        UsageError: DuckDB's must know the kind of each column, and the expression was read without.
    """
    writer = _Writer(dialect, "" if table is None else quoted(table) + ".")
    return writer.write(node)


def quoted(name: str) -> str:
    """A name as SQL takes it literally."""
    return '"' + name.replace('"', '""') + '"'


def _joined(template: str, *parts: Sql) -> Sql:
    """``template`` with ``{}`` replaced by the parts, which are used once each and in order."""
    text = template.format(*(part.text for part in parts))
    return Sql(text, tuple(value for part in parts for value in part.parameters))


def _listed(parts: Sequence[Sql], separator: str) -> Sql:
    return _joined(separator.join(["{}"] * len(parts)), *parts)


def _within(sql: Sql, domain: str) -> Sql:
    """DuckDB: the value where it lies in the domain, else NULL; evaluated once."""
    return _joined(f"list_filter([{{}}], lambda v: v {domain})[1]", sql)


@dataclass(frozen=True)
class _Writer:
    dialect: Dialect
    qualifier: str

    @property
    def duckdb(self) -> bool:
        return self.dialect == "duckdb"

    def write(self, node: Node) -> Sql:
        match node:
            case Column():
                return self.column(node)
            case Constant():
                return Sql("?", (node.value,))
            case Calculation():
                return self.calculation(node)
            case Negative():
                return _joined("(-{})", self.number(node.operand))
            case NumberCall():
                return self.call(node)
            case TextTest():
                return self.text_test(node)
            case Comparison():
                return self.comparison(node)
            case Membership():
                marks = ", ".join("?" * len(node.values))
                word = "NOT IN" if node.negated else "IN"
                value = self.known(node.operand)
                return Sql(f"({value.text} {word} ({marks}))", (*value.parameters, *node.values))
            case IsUnknown():
                return _joined("({} IS NOT NULL)" if node.negated else "({} IS NULL)", self.known(node.operand))
            case Not():
                return _joined("(NOT {})", self.write(node.operand))
            case Logic():
                return _joined("({})", _listed([self.write(part) for part in node.operands], f" {node.operator} "))

    def column(self, node: Column) -> Sql:
        name = Sql(self.qualifier + quoted(node.name))
        if not self.duckdb:
            return name
        if node.kind is None:
            raise UsageError(
                f"the kind of column {node.name!r} is not known, which SQL for DuckDB needs",
                hint="Read the expression with the kinds of the columns",
                column=node.name,
            )
        return _joined("CAST({} AS DOUBLE)", name) if node.kind == "number" else name

    def number(self, node: Node) -> Sql:
        """A number in a calculation: double precision, whatever the column's type."""
        sql = self.write(node)
        return _joined("CAST({} AS REAL)", sql) if isinstance(node, Column) and not self.duckdb else sql

    def known(self, node: Node) -> Sql:
        """A value that is compared or asked for: DuckDB's NaN becomes NULL here.

        Within a calculation NaN and NULL both stand for unknown and go on by themselves: ``nullif`` evaluates its first
        argument twice, so nested ones would take time that doubles with each level.
        """
        sql = self.write(node)
        return _joined("nullif({}, 'NaN'::DOUBLE)", sql) if self.duckdb and node.kind == "number" else sql

    def calculation(self, node: Calculation) -> Sql:
        left, right = self.number(node.left), self.number(node.right)
        if self.duckdb and node.operator in "/%":
            return _joined(f"({{}} {node.operator} {{}})", left, _within(right, "<> 0.0"))
        return _joined("mod({}, {})" if node.operator == "%" else f"({{}} {node.operator} {{}})", left, right)

    def call(self, node: NumberCall) -> Sql:
        arguments = [self.number(argument) for argument in node.arguments]
        if node.function == "abs":
            return _joined("abs({})", *arguments)
        if node.function in ("min", "max"):
            return self.extreme(node.function, arguments)
        name, domain = ("sqrt", ">= 0.0") if node.function == "sqrt" else ("ln", "> 0.0")
        return _joined(f"{name}({{}})", _within(arguments[0], domain) if self.duckdb else arguments[0])

    def extreme(self, function: str, arguments: Sequence[Sql]) -> Sql:
        """The least or greatest, unknown where one is: DuckDB's own would pass over NULL, and NaN is its greatest."""
        several = _listed(arguments, ", ")
        if not self.duckdb:
            return _joined(f"{function}({{}})", several)
        greatest = "list_sort([{}], 'DESC', 'NULLS FIRST')[1]"
        if function == "max":
            return _joined(greatest, several)
        return _joined(f"(-{greatest})", _listed([_joined("(-{})", argument) for argument in arguments], ", "))

    def comparison(self, node: Comparison) -> Sql:
        operands = [self.known(operand) for operand in node.operands]
        pairs = [
            _joined(f"{{}} {'=' if comparator == '==' else comparator} {{}}", left, right)
            for left, comparator, right in zip(operands, node.comparators, operands[1:], strict=False)
        ]
        return _joined("({})", _listed(pairs, " AND "))

    def text_test(self, node: TextTest) -> Sql:
        operand = self.write(node.operand)
        if node.function == "like" and not self.duckdb:
            return _joined("({} GLOB {})", operand, Sql("?", (glob_of_like(node.pattern),)))
        pattern = Sql("?", (node.pattern,))
        length = Sql("?", (len(node.pattern),))
        templates: dict[str, tuple[str, str]] = {
            "startswith": ("(substr({}, 1, {}) = {})", "starts_with({}, {})"),
            "endswith": ("(substr({}, -{}) = {})", "suffix({}, {})"),
            "contains": ("(instr({}, {}) > 0)", "contains({}, {})"),
            "like": ("", "({} LIKE {})"),
        }
        sqlite, duckdb = templates[node.function]
        if self.duckdb or node.function == "contains":
            return _joined(duckdb if self.duckdb else sqlite, operand, pattern)
        return _joined(sqlite, operand, length, pattern)


def glob_of_like(pattern: str) -> str:
    """The GLOB pattern that means what the LIKE pattern means, but minds the case."""
    meaning = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(meaning.get(character, character) for character in pattern)
