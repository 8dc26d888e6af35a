"""Run a user script on an item or a set: what it is told, what becomes of its output, which error its end means."""

from __future__ import annotations

import os
import re
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from vitreous.core.errors import ComputeError, DataError, ResourceError, UsageError
from vitreous.core.plain import plain, to_json
from vitreous.core.progress import Progress
from vitreous.project.script_process import Ended, run_process
from vitreous.project.script_results import JOB_FILE, LOG_FILE, RESULTS_FILE, Printed, read_results
from vitreous.project.scripts import ScriptJob, file_digest, search_path
from vitreous.workflow.job_type import ItemInput, Params, Result, SlotValue

FULL = ("No space left on device", "Disk quota exceeded")
"""What programs say where the disk is full; that is no fault of the script or of the item."""
LAST_LINES = 40
LARGEST_LOG = 16_000_000  # characters of each stream that are kept
_CLOCK = re.compile(
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?(?:Z|UTC|[+-]\d\d:?\d\d))?"
    r"|\b\d\d?:\d\d:\d\d(?:[.,]\d+)?\b"
)
_JOB_VERSION = 1


def run_script(job: ScriptJob, params: Params, items: Sequence[ItemInput], out: Path, progress: Progress) -> Result:
    """Run a script in its output folder, and read what it gives.

    Args:
        job: the script.
        params: its parameters.
        items: the one item, or the members of a set.
        out: its folder, which is made; ``script.log`` stays there if it said anything.
        progress: told what the script tells; may raise ``Cancelled``, which stops the script and all its processes.

    Returns:
        ``input``, ``outputs`` (key → path), a value for each declared column, ``warnings``.

    Raises:
        DataError: a needed file is missing, the script has changed, or what it gives is not what it declares.
        ComputeError: it ended with another exit code than 0.
        ResourceError: it was killed, or took longer than its limit.
        UsageError: it can't be started.
    """
    out = Path(os.path.abspath(out))
    out.mkdir(parents=True, exist_ok=True)
    (out / RESULTS_FILE).unlink(missing_ok=True)  # of a run that was stopped
    _refuse_changed(job)
    described = [_described(job, item) for item in items]
    told = _job_file(job, params, described, out)
    (out / JOB_FILE).write_text(to_json(told) + "\n")
    printed = Printed()
    with _Log(out, job) as log:
        ended = _run(job, _environment(job, told, described, out), out, printed, log, progress)
    _refuse_failed(job, ended, log)
    _refuse_changed(job)
    result = read_results(job.name, job.header, out, printed, job.outputs)
    if ended.left_behind:
        result["warnings"].append("the script left processes behind; they were stopped")
    (out / JOB_FILE).unlink(missing_ok=True)
    (out / RESULTS_FILE).unlink(missing_ok=True)
    if log.empty:
        (out / LOG_FILE).unlink(missing_ok=True)
    else:
        result["outputs"]["log"] = str(out / LOG_FILE)
    return {"input": _input(job, described), **result}


def _run(
    job: ScriptJob, environment: Mapping[str, str], out: Path, printed: Printed, log: _Log, progress: Progress
) -> Ended:
    def on_line(stream: str, line: str) -> None:
        log.write(stream, line)
        if stream == "stdout":
            printed.read(line)

    def on_tick() -> None:
        progress(printed.fraction, printed.doing or job.title)

    try:
        return run_process([job.file], out, environment, job.header.timeout, on_line, on_tick)
    except OSError as error:
        raise UsageError(
            f"{job.file}: the script can't be started: {error.strerror}",
            hint="Try it in a terminal; its first line must name an interpreter, and the file be executable",
            path=str(job.file),
        ) from None


def _refuse_changed(job: ScriptJob) -> None:
    """A result must belong to the text that its identity names."""
    try:
        same = file_digest(job.file) == job.provenance
    except OSError as error:
        raise DataError(
            f"{job.file}: the script can't be read: {error.strerror}", hint="Put it back", path=str(job.file)
        ) from None
    if not same:
        raise DataError(
            f"{job.file}: the script has changed since this task was planned",
            hint="Retry: the task then runs with the new text",
            path=str(job.file),
        )


def _refuse_failed(job: ScriptJob, ended: Ended, log: _Log) -> None:
    limit = job.header.timeout
    said = log.last_words()
    if ended.code != 0 and any(words in log.tail() for words in FULL):
        raise ResourceError(
            f"{job.name}: the disk is full{said}", hint="Free some space", script=job.name, reason="disk_full"
        )
    context: dict[str, Any] = {"script": job.name, "exit_code": ended.code, "log": log.tail()}
    if ended.timed_out:
        raise ResourceError(
            f"{job.name}: stopped after its limit of {_duration(limit)}{said}",
            hint="Look why it takes so long, or raise timeout in its header",
            **context,
        )
    if ended.code < 0:
        name = signal.Signals(-ended.code).name if -ended.code in set(signal.Signals) else str(-ended.code)
        if name in ("SIGKILL", "SIGTERM", "SIGXCPU"):
            raise ResourceError(
                f"{job.name}: killed by {name}{said}",
                hint="Most often the memory did not suffice, or somebody stopped it; then retry",
                **context,
            )
        raise ComputeError(f"{job.name}: crashed by {name}{said}", hint="Correct the script, then retry", **context)
    if ended.code == 127:
        raise ComputeError(
            f"{job.name}: a program that it calls is not there{said}", hint="Install that program", **context
        )
    if ended.code > 0:
        raise ComputeError(
            f"{job.name}: ended with exit code {ended.code}{said}", hint="Correct the script, then retry", **context
        )


