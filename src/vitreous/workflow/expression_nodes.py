"""The parts of a filter expression, as data: what was read, and what its two interpreters (values, SQL) walk over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "text", "boolean"]
"""What a column holds. A boolean may be stored as 0 and 1."""

Comparator = Literal["==", "!=", "<", "<=", ">", ">="]
Arithmetic = Literal["+", "-", "*", "/", "%"]
NumberFunction = Literal["abs", "min", "max", "sqrt", "log"]
TextFunction = Literal["startswith", "endswith", "contains", "like"]


@dataclass(frozen=True)
class Column:
    """The value of a column; ``kind`` is ``None`` where neither the columns nor the use tell it."""

    name: str
    kind: Kind | None
    position: int


@dataclass(frozen=True)
class Constant:
    """A number (always double precision), a text or a truth value."""

    value: float | str | bool

    @property
    def kind(self) -> Kind:
        """What the value is."""
        if isinstance(self.value, bool):
            return "boolean"
        return "text" if isinstance(self.value, str) else "number"


@dataclass(frozen=True)
class Calculation:
    """Two numbers joined by an operator."""

    operator: Arithmetic
    left: Node
    right: Node
    kind: Literal["number"] = "number"


@dataclass(frozen=True)
class Negative:
    """A number with its sign turned."""

    operand: Node
    kind: Literal["number"] = "number"


@dataclass(frozen=True)
class NumberCall:
    """A function of numbers."""

    function: NumberFunction
    arguments: tuple[Node, ...]
    kind: Literal["number"] = "number"


@dataclass(frozen=True)
class TextTest:
    """Whether a text begins with, ends with, contains or matches another, which is written out."""

    function: TextFunction
    operand: Node
    pattern: str
    kind: Literal["boolean"] = "boolean"


@dataclass(frozen=True)
class Comparison:
    """``operands[0] comparators[0] operands[1] …``: true where each pair is."""

    operands: tuple[Node, ...]
    comparators: tuple[Comparator, ...]
    kind: Literal["boolean"] = "boolean"


@dataclass(frozen=True)
class Membership:
    """Whether a value is one of those written out."""

    operand: Node
    values: tuple[float | str, ...]
    negated: bool
    kind: Literal["boolean"] = "boolean"


@dataclass(frozen=True)
class IsUnknown:
    """``is None``, or ``is not None``; itself never unknown."""

    operand: Node
    negated: bool
    kind: Literal["boolean"] = "boolean"


@dataclass(frozen=True)
class Logic:
    """``and`` or ``or`` over two or more conditions."""

    operator: Literal["and", "or"]
    operands: tuple[Node, ...]
    kind: Literal["boolean"] = "boolean"


@dataclass(frozen=True)
class Not:
    """The opposite of a condition; of an unknown one unknown."""

    operand: Node
    kind: Literal["boolean"] = "boolean"


Node = (
    Column
    | Constant
    | Calculation
    | Negative
    | NumberCall
    | TextTest
    | Comparison
    | Membership
    | IsUnknown
    | Logic
    | Not
)
