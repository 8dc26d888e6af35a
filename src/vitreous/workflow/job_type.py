"""What a job type declares: one declaration gives form, command line, validation, documentation and provenance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from vitreous.core.errors import UsageError
from vitreous.core.progress import Progress

Result = dict[str, Any]
"""JSON-able result of one item: ``input`` (path), ``outputs`` (name → path) and the job type's own figures."""

Runner = Callable[[Path, Path, Progress], Result]
"""Process one item: ``runner(input_path, output_folder, progress)``."""

Scope = Literal["item", "set", "source", "decision"]
"""What one task of a job is about.

``item``: one item; tasks stream as items arrive. ``set``: all items that have arrived, again when more have.
``source``: the job brings items into the project (import). ``decision``: which items go on, decided without a worker.
"""

MODES = ("drift", "single-particle", "tomography", "crystal2d")


class Params(BaseModel):
    """Base of every job type's parameters: frozen, unknown names refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def parameter(
    default: Any = ...,
    *,
    help: str,
    unit: str | None = None,
    level: Literal["normal", "advanced"] = "normal",
    group: str | None = None,
    inherits: bool = False,
    machine: bool = False,
    needed: bool = False,
    **constraints: Any,
) -> Any:
    """Declare one parameter.

    Args:
        default: ``...`` where it must be given.
        help, unit, level: for people; ``group`` is a heading of forms and ``--help``.
        inherits: in a project, where it is not set, it takes the value that an input's slot or the project has of it.
        machine: it says where or how fast to compute, not what: it is no part of a result's identity.
        needed: with the default ``None``: nothing can be computed before it is known. The command line demands it; in a
            project it may come later, and until then the job says that it waits for it.
        constraints: pydantic's (``ge``, ``lt`` …).
    """
    extra: JsonDict = {"unit": unit, "level": level, "group": group, "inherits": inherits, "machine": machine}
    if needed:
        extra["needed"] = True
    return Field(default, description=help, json_schema_extra=extra, **constraints)


def no_command(params: Any) -> Runner:
    """The ``start`` of job types that only work inside a project."""
    raise UsageError("this job type works only inside a project", hint="Add it to one with vitreous add")


@dataclass(frozen=True)
class Slot:
    """What an item gains by a job: a main file, further files, values.

    Attributes:
        name: such as ``micrograph`` or ``ctf``.
        file: key in the result's ``outputs`` of the main file, which later jobs read; ``None`` where there is none.
        files: keys in ``outputs`` of further files that belong to it.
        columns: column of the item → key of the result; the columns are declared in the column registry.
        tables: name of a big table of the project → key in ``outputs`` of a Parquet file with rows of it.
    """

    name: str
    file: str | None = None
    files: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SlotValue:
    """One filled slot of one item: paths relative to the project folder, and the values of its columns."""

    file: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ItemInput:
    """One item as a job receives it: its name, its own values (time, group, hole, tilt …) and its filled slots.

    ``by_input`` is for job types that want a slot of ``each`` input: these slots as each input has them, in order.
    """

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    slots: Mapping[str, SlotValue] = field(default_factory=dict)
    by_input: tuple[Mapping[str, SlotValue], ...] = ()


ItemRunner = Callable[[ItemInput, Path, Progress], Result]
"""Process one item with all its slots: ``runner(item, output_folder, progress)``."""

SetRunner = Callable[[list[ItemInput], Path, Progress], Result]
"""Process a set of items: ``runner(items, output_folder, progress)``."""


@dataclass(frozen=True)
class SetWork:
    """Where a job works on a set that may still grow.

    Attributes:
        out: folder of the outputs; published under its final name when the function returns.
        scratch: folder that survives a kill and is the same for the same task; removed after publication. What lies
            here may be read by others while the work goes on, so files in it appear whole.
        previous: folder of the job's newest result with the same parameters, of fewer items; ``None`` for the first.
        complete: whether no more items can come.
    """

    out: Path
    scratch: Path
    previous: Path | None = None
    complete: bool = True


GrowingRunner = Callable[[list[ItemInput], SetWork, Progress], Result]
"""Process a set that may still grow: ``runner(items, work, progress)``."""

Decision = Callable[[Any, "DecisionInput"], frozenset[str]]
"""Decide on one item: ``decide(params, item)`` → names of the outputs by which the item goes on."""


@dataclass(frozen=True)
class DecisionInput:
    """What a decision may know of an item.

    Attributes:
        name: of the item.
        number: of the item in the project, from 1, in order of arrival.
        values: all columns that the item has at this place of the graph.
        tags: its tags.
        inputs: input (0-based, in order) → the output of that input's job through which the item has come, or ``None``
            where the item has not come by that input.
    """

    name: str
    number: int
    values: Mapping[str, Any]
    tags: frozenset[str]
    inputs: tuple[str | None, ...]


@dataclass(frozen=True)
class JobType:
    """One processing step.

    Attributes:
        name: what follows ``vitreous`` on the command line.
        title: a few words for menus.
        summary: one sentence.
        params: the parameters' model; its field names become ``--options``.
        start: ``start(params)`` reads what all items share (gain, defects) once and returns the function for one item.
            It imports its algorithms inside, so that forms and ``--help`` come without torch. Where the job
            type only works inside a project: then it is ``no_command``.
        items: name of the items on the command line (``MOVIE``, ``IMAGE``).
        example: a whole command line, shown by ``--help``.
        columns: keys of the result that the table on the terminal shows → (heading, format), such as
            ``{"drift_total": ("drift / Å", ".1f")}``.
        citations: the papers behind it.
        version: raised when the same parameters give another result; results of other versions are stale.
        category: heading in menus; ``order`` sorts within it, and states the place in a workflow.
        modes: project modes in which it is offered.
        scope: what one task is about.
        needs: slots that an item must have; the main file of the first is the path that ``start``'s function gets. A
            name with bars (``micrograph|movie``) means the first of these that the item has.
        each: slots that every input must bring by itself (picks of several pickers, to be compared), names with bars as
            in ``needs``; the job's function finds them in ``ItemInput.by_input``. Of all other slots the first input's
            count.
        gives: slots that the item gains.
        outputs: names of the outputs by which items leave; more than one only for decisions.
        methods: a sentence for a paper's methods section; ``{parameter}`` stands for a value, ``[parameter: text]`` for
            a space and the text where the parameter is set.
        on_item: in place of ``start`` in projects, where a function reads several slots: ``on_item(params)`` gives it.
        on_set: the same for scope ``set``.
        on_growing_set: in place of ``on_set``, where a result is built upon the one before it, or takes so long that a
            killed run must go on where it was.
        expand: on the command line: ``expand(params, arguments)`` → the items that the arguments stand for (a table of
            micrographs: its micrographs). The arguments may then be left out.
        finish: on the command line, after the last item: ``finish(params, results, out)`` writes what belongs to all of
            them together, and returns name → path. Results of items that failed have ``error``.
        together: on the command line, what the items give is written by ``finish`` alone; so names may be equal.
        decide: for scope ``decision``.
        any_input: for decisions and sets: an item that has come by any of the inputs is taken, not only one that has
            come by all.
        batch: items that are taken together unless the job says otherwise (1, for a set 0: see ``vitreous add``).
        provenance: what else the result depends on (a script's text), part of its identity.
    """

    name: str
    title: str
    summary: str
    params: type[Params]
    start: Callable[[Any], Runner]
    items: str
    example: str
    columns: Mapping[str, tuple[str, str]]
    citations: tuple[str, ...] = ()
    version: int = 1
    category: str = "Process"
    order: int = 50
    modes: tuple[str, ...] = MODES
    scope: Scope = "item"
    needs: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    gives: tuple[Slot, ...] = ()
    outputs: tuple[str, ...] = ("items",)
    methods: str = ""
    on_item: Callable[[Any], ItemRunner] | None = None
    on_set: Callable[[Any], SetRunner] | None = None
    on_growing_set: Callable[[Any], GrowingRunner] | None = None
    expand: Callable[[Any, list[Path]], list[Path]] | None = None
    finish: Callable[[Any, list[Result], Path], Mapping[str, str]] | None = None
    together: bool = False
    decide: Decision | None = None
    any_input: bool = False
    batch: int | None = None
    provenance: str = ""

    def gives_names(self) -> tuple[str, ...]:
        """Names of the slots that an item gains."""
        return tuple(slot.name for slot in self.gives)
