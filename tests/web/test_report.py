"""Results, files and reports over HTTP, and what a report holds."""

from __future__ import annotations

import io
import json
import re
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import class_project

from vitreous import Project
from vitreous.project.session_report.write import write_session_report
from vitreous.store.columns import set_many
from vitreous.store.database import open_database


@pytest.fixture
def folder(tmp_path):
    """A session of 40 images with CTF, one of them quarantined, and a filter."""
    with Project.create(
        tmp_path / "p", "single-particle", {"pixel_size": 1.1, "voltage": 300.0}, title="A & <B>"
    ) as found:
        found.add("import", sources=["/camera"])
        found.add("motion")
        found.add("ctf")
        found.add("filter", expression="fit_resolution < 4", title="Sharp")
    with open_database(tmp_path / "p", write=True) as db, db.transaction() as connection:
        for n in range(1, 41):
            connection.execute(
                "INSERT INTO exposure (id, name, source_job, source_path, path, identity, size, imported, recorded)"
                " VALUES (?, ?, 1, 'a', 'b', ?, 5, ?, ?)",
                (n, f"image_{n:04d}", f"{n:032x}", 1e9 + 60 * n, 1e9 + 60 * n),
            )
            connection.execute("INSERT INTO task (job, item, state, identity) VALUES (2, ?, 'done', ?)", (n, f"r{n}"))
            slots = {"micrograph": {"file": f"jobs/J2-motion/i{n}/sum.mrc", "files": {}, "values": {}}}
            connection.execute(
                "INSERT INTO result (identity, job, item, folder, slots, outputs, versions, seconds, committed)"
                ' VALUES (?, 2, ?, ?, ?, \'["items"]\', \'{"vitreous": "1.2.3"}\', 1.0, 5)',
                (f"r{n}", n, f"jobs/J2-motion/i{n}", json.dumps(slots)),
            )
        error = json.dumps({"code": "compute", "message": "no rings here", "hint": "Look", "context": {}})
        connection.execute(
            "INSERT INTO task (job, item, state, identity, error) VALUES (3, 7, 'quarantined', 'z', ?)", (error,)
        )
    with open_database(tmp_path / "p", write=True) as db:
        set_many(db, [(n, "micrograph", 2, {"pixel_size": 1.1}) for n in range(1, 41)])
        values = [(n, "ctf", 3, {"fit_resolution": 3.0 + 0.05 * n, "defocus": 15000.0 + n}) for n in range(1, 41)]
        set_many(db, values)
    return tmp_path / "p"


