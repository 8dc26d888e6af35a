"""What runs tasks: a pool of workers that takes work, tells its progress, and gives outcomes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from vitreous.workflow.job_type import ItemInput, SlotValue

Kind = Literal["cpu", "gpu"]
"""Resource that one submission occupies: one worker without, or one with a GPU of its own."""


@dataclass(frozen=True)
class Step:
    """One task as a worker gets it.

    Attributes:
        job, item: of the task; item 0 is a set.
        type: name of the job type; ``script:NAME`` for a script of the project.
        params: parameters as set for job and item, JSON-able.
        settings: values of the project that fill parameters which are not set.
        identity: of the result.
        folder: where its files belong, relative to the project folder.
        timeout: s, ``None`` for no limit.
        scratch, previous: for a set: folder for what must survive a kill, and folder of the newest result of fewer
            items, relative to the project folder.
        complete: for a set: no more items can come.
    """

    job: int
    item: int
    type: str
    params: Mapping[str, Any]
    settings: Mapping[str, Any]
    identity: str
    folder: str
    timeout: float | None = None
    scratch: str | None = None
    previous: str | None = None
    complete: bool = True


@dataclass(frozen=True)
class Chain:
    """Steps that one worker does back to back for one item, while its files are in memory's cache.

    Attributes:
        item: the item as it stands before the first step.
        steps: in order; each adds its slots to the item. Where one fails, those after it are not begun.
        members: the items of a set, for a step of scope ``set``; ``numbers`` are theirs in the project.
        job_identity: for a set: what the job itself contributed to the identity.
    """

    item: ItemInput
    steps: tuple[Step, ...]
    members: tuple[ItemInput, ...] = ()
    numbers: tuple[int, ...] = ()
    job_identity: str = ""


@dataclass(frozen=True)
class Work:
    """One submission: chains that one worker does one after the other.

    Attributes:
        key: unique name of the submission.
        project: absolute path of the project folder.
        kind: the resource that it occupies.
        chains: what to do.
    """

    key: str
    project: str
    kind: Kind
    chains: tuple[Chain, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of one step: either ``error`` is set, or the result is published under the step's folder.

    Attributes:
        job, item, identity: of the step.
        slots: slots that the item gains; paths are relative to the project folder.
        outputs: names of the outputs by which the item goes on.
        folder: the published folder, relative to the project; ``None`` where the step wrote no file.
        warnings: for people.
        versions: of the programs that took part.
        seconds: of wall-clock time.
        worker: ``host:pid``.
        error: ``{code, message, hint, context}``.
        fragments: Parquet files that were published with it: ``{table, path, rows, bytes}``.
    """

    job: int
    item: int
    identity: str
    slots: Mapping[str, SlotValue] = field(default_factory=dict)
    outputs: tuple[str, ...] = ("items",)
    folder: str | None = None
    warnings: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    worker: str = ""
    error: Mapping[str, Any] | None = None
    fragments: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Lost:
    """The submission came to no end: its worker died, or the cluster refused it.

    ``final`` where trying again would cost as many workers again.
    """

    reason: str
    final: bool = False


@dataclass(frozen=True)
class WorkerState:
    """One worker, for people."""

    name: str
    host: str
    kind: Kind
    busy: str | None


RunWork = Callable[[Work], list[Outcome]]
"""The function that a worker runs; a module-level function, because it travels by reference."""

Done = Callable[[Work, Sequence[Outcome] | Lost], None]
"""Called once for each submission, from any thread."""

Report = Callable[[str, float, str], None]
"""Progress from workers: ``report(key of the submission, fraction, what)``, from any thread."""


class Executor(Protocol):
    """A pool of workers."""

    def capacity(self) -> Mapping[Kind, int]:
        """Submissions that may be under way at once, of each kind; changes as workers come and go."""
        ...

    def submit(self, run: RunWork, work: Work, done: Done) -> None:
        """Have a worker run ``run(work)``; ``done`` is told the outcomes, or that the work was lost."""
        ...

    def cancel(self, key: str) -> None:
        """Stop a submission as soon as may be; its ``done`` is called with ``Lost``."""
        ...

    def workers(self) -> list[WorkerState]:
        """The workers that are there."""
        ...

    def close(self) -> None:
        """Stop the workers; what is under way is given up."""
        ...
