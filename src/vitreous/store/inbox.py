"""How other processes ask the one that writes to a project to do something: small files, renamed into its inbox."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitreous.core.errors import (
    Cancelled,
    ComputeError,
    DataError,
    ResourceError,
    UsageError,
    VitreousError,
)
from vitreous.core.plain import plain, to_json

FOLDER = "inbox"
BROKEN = "broken"
"""Folder in the inbox to which files are moved that are no requests."""

REPLY_KEPT = 600.0
"""s after which a reply that nobody has fetched is deleted."""

_REQUEST, _TAKEN, _REPLY = ".json", ".taken", ".reply.json"
_KINDS = (UsageError, DataError, ComputeError, ResourceError, Cancelled)


@dataclass(frozen=True)
class Request:
    """What another process asks for.

    Attributes:
        path: of the file that is kept until the answer is there.
        action: what to do.
        arguments: JSON values by name.
        name: of the request; the reply is found by it.
    """

    path: Path
    action: str
    arguments: Mapping[str, Any]
    name: str


def send(folder: Path, action: str, arguments: Mapping[str, Any], timeout: float) -> Any:
    """Ask the process that holds the project to do something, and wait for its reply.

    Args:
        folder: of the project.
        action: what to do; ``arguments`` are JSON-able.
        timeout: s to wait.

    Returns:
        The reply: what ``answer`` was given, as JSON values.

    Raises:
        VitreousError: the error that the other process answered with, of the same kind.
        ResourceError: no answer in time; the message says whether the request was taken up.
    """
    inbox = folder / FOLDER
    name = f"{time.time_ns():020d}-{uuid.uuid4().hex}"
    request = inbox / f"{name}{_REQUEST}"
    try:
        _write(request, {"action": action, "arguments": plain(arguments)})
        reply = _wait(inbox, f"{name}{_REPLY}", timeout)
    except OSError as error:
        raise _unwritable(inbox, error) from error
    if reply is None:
        raise _no_answer(request, action, timeout)
    if "error" in reply:
        raise error_of(reply["error"])
    return reply["value"]


def take(folder: Path, on_broken: Callable[[Path, str], None] | None = None) -> list[Request]:
    """The requests that have come, in the order of their sending; each is given out once.

    What another process had taken and not answered, because it died, is answered with an error: it may be half done,
    and must not be done twice unasked. Files that are no requests are moved to ``inbox/broken``.

    Args:
        folder: of the project.
        on_broken: called for each such file with its new path and the reason.

    Raises:
        ResourceError: the inbox can't be read or written.
    """
    inbox = folder / FOLDER
    found = []
    try:
        for name in _names(inbox):
            path = inbox / name
            if name.endswith(_TAKEN):
                _answer_for_dead(path)
            elif name.endswith(_REPLY) or name.startswith("."):
                _clean(path)
            elif name.endswith(_REQUEST):
                request = _take_one(path, on_broken)
                if request is not None:
                    found.append(request)
    except OSError as error:
        raise _unwritable(inbox, error) from error
    return found


def answer(request: Request, value: Any) -> None:
    """Reply to a request with a JSON-able value, or with a ``VitreousError`` that the sender will raise.

    Raises:
        ResourceError: the reply can't be written.
    """
    reply = {"error": value.to_dict()} if isinstance(value, VitreousError) else {"value": plain(value)}
    try:
        _write(request.path.with_name(f"{request.name}{_REPLY}"), reply)
        request.path.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(request.path.parent, error) from error


def error_of(shape: Mapping[str, Any]) -> VitreousError:
    """The error behind its JSON shape ``{code, message, hint, context}``, of the kind that it was."""
    kinds: dict[str, type[VitreousError]] = {kind.code: kind for kind in _KINDS}
    kind = kinds.get(str(shape.get("code")), VitreousError)
    context = {str(name): value for name, value in dict(shape.get("context") or {}).items()}
    for reserved in ("message", "hint", "self"):
        context.pop(reserved, None)
    return kind(str(shape.get("message", "unknown fault")), hint=str(shape.get("hint", "")), **context)


def _take_one(path: Path, on_broken: Callable[[Path, str], None] | None) -> Request | None:
    name = path.name.removesuffix(_REQUEST)
    taken = path.with_name(f"{name}.{os.getpid()}{_TAKEN}")
    try:
        os.rename(path, taken)
    except FileNotFoundError:  # its sender has withdrawn it
        return None
    try:
        content = json.loads(taken.read_bytes())
        action, arguments = content["action"], content["arguments"]
        if not isinstance(action, str) or not isinstance(arguments, dict):
            raise TypeError("action must be text, arguments a table")
    except (ValueError, KeyError, TypeError) as error:
        aside = path.parent / BROKEN / path.name
        aside.parent.mkdir(exist_ok=True)
        os.rename(taken, aside)
        reason = f"not a request: {type(error).__name__} {error}"
        fault = DataError(f"{aside}: {reason}", hint="Send requests with this version of Vitreous", path=str(aside))
        _write(path.with_name(f"{name}{_REPLY}"), {"error": fault.to_dict()})
        if on_broken is not None:
            on_broken(aside, reason)
        return None
    return Request(taken, action, arguments, name)


def _answer_for_dead(path: Path) -> None:
    name, _, pid = path.name.removesuffix(_TAKEN).rpartition(".")
    if pid == str(os.getpid()):
        return
    fault = ResourceError(
        "the process that was carrying out the request ended before it answered",
        hint="Look whether it was done; if not, ask again",
    )
    _write(path.with_name(f"{name}{_REPLY}"), {"error": fault.to_dict()})
    path.unlink(missing_ok=True)


def _clean(path: Path) -> None:
    with suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime > REPLY_KEPT:
            path.unlink()


def _wait(inbox: Path, name: str, timeout: float) -> dict[str, Any] | None:
    deadline, pause = time.monotonic() + timeout, 0.005
    while True:
        # Reading the folder, unlike looking for one name, makes a network file system ask its server.
        if name in _names(inbox):
            path = inbox / name
            content: dict[str, Any] = json.loads(path.read_bytes())
            path.unlink(missing_ok=True)
            return content
        if time.monotonic() >= deadline:
            return None
        time.sleep(pause)
        pause = min(0.1, 1.5 * pause)


def _no_answer(request: Path, action: str, timeout: float) -> ResourceError:
    try:
        request.unlink()
    except OSError:
        return ResourceError(
            f"{action}: no answer in {timeout:g} s; the request was taken up, and may still be carried out",
            hint="Look whether it was done before you ask again",
            action=action,
        )
    return ResourceError(
        f"{action}: no answer in {timeout:g} s; the request was withdrawn, nothing was done",
        hint="See with vitreous info whether the process that holds the project still runs",
        action=action,
    )


def _names(inbox: Path) -> list[str]:
    try:
        return sorted(os.listdir(inbox))
    except FileNotFoundError:
        return []


def _write(path: Path, content: Any) -> None:
    """Write a file that appears whole."""
    path.parent.mkdir(exist_ok=True)
    aside = path.with_name(f".{path.name}.tmp")
    aside.write_text(to_json(content, indent=None), encoding="utf-8")
    os.replace(aside, path)


def _unwritable(inbox: Path, error: OSError) -> ResourceError:
    return ResourceError(
        f"{inbox}: can't be used ({error.strerror or error})",
        hint="Check that you may write to the project folder, and that the disk is not full",
        path=str(inbox),
    )
