"""Bring a file into the project: linked, or copied and verified by checksum, whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import xxhash

from vitreous.acquisition.settle import Stamp
from vitreous.core.errors import DataError, ResourceError, VitreousError
from vitreous.formats.image_faults import image_fault

CHUNK = 4 << 20
PART = ".part"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

StopAsked = Callable[[], bool]
"""Asked between portions; true gives the transfer up without a trace."""


class GivenUp(Exception):
    """The transfer was stopped on request; nothing of it is left."""


@dataclass(frozen=True)
class Fingerprint:
    """Content of a file.

    Attributes:
        identity: xxh3_128 of all bytes, hexadecimal.
        size: bytes.
        mtime: s, by the clock of the file's computer.
    """

    identity: str
    size: int
    mtime: float


def never() -> bool:
    """Never stop."""
    return False


def fingerprint(path: Path, stop: StopAsked = never) -> Fingerprint:
    """Hash a file's content.

    Raises:
        DataError: it can't be read, or it changed meanwhile (``context['changed']``).
    """
    digest = xxhash.xxh3_128()
    with _source_faults(path), open(path, "rb") as source:
        return _pass_over(path, source, lambda portion: digest.update(portion), digest, stop)


def _pass_over(
    path: Path, source: BinaryIO, take: Callable[[bytes], object], digest: xxhash.xxh3_128, stop: StopAsked
) -> Fingerprint:
    """Give all portions of a file to ``take``; it must not change on the way."""
    before = os.fstat(source.fileno())
    done = 0
    # A file that grows faster than it is read would never end.
    while done <= before.st_size and (portion := source.read(CHUNK)):
        if stop():
            raise GivenUp
        take(portion)
        done += len(portion)
    after = os.stat(path)
    same = (before.st_size, before.st_mtime, before.st_ino) == (after.st_size, after.st_mtime, after.st_ino)
    if not same or done != before.st_size:
        raise DataError(
            f"{path}: it changed while it was read ({before.st_size:,} bytes, then {max(done, after.st_size):,})",
            hint="It is taken when it has come to rest",
            path=str(path),
            changed=True,
        )
    return Fingerprint(digest.hexdigest(), before.st_size, before.st_mtime)


def always(found: Fingerprint) -> bool:
    """Publish whatever the content is."""
    return True


def copy_verified(
    source: Path,
    target: Path,
    *,
    min_free: float = 0.0,
    accept: Callable[[Fingerprint], bool] = always,
    stop: StopAsked = never,
) -> Fingerprint:
    """Copy a file: hashed on the way, written aside, fsynced, read again and compared, then renamed.

    The copy keeps the time of change. What is at ``target`` is replaced.

    Args:
        source: the file; it must not change meanwhile.
        target: where the copy appears.
        min_free: bytes that must stay free on the target's disk.
        accept: asked when the content is known; where it says no, the copy does not appear.
        stop: asked between portions.

    Raises:
        DataError: the source can't be read, or changed.
        ResourceError: the disk is full (``context['reason']`` is ``disk_full``), or the target can't be written.
    """
    aside = part_of_target(target)
    try:
        with _target_faults(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        with _source_faults(source), open(source, "rb") as reader:
            check_space(target.parent, os.fstat(reader.fileno()).st_size, min_free)
            found = _write_aside(source, reader, aside, stop)
        if not accept(found):
            return found
        _verify(aside, found, source, stop)
        with _target_faults(target):
            os.utime(aside, (found.mtime, found.mtime))
            os.replace(aside, target)
            sync_folder(target.parent)
    finally:
        aside.unlink(missing_ok=True)
    return found


def part_of_target(target: Path) -> Path:
    """Where a copy is written before it has its name."""
    return target.with_name(f".{target.name}{PART}")


def _write_aside(source: Path, reader: BinaryIO, aside: Path, stop: StopAsked) -> Fingerprint:
    digest = xxhash.xxh3_128()
    with _target_faults(aside):
        writer = open(aside, "wb", buffering=0)  # noqa: SIM115 - closed below

    def take(portion: bytes) -> None:
        digest.update(portion)
        with _target_faults(aside):
            view = memoryview(portion)
            while view:
                view = view[writer.write(view) :]

    try:
        found = _pass_over(source, reader, take, digest, stop)
        with _target_faults(aside):
            os.fsync(writer.fileno())
            # Without this the check below would read the memory's copy and not the disk's.
            os.posix_fadvise(writer.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        writer.close()
    return found


def _verify(aside: Path, found: Fingerprint, source: Path, stop: StopAsked) -> None:
    written = fingerprint(aside, stop)
    if (written.identity, written.size) != (found.identity, found.size):
        raise ResourceError(
            f"{source}: its copy differs from it ({written.size:,} of {found.size:,} bytes, "
            f"checksum {written.identity[:8]}… for {found.identity[:8]}…)",
            hint="Check the project's disk; the original is left where it is",
            path=str(source),
            reason="copy_differs",
        )


def check_space(folder: Path, size: int, min_free: float) -> None:
    """Refuse what would leave less than ``min_free`` bytes on the disk of ``folder``."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return  # the writing will tell
    if free < size + min_free:
        raise disk_full(folder, f"{free / 1e9:.2f} GB are free, {size / 1e9:.3f} GB are needed")


