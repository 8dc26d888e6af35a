"""A catalogue is opened by the versions that can, survives kills, and explains what is wrong with it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from vitreous.core.errors import DataError, ResourceError, UsageError
from vitreous.store import database as module
from vitreous.store import migration
from vitreous.store.database import NAME, create_database, open_database, read_meta, write_meta
from vitreous.store.faults import explain
from vitreous.store.file_systems import file_system, is_network

WRITER = """
import sys
from pathlib import Path
from vitreous.store.database import open_database

db = open_database(Path(sys.argv[1]), write=True)
start = db.connection.execute("SELECT count(*) FROM event").fetchone()[0] // 50
print("ready", flush=True)
for number in range(start, 10**6):
    with db.transaction() as connection:
        for part in range(50):
            connection.execute("INSERT INTO event (time, kind, job, message) VALUES (0, 'k', ?, 'm')", (number,))
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "a project, 100%"
    create_database(folder, {"mode": "drift"}).close()
    return folder


@pytest.fixture
def newer(monkeypatch):
    """A program that knows one migration more."""

    def learn(text="CREATE TABLE later (x); INSERT INTO later VALUES (1);"):
        known = migration.migrations()
        number = max(known) + 1
        for place in (migration, module):
            if hasattr(place, "migrations"):
                monkeypatch.setattr(place, "migrations", lambda: {**known, number: text})
            monkeypatch.setattr(place, "latest_version", lambda: number)
        return number

    return learn


