"""Users, rights, sessions and tokens of a server, kept in one file of the person who runs it."""

from __future__ import annotations

from vitreous.web.accounts.accounts import Accounts, Known, SingleUser
from vitreous.web.accounts.binding import check_bind, hosts_of, is_loopback
from vitreous.web.accounts.database import accounts_path
from vitreous.web.accounts.roles import RANK, Role

__all__ = [
    "RANK",
    "Accounts",
    "Known",
    "Role",
    "SingleUser",
    "accounts_path",
    "check_bind",
    "hosts_of",
    "is_loopback",
]
