"""Requests reach the one writer once, in order, and come back as values or as the errors they were."""

from __future__ import annotations

import os
import threading
import time

import pytest

from vitreous.core.errors import DataError, ResourceError, UsageError, VitreousError
from vitreous.store import inbox
from vitreous.store.inbox import answer, error_of, send, take


class Writer:
    """A thread that answers requests, as the engine does."""

    def __init__(self, folder, reply):
        self.folder, self.reply, self.stop, self.taken = folder, reply, threading.Event(), []

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.stop.set()
        self.thread.join()

    def run(self):
        while not self.stop.wait(0.002):
            for request in take(self.folder):
                self.taken.append(request)
                try:
                    value = self.reply(request)
                except VitreousError as error:
                    answer(request, error)
                else:
                    answer(request, value)


def test_a_reply_comes_back_as_plain_values(tmp_path):
    with Writer(tmp_path, lambda request: {"got": request.arguments, "path": tmp_path}):
        reply = send(tmp_path, "flag", {"items": (1, 2), "path": tmp_path}, 5)
    assert reply == {"got": {"items": [1, 2], "path": str(tmp_path)}, "path": str(tmp_path)}
    assert list((tmp_path / inbox.FOLDER).iterdir()) == []


def test_an_error_comes_back_as_the_error_it_was(tmp_path):
    def refuse(request):
        raise UsageError("no group 'x'", hint="Did you mean y?", group="x")

    with Writer(tmp_path, refuse), pytest.raises(UsageError, match="no group 'x'") as error:
        send(tmp_path, "move", {}, 5)
    assert error.value.hint == "Did you mean y?"
    assert error.value.context == {"group": "x"}


def test_an_error_shape_of_any_kind_can_be_raised():
    assert type(error_of({"code": "data", "message": "m", "hint": "h", "context": {"hint": 1}})) is DataError
    assert type(error_of({"code": "new"})) is VitreousError


def test_requests_are_taken_once_and_in_order(tmp_path):
    threads = [threading.Thread(target=send, args=(tmp_path, str(n), {}, 10)) for n in range(5)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    requests = take(tmp_path)
    assert [request.action for request in requests] == ["0", "1", "2", "3", "4"]
    assert take(tmp_path) == []
    for request in requests:
        answer(request, None)
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def test_without_an_answer_the_request_is_withdrawn(tmp_path):
    with pytest.raises(ResourceError, match="nothing was done"):
        send(tmp_path, "pause", {}, 0.02)
    assert take(tmp_path) == []


def test_a_request_that_was_taken_up_is_told_so(tmp_path):
    found = []
    thread = threading.Thread(target=lambda: (time.sleep(0.05), found.extend(take(tmp_path))))
    thread.start()
    with pytest.raises(ResourceError, match="may still be carried out"):
        send(tmp_path, "pause", {}, 0.5)
    thread.join()
    answer(found[0], "late")
    reply = next((tmp_path / inbox.FOLDER).glob("*.reply.json"))
    assert take(tmp_path) == []
    assert reply.exists()
    os.utime(reply, (1, 1))
    take(tmp_path)
    assert not reply.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"action": 1, "arguments": {}}', '{"action": "a"}', "\xff"])
def test_a_broken_request_is_moved_aside_reported_and_answered(tmp_path, text):
    folder = tmp_path / inbox.FOLDER
    folder.mkdir()
    (folder / "1.json").write_bytes(text.encode("latin-1"))
    told = []
    assert take(tmp_path, lambda path, reason: told.append((path, reason))) == []
    assert told[0][0] == folder / "broken" / "1.json"
    assert told[0][0].exists()
    assert (folder / "1.reply.json").exists()


def test_what_a_dead_writer_had_taken_is_not_done_again(tmp_path):
    folder = tmp_path / inbox.FOLDER
    folder.mkdir()
    (folder / "1.999999999.taken").write_text('{"action": "add", "arguments": {}}')
    assert take(tmp_path) == []
    assert "ended before it answered" in (folder / "1.reply.json").read_text()
    assert not (folder / "1.999999999.taken").exists()


def test_an_inbox_that_can_not_be_written_is_explained(tmp_path):
    (tmp_path / inbox.FOLDER).write_text("a file in the way")
    with pytest.raises(ResourceError, match="can't be used"):
        send(tmp_path, "pause", {}, 0.1)
    with pytest.raises(ResourceError, match="can't be used"):
        take(tmp_path)
