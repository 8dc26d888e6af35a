"""Examine the machine: what Vitreous finds, what is wrong, what to do about it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vitreous import __version__
from vitreous.core.errors import UsageError
from vitreous.project import job_types

LIBRARIES = (
    "torch",
    "numpy",
    "scipy",
    "numba",
    "mrcfile",
    "tifffile",
    "imagecodecs",
    "gemmi",
    "pandas",
    "pydantic",
    "typer",
    "rich",
)
PACKAGES = {
    "RELION": ("relion_refine",),
    "MotionCor2": ("MotionCor2", "motioncor2"),
    "MotionCor3": ("MotionCor3", "motioncor3"),
    "CTFFIND": ("ctffind", "ctffind5", "ctffind4"),
    "Gctf": ("Gctf", "gctf"),
    "IMOD": ("newstack", "3dmod"),
}
LOW_DISK = 20e9  # bytes: about ten movies with their sums
LOW_MEMORY = 4e9  # bytes: a 4k movie needs 2.5 GB
PROBE_SECONDS = 120

# Runs in a process of its own: the library that it examines takes seconds to load and may fail to.
_PROBE = """
import json, time
import torch
devices = []
for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
    properties = torch.cuda.get_device_properties(index)
    devices.append({"name": properties.name, "memory": properties.total_memory,
                    "capability": f"{properties.major}.{properties.minor}"})
def seconds(device):
    image = torch.randn(2048, 2048, device=device)
    best = 1e9
    for _ in range(5):
        start = time.perf_counter()
        torch.fft.rfft2(image)
        if device != "cpu":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return best
answer = {"torch": torch.__version__, "cuda_build": torch.version.cuda, "threads": torch.get_num_threads(),
          "mkl": torch.backends.mkl.is_available(), "devices": devices, "fft_cpu": seconds("cpu")}
if devices:
    answer["fft_gpu"] = seconds("cuda")
print(json.dumps(answer))
"""


def examine(folder: Path) -> dict[str, Any]:
    """All that the doctor looks at; ``problems`` is a list of ``{message, hint}``, empty where all is well.

    Args:
        folder: the folder whose disk is examined.
    """
    problems: list[dict[str, str]] = []
    probe = _probe_torch(problems)
    report: dict[str, Any] = {
        "program": {"vitreous": __version__, "python": platform.python_version(), "system": platform.platform()},
        "processor": processor(),
        "memory": _memory(problems),
        "graphics": _graphics(probe),
        "speed": _speed(probe),
        "libraries": _libraries(problems),
        "packages": {name: _first_on_path(programs) for name, programs in PACKAGES.items()},
        "disk": _disk(folder, problems),
        "job types": _job_types(problems),
        "problems": problems,
    }
    return report


def processor() -> dict[str, Any]:
    """Model, usable cores, and the vector units that the array library profits from."""
    model, flags = platform.processor() or platform.machine(), set()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            elif key.strip() == "flags":
                flags = set(value.split())
                break
    except OSError:
        pass
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    units = {"AVX2": "avx2", "AVX-512": "avx512f", "AMX": "amx_tile", "bfloat16": "avx512_bf16"}
    return {
        "model": model,
        "cores": os.cpu_count(),
        "usable cores": usable,
        "vector units": [name for name, flag in units.items() if flag in flags],
    }


def _memory(problems: list[dict[str, str]]) -> dict[str, Any]:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = available_memory()
    if free is not None and free < LOW_MEMORY:
        hint = "Close other programs, or process smaller movies: a 4096 x 4096 movie needs 2.5 GB"
        problems.append({"message": f"only {free / 1e9:.1f} GB of memory are free", "hint": hint})
    return {"total": _gigabytes(total), "free": None if free is None else _gigabytes(free)}


def available_memory() -> int | None:
    """Bytes of memory that programs could still get; ``None`` where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def _probe_torch(problems: list[dict[str, str]]) -> dict[str, Any] | None:
    hint = "Install it again: pip install torch"
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
        if done.returncode == 0:
            return dict(json.loads(done.stdout.splitlines()[-1]))
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
    except subprocess.TimeoutExpired:
        reason = f"it did not answer in {PROBE_SECONDS} s"
    except (OSError, ValueError, IndexError) as error:
        reason = str(error)
    problems.append({"message": f"the array library torch does not work: {reason}", "hint": hint})
    return None


def _graphics(probe: dict[str, Any] | None) -> dict[str, Any]:
    if probe is None:
        return {"GPU": "not known: torch does not work"}
    if probe["devices"]:
        return {
            f"GPU {index}": f"{device['name']}, {_gigabytes(device['memory'])}, capability {device['capability']}"
            for index, device in enumerate(probe["devices"])
        }
    if shutil.which("nvidia-smi") and probe["cuda_build"] is None:
        return {"GPU": "not used: this build of torch is for CPUs only; install one built for CUDA"}
    return {"GPU": "none; everything runs on the processor"}


def _speed(probe: dict[str, Any] | None) -> dict[str, Any]:
    if probe is None:
        return {}
    speed = {"threads": probe["threads"], "2048 x 2048 real FFT": f"{1e3 * probe['fft_cpu']:.1f} ms"}
    if "fft_gpu" in probe:
        speed["2048 x 2048 real FFT on the GPU"] = f"{1e3 * probe['fft_gpu']:.2f} ms"
    return speed


def _libraries(problems: list[dict[str, str]]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
            problems.append({"message": f"the library {name} is missing", "hint": f"pip install {name}"})
    return found


def _first_on_path(programs: tuple[str, ...]) -> str:
    found = [path for path in map(shutil.which, programs) if path]
    return found[0] if found else "not found (optional)"


def _disk(folder: Path, problems: list[dict[str, str]]) -> dict[str, Any]:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}", hint="Go to a folder that exists", path=str(folder)) from error
    writable = os.access(folder, os.W_OK | os.X_OK)
    if not writable:
        hint = "Work in a folder of your own, or give --out"
        problems.append({"message": f"{folder} is not writable", "hint": hint})
    if free < LOW_DISK:
        hint = "Free some space: a movie's sums take about 0.3 GB"
        problems.append({"message": f"only {_gigabytes(free)} are free on the disk of {folder}", "hint": hint})
    return {"folder": str(folder), "free": _gigabytes(free), "writable": "yes" if writable else "no"}


def _job_types(problems: list[dict[str, str]]) -> dict[str, str]:
    found = {}
    for name, point in job_types.declared().items():
        job = job_types.load(point)
        if isinstance(job, job_types.BrokenJob):
            found[name] = f"broken: {job.reason}"
            hint = f"Run vitreous {name} to see its traceback, then mend or remove the package that declares it"
            problems.append({"message": f"the job type {name} can't be loaded: {job.reason}", "hint": hint})
        else:
            found[name] = job.title
    return found


def _gigabytes(amount: float) -> str:
    return f"{amount / 1e9:.1f} GB"
