"""A request that is refused: who asks may not do that, or is not known."""

from __future__ import annotations

from typing import Any

from vitreous.core.errors import VitreousError


class Refused(VitreousError):
    """Who asks may not do that, or is not known.

    Attributes:
        status: of the answer over HTTP.
        retry_after: s after which it may be asked again, where that is the reason.
    """

    code = "access"
    exit_code = 2

    def __init__(
        self, message: str, *, hint: str, status: int = 403, retry_after: int | None = None, **context: Any
    ) -> None:
        if retry_after is not None:
            context["retry_after"] = retry_after
        super().__init__(message, hint=hint, **context)
        self.status = status
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.message, self.hint, self.status, self.retry_after, self.context)


def _rebuild(message: str, hint: str, status: int, retry_after: int | None, context: dict[str, Any]) -> Refused:
    rest = {name: value for name, value in context.items() if name != "retry_after"}
    return Refused(message, hint=hint, status=status, retry_after=retry_after, **rest)
