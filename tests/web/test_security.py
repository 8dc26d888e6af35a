"""Every route asks who one is and what one may do; what comes from outside is refused where it is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from vitreous import Project
from vitreous.web import routes
from vitreous.web.accounts import SingleUser, hosts_of
from vitreous.web.accounts.passwords import Passwords
from vitreous.web.app import create_app
from vitreous.web.guard import CSRF_HEADER
from vitreous.web.served import Projects
from vitreous.web.shield import LARGEST, POLICY

WORDS = "seven cold grids"
CHEAP = Passwords(rounds=1, memory=64)
"""The cost of a hash is the same in all that is tested here, and small."""
PUBLIC = {("GET", "/open"), ("GET", "/api/sign-in"), ("POST", "/api/sign-in")}
"""What is answered without signing in, beside the files of the page."""
SELF = {"/api/sign-out", "/api/me", "/api/me/password", "/api/sessions", "/api/sessions/end", "/api/openapi.json"}


def all_routes() -> set[tuple[str, str]]:
    """Method and path of every route of every module, also of those that are not in the schema."""
    app = create_app(Projects(), SingleUser("runner", CHEAP))
    found = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    for entry in iter_modules(routes.__path__):
        for route in import_module(f"{routes.__name__}.{entry.name}").router.routes:
            if isinstance(route, APIRoute):
                found |= {(method, route.path) for method in route.methods}
    return found


ROUTES = sorted(all_routes() - PUBLIC)
OF_PROJECTS = [each for each in ROUTES if "{project}" in each[1]]
CHANGES = [each for each in ROUTES if each[0] not in ("GET", "HEAD")]
ENDLESS = ("GET", "/api/events")


def address(path: str, project: str = "p") -> str:
    """The path with something in place of its parameters."""
    return re.sub(r"\{[^}]*\}", "1", path.replace("{project}", project))


class Server:
    """A server with one project and somebody of each role, who are signed in."""

    def __init__(self, folder: Path) -> None:
        Project.create(folder / "p", "drift").close()
        static = folder / "static"
        (static / "assets").mkdir(parents=True)
        (static / "index.html").write_text("<!doctype html>the page")
        (static / "assets" / "a.js").write_text("//")
        (folder / "secret.txt").write_text("secret")
        self.accounts = SingleUser("runner", CHEAP)
        self.app = create_app(Projects([folder / "p"]), self.accounts, static)
        for name, role in (("ann", "viewer"), ("olaf", "operator"), ("olga", "owner"), ("nobody", None)):
            self.accounts.add_user(name, WORDS, role, by="t")
        self.accounts.add_user("guest", WORDS, None, by="t")
        self.accounts.grant("guest", folder / "p", "viewer", by="t")
        self._clients: dict[str, TestClient] = {}

    def client(self, name: str | None = None, csrf: bool = True) -> TestClient:
        """A client that is signed in, with or without the page's token."""
        client = TestClient(self.app, follow_redirects=False, raise_server_exceptions=False)
        if name is not None:
            number = self.accounts.user(name).id
            with self.accounts._changing() as rows:
                from vitreous.web.accounts import sessions

                cookie = sessions.open_session(rows, number, self.accounts._clock(), "testclient", "test")
            client.cookies.set("vitreous_session", cookie)
            if csrf:
                client.headers[CSRF_HEADER] = sessions.csrf_of(cookie)
        return client


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    return Server(tmp_path_factory.mktemp("server"))


def test_there_are_routes_to_be_tested():
    assert len(ROUTES) > 40
    assert ENDLESS in ROUTES


def test_without_signing_in_every_route_answers_401(server):
    client = server.client()
    wrong = []
    for method, path in ROUTES:
        answer = client.request(method, address(path))
        if answer.status_code != 401 or answer.json().keys() != {"code", "message", "hint", "context"}:
            wrong.append((method, path, answer.status_code))
    assert not wrong


def test_a_wrong_cookie_and_a_wrong_token_are_nobody(server):
    client = server.client()
    client.cookies.set("vitreous_session", "something")
    assert client.get("/api/me").status_code == 401
    for header in ("Bearer ", "Bearer vit_x", "bearer x y", "Bearer \xff"):
        answer = server.client().get("/api/me", headers={"Authorization": header.encode("latin-1")})
        assert answer.status_code == 401, header
    assert server.client().get("/api/me", headers={"Authorization": "Basic YTpi"}).status_code == 401


