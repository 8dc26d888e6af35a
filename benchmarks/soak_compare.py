"""What a disturbed session must have in common with a calm one, and what it must not leave behind."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import xxhash

from vitreous.project.project import Project

OWN_COLUMNS = frozenset({"id", "imported", "source_path", "group_id", "group_before"})
"""Columns of an exposure that may differ: numbers and times of the order in which it came."""
RUBBISH = ("*.part", "*.tmp", "project.lock*", ".clock.*", "engine.json", ".project.db.*", "jobs/.staging*/*")


def query(project: Path, text: str) -> list[tuple[Any, ...]]:
    """Ask a project's catalogue, which another process may write."""
    uri = f"{(project / 'project.db').absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=20.0)) as connection:
        return connection.execute(text).fetchall()


def differences(one: Path, other: Path) -> list[str]:
    """Where tables or files of two projects differ."""
    found = _different("table", table(one), table(other))
    return found + _different("file", hashes(one), hashes(other))


def _different(what: str, one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    faults = [f"{what} {name}: only in one of the two" for name in sorted(one.keys() ^ other.keys())]
    for name in sorted(one.keys() & other.keys()):
        if one[name] != other[name]:
            faults.append(f"{what} {name}: {_shown(one[name], other[name])}")
    return faults


def _shown(one: Any, other: Any) -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
        return ", ".join(f"{key} {one.get(key)!r} for {other.get(key)!r}" for key in sorted(keys))
    return f"{one} for {other}"


def table(project: Path) -> dict[str, dict[str, Any]]:
    """Exposures, tasks and results by names: all that does not tell time or order."""
    uri = f"{(project / 'project.db').absolute().as_uri()}?mode=ro"
    rows: dict[str, dict[str, Any]] = {}
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        for row in connection.execute("SELECT * FROM exposures"):
            rows[row["name"]] = {key: row[key] for key in row.keys() if key not in OWN_COLUMNS}  # noqa: SIM118
        text = "SELECT t.job, e.name, t.state, t.identity, t.error FROM task t LEFT JOIN exposure e ON e.id = t.item"
        for job, name, *values in connection.execute(text):
            rows[f"J{job} {name}"] = dict(zip(("state", "identity", "error"), values, strict=True))
        text = (
            "SELECT r.identity, r.job, e.name, r.folder, r.slots, r.outputs, r.warnings, r.versions"
            " FROM result r LEFT JOIN exposure e ON e.id = r.item"
        )
        for identity, *values in connection.execute(text):
            rows[f"result {identity}"] = {str(place): value for place, value in enumerate(values)}
    return rows


def hashes(project: Path) -> dict[str, str]:
    """Contents of all published files."""
    found = {}
    for folder in ("movies", "jobs"):
        for path in (project / folder).rglob("*"):
            if path.is_file():
                found[str(path.relative_to(project))] = xxhash.xxh3_128(path.read_bytes()).hexdigest()
    return found


def leftovers(project: Path) -> list[str]:
    """What an end that nobody disturbed would have removed."""
    found = [path for pattern in RUBBISH for path in project.glob(pattern)]
    found += [path for pattern in RUBBISH[:2] for path in project.rglob(pattern) if "logs" not in path.parts]
    found += [path for path in (project / "inbox").glob("*") if path.is_file()]
    return [f"{path.relative_to(project)} is left" for path in sorted(set(found))]


def ledger_faults(project: Path, movies: int, runs: Path) -> list[str]:
    """Whether every task was committed once, and no script began after its result was committed."""
    faults = []
    counts = Counter(query(project, "SELECT job, item FROM event WHERE kind = 'done'"))
    faults += [f"J{job} item {item} was committed {n} times" for (job, item), n in counts.items() if n != 1]
    imports = Counter(query(project, "SELECT item FROM event WHERE kind = 'import'"))
    faults += [f"item {item[0]} was imported {n} times" for item, n in imports.items() if n != 1]
    tasks = query(project, "SELECT job, item, state, tries FROM task")
    faults += [f"J{job} item {item} is {state}" for job, item, state, _ in tasks if state != "done"]
    folders = {row[0] for row in query(project, "SELECT folder FROM result WHERE folder IS NOT NULL")}
    there = {str(path.relative_to(project)) for path in project.glob("jobs/J*/*")}
    faults += [f"{name} is listed and not there, or there and not listed" for name in sorted(folders ^ there)]
    decided = {row[0] for row in query(project, "SELECT id FROM job WHERE type = 'filter'")}
    expected = {(job, item) for job, item, _, _ in tasks if job not in decided}
    faults += [f"J{job} item {item} has no event" for job, item in sorted(expected - counts.keys())]
    if len(imports) != movies:
        faults.append(f"{len(imports)} of {movies} movies were imported")
    if query(project, "PRAGMA integrity_check") != [("ok",)]:
        faults.append("the catalogue is damaged")
    return faults + _late_runs(project, runs) + _whys(project)


def _late_runs(project: Path, runs: Path) -> list[str]:
    text = (
        "SELECT j.type, e.name, v.time FROM event v JOIN job j ON j.id = v.job JOIN exposure e ON e.id = v.item"
        " WHERE v.kind = 'done'"
    )
    committed = {(kind.removeprefix("script:"), name): at for kind, name, at in query(project, text)}
    faults, begun = [], set()
    for line in runs.read_text().splitlines():
        script, item, at = line.split()
        begun.add((script, item))
        if float(at) > committed[script, item]:
            faults.append(f"{script} of {item} began {float(at) - committed[script, item]:.3f} s after its commit")
    scripts = {key for key in committed if key[0] in ("note", "sum")}
    return faults + [f"{script} of {item} was committed and never run" for script, item in scripts - begun]


def _whys(project: Path) -> list[str]:
    opened = Project(project)
    faults = []
    said = opened.why()
    if said != "Everything is done.":
        faults.append(f"why: {said}")
    for job in opened.jobs():
        said = job.why()
        if not said.endswith("all that has come is done.") and "has ended: nothing more is taken" not in said:
            faults.append(f"why {job.id}: {said}")
    opened.close()
    return faults


def describe(project: Path) -> str:
    """Counts of states, for a report."""
    rows = query(project, "SELECT job, state, count(*) FROM task GROUP BY job, state")
    return json.dumps(rows)
