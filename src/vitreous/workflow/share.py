"""Several engines on one machine share its worker slots: each says what it could use, and takes its fair part."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from vitreous.core.errors import ResourceError


@dataclass(frozen=True)
class Peer:
    """One engine.

    Attributes:
        pid: of its process.
        started: start of that process in clock ticks since boot, so that a number used again is not taken for it.
        project: absolute path of its project.
        demand: tasks that are ready or running, for which it could use a slot.
        since: s since the epoch, when the engine registered.
    """

    pid: int
    started: int
    project: str
    demand: int
    since: float


def share(slots: int, me: Peer, others: Sequence[Peer]) -> int:
    """Slots for ``me`` by max-min fairness: nobody gets more than its demand, and what is left is divided evenly.

    Remainders go to the engines that have been there longest. An engine with demand gets at least 1, even where there
    are more engines than slots, so that every project moves.
    """
    peers = [me, *others]
    order = sorted(range(len(peers)), key=lambda number: (peers[number].since, peers[number].pid, number))
    given = [0] * len(peers)
    left = slots
    while left > 0:
        hungry = [number for number in order if given[number] < peers[number].demand]
        if not hungry:
            break
        each = max(1, left // len(hungry))
        for number in hungry[:left]:
            part = min(each, peers[number].demand - given[number])
            given[number] += part
            left -= part
    return max(given[0], min(me.demand, 1))


def meeting_folder() -> Path:
    """The folder of this machine and user where engines register; created, readable by its owner only.

    Raises:
        ResourceError: it belongs to somebody else, or can't be created.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime) / "vitreous" if runtime else Path(tempfile.gettempdir()) / f"vitreous-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise ResourceError(f"{folder} can't be created: {error}", hint="Set XDG_RUNTIME_DIR to a folder") from None
    if folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ResourceError(
            f"{folder} is open to other users or belongs to one", hint="Remove it, or set XDG_RUNTIME_DIR to a folder"
        )
    return folder


class Registration:
    """One engine's place among its peers.

    Args:
        project: folder of the project.
        folder: where engines meet.

    Raises:
        ResourceError: the folder can't be written.
    """

    def __init__(self, project: Path, folder: Path) -> None:
        self._folder = folder
        self._me = Peer(os.getpid(), _start_of(os.getpid()) or 0, str(project.absolute()), 0, time.time())
        self._path = folder / f"{self._me.pid}-{self._me.started}-{time.monotonic_ns()}.json"
        self._write()

    def demand(self, tasks: int) -> None:
        """Say how many tasks are ready or running; cheap where the number is the same."""
        if tasks != self._me.demand:
            self._me = Peer(self._me.pid, self._me.started, self._me.project, tasks, self._me.since)
            self._write()

    def share(self, slots: int) -> int:
        """Slots of the machine that are this engine's now."""
        others = [peer for path, peer in living(self._folder).items() if path != self._path]
        return share(slots, self._me, others)

    def leave(self) -> None:
        """Give the slots back."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        beside = self._path.with_suffix(".part")
        try:
            beside.write_text(json.dumps(asdict(self._me)), encoding="utf-8")
            beside.replace(self._path)
        except OSError as error:
            raise ResourceError(
                f"{self._path} can't be written: {error}", hint="Free some space in that folder"
            ) from None


def living(folder: Path) -> dict[Path, Peer]:
    """The engines that are registered and alive; what the dead have left is removed."""
    peers: dict[Path, Peer] = {}
    for path in sorted(folder.glob("*.json")):
        peer = _read(path)
        if peer is not None and _start_of(peer.pid) == peer.started:
            peers[path] = peer
        else:
            with suppress(OSError):
                path.unlink()
    return peers


def _read(path: Path) -> Peer | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Peer(**found)
    except (OSError, ValueError, TypeError):
        return None


def _start_of(pid: int) -> int | None:
    """Start of a process in clock ticks since boot; ``None`` if there is none, or only its corpse."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])
