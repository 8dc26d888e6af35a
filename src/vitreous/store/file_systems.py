"""Which file system a folder lies on, and whether other computers share it."""

from __future__ import annotations

import os
from pathlib import Path

NETWORK = frozenset(
    {
        "nfs",
        "nfs3",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "lustre",
        "gpfs",
        "mmfs",
        "beegfs",
        "fhgfs_client",
        "ceph",
        "afs",
        "9p",
        "panfs",
        "wekafs",
        "pvfs2",
        "orangefs",
        "glusterfs",
        "ncpfs",
        "vboxsf",
        "vmhgfs",
        "gfs",
        "gfs2",
        "ocfs2",
        "quobyte",
    }
)
"""Names of file systems that several computers share; SQLite's write-ahead log does not work on them."""

_NETWORK_FUSE = frozenset(
    {
        "sshfs",
        "glusterfs",
        "ceph",
        "gpfs",
        "cvmfs2",
        "s3fs",
        "goofys",
        "rclone",
        "davfs",
        "curlftpfs",
        "smbnetfs",
        "gcsfuse",
        "blobfuse",
        "moosefs",
        "mfs",
        "juicefs",
        "quobyte",
        "weka",
        "beegfs",
        "vmhgfs-fuse",
    }
)

MOUNTS = Path("/proc/mounts")


def file_system(path: Path, mounts: Path = MOUNTS) -> str:
    """Name of the file system that holds ``path`` ("ext4", "nfs4", "fuse.sshfs"); ``unknown`` where nothing tells.

    The longest mount point above the path decides; of two mounted on one place, the later.
    """
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return "unknown"
    real = os.path.realpath(path)
    best, found = -1, "unknown"
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _unescaped(fields[1])
        if len(point) >= best and (real == point or real.startswith(point.rstrip("/") + "/")):
            best, found = len(point), fields[2]
    return found


def is_network(name: str) -> bool:
    """Whether several computers share a file system of this name."""
    lower = name.lower()
    if lower.startswith("fuse."):
        return lower.removeprefix("fuse.") in _NETWORK_FUSE
    return lower in NETWORK


def _unescaped(text: str) -> str:
    """A mount point as the kernel writes it: blank, tab, newline and backslash are octal numbers."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
