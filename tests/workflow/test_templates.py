"""Workflow templates: what is exported, what is checked, and how people's decisions find their items again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vitreous.cli import template_commands
from vitreous.core.errors import DataError, UsageError
from vitreous.model.columns import find_column
from vitreous.project import actions, job_actions, templates
from vitreous.project.create import create_project
from vitreous.project.session import Session
from vitreous.store.database import open_database
from vitreous.store.items import add_exposure
from vitreous.workflow.expression import parse
from vitreous.workflow.graph import Input

SCRIPT = """\
#!/bin/sh
# /// vitreous
# title = "Count"
# summary = "Count something."
# needs = ["micrograph"]
# [gives.count]
# columns.count_of_things = { kind = "int", meaning = "things" }
# [parameters.least]
# type = "int"
# default = 3
# help = "the least"
# ///
echo "set count_of_things = 3"
"""


class Projects:
    """Makes projects in a folder, and closes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open: list[Session] = []

    def make(self, name: str, mode: str = "single-particle", **settings: Any) -> Session:
        create_project(self.folder / name, mode, settings)
        return self.reopen(name)

    def reopen(self, name: str) -> Session:
        session = Session(self.folder / name, open_database(self.folder / name, write=True), author="anna")
        self.open.append(session)
        return session

    def close(self) -> None:
        for session in self.open:
            session.db.close()
        self.open.clear()


@pytest.fixture
def projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Projects]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made = Projects(tmp_path)
    yield made
    made.close()


def act(session: Session, action: str, /, **arguments: Any) -> Any:
    return actions.perform(session, action, arguments)


def arrive(session: Session, name: str, identity: str, job: int = 1) -> int:
    """An item as the import makes it, with the call that follows."""
    item = add_exposure(
        session.db, name, source_job=job, source_path=f"/c/{name}", path=f"movies/{name}.tif", identity=identity, size=1
    )
    templates.apply_pending(session, [item])
    return item


def row(session: Session, name: str) -> dict[str, Any]:
    found = session.db.connection.execute("SELECT * FROM exposures WHERE name = ?", (name,)).fetchone()
    return dict(found)


def take(session: Session, template: dict[str, Any], decisions: bool = True, **changes: Any) -> list[int]:
    given = {"import__sources": ["/camera"], **changes} if template.get("supply") else changes
    changed = templates.split(given)
    return list(act(session, "apply_template", template=template, changes=changed, decisions=decisions))


def workflow(session: Session) -> list[int]:
    """import → motion → ctf, with things that a template must carry."""
    first = act(session, "add_job", type="import", params={"sources": ["/camera"], "layout": "epu"})
    motion = act(session, "add_job", type="motion", params={"patches": [3, 3]}, title="Align", note="as in the paper")
    ctf = act(session, "add_job", type="ctf", inputs=[motion], priority=3, serial=True, batch=4, waits=[first])
    return [first, motion, ctf]


def essence(template: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in template.items() if name not in ("summary", "title", "vitreous")}


# --- ready templates --------------------------------------------------------------------------------------------------


def test_there_is_a_ready_template_for_each_mode() -> None:
    found = templates.shipped()
    assert {name: entry["mode"] for name, entry in found.items()} == {
        "drift": "drift",
        "single-particle": "single-particle",
        "tomography": "tomography",
        "crystal2d": "crystal2d",
    }
    assert all(entry["title"] and entry["summary"].endswith(".") for entry in found.values())


@pytest.mark.parametrize("name", ["drift", "single-particle", "tomography", "crystal2d"])
def test_a_ready_template_fits_a_new_project_and_comes_out_again_as_it_was(projects: Projects, name: str) -> None:
    content = templates.read_template(name)
    session = projects.make("p", content["mode"], pixel_size=1.0, voltage=300.0, diameter=180.0)
    numbers = take(session, content)
    jobs = session.graph().jobs
    assert [jobs[number].broken for number in numbers] == [None] * len(numbers)
    assert essence(templates.export_template(session)) == essence(content)


@pytest.mark.parametrize("name", ["drift", "single-particle", "tomography", "crystal2d"])
def test_quality_does_not_wait_for_the_ctf(projects: Projects, name: str) -> None:
    session = projects.make("p", name)
    take(session, templates.read_template(name))
    jobs = {job.type: job for job in session.graph().jobs.values()}
    assert jobs["measure"].inputs == (Input(jobs["motion"].id),)
    assert jobs["motion"].inputs == (Input(jobs["import"].id),)


