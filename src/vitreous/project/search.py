"""Finding things of a project by a few letters: jobs, images, settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from vitreous.model.acquisition import Acquisition
from vitreous.project.session import Session
from vitreous.project.settings import OTHER_SETTINGS

LIMIT = 8
"""Finds of each kind."""


@dataclass(frozen=True)
class FoundJob:
    """A job; its number, job type and title."""

    id: int
    type: str
    title: str


@dataclass(frozen=True)
class FoundImage:
    """An image; its number, name and group."""

    id: int
    name: str
    group: str


@dataclass(frozen=True)
class FoundSetting:
    """A setting with its value (``None``: not set) and what it means."""

    name: str
    value: Any
    meaning: str


@dataclass(frozen=True)
class Found:
    """What fits; ``more_images`` tells that there are more."""

    jobs: list[FoundJob]
    images: list[FoundImage]
    settings: list[FoundSetting]
    more_images: bool


def search(session: Session, text: str, limit: int = LIMIT) -> Found:
    """Jobs by number, title or type, images by a part of their name or ``#12``, settings by name or meaning."""
    words = text.strip()
    if not words:
        return Found([], [], [], False)
    images = _images(session, words, limit + 1)
    return Found(_jobs(session, words, limit), images[:limit], _settings(session, words, limit), len(images) > limit)


def _jobs(session: Session, words: str, limit: int) -> list[FoundJob]:
    number = re.fullmatch(r"[Jj]?(\d+)", words)
    jobs = session.graph().jobs.values()
    exact = [job for job in jobs if number and job.id == int(number[1])]
    like = [job for job in jobs if _fits(words, f"{job.title} {job.type}") and job not in exact]
    return [FoundJob(job.id, job.type, job.title) for job in [*exact, *like][:limit]]


def _images(session: Session, words: str, limit: int) -> list[FoundImage]:
    """The names are read from their index alone, which takes some ms for 100,000 of them."""
    numbered = re.fullmatch(r"#(\d+)", words)
    if numbered:
        where, value = "e.id = ?", numbered[1]
    else:
        escaped = words.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        where, value = "e.name LIKE ? ESCAPE '\\'", f"%{escaped}%"
    rows = session.db.connection.execute(
        f"""SELECT f.id, f.name, g.name FROM (SELECT id, name FROM exposure e WHERE {where} LIMIT ?) f
        JOIN exposure x ON x.id = f.id JOIN item_group g ON g.id = x.group_id ORDER BY f.name""",
        (value, limit),
    )
    return [FoundImage(*row) for row in rows]


def _settings(session: Session, words: str, limit: int) -> list[FoundSetting]:
    meanings = {name: field.description or "" for name, field in Acquisition.model_fields.items()} | OTHER_SETTINGS
    values = session.settings()
    found = [
        FoundSetting(name, values.get(name), meaning)
        for name, meaning in meanings.items()
        if _fits(words, f"{name.replace('_', ' ')} {name} {meaning}")
    ]
    return found[:limit]


def _fits(words: str, text: str) -> bool:
    lower = text.lower()
    return all(word in lower for word in words.lower().split())
