"""Settings of a project over HTTP: their form, what a change does, disk, scripts, pre-flight findings."""

from __future__ import annotations

from vitreous import Project
from vitreous.project.script_template import write_template
from vitreous.store.database import open_database


def project(tmp_path):
    with Project.create(tmp_path / "p", "single-particle", {"pixel_size": 1.0, "voltage": 300.0}) as found:
        found.add("import", sources=["/camera"])
        found.add("motion")
        found.add("ctf")
        found.add("filter", expression="fit_resolution < 5")
    with open_database(tmp_path / "p", write=True) as db, db.transaction() as connection:
        connection.execute(
            "INSERT INTO task (job, item, state, identity) VALUES (2, 1, 'done', 'x'), (3, 1, 'done', 'y')"
        )
    return tmp_path / "p"


def test_the_form_tells_unit_limits_value_and_origin(client_of, tmp_path):
    fields = {entry["name"]: entry for entry in client_of(project(tmp_path)).get("/api/projects/p/settings").json()}
    pixel = fields["pixel_size"]
    assert (pixel["unit"], pixel["value"], pixel["origin"], pixel["kind"]) == ("Å", 1.0, "user", "number")
    assert (pixel["least"], pixel["least_open"], pixel["most"]) == (0.01, True, 1000.0)
    assert (fields["diameter"]["unit"], fields["diameter"]["kind"]) == ("Å", "number")
    assert fields["order"]["choices"] == ["first", "newest"]
    assert fields["gain"]["kind"] == "path"
    assert fields["frame_doses"]["kind"] == "list"
    assert fields["gain_orientation"]["value"] is None


def test_a_change_tells_what_becomes_stale_and_changes_nothing(client_of, tmp_path):
    folder = project(tmp_path)
    client = client_of(folder)
    effect = client.post("/api/projects/p/settings/effect", json={"values": {"pixel_size": 1.2}}).json()
    assert [(entry["job"], entry["done"]) for entry in effect["stale"]][:2] == [(2, 1), (3, 1)]
    assert effect["results"] == 2
    same = client.post("/api/projects/p/settings/effect", json={"values": {"disk_reserve": 5.0}}).json()
    assert same["stale"] == []
    with Project(folder) as found:
        assert found.settings()["pixel_size"] == 1.0


def test_a_wrong_value_is_refused_before_it_is_applied(client_of, tmp_path):
    client = client_of(project(tmp_path))
    for values in (
        {"pixel_size": -1},
        {"colour": "red"},
        {"diameter": 0},
        {"diameter": "wide"},
        {"gain": "/no/such/file.mrc"},
    ):
        answer = client.post("/api/projects/p/settings/effect", json={"values": values})
        assert answer.status_code == 400, values
        assert answer.json()["hint"]


def test_disk_scripts_and_preflight_of_a_new_project(client_of, tmp_path):
    folder = project(tmp_path)
    left = folder / "jobs" / "J2-motion" / "a-12345678"
    left.mkdir(parents=True)
    (left / "sum.mrc").write_bytes(b"x" * 1000)
    (folder / "scripts").mkdir(exist_ok=True)
    write_template("probe", "sh", folder / "scripts")
    client = client_of(folder)
    disk = client.get("/api/projects/p/disk").json()
    assert (disk["left_folders"], disk["left_bytes"]) == (1, 1000)
    assert {"folder": "jobs/J2-motion", "bytes": 1000, "files": 1, "job": 2} in disk["folders"]
    scripts = client.get("/api/projects/p/scripts").json()
    assert [(entry["file"], entry["ok"]) for entry in scripts] == [("probe.sh", True)]
    assert client.get("/api/projects/p/preflight").json() is None