def test_tilts_are_corrected_in_the_order_of_recording(projects: Projects) -> None:
    session = projects.make("p", "tomography")
    take(session, templates.read_template("tomography"))
    motion = session.job("Correct motion")
    assert (motion.serial, motion.params["patches"]) == (True, [1, 1])


def test_good_single_particle_images_are_those_that_are_worth_exporting(projects: Projects) -> None:
    session = projects.make("p")
    take(session, templates.read_template("single-particle"))
    expression = parse(session.job("Good images").params["expression"])
    slots = session.graph().slots_behind(session.job("Good images").id)
    for name in expression.columns:
        column = find_column(name)
        assert column is not None
        assert column.slot in slots
    good = {"defocus": 5000.0, "fit_resolution": 5.0, "drift_range": 150.0, "iciness": 1.6}
    assert expression.evaluate(good)
    assert expression.evaluate({**good, "defocus": 40000.0, "iciness": None})
    for worse in ({"defocus": 4999.0}, {"defocus": 40001.0}, {"fit_resolution": 5.1}, {"drift_range": 151.0}):
        assert expression.evaluate({**good, **worse}) is False
    assert expression.evaluate({**good, "iciness": 1.7}) is False


# --- export and import of jobs ----------------------------------------------------------------------------------------


def test_all_of_a_job_travels_but_its_number(projects: Projects) -> None:
    old, new = projects.make("old"), projects.make("new")
    workflow(old)
    act(old, "pause_job", job="Align")
    content = json.loads(json.dumps(templates.export_template(old)))
    act(new, "add_job", type="import", params={"sources": ["/other"]})
    numbers = take(new, content)
    assert numbers == [2, 3, 4]
    before, after = old.graph().jobs, new.graph().jobs
    for mine, other in zip((1, 2, 3), numbers, strict=True):
        for field in ("type", "title", "note", "params", "priority", "serial", "batch", "state"):
            assert getattr(after[other], field) == getattr(before[mine], field), field
    assert after[4].inputs == (Input(3),)
    assert after[4].waits == (2,)


def test_the_cameras_folders_stay_behind_and_must_be_supplied(projects: Projects) -> None:
    old, new = projects.make("old"), projects.make("new")
    workflow(old)
    content = templates.export_template(old)
    assert "/camera" not in json.dumps(content)
    with pytest.raises(UsageError, match=r"does not bring import\.sources") as error:
        act(new, "apply_template", template=content)
    assert "folders into which the camera writes" in error.value.hint
    assert new.graph().jobs == {}


def test_jobs_of_one_type_get_keys_of_their_own(projects: Projects) -> None:
    session = projects.make("p")
    workflow(session)
    act(session, "copy_job", job=3)
    assert [job["key"] for job in templates.export_template(session)["jobs"]] == ["import", "motion", "ctf", "ctf_2"]


def test_an_input_from_outside_a_selection_states_what_it_must_give(projects: Projects) -> None:
    old, new = projects.make("old"), projects.make("new")
    ctf = workflow(old)[-1]
    measure = act(old, "add_job", type="measure", inputs=[ctf])
    expression = "defocus > 5000 and iciness < 2 and drift_total < 50"
    good = act(old, "add_job", type="filter", params={"expression": expression}, inputs=[measure])
    content = templates.export_template(old, [f"J{measure}", good])
    assert content["jobs"][0]["inputs"] == [
        {"open": ["micrograph|movie", "ctf", "motion"], "was": f"J{ctf} Find CTF"},
    ]
    with pytest.raises(UsageError, match="measure: its input must give micrograph or movie and ctf and motion"):
        take(new, content)
    workflow(new)
    act(new, "copy_job", job=ctf)
    newest = take(new, content)[0]
    assert new.graph().jobs[newest].inputs == (Input(4),)
    named = take(new, content, measure__inputs="J3")[0]
    assert new.graph().jobs[named].inputs == (Input(3),)


