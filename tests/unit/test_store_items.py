"""What people do to exposures is reversible, recorded, and explains itself."""

from __future__ import annotations

import json

import pytest

from vitreous.core.errors import DataError, UsageError
from vitreous.store import groups, items
from vitreous.store.columns import clear_values, ensure_columns, exposure_columns, set_many, set_values
from vitreous.store.database import create_database
from vitreous.store.selection import Selection, select


@pytest.fixture
def db(tmp_path):
    with create_database(tmp_path / "project", {"mode": "drift"}) as database:
        for number in range(1, 6):
            add(database, f"movie_{number:03d}")
        yield database


def add(db, name, **values):
    values = {"source_job": 1, "source_path": f"/camera/{name}.tiff", "path": f"movies/{name}.tiff", **values}
    return items.add_exposure(db, name, identity=f"id-{name}", size=10, **values)


def decisions(db):
    return [(row["kind"], json.loads(row["items"]), row["value"], row["author"]) for row in rows(db)]


def rows(db):
    return db.connection.execute("SELECT * FROM decision ORDER BY id").fetchall()


def test_a_name_is_given_once_and_a_free_one_is_proposed(db):
    with pytest.raises(UsageError, match="movie_001_2"):
        add(db, "movie_001")
    assert items.free_name(db, "movie_001") == "movie_001_2"
    assert items.free_name(db, "movie_00") == "movie_00"
    add(db, "odd[1]*")
    assert items.free_name(db, "odd[1]*") == "odd[1]*_2"


def test_trash_remembers_where_an_exposure_was(db):
    groups.make_group(db, "specimen A", "ada")
    assert groups.move(db, [1, 2], "specimen A", "ada") == [1, 2]
    assert groups.trash(db, [2, 3], "ada") == [2, 3]
    assert groups.trash(db, [3], "ada") == []
    assert [(group.name, group.count) for group in groups.groups(db)] == [
        ("Imported", 2),
        ("specimen A", 1),
        ("TRASH", 2),
    ]
    assert groups.restore(db, [1, 2, 3], "ada") == [2, 3]
    assert select(db, Selection(group="specimen A")) == [1, 2]
    assert decisions(db) == [
        ("new group", [], "specimen A", "ada"),
        ("group", ["movie_001", "movie_002"], "specimen A", "ada"),
        ("trash", ["movie_002", "movie_003"], None, "ada"),
        ("restore", ["movie_002", "movie_003"], None, "ada"),
    ]


def test_what_was_trashed_from_a_removed_group_goes_back_to_imported(db):
    groups.make_group(db, "A", "ada")
    groups.move(db, [1], "A", "ada")
    groups.move(db, [1], "TRASH", "ada")
    groups.remove_group(db, "A", "ada")
    groups.restore(db, [1], "ada")
    assert select(db, Selection(group="Imported")) == [1, 2, 3, 4, 5]


def test_groups_that_can_not_be_changed_say_why(db):
    groups.make_group(db, "hole 1", "ada")
    with pytest.raises(UsageError, match="every project has it"):
        groups.rename_group(db, "TRASH", "bin", "ada")
    with pytest.raises(UsageError, match="hole 1"):
        groups.move(db, [1], "hole1", "ada")
    groups.move(db, [1], "hole 1", "ada")
    with pytest.raises(UsageError, match="holds 1 exposures"):
        groups.remove_group(db, "hole 1", "ada")
    groups.rename_group(db, "hole 1", "hole 2", "ada")
    with pytest.raises(UsageError, match="already"):
        groups.rename_group(db, "hole 2", "Imported", "ada")
    assert groups.make_group(db, "hole 2", "ada") == groups.find_group(db, "hole 2")
    with pytest.raises(UsageError, match="can't be the name"):
        groups.make_group(db, "a/b", "ada")


def test_flags_tags_comments_and_parameters_change_only_what_differs(db):
    assert items.set_flag(db, [1, 2], "gold", "ada") == [1, 2]
    assert items.set_flag(db, [1, 3], "gold", "ada") == [3]
    assert items.set_flag(db, [1], "none", "ada") == [1]
    assert items.add_tag(db, [1, 2], "best", "ada") == [1, 2]
    assert items.add_tag(db, [2, 3], "best", "ada") == [3]
    assert items.remove_tag(db, [1, 5], "best", "ada") == [1]
    assert items.tags(db) == {"best": 2}
    assert items.set_comment(db, [1], " ice ", "ada") == [1]
    assert items.set_comment(db, [1, 2], "ice", "ada") == [2]
    assert items.set_comment(db, [1], None, "ada") == [1]
    assert items.set_parameters(db, [1], {"ctf.box": 512, "motion.patches": None}, "ada") == [1]
    assert items.parameters_of(db, 1) == {"ctf.box": 512}
    assert items.set_parameters(db, [1], {"ctf.box": 512}, "ada") == []
    assert items.set_parameters(db, [1], {"ctf.box": None}, "ada") == [1]
    assert items.parameters_of(db, 1) == {}
    assert [kind for kind, *_ in decisions(db)] == [
        "flag", "flag", "flag", "tag", "tag", "untag", "comment", "comment", "comment", "parameters", "parameters",
    ]  # fmt: skip


