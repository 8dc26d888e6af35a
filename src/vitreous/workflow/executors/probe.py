"""A small work that shows whether a run profile does what it says, and what its workers are."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vitreous.core.errors import ResourceError, UsageError
from vitreous.workflow.executor import Kind, Lost, Outcome, Work
from vitreous.workflow.executors.dask_executor import DaskExecutor
from vitreous.workflow.profile import LocalProfile, Profile, SshProfile

PROBE_TIME = 1.0
"""s that the probe works."""


@dataclass(frozen=True)
class Probed:
    """What a probe found; times in s.

    Attributes:
        kind: of the worker.
        worker: ``host:pid``.
        first_worker: from asking for a worker until one was there.
        answer: from handing the probe in until its answer, of which it works 1 s.
        versions: of python, Vitreous and distributed over there.
        differences: versions that differ from here, each a sentence.
    """

    kind: Kind
    worker: str
    first_worker: float
    answer: float
    versions: dict[str, str]
    differences: tuple[str, ...]


def probe(work: Work) -> list[Outcome]:
    """What a worker does for a probe: one second of nothing, and its versions."""
    time.sleep(PROBE_TIME)
    return [Outcome(0, 0, "probe", versions=versions(), worker=f"{socket.gethostname()}:{os.getpid()}")]


def versions() -> dict[str, str]:
    """Versions that must agree between this machine and its workers."""
    packages = {name: importlib.metadata.version(name) for name in ("vitreous", "distributed")}
    return {"python": platform.python_version(), **packages}


def smallest(profile: Profile) -> tuple[Profile, Kind]:
    """The profile with a single worker, and that worker's kind."""
    if isinstance(profile, LocalProfile):
        return profile.model_copy(update={"workers": 1, "gpus": 0}), "cpu"
    kind: Kind = "cpu" if profile.workers else "gpu"
    if isinstance(profile, SshProfile):
        gpus = 0 if kind == "cpu" else profile.gpus if isinstance(profile.gpus, int) else profile.gpus[:1]
        update = {"hosts": profile.hosts[:1], "workers": min(profile.workers, 1), "gpus": gpus}
        return profile.model_copy(update=update), kind
    one = {"workers": int(kind == "cpu"), "gpu_workers": int(kind == "gpu"), "max_workers": None}
    return profile.model_copy(update=one), kind


def run_probe(profile: Profile, log_folder: Path, timeout: float) -> Probed:
    """Start one worker of the profile, have it do the probe, and stop it.

    Raises:
        ResourceError: the job was refused, no worker came within ``timeout`` s, or the probe was lost.
    """
    single, kind = smallest(profile)
    answered = threading.Event()
    answers: list[Sequence[Outcome] | Lost] = []

    def done(_: Work, outcome: Sequence[Outcome] | Lost) -> None:
        answers.append(outcome)
        answered.set()

    start = time.monotonic()
    pool = DaskExecutor(single, _silent, log_folder)
    try:
        pool.wait_for_worker(timeout)
        there = time.monotonic()
        pool.submit(probe, Work("probe", str(log_folder), kind, ()), done)
        if not answered.wait(timeout):
            raise ResourceError(f"the probe gave no answer within {timeout:g} s", hint=f"Read the logs in {log_folder}")
        end = time.monotonic()
    finally:
        pool.close()
    answer = answers[0]
    if isinstance(answer, Lost):
        raise ResourceError(f"the probe was lost: {answer.reason}", hint=f"Read the logs in {log_folder}")
    found = dict(answer[0].versions)
    return Probed(kind, answer[0].worker, there - start, end - there, found, _differences(found))


def _differences(there: dict[str, str]) -> tuple[str, ...]:
    here = versions()
    return tuple(
        f"{name} is {there.get(name, 'absent')} over there and {here[name]} here"
        for name in here
        if there.get(name) != here[name]
    )


def _silent(key: str, fraction: float, what: str) -> None:
    """The probe reports nothing."""


def dry_run(profile: Profile, log_folder: Path) -> str:
    """What would be submitted or started for each kind of worker, as text.

    Raises:
        UsageError: a local profile submits nothing.
    """
    if isinstance(profile, LocalProfile):
        raise UsageError("a local profile submits no script", hint="Leave --dry-run out to see the profile")
    if isinstance(profile, SshProfile):
        from vitreous.workflow.executors.encryption import STAND_IN, key_arguments
        from vitreous.workflow.executors.ssh import remote_command, ssh_workers

        lines = []
        for name, worker in ssh_workers(profile, log_folder).items():
            options = worker["options"]
            command = remote_command(profile, "tls://SCHEDULER:PORT", name, options["gpu"], key_arguments(STAND_IN))
            lines.append(shlex.join(["ssh", "-o", "BatchMode=yes", *profile.options, options["host"], command]))
        return "\n".join(lines) + "\n"
    from vitreous.workflow.executors.queues import rendered

    counts: dict[Kind, int] = {"cpu": profile.workers, "gpu": profile.gpu_workers}
    return "".join(rendered(profile, kind, log_folder) for kind, count in counts.items() if count)
