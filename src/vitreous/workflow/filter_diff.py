"""What changes between two versions of a filter: which items enter, which leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vitreous.workflow.filter_rule import FilterRule

NamedRow = tuple[str, Mapping[str, Any]]
"""An item's name, and its columns."""


@dataclass(frozen=True)
class Diff:
    """Names of the items that pass only the later version, and only the earlier one, in the rows' order."""

    entered: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether both versions pass the same items."""
        return not self.entered and not self.left


@dataclass(frozen=True)
class Counts:
    """How many items a filter passes and rejects, and on what ground.

    Attributes:
        passed, rejected: items; together all of them.
        unknown: items among them of which the expression could not tell.
        kept_by_hand, rejected_by_hand: items among them that a person decided on.
    """

    passed: int
    rejected: int
    unknown: int
    kept_by_hand: int
    rejected_by_hand: int


def diff(before: FilterRule, after: FilterRule, rows: Iterable[NamedRow]) -> Diff:
    """Compare two versions on the same items; undo is the same with the versions exchanged.

    Raises:
        UsageError: a column holds another kind of value than an expression takes it for.
    """
    entered, left = [], []
    for name, row in rows:
        was, now = before.verdict(name, row).passes, after.verdict(name, row).passes
        if now and not was:
            entered.append(name)
        elif was and not now:
            left.append(name)
    return Diff(tuple(entered), tuple(left))


def counts(rule: FilterRule, rows: Iterable[NamedRow]) -> Counts:
    """Count what a filter does with the items.

    Raises:
        UsageError: a column holds another kind of value than the expression takes it for.
    """
    verdicts = [rule.verdict(name, row) for name, row in rows]
    passed = sum(verdict.passes for verdict in verdicts)
    by_hand = [verdict.passes for verdict in verdicts if verdict.ground == "by hand"]
    return Counts(
        passed=passed,
        rejected=len(verdicts) - passed,
        unknown=sum(verdict.ground == "unknown" for verdict in verdicts),
        kept_by_hand=sum(by_hand),
        rejected_by_hand=len(by_hand) - sum(by_hand),
    )