def _duration(seconds: float) -> str:
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _described(job: ScriptJob, item: ItemInput) -> dict[str, Any]:
    """One item as ``job.json`` has it; its needed slots must be there with their files."""
    for need in job.needs:
        chosen = _first_there(need, item)
        if chosen is None:
            raise DataError(
                f"{job.name}: {item.name} has no {need.replace('|', ' or ')}", hint="Run the job that gives it first"
            )
        path = _absolute(job, item.slots[chosen].file)
        if path is not None and not Path(path).is_file():
            raise DataError(f"{path}: the {chosen} of {item.name} is not there", hint="Put it back", path=path)
    slots = {name: _slot(job, slot) for name, slot in item.slots.items()}
    return {"name": item.name, "values": plain(item.values), "slots": slots}


def _slot(job: ScriptJob, slot: SlotValue) -> dict[str, Any]:
    files = {key: _absolute(job, path) for key, path in slot.files.items()}
    return {"file": _absolute(job, slot.file), "files": files, "values": plain(slot.values)}


def _absolute(job: ScriptJob, path: str | None) -> str | None:
    return None if path is None else str(job.project / path)


def _first_there(need: str, item: ItemInput) -> str | None:
    return next((name for name in need.split("|") if name in item.slots), None)


def _job_file(job: ScriptJob, params: Params, described: list[dict[str, Any]], out: Path) -> dict[str, Any]:
    told: dict[str, Any] = {"version": _JOB_VERSION, "job": job.name}
    told |= {"item": described[0]} if job.scope == "item" else {"items": described}
    values = params.model_dump(mode="json")
    for name, declared in job.header.parameters.items():
        if declared.type == "file":
            values[name] = _absolute(job, values[name])  # the script runs in another folder than people work in
    return {**told, "parameters": values, "out": str(out), "project": str(job.project)}


def _environment(job: ScriptJob, told: Mapping[str, Any], described: list[dict[str, Any]], out: Path) -> dict[str, str]:
    """The script's variables: those of this process, fixed language and time, and all that it is told."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("VITREOUS_")}
    mine |= {"PATH": search_path(), "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    mine |= {"VITREOUS_JOB": str(out / JOB_FILE), "VITREOUS_OUT": str(out), "VITREOUS_PROJECT": str(job.project)}
    for name, value in told["parameters"].items():
        if value is not None:
            mine[f"VITREOUS_PARAM_{name.upper()}"] = _text(value)
    mine["VITREOUS_ITEM"] = described[0]["name"] if job.scope == "item" else ""
    if job.scope != "item":
        return mine
    item = described[0]
    for values in [item["values"], *(slot["values"] for slot in item["slots"].values())]:
        for name, value in values.items():
            if isinstance(value, str | int | float) and "\0" not in str(value):
                mine[f"VITREOUS_VALUE_{name.upper()}"] = _text(value)
    for need in reversed(job.needs):
        slot = next(name for name in need.split("|") if name in item["slots"])
        path = item["slots"][slot]["file"]
        if path is not None:
            mine[f"VITREOUS_{slot.upper()}"] = mine["VITREOUS_INPUT"] = path
    return mine


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _input(job: ScriptJob, described: list[dict[str, Any]]) -> str:
    """The main file of the first need, else the item's name; a set is called by its job."""
    if job.scope != "item":
        return job.name
    for name in job.needs[0].split("|") if job.needs else ():
        if name in described[0]["slots"]:
            return str(described[0]["slots"][name]["file"] or described[0]["name"])
    return str(described[0]["name"])


class _Log:
    """``script.log``: standard output, then standard error, the same bytes at each run that says the same.

    The two streams are kept apart, since how their lines mix depends on chance; clock times become ``<time>`` and the
    folder, whose name differs while the script runs, ``<out>``.
    """

    def __init__(self, out: Path, job: ScriptJob) -> None:
        self.out, self.job = out, job
        self.last = {"stdout": deque[str](maxlen=LAST_LINES), "stderr": deque[str](maxlen=LAST_LINES)}
        self.size = {"stdout": 0, "stderr": 0}
        self.paths = {"stdout": out / LOG_FILE, "stderr": out / ".script.stderr"}
        self.files: dict[str, IO[str]] = {}

    def __enter__(self) -> _Log:
        with ExitStack() as stack:
            for stream, path in self.paths.items():
                self.files[stream] = stack.enter_context(open(path, "w"))
            self.open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.open.close()
        errors = self.paths["stderr"]
        if self.size["stderr"]:
            with open(self.paths["stdout"], "a") as log, open(errors) as part:
                log.write("--- standard error ---\n")
                for line in part:
                    log.write(line)
        errors.unlink(missing_ok=True)

    def write(self, stream: str, line: str) -> None:
        """Keep one line."""
        self.last[stream].append(line[:2000])
        if self.size[stream] > LARGEST_LOG:
            return
        text = _CLOCK.sub("<time>", line).replace(str(self.out), "<out>") + "\n"
        self.size[stream] += len(text)
        self.files[stream].write(text if self.size[stream] <= LARGEST_LOG else "… further output is left out\n")

    @property
    def empty(self) -> bool:
        """Whether the script said nothing at all."""
        return not any(self.size.values())

    def tail(self) -> str:
        """The last 40 lines of standard error; of standard output where there were none."""
        return "\n".join(self.last["stderr"] or self.last["stdout"])

    def last_words(self) -> str:
        """The last line that says something, for a message; empty where there is none."""
        lines = [line.strip() for line in (self.last["stderr"] or self.last["stdout"]) if line.strip()]
        return f" ({lines[-1][:300]})" if lines else ""