def test_several_open_inputs_are_named_by_the_user(projects: Projects) -> None:
    old, new = projects.make("old"), projects.make("new")
    workflow(old)
    act(old, "add_job", type="union", inputs=["J2", "J3"])
    content = templates.export_template(old, ["J4"])
    workflow(new)
    with pytest.raises(UsageError, match="2 inputs from outside the template are open") as error:
        take(new, content)
    assert "union.inputs=J1,J2" in error.value.hint
    (number,) = take(new, content, union__inputs=["J2", "J3"])
    assert new.graph().jobs[number].inputs == (Input(2), Input(3))


def test_what_a_selection_waited_for_is_told(projects: Projects) -> None:
    session = projects.make("p")
    workflow(session)
    assert templates.export_template(session, ["J3"])["left_out"] == ["ctf waited for J1 Import movies"]


def test_changes_win_over_the_template(projects: Projects) -> None:
    old, new = projects.make("old"), projects.make("new")
    workflow(old)
    content = templates.export_template(old)
    numbers = take(new, content, motion__patches="5x5", import__unset=["layout"], settings__pixel_size="1.2")
    jobs = new.graph().jobs
    assert jobs[numbers[1]].params == {"patches": [5, 5]}
    assert jobs[numbers[0]].params == {"sources": ["/camera"]}
    assert new.settings()["pixel_size"] == 1.2


def test_settings_travel_on_request_and_never_replace_those_of_the_project(projects: Projects) -> None:
    old = projects.make("old", pixel_size=0.8, voltage=300.0)
    new = projects.make("new", pixel_size=1.1)
    workflow(old)
    assert "settings" not in templates.export_template(old)
    content = templates.export_template(old, with_settings=True)
    assert content["settings"] == {"pixel_size": 0.8, "voltage": 300.0}
    take(new, content)
    assert new.settings() == {"pixel_size": 1.1, "voltage": 300.0}
    assert new.settings_with_origin()["voltage"]["origin"] == "template old"


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_travels_by_name_and_hash_and_must_be_there(projects: Projects, tmp_path: Path) -> None:
    gain, other = tmp_path / "gain.mrc", tmp_path / "other.mrc"
    gain.write_bytes(b"gain")
    other.write_bytes(b"another gain")
    old, new = projects.make("old"), projects.make("new")
    act(old, "add_job", type="import", params={"sources": ["/camera"]})
    act(old, "add_job", type="motion", params={"gain": str(gain)})
    content = templates.export_template(old)
    (file,) = content["files"]
    assert (file["job"], file["parameter"], file["name"]) == ("motion", "gain", "references/gain.mrc")
    with pytest.raises(UsageError, match=r"does not bring motion\.gain") as error:
        take(new, content)
    assert "references/gain.mrc" in error.value.hint
    (new.folder / "references" / "gain.mrc").write_bytes(b"same name, other gain")
    with pytest.raises(UsageError, match=r"motion\.gain"):
        take(new, content)
    with pytest.raises(UsageError, match=r"motion: gain: /nowhere/x\.mrc is not a file"):
        take(new, content, motion__gain="/nowhere/x.mrc")
    supplied = take(new, content, motion__gain=str(other))
    assert new.graph().jobs[supplied[1]].params == {"gain": "references/other.mrc"}
    unset = take(new, content, motion__unset=["gain"])
    assert new.graph().jobs[unset[1]].params == {}
    (new.folder / "references" / "by_another_name.mrc").write_bytes(b"gain")
    found = take(new, content)
    assert new.graph().jobs[found[1]].params == {"gain": "references/by_another_name.mrc"}


def test_the_gain_of_the_settings_must_be_supplied_too(projects: Projects, tmp_path: Path) -> None:
    gain = tmp_path / "gain.mrc"
    gain.write_bytes(b"gain")
    old, new = projects.make("old", gain=str(gain)), projects.make("new")
    workflow(old)
    content = templates.export_template(old, with_settings=True)
    with pytest.raises(UsageError, match=r"settings\.gain"):
        take(new, content)
    take(new, content, settings__gain=str(gain))
    assert new.settings() == {"gain": "references/gain.mrc"}
    take(projects.make("third", gain=str(gain)), content)


# --- scripts ----------------------------------------------------------------------------------------------------------


