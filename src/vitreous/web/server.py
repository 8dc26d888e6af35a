"""The server as a process: it listens, looks after engines, and ends with all that it has started."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from vitreous.core.errors import UsageError, VitreousError
from vitreous.project import recent
from vitreous.project.faults import state_folder
from vitreous.store.database import open_database, read_meta
from vitreous.web.engine_process import EngineOptions, engine_left_behind
from vitreous.web.engines import Engines
from vitreous.web.served import Projects

PORT = 8642
TRIED_PORTS = 100
"""Ports that are tried when the first one is taken."""
MOST_RECENT = 20
"""Projects that are served where none is named."""
LOG = "serve.log"

Say = Callable[[str], None]


@dataclass(frozen=True)
class ServeOptions:
    """How to serve.

    Attributes:
        projects: folders; the recent ones where none is given.
        host: address to listen at.
        port: the next free one where it is taken; 0 for any.
        names: further host names that the server answers to.
        roots: folders below which folders may be chosen, beside the home folder and those of the projects.
        browser: open one, where there is a display.
        engines: start one for each project that is named and that nobody runs.
        engine: how engines run.
        sharp: people who may only look see images as they are.
    """

    projects: tuple[Path, ...] = ()
    host: str = "127.0.0.1"
    port: int = PORT
    names: tuple[str, ...] = ()
    roots: tuple[Path, ...] = ()
    browser: bool = True
    engines: bool = True
    engine: EngineOptions = field(default_factory=EngineOptions)
    sharp: bool = False


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to ``serve`` and ends the streams before it waits for connections."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app: Any = self.config.app
        app.state.feed.end_streams()
        await super().shutdown(sockets)


def serve(options: ServeOptions, say: Say) -> None:
    """Serve projects until Ctrl-C or a termination signal; engines are ended too, and waited for.

    Args:
        options: what and how.
        say: tells people a line.

    Raises:
        UsageError: a project is not there, the port is not allowed, or others could come in without users.
    """
    log = open_log()
    accounts = open_accounts()
    note = check_bind(options.host, accounts)
    projects, named = open_projects(options.projects, say)
    listener = listen(options.host, options.port)
    try:
        engines = Engines(options.engine, log.info)
        app = make_app(options, projects, accounts, engines)
        url, link = addresses(listener, options.host, new_link(accounts))
        tell(options, projects, url, link, note, say)
        start_engines(engines, projects, named if options.engines else [], say)
        if options.browser and has_display():
            threading.Timer(0.5, webbrowser.open, (link,)).start()
        run(app, engines, listener, say)
    finally:
        listener.close()
    log.info("the server has ended")


def open_log() -> logging.Logger:
    """The server's log, a file in the state folder."""
    folder = state_folder() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(folder / LOG, maxBytes=2_000_000, backupCount=2)
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    for name in ("uvicorn", "vitreous.serve"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return logging.getLogger("vitreous.serve")


def open_accounts() -> Any:
    """Users, sessions and tokens of this person's servers."""
    from vitreous.web.accounts import Accounts

    return Accounts()


def check_bind(host: str, accounts: Any) -> str | None:
    """What people should know of listening at an address.

    Raises:
        UsageError: others could reach it, and there are no users.
    """
    from vitreous.web.accounts import check_bind as check

    return check(host, accounts)


def new_link(accounts: Any) -> str:
    """A token that opens one session."""
    return str(accounts.new_link())


def make_app(options: ServeOptions, projects: Projects, accounts: Any, engines: Engines) -> FastAPI:
    """The application."""
    from vitreous.web.accounts import hosts_of
    from vitreous.web.app import create_app

    return create_app(
        projects,
        accounts,
        blur=not options.sharp,
        engines=engines,
        roots=options.roots,
        hosts=hosts_of(options.host, options.names),
    )


def open_projects(folders: tuple[Path, ...], say: Say) -> tuple[Projects, list[str]]:
    """The projects to serve, and the keys of those that were named.

    Raises:
        UsageError: a folder that was named is no project.
    """
    projects, named = Projects(), []
    for folder in folders:
        place = Path(os.path.normpath(folder.expanduser().absolute()))
        project = projects.add(place, recent.key_of(place))
        named.append(project.key)
        with open_database(place, write=False) as db:
            meta = read_meta(db)
        recent.remember(place, project.key, meta.get("title") or place.name, meta.get("mode", ""))
    if not folders:
        for entry in [one for one in recent.recent_projects() if one.there][:MOST_RECENT]:
            try:
                projects.add(Path(entry.folder), entry.key)
            except VitreousError as error:
                say(f"{entry.folder} is left out: {error}")
    return projects, named


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at the port, or at the next free one.

    Raises:
        UsageError: there is none, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UsageError(
            f"{host} is no address: {error.strerror}", hint="Give --host 127.0.0.1, or an address of this machine"
        ) from error
    tried = [0] if port == 0 else range(port, min(port + TRIED_PORTS, 65536))
    reason: OSError | None = None
    for number in tried:
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((address[0], number, *address[2:]))
            found.listen(2048)
            return found
        except OSError as error:
            found.close()
            reason = error
    raise UsageError(
        f"the server can't listen at {host}, port {port}: {reason.strerror if reason else 'none is free'}",
        hint="Choose another --port or --host",
    )


def addresses(listener: socket.socket, host: str, token: str) -> tuple[str, str]:
    """The server's address, and the link that signs in once."""
    port = listener.getsockname()[1]
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname(), "": socket.gethostname()}.get(host, host)
    url = f"http://{f'[{name}]' if ':' in name else name}:{port}"
    return url, f"{url}/open?token={token}"


