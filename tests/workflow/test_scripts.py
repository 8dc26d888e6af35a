"""User scripts: which files become job types, what a run is told and gives, and how it ends when it goes wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from pydantic import ValidationError

from vitreous.cli import script_command
from vitreous.core.errors import Cancelled, ComputeError, DataError, ResourceError, UsageError
from vitreous.core.progress import Progress, silent
from vitreous.project.script_process import run_process
from vitreous.project.script_results import Printed, progress_fraction
from vitreous.project.script_template import write_template
from vitreous.project.scripts import BrokenScript, ScriptJob, find_scripts, read_script, script_columns
from vitreous.project.worker import run_work
from vitreous.workflow.executor import Chain, Step, Work
from vitreous.workflow.job_type import ItemInput, SlotValue

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "scripts"
HEADER = """\
title = "Count"
summary = "Count something."
needs = ["micrograph"]
[gives.count]
columns.count_of_things = { kind = "int", meaning = "things" }
"""
FREE = 'title = "Free"\nsummary = "Do something."\n'


def write(
    project: Path, body: str, header: str = HEADER, name: str = "count.sh", first: str = "#!/bin/sh", mark: str = "#"
) -> Path:
    path = project / "scripts" / name
    path.parent.mkdir(exist_ok=True)
    lines = "".join(f"{mark} {line}\n" for line in header.splitlines())
    path.write_text(f"{first}\n{mark} /// vitreous\n{lines}{mark} ///\n{body}\n")
    path.chmod(0o755)
    return path


def only(project: Path) -> ScriptJob:
    (job,) = find_scripts(project / "scripts").values()
    assert isinstance(job, ScriptJob), job
    return job


def broken(project: Path) -> BrokenScript:
    (script,) = find_scripts(project / "scripts").values()
    assert isinstance(script, BrokenScript)
    return script


def an_item(project: Path, name: str = "a") -> ItemInput:
    (project / f"{name}.mrc").write_bytes(b"12345")
    slot = SlotValue(f"{name}.mrc", {"picture": f"{name}.png"}, {"pixel_size": 1.5})
    return ItemInput(name, {"tilt_angle": 3.0}, {"micrograph": slot})


def run(project: Path, progress: Progress = silent, **params: Any) -> dict[str, Any]:
    job = only(project)
    assert job.on_item is not None
    return job.on_item(job.params(**params))(an_item(project), project / "out", progress)


def gone(pid: int) -> bool:
    """Whether a process is dead (a zombie that nobody reaps counts as dead)."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


# What becomes a job type


def test_a_script_becomes_a_job_type_with_all_that_its_header_declares(tmp_path: Path) -> None:
    header = """\
title = "Look"
summary = "Look at it."
category = "Calculate Statistics"
order = 7
needs = ["micrograph|movie", "ctf"]
timeout = "90s"
modes = ["drift"]
citations = ["A. Person 2020"]
methods = "Looked with {threshold}."
gpu = true
gives.look = { file = "picture", files = ["list"], columns = { things = { meaning = "how many", key = "n" } } }
[parameters.threshold]
type = "float"
default = 3
min = 1
max = 9
unit = "sd"
help = "above the noise"
level = "advanced"
group = "Search"
[parameters.way]
type = "choice"
choices = ["fast", "slow"]
default = "fast"
help = "how"
[parameters.mask]
type = "file"
help = "must be given"
"""
    write(tmp_path, "true", header)
    job = only(tmp_path)
    assert (job.name, job.title, job.category, job.order, job.scope) == (
        "script:count", "Look", "Calculate Statistics", 7, "item",
    )  # fmt: skip
    assert job.needs == ("micrograph|movie", "ctf")
    assert (job.modes, job.citations, job.header.timeout, job.header.gpu) == (("drift",), ("A. Person 2020",), 90, True)
    (slot,) = job.gives
    assert (slot.name, slot.file, slot.files, dict(slot.columns)) == ("look", "picture", ("list",), {"things": "n"})
    assert script_columns(job) == {"things": ("real", None, "how many")}
    chosen = job.params(mask="m.mrc")
    assert chosen.model_dump() == {"threshold": 3.0, "way": "fast", "mask": Path("m.mrc")}
    extra = job.params.model_fields["threshold"].json_schema_extra
    assert isinstance(extra, dict)
    assert (extra["unit"], extra["level"], extra["group"]) == ("sd", "advanced", "Search")
    for wrong in ({"threshold": 0.5}, {"threshold": float("nan")}, {"way": "so"}, {"other": 1}):
        with pytest.raises(ValidationError):
            job.params(mask="m.mrc", **wrong)
    with pytest.raises(UsageError, match="only inside a project"):
        job.start(chosen)


