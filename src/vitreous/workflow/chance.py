"""Chance that repeats: a number drawn from an item's name, so that it needs no memory and no order."""

from __future__ import annotations

from hashlib import blake2b


def chance(name: str, seed: int) -> float:
    """A number in [0, 1), evenly spread over names; the same for the same name and seed on every machine."""
    digest = blake2b(f"{seed}\n{name}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2.0**53
