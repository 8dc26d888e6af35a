"""Users, sessions, tokens and links as they are kept."""

from __future__ import annotations

import stat
import threading

import pytest

from vitreous.core.errors import ResourceError, UsageError
from vitreous.web.accounts import Accounts, SingleUser, check_bind, hosts_of, is_loopback
from vitreous.web.accounts.limits import NAME, Limits, Rule, network_of
from vitreous.web.accounts.passwords import Passwords
from vitreous.web.accounts.sessions import DAY
from vitreous.web.refused import Refused

WORDS = "seven cold grids"
CHEAP = Passwords(rounds=1, memory=64)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1.7e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def accounts(tmp_path, clock):
    found = Accounts(tmp_path / "state" / "accounts.db", starter="runner", clock=clock, passwords=CHEAP)
    yield found
    found.close()


def later(accounts: Accounts, clock: Clock, seconds: float) -> None:
    clock.now += seconds
    accounts._remembered.clear()  # what was remembered a moment ago holds for real seconds


def test_only_the_owner_may_read_the_file(accounts, tmp_path):
    path = tmp_path / "state" / "accounts.db"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    Accounts(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_secret_is_in_the_file(accounts, tmp_path):
    accounts.add_user("Anna", WORDS, "viewer", by="t")
    link = accounts.new_link()
    cookie = accounts.sign_in("anna", WORDS)
    token = accounts.new_token(None, "nightly", "viewer", folder=None, days=1, by="t")
    content = b"".join(file.read_bytes() for file in (tmp_path / "state").iterdir())
    for secret in (WORDS, link, cookie, token):
        assert secret.encode() not in content
    assert b"$argon2id$" in content


def test_a_link_opens_one_session_within_ten_minutes(accounts, clock):
    link = accounts.new_link()
    known = accounts.of_session(accounts.redeem(link))
    assert (known.name, known.role, known.user) == ("runner", "owner", None)
    assert accounts.redeem(link) is None
    link = accounts.new_link()
    later(accounts, clock, 601)
    assert accounts.redeem(link) is None
    assert accounts.redeem("something") is None


def test_a_link_is_redeemed_once_however_many_try(accounts):
    link, found = accounts.new_link(), []
    threads = [threading.Thread(target=lambda: found.append(accounts.redeem(link))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(cookie is not None for cookie in found) == 1


def test_sessions_and_users_survive_a_restart(accounts, tmp_path, clock):
    accounts.add_user("Anna", WORDS, None, by="t")
    accounts.grant("anna", tmp_path / "p", "operator", by="t")
    cookie = accounts.sign_in("ANNA", WORDS)
    again = Accounts(tmp_path / "state" / "accounts.db", clock=clock, passwords=CHEAP)
    known = again.of_session(cookie)
    assert (known.name, known.role, known.rights) == ("Anna", None, {str(tmp_path / "p"): "operator"})
    again.close()


def test_a_session_ends_after_seven_days_without_use_and_after_thirty_in_all(accounts, clock):
    idle, used = accounts.redeem(accounts.new_link()), accounts.redeem(accounts.new_link())
    for _ in range(8):
        later(accounts, clock, DAY)
        accounts.of_session(used)
    assert accounts.of_session(idle) is None
    for _ in range(21):
        later(accounts, clock, DAY)
        assert accounts.of_session(used) is not None
    later(accounts, clock, DAY + 1)
    later(accounts, clock, DAY)
    assert accounts.of_session(used) is None


def test_a_change_by_another_process_holds_within_two_seconds(accounts, tmp_path, clock):
    user = accounts.add_user("Anna", WORDS, "owner", by="t")
    cookie = accounts.sign_in("Anna", WORDS)
    assert accounts.of_session(cookie) is not None
    other = Accounts(tmp_path / "state" / "accounts.db", clock=clock, passwords=CHEAP)
    other.remove_user(user.id, by="t")
    other.close()
    later(accounts, clock, 0)
    assert accounts.recall(cookie) is None
    assert accounts.of_session(cookie) is None


def test_disabling_signs_out_and_keeps_out(accounts):
    user = accounts.add_user("Anna", WORDS, "operator", by="t")
    cookie = accounts.sign_in("Anna", WORDS)
    token = accounts.new_token(user.id, "nightly", "operator", folder=None, days=None, by="Anna")
    assert accounts.of_token(token).role == "operator"
    accounts.change_user(user.id, {"disabled": True}, by="t")
    assert accounts.of_session(cookie) is None
    assert accounts.of_token(token) is None
    with pytest.raises(Refused, match="name or the password"):
        accounts.sign_in("Anna", WORDS)
    assert not accounts.has_users()


def test_a_new_password_ends_the_other_sessions(accounts):
    accounts.add_user("Anna", WORDS, "viewer", by="t")
    here, there = accounts.sign_in("Anna", WORDS), accounts.sign_in("Anna", WORDS)
    known = accounts.of_session(here)
    with pytest.raises(Refused, match="present password"):
        accounts.change_password(known, "not this one", "another five words")
    with pytest.raises(UsageError, match="9 characters"):
        accounts.change_password(known, WORDS, "too short")
    accounts.change_password(known, WORDS, "another five words")
    assert accounts.of_session(here) is not None
    assert accounts.of_session(there) is None
    accounts.sign_in("anna", "another five words")


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "password1234", "anna.miller1", "x" * 300])
def test_passwords_that_are_easily_guessed_are_refused(accounts, password):
    with pytest.raises(UsageError, match="password"):
        accounts.add_user("anna.miller", password, by="t")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 65, "<b>", "a\x00b"])
