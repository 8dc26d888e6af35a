"""Pages of the library are the sorted, filtered table, and hold until the data change."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitreous.core.errors import UsageError
from vitreous.store import groups, library
from vitreous.store.columns import ensure_columns, set_many, set_values
from vitreous.store.database import create_database, open_database
from vitreous.store.items import add_exposure


def make(folder, values):
    db = create_database(folder, {})
    ensure_columns(db, {"x": "REAL", "n": "INTEGER", "label": "TEXT"})
    with db.transaction():
        for number, (x, n, label) in enumerate(values, start=1):
            add_exposure(
                db, f"m{number:04d}", source_job=1, source_path="s", path="p", identity=str(number), size=number
            )
            set_values(db, number, "test", 1, {"x": x, "n": n, "label": label})
    return db


@pytest.fixture
def db(tmp_path):
    rng = np.random.default_rng(3)
    xs = [None if rng.random() < 0.2 else float(rng.normal()) for _ in range(300)]
    with make(
        tmp_path / "p", [(x, int(rng.integers(0, 4)), "ab"[index % 2]) for index, x in enumerate(xs)]
    ) as database:
        yield database


ROWS = st.tuples(
    st.one_of(st.none(), st.floats(-9, 9)), st.one_of(st.none(), st.integers(-2, 2)), st.sampled_from(["a", "b", None])
)
ORDERS = st.lists(
    st.tuples(st.sampled_from(["x", "n", "label", "name"]), st.sampled_from(["asc", "desc"])),
    max_size=3,
    unique_by=lambda pair: pair[0],
)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=12), order=ORDERS)
def test_unknown_values_come_last_and_deep_pages_agree_with_shallow_ones(tmp_path_factory, rows, order):
    with make(tmp_path_factory.mktemp("p") / "p", rows) as db:
        expected = list(range(1, len(rows) + 1))
        for name, direction in reversed(order):
            value = {number: dict(zip(["x", "n", "label"], row, strict=True)) for number, row in enumerate(rows, 1)}
            value = {number: {**fields, "name": f"m{number:04d}"}[name] for number, fields in value.items()}
            known = sorted((n for n in expected if value[n] is not None), key=value.get, reverse=direction == "desc")
            if direction == "desc":  # equal values keep the order that they had
                known = sorted((n for n in expected if value[n] is not None), key=value.get)
                ranks = {number: -sorted({value[n] for n in known}).index(value[number]) for number in known}
                known = sorted((n for n in expected if value[n] is not None), key=ranks.get)
            expected = known + [n for n in expected if value[n] is None]
        shallow = library.page(db, ["id"], order=order, limit=50)
        assert [row[0] for row in shallow.rows] == expected
        assert list(library.ids_of(db, order=order)) == expected
        assert library.page(db, ["id"], order=order, limit=10**6, offset=3).rows == shallow.rows[3:]


def test_a_page_gives_columns_rows_and_the_total_of_the_filter(db):
    page = library.page(db, ["name", "x", "group_name"], "n = ?", (2,), [("x", "desc")], limit=5, offset=2)
    assert page.columns == ("name", "x", "group_name")
    assert page.total == library.count(db, "n = ?", (2,))
    everything = db.connection.execute("SELECT name, x FROM exposure WHERE n = 2 ORDER BY x DESC NULLS LAST").fetchall()
    assert [row[:2] for row in page.rows] == [tuple(row) for row in everything[2:7]]
    assert {row[2] for row in page.rows} == {"Imported"}
    assert library.page(db, limit=1).columns[:5] == ("id", "name", "group_name", "flag", "tags")
    assert library.page(db, offset=10**6).rows == []


def test_what_is_kept_is_forgotten_when_the_data_change(db):
    with open_database(db.folder, write=False) as reader:
        for database in (db, reader):
            assert library.count(database, "group_name = 'TRASH'") == 0
        groups.trash(db, [1, 2], "ada")
        set_many(db, [(3, "test", 1, {"x": 100.0, "n": 1, "label": "a"})])
        for database in (db, reader):
            assert library.count(database, "group_name = 'TRASH'") == 2
            assert library.page(database, ["id"], order=[("x", "desc")], limit=1).rows == [(3,)]
            assert library.histogram(database, "x").edges[-1] == 100.0


def test_figures_agree_with_numpy(db):
    xs = [row[0] for row in db.connection.execute("SELECT x FROM exposure")]
    known = np.array([x for x in xs if x is not None])
    histogram = library.histogram(db, "x", 12)
    assert histogram.counts == tuple(np.histogram(known, 12)[0])
    assert histogram.unknown == len(xs) - known.size
    part = library.histogram(db, "x", edges=[0, 1, 2])
    assert part.counts == tuple(np.histogram(known, [0, 1, 2])[0])
    assert part.below == (known < 0).sum()
    summary = library.summary(db, "x")
    assert math.isclose(summary.mean, known.mean())
    assert summary.percentiles[50.0] == np.median(known)
    assert library.summary(db, "label").frequent == (("a", 150), ("b", 150))
    assert library.histogram(db, "x", where="x IS NULL").counts == ()
    assert library.summary(db, "x", "x IS NULL").known == 0
    assert library.histogram(db, "n", 1, where="n = 2").edges == (1.5, 2.5)


def test_unknown_columns_and_senseless_numbers_are_refused(db):
    for call, hint in (
        (lambda: library.page(db, ["nam"]), "name"),
        (lambda: library.page(db, order=[("labl", "asc")]), "label"),
        (lambda: library.page(db, order=[("x", "up")]), "asc or desc"),
        (lambda: library.page(db, limit=-1), "from 0"),
        (lambda: library.histogram(db, "label"), "text"),
        (lambda: library.histogram(db, "x", 0), "10000"),
        (lambda: library.histogram(db, "x", edges=[2, 1]), "rise"),
        (lambda: library.summary(db, "none"), "name"),
    ):
        with pytest.raises(UsageError, match=hint):
            call()
