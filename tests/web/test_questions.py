"""Questions in SQL over HTTP."""

from __future__ import annotations

from vitreous import Project
from vitreous.web.routes import questions


def test_a_question_is_answered_with_columns_and_rows(client_of, tmp_path):
    with Project.create(tmp_path / "p", "drift") as project:
        project.add("import", sources=["/camera"])
    client = client_of(tmp_path / "p")
    answer = client.post("/api/projects/p/sql", json={"text": "SELECT id, type FROM jobs"})
    assert answer.json() == {"columns": ["id", "type"], "rows": [[1, "import"]]}
    assert any(entry["name"] == "ctf" for entry in client.get("/api/projects/p/sql/examples").json())


def test_a_question_changes_nothing(client_of, tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    client = client_of(tmp_path / "p")
    for text in ("DELETE FROM job", "ATTACH '/etc/passwd' AS x", "SELECT * FROM nothing", ""):
        answer = client.post("/api/projects/p/sql", json={"text": text})
        assert answer.status_code == 400, text
        assert answer.json()["code"] == "usage"


def test_the_rows_of_an_answer_are_limited(client_of, tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    client = client_of(tmp_path / "p")
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 5000) SELECT x FROM n"
    assert len(client.post("/api/projects/p/sql", json={"text": endless, "limit": 7}).json()["rows"]) == 7


def test_a_question_that_takes_too_long_is_given_up(client_of, tmp_path, monkeypatch):
    Project.create(tmp_path / "p", "drift").close()
    monkeypatch.setattr(questions, "SECONDS", 0.2)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    answer = client_of(tmp_path / "p").post("/api/projects/p/sql", json={"text": endless})
    assert answer.status_code == 400
    assert "0.2 s" in answer.json()["message"]
