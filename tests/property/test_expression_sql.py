"""A filter means the same in Python, in SQLite and in DuckDB, for any expression and any row."""

from __future__ import annotations

import contextlib
import math
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from vitreous.core.errors import UsageError
from vitreous.workflow.expression import Expression, parse
from vitreous.workflow.expression_nodes import Kind
from vitreous.workflow.expression_value import like

COLUMNS: dict[str, Kind] = {
    "a": "number",
    "b": "number",
    "n": "number",
    "m": "number",
    "s": "text",
    "t": "text",
    "good": "boolean",
    "seen": "boolean",
}
SQLITE_TYPES = {
    "a": "REAL",
    "b": "REAL",
    "n": "INTEGER",
    "m": "INTEGER",
    "s": "TEXT",
    "t": "TEXT",
    "good": "INTEGER",
    "seen": "INTEGER",
}
DUCKDB_TYPES = {
    "a": "DOUBLE",
    "b": "DOUBLE",
    "n": "BIGINT",
    "m": "BIGINT",
    "s": "TEXT",
    "t": "TEXT",
    "good": "BOOLEAN",
    "seen": "BOOLEAN",
}

few_numbers = st.sampled_from(["0", "1", "2", "0.5", "3", "7.25", "1e3", "1e308"])
letters = st.text("aAbÅ%_*?[]-ß", min_size=1, max_size=4)
quoted_text = letters.map(repr)

