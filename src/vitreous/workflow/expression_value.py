"""The value of a filter expression for one row, by three-valued logic: true, false, or unknown (``None``)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.workflow.expression_nodes import (
    Calculation,
    Column,
    Comparison,
    Constant,
    IsUnknown,
    Kind,
    Logic,
    Membership,
    Negative,
    Node,
    Not,
    NumberCall,
    TextTest,
)

Value = float | str | bool | None
Row = Mapping[str, Any]

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def evaluate(node: Node, row: Row) -> Value:
    """The value of ``node`` in ``row``; ``None`` where it is unknown.

    Raises:
        UsageError: a column holds another kind of value than the expression takes it for.
    """
    match node:
        case Column():
            return _column(node, row)
        case Constant():
            return node.value
        case Calculation():
            return _calculate(node, row)
        case Negative():
            number = evaluate(node.operand, row)
            return None if number is None else -float(number)
        case NumberCall():
            return _call(node, row)
        case _:
            return _condition(node, row)


def _condition(node: Node, row: Row) -> bool | None:
    match node:
        case TextTest():
            text = evaluate(node.operand, row)
            return None if text is None else _text_test(node, str(text))
        case Comparison():
            return _compare(node, row)
        case Membership():
            value = evaluate(node.operand, row)
            return None if value is None else (value in node.values) != node.negated
        case IsUnknown():
            return (evaluate(node.operand, row) is None) != node.negated
        case Not():
            truth = evaluate(node.operand, row)
            return None if truth is None else not truth
        case Logic():
            return _logic(node, row)
    raise TypeError(f"{type(node).__name__} is no condition")


def _logic(node: Logic, row: Row) -> bool | None:
    """The first operand that settles the matter does so, whether or not others are unknown."""
    settling = node.operator == "or"
    unknown = False
    for operand in node.operands:
        truth = evaluate(operand, row)
        if truth is None:
            unknown = True
        elif bool(truth) is settling:
            return settling
    return None if unknown else not settling


def _compare(node: Comparison, row: Row) -> bool | None:
    """A chain is false as soon as one pair is, and else unknown where a pair is."""
    unknown = False
    left = evaluate(node.operands[0], row)
    for comparator, operand in zip(node.comparators, node.operands[1:], strict=True):
        right = evaluate(operand, row)
        if left is None or right is None:
            unknown = True
        else:
            if isinstance(left, str) != isinstance(right, str):
                raise UsageError(
                    f"{left!r} can't be compared with {right!r}: one is text, the other is not",
                    hint="Compare columns of one kind",
                )
            if not COMPARE[comparator](left, right):
                return False
        left = right
    return None if unknown else True


def _column(node: Column, row: Row) -> Value:
    value = row.get(node.name)
    if value is None or (isinstance(value, Real) and math.isnan(value)):
        return None
    if node.kind is None:
        return value if isinstance(value, str | bool) else _number(node, value)
    if node.kind == "text" and isinstance(value, str):
        return value
    if node.kind == "boolean" and value in (0, 1):
        return bool(value)
    if node.kind == "number":
        return _number(node, value)
    raise _wrong_kind(node, node.kind, value)


def _number(node: Column, value: Any) -> float | None:
    if not isinstance(value, Real):
        raise _wrong_kind(node, "number", value)
    try:
        return float(value)
    except OverflowError:
        return None


def _wrong_kind(node: Column, kind: Kind, value: Any) -> UsageError:
    return UsageError(
        f"column {node.name!r} holds {value!r}, which is no {'truth value' if kind == 'boolean' else kind}",
        hint="Mend the expression, which takes it for one",
        column=node.name,
        position=node.position,
    )


def _finite_or_none(value: float) -> float | None:
    """A result that is no number (∞ - ∞) is unknown, as SQLite has it."""
    return None if math.isnan(value) else value


def _calculate(node: Calculation, row: Row) -> float | None:
    left, right = evaluate(node.left, row), evaluate(node.right, row)
    if left is None or right is None:
        return None
    a, b = float(left), float(right)
    match node.operator:
        case "+":
            return _finite_or_none(a + b)
        case "-":
            return _finite_or_none(a - b)
        case "*":
            return _finite_or_none(a * b)
        case "/":
            return None if b == 0.0 else _finite_or_none(a / b)
        case "%":
            return None if b == 0.0 or math.isinf(a) else math.fmod(a, b)


def _call(node: NumberCall, row: Row) -> float | None:
    numbers = [evaluate(argument, row) for argument in node.arguments]
    known = [float(number) for number in numbers if number is not None]
    if len(known) < len(numbers):
        return None
    match node.function:
        case "abs":
            return abs(known[0])
        case "min":
            return min(known)
        case "max":
            return max(known)
        case "sqrt":
            return math.sqrt(known[0]) if known[0] >= 0.0 else None
        case "log":
            return math.log(known[0]) if known[0] > 0.0 else None


def _text_test(node: TextTest, text: str) -> bool:
    match node.function:
        case "startswith":
            return text.startswith(node.pattern)
        case "endswith":
            return text.endswith(node.pattern)
        case "contains":
            return node.pattern in text
        case "like":
            return like(text, node.pattern)


def like(text: str, pattern: str) -> bool:
    """Whether the whole text matches: ``%`` stands for any characters, ``_`` for one; case matters.

    It takes at most length of text × length of pattern steps, whatever the pattern.
    """
    at, place = 0, 0
    star: int | None = None
    resume = 0
    while at < len(text):
        if place < len(pattern) and pattern[place] == "%":
            star, resume = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in ("_", text[at]):
            at += 1
            place += 1
        elif star is not None:
            resume += 1
            at, place = resume, star + 1
        else:
            return False
    return all(character == "%" for character in pattern[place:])
