"""Errors written for people: what happened with values and units, and what to do."""

from __future__ import annotations

from typing import Any, ClassVar


class VitreousError(Exception):
    """A fault that Vitreous can explain.

    Args:
        message: the fact, with values and units ("pixel size of gain (0.53 Å) differs from movie (1.06 Å)").
        hint: the next action of the user.
        context: named values for machines (paths, numbers); JSON-able.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str, **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.context = context

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.hint, self.context)

    def to_dict(self) -> dict[str, Any]:
        """The one JSON shape of an error: ``{code, message, hint, context}``."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "context": self.context}


def _rebuild(kind: type[VitreousError], message: str, hint: str, context: dict[str, Any]) -> VitreousError:
    return kind(message, hint=hint, **context)


class UsageError(VitreousError):
    """The request can't be carried out as given: a missing or contradictory setting."""

    code = "usage"
    exit_code = 2


class DataError(VitreousError):
    """A file is unreadable, truncated, or breaks its format's convention; ``context['path']`` names it."""

    code = "data"
    exit_code = 2


class ComputeError(VitreousError):
    """A computation did not converge or gave non-finite values."""

    code = "compute"


class ResourceError(VitreousError):
    """Memory, device or disk do not suffice."""

    code = "resource"


class Cancelled(VitreousError):
    """The user stopped the work; nothing partial was left behind."""

    code = "cancelled"