def test_a_user_without_right_does_not_learn_that_there_is_a_project(server):
    client = server.client("nobody")
    wrong = []
    for method, path in OF_PROJECTS:
        here = client.request(method, address(path))
        there = client.request(method, address(path, "q"))
        same = here.text.replace("'p'", "'q'") == there.text
        if (here.status_code, there.status_code) != (404, 404) or not same:
            wrong.append((method, path, here.status_code, there.status_code))
    assert not wrong
    assert client.get("/api/projects").json() == []


def test_viewers_can_not_change_a_project(server):
    wrong = []
    for name in ("ann", "guest"):
        client = server.client(name)
        for method, path in OF_PROJECTS:
            if method in ("GET", "HEAD"):
                continue
            status = client.request(method, address(path)).status_code
            # a question that is sent by POST may be asked by viewers; what changes a project must be refused
            if status != 403 and path not in QUESTIONS:
                wrong.append((name, method, path, status))
    assert not wrong


QUESTIONS = {
    f"/api/projects/{{project}}/{path}"
    for path in (
        "items/rows",
        "job-types/{name}/check",
        "jobs/{job}/picks/counts",
        "jobs/{job}/picks/histogram",
        "query",
        "report",
        "settings/effect",
        "templates/preview",
    )
}
"""What is asked by POST, so that a long question fits, and changes nothing: viewers may."""


def test_without_the_pages_token_every_change_is_refused(server):
    client = server.client("olga", csrf=False)
    wrong = []
    for method, path in CHANGES:
        answer = client.request(method, address(path))
        if answer.status_code != 403 or "CSRF" not in answer.text:
            wrong.append((method, path, answer.status_code))
    assert not wrong
    client.headers[CSRF_HEADER] = "0" * 32
    assert client.post("/api/sessions/end").status_code == 403


def test_a_viewers_token_of_an_owner_changes_nothing(server):
    number = server.accounts.user("olga").id
    token = server.accounts.new_token(number, "look", "viewer", folder=None, days=1, by="olga")
    client = server.client()
    client.headers["Authorization"] = f"Bearer {token}"
    assert client.get("/api/projects/p").status_code == 200
    assert client.get("/api/me").json()["role"] == "viewer"
    assert client.get("/api/users").status_code == 403
    wrong = []
    for method, path in CHANGES:
        status = client.request(method, address(path)).status_code
        if status != 403 and path not in QUESTIONS:
            wrong.append((method, path, status))
    assert not wrong


def test_a_token_of_one_project_opens_no_other(tmp_path):
    for name in ("p", "q"):
        Project.create(tmp_path / name, "drift").close()
    accounts = SingleUser("runner", CHEAP)
    client = TestClient(create_app(Projects([tmp_path / "p", tmp_path / "q"]), accounts))
    token = accounts.new_token(None, "one", "operator", folder=tmp_path / "q", days=1, by="t")
    client.headers["Authorization"] = f"Bearer {token}"
    assert client.get("/api/me").json()["rights"] == {"q": "operator"}
    assert client.get("/api/projects/p").status_code == 404
    assert client.get("/api/projects/q").status_code == 200
    change = "/api/projects/q/actions/change_settings"
    assert client.post(change, json={"values": {"voltage": 200.0}}).status_code == 200
    assert client.get("/api/users").status_code == 403


def test_tokens_make_no_tokens_and_change_no_passwords(server):
    number = server.accounts.user("olga").id
    token = server.accounts.new_token(number, "all", "owner", folder=None, days=1, by="olga")
    client = server.client()
    client.headers["Authorization"] = f"Bearer {token}"
    for path, body in (
        ("/api/tokens", {"name": "more"}),
        ("/api/me/password", {"present": WORDS, "new": "another five words"}),
        ("/api/sessions/end", None),
    ):
        assert client.post(path, json=body).status_code == 403, path


def test_operators_do_not_see_users_and_do_not_give_rights(server):
    client = server.client("olaf")
    assert client.get("/api/users").status_code == 403
    assert client.get("/api/server/log").status_code == 403
    assert client.post("/api/users", json={"name": "x", "password": WORDS, "role": "owner"}).status_code == 403
    assert client.put("/api/projects/p/rights/olaf", json={"role": "owner"}).status_code == 403


