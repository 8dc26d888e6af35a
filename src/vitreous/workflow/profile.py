"""Run profiles: where work runs and with what, written in TOML by a person, a project or a site."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from vitreous.core.errors import DataError, UsageError

Gpus = Literal["auto"] | int | tuple[int | str, ...]
"""``auto`` for all that there are, a number of them, or their ids."""

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_GPU_DIRECTIVE = re.compile(r"--gres|--gpus|--gpu-|-gpu\b|\bngpus?=|\bgpus?=|request_gpus", re.IGNORECASE)
_EMPTY_DIRECTIVE = re.compile(r"^(-{1,2}[\w-]+=?|[\w+]+\s*=|-l\s+[\w]+=)\s*$")
_FLAGS_WITHOUT_VALUE = ("--exclusive", "--requeue", "--no-requeue", "--contiguous", "--oversubscribe", "-V", "-r", "-x")


class ProfileBase(BaseModel):
    """What every profile says; memory is of one worker.

    A worker does one piece of work at a time with ``threads`` threads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threads: int = Field(1, ge=1, description="threads of one worker")
    memory: str | None = Field(None, description="memory of one worker with its unit, such as 6GB")
    setup: tuple[str, ...] = Field((), description="shell lines before the worker starts, such as module load cuda")
    python: str | None = Field(None, description="the python that runs the workers; this one's by default")
    scratch: Path | None = Field(None, description="fast folder of the worker's machine for what is temporary")
    interface: str | None = Field(None, description="network interface by which workers reach this machine: ib0")
    host: str | None = Field(None, description="address by which workers reach this machine, in place of interface")

    @field_validator("memory")
    @classmethod
    def _memory_has_value(cls, value: str | None) -> str | None:
        if value is not None:
            memory_bytes(value)
        return value


class LocalProfile(ProfileBase):
    """Workers on this machine."""

    kind: Literal["local"] = "local"
    workers: Literal["auto"] | Annotated[int, Field(ge=0)] = Field("auto", description="workers without a GPU")
    gpus: Gpus = Field("auto", description="GPUs, each with a worker of its own")


class SshProfile(ProfileBase):
    """Workers on machines that are reached by ssh without a password."""

    kind: Literal["ssh"]
    hosts: tuple[str, ...] = Field(min_length=1, description="machines, as ssh knows them")
    workers: int = Field(1, ge=0, description="workers without a GPU on each machine")
    gpus: int | tuple[int | str, ...] = Field(0, description="GPUs of each machine, each with a worker of its own")
    options: tuple[str, ...] = Field((), description="options of ssh, such as -p 2222")


class QueueProfile(ProfileBase):
    """What profiles of queue systems share; every worker is one job of the queue."""

    workers: int = Field(1, ge=0, description="jobs without a GPU")
    gpu_workers: int = Field(0, ge=0, description="jobs with GPUs")
    gpus_per_worker: int = Field(1, ge=1, description="GPUs of one such job")
    max_workers: int | None = Field(
        None, ge=1, description="grow up to so many jobs while work waits, and shrink again"
    )
    memory: str = Field("4GB", description="memory of one job with its unit")
    walltime: str | None = Field(None, description="longest time of a job, as the queue system writes it")
    queue: str | None = Field(None, description="queue or partition")
    gpu_queue: str | None = Field(None, description="queue or partition of the jobs with GPUs, where it is another")
    account: str | None = Field(None, description="account or project that is charged")
    directives: tuple[str, ...] = Field((), description="further directives, without #SBATCH, #$, #BSUB, #PBS")
    cancel_extra: tuple[str, ...] = Field((), description="arguments of the cancelling command")
    submit_extra: tuple[str, ...] = Field((), description="arguments of the submitting command")

    @model_validator(mode="after")
    def _some_worker(self) -> QueueProfile:
        if not self.workers and not self.gpu_workers:
            raise ValueError("workers and gpu_workers are both 0, so nothing would ever run")
        if self.max_workers is not None and self.workers and self.gpu_workers:
            raise ValueError("max_workers needs one kind of job: set workers or gpu_workers to 0")
        return self


class SlurmProfile(QueueProfile):
    """SLURM."""

    kind: Literal["slurm"]


class SgeProfile(QueueProfile):
    """Sun/Univa/Altair Grid Engine."""

    kind: Literal["sge"]
    resource_spec: str | None = Field(None, description="the -l line; h_vmem from memory by default")
    parallel_environment: str | None = Field(None, description="environment that gives several slots on one node")


class LsfProfile(QueueProfile):
    """IBM Spectrum LSF."""

    kind: Literal["lsf"]


class PbsProfile(QueueProfile):
    """PBS Professional, OpenPBS, Torque."""

    kind: Literal["pbs"]
    resource_spec: str | None = Field(None, description="the -l line; select=1:ncpus=…:mem=… by default")