def raw(folder, *statements):
    with closing(sqlite3.connect(folder / NAME)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_a_new_catalogue_keeps_the_facts_of_the_project(folder):
    with open_database(folder, write=True) as db:
        assert read_meta(db)["mode"] == "drift"
        write_meta(db, {"mode": "tomography", "title": "Å"})
        assert db.note is None
        assert not db.read_only
    with open_database(folder, write=False) as db:
        assert read_meta(db)["title"] == "Å"
        assert db.read_only
        with pytest.raises(UsageError, match="reading only"), db.transaction():
            pass
        with pytest.raises(sqlite3.OperationalError):
            db.connection.execute("DELETE FROM meta")
    with pytest.raises(UsageError, match="already"):
        create_database(folder, {})
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def _write_and_fail(db):
    with db.transaction():
        write_meta(db, {"a": "1"})
        raise ValueError("stop")


def test_a_transaction_is_all_or_nothing_and_joins_the_outer_one(folder):
    with open_database(folder, write=True) as db:
        with pytest.raises(ValueError, match="stop"):
            _write_and_fail(db)
        assert "a" not in read_meta(db)
        with db.transaction():
            write_meta(db, {"b": "1"})
            assert db.connection.in_transaction
        assert read_meta(db)["b"] == "1"


def test_threads_wait_for_each_others_transactions(folder):
    with open_database(folder, write=True) as db:
        write_meta(db, {"n": "0"})

        def add():
            for _ in range(20):
                with db.transaction():
                    write_meta(db, {"n": str(int(read_meta(db)["n"]) + 1)})

        threads = [threading.Thread(target=add) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert read_meta(db)["n"] == "60"


def test_readers_see_commits_while_a_writer_writes(folder):
    with open_database(folder, write=True) as writer, open_database(folder, write=False) as reader:
        with writer.transaction():
            write_meta(writer, {"a": "1"})
            assert "a" not in read_meta(reader)
        assert read_meta(reader)["a"] == "1"


def test_a_killed_writer_leaves_whole_transactions(folder):
    counted = 0
    for delay in (0.03, 0.11, 0.05):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with open_database(folder, write=True) as db:
            rows = db.connection.execute("SELECT job, count(*) FROM event GROUP BY job ORDER BY job").fetchall()
            assert [tuple(row) for row in rows] == [(number, 50) for number in range(len(rows))]
            assert len(rows) >= counted
            counted = len(rows)
            assert db.connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert counted > 0


def test_an_older_catalogue_is_copied_and_migrated_for_writing(folder, newer):
    number = newer()
    with open_database(folder, write=True) as db:
        assert f"{NAME}.v{number - 1}.bak" in db.note
        assert db.connection.execute("SELECT x FROM later").fetchone()[0] == 1
        assert migration.version_of(db.connection) == number
    with closing(sqlite3.connect(folder / f"{NAME}.v{number - 1}.bak")) as backup:
        assert migration.version_of(backup) == number - 1
        assert backup.execute("SELECT value FROM meta WHERE name = 'mode'").fetchone() == ("drift",)
    with open_database(folder, write=True) as db:
        assert db.note is None


def test_an_older_catalogue_is_read_as_a_migrated_copy(folder, newer):
    before = (folder / NAME).read_bytes()
    newer()
    with open_database(folder, write=False) as db:
        assert db.connection.execute("SELECT x FROM later").fetchone()[0] == 1
        assert "copy in memory" in db.note
    assert (folder / NAME).read_bytes() == before


def test_a_migration_that_fails_changes_nothing(folder, newer):
    newer("CREATE TABLE later (x); INSERT INTO nowhere VALUES (1);")
    for write in (True, False):
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            open_database(folder, write=write)
    with closing(sqlite3.connect(folder / NAME)) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert "later" not in names


def test_a_newer_catalogue_is_read_where_it_may_be(folder):
    raw(folder, "PRAGMA user_version = 99", "UPDATE meta SET value = '7.1' WHERE name = 'vitreous'")
    with open_database(folder, write=False) as db:
        assert "newer Vitreous" in db.note
    with pytest.raises(UsageError, match=r"7\.1.*only read"):
        open_database(folder, write=True)
    raw(folder, "UPDATE meta SET value = '98' WHERE name = 'readable_from'")
    for write in (False, True):
        with pytest.raises(DataError, match=r"Install Vitreous 7\.1"):
            open_database(folder, write=write)


def test_what_is_no_project_says_so(folder, tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        open_database(tmp_path / "none", write=False)
    with pytest.raises(UsageError, match="not a project"):
        open_database(tmp_path, write=True)
    (folder / NAME).write_bytes(b"not a database at all, but long enough to be looked at" * 50)
    with pytest.raises(DataError, match="not a catalogue"):
        open_database(folder, write=True)
    (folder / NAME).unlink()
    raw(folder, "CREATE TABLE other (x)")
    with pytest.raises(DataError, match="not a catalogue of Vitreous"):
        open_database(folder, write=False)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="can't be written"):
        create_database(tmp_path / "file" / "project", {})


def test_a_damaged_catalogue_says_so(folder):
    content = bytearray((folder / NAME).read_bytes())
    content[4096 * 2 :] = b"\xff" * (len(content) - 4096 * 2)
    (folder / NAME).write_bytes(bytes(content))
    with pytest.raises(DataError, match="damaged"):
        _read_all(folder)


def _read_all(folder):
    with open_database(folder, write=True) as db, db.transaction() as connection:
        for table in ("meta", "event", "task", "job", "item_group", "exposure"):
            connection.execute(f"SELECT * FROM {table}").fetchall()


def test_a_full_disk_rolls_back_and_work_goes_on_later(folder):
    with open_database(folder, write=True) as db:
        pages = db.connection.execute("PRAGMA page_count").fetchone()[0]
        db.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(ResourceError, match="disk is full"):
            write_meta(db, {str(number): "x" * 1000 for number in range(1000)})
        db.connection.execute("PRAGMA max_page_count = 1000000")
        assert "0" not in read_meta(db)
        write_meta(db, {"0": "x" * 100000})


def test_another_writer_is_waited_for_then_named(folder, monkeypatch):
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
    with open_database(folder, write=True) as first, open_database(folder, write=True) as second:
        with first.transaction(), pytest.raises(ResourceError, match="another process"):
            write_meta(second, {"a": "1"})
        write_meta(second, {"a": "1"})


def test_a_network_file_system_gets_a_rollback_journal_and_a_note(folder, monkeypatch):
    monkeypatch.setattr(module, "file_system", lambda path: "nfs4")
    with open_database(folder, write=True) as db:
        assert "nfs4" in db.note
        assert db.connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
        assert db.connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        write_meta(db, {"a": "1"})
    monkeypatch.undo()
    with open_database(folder, write=True) as db:
        assert db.connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_the_file_system_of_a_path_is_that_of_its_longest_mount(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda / ext4 rw 0 0\nserver:/x /data nfs4 rw 0 0\n"
        "local /data/fast xfs rw 0 0\nhost: /my\\040data fuse.sshfs rw 0 0\n"
    )
    places = {
        "/data/session": "nfs4",
        "/data/fast/a": "xfs",
        "/database": "ext4",
        "/my data/x": "fuse.sshfs",
        "/": "ext4",
    }
    assert {place: file_system(place, mounts) for place in places} == places
    assert file_system(tmp_path, tmp_path / "missing") == "unknown"
    assert all(is_network(name) for name in ("nfs", "cifs", "lustre", "fuse.sshfs"))
    assert not any(is_network(name) for name in ("ext4", "xfs", "fuse.ntfs", "unknown"))


def test_a_fault_of_the_program_is_not_explained_away(tmp_path):
    assert explain(sqlite3.IntegrityError("UNIQUE constraint failed"), tmp_path) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_can_be_read(folder):
    folder.chmod(0o500)
    try:
        with pytest.raises(UsageError, match="may not write"):
            open_database(folder, write=True)
        with open_database(folder, write=False) as db:
            assert read_meta(db)["mode"] == "drift"
    finally:
        folder.chmod(0o700)
