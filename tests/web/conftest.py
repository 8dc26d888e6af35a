"""What tests of the server share: an application for some projects, and a client that is signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from vitreous.web.accounts import SingleUser
from vitreous.web.app import create_app
from vitreous.web.guard import CSRF_HEADER
from vitreous.web.served import Projects

OpenClient = Callable[..., TestClient]


@pytest.fixture
def client_of() -> Iterator[OpenClient]:
    """``client_of(folder, …)``: a client of a server of these projects, signed in as their owner."""
    with ExitStack() as stack:

        def make(*folders: Path) -> TestClient:
            accounts = SingleUser("tester")
            app = create_app(Projects(folders), accounts)
            client = stack.enter_context(TestClient(app, follow_redirects=False))
            assert client.get("/open", params={"token": accounts.new_link()}).status_code == 303
            client.headers[CSRF_HEADER] = client.get("/api/me").json()["csrf"]
            return client

        yield make
