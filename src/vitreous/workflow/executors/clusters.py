"""From a run profile to a running cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask
from distributed import Scheduler, SpecCluster

from vitreous.core.errors import UsageError
from vitreous.workflow.executors.local import local_workers
from vitreous.workflow.profile import LocalProfile, Profile

SETTINGS: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.admin.event-loop-monitor-interval": "1s",
    "distributed.admin.low-level-log-length": 1000,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.multiprocessing-method": "spawn",
}
"""No sampling profiler, short logs in memory: a week of work must not grow; deaths are counted by the executor."""


def open_cluster(profile: Profile, log_folder: Path) -> SpecCluster:
    """Start a scheduler in this process and the profile's workers.

    Raises:
        ResourceError: workers can't be started.
    """
    if not isinstance(profile, LocalProfile):
        raise UsageError(f"profiles of kind {profile.kind} can't be used", hint="Use a local one")
    with dask.config.set(SETTINGS):
        return SpecCluster(
            workers=local_workers(profile, log_folder),
            scheduler={
                "cls": Scheduler,
                "options": {"host": "127.0.0.1", "port": 0, "dashboard": False, "allowed_failures": 0},
            },
            name="vitreous",
        )