numbers = st.deferred(
    lambda: (
        few_numbers
        | st.sampled_from(["a", "b", "n", "m"])
        | st.tuples(numbers, st.sampled_from("+-*/%"), numbers).map(lambda parts: f"({' '.join(parts)})")
        | numbers.map(lambda inner: f"(-{inner})")
        | st.tuples(st.sampled_from(["abs", "sqrt", "log"]), numbers).map(lambda parts: f"{parts[0]}({parts[1]})")
        | st.tuples(st.sampled_from(["min", "max"]), st.lists(numbers, min_size=2, max_size=3)).map(
            lambda parts: f"{parts[0]}({', '.join(parts[1])})"
        )
    )
)
texts = st.sampled_from(["s", "t"]) | quoted_text
comparators = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def chains(operands: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    rest = st.lists(st.tuples(comparators, operands).map(" ".join), min_size=1, max_size=2)
    return st.tuples(operands, rest).map(lambda parts: f"({parts[0]} {' '.join(parts[1])})")


def members(operand: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(values, min_size=1, max_size=3).map(lambda items: "(" + ", ".join(items) + ",)")
    return st.tuples(operand, st.sampled_from([" in ", " not in "]), several).map(lambda parts: f"({''.join(parts)})")


conditions = st.deferred(
    lambda: (
        st.sampled_from(["good", "seen", "True", "False"])
        | chains(numbers)
        | chains(texts)
        | members(numbers, few_numbers | few_numbers.map("-{}".format))
        | members(texts, quoted_text)
        | st.tuples(texts, st.sampled_from(["startswith", "endswith", "contains", "like"]), quoted_text).map(
            lambda parts: f"{parts[0]}.{parts[1]}({parts[2]})"
        )
        | st.tuples(numbers | texts | conditions, st.sampled_from(["is None", "is not None"])).map(
            lambda parts: f"({' '.join(parts)})"
        )
        | conditions.map(lambda inner: f"(not {inner})")
        | st.tuples(conditions, st.sampled_from(["and", "or", "==", "!="]), conditions).map(
            lambda parts: f"({' '.join(parts)})"
        )
    )
)
any_number = st.none() | st.sampled_from([0.0, -0.0, 1.0, 0.5, -2.0, 7.25, math.inf, -math.inf, 1e308]) | st.floats()
any_text = st.none() | letters | st.just("")
rows = st.fixed_dictionaries(
    {
        "a": any_number,
        "b": any_number,
        "n": st.none() | st.integers(-(2**40), 2**40) | st.integers(-3, 3),
        "m": st.none() | st.integers(-3, 3),
        "s": any_text,
        "t": any_text,
        "good": st.none() | st.booleans(),
        "seen": st.none() | st.booleans(),
    }
)


@pytest.fixture(scope="module")
def sqlite() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE r ({', '.join(f'{name} {kind}' for name, kind in SQLITE_TYPES.items())})")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(f"CREATE TABLE r ({', '.join(f'{name} {kind}' for name, kind in DUCKDB_TYPES.items())})")
    yield connection
    connection.close()


def read(text: str, columns: dict[str, Kind] | None) -> Expression:
    """The expression; those that are nested too deeply are not asked about."""
    try:
        return parse(text, columns)
    except UsageError as error:
        assume("levels" not in error.message)
        raise


def asked(connection: Any, sql: str, parameters: tuple[Any, ...], row: Mapping[str, Any]) -> bool | None:
    connection.execute("DELETE FROM r")
    connection.execute(f"INSERT INTO r VALUES ({', '.join('?' * len(COLUMNS))})", [row[name] for name in COLUMNS])
    answer = connection.execute(f"SELECT {sql} FROM r", parameters).fetchone()[0]
    return None if answer is None else bool(answer)


quick = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@settings(quick, max_examples=300)
@given(text=conditions, row=rows, typed=st.booleans())
@example(text="((n / m) == 0.5)", row=dict.fromkeys(COLUMNS) | {"n": 1, "m": 2}, typed=False)
@example(text="((n / 2) == 0.5)", row=dict.fromkeys(COLUMNS) | {"n": 1}, typed=True)
@example(text="(abs(n) > 1)", row=dict.fromkeys(COLUMNS) | {"n": -(2**63)}, typed=True)
def test_sqlite_answers_as_python_does(sqlite: sqlite3.Connection, text: str, row: dict[str, Any], typed: bool) -> None:
    expression = read(text, COLUMNS if typed else None)
    sql, parameters = expression.sql("sqlite", "r")
    assert asked(sqlite, sql, parameters, row) is expression.evaluate(row)


@settings(quick, max_examples=100)
@given(text=conditions, row=rows)
@example(text="(0 < (0.5 % (-1)))", row=dict.fromkeys(COLUMNS))
@example(text="(sqrt(-1) is None)", row=dict.fromkeys(COLUMNS))
@example(text="(min(1, a) is None)", row=dict.fromkeys(COLUMNS))
@example(text="(((1e308 * 1e3) - (1e308 * 1e3)) is None)", row=dict.fromkeys(COLUMNS))
def test_duckdb_answers_as_python_does(duck: duckdb.DuckDBPyConnection, text: str, row: dict[str, Any]) -> None:
    expression = read(text, COLUMNS)
    sql, parameters = expression.sql("duckdb", "r")
    assert asked(duck, sql, parameters, row) is expression.evaluate(row)


@settings(quick, max_examples=150)
@given(text=st.text(max_size=60) | conditions.flatmap(lambda good: st.integers(0, len(good)).map(lambda n: good[:n])))
def test_any_text_is_read_or_refused_by_an_error_for_people(text: str) -> None:
    with contextlib.suppress(UsageError):
        parse(text, COLUMNS)


@settings(quick, max_examples=300)
@given(text=st.text("ab%_", max_size=8), pattern=st.text("ab%_", max_size=6))
def test_like_matches_as_the_regular_expression_does(text: str, pattern: str) -> None:
    expected = re.fullmatch("".join({"%": ".*", "_": "."}.get(one, re.escape(one)) for one in pattern), text)
    assert like(text, pattern) is (expected is not None)


def test_deeply_nested_calculations_stay_quick(sqlite: sqlite3.Connection, duck: duckdb.DuckDBPyConnection) -> None:
    text = "a"
    for _ in range(2):
        text = f"log(sqrt(min(max(1 / (1 + {text}), 0.5), 3)) + 1)"
    expression = parse(f"{text} > 0", COLUMNS)
    row = dict.fromkeys(COLUMNS) | {"a": 1.0}
    begin = time.monotonic()
    assert asked(sqlite, *expression.sql("sqlite", "r"), row) is expression.evaluate(row) is True
    assert asked(duck, *expression.sql("duckdb", "r"), row) is True
    assert time.monotonic() - begin < 5.0
