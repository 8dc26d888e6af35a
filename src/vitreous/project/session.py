"""An open project: its catalogue, its job types, its graph, what the one who holds it may need to act."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import xxhash

from vitreous.core.errors import UsageError, VitreousError
from vitreous.core.words import near
from vitreous.project.scripts import ScriptJob
from vitreous.project.types import find_type, needed_type
from vitreous.store.database import Database, read_meta, write_meta
from vitreous.store.jobs import JobRow, job_rows
from vitreous.store.ledger import set_results
from vitreous.workflow.executor import Kind
from vitreous.workflow.graph import Graph, Job
from vitreous.workflow.identity import job_identity
from vitreous.workflow.job_type import DecisionInput, JobType
from vitreous.workflow.parameters import checked, identity_values


@dataclass
class Session:
    """An open project.

    Attributes:
        folder: of the project.
        db: its catalogue.
        clock: s since 1970.
        author: who acts.
        cancel: stops the submission of a running task ``(job, item)``; set by the engine.
        look_again: has an import look again at files that it has refused; set by the engine.
        after_commit: what an action still has to do once its rows are safe, such as deleting files.
    """

    folder: Path
    db: Database
    clock: Callable[[], float] = time.time
    author: str = field(default_factory=getpass.getuser)
    cancel: Callable[[int, int], None] = lambda job, item: None
    look_again: Callable[[int, Sequence[str]], None] = lambda job, paths: None
    after_commit: list[Callable[[], object]] = field(default_factory=list)
    _files: dict[tuple[str, int, int], str] = field(default_factory=dict)
    _deciders: dict[int, tuple[str, Callable[[DecisionInput], frozenset[str]]]] = field(default_factory=dict)
    _graph: tuple[Any, Graph] | None = None

    def settings(self) -> dict[str, Any]:
        """Values of the project that parameters inherit."""
        return {name: entry["value"] for name, entry in self.settings_with_origin().items()}

    def settings_with_origin(self) -> dict[str, dict[str, Any]]:
        """Setting → ``{"value", "origin"}``."""
        return dict(json.loads(read_meta(self.db).get("settings", "{}")))

    def write_settings(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace all settings."""
        write_meta(self.db, {"settings": json.dumps(settings, ensure_ascii=False)})

    def type(self, name: str) -> JobType:
        """A job type of this project, or a ``UsageError``."""
        return needed_type(self.folder, name)

    def graph(self) -> Graph:
        """The graph of jobs as it is now; built anew only when jobs, settings or scripts have changed."""
        row = self.db.connection.execute("SELECT value FROM meta WHERE name = 'graph'").fetchone()
        key = (row[0], self._script_state())
        if self._graph is None or self._graph[0] != key:
            settings = self.settings()
            jobs = {row.id: self._job(row, settings) for row in job_rows(self.db)}
            for number, (result, made_for) in set_results(self.db).items():
                if number in jobs and jobs[number].identity == made_for:
                    jobs[number] = replace(jobs[number], result=result)
            self._graph = (key, Graph(jobs))
        return self._graph[1]

    def forget_graph(self) -> None:
        """Build the graph anew when it is next asked for: changes of an open transaction were taken back."""
        self._graph = None

    def _script_state(self) -> list[tuple[str, int]]:
        folder = self.folder / "scripts"
        if not folder.is_dir():
            return []
        return sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir() if path.is_file())

    def _job(self, row: JobRow, settings: Mapping[str, Any]) -> Job:
        stored = vars(row).copy()
        del stored["created"]
        found = find_type(self.folder, row.type)
        if found is None:
            return Job(**stored, broken=f"there is no job type {row.type} here")
        if not isinstance(found, JobType):
            return Job(**stored, broken=f"its job type can't be used: {found.reason}")
        identity, broken = "", None
        try:
            values = identity_values(found, row.params, settings, self.file_identity)
            identity = job_identity(found.name, found.version, found.provenance, values)
        except VitreousError as error:
            broken = str(error)
        return Job(
            **stored,
            scope=found.scope,
            needs=found.needs,
            each=found.each,
            gives=tuple(slot.name for slot in found.gives),
            outputs=found.outputs,
            any_input=found.any_input,
            identity=identity,
            kind=_kind(found, row.params, settings),
            broken=broken,
        )

    def file_identity(self, name: str) -> str:
        """Hash of a file that a parameter names (relative to the project), remembered while it does not change."""
        path = self.folder / name
        try:
            facts = path.stat()
            key = (str(path), facts.st_size, facts.st_mtime_ns)
            if key not in self._files:
                with open(path, "rb") as handle:
                    digest = xxhash.xxh3_128()
                    while block := handle.read(1 << 22):
                        digest.update(block)
                self._files[key] = digest.hexdigest()
        except OSError as error:
            raise UsageError(
                f"{path}: can't be read: {error.strerror}",
                hint="Bring the file back, or set another one",
                path=str(path),
            ) from error
        return self._files[key]

    def decide(self, job: Job, given: DecisionInput) -> frozenset[str]:
        """What a decision job says of an item."""
        identity, decider = self._deciders.get(job.id, ("", None))
        if decider is None or identity != job.identity:
            job_type = self.type(job.type)
            assert job_type.decide is not None
            decider = partial(job_type.decide, checked(job_type, job.params, job.label))
            self._deciders[job.id] = (job.identity, decider)  # only the newest: each decision by hand makes another
        return decider(given)

    def job(self, name: int | str) -> Job:
        """A job by number, ``J3``, or title, or a ``UsageError``."""
        return self.graph().jobs[job_number(self.graph(), name)]


def _kind(job_type: JobType, params: Mapping[str, Any], settings: Mapping[str, Any]) -> Kind:
    """Whether the tasks of a job occupy a GPU."""
    if isinstance(job_type, ScriptJob):
        return "gpu" if job_type.header.gpu else "cpu"
    return "gpu" if params.get("device", settings.get("device")) == "cuda" else "cpu"


def job_number(graph: Graph, name: int | str) -> int:
    """The number behind ``3``, ``"3"``, ``"J3"`` or a title that only one job has."""
    text = str(name).strip()
    digits = text[1:] if text[:1] in "Jj" else text
    if digits.isdecimal() and int(digits) in graph.jobs:
        return int(digits)
    titled = [job.id for job in graph.jobs.values() if job.title == text]
    if len(titled) == 1:
        return titled[0]
    if titled:
        numbers = ", ".join(f"J{number}" for number in titled)
        raise UsageError(f"several jobs are called {text!r}: {numbers}", hint="Give the number of one")
    known = [f"J{number}" for number in graph.jobs]
    titles = [job.title for job in graph.jobs.values()]
    hint = near(text, [*known, *titles]) or (f"Jobs: {', '.join(known)}" if known else "The project has no jobs yet")
    raise UsageError(f"there is no job {text!r}", hint=hint, job=text)
