"""What all benchmarks need: commands measured as the kernel counts them, the machine's names, results on disk."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SHARED_DATA = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Usage:
    """What one command took: CPU (user + system) and wall time in s, peak resident memory in GB (1e9 bytes)."""

    cpu: float
    wall: float
    memory: float


def run_command(command: Sequence[str | Path], folder: Path = ROOT) -> Usage:
    """Run a command to its end and count it and its own children; a failure is shown and ends the benchmark.

    Linux counts the peak from before the command replaces the benchmark's copy: it is never below this process's own.
    """
    words = [str(word) for word in command]
    log = folder / ".command.log"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    start = perf_counter()
    with open(log, "wb") as out:
        process = subprocess.Popen(words, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    wall = perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(errors="replace")
    log.unlink()
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}\nended with {process.returncode}:\n{text[-3000:]}")
    return Usage(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024 / 1e9)


def processor() -> str:
    """Name of the CPU."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """Hardware, versions and date, as every record states them."""
    import numpy
    import torch

    import vitreous

    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "vitreous": vitreous.__version__,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def slug(name: str) -> str:
    """A name as part of a file's name."""
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


def write_results(kind: str, hardware: str, results: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Write ``KIND-HARDWARE.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{kind}-{slug(hardware)}.json"
    target.write_text(json.dumps(results, indent=1) + "\n")
    return target
