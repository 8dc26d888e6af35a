"""``vitreous job-types`` and ``vitreous show``, and which job types are commands by themselves."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from vitreous.cli import main as entry
from vitreous.project import job_types

COMMAND = """
JOB = JobType(
    name="x", title="X", summary="Do (it).", params=P, start=start, items="X", example="", columns={"a": ("b)", "d")},
{more})
"""


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_show_tells_slots_parameters_and_methods(wide: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["show", "ctf"]) == 0
    text = capsys.readouterr().out
    for part in (
        "Find CTF", "needs micrograph or movie", "gives ctf: files json, mrc, png", "defocus_u [Å]",
        "phase_shift [degrees]",
        "min_defocus", "≥ 64, ≤ 4096", "Search (advanced)", "cpu, cuda", "between 30 and 5 Å", "Rohou", "vitreous ctf ",
    ):  # fmt: skip
        assert part in text, part
    assert text.index("find_phase_shift") < text.index("Spectrum (advanced)") < text.index("tolerated_astigmatism")


def test_show_as_json_and_as_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["show", "motion", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert [slot["name"] for slot in whole["gives"]] == ["motion", "micrograph"]
    assert entry.main(["show", "motion", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == whole["parameters"]


def test_show_of_an_unknown_job_type_names_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["show", "motoin"]) == 2
    assert "motion" in capsys.readouterr().err


def test_show_of_a_broken_job_type_says_why(monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    broken = {"odd": EntryPoint("odd", "vitreous.nowhere:JOB", job_types.GROUP)}
    monkeypatch.setattr(job_types, "declared", lambda: broken)
    assert entry.main(["show", "odd"]) == 2
    text = capsys.readouterr().err
    assert "vitreous.nowhere" in text
    assert "Traceback" in text
    assert entry.main(["job-types", "--json"]) == 0
    assert "vitreous.nowhere" in json.loads(capsys.readouterr().out)[0]["error"]


def test_the_list_has_categories_and_slots(wide: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["job-types", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["ctf"]["category"], rows["ctf"]["order"], rows["ctf"]["gives"]) == ("CTF", 30, ["ctf"])
    assert rows["ctf"]["needs"] == [["micrograph", "movie"]]
    names = list(rows)
    assert names.index("motion") < names.index("ctf") < names.index("measure") < names.index("simulate")
    assert entry.main(["job-types"]) == 0
    text = capsys.readouterr().out
    assert "Align" in text
    assert "micrograph or movie" in text


def test_the_source_says_what_the_job_type_says() -> None:
    for point in job_types.declared().values():
        job = job_types.load(point)
        if not isinstance(job, job_types.BrokenJob):
            assert job_types.summary(point) == job.summary
            works = job.scope in ("item", "set") and job.start.__name__ != "no_command"
            assert job_types.is_command(point) == works, job.name


def point_to(module: str, source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> EntryPoint:
    (folder / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(str(folder))
    return EntryPoint("x", f"{module}:JOB", job_types.GROUP)


@pytest.mark.parametrize(
    ("more", "expected"),
    [("", True), ('scope="item",\n', True), ('scope="set",\n', True), ('scope="source",\n', False)],
)
def test_job_types_of_items_and_sets_are_commands(more: str, expected: bool, tmp_path: Path, monkeypatch) -> None:
    module = f"declared_{abs(hash((more, tmp_path.name)))}"
    point = point_to(module, COMMAND.replace("{more}", more), tmp_path, monkeypatch)
    assert job_types.is_command(point) is expected
    assert job_types.summary(point) == "Do (it)."


def test_job_types_without_a_start_of_their_own_are_no_commands(tmp_path: Path, monkeypatch, capsys) -> None:
    source = COMMAND.replace("{more}", "").replace("start=start", "start=no_command")
    point = point_to("declared_inside", source, tmp_path, monkeypatch)
    assert not job_types.is_command(point)
    monkeypatch.setattr(job_types, "declared", lambda: {"x": point})
    assert entry.main(["--help"]) == 0
    assert "Do (it)." not in capsys.readouterr().out
    assert entry.main(["x", "file", "--out", "out"]) == 2
    assert "No such command 'x'" in capsys.readouterr().err


def test_a_job_type_that_is_made_in_another_way_is_loaded(tmp_path: Path, monkeypatch) -> None:
    source = (
        "from vitreous.workflow.job_type import JobType, Params, no_command\n"
        'def made(): return JobType(name="x", title="X", summary="Made.", params=Params, start=no_command,'
        ' items="X", example="", columns={})\n'
        "JOB = made()\n"
    )
    point = point_to("declared_made", source, tmp_path, monkeypatch)
    assert job_types.summary(point) == "Made."
    assert not job_types.is_command(point)