def test_rights_follow_the_folder_whatever_its_key_is(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for name in ("a/grid", "b/grid"):
        Project.create(tmp_path / name, "drift").close()
    accounts = SingleUser("runner", CHEAP)
    accounts.add_user("ann", WORDS, None, by="t")
    accounts.grant("ann", tmp_path / "b" / "grid", "viewer", by="t")
    cookie = accounts.sign_in("ann", WORDS)
    for order, key in (("ab", "grid-2"), ("ba", "grid")):
        app = create_app(Projects([tmp_path / one / "grid" for one in order]), accounts)
        client = TestClient(app, cookies={"vitreous_session": cookie})
        assert client.get("/api/me").json()["rights"] == {key: "viewer"}


# Signing in


def test_signing_in_out_and_in_again(server):
    client = server.client()
    answer = client.post("/api/sign-in", json={"name": "Olga", "password": WORDS})
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "Secure" not in cookie
    assert "Max-Age=2592000" in cookie
    client.headers[CSRF_HEADER] = answer.json()["csrf"]
    assert client.get("/api/users").status_code == 200
    before = client.cookies["vitreous_session"]
    assert client.post("/api/sign-out").status_code == 200
    client.cookies.set("vitreous_session", before)
    assert client.get("/api/me").status_code == 401


def test_a_new_sign_in_ends_what_the_browser_had_before(server):
    client = server.client("ann")
    before = client.cookies["vitreous_session"]
    answer = client.post("/api/sign-in", json={"name": "olga", "password": WORDS})
    assert answer.json()["name"] == "olga"
    assert server.accounts.of_session(before) is None


def test_wrong_names_and_wrong_passwords_get_the_same_answer(server):
    answers = [
        server.client().post("/api/sign-in", json={"name": name, "password": "not this one"})
        for name in ("olaf", "no such user")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}]
)
def test_pages_of_others_can_not_sign_anybody_in(server, headers):
    answer = server.client().post("/api/sign-in", json={"name": "olga", "password": WORDS}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_the_own_page_signs_in(server):
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://testserver"}):
        answer = server.client().post("/api/sign-in", json={"name": "olga", "password": WORDS}, headers=headers)
        assert answer.status_code == 200


def test_too_many_tries_are_answered_by_429_with_the_time_to_wait():
    accounts = SingleUser("runner", CHEAP)
    accounts.add_user("ann", WORDS, "viewer", by="t")
    client = TestClient(create_app(Projects(), accounts))
    wrong = {"name": "ann", "password": "not this one"}
    statuses = [client.post("/api/sign-in", json=wrong).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    answer = client.post("/api/sign-in", json={"name": "ann", "password": WORDS})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) == answer.json()["context"]["retry_after"] > 0
    kinds = [line["kind"] for line in accounts.log()]
    assert kinds.count("sign-in refused") == 5


def test_a_link_leads_to_a_page_of_this_server_only(server):
    for wanted, where in (
        ("/view?path=a", "/view?path=a"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
    ):
        link = server.accounts.new_link()
        answer = server.client().get("/open", params={"token": link, "next": wanted})
        assert answer.status_code == 303
        assert answer.headers["location"] == where
    assert server.client().get("/open", params={"token": link}).status_code == 403
    used = server.client().get("/open", params={"token": link}, headers={"Accept": "text/html"})
    assert used.headers["location"] == "/login?link=old"


def test_servers_behind_several_tunnels_do_not_sign_each_other_out(server):
    client = TestClient(server.app, base_url="http://localhost:8001", follow_redirects=False)
    client.get("/open", params={"token": server.accounts.new_link()})
    assert list(client.cookies) == ["vitreous_session_8001"]
    assert client.get("/api/me").status_code == 200


def test_nobody_takes_their_own_rights_away(server):
    client = server.client("olga")
    number = server.accounts.user("olga").id
    assert client.patch(f"/api/users/{number}", json={"role": "viewer"}).status_code == 400
    assert client.delete(f"/api/users/{number}").status_code == 400
    assert client.patch(f"/api/users/{number}", json={"password": "short"}).status_code == 400


def test_signing_out_everywhere_else_leaves_this_browser(server):
    here, there = server.client("ann"), server.client("ann")
    assert [one["current"] for one in here.get("/api/sessions").json()].count(True) == 1
    assert here.post("/api/sessions/end").json()["ended"] >= 1
    assert (here.get("/api/me").status_code, there.get("/api/me").status_code) == (200, 401)


# What every answer carries, and what is refused before any route


def test_every_answer_carries_the_headers_of_safety(server):
    owner = server.client("olga")
    answers = [owner.get(path) for path in ("/", "/assets/a.js", "/api/me", "/api/nothing", "/api/projects/x")]
    answers += [server.client().get("/api/me"), owner.post("/api/me"), owner.post("/api/sign-in", content=b"{")]
    for answer in answers:
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "permissions-policy" in answer.headers
        assert "strict-transport-security" not in answer.headers
    assert "script-src 'self';" in POLICY
    assert "frame-ancestors 'none'" in POLICY


def test_a_fault_of_ours_has_the_headers_and_the_shape_too(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    app = create_app(Projects(), SingleUser("runner", CHEAP))

    def broken() -> None:
        raise RuntimeError("a bug")

    app.router.routes.insert(0, APIRoute("/api/broken", broken))
    answer = TestClient(app, raise_server_exceptions=False).get("/api/broken")
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.json()["code"] == "internal"
    assert "report" in answer.json()["context"]


def test_behind_a_proxy_with_tls_cookies_are_secure(server):
    link = {"token": server.accounts.new_link()}
    near = TestClient(server.app, client=("127.0.0.1", 5), follow_redirects=False)
    answer = near.get(
        "/open", params=link, headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "8.8.8.8, 9.9.9.9"}
    )
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]
    assert server.accounts.log()[0]["address"] == "9.9.9.9"


def test_what_others_than_a_proxy_on_this_machine_say_is_not_believed(server):
    link = {"token": server.accounts.new_link()}
    far = TestClient(server.app, client=("10.0.0.5", 5), follow_redirects=False)
    answer = far.get("/open", params=link, headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "9.9.9.9"})
    assert "Secure" not in answer.headers["set-cookie"]
    assert server.accounts.log()[0]["address"] == "10.0.0.5"


