"""What people who look on cost a running session: viewers on the stream of events, beside a real server and engine.

    python benchmarks/web_viewers.py [--viewers 200] [--seconds 60] [--nap 0.1] [--folder bench/viewers]

A session runs under ``vitreous serve``: its tasks take ``--nap`` s each in two workers, which makes twenty tasks per
second, some ten times those of a fast microscope. It is measured without viewers for half of the time, with them, and
without them again. Each viewer counts the lines of the log that it gets: none may be missing. It writes
benchmarks/results/web_viewers.json.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import engine as engine_benchmark
from measuring import RESULTS, ROOT, machine

PLUGIN = Path(__file__).parent / "viewers_plugin"
_LINE = re.compile(rb'"seq": ?(\d+), "time": ?([0-9.e+]+)')
WORKERS = 2


@dataclass
class Viewer:
    """What one viewer has got: numbers of lines, how late the first of each piece was (s), what went wrong."""

    first: int | None = None
    last: int | None = None
    lines: int = 0
    states: int = 0
    gaps: int = 0
    resets: int = 0
    ended: str | None = None
    delays: list[float] = field(default_factory=list)

    def hear(self, data: bytes, now: float) -> None:
        """Take a piece of the stream that ends with a line's end."""
        self.resets += data.count(b"event: reset")
        self.states += data.count(b"event: state")
        found = _LINE.findall(data)
        for number, _ in found:
            seq = int(number)
            self.gaps += self.last is not None and seq != self.last + 1
            self.first, self.last = seq if self.first is None else self.first, seq
        self.lines += len(found)
        if found:
            self.delays.append(now - float(found[0][1]))