class Checked(HTMLParser):
    """Finds tags that are not closed, and addresses."""

    VOID = frozenset({"meta", "img", "br", "link", "hr", "input", "path", "use", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_a_report_is_one_file_that_needs_nothing_else(folder, tmp_path):
    told = []
    path = write_session_report(folder, tmp_path / "out" / "report.html", lambda fraction, what: told.append(fraction))
    text = path.read_text()
    checked = Checked()
    checked.feed(text)
    assert checked.open == []
    assert "script" not in checked.tags
    assert all(address.startswith(("#", "data:image/png")) for address in checked.addresses)
    assert "url(http" not in text
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_report_tells_figures_failures_filters_methods_and_versions(folder, tmp_path):
    text = write_session_report(folder, tmp_path / "report.html").read_text()
    assert "A &amp; &lt;B&gt;" in text
    assert "no rings here" in text
    assert "fit_resolution &lt; 4" in text
    assert ">19<" in text  # images under 4 Å
    assert "300 kV" in text
    assert "1.2.3" in text
    assert text.count("<svg") >= 5
    found = re.search(r"Template of all jobs.*?<pre>(.*?)</pre>", text, re.DOTALL)
    assert found is not None
    template = json.loads(
        found[1].replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    )
    assert [job["type"] for job in template["jobs"]] == ["import", "motion", "ctf", "filter"]


def test_a_report_shows_the_2d_classes_of_each_run(tmp_path):
    with class_project.make_project(tmp_path / "p", counts=(20, 12, 0)) as project:
        text = write_session_report(project.folder, tmp_path / "report.html").read_text()
        assert write_session_report(project.folder, tmp_path / "report.pdf").stat().st_size > 10_000
    part = text[text.index("<h2>2D classes</h2>") :]
    assert "32 particles in 2 classes" in part
    assert [part.count(f"Class {number}: ") for number in (1, 2, 3)] == [2, 2, 0]


def test_a_report_is_pdf_by_its_name(folder, tmp_path):
    path = write_session_report(folder, tmp_path / "report.pdf")
    data = path.read_bytes()
    assert data.startswith(b"%PDF")
    assert data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") >= 3


def test_a_report_of_an_empty_project_says_so(tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    text = write_session_report(tmp_path / "p", tmp_path / "r.html").read_text()
    assert "no images yet" in text
    write_session_report(tmp_path / "p", tmp_path / "r.pdf")


def test_a_report_is_made_in_a_process_of_its_own(client_of, folder):
    client = client_of(folder)
    made = client.post("/api/projects/p/report", json={"format": "html"}).json()
    end = time.monotonic() + 60
    while (state := client.get(f"/api/projects/p/report/{made['id']}").json())["state"] == "running":
        assert time.monotonic() < end
        time.sleep(0.2)
    assert state["state"] == "done", state
    answer = client.get(f"/api/projects/p/report/{made['id']}/file?show=true")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.text.startswith("<!doctype html>")
    assert client.get("/api/projects/p/report/none").status_code == 404


def test_files_of_results_are_sent_and_nothing_else(client_of, folder):
    place = folder / "jobs" / "J2-motion" / "i1"
    place.mkdir(parents=True)
    (place / "sum.mrc").write_bytes(b"pixels")
    (place / ".vitreous.json").write_text("{}")
    (folder / "jobs" / "link.db").symlink_to(folder / "project.db")
    client = client_of(folder)
    answer = client.get("/api/projects/p/results/file", params={"path": "jobs/J2-motion/i1/sum.mrc"})
    assert answer.content == b"pixels"
    assert "attachment" in answer.headers["content-disposition"]
    for path in (
        "project.db", "jobs/../project.db", "/etc/passwd", "jobs/link.db", "jobs/J2-motion",
        "jobs/J2-motion/i1/.vitreous.json", "jobs/\0", "",
    ):  # fmt: skip
        assert client.get("/api/projects/p/results/file", params={"path": path}).status_code == 404, path


def test_lists_of_files_follow_a_condition(client_of, folder):
    client = client_of(folder)
    ask = {"slot": "micrograph", "where": "fit_resolution < 3.12"}
    text = client.get("/api/projects/p/results/paths", params=ask).text
    assert text.splitlines() == ["jobs/J2-motion/i1/sum.mrc", "jobs/J2-motion/i2/sum.mrc"]
    assert client.get("/api/projects/p/results/paths", params={"slot": "nothing"}).status_code == 400


def test_results_and_yield_of_a_filter(client_of, folder):
    client = client_of(folder)
    found = {entry["job"]: entry for entry in client.get("/api/projects/p/results").json()}
    assert found[2]["done"] == 40
    assert "fit_resolution" in [column["name"] for column in found[3]["columns"]]
    given = client.get("/api/projects/p/results/yield/4").json()
    assert (given["total_kept"], given["total"]) == (19, 40)
    assert (sum(given["kept"]), sum(given["all"])) == (19, 40)
    assert client.get("/api/projects/p/results/yield/3").status_code == 400
    assert client.get("/api/projects/p/results/yield/99").status_code == 404


def test_a_table_as_parquet_holds_the_chosen_columns(client_of, folder):
    import pyarrow.parquet as pq

    ask = {"columns": "name,fit_resolution", "where": "fit_resolution < 3.12"}
    answer = client_of(folder).get("/api/projects/p/results/table.parquet", params=ask)
    table = pq.read_table(io.BytesIO(answer.content)).to_pydict()
    assert table["name"] == ["image_0001", "image_0002"]


def test_the_methods_name_the_values_and_number_the_citations(client_of, folder):
    text = client_of(folder).get("/api/projects/p/methods").json()
    assert "pixel size of 1.1 Å" in text
    assert "[1]" in text
