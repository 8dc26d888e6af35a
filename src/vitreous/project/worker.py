"""What a worker does: the steps of a chain one after the other, each published whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from vitreous import __version__
from vitreous.core.errors import ComputeError, DataError, UsageError
from vitreous.core.memory import keep_freed_memory
from vitreous.core.plain import plain, to_json
from vitreous.core.progress import Progress, part_of
from vitreous.project.faults import describe, is_disk_full
from vitreous.project.types import needed_type
from vitreous.workflow.executor import Chain, Outcome, Step, Work
from vitreous.workflow.executors.progress import worker_progress
from vitreous.workflow.graph import chosen_slot
from vitreous.workflow.job_type import ItemInput, JobType, Result, SetWork, Slot, SlotValue
from vitreous.workflow.parameters import Source, checked, resolve

STAGING = ".staging"
"""Folder inside ``jobs`` where results grow; whatever is left in it after a crash is rubbish."""
RECORD = ".vitreous.json"
"""File in a published folder that says what the folder's result is."""


def run_work(work: Work) -> list[Outcome]:
    """Do all chains of a submission; a fault of one leaves the others alone."""
    keep_freed_memory()
    outcomes: list[Outcome] = []
    progress = worker_progress(work.key)
    with contextlib.chdir(work.project):
        for index, chain in enumerate(work.chains):
            share = part_of(progress, index / len(work.chains), (index + 1) / len(work.chains))
            outcomes += run_chain(chain, share)
            if outcomes and is_disk_full(outcomes[-1].error):
                break  # the rest would fail too; what was not begun waits
    return outcomes


def run_chain(chain: Chain, progress: Progress) -> Iterator[Outcome]:
    """Do the steps of one item in order, until one fails; the working folder is the project's."""
    item = chain.item
    for index, step in enumerate(chain.steps):
        share = part_of(progress, index / len(chain.steps), (index + 1) / len(chain.steps))
        outcome = run_step(step, item, chain.members, share)
        yield outcome
        if outcome.error is not None:
            return
        item = replace(item, slots={**item.slots, **outcome.slots})


def run_step(step: Step, item: ItemInput, members: tuple[ItemInput, ...], progress: Progress) -> Outcome:
    """Do one task; any fault becomes the outcome's ``error``."""
    started = time.monotonic()
    staging = Path("jobs") / STAGING / f"{Path(step.folder).name}-{uuid.uuid4().hex[:8]}"
    base = Outcome(step.job, step.item, step.identity, worker=f"{socket.gethostname()}:{os.getpid()}")
    try:
        published = read_record(Path(step.folder), step.identity)
        if published is None:
            published = compute(step, item, members, staging, limited(progress, step.timeout))
        _clear_scratch(step)
        outcome = replace(base, **published)
    except (Exception, KeyboardInterrupt) as error:
        fault = error if isinstance(error, Exception) else ComputeError("interrupted", hint="It is tried again")
        outcome = replace(base, error=describe(fault, log_folder=Path("logs")))
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return replace(outcome, seconds=time.monotonic() - started)


def limited(progress: Progress, timeout: float | None) -> Progress:
    """Progress that ends work which takes too long."""
    if timeout is None:
        return progress
    end = time.monotonic() + timeout

    def report(fraction: float, what: str) -> None:
        if time.monotonic() > end:
            raise ComputeError(
                f"not done after {timeout:g} s (at {100 * fraction:.0f} %: {what})",
                hint="Raise the time limit of the job, or look why it is slow",
                timeout=timeout,
            )
        progress(fraction, what)

    return report


def compute(
    step: Step, item: ItemInput, members: tuple[ItemInput, ...], staging: Path, progress: Progress
) -> dict[str, Any]:
    """Run the job type in a folder aside, and publish the folder under its final name.

    Returns:
        The fields of the outcome that a record keeps.
    """
    job_type = needed_type(Path(), step.type)
    staging.mkdir(parents=True)
    if job_type.scope == "set":
        result = _on_set(job_type, step, item, members, staging, progress)
    else:
        run = runner(step.type, to_json(resolved_values(job_type, step, item), indent=None), job_type.provenance)
        result = run(item, staging, progress)
    return publish(job_type, step, result, staging)


