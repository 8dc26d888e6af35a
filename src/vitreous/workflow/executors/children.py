"""The programs that a worker started: found by a mark in their environment, killed with the worker or before it."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from contextlib import suppress
from pathlib import Path

MARK = "VITREOUS_WORKER"

_WATCH = """
read -r _
for file in $(grep -lzx "$1" /proc/[0-9]*/environ 2>/dev/null); do
  pid=${file#/proc/}; kill -9 "${pid%/environ}" 2>/dev/null
done
"""


def start_watch() -> tuple[str, int]:
    """Mark what this process starts from now on, and have it killed when this process ends, however it ends.

    A shell of 1 MB waits at a pipe whose other end only this process holds; even SIGKILL closes it. The mark is an
    environment variable, so grandchildren that left the process group or lost their parent are found too.

    Returns:
        The mark's value, and the pipe's end, which is to be kept open.
    """
    mark = uuid.uuid4().hex
    reading, writing = os.pipe()
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    subprocess.Popen(
        ["/bin/sh", "-c", _WATCH, "vitreous-watch", f"{MARK}={mark}"],
        stdin=reading,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
        start_new_session=True,
    )
    os.close(reading)
    os.environ[MARK] = mark
    return mark, writing


def kill_children(mark: str) -> int:
    """SIGKILL every process that bears the mark, but not this one; returns how many there were."""
    wanted = f"{MARK}={mark}".encode()
    killed = 0
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
    return killed
