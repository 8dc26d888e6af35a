"""Folders from which people choose one, and what the server's machine has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from vitreous.project.folders import inside, list_folder
from vitreous.project.machine_use import machine_use
from vitreous.web.guard import ServerOperator, Signed

router = APIRouter(tags=["server"])


class FolderLine(BaseModel):
    """A folder in the list."""

    name: str
    path: str
    project: bool


class Folder(BaseModel):
    """What is in a folder; see ``project.folders.FolderList``. ``roots`` are the folders below which one may choose."""

    path: str
    parent: str | None
    project: bool
    empty: bool
    writable: bool
    folders: list[FolderLine]
    files: int
    cut: bool
    roots: list[str]


class Memory(BaseModel):
    """Bytes; ``available`` is what programs could still get."""

    total: int
    available: int | None


class Gpu(BaseModel):
    """One GPU: memory in bytes, use as a fraction."""

    name: str
    memory: float
    used: float
    use: float | None


class Machine(BaseModel):
    """What the server's machine has; ``cpu`` is the part of its cores at work, ``load`` work that waits, per core."""

    host: str
    vitreous: str
    python: str
    processor: str
    cores: int
    load: float
    cpu: float | None
    memory: Memory
    gpus: list[Gpu]


def roots_of(request: Request) -> list[Path]:
    """Folders below which folders may be chosen: home, those given to the server, those around its projects."""
    given = [Path.home(), *request.app.state.roots, *(project.folder.parent for project in request.app.state.projects)]
    return list(dict.fromkeys(given))


def chosen_folder(request: Request, text: str) -> Path:
    """A folder that somebody has named, where that is allowed.

    Raises:
        UsageError: it lies elsewhere.
    """
    return inside(Path(text), roots_of(request))


@router.get("/api/folders", operation_id="list_folder")
def folders(
    request: Request,
    who: ServerOperator,
    path: Annotated[str | None, Query(description="a folder; the home folder unless given", max_length=4000)] = None,
) -> Folder:
    """The folders in a folder of the server's machine."""
    roots = roots_of(request)
    found = list_folder(roots[0] if path is None else Path(path.replace("\0", "")), roots)
    content: dict[str, Any] = {**vars(found), "folders": [vars(entry) for entry in found.folders]}
    return Folder(**content, roots=[str(root) for root in roots])


@router.get("/api/machine", operation_id="machine")
def machine(who: Signed) -> Machine:
    """What the server's machine has and how much of it is used."""
    return Machine(**machine_use())
