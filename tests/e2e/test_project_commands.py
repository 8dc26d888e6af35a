"""The commands on projects, run as a person would, on a project of four tiny movies and a script as its job."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vitreous.cli import main as entry

SCRIPT = """#!/bin/sh
# /// vitreous
# title = "Size"
# summary = "Count the bytes of a movie."
# needs = ["movie"]
#
# [gives.size]
# columns.size_scaled = { kind = "float", unit = "bytes", meaning = "size of the movie times the scale" }
#
# [parameters.scale]
# type = "float"
# default = 1.0
# min = 0
# help = "factor on the size"
# ///
set -eu
bytes=$(wc -c < "$VITREOUS_MOVIE")
case "$VITREOUS_MOVIE" in *0003*) echo "the third one is bad" >&2; exit 3;; esac
echo "set size_scaled = $(awk -v a="$bytes" -v b="$VITREOUS_PARAM_SCALE" 'BEGIN { print a * b }')"
"""
MOVIES = ("grid_0001", "grid_0002", "grid_0003", "grid_0004")


def make_camera(folder: Path) -> Path:
    """A folder with four movies of different sizes."""
    from vitreous.formats.mrc_write import write_mrc

    folder.mkdir()
    random = np.random.default_rng(3)
    for number, name in enumerate(MOVIES, start=1):
        frames = random.poisson(1.0, (2, 16 * number, 16)).astype(np.int16)
        write_mrc(folder / f"{name}.mrc", frames, pixel_size=1.3, is_stack=True)
    return folder


class Shell:
    """Runs commands in one project, in this process."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capfd = capfd

    def __call__(self, *words: Any, code: int = 0) -> SimpleNamespace:
        given = entry.main([*map(str, words), "--project", str(self.folder)])
        out, err = self.capfd.readouterr()
        assert given == code, f"{words}: {given}\n{out}\n{err}"
        return SimpleNamespace(out=out, err=err)

    def json(self, *words: Any) -> Any:
        return json.loads(self(*words, "--json").out)


@pytest.fixture
def shell(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A new project with a script and a camera's folder beside it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    make_camera(tmp_path / "camera")
    folder = tmp_path / "session"
    assert entry.main(["new", str(folder), "--mode", "drift", "--pixel-size", "1.3", "--voltage", "300"]) == 0
    capfd.readouterr()
    script = folder / "scripts" / "size.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    return Shell(folder, capfd)


@pytest.fixture
def done(shell: Shell, tmp_path: Path) -> Shell:
    """The same after the movies came and the script ran: one of its tasks is quarantined."""
    shell("add", "import", f"sources={tmp_path / 'camera'}", "settle_delay=0", "poll_interval=0.1")
    shell("add", "size")
    shell("watch", "--once", "--workers", "0")
    return shell


def test_new_states_mode_and_settings(shell: Shell) -> None:
    info = shell.json("info")
    assert info["mode"] == "drift"
    assert {name: entry["value"] for name, entry in info["settings"].items()} == {"pixel_size": 1.3, "voltage": 300.0}
    assert info["holder"]["state"] == "free"
    assert info["items"]["total"] == 0
    assert "vitreous add" in info["why"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--pixel-size", "-1"], "pixel_size"),
        (["--order", "random"], "order"),
        (["--disk-reserve", "much"], "disk_reserve"),
        (["--gain", "nowhere.mrc"], "nowhere.mrc"),
        (["--template", "drift"], "import.sources"),
        (["--template", "dirft"], "drift"),
    ],
)
def test_new_refuses_what_is_wrong_before_or_while_making(words, part, tmp_path, capfd) -> None:
    assert entry.main(["new", str(tmp_path / "p"), *words]) == 2
    assert part in capfd.readouterr().err


def test_new_takes_the_jobs_of_a_template(tmp_path, capfd) -> None:
    camera = make_camera(tmp_path / "camera")
    words = ["new", tmp_path / "p", "--mode", "drift", "--template", "drift", "--source", camera, "--json"]
    assert entry.main([str(word) for word in words]) == 0
    assert len(json.loads(capfd.readouterr().out)["jobs"]) >= 2
    shell = Shell(tmp_path / "p", capfd)
    assert shell.json("jobs")[0]["params"]["sources"] == [str(camera)]


