"""What people may do: viewer, operator, owner."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from os.path import realpath
from pathlib import Path
from typing import Literal, get_args

from vitreous.core.errors import UsageError

Role = Literal["viewer", "operator", "owner"]
ROLES: tuple[Role, ...] = get_args(Role)
RANK: dict[str, int] = {role: number for number, role in enumerate(ROLES, 1)}


def higher(roles: Iterable[Role | None]) -> Role | None:
    """The highest of some roles."""
    return max((role for role in roles if role is not None), key=lambda role: RANK[role], default=None)


def capped(role: Role | None, cap: Role | None) -> Role | None:
    """A role, but not more than ``cap`` (``None``: no limit)."""
    return role if role is None or cap is None else min(role, cap, key=lambda each: RANK[each])


def check_role(name: str | None) -> Role | None:
    """A role that was typed.

    Raises:
        UsageError: there is none of that name.
    """
    for role in ROLES:
        if name == role:
            return role
    if name is None:
        return None
    raise UsageError(f"there is no role {name!r}", hint=f"Roles are {', '.join(ROLES)}")


@lru_cache(maxsize=1024)
def place(folder: Path | str) -> str:
    """The folder under the one name by which rights on a project are kept, whatever links lead there."""
    return realpath(Path(folder).expanduser())
