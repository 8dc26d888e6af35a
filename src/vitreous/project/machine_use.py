"""What the machine has, and how much of it is used now, in a moment: for pages that ask often."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vitreous import __version__
from vitreous.project.doctor import available_memory, processor

GPU_SECONDS = 5.0


@dataclass(frozen=True)
class GpuUse:
    """One GPU: memory in bytes, use as a fraction."""

    name: str
    memory: float
    used: float
    use: float | None


def machine_use() -> dict[str, Any]:
    """Name, processor and its use, load, memory (bytes), GPUs of this machine; JSON-able; in a tenth of a second."""
    facts = processor()
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = int(facts["usable cores"] or 1)
    return {
        "host": socket.gethostname(),
        "vitreous": __version__,
        "python": platform.python_version(),
        "processor": str(facts["model"]),
        "cores": cores,
        "load": round(os.getloadavg()[0] / cores, 3),
        "cpu": processor_use(),
        "memory": {"total": total, "available": available_memory()},
        "gpus": [asdict(gpu) for gpu in gpus()],
    }


def processor_use(seconds: float = 0.1) -> float | None:
    """Part of all cores that is at work, over this time; ``None`` where the system does not say."""
    before = _ticks()
    if before is None:
        return None
    time.sleep(seconds)
    after = _ticks()
    if after is None or after[1] <= before[1]:
        return None
    return round((after[0] - before[0]) / (after[1] - before[1]), 3)


def _ticks() -> tuple[int, int] | None:
    """Ticks of all cores since boot: at work, and in all."""
    try:
        values = [int(word) for word in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    except (OSError, ValueError):
        return None
    idle = values[3] + values[4]  # waiting for a disk is no work
    return sum(values) - idle, sum(values)


def gpus() -> list[GpuUse]:
    """The GPUs that the driver's program tells of, none where it is not there or does not answer."""
    if shutil.which("nvidia-smi") is None:
        return []
    names = "name,memory.total,memory.used,utilization.gpu"
    try:
        done = subprocess.run(
            ["nvidia-smi", f"--query-gpu={names}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=GPU_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for line in done.stdout.splitlines():
        words = [word.strip() for word in line.split(",")]
        if len(words) == 4:
            use = float(words[3]) / 100 if words[3].replace(".", "").isdigit() else None
            found.append(GpuUse(words[0], float(words[1]) * 2**20, float(words[2]) * 2**20, use))
    return found