def test_the_project_is_found_above_the_current_folder(shell: Shell, monkeypatch, capfd, tmp_path) -> None:
    monkeypatch.chdir(shell.folder / "scripts")
    assert entry.main(["jobs"]) == 0
    capfd.readouterr()
    monkeypatch.chdir(tmp_path)
    assert entry.main(["jobs"]) == 2
    assert "--project" in capfd.readouterr().err


def test_settings_are_shown_checked_and_removed(shell: Shell) -> None:
    assert shell.json("settings", "dose_per_frame=1.1")["dose_per_frame"] == {"value": 1.1, "origin": "user"}
    assert "dose_per_frame" not in shell.json("settings", "dose-per-frame=")
    assert "Did you mean" in shell("settings", "pixelsize=1", code=2).err
    assert "voltage" in shell("settings", "voltage=much", code=2).err


def test_watch_once_brings_movies_in_and_runs_jobs(done: Shell) -> None:
    first, second = done.json("jobs")
    assert (first["type"], second["type"], second["inputs"]) == ("import", "script:size", ["J1"])
    assert second["counts"] == {"done": 3, "quarantined": 1}
    assert "3 done, 1 quarantined" in done("jobs").out
    info = done("info").out
    assert "4 (Imported 4, TRASH 0)" in info
    assert first["files"] == {"imported": 4}
    assert "imported 4" in info


def test_watch_adds_an_import_for_a_folder_once(shell: Shell, tmp_path: Path) -> None:
    words = ("watch", tmp_path / "camera", "--once", "--workers", "0", "--settle-delay", "0s", "--pattern", "*_0001.*")
    told = shell(*words, "poll_interval=0.1").err
    assert "added J1" in told
    (job,) = shell.json("jobs")
    assert job["params"]["settle_delay"] == 0
    assert job["params"]["patterns"] == ["*_0001.*"]
    told = shell(*words, "--existing", "skip").err
    assert "changed existing" in told
    assert len(shell.json("jobs")) == 1
    assert shell.json("info")["items"]["total"] == 1
    shell("close", "import")
    assert "watches again" in shell(*words).err


def test_watch_says_what_it_misses(shell: Shell) -> None:
    assert "no import" in shell("watch", code=2).err
    assert "transfer" in shell("watch", "here", "transfer=fly", code=2).err
    assert "is a project" in shell("watch", shell.folder, code=2).err
    assert shell.json("jobs") == []


def test_tasks_log_and_why_tell_what_failed(done: Shell) -> None:
    (task,) = done.json("tasks", "--state", "quarantined")
    assert task["name"] == "grid_0003"
    assert "the third one is bad" in json.dumps(task["error"])
    assert len(done.json("tasks", "--job", "size")) == 4
    assert len(done.json("tasks", "--item", "grid_0001")) == 1
    assert "Did you mean quarantined" in done("tasks", "--state", "quarantine", code=2).err
    assert any(event["kind"] == "quarantined" for event in done.json("log", "--item", "grid_0003"))
    assert "grid_0003" in done("log", "--job", "J2").out
    assert "quarantined" in done("why", "grid_0003").out
    assert "quarantined" in done("why", "size").out
    assert "1 import could watch" in done.json("why")["why"]
    assert "J2" in done("why", "J7", code=2).err


def test_edit_undo_and_revisions(done: Shell) -> None:
    told = done("edit", "size", "scale=2", "--reason", "twice as much", "--title", "Double").out
    assert "scale: not set → 2" in told
    assert "3 finished tasks" in told
    assert done.json("edit", "J2", "--unset", "scale")["changed"] == {"scale": {"before": 2, "after": None}}
    assert done.json("undo", "J2")["params"] == {"scale": 2}
    assert [entry["params"] for entry in done.json("revisions", "Double")] == [{}, {"scale": 2}, {}, {"scale": 2}]
    assert "twice as much" in done("revisions", "J2").out
    values = done.json("parameters", "J2")
    assert values["scale"]["value"] == 2
    assert values["scale"]["origin"] == "job"
    done("run", "--workers", "0")
    rows = done.json("items", "--columns", "name,size_scaled", "--sort", "-size_scaled")
    assert [row["name"] for row in rows] == ["grid_0004", "grid_0002", "grid_0001", "grid_0003"]
    assert "scale" in done("edit", "J2", "scale=-1", code=2).err
    assert "Did you mean scale" in done("edit", "J2", "scael=1", code=2).err
    assert "nothing is to be changed" in done("edit", "J2", code=2).err