def tell(options: ServeOptions, projects: Projects, url: str, link: str, note: str | None, say: Say) -> None:
    """What people need to know to come in."""
    names = [project.key for project in projects]
    say(f"Vitreous serves {', '.join(names) if names else 'no project yet; make or open one in the page'}.")
    say(f"Open {link}")
    say("  (signs in one browser; others: make users with vitreous users add)")
    if _is_local(options.host):
        port = url.rpartition(":")[2]
        say(
            f"From another machine: ssh -L {port}:127.0.0.1:{port} {socket.gethostname()}, then the same address there."
        )
    if note:
        say(note)
    say("Ctrl-C ends the server, and its engines after what is under way.")


def _is_local(host: str) -> bool:
    return host in ("127.0.0.1", "localhost", "::1")


def start_engines(engines: Engines, projects: Projects, named: list[str], say: Say) -> None:
    """Start an engine for each project that was named and that nobody runs; of the others, say who does.

    Engines that a server has left behind which is gone are taken over in any case: somebody must end them.
    """
    for project in projects:
        if project.key not in named and engine_left_behind(project.folder) is None:
            continue
        try:
            engines.start(project)
        except VitreousError as error:
            say(f"{project.key}: no engine was started: {error}. {error.hint}")


def has_display() -> bool:
    """Whether a browser could be shown."""
    if os.environ.get("SSH_CONNECTION") and not os.environ.get("DISPLAY"):
        return False
    if os.uname().sysname == "Darwin":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run(app: FastAPI, engines: Engines, listener: socket.socket, say: Say) -> None:
    """Run the application until a signal comes: the first ends engines after what is under way, the second at once."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
        # A proxy is believed only where it runs on this machine.
        forwarded_allow_ips="127.0.0.1",
    )
    server = _Server(config)
    with ended_by_signals(server, engines, say):
        server.run(sockets=[listener])


@contextlib.contextmanager
def ended_by_signals(server: uvicorn.Server, engines: Engines, say: Say) -> Iterator[None]:
    """Let Ctrl-C and a termination signal end server and engines; the second time, engines at once."""
    count = 0

    def end(number: int, frame: Any) -> None:
        nonlocal count
        count += 1
        server.should_exit = True
        # In a thread: the handler may have interrupted whoever holds the lock that is needed.
        threading.Thread(target=engines.begin_end, kwargs={"now": count > 1}, daemon=True).start()
        alive = engines.alive
        if count == 1 and alive:
            say(f"Ending {', '.join(alive)} after what is under way; once more to end at once.")

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        engines.close()
        for number, handler in before.items():
            signal.signal(number, handler)
