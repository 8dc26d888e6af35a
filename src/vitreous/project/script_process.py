"""One external process in a group of its own: its output drained, its time limited, nothing of it left behind."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

CHUNK = 1 << 16  # bytes of one read
LONGEST_LINE = 1 << 16  # bytes; what is longer (binary output) is cut into lines of this size
GRACE = 5.0  # s from SIGTERM to SIGKILL
LINGER = 0.5  # s that output may still come after the process has ended, from processes it left behind
TICK = 0.05  # s between two looks at clock and caller

OnLine = Callable[[str, str], None]
"""Told each line without its end: ``on_line("stdout" or "stderr", line)``."""


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: exit code; minus the signal's number where a signal ended it.
        timed_out: it was stopped because its time was over.
        left_behind: processes that it started went on after it; they were stopped.
    """

    code: int
    timed_out: bool
    left_behind: bool


class _Lines:
    """Cuts the bytes of one stream into lines; bytes that are no UTF-8 are replaced."""

    def __init__(self, stream: str, on_line: OnLine) -> None:
        self.stream, self.on_line, self.rest = stream, on_line, b""

    def feed(self, data: bytes) -> None:
        *lines, rest = (self.rest + data).split(b"\n")
        for line in lines:
            self._tell(line)
        while len(rest) >= LONGEST_LINE:
            self._tell(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        self.rest = rest

    def close(self) -> None:
        if self.rest:
            self._tell(self.rest)
        self.rest = b""

    def _tell(self, line: bytes) -> None:
        self.on_line(self.stream, line.decode(errors="replace").rstrip("\r"))


def run_process(
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str],
    timeout: float,
    on_line: OnLine,
    on_tick: Callable[[], None],
) -> Ended:
    """Run a command to its end; its standard input is closed.

    Whatever ends it (its own end, the time limit, an exception of ``on_line`` or ``on_tick``), its whole process group
    gets SIGTERM where it still runs, and SIGKILL after 5 s.

    Args:
        command: program and arguments.
        folder: where it runs.
        environment: all of its variables.
        timeout: s.
        on_line: told every line of output, from the calling thread.
        on_tick: called about 20 times a second; may raise to stop the process.

    Raises:
        OSError: the program can't be started.
    """
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with _Drain(process, on_line) as drain:
        try:
            timed_out = _follow(process.pid, drain, time.monotonic() + timeout, on_tick)
            if timed_out:
                drain.stop(process.pid)
            left_behind = not timed_out and drain.linger()
        except BaseException:
            drain.muted = True
            drain.stop(process.pid)
            raise
        finally:
            # The process is not reaped yet, so its number, which is that of the group, can't be another's.
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
    return Ended(process.returncode, timed_out, left_behind)


def _follow(pid: int, drain: _Drain, end: float, on_tick: Callable[[], None]) -> bool:
    """Drain the output until the process has ended; whether its time was over before."""
    ticked = 0.0
    while not _has_ended(pid):
        drain.once()
        now = time.monotonic()
        if now >= end:
            return True
        if now - ticked >= TICK:
            ticked = now
            on_tick()
    return False


class _Drain:
    """Both pipes of a process, read as output comes."""

    def __init__(self, process: subprocess.Popen[bytes], on_line: OnLine) -> None:
        self.muted = False
        self.selector = selectors.DefaultSelector()
        self.pipes: list[IO[bytes]] = []
        self.process = process
        self.on_line = on_line
        self.lines: list[_Lines] = []

    def __enter__(self) -> _Drain:
        for name, pipe in (("stdout", self.process.stdout), ("stderr", self.process.stderr)):
            assert pipe is not None
            self.pipes.append(pipe)
            self.lines.append(_Lines(name, self._line))
            self.selector.register(pipe, selectors.EVENT_READ, self.lines[-1])
        return self

    def __exit__(self, *_: object) -> None:
        self.selector.close()
        for pipe in self.pipes:
            pipe.close()

    def _line(self, stream: str, line: str) -> None:
        if not self.muted:
            self.on_line(stream, line)

    def once(self, wait: float = TICK) -> bool:
        """Read what there is, waiting for at most ``wait`` s; whether anything came."""
        if not self.open:
            time.sleep(wait / 5)  # output closed before the end: only the end is waited for
            return False
        came = False
        for key, _ in self.selector.select(wait):
            data = os.read(key.fd, CHUNK)
            if data:
                came = True
                key.data.feed(data)
            else:
                self.selector.unregister(key.fileobj)
        return came

    @property
    def open(self) -> bool:
        """Whether a pipe may still bring something."""
        return bool(self.selector.get_map())

    def linger(self) -> bool:
        """Read the rest after the end; whether other processes still hold the pipes."""
        end = time.monotonic() + LINGER
        while self.open and time.monotonic() < end:
            self.once()
        for lines in self.lines:
            lines.close()
        return self.open

    def stop(self, pid: int) -> None:
        """SIGTERM to the group, then SIGKILL where it has not ended within the grace; output is still read."""
        _signal_group(pid, signal.SIGTERM)
        end = time.monotonic() + GRACE
        while (self.open or not _has_ended(pid)) and time.monotonic() < end:
            self.once()
        _signal_group(pid, signal.SIGKILL)
        self.linger()


def _has_ended(pid: int) -> bool:
    """Whether the process has ended, without reaping it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return  # nobody of the group is left (or only ones of another user, which are not ours to stop)