def test_names_have_no_strange_signs(accounts, name):
    with pytest.raises(UsageError, match="name"):
        accounts.add_user(name, WORDS, by="t")


def test_two_names_that_differ_by_case_only_are_one(accounts):
    accounts.add_user("Anna", WORDS, by="t")
    with pytest.raises(UsageError, match="already"):
        accounts.add_user("aNNA", WORDS, by="t")


def test_a_token_holds_until_its_day_and_is_limited(accounts, clock, tmp_path):
    user = accounts.add_user("Anna", WORDS, "owner", by="t")
    token = accounts.new_token(user.id, "one", "viewer", folder=tmp_path / "p", days=2, by="Anna")
    known = accounts.of_token(token)
    assert (known.cap, known.only, known.csrf) == ("viewer", str(tmp_path / "p"), None)
    assert accounts.of_session(token) is None
    with pytest.raises(UsageError, match="already"):
        accounts.new_token(user.id, "one", "viewer", folder=None, days=2, by="Anna")
    later(accounts, clock, 2 * DAY + 1)
    assert accounts.of_token(token) is None
    accounts.remove_token(user.id, accounts.tokens_of(user.id)[0].id, "Anna")
    assert accounts.tokens_of(user.id) == []


def test_nobody_ends_the_sessions_or_removes_the_tokens_of_others(accounts):
    anna = accounts.add_user("Anna", WORDS, by="t")
    accounts.sign_in("Anna", WORDS)
    accounts.new_token(anna.id, "one", "viewer", folder=None, days=None, by="Anna")
    with pytest.raises(UsageError, match="no session"):
        accounts.end_session(None, accounts.sessions_of(anna.id)[0].id)
    with pytest.raises(UsageError, match="no token"):
        accounts.remove_token(None, accounts.tokens_of(anna.id)[0].id, "runner")


def test_the_log_keeps_the_last_thousand_lines(accounts):
    with accounts._file.change() as rows:
        rows.executemany(
            "INSERT INTO log (time, kind, who, message) VALUES (?, 'k', 'w', 'm')", [(n,) for n in range(1500)]
        )
    accounts.redeem(accounts.new_link(), "10.0.0.7")
    lines = accounts.log()
    assert len(lines) == 1000
    assert (lines[0]["kind"], lines[0]["who"], lines[0]["address"]) == ("sign-in", "runner", "10.0.0.7")


