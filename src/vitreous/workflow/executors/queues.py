"""Workers as jobs of SLURM, Grid Engine, LSF, PBS or HTCondor, by dask-jobqueue."""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from distributed import Status

from vitreous.core.errors import ResourceError
from vitreous.workflow.executor import Kind
from vitreous.workflow.executors.encryption import STAND_IN, Keys, key_arguments
from vitreous.workflow.executors.local import thread_environment
from vitreous.workflow.executors.signals import untouched_signals
from vitreous.workflow.profile import (
    HtcondorProfile,
    LsfProfile,
    PbsProfile,
    Queued,
    SgeProfile,
    SlurmProfile,
    asks_for_gpu,
    directives_for,
    memory_bytes,
)

with untouched_signals():
    from dask_jobqueue.core import Job
    from dask_jobqueue.htcondor import HTCondorJob
    from dask_jobqueue.lsf import LSFJob
    from dask_jobqueue.pbs import PBSJob
    from dask_jobqueue.sge import SGEJob
    from dask_jobqueue.slurm import SLURMJob

WAIT_FOR_SCHEDULER = 60
"""s that a worker looks for the scheduler before its job ends."""

SCRATCH = "${TMPDIR:-/tmp}"
"""Where a worker puts what is temporary unless the profile says; the node's shell fills it in."""


class _Explained:
    """A job whose refusal becomes an error that people can read."""

    async def start(self) -> None:
        try:
            await super().start()  # type: ignore[misc]
        except (RuntimeError, ValueError, OSError) as error:
            self.status = Status.failed
            raise _refusal(self.submit_command, str(error)) from None  # type: ignore[attr-defined]


class Slurm(_Explained, SLURMJob):
    """A worker in a job of SLURM."""


class GridEngine(_Explained, SGEJob):
    """A worker in a job of Grid Engine."""


class Lsf(_Explained, LSFJob):
    """A worker in a job of LSF."""

    async def _submit_job(self, script_filename: str) -> Any:
        with Path(script_filename).open("rb") as script:  # bsub reads directives only there; its complaints are kept
            return await self._call(shlex.split(self.submit_command), stdin=script)


class Pbs(_Explained, PBSJob):
    """A worker in a job of PBS."""


class HtCondor(_Explained, HTCondorJob):
    """A worker in a job of HTCondor."""


def _refusal(command: str, text: str) -> ResourceError:
    """The error for a job that was not taken, with what the submitting command wrote."""
    found = re.search(r"stderr:\n(.*)", text, re.DOTALL)
    said = " ".join((found[1] if found else text).split())
    program = command.split()[0]
    if "No such file or directory" in said and program in said:
        return ResourceError(
            f"this machine has no {program}", hint="Start Vitreous on a machine from which jobs can be submitted"
        )
    return ResourceError(
        f"{program} refused the job: {said or 'it said nothing'}",
        hint="See the script by vitreous profile show NAME --dry-run, and correct the run profile",
        command=command,
    )


def queue_workers(profile: Queued, log_folder: Path, keys: Keys | None = None) -> dict[str, dict[str, Any]]:
    """What ``SpecCluster`` starts: one job for each worker."""
    more = () if keys is None else keys.arguments()
    cpu = {f"cpu-{number}": worker(profile, "cpu", log_folder, more) for number in range(profile.workers)}
    return cpu | {f"gpu-{number}": worker(profile, "gpu", log_folder, more) for number in range(profile.gpu_workers)}


def rendered(profile: Queued, kind: Kind = "cpu", log_folder: Path = Path("logs")) -> str:
    """The script that would be submitted for one worker; the scheduler's address and the keys are not known yet."""
    with (
        tempfile.TemporaryDirectory() as stand_in
    ):  # dask-jobqueue makes the folder of logs; nothing is to be made here
        specification = worker(profile, kind, Path(stand_in), key_arguments(STAND_IN))
        job: Job = specification["cls"]("tls://SCHEDULER:PORT", name=f"{kind}-0", **specification["options"])
        return str(job.job_script()).replace(stand_in, str(log_folder))


def worker(profile: Queued, kind: Kind, log_folder: Path, more: Sequence[str] = ()) -> dict[str, Any]:
    """Class and options of one job; ``log_folder`` is created by dask-jobqueue."""
    options: dict[str, Any] = {
        "cores": 1,
        "processes": 1,
        "memory": f"{memory_bytes(profile.memory)}B",
        "job_name": f"vitreous-{kind}",
        "python": profile.python or sys.executable,
        "interface": profile.interface,
        "local_directory": SCRATCH if profile.scratch is None else str(profile.scratch),
        "log_directory": str(log_folder),
        "death_timeout": WAIT_FOR_SCHEDULER,
        "worker_extra_args": ["--resources", f"{kind.upper()}=1", "--no-dashboard", *more],
        "job_script_prologue": _prologue(profile, kind),
        "job_extra_directives": directives_for(profile, kind),
        "config_name": None,
    }
    build, particular = _PARTICULAR[type(profile)]
    return {"cls": _with_arguments(build, profile), "options": options | particular(profile, kind, options)}