def test_items_have_parameters_of_their_own(done: Shell) -> None:
    assert done.json("edit", "size", "scale=3", "--item", "grid_0002")["items"] == ["grid_0002"]
    assert done.json("parameters", "size", "--item", "grid_0002")["scale"] == {
        "value": 3,
        "unit": None,
        "origin": "item",
    }
    assert done.json("parameters", "size", "--item", "grid_0001")["scale"]["origin"] == "default"


def test_copy_extend_states_and_remove(done: Shell) -> None:
    (copy,) = done.json("copy", "J2", "--set", "J2.scale=4")
    assert copy["params"] == {"scale": 4}
    assert done.json("pause", "J3") == [{"id": 3, "title": "Size 2", "state": "paused"}]
    assert done.json("resume", "J3")[0]["state"] == "active"
    assert done.json("cancel", "J3")[0]["state"] == "cancelled"
    assert done.json("close", "import")[0]["state"] == "closed"
    assert done.json("reopen", "import")[0]["state"] == "active"
    assert "several jobs are of the type size: J2, J3" in done("pause", "size", code=2).err
    assert "extended" in done("extend", "J2", code=2).err
    assert "--with-all-behind" in done("remove", "J1", code=2).err
    assert done.json("remove", "J3") == {"removed": [3]}


def test_retry_quarantine_and_order(done: Shell) -> None:
    assert "--all" in done("retry", code=2).err
    assert done.json("retry", "--job", "size") == {"count": 1}
    assert done.json("quarantine", "size", "*_0001", "--reason", "a crack") == {"count": 1}
    assert "a crack" in done("tasks", "--state", "quarantined").out
    assert done.json("order", "*_0002", "--first") == {"count": 1}
    assert "--first" in done("order", "*_0002", code=2).err
    assert done.json("order", "*_0003", "--before", "grid_0002") == {"count": 1}
    assert "--before" in done("order", "*_0002", "--first", "--before", "grid_0003", code=2).err
    assert done.json("retry", "--reason", "nothing failed so") == {"count": 0}
    assert done.json("retry", "--reason", "a crack") == {"count": 1}


def test_items_are_trashed_flagged_tagged_and_listed(done: Shell) -> None:
    assert done.json("trash", "*_0004") == ["grid_0004"]
    assert [row["name"] for row in done.json("items")] == ["grid_0001", "grid_0002", "grid_0003"]
    assert [row["name"] for row in done.json("items", "--group", "TRASH")] == ["grid_0004"]
    assert done.json("restore", "--all") == ["grid_0004"]
    assert done.json("flag", "red", "--where", "size_scaled > 4000") == ["grid_0004"]
    assert [row["name"] for row in done.json("items", "--flag", "red")] == ["grid_0004"]
    assert len(done.json("items", "--flag", "none")) == 3
    assert done.json("tag", "good", "grid_0001", "grid_0002") == ["grid_0001", "grid_0002"]
    assert done.json("tag", "good", "--tag", "good", "--remove") == ["grid_0001", "grid_0002"]
    assert done.json("move", "best ones", "--flag", "red") == ["grid_0004"]
    assert done.json("comment", "thin ice", "grid_0001") == ["grid_0001"]
    listed = done("items", "--csv", "--columns", "name,group_name,comment").out
    rows = list(csv.DictReader(listed.splitlines()))
    assert rows[0] == {"name": "grid_0001", "group_name": "Imported", "comment": "thin ice"}
    assert rows[3]["group_name"] == "best ones"
    assert "size_scaled" in done("items", "--where", "size_scale > 1", code=2).err
    assert "size_scaled" in done("trash", "--where", "size_scale > 1", code=2).err
    assert "TRASH" in done("items", "--group", "TRASHH", code=2).err
    assert "no items are chosen" in done("trash", code=2).err