class HtcondorProfile(QueueProfile):
    """HTCondor."""

    kind: Literal["htcondor"]
    disk: str = Field("1GB", description="disk of one job with its unit")


Queued = SlurmProfile | SgeProfile | LsfProfile | PbsProfile | HtcondorProfile
Profile = LocalProfile | SshProfile | Queued
_PROFILE: TypeAdapter[Profile] = TypeAdapter(Annotated[Profile, Field(discriminator="kind")])


@dataclass(frozen=True)
class NamedProfile:
    """A profile with its name, and the file that it comes from (``None``: built in)."""

    name: str
    profile: Profile
    origin: Path | None


def memory_bytes(text: str) -> int:
    """Bytes of a text such as ``6GB``, ``500 MiB``; K, M, G, T are powers of 1024 as queue systems take them.

    Raises:
        ValueError: it is no amount of memory.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    if not match or float(match[1]) == 0:
        raise ValueError(f"{text!r} is no amount of memory; write a number and a unit, such as 6GB")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def profile_files(project: Path | None) -> list[Path]:
    """Where profiles may be written, the first going before the others: project, user, site."""
    user = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "vitreous" / "profiles.toml"
    files = [user, Path("/etc/vitreous/profiles.toml")]
    return files if project is None else [project / "profiles.toml", *files]


def load_profiles(project: Path | None) -> dict[str, NamedProfile]:
    """All profiles by name; of two with one name the project's goes before the user's, and that before the site's.

    ``local`` is always there.

    Raises:
        DataError: a file is no TOML, or a field is wrong.
    """
    found: dict[str, NamedProfile] = {}
    for path in profile_files(project):
        if path.is_file():
            for name, profile in read_profiles(path).items():
                found.setdefault(name, NamedProfile(name, profile, path))
    found.setdefault("local", NamedProfile("local", LocalProfile(), None))
    return found


def find_profile(name: str, project: Path | None) -> NamedProfile:
    """The profile of that name.

    Raises:
        UsageError: there is none.
    """
    profiles = load_profiles(project)
    if name not in profiles:
        raise UsageError(
            f"there is no run profile {name!r}",
            hint=f"Known are {', '.join(sorted(profiles))}; write others into {profile_files(project)[0]}",
        )
    return profiles[name]


def read_profiles(path: Path) -> dict[str, Profile]:
    """The profiles of one file: a TOML table for each, with its ``kind``.

    Raises:
        DataError: it can't be read, is no TOML, or a field is wrong; the message names file, profile and field.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read: {error}", hint="Make it a readable text file", path=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path} is no TOML: {error}", hint="Correct that line", path=str(path)) from None
    return {name: _checked(path, name, table) for name, table in tables.items()}


def _checked(path: Path, name: str, table: Any) -> Profile:
    if not isinstance(table, dict):
        raise DataError(
            f"{path}: {name} stands outside any profile",
            hint=f"Begin the file with the name of a profile in brackets, such as [{name}]",
            path=str(path),
        )
    try:
        return _PROFILE.validate_python(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != table.get("kind"))
        field = f", field {place}" if place else ""
        raise DataError(
            f"{path}: profile {name}{field}: {first['msg'].removeprefix('Value error, ')}",
            hint=_hint(first["type"], table.get("kind")),
            path=str(path),
            profile=name,
            field=place,
        ) from None


def _hint(fault: str, kind: Any) -> str:
    models: dict[str, type[ProfileBase]] = {"local": LocalProfile, "ssh": SshProfile, "slurm": SlurmProfile}
    models |= {"sge": SgeProfile, "lsf": LsfProfile, "pbs": PbsProfile, "htcondor": HtcondorProfile}
    if fault.startswith("union_tag"):
        return f"Set kind to one of {', '.join(models)}"
    if fault == "extra_forbidden" and kind in models:
        return f"A {kind} profile knows {', '.join(models[kind].model_fields)}"
    return "Correct that field"


def toml_text(profiles: Mapping[str, Profile]) -> str:
    """Profiles as the TOML that ``read_profiles`` reads: only what differs from the defaults, and the kind."""
    return "\n".join(_toml_table(name, profile) for name, profile in profiles.items())


def _toml_table(name: str, profile: Profile) -> str:
    values = {"kind": profile.kind} | profile.model_dump(mode="json", exclude_defaults=True)
    key = name if re.fullmatch(r"[\w-]+", name, re.ASCII) else _toml_value(name)
    return "\n".join([f"[{key}]", *(f"{field} = {_toml_value(value)}" for field, value in values.items())]) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, str):
        escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c for c in _quoted(value))
        return f'"{escaped}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def directives_for(profile: Queued, kind: Literal["cpu", "gpu"]) -> list[str]:
    """The directives of a job of that kind: empty ones dropped, and those about GPUs where the job has none."""
    kept = [line.strip() for line in profile.directives if not is_empty_directive(line)]
    return [line for line in kept if kind == "gpu" or not asks_for_gpu(line)]


