"""What pages ask of single particles: the particle's diameter, what a job still needs, picks of the session."""

from __future__ import annotations

import sys
from pathlib import Path

from vitreous import Project
from vitreous.store.columns import set_many
from vitreous.store.database import open_database

sys.path.insert(0, str(Path(__file__).parent))
import class_project
import picks_project


def test_a_new_project_is_asked_for_the_diameter_where_it_is_of_single_particles(client_of, tmp_path):
    with Project.create(tmp_path / "p", "drift", {}):
        pass
    fields = {field["name"]: field for field in client_of(tmp_path / "p").get("/api/new-project").json()["settings"]}
    diameter = fields["diameter"]
    assert (diameter["unit"], diameter["level"], diameter["modes"]) == ("Å", "advanced", ["single-particle"])
    assert (diameter["minimum"], diameter["maximum"]) == (5.0, 5000.0)
    assert fields["pixel_size"]["level"] == "normal"
    assert fields["pixel_size"]["modes"] == []


def check_pick(client, params: dict) -> dict:
    return client.post("/api/projects/p/job-types/pick/check", json={"params": params}).json()


def test_picking_needs_a_diameter_of_its_own_or_of_the_project(client_of, tmp_path):
    with Project.create(tmp_path / "p", "single-particle", {"pixel_size": 2.0}) as project:
        project.add("import", sources=["/camera"])
        project.add("motion")
    client = client_of(tmp_path / "p")
    types = {entry["name"]: entry for entry in client.get("/api/projects/p/job-types").json()["types"]}
    field = types["pick"]["parameters"]["properties"]["diameter"]
    assert field["needed"]
    assert field["inherits"]
    lacking = check_pick(client, {})
    assert [fault["field"] for fault in lacking["faults"]] == ["diameter"]
    assert check_pick(client, {"diameter": 150.0})["faults"] == []
    answer = client.post("/api/projects/p/actions/change_settings", json={"values": {"diameter": 180.0}})
    assert answer.status_code == 200
    found = check_pick(client, {})
    assert found["faults"] == []
    assert found["inherited"]["diameter"]["value"] == 180.0


def test_the_pulse_tells_the_picks_of_the_last_images(client_of, tmp_path):
    folder = picks_project.make(tmp_path / "p")
    with open_database(folder, write=True) as db:
        set_many(db, [(item, "picks", picks_project.PICK, {"picks_found": 10 * item}) for item in (1, 2, 3)])
    figures = {entry["name"]: entry for entry in client_of(folder).get("/api/projects/p/pulse").json()["figures"]}
    assert (figures["picks_found"]["label"], figures["picks_found"]["value"]) == ("Picks/image", 20.0)


def test_the_gallery_tells_of_images_that_came_after_the_last_run(client_of, tmp_path):
    folder: Path = tmp_path / "p"
    class_project.make_project(folder).close()
    client = client_of(folder)
    assert client.get("/api/projects/p/jobs/2/classes").json()["late"] is None
    with open_database(folder, write=True) as db, db.transaction() as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(set_run)")]
        assert {"job", "members"} <= set(names)
        connection.execute("INSERT INTO set_run (job, members) VALUES (2, 1)")
        for item in (1, 2, 3):
            connection.execute("INSERT INTO member (job, item, identity) VALUES (2, ?, ?)", (item, f"m{item}"))
    assert "2 items came after its last run" in client.get("/api/projects/p/jobs/2/classes").json()["late"]
