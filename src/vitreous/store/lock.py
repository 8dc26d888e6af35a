"""The lock by which one process alone writes to a project, on local disks and on network file systems."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vitreous.core.errors import ResourceError, UsageError
from vitreous.store.lock_state import (
    CLOCK_PREFIX,
    LOCK_NAME,
    LockState,
    Owner,
    lock_state,
    read_lock,
    read_owner,
    this_process,
    to_text,
)

__all__ = ["Lock", "LockState", "Owner", "acquire", "read_lock"]

HEARTBEAT = 5.0
"""s between two signs of life."""


class Lock:
    """A held lock; a context manager that gives it back.

    Attributes:
        path: of the lock file.
        owner: this process.
        note: what people should know of how it was taken.
    """

    def __init__(
        self,
        path: Path,
        owner: Owner,
        note: str | None,
        on_lost: Callable[[str], None] | None,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self.path = path
        self.owner = owner
        self.note = note
        self._on_lost = on_lost
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, args=(heartbeat,), name="project-lock", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether another process has taken the lock, or it was deleted: stop writing at once."""
        return self._lost.is_set()

    def check(self) -> bool:
        """Look now whether the lock is still this process's; tells ``on_lost`` once where it is not."""
        if self._lost.is_set():
            return False
        try:
            owner = read_owner(self.path)
        except FileNotFoundError:
            self._lose("the lock file was deleted")
            return False
        except OSError:  # the network is away for a while; the lock is not lost by that
            return True
        if owner is None or owner.token != self.owner.token:
            self._lose(f"the project was taken over by {owner}" if owner else "the lock file was overwritten")
            return False
        return True

    def release(self) -> None:
        """Give the lock back; one that another process has taken is left alone. A second time does nothing."""
        if self._stop.is_set():
            return
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        # The claim keeps a process that takes this lock for dead from taking it between the look and the removal.
        try:
            claim = _claim(self.path, self.owner.token, self.owner)
        except OSError:
            return  # nothing can be written: the lock stays, and is taken for dead when this process has ended
        if claim is None:
            return
        try:
            with suppress(OSError):
                owner = read_owner(self.path)
                if owner is not None and owner.token == self.owner.token:
                    self.path.unlink()
        finally:
            _drop_claims(self.path, self.owner.token)

    def _beat(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            if not self.check():
                return
            with suppress(OSError):
                os.utime(self.path)  # without a time given, a server uses its own clock

    def _lose(self, reason: str) -> None:
        self._lost.set()
        if self._on_lost is not None:
            self._on_lost(reason)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def acquire(
    folder: Path,
    command: str,
    take_over: bool = False,
    on_lost: Callable[[str], None] | None = None,
) -> Lock:
    """Take the lock of the project in ``folder``; of several processes that try, one gets it.

    A lock whose holder is dead is taken by itself where the holder ran on this computer, which ``Lock.note`` tells.

    Args:
        folder: of the project.
        command: what this process does, for others to read.
        take_over: take a lock from a dead holder on another computer as well.
        on_lost: called once from another thread, with the reason, when the lock was taken away.

    Raises:
        UsageError: another process holds the project, or held it on another computer and seems dead.
        ResourceError: the lock can't be written.
    """
    path, owner = folder / LOCK_NAME, this_process(command)
    try:
        note = _take(path, owner, take_over)
        _sweep(path, owner.token)
        return Lock(path, owner, note, on_lost)
    except OSError as error:
        raise ResourceError(
            f"{path}: the lock can't be written ({error.strerror})",
            hint="Check that the folder is there, that you may write to it, and that the disk is not full",
            path=str(path),
        ) from error


def _take(path: Path, owner: Owner, take_over: bool) -> str | None:
    """Become the holder; returns what people should know of how."""
    if _create(path, to_text(owner)):
        return None
    state = lock_state(path)
    if state.state == "free":  # given back just now
        if _create(path, to_text(owner)):
            return None
        state = lock_state(path)
    if state.state != "stale" or not (state.same_host or take_over):
        raise _refusal(path.parent, state)
    return _take_over(path, owner, state)


def _sweep(path: Path, token: str) -> None:
    """Remove what processes left that were killed while they took or gave back an earlier lock.

    Only the holder does so. A claim gives a right to the lock that it names, and that lock is no more.
    """
    for pattern in (f"{LOCK_NAME}.*", f"{CLOCK_PREFIX}*"):
        for left in path.parent.glob(pattern):
            if token not in left.name:
                with suppress(OSError):
                    left.unlink()


def _take_over(path: Path, owner: Owner, stale: LockState) -> str:
    """Replace a stale lock. Only who holds the claim to that very lock may, so exactly one process does."""
    token = _token(path, stale.owner)
    if _claim(path, token, owner) is None:
        raise _refusal(path.parent, LockState("held", "another process is just taking it over"))
    try:
        now = lock_state(path)
        if now.state != "stale" or _token(path, now.owner) != token:
            raise _refusal(path.parent, now)
        aside = path.with_name(f"{LOCK_NAME}.new.{owner.token}")
        _create(aside, to_text(owner))
        os.replace(aside, path)
    finally:
        _drop_claims(path, token)
    before = str(stale.owner) if stale.owner else "an unknown process"
    return f"the lock of {before} was taken over: {stale.reason}"


def _claim(path: Path, token: str, owner: Owner, limit: int = 100) -> Path | None:
    """The right to replace or remove the lock named by ``token``; ``None`` where another process has it.

    A claim is a file that exactly one process can make. That of a dead process is not removed, for two might do so and
    the second would remove the first one's new claim: the next number is made instead.
    """
    for number in range(limit):
        claim = path.with_name(f"{LOCK_NAME}.{token}.{number}")
        if _create(claim, to_text(owner)):
            return claim
        if lock_state(claim).state == "held":
            return None
    return None


def _drop_claims(path: Path, token: str) -> None:
    """Remove the claims to a lock that is no more; the latest first, so that none can be made in between."""
    for claim in sorted(path.parent.glob(f"{LOCK_NAME}.{token}.*"), reverse=True):
        claim.unlink(missing_ok=True)


def _create(path: Path, text: str) -> bool:
    """Make a file that was not there; whether it could be made. Exclusive on network file systems too."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    except OSError:
        path.unlink(missing_ok=True)  # a full disk must not leave an empty lock behind
        raise
    finally:
        os.close(descriptor)
    return True


def _token(path: Path, owner: Owner | None) -> str:
    """What tells one taking of the lock from another; a broken one is told by its file."""
    return owner.token if owner is not None else f"broken{path.stat().st_ino}"


def _refusal(folder: Path, state: LockState) -> UsageError:
    owner = state.owner
    context = {
        "path": str(folder / LOCK_NAME),
        "state": state.state,
        "host": owner.host if owner else None,
        "pid": owner.pid if owner else None,
    }
    if state.state == "stale":
        return UsageError(
            f"{folder} was held by {owner}, and seems abandoned: {state.reason}",
            hint=f"Make sure that it no longer runs on {owner.host if owner else 'its host'}, "
            f"then free the project with vitreous unlock --force --project {folder}",
            **context,
        )
    if owner is None:
        return UsageError(f"{folder}: {state.reason}", hint="Try again in a few seconds", **context)
    return UsageError(
        f"{folder} is in use by {owner}: {state.reason}",
        hint=f"Wait for it, or stop it on {owner.host}; other commands can send it their requests meanwhile",
        **context,
    )
