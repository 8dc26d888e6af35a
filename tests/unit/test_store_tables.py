"""Big tables: whole files only, and queries that agree with plain arithmetic."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitreous.core.errors import DataError, ResourceError, UsageError
from vitreous.store.database import create_database, open_database
from vitreous.store.fragments import list_fragments, register, sweep, unregister, write_fragment
from vitreous.store.tables import compact, open_table

WRITER = """
import sys
from pathlib import Path
import numpy as np, pyarrow as pa
from vitreous.store.database import open_database
from vitreous.store.fragments import register, write_fragment

folder = Path(sys.argv[1])
db = open_database(folder, write=True)
start = db.connection.execute("SELECT count(*) FROM fragment").fetchone()[0]
for number in range(start, 100000):
    table = pa.table({"id": np.arange(20000) + 20000 * number, "x": np.random.rand(20000)})
    register(db, write_fragment(folder, "particles", table, f"part{number}"), job=1)
    print("written", flush=True)
"""


@pytest.fixture
def db(tmp_path):
    with create_database(tmp_path / "it's a project", {}) as database:
        yield database


def fill(db, rows=1000, files=4, job=3, seed=0):
    """A table in several files; returns its columns as arrays, NaN where unknown."""
    rng = np.random.default_rng(seed)
    columns = {
        "id": rng.permutation(rows).astype(np.int64),
        "item": rng.integers(1, 20, rows),
        "score": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)).astype(np.float32),
        "label": rng.choice(["top", "side"], rows),
    }
    for number, part in enumerate(np.array_split(np.arange(rows), files)):
        table = pa.table({name: values[part] for name, values in columns.items()})
        register(db, write_fragment(db.folder, "particles", table, f"job{job}-{number}"), job, number + 1)
    return columns


def test_a_page_is_the_sorted_filtered_table_with_unknown_values_last(db):
    columns = fill(db)
    with open_table(db, "particles") as table:
        for direction, sign in (("asc", 1), ("desc", -1)):
            page = table.page(["id", "score", "label", "job"], "item > ?", (5,), [("score", direction)], 1000, 0)
            kept = columns["item"] > 5
            scores, ids = columns["score"][kept], columns["id"][kept]
            order = np.lexsort((ids, sign * scores))  # NaN comes last
            assert [row[0] for row in page.rows] == ids[order].tolist()
            assert page.total == len(page.rows) == kept.sum()
            assert page.rows[-1][1] is None
            assert {row[3] for row in page.rows} == {3}
            part = table.page(["id"], "item > ?", (5,), [("score", direction)], 10, 20)
            assert [row[0] for row in part.rows] == ids[order][20:30].tolist()
        assert table.page(limit=0).rows == []
        assert table.page(limit=3).columns == ("id", "item", "score", "label", "job")


def test_figures_of_a_column_agree_with_numpy(db):
    columns = fill(db)
    known = columns["score"][~np.isnan(columns["score"])].astype(np.float64)
    with open_table(db, "particles") as table:
        histogram = table.histogram("score", 20)
        assert sum(histogram.counts) == known.size
        assert histogram.unknown == 1000 - known.size
        assert np.abs(np.array(histogram.counts) - np.histogram(known, 20)[0]).sum() <= 2
        edges = (-1.0, 0.0, 0.5, 2.0)
        histogram = table.histogram("score", edges=edges)
        assert histogram.counts == tuple(np.histogram(known, edges)[0])
        assert (histogram.below, histogram.above) == ((known < -1).sum(), (known > 2).sum())
        summary = table.summary("score")
        assert summary.known == known.size
        assert summary.mean == pytest.approx(known.mean(), abs=1e-6)
        assert summary.stddev == pytest.approx(known.std(), rel=1e-5)
        assert summary.percentiles[50.0] == pytest.approx(np.median(known), abs=0.05)
        assert dict(table.summary("label").frequent) == {
            str(label): int((columns["label"] == label).sum()) for label in ("top", "side")
        }
        assert table.count("label = ?", ("top",)) == (columns["label"] == "top").sum()
        assert table.histogram("score", where="item > 100") == table.histogram("score", 7, where="item > 100")


@settings(max_examples=20, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=30),
    bins=st.integers(1, 9),
)
def test_every_row_is_in_one_part_of_a_histogram(tmp_path_factory, values, bins):
    with create_database(tmp_path_factory.mktemp("p") / "project", {}) as db:
        table = pa.table({"id": list(range(len(values))), "x": pa.array(values, pa.float32())})
        register(db, write_fragment(db.folder, "particles", table, "a"))
        with open_table(db, "particles") as reader:
            histogram = reader.histogram("x", bins)
            assert sum(histogram.counts) + histogram.unknown == len(values)
            assert histogram.below == histogram.above == 0


def test_only_listed_files_exist_and_jobs_can_be_told_apart(db):
    fill(db, job=3)
    write_fragment(db.folder, "particles", pa.table({"id": [10**6]}), "not-registered")
    extra = pa.table({"id": [2 * 10**6], "new": [1.5]})
    identity = register(db, write_fragment(db.folder, "particles", extra, "extra"), job=4)
    with open_table(db, "particles") as table:
        assert table.count() == 1001
        assert table.page(["new", "score", "job"], "id = 2000000").rows == [(1.5, None, 4)]
    with open_table(db, "particles", jobs=[3]) as table:
        assert table.count() == 1000
    assert unregister(db, [identity]) == 1
    with pytest.raises(UsageError, match="these jobs"):
        open_table(db, "particles", jobs=[4])
    assert sweep(db) == []
    assert sorted(path.name for path in sweep(db, older_than=-1)) == ["extra.parquet", "not-registered.parquet"]


def test_compaction_keeps_rows_and_order(db):
    fill(db, rows=5000, files=10)
    before = open_table(db, "particles").page(limit=5000)
    assert compact(db, "particles", 3, rows_per_file=2000) == 3
    assert compact(db, "particles", 3, rows_per_file=2000) == 3
    with open_table(db, "particles") as table:
        assert table.page(limit=5000) == before
        assert [fragment.rows for fragment in table.fragments] == [2000, 2000, 1000]
    assert len(sweep(db, older_than=-1)) == 10


def test_faults_of_tables_explain_themselves(db):
    with pytest.raises(UsageError, match="no table 'particles' yet"):
        open_table(db, "particles")
    fill(db)
    with open_table(db, "particles") as table:
        with pytest.raises(UsageError, match="Did you mean score"):
            table.page(["scor"])
        with pytest.raises(UsageError, match="no numbers"):
            table.histogram("label")
        with pytest.raises(UsageError, match="must rise"):
            table.histogram("score", edges=[1, 1])
        with pytest.raises(UsageError, match="asc or desc"):
            table.page(order=[("score", "up")])
        with pytest.raises(UsageError, match="from row"):
            table.page(limit=-1)
    for table, name in (("../x", "a"), ("particles", "a/b"), ("particles", "")):
        with pytest.raises(UsageError, match="part of a path"):
            write_fragment(db.folder, table, pa.table({"id": [1]}), name)
    with pytest.raises(ResourceError, match="memory"):
        open_table(db, "particles", memory_limit="1KB").page()


def test_missing_and_damaged_files_are_named(db):
    fill(db)
    first, second = (db.folder / fragment.path for fragment in list_fragments(db)[:2])
    whole = second.read_bytes()
    second.write_bytes(whole[:-100])
    with pytest.raises(DataError, match=r"job3-1\.parquet.*bytes"):
        open_table(db, "particles")
    second.write_bytes(b"x" * len(whole))
    with pytest.raises(DataError, match=r"job3-1\.parquet"):
        open_table(db, "particles")
    first.unlink()
    with pytest.raises(DataError, match=r"job3-0\.parquet.*missing"):
        open_table(db, "particles")


def test_a_folder_without_permission_is_a_fault_of_the_disk(tmp_path):
    (tmp_path / "tables").write_text("in the way")
    with pytest.raises(ResourceError, match="can't be written"):
        write_fragment(tmp_path, "particles", pa.table({"id": [1]}), "a")


def test_a_killed_writer_leaves_whole_tables(tmp_path):
    folder = tmp_path / "project"
    create_database(folder, {}).close()
    rng = np.random.default_rng(1)
    counted = 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(0.2 * rng.random())
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with open_database(folder, write=True) as db:
            fragments = list_fragments(db)
            assert len(fragments) >= counted
            counted = len(fragments)
            if counted:
                with open_table(db, "particles") as table:
                    assert table.count("x IS NOT NULL") == table.count() == 20000 * counted
                    assert table.page(["id"], order=[("id", "desc")], limit=1).rows == [(20000 * counted - 1,)]
    assert counted > 0
    with open_database(folder, write=True) as db:
        sweep(db, older_than=-1)
        assert len(list((folder / "tables" / "particles").iterdir())) == counted
