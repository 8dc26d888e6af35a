"""Read the text of a filter expression: Python's grammar, of which only a list of harmless parts is let through."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NoReturn, cast, get_args

from vitreous.core.errors import UsageError
from vitreous.core.words import near
from vitreous.workflow.expression_nodes import (
    Arithmetic,
    Calculation,
    Column,
    Comparator,
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
    NumberFunction,
    TextFunction,
    TextTest,
)

LONGEST = 4000
"""Characters of an expression."""
DEEPEST = 18
"""Levels of operators and functions within each other: a level takes up to 5 of the 100 places of SQLite's parser."""
MOST_PARTS = 600
"""Names, constants and operators in all."""

_CALCULATE: Mapping[type[ast.operator], Arithmetic] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
}
_COMPARE: Mapping[type[ast.cmpop], Comparator] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_NUMBER_FUNCTIONS: tuple[NumberFunction, ...] = get_args(NumberFunction)
_TEXT_FUNCTIONS: tuple[TextFunction, ...] = get_args(TextFunction)
_FUNCTIONS = (*_NUMBER_FUNCTIONS, *_TEXT_FUNCTIONS)
_CALLED: Mapping[str, str] = {"number": "a number", "text": "text", "boolean": "a condition"}
_SQL_WORDS = re.compile(r"\b(AND|OR|NOT|IN|IS|LIKE|BETWEEN|NULL)\b|<>|&&|\|\||(?<![<>=!])=(?!=)")
_INSTEAD = {
    "NULL": "None",
    "<>": "!=",
    "&&": "and",
    "||": "or",
    "=": "==",
    "BETWEEN": "a chain such as 3 <= x < 5",
    "LIKE": 'x.like("a%")',
}


def read(text: str, columns: Mapping[str, Kind] | None) -> Node:
    """The parts of the expression, a condition; ``columns`` gives names and kinds where they are known.

    Raises:
        UsageError: shows the place; ``context`` holds ``expression``, ``position`` and ``length`` (in characters).
    """
    line = " ".join(text.split("\n")).replace("\r", " ").replace("\t", " ").strip()
    if len(line) > LONGEST:
        raise UsageError(
            f"the expression has {len(line)} characters, more than {LONGEST}",
            hint="Split it: filters can follow each other",
        )
    if not line:
        raise UsageError("the expression is empty", hint="Give a condition such as fit_resolution < 5")
    reader = _Reader(line, columns)
    tree = reader.tree()
    reader.check_size(tree)
    return reader.wanted(reader.node(tree), "boolean", tree)


