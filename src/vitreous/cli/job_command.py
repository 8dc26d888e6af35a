"""A job type as a command: its parameters become options, its results a table or JSON."""

from __future__ import annotations

import contextlib
import inspect
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.markup import escape

from vitreous.cli.options import build_params, option_parameters
from vitreous.cli.progress_bar import progress_display
from vitreous.cli.tables import results_table
from vitreous.cli.terminal import console, show_error
from vitreous.core.memory import keep_freed_memory
from vitreous.core.plain import to_json
from vitreous.project.batch import finish_batch, run_batch
from vitreous.project.faults import exit_code
from vitreous.project.job_types import BrokenJob
from vitreous.workflow.job_type import JobType, Result

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def job_command(job: JobType) -> Callable[..., None]:
    """The function that typer turns into the command of this job type."""

    def command(items: list[Path] | None, out: Path, json_output: bool, threads: int | None, **given: Any) -> None:
        params = build_params(job.params, given)
        limit_threads(threads)
        keep_freed_memory()
        with terminated_as_interrupt(), output_for_messages(json_output):
            chosen = list(items or [])
            results = _run(job, params, chosen if job.expand is None else job.expand(params, chosen), out)
            table = results_table(job, results)
            written = finish_batch(job, params, results, out)
        if json_output:
            print(to_json(results))  # noqa: T201 - the one thing on standard output
        console(stderr=json_output).print(table)
        for name, path in written.items():
            console(stderr=True).print(f"{name}: {path}", soft_wrap=True)
        code = exit_code(results)
        if code:
            raise typer.Exit(code)

    item_help = f"{job.items.lower()} files to process"
    arguments = Annotated[list[Path], typer.Argument(metavar=f"{job.items}...", help=item_help)]
    optional = Annotated[list[Path] | None, typer.Argument(metavar=f"[{job.items}]...", help=item_help)]
    parameters = [
        _keyword("items", arguments) if job.expand is None else _keyword("items", optional, None),
        _keyword("out", Annotated[Path, typer.Option("--out", help="folder of the outputs", metavar="DIR")]),
        *option_parameters(job.params),
        _keyword("json_output", Annotated[bool, typer.Option("--json", help="print the results as JSON")], False),
        _keyword(
            "threads",
            Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads; all cores unless given")],
            None,
        ),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__name__ = job.name
    command.__doc__ = escape(job.summary)
    return command


def job_epilog(job: JobType) -> str:
    """Below the options of ``--help``: a whole command line, and the papers."""
    papers = "" if not job.citations else "\n\nMethods: " + escape("; ".join(job.citations))
    return f"Example: [bold]{escape(job.example)}[/bold]{papers}"


def broken_command(broken: BrokenJob) -> Callable[..., None]:
    """The command that stands for a job type that can't be loaded: it explains why."""

    def command(context: typer.Context) -> None:
        print(broken.traceback, file=sys.stderr)  # noqa: T201 - what the user needs to report it
        error = {
            "message": f"the job type {broken.name!r} ({broken.origin}) can't be loaded: {broken.reason}",
            "hint": "Mend or remove the package that declares it; the traceback is above",
        }
        show_error(error)
        raise typer.Exit(1)

    command.__doc__ = escape(f"Can't be loaded: {broken.reason}")
    return command


def limit_threads(threads: int | None) -> None:
    """Bound the threads of the array libraries, which read these variables when they are first imported."""
    if threads is not None:
        for name in THREAD_VARIABLES:
            os.environ[name] = str(threads)


@contextlib.contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Treat a termination signal like Ctrl-C, so that no partial file is left."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextlib.contextmanager
def output_for_messages(json_output: bool) -> Iterator[None]:
    """With ``--json``, send whatever is printed on the way to standard error."""
    if not json_output:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _run(job: JobType, params: Any, items: list[Path], out: Path) -> list[Result]:
    with progress_display(len(items), shown=True) as progress:

        def finished(index: int, result: Result, seconds: float) -> None:
            if "error" in result:
                show_error(result["error"], subject=result["input"])
                return
            warn(result)
            if not sys.stderr.isatty():
                line = f"{index + 1}/{len(items)} {Path(result['input']).name}: {seconds:.1f} s"
                console(stderr=True).print(line, soft_wrap=True)

        return run_batch(job, params, items, out, progress, finished)


def warn(result: Result) -> None:
    """Show the warnings that a result carries."""
    for warning in result.get("warnings") or ():
        console(stderr=True).print(f"warning {Path(result['input']).name}: {warning}", style="yellow", soft_wrap=True)


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
