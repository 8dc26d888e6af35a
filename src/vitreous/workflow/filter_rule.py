"""The rule of a filter: an expression, and what people decided by hand, which wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vitreous.workflow.expression import Expression

Ground = Literal["expression", "unknown", "by hand"]
"""Why an item passes or not: what the expression says, that it can't say, or what a person decided."""


@dataclass(frozen=True)
class Verdict:
    """What a filter says of one item.

    Attributes:
        passes: whether it goes on.
        ground: why.
        reason: what the person wrote who decided by hand.
    """

    passes: bool
    ground: Ground
    reason: str = ""


@dataclass(frozen=True)
class FilterRule:
    """One version of a filter.

    Attributes:
        expression: what an item must meet.
        keep, reject: items decided by hand → the reason.
        accept_unknown: whether an item passes of which the expression is unknown.
    """

    expression: Expression
    keep: Mapping[str, str] = field(default_factory=dict)
    reject: Mapping[str, str] = field(default_factory=dict)
    accept_unknown: bool = False

    def verdict(self, name: str, row: Mapping[str, Any]) -> Verdict:
        """What becomes of the item of that name with these values.

        Raises:
            UsageError: a column holds another kind of value than the expression takes it for.
        """
        if name in self.reject:
            return Verdict(False, "by hand", self.reject[name])
        if name in self.keep:
            return Verdict(True, "by hand", self.keep[name])
        met = self.expression.evaluate(row)
        return Verdict(self.accept_unknown, "unknown") if met is None else Verdict(met, "expression")
