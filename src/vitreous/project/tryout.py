"""Trying a job's parameters on one image: what is asked for, and the one process that does it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import IO, Any

from vitreous.core.errors import Cancelled, ComputeError, ResourceError, UsageError, VitreousError
from vitreous.core.plain import plain
from vitreous.project.job_actions import InputName, check_connection, default_inputs, read_input
from vitreous.project.session import Session, job_number
from vitreous.project.worker import resolved_values
from vitreous.store.ledger import Results, item_facts
from vitreous.workflow.executor import Step
from vitreous.workflow.graph import Graph, Job, chosen_slot
from vitreous.workflow.job_type import ItemInput, JobType, SlotValue
from vitreous.workflow.parameters import checked, normalised
from vitreous.workflow.planner import ItemFacts

TIMEOUT = 60.0
"""s after which a try is given up and its process ended."""
START_TIMEOUT = 60.0
"""s that the process may take to come up: it imports the array engine."""
IDLE_SECONDS = 300.0
"""s without a try after which the process ends."""


@dataclass(frozen=True)
class Try:
    """One try, as the process gets it.

    Attributes:
        folder: of the project, whole.
        type: job type.
        values: of the parameters, resolved for the item.
        provenance: of the job type.
        item: with its slots.
    """

    folder: str
    type: str
    values: dict[str, Any]
    provenance: str
    item: ItemInput


@dataclass(frozen=True)
class Tried:
    """What a try gave.

    Attributes:
        seconds: that it took.
        values: of the columns that the job would give, by name.
        picks: ``coordinates``, ``score``, ``power``, ``kept``, where the job picks.
        pictures: name → PNG.
        warnings: of the job.
        settings: values of the parameters that it was done with.
    """

    seconds: float
    values: dict[str, Any]
    picks: dict[str, Any] | None
    pictures: dict[str, bytes]
    warnings: list[str]
    settings: dict[str, Any] = field(default_factory=dict)


def prepare(
    session: Session,
    name: str,
    item: int,
    params: Mapping[str, Any],
    inputs: Sequence[InputName] | None = None,
    job: int | str | None = None,
) -> Try:
    """What has to be known to try parameters on one image; nothing is recorded.

    Args:
        session: the project.
        name: of the job type.
        item: number of the image.
        params: as they stand in the form.
        inputs: jobs behind which it stands or would stand; unless given, those of ``job``, else the default.
        job: the job that the form is of, where there is one.

    Raises:
        UsageError: parameters are wrong, the image has not what the job needs, or the job is no work on single images.
    """
    job_type = session.type(name)
    if job_type.scope != "item":
        raise UsageError(
            f"{name} can't be tried on one image", hint="Only jobs that work on single images can", job_type=name
        )
    graph = session.graph()
    number = None if job is None else job_number(graph, job)
    node = _node(graph, job_type, inputs, number, normalised(job_type, _set(params)))
    facts = next(iter(item_facts(session.db, [item])), None)
    if facts is None:
        raise UsageError(f"there is no image {item}", hint="Choose one of the library", missing=True)
    given = _input(session, Graph({**graph.jobs, node.id: node}), facts, node.id)
    for need in job_type.needs:
        if chosen_slot(need, given.slots) is None:
            raise UsageError(
                f"{facts.name} has no {need.replace('|', ' or ')} yet",
                hint="Choose an image that the jobs before have done",
                item=item,
                needs=need,
            )
    step = Step(node.id, item, name, {**facts.own(name), **node.params}, session.settings(), "", "")
    values = resolved_values(job_type, step, given)
    checked(job_type, values, job_type.title)
    if "picks" in job_type.gives_names() and "picture" in job_type.params.model_fields:
        values["picture"] = False  # the page draws the picks itself
    return Try(str(session.folder.resolve()), name, plain(values), job_type.provenance, given)


def _set(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _node(
    graph: Graph, job_type: JobType, inputs: Sequence[InputName] | None, number: int | None, params: dict[str, Any]
) -> Job:
    """The job that is tried, where it stands or would stand."""
    if number is not None and inputs is None:
        return replace(graph.jobs[number], params=params, state="active", broken=None)
    if inputs is None:
        chosen = default_inputs(graph, job_type)
    else:
        chosen = [read_input(graph, entry) for entry in inputs]
        check_connection(graph, job_type, chosen)
    free = max(graph.jobs, default=0) + 1
    return Job(
        id=free,
        type=job_type.name,
        params=params,
        inputs=tuple(chosen),
        needs=job_type.needs,
        gives=job_type.gives_names(),
        identity="try",
    )


def _input(session: Session, graph: Graph, facts: ItemFacts, number: int) -> ItemInput:
    """The image with the slots that jobs before this one have given it.

    Results count that are shown now, though a job before it is being run again or leaves the image out: a try is to
    tell what the values do, not whether the image goes that way.
    """
    results, before = Results(session.db), graph.ancestors(number)
    slots: dict[str, SlotValue] = {}
    for other in (one for one in graph.order if one in before):
        task = facts.tasks.get(other)
        identity = facts.identity if other == facts.source else None if task is None else task.identity
        found = None if identity is None else results.find(identity)
        if found is not None:
            slots.update(found.slots)
    return ItemInput(facts.name, facts.values, slots)


class Tryout:
    """The process in which things are tried: started at the first try, one at a time, the newest first.

    The child imports the job type's function and the array engine; this process imports neither.
    """

    def __init__(self, idle: float = IDLE_SECONDS, timeout: float = TIMEOUT) -> None:
        self.idle, self.timeout = idle, timeout
        self._child: subprocess.Popen[str] | None = None
        self._log: IO[bytes] | None = None
        self._talking = threading.Lock()
        """Held by the request whose answer is waited for."""
        self._state = threading.Lock()
        self._writing = threading.Lock()
        self._count = 0
        self._newest: dict[str, int] = {}
        self._under_way: tuple[str, int] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def run(self, given: Try, caller: str = "") -> Tried:
        """Do a try; older ones of the same caller that are not done yet are given up, those of others are waited for.

        Raises:
            Cancelled: a newer one of the same caller came.
            VitreousError: what the job says, or that it took too long, or that its process broke down.
        """
        with self._state:
            self._count += 1
            number = self._newest[caller] = self._count
            older = self._under_way
        if older is not None and older[0] == caller:
            self._tell({"cancel": older[1]})
        with self._talking:
            if number != self._newest[caller]:
                raise _superseded()
            if self._closed:
                raise ResourceError("the server is ending", hint="Start it again")
            self._under_way = (caller, number)
            try:
                return self._asked(number, given)
            finally:
                self._under_way = None

    def _asked(self, number: int, given: Try) -> Tried:
        fresh = self._ensure()
        child = self._child
        assert child is not None
        assert child.stdout is not None
        if not self._tell({"number": number, **plain(asdict(given))}):
            return self._broken(child)
        limit = self.timeout + (START_TIMEOUT if fresh else 0.0)
        guard = threading.Timer(limit, child.kill)
        guard.start()
        started = time.monotonic()
        try:
            for line in child.stdout:
                answer = json.loads(line)
                if answer.get("number") == number:
                    return _tried(answer)
        finally:
            guard.cancel()
        if time.monotonic() - started >= limit:
            self._end()
            raise ComputeError(
                f"not done after {limit:.0f} s", hint="Try it on a smaller image, or run the job", timeout=limit
            )
        return self._broken(child)

    def _broken(self, child: subprocess.Popen[str]) -> Tried:
        code = child.wait()
        said = self._said()
        self._end()
        raise ComputeError(
            f"the process that tries broke down (code {code}){': ' + said if said else ''}",
            hint="Try again; it may have had too little memory",
            code=code,
        )

    def _said(self) -> str:
        """The last line that the process wrote to its log."""
        if self._log is None:
            return ""
        self._log.seek(0)
        lines = self._log.read()[-4000:].decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def _ensure(self) -> bool:
        """Have the process run; whether it had to be started."""
        with self._state:
            if self._child is not None and self._child.poll() is None:
                return False
        self._end()
        threads = str(max(1, (os.cpu_count() or 1) // 2))
        log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "vitreous.project.tryout_worker", str(self.idle)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
                start_new_session=True,
                env={"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, **os.environ},
            )
        except OSError as error:
            log.close()
            raise ResourceError(
                f"no process can be started to try it: {error.strerror}", hint="Close other programs"
            ) from error
        with self._state:
            self._child, self._log = child, log
        return True

    def _tell(self, message: Mapping[str, Any]) -> bool:
        """Write a line to the process; whether it could be written."""
        child = self._child
        if child is None or child.stdin is None or child.poll() is not None:
            return False
        try:
            with self._writing:
                child.stdin.write(json.dumps(message) + "\n")
                child.stdin.flush()
        except (OSError, ValueError):
            return False
        return True

    def _end(self) -> None:
        with self._state:
            child, log, self._child, self._log = self._child, self._log, None, None
        if child is not None:
            child.kill()
            child.wait()
            for stream in (child.stdin, child.stdout):
                with contextlib.suppress(OSError):
                    if stream is not None:
                        stream.close()
        if log is not None:
            log.close()

    def close(self) -> None:
        """End the process; what is under way is given up."""
        self._closed = True
        with self._state:
            child = self._child
        if child is not None:
            child.kill()
        with self._talking:
            self._end()


def _superseded() -> Cancelled:
    return Cancelled("newer values came before this was done", hint="The newer ones are shown")


def _tried(answer: Mapping[str, Any]) -> Tried:
    fault = answer.get("error")
    if fault is not None:
        if fault["code"] == "cancelled":
            raise _superseded()
        raise _fault_of(fault)
    pictures = {name: base64.b64decode(text) for name, text in answer["pictures"].items()}
    return Tried(answer["seconds"], answer["values"], answer["picks"], pictures, answer["warnings"], answer["settings"])


def _fault_of(fault: Mapping[str, Any]) -> VitreousError:
    """The error that the process has sent, of its own kind."""
    kinds: dict[str, type[VitreousError]] = {}
    waiting: list[type[VitreousError]] = [VitreousError]
    while waiting:
        kind = waiting.pop()
        kinds.setdefault(kind.code, kind)
        waiting += kind.__subclasses__()
    kind = kinds.get(str(fault["code"]), ComputeError)
    return kind(str(fault["message"]), hint=str(fault["hint"]), **dict(fault.get("context") or {}))