def test_slashes_may_mark_the_header(tmp_path: Path) -> None:
    write(tmp_path, "", FREE, mark="//", first="#!/usr/bin/env -S python3 -u", name="a.js")
    assert only(tmp_path).title == "Free"


def test_a_changed_script_is_read_again_and_has_another_provenance(tmp_path: Path) -> None:
    write(tmp_path, "true")
    first = only(tmp_path)
    assert only(tmp_path).provenance == first.provenance
    write(tmp_path, "echo 1")
    assert only(tmp_path).provenance != first.provenance


def test_helpers_notes_hidden_and_sleeping_files_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "scripts"
    (folder / "lib").mkdir(parents=True)
    for name in ("README", "helper.py"):
        (folder / name).write_text("no header")
    for name in (".hidden.sh", "old.sh~", "old.sh.deactivated"):
        (folder / name).write_text("#!/bin/sh")
        (folder / name).chmod(0o755)
    assert find_scripts(folder) == {}
    assert find_scripts(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    ("header", "line", "reason"),
    [
        ('title = "x"', 3, "summary is missing"),
        (FREE + "colour = 1", 5, "colour is unknown"),
        (FREE + "order = ", 5, "no TOML"),
        (FREE + 'scope = "world"', 5, "scope"),
        (FREE + 'modes = ["drift", "other"]', 5, "'other' is none of"),
        (FREE + 'timeout = "soon"', 5, "no time"),
        (FREE + 'needs = ["Micro graph"]', 5, "is no name"),
        (FREE + 'needs = ["out"]', 5, "no name of a slot"),
        (FREE + 'methods = "by {other}"', 3, "no parameter"),
        (FREE + 'gives.a = { file = "outputs" }', 3, "own use"),
        (FREE + 'gives.a.file = "x"\ngives.b.file = "x"', 3, "more than once"),
        (FREE + 'gives.a.columns.own = { unit = "px" }', 5, "needs a meaning"),
        (FREE + "gives.a.columns.unheard_of = {}", 5, "unheard_of is unknown"),
        (FREE + 'gives.a.columns.pixel_size = { meaning = "mine" }', 5, "Vitreous' own"),
        (FREE + '[parameters.a]\nhelp = "h"\ntype = "colour"', 7, "parameters.a.type"),
        (FREE + '[parameters.a]\nhelp = "h"\ntype = "text"\nmin = 1', 5, "for numbers"),
        (FREE + '[parameters.a]\nhelp = "h"\ntype = "int"\nmin = 3\nmax = 1', 5, "above max"),
        (FREE + '[parameters.a]\nhelp = "h"\ntype = "choice"', 5, "needs choices"),
        (FREE + '[parameters.a]\nhelp = "h"\ntype = "int"\ndefault = 2.5', 8, "does not fit"),
        (FREE + '[parameters.a]\nhelp = "h"\ntype = "int"\nmax = 5\ndefault = 9', 9, "less than or equal to 5"),
        (FREE + '[parameters.a]\nhelp = "h"\ntype = "bool"\ndefault = "yes"', 8, "does not fit"),
        (FREE + '[parameters.threads]\nhelp = "h"\ntype = "int"', 5, "can't be called threads"),
        (FREE + '[parameters.model_dump]\nhelp = "h"\ntype = "int"', 5, "can't be called model_dump"),
    ],
)
def test_a_wrong_header_is_told_with_its_line(tmp_path: Path, header: str, line: int, reason: str) -> None:
    path = write(tmp_path, "true", header)
    fault = broken(tmp_path)
    assert reason in fault.reason
    assert fault.line == line, fault
    assert fault.hint
    assert fault.origin == f"{path}:{line}"
    assert fault.reason in fault.traceback


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("#!/bin/sh\necho", None, "no header"),
        ("#!/bin/sh\n# /// vitreous\n# title = 'x'\n", 2, "does not end"),
        ("#!/bin/sh\n# /// vitreous\ntitle = 'x'\n# ///", 3, "does not start with #"),
        ("#!/bin/sh\n# /// vitreous\n# ///\n# /// vitreous\n# ///", 4, "two headers"),
        ("# /// vitreous\n# title = 'x'\n# summary = 'y'\n# ///", 1, "names no interpreter"),
        ("#!/no/such/thing\n# /// vitreous\n# title = 'x'\n# summary = 'y'\n# ///", 1, "/no/such/thing is not there"),
        ("#!/usr/bin/env nosuch\n# /// vitreous\n# title = 'x'\n# summary = 'y'\n# ///", 1, "nosuch is not there"),
        ("#!/bin/sh\r\n# /// vitreous\r\n# title = 'x'\r\n# summary = 'y'\r\n# ///\r\n", 1, "Windows"),
        ("\0\1\2\377", None, "no header"),
    ],
)
def test_a_file_that_is_no_proper_script_is_told(tmp_path: Path, text: str, line: int | None, reason: str) -> None:
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "a.sh").write_bytes(text.encode("latin-1"))
    (folder / "a.sh").chmod(0o755)
    fault = broken(tmp_path)
    assert reason in fault.reason
    assert fault.line == line


