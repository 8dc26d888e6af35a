"""The application: routes, the stream of events, and the page that uses them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.middleware.gzip import GZipMiddleware

from vitreous import __version__
from vitreous.web import faults
from vitreous.web.feed import Feed
from vitreous.web.guard import Accounts
from vitreous.web.routes.actions import action_routes
from vitreous.web.served import Projects

STATIC = Path(__file__).parent / "static"
ROUTES = ("events", "projects", "signing")
"""Modules of ``vitreous.web.routes`` whose ``router`` is part of the application."""


def create_app(projects: Projects, accounts: Accounts) -> FastAPI:
    """The application for these projects.

    Args:
        projects: that it shows; more may be added while it runs.
        accounts: users, sessions and tokens.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.feed.start()
        yield
        await app.state.feed.stop()
        projects.close()

    app = FastAPI(
        title="Vitreous",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.projects, app.state.accounts, app.state.feed = projects, accounts, Feed(projects)
    faults.install(app)
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=4)
    for name in ROUTES:
        app.include_router(import_module(f"vitreous.web.routes.{name}").router)
    app.include_router(action_routes())
    _serve_page(app)
    return app


def _serve_page(app: FastAPI) -> None:
    """The built page: its files by name, and for every other address the page itself, which knows what to show."""

    @app.get("/{path:path}", include_in_schema=False)
    def page(path: str) -> FileResponse:
        if path.startswith("api/"):
            raise faults.Refused(f"there is no /{path}", hint="See /api/openapi.json", status=404)
        file = (STATIC / path).resolve()
        if path and file.is_file() and file.is_relative_to(STATIC.resolve()):
            kept = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
            return FileResponse(file, headers={"Cache-Control": kept})
        if not (STATIC / "index.html").is_file():
            raise faults.Refused(
                "the page was not built", hint="Build it: make frontend, or install the package anew", status=404
            )
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})