@dataclass(frozen=True)
class _Reader:
    text: str
    columns: Mapping[str, Kind] | None

    def tree(self) -> ast.expr:
        try:
            return ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            self.fail_syntax(error)
        except (ValueError, RecursionError, MemoryError):
            raise UsageError(
                "the expression can't be read: it is nested too deeply or holds a character that is none",
                hint="Split it: filters can follow each other",
                expression=self.text,
            ) from None

    def fail_syntax(self, error: SyntaxError) -> NoReturn:
        word = next((match for match in _SQL_WORDS.finditer(_blanked(self.text))), None)
        if word is not None:
            instead = _INSTEAD.get(word.group(), word.group().lower())
            self.fail_at(word.start(), word.end(), f"{word.group()!r} is not understood", f"Write {instead}")
        if not error.offset or error.offset > len(self.text):
            self.fail_at(len(self.text), len(self.text) + 1, "the expression ends too early", "Complete it")
        start = error.offset - 1
        end = (error.end_offset or 0) - 1
        reason = (error.msg or "invalid syntax").removeprefix("invalid syntax. ")
        self.fail_at(start, max(end, start + 1), f"the expression can't be read: {reason}", "Mend it")

    def check_size(self, tree: ast.expr) -> None:
        """Bound depth and number of parts before anything recurses over them."""
        parts = 0
        level: list[ast.AST] = [tree]
        depth = 0
        while level:
            depth += 1
            parts += sum(isinstance(node, ast.expr) for node in level)
            if depth > DEEPEST or parts > MOST_PARTS:
                what = f"{DEEPEST} levels" if depth > DEEPEST else f"{MOST_PARTS} parts"
                raise UsageError(
                    f"the expression has more than {what}",
                    hint="Split it: filters can follow each other",
                    expression=self.text,
                )
            level = [child for node in level for child in ast.iter_child_nodes(node)]

    def node(self, tree: ast.expr) -> Node:
        match tree:
            case ast.Name():
                return self.column(tree)
            case ast.Constant():
                return self.constant(tree)
            case ast.BinOp():
                return self.calculation(tree)
            case ast.UnaryOp():
                return self.unary(tree)
            case ast.BoolOp():
                operands = tuple(self.needed(value, "boolean") for value in tree.values)
                return Logic("and" if isinstance(tree.op, ast.And) else "or", operands)
            case ast.Compare():
                return self.compare(tree)
            case ast.Call():
                return self.call(tree)
            case ast.Attribute():
                self.fail(tree, "a dot is only for tests of text", 'Write, for example, name.startswith("a")')
            case ast.Tuple() | ast.List() | ast.Set():
                self.fail(tree, "a list stands only after in", "Write, for example, x in (1, 2)")
        self.fail(tree, "this is no part of the filters' language", "Use comparisons, and, or, not, + - * / %, in")

    def needed(self, tree: ast.expr, kind: Kind) -> Node:
        return self.wanted(self.node(tree), kind, tree)

    def wanted(self, node: Node, kind: Kind, tree: ast.expr) -> Node:
        """The node, which must be of that kind; a column of unknown kind is taken for it."""
        if isinstance(node, Column) and node.kind is None:
            return replace(node, kind=kind)
        if node.kind == kind:
            return node
        is_now = _CALLED[str(node.kind)]
        hint = "Compare it, for example with > 0" if kind == "boolean" else f"Give {_CALLED[kind]} in its place"
        self.fail(tree, f"{self.piece(tree)} is {is_now}, where {_CALLED[kind]} is needed", hint)

    def column(self, tree: ast.Name) -> Column:
        name = tree.id
        if self.columns is None:
            return Column(name, None, self.place(tree)[0])
        if name not in self.columns:
            self.fail(tree, f"no column {name!r}", near(name, self.columns) or "See the columns of the table")
        return Column(name, self.columns[name], self.place(tree)[0])

    def constant(self, tree: ast.Constant) -> Constant:
        value = tree.value
        if value is None:
            self.fail(tree, "None can't be compared or reckoned with", "Write: x is None, or x is not None")
        if isinstance(value, bool):
            return Constant(value)
        if isinstance(value, str):
            return Constant(self.text_of(tree, value))
        if isinstance(value, int | float):
            return Constant(self.number_of(tree, value))
        self.fail(
            tree, f"{self.piece(tree)} is neither a number nor text", "Give numbers such as 4.5 or text in quotes"
        )

    def number_of(self, tree: ast.expr, value: int | float) -> float:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.fail(tree, "this number is too large", "Numbers reach to 1.8e308")
        return number

    def text_of(self, tree: ast.expr, value: str) -> str:
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            self.fail(tree, "this text holds a character that is none", "Leave it out")
        return value

    def calculation(self, tree: ast.BinOp) -> Node:
        sign = _CALCULATE.get(type(tree.op))
        if sign is None:
            hints = {ast.BitAnd: "Write and", ast.BitOr: "Write or", ast.Pow: "Write x * x for the square"}
            self.fail(tree, "this operator is not known", hints.get(type(tree.op), "Known are + - * / %"))
        return Calculation(sign, self.needed(tree.left, "number"), self.needed(tree.right, "number"))

    def unary(self, tree: ast.UnaryOp) -> Node:
        match tree.op:
            case ast.Not():
                return Not(self.needed(tree.operand, "boolean"))
            case ast.USub():
                return Negative(self.needed(tree.operand, "number"))
            case ast.UAdd():
                return self.needed(tree.operand, "number")
        self.fail(tree, "this operator is not known", "Write not")

    def compare(self, tree: ast.Compare) -> Node:
        first = tree.ops[0]
        if len(tree.ops) == 1 and isinstance(first, ast.In | ast.NotIn):
            return self.membership(tree.left, tree.comparators[0], isinstance(first, ast.NotIn))
        if len(tree.ops) == 1 and isinstance(first, ast.Is | ast.IsNot):
            if not (isinstance(tree.comparators[0], ast.Constant) and tree.comparators[0].value is None):
                self.fail(tree.comparators[0], "is only asks for None", "Write == to compare")
            return IsUnknown(self.node(tree.left), isinstance(first, ast.IsNot))
        signs = [_COMPARE.get(type(op)) for op in tree.ops]
        if None in signs:
            self.fail(tree, "in and is don't stand in a chain", "Join the parts with and")
        trees = [tree.left, *tree.comparators]
        nodes = self.one_kind([self.node(part) for part in trees], trees)
        if nodes[0].kind == "boolean" and (len(signs) > 1 or signs[0] not in ("==", "!=")):
            self.fail(tree, "conditions are only compared by == or !=, two at a time", "Join them with and, or")
        return Comparison(tuple(nodes), tuple(sign for sign in signs if sign is not None))

    def one_kind(self, nodes: list[Node], trees: list[ast.expr]) -> list[Node]:
        """The operands of a comparison, all of the kind of the first whose kind is known."""
        kind = next((node.kind for node in nodes if node.kind is not None), None)
        if kind is None:
            return nodes
        return [self.wanted(node, kind, tree) for node, tree in zip(nodes, trees, strict=True)]

    def membership(self, left: ast.expr, right: ast.expr, negated: bool) -> Node:
        if not isinstance(right, ast.Tuple | ast.List | ast.Set) or not right.elts:
            self.fail(right, "after in comes a list", 'Write x in (1, 2); for a part of a text name.contains("a")')
        constants = [self.signed(element) for element in right.elts]
        kind = constants[0].kind
        if kind == "boolean":
            self.fail(right, "a list after in holds numbers or texts", "Compare conditions by ==")
        for constant, element in zip(constants, right.elts, strict=True):
            self.wanted(constant, kind, element)
        values = tuple(constant.value for constant in constants)
        return Membership(self.needed(left, kind), values, negated)

    def signed(self, tree: ast.expr) -> Constant:
        """A constant, or a number with its sign."""
        node = self.node(tree)
        if isinstance(node, Negative) and isinstance(node.operand, Constant):
            return Constant(-float(node.operand.value))
        if not isinstance(node, Constant):
            self.fail(tree, "a list after in holds only numbers or texts", "Join comparisons with or")
        return node

    def call(self, tree: ast.Call) -> Node:
        arguments = list(tree.args)
        if isinstance(tree.func, ast.Attribute):
            name = tree.func.attr
            arguments.insert(0, tree.func.value)
        elif isinstance(tree.func, ast.Name):
            name = tree.func.id
        else:
            self.fail(tree, "this can't be called", f"Known functions are {', '.join(_FUNCTIONS)}")
        known = _TEXT_FUNCTIONS if isinstance(tree.func, ast.Attribute) else _FUNCTIONS
        if name not in known:
            hint = near(name, known) or f"Known functions are {', '.join(known)}"
            self.fail(tree.func, f"no function {name!r}", hint)
        if tree.keywords or any(isinstance(argument, ast.Starred) for argument in arguments):
            self.fail(tree, "functions take plain values only", "Leave out names and stars")
        if name in _TEXT_FUNCTIONS:
            return self.text_test(tree, cast(TextFunction, name), arguments)
        return self.number_call(tree, cast(NumberFunction, name), arguments)

    def number_call(self, tree: ast.Call, name: NumberFunction, arguments: list[ast.expr]) -> Node:
        least = 2 if name in ("min", "max") else 1
        if len(arguments) < least or (least == 1 and len(arguments) > 1):
            more = "two or more numbers" if least == 2 else "one number"
            self.fail(tree, f"{name} takes {more}, not {len(arguments)}", f"Give it {more}")
        return NumberCall(name, tuple(self.needed(argument, "number") for argument in arguments))

    def text_test(self, tree: ast.Call, name: TextFunction, arguments: list[ast.expr]) -> Node:
        last = arguments[-1] if arguments else None
        if len(arguments) != 2 or not isinstance(last, ast.Constant) or not isinstance(last.value, str):
            self.fail(tree, f"{name} takes a column of text and a text in quotes", f'Write name.{name}("a")')
        if not last.value:
            self.fail(last, "the text to look for is empty", "Give at least one character")
        return TextTest(name, self.needed(arguments[0], "text"), self.text_of(last, last.value))

    def place(self, tree: ast.expr) -> tuple[int, int]:
        """Where a part begins and ends, in characters; the parser counts bytes."""
        data = self.text.encode("utf-8", "surrogatepass")
        start = len(data[: tree.col_offset].decode("utf-8", "replace"))
        return start, len(data[: tree.end_col_offset].decode("utf-8", "replace"))

    def piece(self, tree: ast.expr) -> str:
        """The part as it was typed, shortened."""
        start, end = self.place(tree)
        typed = self.text[start:end]
        return typed if len(typed) <= 40 else typed[:37] + "..."

    def fail(self, tree: ast.expr, message: str, hint: str) -> NoReturn:
        self.fail_at(*self.place(tree), message, hint)

    def fail_at(self, start: int, end: int, message: str, hint: str) -> NoReturn:
        raise UsageError(
            message,
            hint=f"{hint}\n{pointed(self.text, start, end)}",
            expression=self.text,
            position=start,
            length=end - start,
        ) from None


def pointed(text: str, start: int, end: int) -> str:
    """Two lines: the text around a place, and carets below the place."""
    first = max(0, start - 50) if len(text) > 100 else 0
    shown = text[first : first + 100]
    carets = "^" * max(1, min(end, first + len(shown)) - start)
    return f"    {shown}\n    {' ' * (start - first)}{carets}"


def _blanked(text: str) -> str:
    """The text with what stands in quotes blanked out, so that only words of the language are found."""
    return re.sub(r"\"[^\"]*\"|'[^']*'", lambda match: " " * len(match.group()), text)
