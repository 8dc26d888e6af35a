"""Projects over HTTP: made, opened, forgotten; folders to choose from."""

from __future__ import annotations

import shutil

import pytest

from vitreous import Project
from vitreous.project.folders import list_folder


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """A home folder and a state folder for each test."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def test_a_project_is_made_with_template_and_camera_and_served_at_once(client_of, tmp_path):
    client = client_of()
    folder = tmp_path / "home" / "grid 3"
    answer = client.post(
        "/api/projects",
        json={
            "folder": str(folder),
            "mode": "drift",
            "title": "Grid 3",
            "settings": {"pixel_size": 0.83, "voltage": 300},
            "template": "drift",
            "sources": [str(tmp_path / "camera")],
            "start": False,
        },
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["key"] == "grid-3"
    assert answer.json()["brief"]["title"] == "Grid 3"
    overview = client.get("/api/projects/grid-3").json()
    assert overview["settings"]["pixel_size"]["value"] == 0.83
    imports = [job for job in overview["jobs"] if job["type"] == "import"]
    assert imports[0]["params"]["sources"] == [str(tmp_path / "camera")]
    assert [line["key"] for line in client.get("/api/projects").json()] == ["grid-3"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mode": "tomografy"}, "tomography"),
        ({"settings": {"pixel_size": -1}}, "pixel_size"),
        ({"template": "drift"}, "camera"),
        ({"sources": ["relative"]}, "in full"),
        ({"settings": {"gain": "/no/gain.mrc"}}, "not a file"),
    ],
)
def test_a_project_that_can_not_be_made_leaves_nothing_behind(client_of, tmp_path, change, said):
    folder = tmp_path / "home" / "new"
    answer = client_of().post("/api/projects", json={"folder": str(folder), "mode": "drift", **change})
    assert answer.status_code in (400, 422), answer.text
    assert said in answer.text
    assert not folder.exists()


def test_a_project_is_made_only_where_the_server_opens_folders(client_of, tmp_path):
    answer = client_of().post("/api/projects", json={"folder": str(tmp_path / "outside"), "mode": "drift"})
    assert answer.status_code == 400
    assert "--root" in answer.json()["hint"]


def test_a_project_is_forgotten_and_opened_again_under_its_name(client_of, tmp_path):
    Project.create(tmp_path / "home" / "one", "drift").close()
    client = client_of()
    opened = client.post("/api/projects/open", json={"folder": str(tmp_path / "home" / "one")})
    assert opened.status_code == 200, opened.text
    assert client.delete("/api/projects/one").status_code == 204
    assert client.get("/api/projects").json() == []
    assert (tmp_path / "home" / "one" / "project.db").is_file()
    recent = client.get("/api/recent-projects").json()
    assert [(line["title"], line["there"]) for line in recent] == [("one", True)]
    assert client.post("/api/projects/open", json={"folder": recent[0]["folder"]}).json()["key"] == "one"
    assert client.delete("/api/projects/two").status_code == 404


def test_a_project_whose_disk_is_gone_stays_in_the_list_and_says_so(client_of, tmp_path):
    for name in ("a", "b"):
        Project.create(tmp_path / name, "drift").close()
    client = client_of(tmp_path / "a", tmp_path / "b")
    shutil.move(tmp_path / "a", tmp_path / "away")
    lines = {line["key"]: line for line in client.get("/api/projects").json()}
    assert "can't be read" in lines["a"]["fault"]
    assert lines["b"]["fault"] is None
    assert client.get("/api/projects/a").status_code == 503
    shutil.move(tmp_path / "away", tmp_path / "a")
    assert client.get("/api/projects/a").status_code == 200


def test_folders_are_listed_below_the_roots_alone(client_of, tmp_path):
    home = tmp_path / "home"
    Project.create(home / "project", "drift").close()
    for name in ("data", ".hidden"):
        (home / name).mkdir()
    (tmp_path / "secret").mkdir()
    (home / "way-out").symlink_to(tmp_path / "secret")
    client = client_of()
    found = client.get("/api/folders").json()
    assert [(line["name"], line["project"]) for line in found["folders"]] == [("data", False), ("project", True)]
    assert found["parent"] is None
    assert client.get("/api/folders", params={"path": str(home / "data")}).json()["empty"]
    for path in (tmp_path / "secret", home / "way-out", home / ".." / "secret", "/", "/etc"):
        assert client.get("/api/folders", params={"path": str(path)}).status_code == 400
    assert client.get("/api/folders", params={"path": str(home / "nothing")}).status_code == 400


def test_a_root_behind_a_link_is_followed(tmp_path):
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert [entry.name for entry in list_folder(tmp_path / "link", [tmp_path / "link"]).folders] == ["inner"]


def test_the_form_of_a_new_project_has_units_limits_and_templates(client_of):
    form = client_of().get("/api/new-project").json()
    fields = {field["name"]: field for field in form["settings"]}
    assert [fields[name]["unit"] for name in ("pixel_size", "voltage", "spherical_aberration", "dose_per_frame")] == [
        "Å",
        "kV",
        "mm",
        "e/Å²",
    ]
    assert fields["voltage"]["minimum"] == 10
    assert fields["gain"]["kind"] == "file"
    assert {mode["name"] for mode in form["modes"]} == {"drift", "single-particle", "tomography", "crystal2d"}
    assert all(mode["sentence"] and mode["templates"] for mode in form["modes"])


def test_the_machine_tells_its_cores_and_memory(client_of):
    found = client_of().get("/api/machine").json()
    assert found["cores"] >= 1
    assert found["memory"]["total"] > 0
