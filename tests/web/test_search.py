"""Finding jobs, images and settings by a few letters."""

from __future__ import annotations

from vitreous import Project
from vitreous.store.database import open_database


def project_with_images(tmp_path, names):
    with Project.create(tmp_path / "p", "drift", {"pixel_size": 1.5}) as project:
        project.add("import", sources=["/camera"], title="Grid 3")
    with open_database(tmp_path / "p", write=True) as db, db.transaction() as connection:
        connection.executemany(
            "INSERT INTO exposure (name, source_job, source_path, path, identity, size, imported)"
            " VALUES (?, 1, 'a', 'b', 'c', 5, 1)",
            [(name,) for name in names],
        )
    return tmp_path / "p"


def test_jobs_images_and_settings_are_found(client_of, tmp_path):
    client = client_of(project_with_images(tmp_path, [f"hole_{n:03d}" for n in range(30)]))
    ask = lambda text: client.get("/api/projects/p/search", params={"q": text}).json()  # noqa: E731
    assert ask("grid")["jobs"] == [{"id": 1, "type": "import", "title": "Grid 3"}]
    assert ask("J1")["jobs"][0]["id"] == 1
    assert [image["name"] for image in ask("_017")["images"]] == ["hole_017"]
    assert ask("#3")["images"][0]["name"] == "hole_002"
    assert ask("hole")["more_images"] is True
    assert ask("pixel")["settings"][0]["value"] == 1.5
    assert ask("  ") == {"jobs": [], "images": [], "settings": [], "more_images": False}


def test_signs_of_patterns_are_plain_letters(client_of, tmp_path):
    client = client_of(project_with_images(tmp_path, ["a%b", "axb", "a_b"]))
    names = [image["name"] for image in client.get("/api/projects/p/search", params={"q": "a%b"}).json()["images"]]
    assert names == ["a%b"]
    names = [image["name"] for image in client.get("/api/projects/p/search", params={"q": "a_b"}).json()["images"]]
    assert names == ["a_b"]
