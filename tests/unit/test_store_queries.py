"""Questions in SQL are answered from the views, and change nothing."""

from __future__ import annotations

import math
import re

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from vitreous.core.errors import UsageError, VitreousError
from vitreous.store import groups, items
from vitreous.store.columns import ensure_columns, set_many
from vitreous.store.database import create_database
from vitreous.store.fragments import register, write_fragment
from vitreous.store.queries import EXAMPLES, sql


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("queries") / "project"
    with create_database(folder, {"mode": "drift"}) as db:
        for number in range(1, 5):
            name = f"movie_{number}"
            items.add_exposure(
                db, name, source_job=1, source_path=f"/camera/{name}", path=f"movies/{name}.mrc", identity=name, size=1
            )
        columns = {"defocus_u": "REAL", "defocus_v": "REAL", "astigmatism_angle": "REAL", "phase_shift": "REAL"}
        ensure_columns(db, {**columns, "fitted": "BOOLEAN"})
        values = {"defocus_u": 12000.0, "defocus_v": 11000.0, "astigmatism_angle": 45.0, "phase_shift": 90.0}
        set_many(db, [(item, "ctf", 2, {**values, "fitted": True}) for item in (1, 2)])
        groups.make_group(db, "A", "ada")
        groups.move(db, [2, 3], "A", "ada")
        items.add_tag(db, [1], "best", "ada")
        items.add_tag(db, [1], "also", "ada")
        db.connection.execute("INSERT INTO job (id, type, title, params, created) VALUES (1, 'pick', 'Pick', '{}', 0)")
        db.connection.executemany("INSERT INTO task (job, item, state) VALUES (1, ?, ?)", [(1, "done"), (2, "ready")])
        db.connection.execute("INSERT INTO event (time, kind, job, item, message) VALUES (0, 'note', 1, 1, 'done')")
        particles = pa.table(
            {
                "uid": [10, 11, 20, 21],
                "micrograph": ["movie_1", "movie_1", "movie_2", "movie_2"],
                "coordinate_x": [1.0, 2, 3, 4],
                "coordinate_y": [5.0, 6, 7, 8],
            }
        )
        register(db, write_fragment(folder, "particles", particles, "a"), job=1)
        for job, chosen in ((1, [10, 20, 21]), (2, [11, 20, 21])):
            register(db, write_fragment(folder, "particle_set", pa.table({"uid": chosen}), f"s{job}"), job=job)
    return folder


ANSWERS = {
    "files-in-group": [(f"movie_{n}", f"movies/movie_{n}.mrc", f"/camera/movie_{n}") for n in (1, 4)],
    "positions": [
        (10, "movie_1", "movies/movie_1.mrc", 1, 5),
        (11, "movie_1", "movies/movie_1.mrc", 2, 6),
        (20, "movie_2", "movies/movie_2.mrc", 3, 7),
        (21, "movie_2", "movies/movie_2.mrc", 4, 8),
    ],
    "positions-in-set": [(10, "movie_1", 1, 5), (20, "movie_2", 3, 7), (21, "movie_2", 4, 8)],
    "intersection": [(20,), (21,)],
    "ctf": [(f"movie_{n}", 12000.0, 11000.0, 45.0, 90.0, pytest.approx(math.pi / 2)) for n in (1, 2)],
}  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_documented_queries_answer(folder, example):
    assert sql(folder, example.text, example.parameters).rows == ANSWERS[example.name]


def test_the_views_join_what_belongs_together(folder):
    table = sql(folder, "SELECT id, group_name, tags, phase_shift, ctf_job FROM exposures ORDER BY id")
    assert table.columns == ("id", "group_name", "tags", "phase_shift", "ctf_job")
    assert table.rows[:3] == [
        (1, "Imported", "also, best", 90.0, 2),
        (2, "A", None, 90.0, 2),
        (3, "A", None, None, None),
    ]
    assert sql(folder, "SELECT title, tasks, done, ready, failed FROM jobs").rows == [("Pick", 2, 1, 1, 0)]
    assert sql(folder, "SELECT name, state, title FROM tasks ORDER BY item", limit=1).rows == [
        ("movie_1", "done", "Pick")
    ]
    assert sql(folder, "SELECT name, message FROM events").rows == [("movie_1", "done")]


def test_all_columns_of_exposures_reach_queries_on_particles(folder):
    text = "SELECT e.* FROM particles p JOIN exposures e ON e.name = p.micrograph WHERE p.uid = 10"
    table = sql(folder, text)
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert row["tags"] == "also, best"
    assert row["fitted"] is True
    assert row["comment"] is None
    assert sql(folder, "SELECT count(*) FROM particles, jobs").rows == [(4,)]


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM exposure",
        "UPDATE exposure SET name = 'x'",
        "DROP TABLE exposure",
        "ATTACH 'other.db' AS o",
        "PRAGMA user_version = 9",
        "CREATE TABLE particles_copy (x)",
        "CREATE TABLE x AS SELECT * FROM particles",
        "COPY (SELECT * FROM particles) TO 'x.csv'",
        "INSERT INTO particles VALUES (1)",
        "ATTACH 'particles.db'",
        "SELECT * FROM particles; DROP VIEW particles",
        "SET threads = 1; SELECT * FROM particles",
    ],
)
def test_a_query_that_writes_is_refused(folder, text):
    with pytest.raises(UsageError, match="only read"):
        sql(folder, text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("SELECT nam FROM exposures", "name"),
        ("SELECT name FROM exposure_s", "exposures"),
        ("SELEC name FROM exposures", "syntax"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("", "no rows"),
        ("SELECT coordinate_z FROM particles", "coordinate_x"),
        ("SELECT * FROM particles, read_csv('/etc/passwd')", "disabled"),
        ("SELECT * FROM exposures WHERE id = $missing", "missing|binding"),
    ],
)
def test_a_wrong_query_says_what_is_wrong(folder, text, hint):
    with pytest.raises(UsageError) as error:
        sql(folder, text)
    assert re.search(hint, str(error.value))


def test_a_big_table_that_is_not_there_yet_is_named(tmp_path):
    create_database(tmp_path / "p", {}).close()
    with pytest.raises(UsageError, match="no table particles yet"):
        sql(tmp_path / "p", "SELECT * FROM particles")


def test_parts_of_tables_that_lie_with_results_are_read_and_other_files_beside_them_are_not(tmp_path):
    with create_database(tmp_path / "p", {}) as db:
        folder = db.folder / "jobs" / "J1-pick" / "a"
        folder.mkdir(parents=True)
        for name in ("picks", "other"):
            parquet.write_table(pa.table({"uid": [1, 2, 3]}), folder / f"{name}.parquet")
        size = (folder / "picks.parquet").stat().st_size
        register(db, {"table": "picks", "path": "jobs/J1-pick/a/picks.parquet", "rows": 3, "bytes": size}, job=1)
    assert sql(tmp_path / "p", "SELECT count(*) FROM picks").rows == [(3,)]
    with pytest.raises(VitreousError):
        sql(tmp_path / "p", f"SELECT (SELECT count(*) FROM '{folder}/other.parquet') FROM picks")