def disk_full(folder: Path, fact: str, limit: str = "") -> ResourceError:
    """The error of a disk without space."""
    return ResourceError(
        f"the disk of {folder} is full: {fact}{limit}",
        hint="Free some space; the import goes on by itself then",
        path=str(folder),
        reason="disk_full",
    )


def link(source: Path, target: Path, root: Path) -> None:
    """Make ``target`` a symbolic link to ``source``: relative where both are inside ``root``, else absolute.

    Raises:
        ResourceError: the link can't be written.
    """
    absolute = Path(os.path.abspath(source))
    inside = Path(os.path.abspath(root))
    text = os.path.relpath(absolute, target.parent.absolute()) if absolute.is_relative_to(inside) else str(absolute)
    aside = part_of_target(target)
    with _target_faults(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            aside.unlink(missing_ok=True)
            os.symlink(text, aside)
            os.replace(aside, target)
            sync_folder(target.parent)
        finally:
            aside.unlink(missing_ok=True)


def remove_original(source: Path, stamp: Stamp) -> None:
    """Delete the camera's file after its copy was verified and committed; one that is gone is no fault.

    Raises:
        DataError: it changed after it was copied: it is left.
        ResourceError: it may not be deleted.
    """
    try:
        about = os.stat(source)
        if (about.st_size, about.st_mtime) != (stamp.size, stamp.mtime):
            raise DataError(
                f"{source}: it changed after it was copied, so it is not deleted",
                hint="Compare it with its copy, and delete one by hand",
                path=str(source),
                changed=True,
            )
        source.unlink(missing_ok=True)
        sync_folder(source.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ResourceError(
            f"{source}: can't be deleted after its import ({error.strerror})",
            hint="Give this user the permission to delete there, or copy instead of moving",
            path=str(source),
            reason="cannot_delete",
        ) from error


def check_copy(source: Path, copy: Path, identity: str, stop: StopAsked = never) -> None:
    """Make sure that the camera's file and its copy have the content that was committed.

    Raises:
        DataError: one of them has another content, can't be read, or the copy is only a link.
    """
    if copy.is_symlink():
        raise image_fault(copy, "is a link and no copy", "The original is left where it is")
    for path in (copy, source):
        if fingerprint(path, stop).identity != identity:
            raise image_fault(
                path, "its content is not what was imported", "The original is left: compare the two by hand"
            )


def remove_parts(folder: Path) -> list[Path]:
    """Delete what interrupted transfers left behind; the paths that were deleted."""
    removed = []
    for path in folder.glob(f".*{PART}") if folder.is_dir() else ():
        path.unlink(missing_ok=True)
        removed.append(path)
    return removed


def sync_folder(folder: Path) -> None:
    """Make a change of names in a folder last; file systems that can't do it for folders are left alone."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF):
            raise
    finally:
        os.close(handle)


@contextmanager
def _source_faults(path: Path) -> Iterator[None]:
    """What the system says of the camera's file, as a ``DataError``."""
    try:
        yield
    except VitreousError:
        raise
    except OSError as error:
        raise image_fault(
            path, f"can't be read ({error.strerror or error})", "Check the network, the mount and the permissions"
        ) from error


@contextmanager
def _target_faults(path: Path) -> Iterator[None]:
    """What the system says of the project's disk, as a ``ResourceError``."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise disk_full(path.parent, error.strerror or "no space") from error
        raise ResourceError(
            f"{path}: can't be written ({error.strerror or error})",
            hint="Check the permissions and the mount of the project's folder; the import goes on by itself then",
            path=str(path),
            reason="cannot_write",
        ) from error