def test_missing_rights_dangling_links_bad_names_and_equal_stems_are_told(tmp_path: Path) -> None:
    write(tmp_path, "true", name="idle.sh").chmod(0o644)
    write(tmp_path, "true", name="has space.sh")
    write(tmp_path, "true", name="twin.sh")
    write(tmp_path, "true", name="twin.py")
    (tmp_path / "scripts" / "lost.sh").symlink_to(tmp_path / "nowhere")
    found = find_scripts(tmp_path / "scripts")
    reasons = {name: script.reason for name, script in found.items() if isinstance(script, BrokenScript)}
    assert reasons.keys() == {"script:idle", "script:has space", "script:twin", "script:lost"}
    assert "not executable" in reasons["script:idle"]
    assert "can't be a name" in reasons["script:has space"]
    assert "twin.py and twin.sh" in reasons["script:twin"]
    assert "can't be read" in reasons["script:lost"]


def test_columns_of_two_scripts_must_agree_and_known_ones_may_be_given(tmp_path: Path) -> None:
    write(tmp_path, "true", FREE + 'gives.a.columns.x = { kind = "int", meaning = "m" }', "a.sh")
    write(tmp_path, "true", FREE + 'gives.a.columns.x = { kind = "text", meaning = "m" }', "b.sh")
    write(tmp_path, "true", FREE + "gives.a.columns.pixel_size = {}", "c.sh")
    found = find_scripts(tmp_path / "scripts")
    assert isinstance(found["script:b"], BrokenScript)
    assert "script:a declares the column x" in found["script:b"].reason
    assert isinstance(found["script:a"], ScriptJob)
    assert script_columns(found["script:c"]) == {}  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="one of Vitreous' own"):
        script_columns(found["script:a"], {"x"})


# What a run is told


def test_a_script_is_told_its_job_by_variables_and_by_json(tmp_path: Path) -> None:
    header = (
        HEADER
        + """
[parameters.size]
type = "float"
default = 2.5
help = "h"
[parameters.deep]
type = "bool"
default = true
help = "h"
[parameters.mask]
type = "file"
default = "masks/m.mrc"
help = "h"
"""
    )
    write(
        tmp_path,
        'pwd; env | grep ^VITREOUS_ | sort; cp "$VITREOUS_JOB" kept.json; cat; echo set count_of_things = 3',
        header,
    )
    result = run(tmp_path)
    out = tmp_path / "out"
    log = (out / "script.log").read_text()
    assert result["count_of_things"] == 3
    assert result["input"] == str(tmp_path / "a.mrc")
    assert result["outputs"] == {"log": str(out / "script.log")}
    assert log.splitlines()[0] == "<out>"
    for line in (
        "VITREOUS_ITEM=a", "VITREOUS_OUT=<out>", f"VITREOUS_PROJECT={tmp_path}", "VITREOUS_JOB=<out>/job.json",
        f"VITREOUS_MICROGRAPH={tmp_path}/a.mrc", f"VITREOUS_INPUT={tmp_path}/a.mrc", "VITREOUS_PARAM_SIZE=2.5",
        "VITREOUS_PARAM_DEEP=true", f"VITREOUS_PARAM_MASK={tmp_path}/masks/m.mrc", "VITREOUS_VALUE_TILT_ANGLE=3.0",
        "VITREOUS_VALUE_PIXEL_SIZE=1.5",
    ):  # fmt: skip
        assert line in log.splitlines()
    told = json.loads((out / "kept.json").read_text())
    assert told["version"] == 1
    assert told["job"] == "script:count"
    assert told["item"]["slots"]["micrograph"]["file"] == str(tmp_path / "a.mrc")
    assert told["item"]["slots"]["micrograph"]["files"] == {"picture": str(tmp_path / "a.png")}
    assert told["parameters"] == {"size": 2.5, "deep": True, "mask": str(tmp_path / "masks/m.mrc")}
    assert sorted(path.name for path in out.iterdir()) == ["kept.json", "script.log"]


