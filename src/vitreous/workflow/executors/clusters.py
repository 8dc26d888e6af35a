"""From a run profile to a running cluster: a scheduler in this process, and workers wherever the profile says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import dask
from distributed import Nanny, Scheduler, SpecCluster, Status, rpc

from vitreous.core.errors import ResourceError
from vitreous.workflow.executors.encryption import Keys
from vitreous.workflow.executors.local import local_workers
from vitreous.workflow.profile import LocalProfile, Profile, QueueProfile, SshProfile

SETTINGS: dict[str, Any] = {
    "distributed.admin.event-loop-monitor-interval": "1s",
    "distributed.admin.low-level-log-length": 20,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.multiprocessing-method": "spawn",
}
"""No sampling profiler and short logs in memory, so that a week of work does not grow: logs keep whole submissions."""

KEEP_INTERVAL = 5.0
"""s between two looks for workers that ended, as a queue's jobs do at their wall time."""


class Cluster(SpecCluster):
    """A cluster that replaces the workers that it loses.

    distributed forgets a worker 15 s after it left; its nanny would have brought it back by then.
    """

    def __init__(self, *, scheduler: Mapping[str, Any], keys: Keys | None = None) -> None:
        security = None if keys is None else keys.security
        specification = {"cls": Scheduler, "options": {**scheduler, "security": security}}
        super().__init__(workers={}, scheduler=specification, security=security, name="vitreous")
        self._keys = keys
        self._keeper: asyncio.Task[None] | None = None
        self._leaving = asyncio.Event()

    def start_workers(self, workers: Mapping[str, Any]) -> None:
        """Start the workers of a specification.

        Raises:
            ResourceError: one of them can't be started.
        """
        self.worker_spec.update(workers)
        try:
            self.sync(self._correct_state)
        except RuntimeError as error:
            raise ResourceError(
                f"the workers can't be started: {error}",
                hint="See cluster.log; a Python file that runs a project needs: if __name__ == '__main__':",
            ) from error
        self.sync(self._begin_to_keep)

    async def _begin_to_keep(self) -> None:
        self._keeper = asyncio.ensure_future(self._keep())

    async def _keep(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), KEEP_INTERVAL)
                return
            for name in [name for name, worker in self.workers.items() if getattr(worker, "ended", False)]:
                await self.workers.pop(name).close()
            if set(self.worker_spec) - set(self.workers):
                try:
                    await self._correct_state()
                except (ResourceError, OSError) as error:
                    self._log(f"a worker can't be started again: {error}")

    async def _close(self) -> None:
        if self._keeper is not None:
            self._leaving.set()  # no cancelling: a worker that it is just starting would be left behind
            await asyncio.wait([self._keeper])
        if self.status not in (Status.closing, Status.closed):
            await self._dismiss()
        await super()._close()
        if self._keys is not None:
            self._keys.remove()

    async def _dismiss(self) -> None:
        """Have nannies on other machines kill their workers; asked politely, a busy one would take ten seconds."""
        if any(isinstance(worker, Nanny) for worker in self.workers.values()):
            return
        nannies = [info["nanny"] for info in self.scheduler_info["workers"].values() if info.get("nanny")]
        arguments = {} if self._keys is None else {"connection_args": self.security.get_connection_args("worker")}
        calls = [asyncio.ensure_future(_end_nanny(address, arguments)) for address in nannies]
        if calls:
            await asyncio.wait(calls, timeout=4.0)


async def _end_nanny(address: str, arguments: Mapping[str, Any]) -> None:
    with suppress(OSError):
        async with rpc(address, **arguments) as nanny:
            await nanny.terminate(timeout=1.0, reason="the pool of workers is closed")


def open_cluster(profile: Profile, log_folder: Path) -> Cluster:
    """Start a scheduler in this process and the profile's workers.

    Raises:
        ResourceError: workers can't be started; the message holds what the queue system or ssh said.
    """
    with dask.config.set(SETTINGS):
        keys = None if isinstance(profile, LocalProfile) else Keys(log_folder)
        cluster = Cluster(scheduler=_scheduler(profile), keys=keys)
        try:
            cluster.start_workers(workers_of(profile, log_folder, keys))
            if isinstance(profile, QueueProfile) and profile.max_workers is not None:
                _adapt(cluster, profile.max_workers)
        except BaseException:
            cluster.worker_spec.clear()
            cluster.close(timeout=10)
            raise
    return cluster


def workers_of(profile: Profile, log_folder: Path, keys: Keys | None) -> dict[str, dict[str, Any]]:
    """What is to be started for a profile: worker's name → class and options."""
    if isinstance(profile, LocalProfile):
        return local_workers(profile, log_folder)
    if isinstance(profile, SshProfile):
        from vitreous.workflow.executors.ssh import ssh_workers

        return ssh_workers(profile, log_folder, keys)
    from vitreous.workflow.executors.queues import queue_workers

    return queue_workers(profile, log_folder, keys)


def _scheduler(profile: Profile) -> dict[str, Any]:
    """Where the scheduler listens: for local workers where no other machine can speak to it."""
    options: dict[str, Any] = {"port": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0", "allowed_failures": 0}
    if not isinstance(profile, LocalProfile):
        options["protocol"] = "tls://"
    if profile.host is not None:
        return options | {"host": profile.host}
    if profile.interface is not None:
        return options | {"interface": profile.interface}
    return options | {"host": "127.0.0.1"} if isinstance(profile, LocalProfile) else options


def _adapt(cluster: Cluster, most: int) -> None:
    cluster.new_spec = next(iter(cluster.worker_spec.values()))
    cluster.adapt(minimum=len(cluster.worker_spec), maximum=most, wait_count=12, interval="5s")