def _on_set(
    job_type: JobType, step: Step, item: ItemInput, members: tuple[ItemInput, ...], staging: Path, progress: Progress
) -> Result:
    params = resolved(job_type, step, item)
    if job_type.on_growing_set is None:
        assert job_type.on_set is not None
        return job_type.on_set(params)(list(members), staging, progress)
    assert step.scratch is not None
    scratch = Path(step.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    previous = None if step.previous is None or not Path(step.previous).is_dir() else Path(step.previous)
    work = SetWork(staging, scratch, previous, step.complete)
    return job_type.on_growing_set(params)(list(members), work, progress)


def _clear_scratch(step: Step) -> None:
    """Remove what the work on a set kept for the case of a kill, this time's and earlier ones'."""
    if step.scratch is not None:
        scratch = Path(step.scratch)
        for folder in scratch.parent.glob(f"{scratch.name.rpartition('-')[0]}-*"):
            shutil.rmtree(folder, ignore_errors=True)


def resolved_values(job_type: JobType, step: Step, item: ItemInput) -> dict[str, Any]:
    """Values of the parameters for this item: its own and the job's, then what needed slots and the project know."""
    needed = [slot for need in job_type.needs if (slot := chosen_slot(need, item.slots)) is not None]
    slots = [Source(f"slot {name}", item.slots[name].values) for name in needed]
    sources = [Source("job", step.params, inherited=False), *slots, Source("project", step.settings)]
    return {name: value.value for name, value in resolve(job_type, sources).items()}


def resolved(job_type: JobType, step: Step, item: ItemInput) -> Any:
    """The parameters' model for this item."""
    return checked(job_type, resolved_values(job_type, step, item), f"J{step.job} {job_type.name}")


def runner(name: str, values: str, provenance: str) -> Callable[[ItemInput, Path, Progress], Result]:
    """The job type's function for items, started once for equal parameters (it may have read a gain reference).

    It is that of the working folder, which is the project's: parameters name files relative to it.
    """
    return _runner(str(Path.cwd()), name, values, provenance)


@lru_cache(maxsize=8)
def _runner(folder: str, name: str, values: str, provenance: str) -> Callable[[ItemInput, Path, Progress], Result]:
    job_type = needed_type(Path(), name)
    params = checked(job_type, json.loads(values), name)
    if job_type.on_item is not None:
        return job_type.on_item(params)
    start = job_type.start(params)
    need = job_type.needs[0] if job_type.needs else ""

    def run(item: ItemInput, out: Path, progress: Progress) -> Result:
        slot = chosen_slot(need, item.slots)
        file = None if slot is None else item.slots[slot].file
        if file is None:
            raise UsageError(
                f"{item.name} has no {need.replace('|', ' or ')}",
                hint=f"Connect {name} behind a job that gives one",
                item=item.name,
            )
        if not Path(file).exists():
            raise DataError(f"{file} is not there", hint="Bring it back, or trash the item", path=file)
        return start(Path(file), out, progress)

    return run


def publish(job_type: JobType, step: Step, result: Result, staging: Path) -> dict[str, Any]:
    """Give the folder its final name after all of it has reached the disk; a folder without files is not kept.

    Another worker that was thought dead may have published the same result: then that one is taken.
    """
    final = Path(step.folder)
    record = {
        "identity": step.identity,
        "slots": {slot.name: vars(filled(slot, result, staging, final)) for slot in job_type.gives},
        "outputs": list(result.get("leaves_by", job_type.outputs[:1])),
        "warnings": list(result.get("warnings") or ()),
        "versions": {"vitreous": __version__, **(result.get("versions") or {})},
        "fragments": [*(result.get("fragments") or ()), *_table_files(job_type, result, staging, final)],
    }
    files = [path for path in staging.rglob("*") if path.is_file()]
    folder = None
    if files:
        folder = str(final)
        (staging / RECORD).write_text(to_json({**record, "folder": folder}) + "\n")
        sync_tree(staging)
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(staging, final)
        except OSError:
            published = read_record(final, step.identity)
            if published is None:
                raise
            return published
        sync_folder(final.parent)
    return _fields({**record, "folder": folder})


def _table_files(job_type: JobType, result: Mapping[str, Any], staging: Path, final: Path) -> list[dict[str, Any]]:
    """The Parquet files of a result that are parts of the project's big tables."""
    outputs = result.get("outputs") or {}
    found = []
    for slot in job_type.gives:
        for table, key in slot.tables.items():
            if key in outputs:
                import pyarrow.parquet as parquet

                path = Path(str(outputs[key]))
                inside = path if not path.is_absolute() else path.relative_to(Path.cwd())
                place = str(final / inside.relative_to(staging))
                rows = parquet.read_metadata(path).num_rows
                found.append({"table": table, "path": place, "rows": rows, "bytes": path.stat().st_size})
    return found


def filled(slot: Slot, result: Mapping[str, Any], staging: Path, final: Path) -> SlotValue:
    """The slot's value: files by their final names relative to the project, columns from the result's figures."""
    outputs = result.get("outputs") or {}

    def placed(name: str) -> str:
        path = Path(str(outputs[name]))
        inside = path if not path.is_absolute() else path.relative_to(Path.cwd())
        return str(final / inside.relative_to(staging)) if inside.is_relative_to(staging) else str(inside)

    values = {column: plain(result.get(key)) for column, key in slot.columns.items()}
    files = {name: placed(name) for name in slot.files if name in outputs}
    return SlotValue(None if slot.file is None or slot.file not in outputs else placed(slot.file), files, values)


def read_record(folder: Path, identity: str) -> dict[str, Any] | None:
    """What an earlier worker published in this folder, ``None`` where nothing (whole) of that identity is."""
    try:
        record = json.loads((folder / RECORD).read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder / RECORD} can't be read: {error}", hint="Remove that folder; it is made again", path=str(folder)
        ) from error
    return _fields(record) if record.get("identity") == identity else None


def _fields(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "slots": {name: SlotValue(**value) for name, value in record["slots"].items()},
        "outputs": tuple(record["outputs"]),
        "warnings": tuple(record["warnings"]),
        "versions": record["versions"],
        "fragments": tuple(record["fragments"]),
        "folder": record["folder"],
    }


def clear_staging(project: Path) -> None:
    """Remove what interrupted work left behind.

    Workers of an engine that was killed may live on for a moment: what they are making is taken out of their reach
    first, at one stroke, so that none of them can publish a folder while it is being emptied.
    """
    jobs = project / "jobs"
    with contextlib.suppress(FileNotFoundError):
        os.rename(jobs / STAGING, jobs / f"{STAGING}.{uuid.uuid4().hex[:8]}")
    for folder in jobs.glob(f"{STAGING}.*"):
        shutil.rmtree(folder, ignore_errors=True)


def sync_tree(folder: Path) -> None:
    """Have every file and folder reach the disk."""
    for root, _, names in os.walk(folder):
        for name in names:
            with open(Path(root) / name, "rb") as handle:
                os.fsync(handle.fileno())
        sync_folder(Path(root))


def sync_folder(folder: Path) -> None:
    """Have a folder's entries reach the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