def _with_arguments(build: type[Job], profile: Queued) -> type[Job]:
    """The job's class with the profile's further arguments of the submitting and cancelling commands."""
    submit = shlex.join([*shlex.split(build.submit_command), *profile.submit_extra])
    cancel = shlex.join([*shlex.split(build.cancel_command), *profile.cancel_extra])
    return type(build.__name__, (build,), {"submit_command": submit, "cancel_command": cancel})


def _prologue(profile: Queued, kind: Kind) -> list[str]:
    variables = thread_environment(profile.threads)
    if kind == "cpu":
        variables["CUDA_VISIBLE_DEVICES"] = ""
    return [f"export {name}={value}" for name, value in variables.items()] + list(profile.setup)


def _queue_of(profile: Queued, kind: Kind) -> str | None:
    return profile.gpu_queue or profile.queue if kind == "gpu" else profile.queue


def _needs_gpu_request(kind: Kind, options: dict[str, Any]) -> bool:
    return kind == "gpu" and not any(map(asks_for_gpu, options["job_extra_directives"]))


def _slurm(profile: SlurmProfile, kind: Kind, options: dict[str, Any]) -> dict[str, Any]:
    extra = list(options["job_extra_directives"])
    if _needs_gpu_request(kind, options):
        extra.append(f"--gres=gpu:{profile.gpus_per_worker}")
    return {
        "queue": _queue_of(profile, kind),
        "account": profile.account,
        "walltime": profile.walltime,
        "job_cpu": profile.threads,
        "job_extra_directives": extra,
    }


def _sge(profile: SgeProfile, kind: Kind, options: dict[str, Any]) -> dict[str, Any]:
    extra = list(options["job_extra_directives"])
    if profile.parallel_environment is not None:
        extra.insert(0, f"-pe {profile.parallel_environment} {profile.threads}")
    slot = memory_bytes(profile.memory) // (profile.threads if profile.parallel_environment else 1)
    return {
        "queue": _queue_of(profile, kind),
        "project": profile.account,
        "walltime": profile.walltime,
        "resource_spec": profile.resource_spec or f"h_vmem={-(-slot // 2**20)}M",
        "job_extra_directives": extra,
    }


def _lsf(profile: LsfProfile, kind: Kind, options: dict[str, Any]) -> dict[str, Any]:
    extra = list(options["job_extra_directives"])
    if _needs_gpu_request(kind, options):
        extra.append(f'-gpu "num={profile.gpus_per_worker}"')
    return {
        "queue": _queue_of(profile, kind),
        "project": profile.account,
        "walltime": profile.walltime,
        "ncpus": profile.threads,
        "job_extra_directives": extra,
    }


def _pbs(profile: PbsProfile, kind: Kind, options: dict[str, Any]) -> dict[str, Any]:
    gpus = f":ngpus={profile.gpus_per_worker}" if _needs_gpu_request(kind, options) else ""
    megabytes = -(-memory_bytes(profile.memory) // 2**20)
    return {
        "queue": _queue_of(profile, kind),
        "account": profile.account,
        "walltime": profile.walltime,
        "resource_spec": profile.resource_spec or f"select=1:ncpus={profile.threads}{gpus}:mem={megabytes}MB",
    }


def _htcondor(profile: HtcondorProfile, kind: Kind, options: dict[str, Any]) -> dict[str, Any]:
    pairs = [line.partition("=") for line in options["job_extra_directives"]]
    extra = {"RequestCpus": str(profile.threads)} | {name.strip(): value.strip() for name, _, value in pairs}
    if _needs_gpu_request(kind, options):
        extra["request_gpus"] = str(profile.gpus_per_worker)
    if profile.account is not None:
        extra["accounting_group"] = profile.account
    if profile.walltime is not None:
        extra["MY.MaxRuntime"] = profile.walltime
    return {
        "disk": profile.disk,
        "job_extra_directives": extra,
        "submit_command_extra": list(profile.submit_extra),
        "cancel_command_extra": list(profile.cancel_extra),
    }


_PARTICULAR: dict[type[Any], tuple[type[Job], Callable[[Any, Kind, dict[str, Any]], dict[str, Any]]]] = {
    SlurmProfile: (Slurm, _slurm),
    SgeProfile: (GridEngine, _sge),
    LsfProfile: (Lsf, _lsf),
    PbsProfile: (Pbs, _pbs),
    HtcondorProfile: (HtCondor, _htcondor),
}
