"""When a file has stopped changing: pure bookkeeping on what was seen, and when by our own clock.

The camera's clock may be wrong by years, so a file's time of change is compared with itself only, never with ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Stamp:
    """What one look tells of a file without reading it.

    Attributes:
        size: bytes.
        mtime: s, by the clock of the file's computer.
        sides: name, size and mtime of each file beside it that belongs to it.
    """

    size: int
    mtime: float
    sides: tuple[tuple[str, int, float], ...] = ()


@dataclass(frozen=True)
class Settling:
    """A file that is watched until it rests.

    Attributes:
        stamp: as last seen.
        first_seen: s, our clock.
        changed: s, our clock, when the stamp was first seen as it is.
    """

    stamp: Stamp
    first_seen: float
    changed: float


@dataclass(frozen=True)
class Observation:
    """What a look changes.

    Attributes:
        states: of all files that are there.
        stable: files that have not changed for the delay, in order of their names.
        appeared, changed, vanished: since the last look.
    """

    states: Mapping[str, Settling]
    stable: tuple[str, ...]
    appeared: tuple[str, ...]
    changed: tuple[str, ...]
    vanished: tuple[str, ...]


def observe(states: Mapping[str, Settling], listing: Mapping[str, Stamp], now: float, delay: float) -> Observation:
    """Join what is known of files with a new look at them.

    Args:
        states: path → state after the last look.
        listing: path → stamp, of all files that are to settle.
        now: s, our clock, which never goes back.
        delay: s without change after which a file is stable. One look is never enough, whatever the delay.
    """
    found: dict[str, Settling] = {}
    stable, appeared, changed = [], [], []
    for path in sorted(listing):
        stamp, before = listing[path], states.get(path)
        if before is None:
            found[path] = Settling(stamp, now, now)
            appeared.append(path)
        elif before.stamp != stamp:
            found[path] = Settling(stamp, before.first_seen, now)
            changed.append(path)
        else:
            found[path] = before
            if now - before.changed >= delay:
                stable.append(path)
    vanished = tuple(sorted(path for path in states if path not in listing))
    return Observation(found, tuple(stable), tuple(appeared), tuple(changed), vanished)
