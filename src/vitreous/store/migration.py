"""Numbered changes of the catalogue's tables: ``migrations/NNNN.sql``, each applied whole or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from functools import lru_cache
from importlib.resources import files

APPLICATION_ID = 0x56697472
"""Mark of Vitreous in the header of the file: "Vitr"."""


@lru_cache(maxsize=1)
def latest_version() -> int:
    """Version of the catalogue that this program writes."""
    return max(migrations())


def migrations() -> dict[int, str]:
    """SQL text of each migration, by number, in order."""
    folder = files("vitreous.store") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return {int(name.removesuffix(".sql")): (folder / name).read_text(encoding="utf-8") for name in names}


def version_of(connection: sqlite3.Connection) -> int:
    """Version of an open catalogue; 0 is empty."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Apply the migrations that the catalogue has not had, each with its number in one transaction."""
    for number, text in migrations().items():
        if number <= version_of(connection):
            continue
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{text}\nPRAGMA application_id = {APPLICATION_ID};\n"
                f"PRAGMA user_version = {number};\nCOMMIT;"
            )
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
