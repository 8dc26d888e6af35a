"""Who holds a project: the text of its lock, and whether the process behind it still lives."""

from __future__ import annotations

import getpass
import json
import os
import socket
import tempfile
import time
import uuid
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

LOCK_NAME = "project.lock"

CLOCK_PREFIX = ".clock."
"""Of the files by which a file system is asked for its time; they live for an instant."""

STALE_AFTER = 60.0
"""s without a heartbeat after which the holder on another host is taken for dead."""

UNFINISHED_AFTER = 5.0
"""s after which a lock without text is taken for one whose maker died while writing it."""


@dataclass(frozen=True)
class Owner:
    """The process that holds a lock.

    Attributes:
        host, pid, user, command: of the process.
        started: when the process started, in the kernel's ticks since boot; with ``boot`` and ``namespace`` it tells a
            process from a later one of the same number. Empty where the system does not say.
        boot: of the kernel, a new one at each boot.
        namespace: of process numbers; a container has its own.
        since: s since 1970 when it took the lock.
        token: unique to this taking of the lock.
    """

    host: str
    pid: int
    started: str
    boot: str
    namespace: str
    user: str
    command: str
    since: float
    token: str

    def __str__(self) -> str:
        return f"{self.command} (process {self.pid} of {self.user} on {self.host})"


@dataclass(frozen=True)
class LockState:
    """Whether a project is held.

    Attributes:
        state: free, held, or stale: its holder is dead.
        reason: in words, why that is so.
        owner: ``None`` where free or where the lock's text can't be read.
        age: s since the last heartbeat, by the clock of the file system; ``None`` where free.
        same_host: whether the owner runs, or ran, on this computer.
    """

    state: Literal["free", "held", "stale"]
    reason: str
    owner: Owner | None = None
    age: float | None = None
    same_host: bool = False

    @property
    def held(self) -> bool:
        """Whether a living process holds the project."""
        return self.state == "held"


def this_process(command: str) -> Owner:
    """The owner that this process is."""
    return Owner(
        host=socket.gethostname(),
        pid=os.getpid(),
        started=process_start(os.getpid()) or "",
        boot=_boot(),
        namespace=_namespace(),
        user=_user(),
        command=command,
        since=time.time(),
        token=uuid.uuid4().hex[:16],
    )


def to_text(owner: Owner) -> str:
    """The lock's text."""
    return json.dumps(asdict(owner), indent=1) + "\n"


def read_owner(path: Path) -> Owner | None:
    """The owner named in a lock; ``None`` where its text is missing or broken.

    Raises:
        FileNotFoundError: there is no lock.
    """
    text = path.read_bytes()
    try:
        found: Any = json.loads(text)
        values = {field.name: found[field.name] for field in fields(Owner)}
        values["pid"], values["since"] = int(values["pid"]), float(values["since"])
    except (ValueError, KeyError, TypeError):
        return None
    return Owner(**values)


def read_lock(folder: Path) -> LockState:
    """Whether the project in ``folder`` is held, and why that is believed."""
    return lock_state(folder / LOCK_NAME)


def lock_state(path: Path) -> LockState:
    """The state of one lock file."""
    try:
        owner = read_owner(path)
        age = max(0.0, _now(path.parent) - path.stat().st_mtime)
    except FileNotFoundError:
        return LockState("free", "nobody holds the project")
    if owner is None:
        if age < UNFINISHED_AFTER:
            return LockState("held", "another process is just taking it", age=age)
        return LockState("stale", "its text is broken: its maker died while writing it", age=age, same_host=True)
    return _judge(owner, age)


def _judge(owner: Owner, age: float) -> LockState:
    same_host = owner.host == socket.gethostname()
    seen = f"its last sign of life is {age:.0f} s old"
    # A process can be looked up only under the same kernel and in the same space of process numbers; hosts and
    # containers may share a name.
    if owner.boot and owner.boot == _boot() and owner.namespace == _namespace():
        start = process_start(owner.pid)
        if start is None:
            return LockState("stale", f"process {owner.pid} is gone; {seen}", owner, age, same_host)
        if owner.started and start != owner.started:
            reason = f"process {owner.pid} is another one now, the holder is gone; {seen}"
            return LockState("stale", reason, owner, age, same_host)
        return LockState("held", f"process {owner.pid} runs on this computer; {seen}", owner, age, same_host)
    if age > STALE_AFTER:
        return LockState("stale", f"{seen}, and it should be 5 s", owner, age, same_host)
    return LockState("held", seen, owner, age, same_host)


def process_start(pid: int) -> str | None:
    """Kernel ticks since boot at which a process started; ``None`` where there is no such process, or a dead one."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields_after_name = text.rpartition(")")[2].split()
    if fields_after_name[0] in ("Z", "X"):
        return None
    return fields_after_name[19]


def _now(folder: Path) -> float:
    """The time of the file system, s since 1970: a server's clock may differ from this computer's."""
    try:
        with tempfile.NamedTemporaryFile(prefix=CLOCK_PREFIX, dir=folder) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:  # a reader without permission to write has only its own clock
        return time.time()


def _boot() -> str:
    return _first_line(Path("/proc/sys/kernel/random/boot_id"))


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _first_line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