def scripted(session: Session) -> None:
    path = session.folder / "scripts" / "count.sh"
    path.write_text(SCRIPT)
    path.chmod(0o755)
    workflow(session)
    act(session, "add_job", type="script:count", params={"least": 5}, inputs=["J2"])


def test_scripts_travel_with_the_jobs_that_use_them(projects: Projects) -> None:
    old, new = projects.make("old"), projects.make("new")
    scripted(old)
    content = templates.export_template(old)
    assert content["scripts"] == {"count.sh": SCRIPT}
    number = take(new, content)[-1]
    job = new.graph().jobs[number]
    assert (job.type, job.params, job.broken) == ("script:count", {"least": 5}, None)
    assert (new.folder / "scripts" / "count.sh").read_text() == SCRIPT
    assert take(new, content)[-1] == number + 4


def test_another_script_of_that_name_is_not_overwritten(projects: Projects) -> None:
    old, new = projects.make("old"), projects.make("new")
    scripted(old)
    mine = new.folder / "scripts" / "count.sh"
    mine.write_text(SCRIPT.replace("least", "most"))
    with pytest.raises(UsageError, match=r"another script count\.sh"):
        take(new, templates.export_template(old))
    assert "most" in mine.read_text()


@pytest.mark.parametrize("name", ["../evil.sh", "/tmp/evil.sh", ".hidden", "a/b.sh", ""])
def test_a_script_stays_in_the_folder_of_scripts(projects: Projects, name: str) -> None:
    content = {**templates.read_template("drift"), "scripts": {name: SCRIPT}}
    session = projects.make("p", "drift")
    with pytest.raises(UsageError, match="which can't be one"):
        take(session, content)


def test_a_template_that_is_refused_leaves_no_script(projects: Projects) -> None:
    old, new = projects.make("old"), projects.make("new")
    scripted(old)
    with pytest.raises(UsageError, match="count: least"):
        take(new, templates.export_template(old), count__least="many")
    assert list((new.folder / "scripts").iterdir()) == []


# --- what is refused --------------------------------------------------------------------------------------------------


def edited(key: str, **fields: Any) -> dict[str, Any]:
    content = templates.read_template("single-particle")
    for job in content["jobs"]:
        if job["key"] == key:
            job.update(fields)
    return content


@pytest.mark.parametrize(
    ("content", "changes", "told"),
    [
        (edited("ctf", type="ctff"), {}, "ctf: there is no job type 'ctff'"),
        (edited("ctf", type="script:mine"), {}, "ctf: there is no script for script:mine"),
        (edited("motion", version=99), {}, "motion: the template uses version 99 of motion"),
        (edited("motion", params={"patches": "many"}), {}, "motion: patches"),
        (edited("motion", params={"patchez": 3}), {}, "motion: patchez: there is no such parameter"),
        (edited("ctf", inputs=[{"job": "import", "output": "rejected"}]), {}, "ctf: import has no output 'rejected'"),
        (edited("measure", inputs=[]), {}, "measure: measure needs an input"),
        (edited("import", inputs=[{"open": ["ctf"]}]), {}, "import: its input must give ctf"),
        (edited("ctf"), {"ctf__boxx": 3}, "ctf: ctf has no parameter 'boxx'"),
        (edited("ctf"), {"ctff__box": 512}, "the template has no job 'ctff'"),
        (edited("ctf"), {"ctf__box": 511}, "ctf: box of 511 px is odd"),
        (edited("ctf"), {"settings__pixel_sise": 1}, "there is no setting 'pixel_sise'"),
        (edited("ctf"), {"ctf__inputs": ["J1"]}, "ctf: 1 inputs are given, but 0 are open"),
    ],
)
def test_a_fault_is_told_in_terms_of_key_and_parameter_and_changes_nothing(
    projects: Projects, content: dict[str, Any], changes: dict[str, Any], told: str
) -> None:
    session = projects.make("p")
    with pytest.raises(UsageError) as error:
        take(session, content, **changes)
    assert told in error.value.message
    assert error.value.hint
    assert session.graph().jobs == {}
    assert session.settings() == {}


