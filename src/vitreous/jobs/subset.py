"""The job type that takes a part of a set: the first, every n-th, a random fraction, by mark, by group or by name."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, model_validator

from vitreous.workflow.chance import chance
from vitreous.workflow.job_type import DecisionInput, JobType, Params, no_command, parameter

Patterns = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
"""Names, in which * stands for any characters, ? for one, [abc] for one of those; case matters."""


class Part(Params):
    """Base of the kinds of parts."""

    def __str__(self) -> str:
        """For sentences: ``first, number 100``."""
        values = [(name, getattr(self, name)) for name in type(self).model_fields]
        shown = [(name, ", ".join(value) if isinstance(value, tuple) else value) for name, value in values]
        return ", ".join(str(value) if name == "kind" else f"{name} {value}" for name, value in shown)


class First(Part):
    """The first items of the project in order of arrival."""

    kind: Literal["first"]
    number: int = parameter(help="how many items of the project, in order of arrival", ge=1)


class Range(Part):
    """The items of the project from one number to another, in order of arrival."""

    kind: Literal["range"]
    first: int = parameter(1, help="number of the first item in the project, from 1", ge=1)
    last: int | None = parameter(None, help="number of the last item; no end unless given", ge=1)

    @model_validator(mode="after")
    def _forward(self) -> Range:
        if self.last is not None and self.last < self.first:
            raise ValueError(f"the last item, {self.last}, comes before the first, {self.first}")
        return self


class Every(Part):
    """Every n-th item of the project in order of arrival."""

    kind: Literal["every"]
    step: int = parameter(help="one of how many items", ge=1)
    start: int = parameter(1, help="number of the first item taken, from 1", ge=1)


class Fraction(Part):
    """A random part, drawn from the names: it repeats, streams, and a larger fraction holds the smaller."""

    kind: Literal["fraction"]
    fraction: float = parameter(help="part of all items", unit="fraction", gt=0, le=1)
    seed: int = parameter(0, help="another seed draws other items")


class Flagged(Part):
    """Items with a flag of one of these colours."""

    kind: Literal["flag"]
    flags: Annotated[tuple[Literal["red", "green", "blue", "gold"], ...], Field(min_length=1)] = parameter(
        help="colours of the flag"
    )


class Grouped(Part):
    """Items in one of these groups."""

    kind: Literal["group"]
    groups: Patterns = parameter(help="names of groups; * and ? stand for any characters and for one")


class Tagged(Part):
    """Items with one of these tags, or with all."""

    kind: Literal["tag"]
    tags: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = parameter(help="tags")
    all: bool = parameter(False, help="whether an item must have all of them")


class Named(Part):
    """Items whose names match one of these patterns."""

    kind: Literal["names"]
    patterns: Patterns = parameter(help="names of items; * and ? stand for any characters and for one")


Selection = Annotated[
    First | Range | Every | Fraction | Flagged | Grouped | Tagged | Named, Field(discriminator="kind")
]


class SubsetParams(Params):
    """Which part is taken."""

    select: Selection = parameter(help="which part is taken, by its kind")


def selected(select: Selection, item: DecisionInput) -> bool:
    """Whether the item is in the part; its flag and group are the values ``flag`` and ``group``."""
    match select:
        case First():
            return item.number <= select.number
        case Range():
            return select.first <= item.number and (select.last is None or item.number <= select.last)
        case Every():
            return item.number >= select.start and (item.number - select.start) % select.step == 0
        case Fraction():
            return chance(item.name, select.seed) < select.fraction
        case Flagged():
            return item.values.get("flag") in select.flags
        case Grouped():
            return _matches(item.values.get("group"), select.groups)
        case Tagged():
            found = item.tags.intersection(select.tags)
            return found == set(select.tags) if select.all else bool(found)
        case Named():
            return _matches(item.name, select.patterns)


def _matches(name: object, patterns: tuple[str, ...]) -> bool:
    return isinstance(name, str) and any(fnmatchcase(name, pattern) for pattern in patterns)


def _decide(params: SubsetParams, item: DecisionInput) -> frozenset[str]:
    return frozenset({"items" if selected(params.select, item) else "rejected"})


JOB = JobType(
    name="subset",
    title="Subset",
    summary="Take a part of a set: the first items, every n-th, a random fraction, by flag, group, tag or name.",
    params=SubsetParams,
    start=no_command,
    items="ITEM",
    example="vitreous add subset --after motion select.kind=fraction select.fraction=0.1",
    columns={},
    category="Sets",
    order=62,
    scope="decision",
    outputs=("items", "rejected"),
    methods="A subset of the items was taken ({select}).",
    decide=_decide,
)
