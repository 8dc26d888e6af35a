"""The catalogue of job types over HTTP, inputs that fit, and faults at their fields before a job is added."""

from __future__ import annotations

import pytest

from vitreous import Project
from vitreous.workflow.job_type import MODES


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "p", "single-particle", {"pixel_size": 0.83, "voltage": 300.0}) as project:
        project.add("import", sources=["/camera"])
        project.add("motion")
        project.add("ctf")
        yield project


@pytest.fixture
def ask(client_of, project):
    client = client_of(project.folder)

    def send(path, status=200, **body):
        base = "/api/projects/p/job-types"
        answer = client.post(base + path, json=body) if body else client.get(base + path)
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


def check(ask, name, status=200, **body):
    return ask(f"/{name}/check", status, **{"params": {}, **body})


def test_the_catalogue_is_in_processing_order_with_a_schema_of_each(ask):
    found = ask("")
    names = [entry["name"] for entry in found["types"]]
    assert names.index("import") < names.index("motion") < names.index("ctf") < names.index("filter")
    assert found["categories"][0] == "Import"
    ctf = next(entry for entry in found["types"] if entry["name"] == "ctf")
    assert ctf["parameters"]["properties"]["max_resolution"]["unit"] == "Å"
    assert ctf["citations"]
    assert found["broken"] == []


def test_job_types_that_work_on_nothing_of_a_project_are_not_offered(ask):
    assert "simulate" not in {entry["name"] for entry in ask("")["types"]}


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_has_its_catalogue(ask, mode):
    assert all(mode in entry["modes"] for entry in ask(f"?mode={mode}")["types"])


def test_an_unknown_mode_is_refused(ask):
    assert ask("?mode=photography", 404)["code"] == "usage"


def test_a_broken_script_is_shown_with_its_reason(ask, project):
    (project.folder / "scripts").mkdir(exist_ok=True)
    script = project.folder / "scripts" / "wrong.sh"
    script.write_text("#!/bin/sh\n# vitreous: job\n# needs: nonsense [\n")
    script.chmod(0o755)
    broken = ask("")["broken"]
    assert [entry["name"] for entry in broken] == ["script:wrong"]
    assert broken[0]["reason"]


def test_only_outputs_that_fit_are_offered_the_newest_first(ask, project):
    found = ask("/ctf/inputs")
    assert [entry["input"] for entry in found["inputs"]] == ["J3", "J2", "J1"]
    assert found["default"] == ["J2"]  # the one that gives what is needed
    project.add("filter", "J3", expression="fit_resolution < 5")
    assert [entry["input"] for entry in ask("/measure/inputs")["inputs"]][:2] == ["J4", "J4:rejected"]
    assert ask("/import/inputs") == {"inputs": [], "default": [], "takes": "none"}


def test_a_job_is_not_offered_what_stands_behind_it(ask):
    assert [entry["job"] for entry in ask("/motion/inputs?job=2")["inputs"]] == [1]


def test_all_faults_are_told_at_their_fields(ask):
    found = check(ask, "ctf", params={"box": 3, "max_resolution": "fine"})
    assert {fault["field"] for fault in found["faults"]} == {"box", "max_resolution"}
    assert "64" in found["faults"][0]["message"]


def test_a_fault_in_one_of_several_kinds_is_told_at_its_field(ask):
    found = check(ask, "subset", params={"select": {"kind": "fraction", "fraction": 3}})
    assert [fault["field"] for fault in found["faults"]] == ["select.fraction"]


def test_a_filter_that_asks_for_a_column_that_no_job_gives_is_told_so(ask):
    found = check(ask, "filter", params={"expression": "beauty > 3"})
    assert found["faults"][0]["field"] == "expression"
    assert "beauty" in found["faults"][0]["message"]


def test_an_input_that_does_not_fit_is_told_at_the_inputs(ask):
    found = check(ask, "motion", inputs=["J9"])
    assert [fault["field"] for fault in found["faults"]] == ["inputs"]


def test_a_file_that_is_not_there_is_told_before_launch(ask):
    found = check(ask, "motion", params={"gain": "/nowhere/gain.mrc"})
    assert [fault["field"] for fault in found["faults"]] == ["gain"]


def test_what_is_not_set_is_inherited_with_its_origin(ask):
    found = check(ask, "ctf", params={"voltage": 200.0})
    assert found["inherited"]["pixel_size"] == {"value": 0.83, "origin": "project"}
    assert "voltage" not in found["inherited"]


def test_a_change_tells_what_it_changes_and_the_methods_sentence(ask):
    found = check(ask, "ctf", params={"max_resolution": 3.5}, job=3)
    assert found["changes"] == [{"name": "max_resolution", "before": None, "after": 3.5}]
    assert "3.5 Å" in found["methods"]
    assert found["faults"] == []


def test_a_change_of_where_to_compute_makes_nothing_stale(ask):
    assert check(ask, "ctf", params={"device": "cuda"}, job=3)["stale"] == 0


def test_an_unknown_job_type_is_not_found(ask):
    assert "ctf" in check(ask, "ctff", 404)["hint"]
    assert ask("/ctff/inputs", 404)["code"] == "usage"