def test_a_job_is_not_put_before_what_it_needs(projects: Projects) -> None:
    session = projects.make("p")
    content = edited("filter", inputs=[{"job": "motion"}])
    content["jobs"] = [job for job in content["jobs"] if job["key"] in ("import", "motion", "filter")]
    with pytest.raises(UsageError, match=r"filter: .*defocus"):
        take(session, content)
    assert session.graph().jobs == {}
    circle = templates.read_template("drift")
    next(job for job in circle["jobs"] if job["key"] == "motion")["inputs"] = [{"job": "measure"}]
    with pytest.raises(DataError, match="motion speaks of measure, which is no job before it"):
        templates.check_template(circle)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "recipe"}, "is no workflow template"),
        ({"version": 2}, "is a template of version 2"),
        ({"version": "x"}, "version"),
        ({"mode": "crystals"}, "mode"),
        ({"jobs": []}, "jobs"),
        ({"jobs": [{"key": "a b", "type": "motion"}]}, r"jobs\.0\.key"),
        ({"jobs": [{"key": "settings", "type": "motion"}]}, "no job may be 'settings'"),
        ({"jobs": [{"key": "a", "type": "motion", "inputs": [{}]}]}, "an input names either a job"),
        ({"jobs": [{"key": "a", "type": "motion"}, {"key": "a", "type": "ctf"}]}, "two jobs have the key a"),
        ({"supply": [{"job": "x", "parameter": "y"}]}, "y of x"),
        ({"colour": "red"}, "colour"),
        ({"decisions": [{"kind": "dance", "items": ["a"]}]}, r"decisions\.0\.kind"),
    ],
)
def test_what_is_no_template_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        templates.check_template({**templates.read_template("drift"), **change})


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000, '{"format": "vitreous-template"}', "\xff"])
def test_a_file_that_holds_no_template_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"t\.json"):
        templates.read_template(path)


def test_a_template_that_is_not_there_is_told_with_near_ones() -> None:
    with pytest.raises(UsageError, match="no template and no file tomografy") as error:
        templates.read_template("tomografy")
    assert "tomography" in error.value.hint


def test_changes_without_a_key_are_refused() -> None:
    with pytest.raises(UsageError, match="names no job's parameter"):
        templates.split({"sources": 3})
    assert templates.split({"ctf_2__min_defocus": 3}) == {"ctf_2": {"min_defocus": 3}}


def test_an_empty_project_has_nothing_to_export(projects: Projects) -> None:
    with pytest.raises(UsageError, match="no jobs to export"):
        templates.export_template(projects.make("p"))


# --- decisions --------------------------------------------------------------------------------------------------------


def decided(projects: Projects) -> Session:
    """A project with items about which everything was decided that can be."""
    session = projects.make("old")
    workflow(session)
    for number in range(1, 7):
        arrive(session, f"m{number}", f"hash{number}")
    act(session, "flag_items", selection={"names": ["m1", "m2"]}, flag="red")
    act(session, "flag_items", selection={"names": ["m2"]}, flag="green")
    act(session, "trash", selection={"names": ["m3", "m4"]})
    act(session, "restore", selection={"names": ["m4"]})
    act(session, "move_items", selection={"names": ["m5"]}, group="thick")
    act(session, "rename_group", group="thick", name="thick ice")
    act(session, "trash", selection={"names": ["m5"]})
    act(session, "tag_items", selection={"names": ["m1", "m2"]}, tag="nice")
    act(session, "tag_items", selection={"names": ["m2"]}, tag="nice", remove=True)
    act(session, "comment_items", selection={"names": ["m6"]}, comment="a crack, see there")
    act(session, "set_item_parameters", selection={"names": ["m6"]}, type="ctf", params={"box": 256})
    act(session, "set_item_parameters", selection={"names": ["m6"]}, type="ctf", params={"max_defocus": 9e4})
    keep, reject = [{"item": "m1", "reason": "lovely"}], [{"item": "m2", "reason": ""}]
    params = {"expression": "defocus > 1", "keep": keep, "reject": reject}
    act(session, "add_job", type="filter", params=params, inputs=["J3"])
    return session


def state(session: Session, name: str) -> tuple[Any, ...]:
    found = row(session, name)
    before = session.db.connection.execute(
        "SELECT name FROM item_group WHERE id = ?", (found["group_before"],)
    ).fetchone()
    parameters = json.loads(found["parameters"] or "{}")
    return found["flag"], found["group_name"], before and before[0], found["tags"], found["comment"], parameters


