"""Actions over HTTP: the same validation and the same errors as everywhere."""

from __future__ import annotations

from vitreous import Project
from vitreous.project.actions import ACTIONS
from vitreous.store.database import open_database
from vitreous.web.guard import CSRF_HEADER


def test_every_action_is_a_route(client_of, tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    paths = client_of(tmp_path / "p").get("/api/openapi.json").json()["paths"]
    assert {f"/api/projects/{{project}}/actions/{name}" for name in ACTIONS} <= paths.keys()


def test_an_action_changes_the_project_and_names_the_caller(client_of, tmp_path):
    with Project.create(tmp_path / "p", "drift", {"pixel_size": 1.0}) as project:
        client = client_of(tmp_path / "p")
        answer = client.post("/api/projects/p/actions/add_job", json={"type": "import", "params": {"sources": ["/c"]}})
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"value": 1}
        assert project.job(1).view().type == "import"
    with open_database(tmp_path / "p", write=False) as db:
        assert db.connection.execute("SELECT author FROM job_revision").fetchone()[0] == "tester"


def test_a_wrong_action_is_refused_in_the_shape_of_all_errors(client_of, tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    client = client_of(tmp_path / "p")
    answer = client.post("/api/projects/p/actions/add_job", json={"type": "moton"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "usage"
    assert "motion" in answer.json()["hint"]
    answer = client.post("/api/projects/p/actions/add_job", json={"kind": "motion"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "usage"


def test_without_the_pages_token_nothing_changes(client_of, tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    client = client_of(tmp_path / "p")
    del client.headers[CSRF_HEADER]
    answer = client.post("/api/projects/p/actions/change_settings", json={"values": {"voltage": 200.0}})
    assert answer.status_code == 403
    with Project(tmp_path / "p") as project:
        assert "voltage" not in project.settings()