def test_selections_combine(db):
    ensure_columns(db, {"defocus": "REAL"})
    set_many(db, [(item, "ctf", 7, {"defocus": 1000.0 * item}) for item in (1, 2, 3, 4)])
    items.set_flag(db, [1, 2], "red", "ada")
    items.add_tag(db, [2, 3], "best", "ada")
    assert select(db, Selection(names=["movie_00[12]", "movie_005"])) == [1, 2, 5]
    assert select(db, Selection(flag="red", tag="best")) == [2]
    assert select(db, Selection(flag="none")) == [3, 4, 5]
    assert select(db, Selection(values=[("defocus", ">", 1500), ("defocus", "<=", 3000)])) == [2, 3]
    assert select(db, Selection(values=[("defocus", "=", None)])) == [5]
    assert select(db, Selection(where="defocus > ?", parameters=(3500,))) == [4]
    groups.trash(db, [1], "ada")
    assert select(db, Selection()) == [2, 3, 4, 5]
    assert select(db, Selection(ids=[1])) == [1]


@pytest.mark.parametrize(
    ("selection", "hint"),
    [
        (Selection(names=["movie_0O1"]), "movie_001"),
        (Selection(group="Importet"), "Imported"),
        (Selection(flag="yellow"), "gold"),
        (Selection(tag="bset"), "best"),
        (Selection(ids=[1, 99]), "99"),
        (Selection(values=[("sise", ">", 1)]), "size"),
        (Selection(values=[("size", "~", 1)]), "<="),
        (Selection(values=[("size", ">", None)]), "unknown"),
    ],
)
def test_an_unknown_name_gives_what_it_may_have_meant(db, selection, hint):
    items.add_tag(db, [1], "best", "ada")
    with pytest.raises(UsageError) as error:
        select(db, selection)
    assert hint in str(error.value)


def test_the_newest_job_wins_whatever_the_order(db):
    ensure_columns(db, {"defocus": "REAL", "phase_shift": "REAL", "fitted": "BOOLEAN", "notes": "TEXT"})
    old = {"defocus": 1.0, "phase_shift": 30.0, "fitted": True, "notes": ["a"]}
    new = {"defocus": 2.0}
    assert set_values(db, 1, "ctf", 3, old)
    assert set_values(db, 1, "ctf", 5, new)
    assert set_values(db, 2, "ctf", 5, new)
    assert not set_values(db, 2, "ctf", 3, old)
    assert set_values(db, 3, "ctf", 5, old)
    assert set_values(db, 3, "ctf", 5, {**old, "defocus": float("nan")})
    query = "SELECT defocus, phase_shift, fitted, notes, ctf_job FROM exposures WHERE id <= 3 ORDER BY id"
    assert [tuple(row) for row in db.connection.execute(query)] == [
        (2.0, None, None, None, 5),
        (2.0, None, None, None, 5),
        (None, 30.0, 1, '["a"]', 5),
    ]
    assert clear_values(db, "ctf", 5, [1, 4]) == 1
    assert clear_values(db, "ctf", 5) == 2
    assert set_values(db, 2, "ctf", 3, old)


def test_columns_grow_once_and_keep_their_type(db):
    assert ensure_columns(db, {"defocus": "REAL", "drift": "REAL"}) == ["defocus", "drift"]
    assert ensure_columns(db, {"defocus": "REAL", "frames": "INTEGER"}) == ["frames"]
    names = list(exposure_columns(db))
    assert names[:5] == ["id", "name", "group_name", "flag", "tags"]
    assert {"defocus", "drift", "frames"} < set(names)
    with pytest.raises(UsageError, match="holds REAL, not TEXT"):
        ensure_columns(db, {"defocus": "TEXT"})
    for name in ("", "Defocus", "a b", "x; DROP TABLE exposure", "tags"):
        with pytest.raises(UsageError, match="can't be the name"):
            ensure_columns(db, {name: "REAL"})
    with pytest.raises(UsageError, match="no type"):
        ensure_columns(db, {"x": "BLOB"})


def test_values_that_do_not_fit_are_refused_and_nothing_is_kept(db):
    ensure_columns(db, {"defocus": "REAL", "frames": "INTEGER", "fitted": "BOOLEAN"})
    for values in ({"defocus": "far"}, {"frames": 1.5}, {"fitted": 2}, {"defocus": [1]}):
        with pytest.raises(DataError, match="holds"):
            set_many(db, [(1, "ctf", 1, {"defocus": 1.0, "frames": 1, "fitted": 1}), (2, "ctf", 1, values)])
    assert select(db, Selection(values=[("defocus", "!=", None)])) == []
    with pytest.raises(UsageError, match="defocus"):
        set_values(db, 1, "ctf", 1, {"defocuss": 1.0})
    set_values(db, 1, "ctf", 1, {"defocus": 1.0})
    with pytest.raises(UsageError, match="belongs to slot ctf"):
        set_values(db, 1, "motion", 1, {"defocus": 1.0})
    with pytest.raises(UsageError, match="no column"):
        set_values(db, 1, "motion", 1, {"size": 1})
