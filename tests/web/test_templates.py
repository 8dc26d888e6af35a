"""Templates over HTTP: ready ones, jobs as a file, and what one would do."""

from __future__ import annotations

import pytest

from vitreous import Project

BASE = "/api/projects/p/templates"


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "p", "single-particle", {"pixel_size": 0.83}) as project:
        project.add("import", sources=["/camera"])
        project.add("motion", patches=(7, 7))
        project.add("ctf", max_resolution=3.5)
        yield project


@pytest.fixture
def client(client_of, project):
    return client_of(project.folder)


def preview(client, status=200, **body):
    answer = client.post(f"{BASE}/preview", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_the_ready_templates_are_listed(client):
    found = {entry["name"]: entry for entry in client.get(BASE).json()}
    assert found["single-particle"]["summary"]


def test_jobs_are_saved_as_a_file_that_another_project_takes(client, client_of, tmp_path):
    answer = client.get(f"{BASE}/export", params={"jobs": "2,3", "with_decisions": False})
    assert 'attachment; filename="p-workflow.json"' in answer.headers["content-disposition"]
    content = answer.json()
    assert [job["key"] for job in content["jobs"]] == ["motion", "ctf"]
    with Project.create(tmp_path / "q", "single-particle") as other:
        other.add("import", sources=["/camera"])
        taken = client_of(tmp_path / "q").post("/api/projects/q/actions/apply_template", json={"template": content})
        assert taken.json() == {"value": [2, 3]}
        assert other.job(3).params == {"max_resolution": 3.5}


def test_settings_travel_only_when_asked_for(client):
    assert "settings" not in client.get(f"{BASE}/export").json()
    assert client.get(f"{BASE}/export", params={"with_settings": True}).json()["settings"]["pixel_size"] == 0.83


def test_a_preview_tells_jobs_and_what_it_asks_for_and_adds_nothing(client, project):
    found = preview(client, name="single-particle")
    assert any(ask["name"] == "sources" and ask["required"] for ask in found["asks"])
    assert "sources" in found["fault"]["message"]
    key = next(ask["job"] for ask in found["asks"] if ask["name"] == "sources")
    found = preview(client, name="single-particle", changes={key: {"sources": ["/camera"]}})
    assert found["fault"] is None
    assert found["jobs"][1]["inputs"] == [key]
    assert len(project.jobs()) == 3


def test_what_is_no_template_is_refused(client):
    assert preview(client, 422, content={"format": "recipe"})["code"] == "data"
    assert preview(client, 404, name="../../secret")["code"] == "usage"
    assert client.get(f"{BASE}/export", params={"jobs": "77"}).status_code == 400
