"""Workers on other machines, each started by one plain ssh."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from distributed import Status
from distributed.deploy.spec import ProcessInterface

from vitreous.core.errors import ResourceError
from vitreous.workflow.executor import Kind
from vitreous.workflow.executors.encryption import Keys
from vitreous.workflow.executors.local import thread_environment
from vitreous.workflow.profile import SshProfile, memory_bytes

START = 2.0
"""s after which an ssh that still runs has found its machine and may start the worker."""


class SshWorker(ProcessInterface):
    """One ssh whose remote command is a worker; it ends with the worker.

    The worker itself ends when it loses its scheduler, so that nothing stays behind if this machine fails.
    """

    def __init__(
        self,
        scheduler: str,
        name: str,
        host: str,
        profile: SshProfile,
        gpu: str | None,
        log: Path,
        keys: Keys | None = None,
    ) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._name = name
        self._host = host
        self._profile = profile
        self._gpu = gpu
        self._log = log
        self._keys = keys
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start ssh.

        Raises:
            ResourceError: there is no ssh, or it ended at once; the message holds what it said.
        """
        more = [] if self._keys is None else self._keys.arguments()
        command = remote_command(self._profile, self._scheduler, self._name, self._gpu, more)
        arguments = ["-o", "BatchMode=yes", *self._profile.options, self._host, command]
        with self._log.open("ab") as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    "ssh", *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            except OSError as error:
                self.status = Status.failed
                raise ResourceError(f"ssh can't be started: {error}", hint="Install an ssh client") from None
        with suppress(TimeoutError):
            code = await asyncio.wait_for(self._process.wait(), START)
            self.status = Status.failed
            said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
            raise ResourceError(
                f"no worker could be started on {self._host}: ssh ended with {code}: {' '.join(said)}",
                hint=f"Try: ssh {self._host} true; it must answer without asking for a password",
                host=self._host,
            )
        await super().start()

    @property
    def ended(self) -> bool:
        """Whether ssh has ended after its start, so that there is no worker: it is to be started again."""
        return self._process is not None and self._process.returncode is not None

    async def close(self) -> None:
        """End ssh; the worker was told to leave before."""
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), START)
            with suppress(ProcessLookupError):
                process.terminate()
        await super().close()


def remote_command(profile: SshProfile, scheduler: str, name: str, gpu: str | None, more: Sequence[str] = ()) -> str:
    """What the remote shell is given: setup lines, environment, the worker."""
    kind: Kind = "cpu" if gpu is None else "gpu"
    variables = thread_environment(profile.threads) | {"CUDA_VISIBLE_DEVICES": gpu or ""}
    worker = [profile.python or sys.executable, "-m", "distributed.cli.dask_worker", scheduler]
    worker += ["--name", name, "--nthreads", "1", "--nanny", "--no-dashboard", "--death-timeout", "60"]
    worker += ["--resources", f"{kind.upper()}=1"]
    worker += ["--memory-limit", "0" if profile.memory is None else str(memory_bytes(profile.memory))]
    if profile.interface is not None:
        worker += ["--interface", profile.interface]
    worker += more
    scratch = "${TMPDIR:-/tmp}" if profile.scratch is None else shlex.quote(str(profile.scratch))
    exports = [f"export {variable}={shlex.quote(value)}" for variable, value in variables.items()]
    return "; ".join([*profile.setup, *exports, f"exec {shlex.join(worker)} --local-directory {scratch}"])


def ssh_workers(profile: SshProfile, log_folder: Path, keys: Keys | None = None) -> dict[str, dict[str, Any]]:
    """What ``SpecCluster`` starts: for each host its workers without GPU, and one for each GPU."""
    gpus = [str(gpu) for gpu in (range(profile.gpus) if isinstance(profile.gpus, int) else profile.gpus)]
    workers: dict[str, dict[str, Any]] = {}
    for host in profile.hosts:
        devices = [(f"{host}-cpu-{number}", None) for number in range(profile.workers)]
        for name, gpu in [*devices, *((f"{host}-gpu-{gpu}", gpu) for gpu in gpus)]:
            log = log_folder / f"ssh-{name}.log"
            options = {"host": host, "profile": profile, "gpu": gpu, "log": log, "keys": keys}
            workers[name] = {"cls": SshWorker, "options": options}
    return workers
