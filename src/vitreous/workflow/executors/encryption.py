"""Keys of a pool whose workers are on other machines: who reaches its port could else run programs as the user."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from distributed import Security

STAND_IN = Path("KEYS")
"""Folder of the keys where a script is only shown."""


def key_arguments(folder: Path) -> list[str]:
    """Arguments of the command that starts a worker, for keys in a folder."""
    names = {"--tls-ca-file": "ca_file", "--tls-cert": "cert", "--tls-key": "key"}
    return [part for option, name in names.items() for part in (option, str(folder / name))]


class Keys:
    """A key pair for one pool, in a folder that only the user can read and that all its machines see.

    Args:
        log_folder: of the pool; created.

    Attributes:
        security: of scheduler, workers and client.
    """

    def __init__(self, log_folder: Path) -> None:
        log_folder.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix=".keys-", dir=log_folder.absolute()))  # made with mode 0700
        made = Security.temporary()
        files = {"ca_file": made.tls_ca_file, "cert": made.tls_worker_cert, "key": made.tls_worker_key}
        for name, text in files.items():
            handle = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(str(text))
        roles: dict[str, str] = {}
        for role in ("scheduler", "worker", "client"):
            roles |= {f"tls_{role}_{name}": str(self.folder / name) for name in ("cert", "key")}
        self.security = Security(require_encryption=True, tls_ca_file=str(self.folder / "ca_file"), **roles)

    def arguments(self) -> list[str]:
        """Arguments of the command that starts a worker."""
        return key_arguments(self.folder)

    def remove(self) -> None:
        """Delete the keys, once the pool is closed."""
        shutil.rmtree(self.folder, ignore_errors=True)
