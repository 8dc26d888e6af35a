"""A server of this machine's own for looking at some files: no project, no users, one link."""

from __future__ import annotations

import getpass
import os
import threading
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI

from vitreous.core.errors import UsageError
from vitreous.formats.images import open_images
from vitreous.web.accounts import SingleUser, hosts_of
from vitreous.web.app import STATIC, create_app
from vitreous.web.engines import Engines
from vitreous.web.served import Projects
from vitreous.web.server import addresses, has_display, listen, run

HOST = "127.0.0.1"
PORT = 8742


def view_app(files: Sequence[Path], static: Path = STATIC) -> tuple[FastAPI, SingleUser]:
    """The application that shows these files by the page built in ``static``, and its one user."""
    accounts = SingleUser(getpass.getuser())
    app = create_app(Projects(), accounts, static, hosts=hosts_of(HOST, ()))
    app.state.files = tuple(files)
    return app, accounts


def view(files: Sequence[Path], port: int, browser: bool, say: Callable[[str], None]) -> None:
    """Show files in a browser until Ctrl-C.

    Args:
        files: images. A file that can't be read is shown with the reason, the others as they are.
        port: the next free one where it is taken; 0 for any.
        browser: open one, where there is a display.
        say: tells people a line.

    Raises:
        UsageError: a file is not there, or no port is free.
    """
    places = [Path(os.path.abspath(path.expanduser())) for path in files]
    for given, place in zip(files, places, strict=True):
        if not place.is_file():
            raise UsageError(f"there is no file {given}", hint="Check the path", path=str(given))
    app, accounts = view_app(places)
    warm_up(places[0])
    listener = listen(HOST, port)
    try:
        _, link = addresses(listener, HOST, accounts.new_link())
        link += f"&next={quote('/view?file=0', safe='')}"
        say(f"Open {link}")
        say("Ctrl-C ends the viewer.")
        if browser and has_display():
            threading.Timer(0.5, webbrowser.open, (link,)).start()
        run(app, Engines(), listener, say)
    finally:
        listener.close()


def warm_up(path: Path) -> None:
    """Load what reads and draws files of this kind while the browser still starts."""

    def load() -> None:
        import contextlib

        from vitreous.core.errors import VitreousError
        from vitreous.project.pictures import images  # noqa: F401 - loaded for what comes

        with contextlib.suppress(VitreousError), open_images(path):
            pass

    threading.Thread(target=load, daemon=True).start()
