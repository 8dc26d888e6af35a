"""Who is told of alarms: addresses of services, in files that only their owner may read."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from vitreous.core.errors import DataError, UsageError
from vitreous.store.alarms import Severity

NAME = "receivers.json"
"""File in the project's folder; never part of a template."""
USER_NAME = "receivers.toml"
"""File of the user, for all of their projects: ``[[receivers]]`` with ``name``, ``url``, ``level``."""

SHOWN_HOSTS = frozenset({"mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms"})
"""Kinds of addresses whose host is no secret; of all others only the kind is shown."""

_ID = re.compile(r"[\w .@+-]{1,80}")


@dataclass(frozen=True)
class Receiver:
    """Somebody who is told.

    Attributes:
        name: unique, for people.
        url: of the service, as Apprise takes it; a secret.
        level: the least severity that is told.
        active: whether anything is told.
        origin: the project's file, or the user's for all projects.
    """

    name: str
    url: str
    level: Severity = "mild"
    active: bool = True
    origin: Literal["project", "user"] = "project"


def masked(url: str) -> str:
    """The address without what is secret in it."""
    kind, separator, _ = url.partition("://")
    if not separator:
        return "…"
    host = None
    with suppress(ValueError):
        host = urlsplit(url).hostname if kind.lower() in SHOWN_HOSTS else None
    return f"{kind}://…@{host}" if host and "@" in url else f"{kind}://{host}/…" if host else f"{kind}://…"


def read_receivers(folder: Path) -> list[Receiver]:
    """Who is told of a project's alarms: those of the project, then those of the user.

    Raises:
        DataError: a file can't be read.
    """
    return [*_of_project(folder), *_of_user()]


def receiver_records(folder: Path) -> list[dict[str, Any]]:
    """The same for people, addresses masked."""
    return [{**asdict(entry), "url": masked(entry.url)} for entry in read_receivers(folder)]


def write_receivers(folder: Path, given: Sequence[Mapping[str, Any]]) -> None:
    """Replace the project's receivers.

    Args:
        folder: of the project.
        given: ``name``, ``url`` (``None``: that of the receiver of this name, or of ``before``, stays), ``level``,
            ``active``, ``before`` (its name before).

    Raises:
        UsageError: a name is empty or there twice, or an address is missing or no address.
    """
    known = {entry.name: entry.url for entry in _of_project(folder)}
    found: dict[str, dict[str, Any]] = {}
    for entry in given:
        name = str(entry.get("name") or "").strip()
        if not _ID.fullmatch(name):
            raise UsageError(f"a receiver can't be called {name!r}", hint="Use letters, digits, spaces and .@+-")
        if name in found:
            raise UsageError(f"two receivers are called {name!r}", hint="Give each a name of its own")
        url = entry.get("url") or known.get(str(entry.get("before") or name))
        if not url or not re.match(r"[a-z][a-z0-9+.-]*://.", str(url), re.IGNORECASE):
            raise UsageError(
                f"receiver {name} has no address such as mailto://user:password@server or json://host/path",
                hint="See the documentation on alarms, and that of Apprise for all kinds",
            )
        level = entry.get("level") or "mild"
        if level not in ("mild", "severe"):
            raise UsageError(f"receiver {name}: level {level!r}", hint="Choose mild or severe")
        found[name] = {"name": name, "url": str(url), "level": level, "active": bool(entry.get("active", True))}
    _write(folder / NAME, json.dumps({"receivers": list(found.values())}, ensure_ascii=False, indent=2))


def _write(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.part")
    try:
        aside.unlink(missing_ok=True)
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(text)
        aside.replace(path)
    except OSError as error:
        hint = "Ask the owner of the project to do it, or free some space"
        raise UsageError(f"{path}: can't be written: {error.strerror}", hint=hint, path=str(path)) from error


def _of_project(folder: Path) -> list[Receiver]:
    path = folder / NAME
    text = _text(path)
    if text is None:
        return []
    with suppress(OSError):
        if path.stat().st_mode & 0o077:  # copied by hand, perhaps
            path.chmod(0o600)
    try:
        return [Receiver(**entry) for entry in json.loads(text)["receivers"]]
    except (ValueError, TypeError, KeyError) as error:
        raise _wrong(path) from error


def _of_user() -> list[Receiver]:
    base = os.environ.get("XDG_CONFIG_HOME")
    path = (Path(base) if base else Path.home() / ".config") / "vitreous" / USER_NAME
    text = _text(path)
    if text is None:
        return []
    try:
        return [Receiver(**{**entry, "origin": "user"}) for entry in tomllib.loads(text).get("receivers", [])]
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise _wrong(path) from error


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: can't be read", hint="Mend or remove the file", path=str(path)) from error


def _wrong(path: Path) -> DataError:
    # What is wrong may show a password; the file says it to its owner.
    return DataError(f"{path}: is no list of receivers", hint="Mend or remove the file", path=str(path))
