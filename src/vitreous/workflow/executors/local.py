"""Workers on this machine: how many, with which GPU and with which environment each."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dask.system import CPU_COUNT
from distributed import Nanny
from distributed.system import MEMORY_LIMIT

from vitreous.core.errors import ResourceError
from vitreous.workflow.profile import Gpus, LocalProfile, memory_bytes

MEMORY_OF_A_WORKER = int(2.5 * 2**30)
"""bytes that ``auto`` plans for one worker: a 50-frame super-resolution movie binned by 2 takes 2.6 GB."""

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VITREOUS_THREADS",
)


class LocalWorker(Nanny):
    """A nanny whose worker has ``before`` in its environment before its python imports anything."""

    def __init__(self, *arguments: Any, before: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.pre_spawn_env = {**self.pre_spawn_env, **before}
        self.env = {**self.env, **before}

    async def kill(self, timeout: float = 1.0, reason: str = "nanny-kill") -> None:
        """Stop the worker: what it runs is given up, so there is nothing to wait for."""
        await super().kill(timeout=min(timeout, 1.0), reason=reason)


def thread_environment(threads: int) -> dict[str, str]:
    """Environment by which every array library takes that many threads."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def automatic_workers(threads: int) -> int:
    """Workers for this machine by the cores and the memory that this process may use; at least 1."""
    return max(1, min(CPU_COUNT // threads, int(MEMORY_LIMIT) // MEMORY_OF_A_WORKER))


def gpu_ids(gpus: Gpus) -> list[str]:
    """Ids of the GPUs to use.

    Raises:
        ResourceError: more are asked for than there are.
    """
    if isinstance(gpus, tuple):
        return [str(gpu) for gpu in gpus]
    if gpus == 0:
        return []
    present = _present_gpus()
    if gpus == "auto":
        return present
    if gpus > len(present):
        raise ResourceError(
            f"{gpus} GPUs are asked for, but there are {len(present)}",
            hint="Lower gpus in the run profile, or look with nvidia-smi why they are not seen",
        )
    return present[:gpus]


def _present_gpus() -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [gpu for gpu in visible.split(",") if gpu.strip()]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        listed = subprocess.run(
            [program, "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return listed.stdout.split() if listed.returncode == 0 else []


def local_workers(profile: LocalProfile, log_folder: Path) -> dict[str, dict[str, Any]]:
    """What ``SpecCluster`` starts: one process for each worker, each with one GPU or none."""
    count = automatic_workers(profile.threads) if profile.workers == "auto" else profile.workers
    workers = {f"cpu-{number}": _worker(profile, log_folder, None) for number in range(count)}
    return workers | {f"gpu-{gpu}": _worker(profile, log_folder, gpu) for gpu in gpu_ids(profile.gpus)}


def _worker(profile: LocalProfile, log_folder: Path, gpu: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "before": thread_environment(profile.threads),
        "env": {"CUDA_VISIBLE_DEVICES": gpu or ""},
        "nthreads": 1,
        "resources": {"CPU": 1} if gpu is None else {"GPU": 1},
        "memory_limit": 0 if profile.memory is None else memory_bytes(profile.memory),
        "local_directory": str(profile.scratch or log_folder),
        "silence_logs": logging.WARNING,
        "dashboard": False,
        "host": "127.0.0.1",
    }
    return {"cls": LocalWorker, "options": options}