def test_a_set_comes_as_a_list_and_python_scripts_have_a_helper(tmp_path: Path) -> None:
    header = HEADER.replace('needs = ["micrograph"]', 'needs = ["micrograph"]\nscope = "set"')
    body = """\
from vitreous.script import job
job.progress(0.25, "reading")
names = [item.name for item in job.items if item.file("micrograph") and item.value("pixel_size") == 1.5]
job.result(values={"count_of_things": len(names)}, warnings=[",".join(names)])
"""
    write(tmp_path, body, header, "all.py", first="#!/usr/bin/env python3")
    job = only(tmp_path)
    assert job.on_item is None
    assert job.on_set is not None
    result = job.on_set(job.params())([an_item(tmp_path, "a"), an_item(tmp_path, "b")], tmp_path / "out", silent)
    assert result["count_of_things"] == 2
    assert result["warnings"] == ["a,b"]
    assert result["input"] == "script:all"


def test_the_helper_is_light_and_says_when_it_is_used_outside() -> None:
    code = "import sys; from vitreous.script import job; print(len({'pydantic', 'numpy'} & set(sys.modules))); job.item"
    clean = {name: value for name, value in os.environ.items() if name != "VITREOUS_JOB"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=clean, check=False)
    assert done.stdout == "0\n"
    assert "VITREOUS_JOB is not set" in done.stderr


def test_a_missing_slot_or_file_is_told_before_the_script_runs(tmp_path: Path) -> None:
    write(tmp_path, "touch ../ran")
    job = only(tmp_path)
    assert job.on_item is not None
    with pytest.raises(DataError, match="a has no micrograph"):
        job.on_item(job.params())(ItemInput("a"), tmp_path / "out", silent)
    item = ItemInput("a", slots={"micrograph": SlotValue("gone.mrc")})
    with pytest.raises(DataError, match=r"gone\.mrc"):
        job.on_item(job.params())(item, tmp_path / "out", silent)
    assert not (tmp_path / "ran").exists()


def test_a_script_that_changed_after_it_was_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, 'echo "# more" >> "$0"; echo set count_of_things = 1')
    with pytest.raises(DataError, match="has changed"):
        run(tmp_path)
    job = only(tmp_path)
    path.unlink()
    assert job.on_item is not None
    with pytest.raises(DataError, match="can't be read"):
        job.on_item(job.params())(an_item(tmp_path), tmp_path / "out", silent)


# What a run gives

GIVES = (
    FREE
    + """\
[gives.look]
file = "picture"
files = ["list"]
columns.n = { kind = "int", meaning = "m" }
columns.depth = { meaning = "m", unit = "px" }
columns.word = { kind = "text", meaning = "m" }
columns.good = { kind = "bool", meaning = "m" }
columns.pixel_size = {}
"""
)
FILES = "touch p l; echo file picture = p; echo 'file list = \"l\"'; "


def test_values_and_files_come_by_printed_lines(tmp_path: Path) -> None:
    lines = ["n = 3", "depth = 1e-2", 'word = "two words"', "good = yes", "pixel_size = 1.5"]
    write(tmp_path, FILES + "; ".join(f"echo 'set {line}'" for line in lines), GIVES)
    result = run(tmp_path)
    assert (result["n"], result["depth"], result["word"], result["good"]) == (3, 0.01, "two words", True)
    assert result["pixel_size"] == 1.5
    assert result["outputs"]["picture"] == str(tmp_path / "out" / "p")
    assert result["warnings"] == []


