"""What becomes of a fault at the border: one JSON shape, an exit code, and a log with the traceback of our own bugs."""

from __future__ import annotations

import os
import secrets
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitreous import __version__
from vitreous.core.errors import VitreousError
from vitreous.core.plain import plain

if TYPE_CHECKING:
    from vitreous.workflow.job_type import Result

USER_CODES = frozenset({"usage", "data"})


def state_folder() -> Path:
    """Where logs go that belong to no output folder: ``$XDG_STATE_HOME/vitreous`` or ``~/.local/state/vitreous``."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "vitreous"


def describe(error: Exception, *, log_folder: Path | None = None) -> dict[str, Any]:
    """The error as ``{code, message, hint, context}``; what is not a ``VitreousError`` is logged with its traceback.

    A ``MemoryError`` and a full disk are the machine's, not our bug, and are told as such.
    """
    if isinstance(error, VitreousError):
        return dict(plain(error.to_dict()))
    if isinstance(error, MemoryError):
        return _shape("resource", "the memory does not suffice", "Use fewer threads or smaller images", {})
    if isinstance(error, OSError) and error.errno in (28, 122):
        where = "" if error.filename is None else f" ({error.filename})"
        return _shape("resource", f"the disk is full{where}", "Free some space or choose another --out", {})
    report_id = secrets.token_hex(4)
    log = write_report(error, report_id, log_folder)
    where = "" if log is None else f" in {log}"
    return _shape(
        "internal",
        f"unexpected {type(error).__name__}: {error}",
        f"This is a fault of Vitreous; report {report_id}, the traceback is{where or ' not written: no folder for it'}",
        {"report": report_id, "log": None if log is None else str(log)},
    )


def is_disk_full(error: object) -> bool:
    """Whether an error's shape says that the disk is full."""
    if not isinstance(error, dict) or error.get("code") != "resource":
        return False
    context = error.get("context") or {}
    return "disk is full" in str(error.get("message")) or context.get("reason") == "disk_full"


def write_report(error: BaseException, report_id: str, folder: Path | None) -> Path | None:
    """Write the traceback to ``vitreous-REPORT.log`` in the folder, else the state folder; ``None`` if in neither."""
    lines = "".join(traceback.format_exception(error))
    text = f"vitreous {__version__}, report {report_id}, {datetime.now(UTC).isoformat(timespec='seconds')}\n{lines}"
    for target in (folder, state_folder()):
        if target is None:
            continue
        try:
            target.mkdir(parents=True, exist_ok=True)
            log = target / f"vitreous-{report_id}.log"
            log.write_text(text)
        except OSError:
            continue
        return log
    return None


def exit_code(results: Sequence[Result]) -> int:
    """0 all well, 1 where any fault is ours or the machine's, 2 where all faults are the user's (usage, data)."""
    codes = {result["error"]["code"] for result in results if "error" in result}
    if not codes:
        return 0
    return 2 if codes <= USER_CODES else 1


def _shape(code: str, message: str, hint: str, context: dict[str, Any]) -> dict[str, Any]:
    return {"code": code, "message": message, "hint": hint, "context": context}
