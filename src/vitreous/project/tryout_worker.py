"""The process that tries jobs on single images: a line of JSON in, a line out; nothing stays on the disk."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitreous.core.errors import Cancelled, VitreousError
from vitreous.core.plain import plain, to_json
from vitreous.core.progress import Progress
from vitreous.project.faults import describe
from vitreous.project.picks.read import numbers, read_columns
from vitreous.project.worker import runner
from vitreous.workflow.job_type import ItemInput, JobType, Result, SlotValue

LARGEST_PICTURE = 4_000_000
"""Bytes of a picture that is still sent."""
MOST_PICKS = 20_000
"""Picks that are sent, the best first."""


class Requests:
    """Lines from the parent: requests, and the number of one for which nobody waits any more."""

    def __init__(self) -> None:
        self.cancelled = 0
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            message = json.loads(line)
            self.cancelled = max(self.cancelled, int(message.get("cancel", 0)))
            if "number" in message:
                self._waiting.put(message)
        os._exit(0)  # the server is gone: nobody waits for what is under way

    def next(self, seconds: float) -> dict[str, Any] | None:
        """The next request; ``None`` after this time without one."""
        try:
            return self._waiting.get(timeout=seconds)
        except queue.Empty:
            return None


def main() -> None:
    """Answer until nothing is asked for a while, or the server is gone."""
    idle = float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what jobs print must not get between the answers
    with contextlib.suppress(OSError):
        os.nice(5)  # the session's own work goes first
    requests = Requests()
    while (request := requests.next(idle)) is not None:
        number = int(request["number"])
        answer = {"number": number, **answered(request, _stopper(requests, number))}
        answers.write(json.dumps(answer, allow_nan=False) + "\n")
    answers.close()
    os._exit(0)


def _stopper(requests: Requests, number: int) -> Progress:
    """Progress that ends work for which nobody waits any more."""

    def progress(fraction: float, what: str) -> None:
        if requests.cancelled >= number:
            raise Cancelled("newer values came", hint="Nothing is to be done")

    return progress


def answered(request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """What a try gives, or its fault as ``error``; its files are gone when this returns."""
    started = time.monotonic()
    try:
        progress(0.0, "start")
        with tempfile.TemporaryDirectory(prefix="vitreous-try-") as place:
            found = tried(request, Path(place), progress)
    except VitreousError as error:
        return {"error": error.to_dict()}
    except Exception as error:  # a fault of ours; the page shows it as such
        return {"error": describe(error)}
    return {"seconds": round(time.monotonic() - started, 3), **found}


def tried(request: Mapping[str, Any], place: Path, progress: Progress) -> dict[str, Any]:
    """Do a try in an empty folder."""
    from vitreous.project.types import needed_type

    slots = {name: SlotValue(**value) for name, value in request["item"]["slots"].items()}
    item = ItemInput(request["item"]["name"], request["item"]["values"], slots)
    with contextlib.chdir(request["folder"]):
        job_type = needed_type(Path(), request["type"])
        run = runner(request["type"], to_json(request["values"], indent=None), request["provenance"])
        result = run(item, place, progress)
        return {
            "values": _values(job_type, result),
            "picks": _picks(result),
            "pictures": _pictures(result),
            "warnings": [str(text) for text in result.get("warnings") or ()],
            "settings": _finite(plain(request["values"])),
        }


def _values(job_type: JobType, result: Result) -> dict[str, Any]:
    """The columns that the job would give."""
    names = {column: key for slot in job_type.gives for column, key in slot.columns.items()}
    return {column: _finite(plain(result.get(key))) for column, key in names.items()}


def _finite(value: Any) -> Any:
    """The same without NaN and infinity, which JSON does not know."""
    if isinstance(value, float):
        return value if abs(value) <= sys.float_info.max else None
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list) else value


def _picks(result: Result) -> dict[str, Any] | None:
    """Candidates of the file ``picks``, where the job writes one."""
    path = (result.get("outputs") or {}).get("picks")
    if path is None or Path(path).suffix != ".parquet":
        return None
    rows, columns = read_columns(Path(path), ("coordinate_x", "coordinate_y", "pick_score", "pick_power", "kept"))
    score = numbers(columns, "pick_score", rows)
    order = (-numbers(columns, "pick_score", rows, float("-inf"))).argsort(kind="stable")[:MOST_PICKS]

    def listed(name: str, digits: int) -> list[float | None]:
        return [_finite(round(value, digits)) for value in numbers(columns, name, rows)[order].tolist()]

    return {
        "coordinates": list(zip(listed("coordinate_x", 2), listed("coordinate_y", 2), strict=True)),
        "score": [_finite(round(value, 4)) for value in score[order].tolist()],
        "power": listed("pick_power", 4),
        "kept": (numbers(columns, "kept", rows, 1.0)[order] > 0.5).tolist(),
    }


def _pictures(result: Result) -> dict[str, str]:
    """The job's PNG files as text."""
    found = {}
    for name, path in (result.get("outputs") or {}).items():
        file = Path(path)
        if file.suffix == ".png" and file.is_file() and file.stat().st_size <= LARGEST_PICTURE:
            found[str(name)] = base64.b64encode(file.read_bytes()).decode()
    return found


if __name__ == "__main__":
    main()
