"""The application: routes, the stream of events, and the page that uses them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.middleware.gzip import GZipMiddleware

from vitreous import __version__
from vitreous.web import faults, routes
from vitreous.web.engines import Engines
from vitreous.web.feed import Feed
from vitreous.web.guard import Accounts
from vitreous.web.served import Projects
from vitreous.web.shield import Shield

STATIC = Path(__file__).parent / "static"


def create_app(
    projects: Projects,
    accounts: Accounts,
    static: Path = STATIC,
    *,
    blur: bool = True,
    engines: Engines | None = None,
    roots: Iterable[Path] = (),
    hosts: Collection[str] | None = None,
) -> FastAPI:
    """The application for these projects: every module of ``vitreous.web.routes`` brings its ``router``.

    Args:
        projects: that it shows; more may be added while it runs.
        accounts: users, sessions and tokens.
        static: folder of the built page.
        hosts: names to which it answers (see ``accounts.hosts_of``); ``None``: to any.
        blur: whether people who may only look get images blurred.
        engines: that it looks after; they are ended with it.
        roots: folders, beside the home folder and those of the projects, in which folders may be chosen.
    """
    kept = engines or Engines()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.feed.start()
        yield
        await app.state.feed.stop()
        await asyncio.to_thread(kept.close)
        projects.close()

    app = FastAPI(
        title="Vitreous",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # routes/signing.py gives it to those who are signed in
        responses={"4XX": {"model": faults.Fault}, 422: {"model": faults.Fault}},
    )
    app.state.projects, app.state.accounts = projects, accounts
    app.state.feed = Feed(projects, kept.told)
    app.state.blur, app.state.engines, app.state.roots = blur, kept, tuple(roots)
    faults.install(app)
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=4)
    app.add_middleware(Shield, hosts=hosts)
    for module in sorted(entry.name for entry in iter_modules(routes.__path__)):
        app.include_router(import_module(f"{routes.__name__}.{module}").router)
    _serve_page(app, static)
    return app


def _serve_page(app: FastAPI, static: Path) -> None:
    """The built page: its files by name, and for every other address the page itself, which knows what to show."""

    @app.get("/{path:path}", include_in_schema=False)
    def page(path: str) -> FileResponse:
        if path.startswith("api/"):
            raise faults.Refused(f"there is no /{path}", hint="See /api/openapi.json", status=404)
        file = _file_of(static, path)
        if file is not None:
            kept = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
            return FileResponse(file, headers={"Cache-Control": kept})
        if not (static / "index.html").is_file():
            raise faults.Refused(
                "the page was not built", hint="Build it: make frontend, or install the package anew", status=404
            )
        return FileResponse(static / "index.html", headers={"Cache-Control": "no-cache"})


def _file_of(static: Path, path: str) -> Path | None:
    """A file of the built page by its address; ``None`` where there is none, or it lies outside."""
    try:
        file = (static / path).resolve()
        return file if path and file.is_relative_to(static.resolve()) and file.is_file() else None
    except (OSError, ValueError):  # a name that is too long, or has a NUL
        return None