def test_json_takes_precedence_over_lines_and_unknown_values_are_warned_of(tmp_path: Path) -> None:
    told = {"values": {"n": 4, "depth": 2, "word": None}, "files": {"list": "p"}, "warnings": ["w"], "outputs": []}
    write(tmp_path, FILES + f"echo set n = 3; echo '{json.dumps(told)}' > results.json", GIVES)
    result = run(tmp_path)
    assert (result["n"], result["depth"], result["word"], result["good"]) == (4, 2.0, None, None)
    assert result["outputs"]["list"] == str(tmp_path / "out" / "p")
    assert result["warnings"] == ["w", "the script gave no value for good", "the script gave no value for pixel_size"]
    assert result["leaves_by"] == []
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["l", "p", "script.log"]


@pytest.mark.parametrize(
    ("json_text", "reason"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "not an object"),
        ('{"value": {}}', "unknown key 'value'"),
        ('{"values": []}', "values of results.json is no object"),
        ('{"values": {"other": 1}}', "'other' is not declared"),
        ('{"values": {"depth": NaN}}', "depth is nan"),
        ('{"values": {"depth": 1e999}}', "depth is inf"),
        ('{"values": {"depth": "deep"}}', 'depth is "deep", not a number'),
        ('{"values": {"depth": true}}', "not a number"),
        ('{"values": {"n": 1.5}}', "not a whole number"),
        ('{"values": {"n": 99999999999999999999}}', "not a whole number"),
        ('{"values": {"word": 5}}', "not text"),
        ('{"values": {"good": 1}}', "not true or false"),
        ('{"values": {"pixel_size": "x"}}', "not a number"),
        ('{"files": {"other": "p"}}', "file 'other' is not declared"),
        ('{"files": {"list": "nothere"}}', "is not there"),
        ('{"files": {"list": "../a.mrc"}}', "outside"),
        ('{"files": {"list": "/etc/passwd"}}', "outside"),
        ('{"files": {"list": "link"}}', "outside"),
        ('{"files": {"list": "."}}', "is not there"),
        ('{"files": {"list": "job.json"}}', "can't be called"),
        ('{"files": {"list": 5}}', "name of file list is 5"),
        ('{"files": {"list": "' + "x" * 300 + '"}}', "is not there"),
        ('{"warnings": "w"}', "no list of texts"),
        ('{"outputs": ["other"]}', "none of items"),
    ],
)
def test_wrong_results_are_told(tmp_path: Path, json_text: str, reason: str) -> None:
    (tmp_path / "told.json").write_text(json_text)
    write(tmp_path, FILES + "ln -s /etc/passwd link; cp ../told.json results.json", GIVES)
    with pytest.raises(DataError) as caught:
        run(tmp_path)
    assert reason in caught.value.message
    assert "script:count" in caught.value.message
    assert caught.value.hint


def test_a_file_that_was_not_named_and_a_printed_value_of_wrong_kind_are_told(tmp_path: Path) -> None:
    write(tmp_path, "true", GIVES)
    with pytest.raises(DataError, match="named no file for picture"):
        run(tmp_path)
    write(tmp_path, "echo set count_of_things = many")
    with pytest.raises(DataError, match="not a whole number"):
        run(tmp_path)
    write(tmp_path, "echo set count_of_things = nan")
    with pytest.raises(DataError, match="nan"):
        run(tmp_path)


def test_results_of_an_earlier_run_in_the_folder_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.json").write_text('{"values": {"count_of_things": 7}}')
    write(tmp_path, "true")
    result = run(tmp_path)
    assert result["count_of_things"] is None
    assert "log" not in result["outputs"]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_run_gives_the_same_bytes_again(tmp_path: Path) -> None:
    write(tmp_path, "date; date -Iseconds; date +%T.%N; pwd; echo oops >&2; echo after; echo set count_of_things = 1")
    logs = []
    for name in ("one", "two"):
        job = only(tmp_path)
        assert job.on_item is not None
        job.on_item(job.params())(an_item(tmp_path), tmp_path / name, silent)
        logs.append((tmp_path / name / "script.log").read_text().splitlines()[1:])
    assert logs[0] == logs[1]
    assert logs[0][-2:] == ["--- standard error ---", "oops"]


# How a run goes


def test_progress_is_passed_on_in_all_its_forms(tmp_path: Path) -> None:
    assert progress_fraction("40") == progress_fraction("0.4") == progress_fraction("40", "%") == 0.4
    assert (progress_fraction("1.0"), progress_fraction("1"), progress_fraction("900")) == (1.0, 0.01, 1.0)
    printed = Printed()
    assert printed.read("<<@progress: 30>>")
    assert (printed.fraction, printed.doing) == (0.3, "")
    write(
        tmp_path, "echo 'progress: 0.4 half way'; sleep 0.3; echo progress: 80; sleep 0.3; echo set count_of_things = 1"
    )
    seen = set()
    run(tmp_path, lambda fraction, what: seen.add((fraction, what)))
    assert {(0.4, "half way"), (0.8, "half way")} <= seen


