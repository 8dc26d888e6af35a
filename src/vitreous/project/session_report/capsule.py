"""All that it takes to do a session again: hashes, seeds, versions, template, commands."""

from __future__ import annotations

import json
from collections.abc import Sequence

import xxhash

from vitreous import __version__
from vitreous.core.errors import VitreousError
from vitreous.core.plain import to_json
from vitreous.core.words import counted
from vitreous.project.session import Session
from vitreous.project.session_report.blocks import (
    Block,
    Code,
    Section,
    Table,
    Text,
)
from vitreous.project.template_export import export_template
from vitreous.project.views import parameter_origins
from vitreous.store.database import read_meta

MOST_LISTED = 40
"""Jobs whose seeds are told."""
MOST_IDENTITIES = 2000
"""Images up to which the content hash of each is listed in the report."""


def capsule(session: Session) -> Section:
    """All that it takes to do the session again."""
    rows = session.db.connection.execute("SELECT identity, name FROM exposure ORDER BY id").fetchall()
    digest = xxhash.xxh3_128()
    for identity, _ in rows:
        digest.update(identity.encode() + b"\n")
    facts = [
        ["content of all images", digest.hexdigest(), f"hash of {counted(len(rows), 'content hash', 'content hashes')}"]
    ]
    for name in ("gain", "defects"):
        path = session.settings().get(name)
        if path and (session.folder / str(path)).is_file():
            facts.append([name, session.file_identity(str(path)), str(path)])
    facts += [[f"seed of J{job}", value, name] for job, name, value in _seeds(session)]
    facts += [[program, version, "version"] for program, version in _versions(session)]
    again = (
        "vitreous new again --mode " + str(read_meta(session.db).get("mode")) + "\n"
        "vitreous run-template template.json import.sources=FOLDER --project again\n"
        "vitreous run --project again"
    )
    blocks: list[Block] = [
        Table(["what", "value", "of"], facts),
        Text("To do this again, save the template below as template.json, and:"),
        Code("Commands", again),
    ]
    blocks.append(Code("Template of all jobs with settings and decisions, JSON", _template(session), folded=True))
    if 0 < len(rows) <= MOST_IDENTITIES:
        listed = "\n".join(f"{identity}  {name}" for identity, name in rows)
        blocks.append(Code(f"Content hashes of {counted(len(rows), 'image')}", listed, folded=True))
    return Section("Session capsule", blocks)


def _template(session: Session) -> str:
    try:
        return to_json(export_template(session, with_settings=True, with_decisions=True))
    except VitreousError as error:
        return f"There is no template: {error.message}. {error.hint}"


def _seeds(session: Session) -> list[tuple[int, str, str]]:
    found = []
    graph = session.graph()
    for number in graph.order[:MOST_LISTED]:
        try:
            values = parameter_origins(session, number)
        except VitreousError:  # told in the methods already
            continue
        found += [(number, name, str(value.value)) for name, value in values.items() if "seed" in name]
    return found


def _versions(session: Session) -> Sequence[tuple[str, str]]:
    """Versions of the programs that made the results, of the newest result of each job."""
    found: dict[str, dict[str, None]] = {}
    text = """SELECT r.versions FROM task t JOIN result r ON r.identity = t.identity
        WHERE t.job = ? AND t.state = 'done' ORDER BY t.item DESC LIMIT 1"""
    for number in session.graph().order[:200]:
        row = session.db.connection.execute(text, (number,)).fetchone()
        for program, version in (json.loads(row[0]) if row else {}).items():
            found.setdefault(str(program), {})[str(version)] = None
    found.setdefault("vitreous (this report)", {})[__version__] = None
    return [(program, ", ".join(versions)) for program, versions in sorted(found.items())]
