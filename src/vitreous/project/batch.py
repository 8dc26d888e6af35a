"""Run one job type over many items; a bad item is reported and never stops the others."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vitreous.core.errors import Cancelled, DataError, ResourceError, UsageError
from vitreous.core.plain import plain
from vitreous.core.progress import Progress, part_of, silent
from vitreous.project.faults import describe
from vitreous.workflow.job_type import JobType, Params, Result, Runner
from vitreous.workflow.parameters import check_needed

Finished = Callable[[int, Result, float], None]
"""Called after each item: ``finished(index, result, seconds)``."""


def ignore(index: int, result: Result, seconds: float) -> None:
    """Do nothing when an item is done."""


def run_batch(
    job: JobType,
    params: Params,
    items: Sequence[Path],
    out: Path,
    progress: Progress = silent,
    finished: Finished = ignore,
) -> list[Result]:
    """Process the items one after the other and return their results in the same order.

    Args:
        job: the job type; its ``start`` is called once.
        params: its parameters.
        items: files; no two may share a stem, because outputs are named by it.
        out: folder of the outputs, made where needed.
        progress: told the fraction of the whole batch; it may raise ``Cancelled``.
        finished: told each result as it is there.

    Returns:
        One JSON-able result per item. A failed item's is ``{"input", "error": {code, message, hint, context}}``.
        When the work is stopped the last result carries the error code ``cancelled``; the items after it are left out.

    Raises:
        UsageError: before anything is computed, where items or output folder can't be used.
        VitreousError: from ``job.start``, where the parameters can't be used.
    """
    check_stems(items, together=job.together)
    check_needed(job, vars(params))
    make_folder(out)
    results: list[Result] = []
    runner: Runner | None = None
    try:
        runner = job.start(params)
    except KeyboardInterrupt:
        raise Cancelled("stopped before the first item", hint="Nothing was written") from None
    for index, item in enumerate(items):
        started = time.monotonic()
        share = part_of(progress, index / len(items), (index + 1) / len(items))
        result = _run_item(runner, item, out, share)
        results.append(result)
        finished(index, result, time.monotonic() - started)
        if result.get("error", {}).get("code") == Cancelled.code:
            break
    return results


def finish_batch(job: JobType, params: Params, results: Sequence[Result], out: Path) -> Mapping[str, str]:
    """Write what belongs to all items together, name → path; nothing where the work was stopped.

    Raises:
        VitreousError: it can't be written.
    """
    stopped = any(result.get("error", {}).get("code") == Cancelled.code for result in results)
    return {} if job.finish is None or stopped else job.finish(params, list(results), out)


def _run_item(runner: Runner, item: Path, out: Path, progress: Progress) -> Result:
    try:
        check_item(item)
        progress(0.0, item.name)
        result = dict(plain(runner(item, out, progress)))
        progress(1.0, item.name)
    except KeyboardInterrupt:
        stopped = Cancelled(
            f"{item.name}: stopped", hint="No partial file was left; run the command again for the rest"
        )
        return {"input": str(item), "error": describe(stopped)}
    except Exception as error:
        return {"input": str(item), "error": describe(error, log_folder=out)}
    return {"input": str(item), **result}


def check_item(item: Path) -> None:
    """Raise ``DataError`` unless the item is a file that can be read."""
    if item.is_dir():
        raise DataError(f"{item} is a folder, not a file", hint=f"Name its files, such as {item}/*", path=str(item))
    if not item.exists():
        raise DataError(f"{item} does not exist", hint="Check the name; a pattern must match a file", path=str(item))
    if not os.access(item, os.R_OK):
        raise DataError(f"{item} may not be read", hint="Check its permissions", path=str(item))


def check_stems(items: Sequence[Path], *, together: bool = False) -> None:
    """Raise ``UsageError`` where two items would write the same outputs, or where there are none."""
    if not items:
        raise UsageError("no items are given", hint="Name one or more files")
    if together:
        return
    by_stem: dict[str, list[str]] = defaultdict(list)
    for item in items:
        by_stem[item.stem].append(str(item))
    for stem, paths in by_stem.items():
        if len(paths) > 1:
            raise UsageError(
                f"{paths[0]} and {paths[1]} would both write {stem}.*",
                hint="Process them with different --out folders",
                paths=paths,
            )


def make_folder(out: Path) -> None:
    """Make the output folder, or say why it can't be used."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{out} is a file, not a folder", hint="Choose another --out", path=str(out)) from None
    except OSError as error:
        raise ResourceError(
            f"{out}: the folder can't be made: {error.strerror}", hint="Choose another --out", path=str(out)
        ) from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise ResourceError(f"{out}: the folder is not writable", hint="Choose another --out", path=str(out))