def test_a_failing_script_tells_its_code_and_last_words(tmp_path: Path) -> None:
    write(tmp_path, "seq 100 >&2; echo the end >&2; exit 3")
    with pytest.raises(ComputeError, match=r"exit code 3 \(the end\)") as caught:
        run(tmp_path)
    assert caught.value.context["log"].splitlines() == [*map(str, range(62, 101)), "the end"]
    write(tmp_path, "no-such-program-at-all")
    with pytest.raises(ComputeError, match="a program that it calls is not there"):
        run(tmp_path)


@pytest.mark.parametrize(("name", "kind"), [("KILL", ResourceError), ("SEGV", ComputeError)])
def test_a_script_that_a_signal_ends_is_told(tmp_path: Path, name: str, kind: type[Exception]) -> None:
    write(tmp_path, f"kill -{name} $$")
    with pytest.raises(kind, match=f"SIG{name}"):
        run(tmp_path)


def test_a_script_that_takes_too_long_is_stopped_with_all_its_processes(tmp_path: Path) -> None:
    write(
        tmp_path, "sleep 60 & echo $! > ../pid; echo waiting; wait", HEADER.replace("[gives", "timeout = 0.5\n[gives")
    )
    began = time.monotonic()
    with pytest.raises(ResourceError, match=r"stopped after its limit of 0.5 s \(waiting\)"):
        run(tmp_path)
    assert time.monotonic() - began < 4
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_script_that_ignores_the_first_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitreous.project.script_process.GRACE", 0.5)
    header = HEADER.replace("[gives", "timeout = 0.5\n[gives")
    write(tmp_path, "trap '' TERM; echo $$ > ../pid; while true; do sleep 0.1; done", header)
    with pytest.raises(ResourceError):
        run(tmp_path)
    assert gone(int((tmp_path / "pid").read_text()))


def test_cancelling_stops_a_silent_script_with_all_its_processes(tmp_path: Path) -> None:
    write(tmp_path, "sleep 60 & echo $! > ../child; echo $$ > ../pid; exec >&- 2>&-; wait")

    def cancel(fraction: float, what: str) -> None:
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip():
            raise Cancelled("stopped", hint="by you")

    with pytest.raises(Cancelled):
        run(tmp_path, cancel)
    assert gone(int((tmp_path / "pid").read_text()))
    assert gone(int((tmp_path / "child").read_text()))


def test_a_process_left_behind_does_not_hold_us_and_is_stopped(tmp_path: Path) -> None:
    write(tmp_path, "sleep 60 & echo $! > ../pid; echo set count_of_things = 1")
    began = time.monotonic()
    result = run(tmp_path)
    assert time.monotonic() - began < 5
    assert result["warnings"] == ["the script left processes behind; they were stopped"]
    assert gone(int((tmp_path / "pid").read_text()))


@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid is not installed")
def test_a_process_that_left_the_group_does_not_hold_us_either(tmp_path: Path) -> None:
    write(tmp_path, "setsid sleep 20 & echo $! > ../pid; sleep 0.2; echo set count_of_things = 1")
    began = time.monotonic()
    assert run(tmp_path)["count_of_things"] == 1
    assert time.monotonic() - began < 5
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == (tmp_path / "pid").read_text().strip():
            os.kill(int(process.name), signal.SIGKILL)


def test_megabytes_of_lines_on_both_streams_and_binary_output_are_taken(tmp_path: Path) -> None:
    body = "seq 200000; seq 200000 >&2; head -c 300000 /dev/zero; printf '\\377\\376\\n'; echo set count_of_things = 1"
    write(tmp_path, body)
    began = time.monotonic()
    assert run(tmp_path)["count_of_things"] == 1
    assert time.monotonic() - began < 10
    assert (tmp_path / "out" / "script.log").stat().st_size > 2_500_000


def test_a_program_that_can_not_be_started_raises_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        run_process([tmp_path / "nothing"], tmp_path, {}, 1.0, lambda *_: None, lambda: None)


# The examples, the page, the commands