def is_empty_directive(line: str) -> bool:
    """Whether a directive has no value, such as ``--mail-user=``; flags that take none are not meant."""
    text = line.strip()
    return not text or (bool(_EMPTY_DIRECTIVE.match(text)) and text not in _FLAGS_WITHOUT_VALUE)


def asks_for_gpu(line: str) -> bool:
    """Whether a directive is about GPUs."""
    return bool(_GPU_DIRECTIVE.search(line))


@dataclass(frozen=True)
class Finding:
    """Something in a profile that will not do what its writer thinks; ``field`` names the place."""

    field: str
    message: str
    hint: str


def check_profile(profile: Profile) -> list[Finding]:
    """What is suspicious in a profile that is formally right."""
    findings = [*_check_memory(profile), *_check_setup(profile)]
    if isinstance(profile, QueueProfile):
        findings += [*_check_directives(profile), *_check_walltime(profile), *_check_gpu_request(profile)]
    if isinstance(profile, LocalProfile) and profile.workers == 0 and profile.gpus in (0, ()):
        findings.append(Finding("workers", "there is neither a CPU nor a GPU worker", "Set workers to 1 or more"))
    return findings


def _check_memory(profile: Profile) -> Iterator[Finding]:
    if profile.memory is not None and not re.search(r"[KMGT]", profile.memory, re.IGNORECASE):
        yield Finding("memory", f"{profile.memory} has no unit and means bytes", f"Write {profile.memory.strip()}GB")
    elif profile.memory is not None and memory_bytes(profile.memory) < 2**29:
        yield Finding("memory", f"{profile.memory} is less than a worker needs to start", "Give 2.5GB or more")


def _check_setup(profile: Profile) -> Iterator[Finding]:
    for line in profile.setup:
        if re.search(r"(^|[;&|]\s*)(srun|sbatch|qsub|bsub|mpirun|mpiexec)\b", line):
            yield Finding("setup", f"{line!r} starts a job inside the job", "Give only what prepares, as module load")


def _check_directives(profile: Queued) -> Iterator[Finding]:
    for line in profile.directives:
        if re.match(r"\s*#\s*(SBATCH|\$|BSUB|PBS)", line):
            yield Finding("directives", f"{line!r} has the prefix already", "Leave the prefix out; it is added")
        elif is_empty_directive(line):
            yield Finding("directives", f"{line!r} has no value and is left out", "Give a value or remove it")
        elif re.search(r"\n|;|&&", line) and profile.kind != "htcondor":
            yield Finding("directives", f"{line!r} holds several commands", "Write one directive for each")
        elif asks_for_gpu(line) and (not profile.gpu_workers or re.search(r"gpu\w*(:\w+)*[:=]0\b", line)):
            why = "asks for no GPU" if profile.gpu_workers else "asks for GPUs, but gpu_workers is 0, so it is left out"
            yield Finding("directives", f"{line!r} {why}", "Set gpu_workers, or remove the directive")


_WALLTIME = {
    "slurm": (r"\d+|\d+:\d\d(:\d\d)?|\d+-\d+(:\d\d){0,2}", "minutes, HH:MM:SS or days-HH:MM:SS"),
    "sge": (r"\d+:\d\d:\d\d", "HH:MM:SS"),
    "lsf": (r"\d+(:\d\d)?", "minutes or HH:MM"),
    "pbs": (r"\d+:\d\d:\d\d", "HH:MM:SS"),
    "htcondor": (r"\d+", "seconds"),
}


def _check_walltime(profile: Queued) -> Iterator[Finding]:
    kind = profile.kind
    if profile.walltime is None:
        return
    pattern, format_ = _WALLTIME[kind]
    if not re.fullmatch(pattern, profile.walltime):
        yield Finding("walltime", f"{profile.walltime!r} is no time for {kind}", f"Write it as {format_}")


def _check_gpu_request(profile: Queued) -> Iterator[Finding]:
    if profile.gpu_workers and _gpu_request_is_open(profile):
        yield Finding(
            "directives", "no directive asks for a GPU, and sites name it differently", "Add one such as -l gpu=1"
        )


def _gpu_request_is_open(profile: Queued) -> bool:
    if not isinstance(profile, SgeProfile | PbsProfile):
        return False
    written = isinstance(profile, PbsProfile) and profile.resource_spec is None
    return not written and not any(map(asks_for_gpu, [*profile.directives, profile.resource_spec or ""]))