async def look_on(viewer: Viewer, port: int, cookie: str, over: asyncio.Event) -> None:
    """Read the stream until it is over; in large pieces, so that reading costs little beside what is measured."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    words = f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n"
    writer.write(words.encode())
    closer = asyncio.create_task(_close(writer, over))
    rest = b""
    try:
        while data := await reader.read(1 << 18):
            whole, end, rest = (rest + data).rpartition(b"\n")
            if not over.is_set():
                viewer.hear(whole + end, time.time())
        if not over.is_set():
            viewer.ended = "the server ended the stream"
    except OSError as error:
        if not over.is_set():
            viewer.ended = str(error)
    finally:
        closer.cancel()
        writer.close()


async def _close(writer: asyncio.StreamWriter, over: asyncio.Event) -> None:
    await over.wait()
    writer.close()


async def look_on_together(viewers: Sequence[Viewer], port: int, cookie: str, seconds: float) -> None:
    """Have all viewers look on for some time; they come within the first second."""
    over = asyncio.Event()
    tasks = []
    for viewer in viewers:
        tasks.append(asyncio.create_task(look_on(viewer, port, cookie, over)))
        await asyncio.sleep(1.0 / len(viewers))
    await asyncio.sleep(seconds)
    over.set()
    await asyncio.gather(*tasks)


def cpu_of(pid: int) -> float:
    """CPU time of a process so far, in s; children are not counted."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> float:
    """Resident memory of a process in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass(frozen=True)
class Stand:
    """Clock, CPU time of engine and server (s), tasks done."""

    time: float
    engine: float
    server: float
    done: int


def stand(folder: Path, engine: int, server: int) -> Stand:
    """How far everything is now."""
    with sqlite3.connect(f"file:{folder / 'project.db'}?mode=ro", uri=True) as db:
        done = db.execute("SELECT count(*) FROM task WHERE state = 'done'").fetchone()[0]
    return Stand(time.monotonic(), cpu_of(engine), cpu_of(server), int(done))


def figures(pairs: Sequence[tuple[Stand, Stand]]) -> dict[str, float]:
    """Tasks per second, and CPU time per task, over some stretches together."""
    seconds = sum(after.time - before.time for before, after in pairs)
    tasks = sum(after.done - before.done for before, after in pairs)
    return {
        "seconds": round(seconds, 1),
        "tasks": tasks,
        "tasks_per_s": round(tasks / seconds, 2),
        "engine_cpu_ms_per_task": round(1e3 * sum(b.engine - a.engine for a, b in pairs) / max(1, tasks), 3),
        "server_cpu_percent": round(100 * sum(b.server - a.server for a, b in pairs) / seconds, 2),
    }


@contextmanager
def serving(folder: Path, state: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The server as people start it, and the link that it prints."""
    log = state / "serve.txt"
    words = [sys.executable, "-m", "vitreous.cli.main", "serve", str(folder), "--no-browser", "--port", "0"]
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [*words, "--workers", str(WORKERS), "--threads", "1"],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "XDG_STATE_HOME": str(state)},
        )
    try:
        end = time.monotonic() + 60
        while not (found := re.search(r"http://\S+/open\?token=\S+", log.read_text())):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the server did not start:\n{log.read_text()}")
            time.sleep(0.1)
        yield process, found[0]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def signed_in(link: str) -> tuple[int, str]:
    """Port of the server, and the cookie of a session."""
    address = urlsplit(link)
    end = time.monotonic() + 30
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", address.port or 80, timeout=20)
            connection.request("GET", f"{address.path}?{address.query}")
            answer = connection.getresponse()
            cookie = answer.getheader("set-cookie") or ""
            return address.port or 80, cookie.partition(";")[0]
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def engine_at_work(folder: Path, least: int) -> int:
    """The engine's process, once it has done some tasks."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        time.sleep(0.5)
        with sqlite3.connect(f"file:{folder / 'project.db'}?mode=ro", uri=True) as db:
            if db.execute("SELECT count(*) FROM task WHERE state = 'done'").fetchone()[0] >= least:
                return int(json.loads((folder / "project.lock").read_text())["pid"])
    raise SystemExit("the engine does not work; see its logs/engine.log")


def measure(folder: Path, viewers: int, seconds: float, nap: float) -> dict[str, Any]:
    """Without viewers, with them, without them."""
    state = folder.with_name(folder.name + "-state")
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    tasks = int((2 * seconds + 60) * WORKERS / max(nap, 0.003) * 1.2)
    engine_benchmark.make_project(folder, tasks, ()).add("nap", "J1", seconds=nap)
    found = [Viewer() for _ in range(viewers)]
    with serving(folder, state) as (server, link):
        port, cookie = signed_in(link)
        pid = engine_at_work(folder, 200)
        time.sleep(5.0)
        marks = [stand(folder, pid, server.pid)]
        time.sleep(seconds / 2)
        marks.append(stand(folder, pid, server.pid))
        memory = memory_of(server.pid)
        asyncio.run(look_on_together(found, port, cookie, seconds))
        marks.append(stand(folder, pid, server.pid))
        memory_with = memory_of(server.pid)
        time.sleep(1.0)
        marks.append(stand(folder, pid, server.pid))
        time.sleep(seconds / 2)
        marks.append(stand(folder, pid, server.pid))
    without = figures([(marks[0], marks[1]), (marks[3], marks[4])])
    with_them = figures([(marks[1], marks[2])])
    return {
        "viewers": viewers,
        "seconds": seconds,
        "task_s": nap,
        "workers": WORKERS,
        "without_viewers": without,
        "with_viewers": with_them,
        "slowdown_percent": round(100 * (1 - with_them["tasks_per_s"] / without["tasks_per_s"]), 2),
        "engine_cpu_more_percent": round(
            100 * (with_them["engine_cpu_ms_per_task"] / without["engine_cpu_ms_per_task"] - 1), 2
        ),
        "server_memory_mb": [round(memory, 1), round(memory_with, 1)],
        **told(found),
    }


def told(viewers: Sequence[Viewer]) -> dict[str, Any]:
    """What the viewers got, all together."""
    delays = sorted(delay for viewer in viewers for delay in viewer.delays)
    return {
        "dropped": sum(viewer.ended is not None for viewer in viewers),
        "gaps": sum(viewer.gaps for viewer in viewers),
        "resets": sum(viewer.resets for viewer in viewers),
        "lines_of_each": [min(viewer.lines for viewer in viewers), max(viewer.lines for viewer in viewers)],
        "states_of_each": [min(viewer.states for viewer in viewers), max(viewer.states for viewer in viewers)],
        "delay_median_s": round(delays[len(delays) // 2], 3) if delays else None,
        "delay_99_percent_s": round(delays[int(0.99 * (len(delays) - 1))], 3) if delays else None,
    }


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print, write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--nap", type=float, default=0.1)
    parser.add_argument("--folder", type=Path, default=ROOT / "bench" / "viewers")
    parser.add_argument("--out", type=Path, default=RESULTS / "web_viewers.json")
    given = parser.parse_args(arguments)
    given.folder.parent.mkdir(parents=True, exist_ok=True)
    engine_benchmark.install(given.folder.with_name("viewers-plugin"), PLUGIN, "vitreous_nap")
    facts = machine()
    found = {"machine": facts, **measure(given.folder, given.viewers, given.seconds, given.nap)}
    print(json.dumps(found, indent=1))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    return found


if __name__ == "__main__":
    main()
