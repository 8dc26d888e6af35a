"""At which address a server may listen, and to which names it answers."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Protocol

from vitreous.core.errors import UsageError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class HasUsers(Protocol):
    """Where users are kept."""

    def has_users(self) -> bool:
        """Whether anybody could sign in by name and password."""


def check_bind(host: str, accounts: HasUsers) -> str | None:
    """Whether the server may listen at an address; what people should know of it, in a sentence.

    Args:
        host: address or name to listen at: ``127.0.0.1``, ``0.0.0.0``, ``lab7``.
        accounts: its users.

    Raises:
        UsageError: others could reach it, and there are no users.
    """
    if is_loopback(host):
        return None
    if not accounts.has_users():
        raise UsageError(
            f"others could reach the server at {host or 'all addresses'}, and it has no users",
            hint="Add one: vitreous users add NAME --role owner; or leave --host out and use an ssh tunnel",
            host=host,
        )
    return "Passwords and pages travel unencrypted unless a proxy with TLS or an ssh tunnel stands before the server."


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; a name does where all its addresses do."""
    bare = host.strip("[]")
    if bare in LOOPBACK_NAMES or is_loopback_address(bare):
        return True
    if not bare:
        return False
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(bare, None)}
        return bool(found) and all(is_loopback_address(one) for one in found)
    except (OSError, UnicodeError):
        return False  # a name that nothing knows can't be listened at either; what is told then is about users


def is_loopback_address(address: str) -> bool:
    """Whether an address, not a name, is of this machine only."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def hosts_of(host: str, names: Iterable[str] = ()) -> frozenset[str] | None:
    """Names to which the server answers, for ``create_app(hosts=…)``; ``None``: to any.

    At a loopback address a page of somebody else, whose name is made to point here, must not be answered; elsewhere
    any name may lead here unless some are given.

    Args:
        host: address that it listens at.
        names: further names, as a proxy before it sends them.
    """
    given = frozenset(name.lower().strip("[]") for name in names)
    if is_loopback(host):
        return LOOPBACK_NAMES | {host.lower().strip("[]")} | given
    return (LOOPBACK_NAMES | given) if given else None
