"""Alarms over HTTP: limits, rules, receivers whose addresses stay secret, the test message."""

from __future__ import annotations

import asyncio
import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from vitreous import Project
from vitreous.project.alarms.watch import AlarmWatch, Around
from vitreous.project.session import Session
from vitreous.project.template_export import export_template
from vitreous.store.database import open_database


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    Project.create(tmp_path / "p", "drift", title="Night").close()
    return tmp_path / "p"


def act(client, name, **body):
    return client.post(f"/api/projects/p/actions/{name}", json=body)


def raise_alarm(folder):
    with open_database(folder, write=True) as db:
        watch = AlarmWatch(Session(folder, db))
        watch.look(Around(conditions={"disk": "the disk is full"}))
        watch.close()


def test_limits_have_defaults_are_set_and_taken_back(client_of, folder):
    client = client_of(folder)
    table = client.get("/api/projects/p/alarms/limits").json()
    assert table["limits"] == table["defaults"]
    assert table["limits"]["defocus"] == {"mild_low": 2000, "mild_high": 70000, "severe_low": None, "severe_high": None}
    assert table["units"]["drift_total"] == "Å"
    given = {"drift_total": {"mild_high": 30, "severe_high": 60}, "score": {"mild_low": 0.1}}
    assert act(client, "set_limits", limits=given).status_code == 200
    table = client.get("/api/projects/p/alarms/limits").json()["limits"]
    assert table["drift_total"]["severe_high"] == 60
    assert table["score"]["mild_low"] == 0.1
    act(client, "set_limits", limits={"drift_total": None, "score": None})
    table = client.get("/api/projects/p/alarms/limits").json()
    assert table["limits"] == table["defaults"]
    with Project(folder) as project:
        told = [event.message for event in project.log() if event.kind == "alarm"]
    assert told[0].startswith("limits set: drift_total mild above 30 Å, severe above 60 Å (before: mild above 50 Å)")


@pytest.mark.parametrize(
    "wrong",
    [
        {"drift": {"mild_high": 1}},
        {"name": {"mild_high": 1}},
        {"drift_total": {"mild": 1}},
        {"drift_total": {"mild_high": 50, "severe_high": 20}},
    ],
)
def test_wrong_limits_are_refused_and_nothing_is_changed(client_of, folder, wrong):
    client = client_of(folder)
    answer = act(client, "set_limits", limits={"iciness": {"mild_high": 2}, **wrong})
    assert answer.status_code == 400
    assert answer.json()["hint"]
    table = client.get("/api/projects/p/alarms/limits").json()
    assert table["limits"] == table["defaults"]


def test_rules_are_set_and_checked(client_of, folder):
    client = client_of(folder)
    given = {"silence_minutes": None, "trends": {"iciness": False}, "quiet_from": "22:00", "quiet_to": "07:00"}
    assert act(client, "set_alarm_rules", rules=given).status_code == 200
    found = client.get("/api/projects/p/alarms/rules").json()
    assert found["rules"]["silence_minutes"] is None
    assert found["rules"]["trends"]["iciness"] is False
    assert found["rules"]["trends"]["drift_total"] is True
    assert found["defaults"]["silence_minutes"] == 15
    for wrong in (
        {"silence": 3},
        {"window": 5},
        {"mild_count": 90},
        {"quiet_from": "25:00"},
        {"quiet_to": None},
        {"trends": {"score": True}},
        {"disk_hours": "much"},
    ):
        assert act(client, "set_alarm_rules", rules=wrong).status_code == 400, wrong
    assert client.get("/api/projects/p/alarms/rules").json() == found