@pytest.mark.parametrize("host", ["localhost:8642", "127.0.0.1", "[::1]:8642", "LOCALHOST", "lab7", "lab7:99"])
def test_a_server_on_loopback_answers_to_its_own_names(host):
    app = create_app(Projects(), SingleUser("runner", CHEAP), hosts=hosts_of("127.0.0.1", ["lab7"]))
    assert TestClient(app).get("/api/sign-in", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::2]"])
def test_a_server_on_loopback_answers_to_no_other_name(host):
    app = create_app(Projects(), SingleUser("runner", CHEAP), hosts=hosts_of("127.0.0.1"))
    answer = TestClient(app).get("/api/sign-in", headers={"Host": host})
    assert answer.status_code == 421
    assert "--host-name" in answer.json()["hint"]


def test_requests_that_are_too_large_are_refused(server):
    client = server.client("olga")
    body = b'"' + b"x" * LARGEST + b'"'

    def pieces() -> Iterator[bytes]:
        for _ in range(18):
            yield b"x" * 1_000_000

    for chunked in (False, True):
        for path in ("/api/sign-in", "/api/projects/p/actions/change_settings"):
            answer = client.post(
                path, content=pieces() if chunked else body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 413
            assert answer.json().keys() == {"code", "message", "hint", "context"}
    assert client.get("/api/me").status_code == 200


SNEAKS = (
    "../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "%2e%2e%2fsecret.txt", "assets/../../secret.txt",
    "assets/..%2f..%2fsecret.txt", "..%5csecret.txt", "%2fetc%2fpasswd", "/etc/passwd", "//etc/passwd", "%00",
    "assets/a.js%00", "a" * 5000, "..;/secret.txt", "%252e%252e/secret.txt", "~/.ssh/id_rsa", "file:///etc/passwd",
)  # fmt: skip


@pytest.mark.parametrize("path", SNEAKS)
def test_the_page_gives_no_file_from_outside_its_folder(server, path):
    answer = server.client().get(f"/{path}")
    assert answer.status_code in (200, 404)
    assert "secret" not in answer.text.replace("/secret.txt", "")
    assert "root:" not in answer.text


@pytest.mark.parametrize("sneak", ["../../secret.txt", "/etc/passwd", "..%2f..%2fsecret.txt", "a%00b", "x" * 3000])
def test_no_route_of_a_project_gives_a_file_from_outside(server, sneak):
    """Every part of a path, and every parameter that is named like a file, filled with what leads outside."""
    client = server.client("guest")
    for method, path in OF_PROJECTS:
        if method != "GET":
            continue
        parts = [sneak if part.startswith("{") and part != "{project}" else part for part in path.split("/")]
        target = "/".join(parts).replace("{project}", "p")
        names = ("path", "file", "folder", "name", "report", "picture", "download")
        answer = client.get(target, params=dict.fromkeys(names, sneak))
        assert answer.status_code < 500, (path, answer.text)
        assert b"root:" not in answer.content
        assert answer.content != b"secret"
