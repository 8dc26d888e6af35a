"""The commands about users, and that a running server follows them."""

from __future__ import annotations

import io
import json

import pytest

from vitreous import Project
from vitreous.cli.main import main
from vitreous.web.accounts import Accounts


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_user_is_added_given_a_project_and_removed(run, tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    assert run("users", "add", "Anna", "--role", "none", typed="seven cold grids\n")[0] == 0
    assert run("users", "grant", "anna", str(tmp_path / "p"), "operator")[0] == 0
    line = json.loads(run("users", "list", "--json")[1])[0]
    assert (line["name"], line["role"], line["rights"]) == ("Anna", None, {str(tmp_path / "p"): "operator"})
    accounts = Accounts()
    cookie = accounts.sign_in("anna", "seven cold grids")
    assert run("users", "revoke", "anna", str(tmp_path / "p"))[0] == 0
    assert accounts.of_session(cookie).rights == {}
    assert run("users", "password", "anna", "--generate")[0] == 0
    assert accounts.of_session(cookie) is None
    assert run("users", "remove", "anna")[0] == 0
    assert json.loads(run("users", "list", "--json")[1]) == []
    assert "user removed" in run("users", "log")[1]
    accounts.close()


def test_a_link_and_a_token_of_the_command_open_the_server(run):
    accounts = Accounts()
    address = run("users", "link", "--server", "http://localhost:9/")[1].strip()
    assert address.startswith("http://localhost:9/open?token=")
    assert accounts.redeem(address.partition("token=")[2]) is not None
    secret = run("users", "token", "nightly", "--days", "1")[1].strip()
    assert accounts.of_token(secret).cap == "viewer"
    assert run("users", "token", "nightly", "--remove")[0] == 0
    assert accounts.of_token(secret) is None
    accounts.close()


@pytest.mark.parametrize(
    "words",
    [
        ("users", "add", "Anna", "--role", "king"),
        ("users", "add", "Anna"),
        ("users", "remove", "nobody"),
        ("users", "grant", "nobody", "/"),
        ("users", "token", "x", "--remove"),
    ],
)
def test_what_can_not_be_done_is_told_in_a_line(run, words):
    code, out, error = run(*words, typed="short\n")
    assert code == 2
    assert out == ""
    assert error.startswith("error: ")