def test_decisions_are_done_again_as_their_items_arrive(projects: Projects) -> None:
    old, new = decided(projects), projects.make("new")
    content = json.loads(json.dumps(templates.export_template(old)))
    take(new, content)
    for number in (6, 1, 2, 5, 4, 3):
        arrive(new, f"m{number}", f"hash{number}")
    for number in range(1, 7):
        assert state(new, f"m{number}") == state(old, f"m{number}")
    assert state(new, "m5")[1:3] == ("TRASH", "thick ice")
    assert state(new, "m6")[5] == {"ctf.box": 256, "ctf.max_defocus": 90000.0}
    assert new.job("Filter").params == old.job("Filter").params
    assert new.db.connection.execute("SELECT count(*) FROM pending_decision").fetchone()[0] == 0


def test_only_what_still_counts_is_exported(projects: Projects) -> None:
    content = templates.export_template(decided(projects))
    found = {(entry["kind"], entry.get("value"), tuple(entry["items"])) for entry in content["decisions"]}
    assert found == {
        ("flag", "red", ("m1",)),
        ("flag", "green", ("m2",)),
        ("trash", None, ("m3",)),
        ("group", "thick ice", ("m5",)),
        ("trash", None, ("m5",)),
        ("tag", "nice", ("m1",)),
        ("comment", "a crack, see there", ("m6",)),
        ("parameters", '{"ctf.box": 256, "ctf.max_defocus": 90000.0}', ("m6",)),
    }
    assert {entry["author"] for entry in content["decisions"]} == {"anna"}
    assert content["items"]["m3"] == "hash3"


def test_an_item_of_the_same_content_is_found_by_another_name(projects: Projects) -> None:
    old, new = decided(projects), projects.make("new")
    take(new, templates.export_template(old))
    arrive(new, "renamed", "hash1")
    assert state(new, "renamed")[:4] == ("red", "Imported", None, "nice")
    kept = new.job("Filter").params["keep"]
    assert kept == [{"item": "m1", "reason": "lovely"}, {"item": "renamed", "reason": "lovely"}]
    arrive(new, "m1", "something else")
    assert state(new, "m1")[0] is None


def test_items_that_are_there_already_are_decided_at_once(projects: Projects) -> None:
    old, new = decided(projects), projects.make("new")
    arrive(new, "m1", "other content")
    arrive(new, "x3", "hash3")
    take(new, templates.export_template(old))
    assert state(new, "m1")[0] == "red"
    assert state(new, "x3")[1] == "TRASH"
    unsettled = {entry[0] for entry in new.db.connection.execute("SELECT item FROM unsettled")}
    assert unsettled == {1, 2}
    told = [entry[0] for entry in new.db.connection.execute("SELECT message FROM event WHERE kind = 'decision'")]
    assert "flag red: anna decided so in 'old' about m1 (same name)" in told
    assert "trash: anna decided so in 'old' about m3 (same content)" in told


def test_of_two_items_that_fit_the_one_of_the_same_content_is_meant(projects: Projects) -> None:
    old, new = decided(projects), projects.make("new")
    arrive(new, "m3", "other content")
    arrive(new, "x3", "hash3")
    take(new, templates.export_template(old))
    assert (state(new, "m3")[1], state(new, "x3")[1]) == ("Imported", "TRASH")


def test_decisions_can_stay_behind_at_export_and_at_import(projects: Projects) -> None:
    old, new = decided(projects), projects.make("new")
    content = templates.export_template(old, with_decisions=False)
    assert not content.keys() & {"decisions", "items"}
    assert content["jobs"][-1]["params"] == {"expression": "defocus > 1"}
    take(new, templates.export_template(old), decisions=False)
    arrive(new, "m1", "hash1")
    assert state(new, "m1")[0] is None
    assert new.job("Filter").params == {"expression": "defocus > 1"}


def test_a_filter_that_was_removed_forgets_its_pending_decisions(projects: Projects) -> None:
    old, new = decided(projects), projects.make("new")
    take(new, templates.export_template(old))
    act(new, "remove_job", job="Filter")
    left = new.db.connection.execute("SELECT kind FROM pending_decision WHERE kind IN ('keep', 'reject')").fetchall()
    assert left == []
    arrive(new, "renamed", "hash1")
    assert state(new, "renamed")[0] == "red"