def test_sql_answers_and_refuses_to_write(done: Shell) -> None:
    assert done.json("sql", "SELECT count(*) AS n FROM exposures") == [{"n": 4}]
    query = "SELECT name FROM exposures WHERE group_name = $group ORDER BY name"
    assert done("sql", query, "--value", "group=Imported", "--limit", "1", "--csv").out == "name\ngrid_0001\n"
    assert "SELECT" in done("sql", "--examples").out
    assert "only read" in done("sql", "DELETE FROM exposure", code=2).err
    assert "no query" in done("sql", code=2).err


def test_templates_leave_and_enter_projects(done: Shell, tmp_path: Path, capfd) -> None:
    done("export-template", "--out", tmp_path / "t.json")
    capfd.readouterr()
    assert entry.main(["new", str(tmp_path / "other")]) == 0
    other = Shell(tmp_path / "other", capfd)
    capfd.readouterr()
    other("watch", tmp_path / "camera", "--template", tmp_path / "t.json", "--once", "--workers", "0")
    assert [job["type"] for job in other.json("jobs")] == ["import", "script:size"]
    assert other.json("jobs")[1]["counts"] == {"done": 3, "quarantined": 1}


def test_a_stale_lock_is_explained_and_taken_away(shell: Shell) -> None:
    assert "Nobody holds" in shell("unlock").out
    code = "import sys, os; from pathlib import Path; from vitreous.store.lock import acquire\n"
    code += "acquire(Path(sys.argv[1]), 'run'); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, str(shell.folder)], check=False, timeout=60)
    assert shell.json("unlock")["state"] == "stale"
    assert shell.json("unlock", "--force")["freed"] is True
    assert shell.json("unlock")["state"] == "free"


@pytest.fixture
def engine(done: Shell) -> Any:
    """An engine of another process that watches the project until it is told to end."""
    words = [sys.executable, "-m", "vitreous.cli.main", "watch", "--workers", "0", "--project", str(done.folder)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for((done.folder / "engine.json").is_file, process)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(met: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it has not happened"
        time.sleep(0.1)


def test_commands_reach_the_engine_that_holds_the_project(done: Shell, engine: subprocess.Popen[str]) -> None:
    assert done.json("add", "size", "scale=5", "--after", "import", "--title", "Five")["id"] == 3
    wait_for(lambda: done.json("jobs")[2]["counts"] == {"done": 3, "quarantined": 1}, engine)
    assert "scale" in done("edit", "Five", "scale=-5", code=2).err
    assert "runs this project already" in done("watch").out
    assert "is in use by" in done("run", code=2).err
    assert "lives" in done("unlock", "--force", code=2).err
    done("stop")
    out, err = engine.communicate(timeout=30)
    assert engine.returncode == 0, err
    assert "3 done, 1 quarantined" in out
    assert done.json("info")["holder"]["state"] == "free"


def test_ctrl_c_ends_the_engine_and_leaves_the_project_free(done: Shell, engine: subprocess.Popen[str]) -> None:
    os.kill(engine.pid, signal.SIGINT)
    _, err = engine.communicate(timeout=30)
    assert engine.returncode == 0, err
    assert "Traceback" not in err
    assert done.json("info")["holder"]["state"] == "free"
    assert "no engine runs" in done("stop", code=2).err


WITHOUT_PROJECT = frozenset(
    ["header", "doctor", "job-types", "show", "new", "script", "profile", "templates", "serve", "users", "view"]
)


@pytest.mark.parametrize("name", sorted(entry.built_in()))
def test_every_command_has_help_with_an_example(name: str, capfd, monkeypatch) -> None:
    monkeypatch.setenv("TERMINAL_WIDTH", "160")
    _, command = entry.built_in()[name]
    assert entry.main([name, "--help"]) == 0
    text = capfd.readouterr().out
    if command.group is None:
        assert "Example: vitreous" in text
    if name not in WITHOUT_PROJECT:
        assert "--project" in text