def test_a_damaged_file_is_told_and_not_written_over(tmp_path):
    path = tmp_path / "accounts.db"
    path.write_bytes(b"this is no database, but a letter" * 100)
    before = path.read_bytes()
    with pytest.raises(ResourceError, match=r"accounts\.db"):
        Accounts(path)
    assert path.read_bytes() == before


def test_many_threads_may_ask_and_change_at_once(accounts):
    faults: list[BaseException] = []
    cookie = accounts.redeem(accounts.new_link())

    def work(number: int) -> None:
        try:
            for step in range(20):
                token = accounts.new_token(None, f"{number}-{step}", "viewer", folder=None, days=1, by="t")
                assert accounts.of_token(token) is not None
                assert accounts.of_session(cookie) is not None
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


# How often one may try


def test_failures_cost_ever_longer_waits_but_never_too_long_ones():
    clock = Clock()
    limits, rules = Limits(clock), {"name a": Rule(free=3, longest=60, forget=900)}
    waits = []
    for _ in range(12):
        try:
            limits.begin(rules)
        except Refused as refused:
            waits.append(refused.retry_after)
            clock.now += refused.retry_after
            limits.begin(rules)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    clock.now += 901
    for _ in range(3):
        limits.begin(rules)


def test_tries_during_the_wait_do_not_make_it_longer():
    clock = Clock()
    limits, rules = Limits(clock), {"name a": NAME}
    for _ in range(NAME.free):
        limits.begin(rules)
    for _ in range(1000):
        with pytest.raises(Refused):
            limits.begin(rules)
    clock.now += 1.01
    limits.begin(rules)


def test_the_memory_of_tries_is_bounded():
    limits = Limits(Clock(), most=100)
    for number in range(1000):
        limits.begin({f"name {number}": NAME})
    assert len(limits) == 100


def test_others_can_not_keep_a_person_out_of_the_place_where_they_are_signed_in(accounts):
    accounts.add_user("Anna", WORDS, by="t")
    accounts.sign_in("Anna", WORDS, "10.0.0.1")
    for number in range(NAME.free):
        with pytest.raises(Refused, match="name or the password"):
            accounts.sign_in("Anna", "wrong", f"10.9.0.{number}")
    with pytest.raises(Refused, match="too many"):
        accounts.sign_in("Anna", WORDS, "10.9.9.9")
    accounts.sign_in("Anna", WORDS, "10.0.0.1")


def test_an_attacker_with_a_whole_network_counts_as_one_address():
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1")
    assert network_of("2001:db8:0:1::1") != network_of("2001:db8::1")
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1")
    assert network_of(None) == "unknown"


def test_an_unknown_name_takes_as_long_as_a_wrong_password():
    import time

    accounts = SingleUser("runner")
    accounts.add_user("Anna", WORDS, by="t")

    def cpu(name: str) -> float:
        begin = time.thread_time()
        with pytest.raises(Refused):
            accounts.sign_in(name, "wrong password")
        return time.thread_time() - begin

    cpu("nobody")
    known, unknown = min(cpu("Anna") for _ in range(3)), min(cpu("nobody") for _ in range(3))
    assert unknown > 0.02
    assert 0.6 < unknown / known < 1.6


# Where the server listens


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "lab.example.org"])
def test_an_open_address_needs_users(host):
    accounts = SingleUser("me")
    with pytest.raises(UsageError, match="has no users"):
        check_bind(host, accounts)
    accounts.add_user("Anna", WORDS, "owner", by="me")
    assert "unencrypted" in check_bind(host, accounts)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.9"])
def test_loopback_needs_none(host):
    assert is_loopback(host)
    assert check_bind(host, SingleUser("me")) is None


def test_the_names_a_server_answers_to():
    assert hosts_of("127.0.0.1", ["Lab7"]) == {"localhost", "127.0.0.1", "::1", "lab7"}
    assert hosts_of("0.0.0.0") is None
    assert "lab7" in hosts_of("0.0.0.0", ["lab7"])


def test_the_file_lies_in_the_state_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    Accounts().close()
    assert (tmp_path / "vitreous" / "server" / "accounts.db").is_file()