def a_project(tmp_path: Path) -> tuple[Path, np.ndarray]:
    shutil.copytree(EXAMPLES, tmp_path / "scripts")
    image = np.random.default_rng(1).normal(100.0, 10.0, (256, 320)).astype(np.float32)
    for x, y in ((50, 60), (201, 99)):
        image[y - 3 : y + 4, x - 3 : x + 4] -= 200.0
    with mrcfile.new(tmp_path / "image.mrc") as file:
        file.set_data(image)
    return tmp_path, image


def test_the_shell_example_gives_size_and_ratio(tmp_path: Path) -> None:
    project, _ = a_project(tmp_path)
    job = find_scripts(project / "scripts")["script:compressibility"]
    assert isinstance(job, ScriptJob)
    assert job.on_item is not None
    item = ItemInput("m", slots={"movie": SlotValue("image.mrc")})
    result = job.on_item(job.params(level=9))(item, project / "out", silent)
    assert result["movie_bytes"] == (project / "image.mrc").stat().st_size
    assert 1.0 < result["gzip_ratio"] < 2.0
    assert result["warnings"] == []


def test_the_python_example_finds_the_dark_spots(tmp_path: Path) -> None:
    project, _ = a_project(tmp_path)
    job = find_scripts(project / "scripts")["script:dark_spots"]
    assert isinstance(job, ScriptJob)
    assert job.on_item is not None
    item = ItemInput("m", slots={"micrograph": SlotValue("image.mrc")})
    result = job.on_item(job.params(threshold=10.0, binning=8))(item, project / "out", silent)
    places = np.loadtxt(result["outputs"]["list"])
    assert result["n_dark_spots"] == len(places) == 2
    assert np.abs(places - [[50, 60], [201, 99]]).max() < 8
    assert result["darkest_spot"] > 20


def test_a_worker_runs_scripts_one_after_the_other_and_publishes_their_folders(tmp_path: Path) -> None:
    project, _ = a_project(tmp_path)
    image = SlotValue("image.mrc")
    steps = (
        Step(1, 1, "script:dark_spots", {"threshold": 10.0, "binning": 8}, {}, "one", "jobs/J1/m"),
        Step(2, 1, "script:compressibility", {}, {}, "two", "jobs/J2/m"),
    )
    chain = Chain(ItemInput("m", slots={"movie": image, "micrograph": image}), steps)
    spots, packed = run_work(Work("key", str(project), "cpu", (chain,)))
    assert spots.error is packed.error is None
    assert spots.slots["dark_spots"].file == "jobs/J1/m/dark_spots.txt"
    assert spots.slots["dark_spots"].values["n_dark_spots"] == 2
    assert (project / "jobs/J1/m/dark_spots.txt").is_file()
    assert packed.slots["compressibility"].values["movie_bytes"] == (project / "image.mrc").stat().st_size


def test_the_page_shows_the_examples_as_they_are() -> None:
    page = (ROOT / "docs" / "how-to" / "write-a-script.md").read_text()
    shown = re.findall(r"^```(?:sh|python)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert shown == [(EXAMPLES / name).read_text() for name in ("compressibility.sh", "dark_spots.py")]


@pytest.mark.parametrize("language", ["sh", "python"])
def test_a_new_script_runs_as_it_is(tmp_path: Path, language: Any) -> None:
    path = write_template("ice-check", language, tmp_path / "scripts")
    assert read_script(path)
    assert run(tmp_path, scale=2.0)["ice_check_size"] == 10.0
    with pytest.raises(UsageError, match="there is such a script"):
        write_template("ice-check", "sh", tmp_path / "scripts")
    with pytest.raises(UsageError, match="can't be the name"):
        write_template("../x", "sh", tmp_path / "scripts")


def test_the_commands_write_and_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scripts").mkdir()
    script_command.new("look", "python")
    assert "scripts/look.py is written" in capsys.readouterr().out
    script_command.check(Path("scripts/look.py"))
    assert "parameter scale" in capsys.readouterr().out
    script_command.check(Path("scripts/look.py"), json_output=True)
    assert json.loads(capsys.readouterr().out)["gives"] == ["look"]
    Path("scripts/look.py").chmod(0o644)
    with pytest.raises(Exception, match="2"):
        script_command.check(Path("scripts/look.py"))
    assert "chmod +x look.py" in capsys.readouterr().err
    Path("plain").write_text("x")
    with pytest.raises(Exception, match="2"):
        script_command.check(Path("plain"))
    assert "this is no script" in capsys.readouterr().err
