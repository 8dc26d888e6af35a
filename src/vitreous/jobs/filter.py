"""The job type that lets pass the items which meet an expression, and those kept by hand."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from vitreous.workflow.expression import Expression, parse
from vitreous.workflow.filter_rule import FilterRule
from vitreous.workflow.job_type import DecisionInput, JobType, Params, no_command, parameter


class ByHand(Params):
    """One item that a person decided on; a bare name is an item without a reason."""

    item: str = Field(min_length=1, description="name of the item")
    reason: str = Field("", description="why")

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        return {"item": value} if isinstance(value, str) else value


class FilterParams(Params):
    """A named filter; each change of it is a version that can be compared and taken back."""

    expression: str = parameter(
        help="what an item must meet, such as fit_resolution < 6 and 5000 <= defocus < 40000", max_length=4000
    )
    name: str = parameter("", help="name of the filter", max_length=100)
    unknown: Literal["reject", "accept"] = parameter(
        "reject", help="what becomes of an item of which the expression can't tell because a value is unknown"
    )
    keep: tuple[ByHand, ...] = parameter((), help="items kept by hand, whatever the expression says", group="By hand")
    reject: tuple[ByHand, ...] = parameter(
        (), help="items rejected by hand, whatever the expression says", group="By hand"
    )

    @field_validator("expression")
    @classmethod
    def _readable(cls, value: str) -> str:
        _parsed(value)  # its UsageError shows the place, which a form needs too; it goes through pydantic as it is
        return value

    @model_validator(mode="after")
    def _one_way(self) -> FilterParams:
        for what, several in (("kept", self.keep), ("rejected", self.reject)):
            names = [entry.item for entry in several]
            twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
            if twice:
                raise ValueError(f"{twice[0]!r} is {what} by hand twice")
        both = sorted({entry.item for entry in self.keep} & {entry.item for entry in self.reject})
        if both:
            raise ValueError(f"{both[0]!r} is both kept and rejected by hand")
        return self

    @cached_property
    def rule(self) -> FilterRule:
        """What these parameters state; made once, for it is asked for each item."""
        return FilterRule(
            expression=_parsed(self.expression),
            keep={entry.item: entry.reason for entry in self.keep},
            reject={entry.item: entry.reason for entry in self.reject},
            accept_unknown=self.unknown == "accept",
        )


@lru_cache(maxsize=256)
def _parsed(text: str) -> Expression:
    """Filters are asked once for each item, so what was read is kept."""
    return parse(text)


def filter_rule(params: FilterParams) -> FilterRule:
    """The rule that the parameters state, for verdicts, counts and comparisons of versions."""
    return params.rule


def _decide(params: FilterParams, item: DecisionInput) -> frozenset[str]:
    passes = filter_rule(params).verdict(item.name, item.values).passes
    return frozenset({"items" if passes else "rejected"})


JOB = JobType(
    name="filter",
    title="Filter",
    summary="Let pass the items that meet an expression over their columns, now and as new ones arrive.",
    params=FilterParams,
    start=no_command,
    items="ITEM",
    example='vitreous add filter --after ctf expression="fit_resolution < 6"',
    columns={},
    category="Sets",
    order=60,
    scope="decision",
    outputs=("items", "rejected"),
    methods="Items were kept where {expression}.",
    decide=_decide,
)
