"""Whatever is sent to a route that its schema allows, or nearly so, is answered and never a fault of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from vitreous import Project
from vitreous.web.accounts import SingleUser
from vitreous.web.app import create_app
from vitreous.web.guard import CSRF_HEADER
from vitreous.web.openapi import openapi
from vitreous.web.served import Projects

ENDLESS = ("/api/events",)
BEYOND = ("/api/sign-in", "/api/sign-out", "/api/me/password", "/api/sessions", "/api/users")
"""What would sign the tester out or costs a tenth of a second each; tested elsewhere."""
EXAMPLES = 3

SCHEMA = schemathesis.openapi.from_dict(openapi())
OPERATIONS = [
    found.ok()
    for found in SCHEMA.get_all_operations()
    if found.ok().path not in ENDLESS and not found.ok().path.startswith(BEYOND)
]


class Server:
    """A server of a small project, on a folder of its own for those routes that write."""

    def __init__(self, folder: Path) -> None:
        with Project.create(folder / "p", "drift", {"pixel_size": 1.0, "voltage": 300.0}) as project:
            project.act("add_job", type="import", params={"sources": [str(folder / "camera")]})
            project.act("add_job", type="motion", inputs=["J1"])
        accounts = SingleUser("tester")
        app = create_app(Projects([folder / "p"]), accounts)
        self.client = TestClient(app, follow_redirects=False, raise_server_exceptions=False)
        self.client.get("/open", params={"token": accounts.new_link()})
        self.client.headers[CSRF_HEADER] = self.client.get("/api/me").json()["csrf"]

    def ask(self, case: schemathesis.Case) -> tuple[int, str]:
        """Status and text of the answer to one case."""
        if "project" in case.path_parameters:
            case.path_parameters["project"] = "p"
        for name in ("job", "item"):
            if isinstance(case.path_parameters.get(name), int):
                case.path_parameters[name] = case.path_parameters[name] % 3 or 10**30
        wanted = case.as_transport_kwargs(base_url="http://testserver")
        wanted.pop("cookies", None)
        headers = {k: v for k, v in (wanted.pop("headers", None) or {}).items() if v.isascii() and v.isprintable()}
        answer = self.client.request(**wanted, headers=headers)
        return answer.status_code, answer.text[:600]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schema")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("HOME", str(folder))
        yield Server(folder)


def test_the_schema_has_all_that_is_tested():
    assert len(OPERATIONS) > 40


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_no_answer_is_a_fault_of_ours(server, operation):
    faults: list[str] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy())
        status, text = server.ask(case)
        if status in (500, 501, 502):
            faults.append(f"{operation.method} {case.path_parameters} {case.query} {case.body!r}: {text}"[:900])

    run()
    assert not faults, faults[0]
