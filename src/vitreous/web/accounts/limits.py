"""How often one may try to sign in: after a few failures each further one costs a longer wait, never too long a one."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from vitreous.web.refused import Refused


@dataclass
class _Count:
    failures: int = 0
    until: float = -math.inf
    last: float = -math.inf


@dataclass(frozen=True)
class Rule:
    """How failures of one kind are counted.

    Attributes:
        free: failures without a wait.
        longest: s, the longest wait.
        forget: s without a failure after which they are forgotten.
    """

    free: int
    longest: float
    forget: float


NAME = Rule(free=5, longest=60.0, forget=900.0)
"""Failures for one name: the wait stays short, for others must not be able to keep its owner out."""
ADDRESS = Rule(free=10, longest=300.0, forget=900.0)
"""Failures from one address."""
MOST = 10_000
"""Names and addresses that are remembered."""


class Limits:
    """Counts failures by name and by address; the oldest are forgotten where there are too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._counts)

    def begin(self, rules: Mapping[str, Rule]) -> None:
        """Count a try as a failure until ``succeeded`` says otherwise, so that tries at the same time count too.

        Raises:
            Refused: it is too early (429); such a try does not make the wait longer.
        """
        now = self._clock()
        with self._lock:
            wait = max((self._wait(key, rule, now) for key, rule in rules.items()), default=0.0)
            if wait > 0:
                seconds = math.ceil(wait)
                raise Refused(
                    f"too many failed tries to sign in; the next is possible in {seconds} s",
                    hint="Wait that long, then try again",
                    status=429,
                    retry_after=seconds,
                )
            for key, rule in rules.items():
                count = self._counts.setdefault(key, _Count())
                self._counts.move_to_end(key)
                count.failures += 1
                count.last = now
                over = count.failures - rule.free
                if over >= 0:
                    count.until = now + min(rule.longest, 2.0 ** min(over, 30))
            while len(self._counts) > self._most:
                self._counts.popitem(last=False)

    def _wait(self, key: str, rule: Rule, now: float) -> float:
        count = self._counts.get(key)
        if count is None:
            return 0.0
        if now - count.last > rule.forget:
            del self._counts[key]
            return 0.0
        return count.until - now

    def succeeded(self, forgotten: Collection[str], rules: Mapping[str, Rule]) -> None:
        """Forget the failures under some keys, and take this try back from the rest."""
        with self._lock:
            for key in forgotten:
                self._counts.pop(key, None)
            for key, rule in rules.items():
                count = self._counts.get(key)
                if count is not None:
                    count.failures -= 1
                    if count.failures < rule.free:
                        count.until = -math.inf


def network_of(address: str | None) -> str:
    """What is counted as one address: of IPv6 the network of 64 bits, which one household or attacker has whole."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