def test_alarms_are_listed_acknowledged_and_counted(client_of, folder):
    raise_alarm(folder)
    client = client_of(folder)
    (alarm,) = client.get("/api/projects/p/alarms").json()["open"]
    assert (alarm["kind"], alarm["severity"], alarm["sentence"]) == ("disk", "severe", "the disk is full")
    counts = client.get("/api/projects").json()[0]["brief"]["alarms"]
    assert counts == {"severe": 1, "mild": 0, "unacknowledged": 1}
    assert act(client, "acknowledge_alarm", alarm=alarm["id"], note="known").status_code == 200
    assert act(client, "snooze_alarm", alarm=alarm["id"], minutes=60).status_code == 200
    (alarm,) = client.get("/api/projects/p/alarms").json()["open"]
    assert (alarm["acknowledged_by"], alarm["note"], alarm["snoozed_by"]) == ("tester", "known", "tester")
    assert client.get("/api/projects").json()[0]["brief"]["alarms"]["unacknowledged"] == 0
    assert act(client, "acknowledge_alarm", alarm=99, note="").status_code == 404
    assert act(client, "snooze_alarm", alarm=alarm["id"], minutes=-1).status_code == 400


def test_addresses_of_receivers_are_secret(client_of, folder):
    client = client_of(folder)
    secret = "mailto://user:hush@127.0.0.1:1?to=a@b.org"
    given = [{"name": "anna", "url": secret}, {"name": "lab", "url": "slack://TokenA/TokenB/TokenC", "level": "severe"}]
    answer = client.put("/api/projects/p/alarms/receivers", json=given)
    assert [entry["url"] for entry in answer.json()] == ["mailto://…@127.0.0.1", "slack://…"]
    assert stat.S_IMODE((folder / "receivers.json").stat().st_mode) == 0o600
    renamed = [{"name": "anna k", "before": "anna", "level": "severe"}, {"name": "lab", "active": False}]
    assert client.put("/api/projects/p/alarms/receivers", json=renamed).status_code == 200
    assert json.loads((folder / "receivers.json").read_text())["receivers"][0]["url"] == secret
    for path in ("alarms/receivers", "alarms", "alarms/rules"):
        assert "hush" not in client.get(f"/api/projects/p/{path}").text
    with Project(folder) as project:
        project.add("import", sources=["/camera"])
    with Project(folder) as project, project.writing("test") as (session, _):
        assert "hush" not in json.dumps(export_template(session, None, with_settings=True, with_decisions=True))
        assert "hush" not in json.dumps([event.message for event in project.log()])
    for wrong in ([{"name": "x"}], [{"name": "", "url": secret}], [{"name": "x", "url": "nonsense"}], [renamed[1]] * 2):
        answer = client.put("/api/projects/p/alarms/receivers", json=wrong)
        assert answer.status_code == 400
        assert "hush" not in answer.text


def test_a_test_message_goes_by_mail_and_its_failure_is_told(client_of, folder):
    client = client_of(folder)
    assert client.post("/api/projects/p/alarms/test", json={}).status_code == 400
    with smtp_server() as (port, mails):
        given = [
            {"name": "mail", "url": f"mailto://127.0.0.1:{port}?from=vitreous@lab.org&to=anna@lab.org"},
            {"name": "dead", "url": "json://user:hush@127.0.0.1:1/x"},
        ]
        assert client.put("/api/projects/p/alarms/receivers", json=given).status_code == 200
        found = client.post("/api/projects/p/alarms/test", json={}).json()
    assert [entry["ok"] for entry in found] == [True, False]
    assert "hush" not in found[1]["message"]
    assert "Subject: Night: test of alarms" in mails[0]
    assert client.post("/api/projects/p/alarms/test", json={"receiver": "nobody"}).status_code == 400


@contextmanager
def smtp_server() -> Iterator[tuple[int, list[str]]]:
    """A server that takes every mail, on loopback."""
    mails: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 loopback\r\n")
        while line := (await reader.readline()).decode().strip():
            word = line.split()[0].upper()
            if word == "DATA":
                writer.write(b"354 go on\r\n")
                mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            writer.write(b"221 bye\r\n" if word == "QUIT" else b"250 fine\r\n")
            if word == "QUIT":
                break
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], mails
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