@pytest.mark.parametrize(
    ("kind", "value"),
    [("flag", "mauve"), ("tag", "a,b"), ("parameters", "{"), ("parameters", '{"ctf.boxx": 3}'), ("group", "a/b")],
)
def test_a_decision_that_could_not_be_done_is_refused_before_its_item_comes(
    projects: Projects, kind: str, value: str
) -> None:
    session = projects.make("p", "drift")
    content = templates.read_template("drift")
    content["decisions"] = [{"kind": kind, "items": ["m1"], "value": value}]
    with pytest.raises(UsageError):
        take(session, content)
    assert session.graph().jobs == {}


# --- commands ---------------------------------------------------------------------------------------------------------


def test_commands_carry_a_workflow_from_one_project_to_another(
    projects: Projects, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gain = tmp_path / "gain.mrc"
    gain.write_bytes(b"gain")
    old = decided(projects)
    act(old, "edit_job", job="Align", params={"gain": str(gain)})
    projects.close()
    file = tmp_path / "workflow.json"
    template_commands.export_template(out=file, project=tmp_path / "old", title="Mine")
    told = capsys.readouterr()
    assert "4 jobs" in told.out
    assert "must be supplied where it is used: import.sources" in told.err
    assert "files that do not travel: motion.gain" in told.err
    assert "holds 8 decisions about images" in told.err
    create_project(tmp_path / "new", "single-particle", {})
    monkeypatch.chdir(tmp_path)
    words = ["import.sources=camera", "motion.gain=gain.mrc", "ctf.box=256", "import.layout=", "settings.voltage=200"]
    template_commands.run_template(str(file), words, project=tmp_path / "new", json_output=True)
    assert json.loads(capsys.readouterr().out) == {
        "template": "Mine",
        "jobs": {"import": 1, "motion": 2, "ctf": 3, "filter": 4},
    }
    new = projects.reopen("new")
    jobs = new.graph().jobs
    assert jobs[1].params == {"sources": [str(tmp_path / "camera")]}
    assert jobs[2].params == {"patches": [3, 3], "gain": "references/gain.mrc"}
    assert jobs[3].params == {"box": 256}
    assert new.settings() == {"voltage": 200.0}


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("sources=/camera", "sets no parameter of a job"),
        ("import.sources", "sets no parameter of a job"),
        ("imprt.sources=/camera", "the template has no job 'imprt'"),
        ("motion.patchez=3", "motion: motion has no parameter 'patchez'"),
        ("motion.patches=many", "motion: motion: patches"),
        ("settings.voltage=high", "voltage"),
    ],
)
def test_words_that_are_not_understood_are_told(projects: Projects, tmp_path: Path, word: str, told: str) -> None:
    projects.make("p", "drift")
    projects.close()
    with pytest.raises(UsageError) as error:
        template_commands.run_template("drift", [word], project=tmp_path / "p")
    assert told in error.value.message


def test_an_open_input_is_named_on_the_command_line(projects: Projects, tmp_path: Path) -> None:
    session = projects.make("p")
    workflow(session)
    act(session, "copy_job", job="J3")
    content = templates.export_template(session, ["J3"])
    file = tmp_path / "t.json"
    file.write_text(json.dumps(content))
    projects.close()
    template_commands.run_template(str(file), ["ctf.inputs=J2"], project=tmp_path / "p")
    assert projects.reopen("p").graph().jobs[5].inputs == (Input(2),)


def test_the_list_of_ready_templates_can_be_narrowed_to_a_mode(capsys: pytest.CaptureFixture[str]) -> None:
    template_commands.list_templates(mode="tomography", json_output=True)
    assert list(json.loads(capsys.readouterr().out)) == ["tomography"]
    template_commands.list_templates()
    assert "single-particle" in capsys.readouterr().out


def test_picking_says_that_it_waits_for_the_diameter(projects: Projects) -> None:
    session = projects.make("p", "single-particle")
    take(session, templates.read_template("single-particle"))
    pick = session.job("Pick particles").id
    assert "diameter is not set" in (session.graph().jobs[pick].broken or "")
    job_actions.change_settings(session, {"diameter": 180.0})
    assert session.graph().jobs[pick].broken is None
