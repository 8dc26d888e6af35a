"""One column of a project's tables: its name, unit and meaning, and what other packages call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from vitreous.core.errors import UsageError

Kind = Literal["real", "integer", "text", "boolean"]
Item = Literal["exposure", "particle"]
Package = Literal["relion", "cryosparc", "cistem", "frealign", "emx", "focus"]

ITEMS: tuple[Item, ...] = get_args(Item)
PACKAGES: tuple[Package, ...] = get_args(Package)
UNITS = frozenset(
    {
        "Å", "Å²", "Å/frame", "degrees", "e/Å²", "e/px/frame", "counts", "counts/px/frame", "% of the mean", "%",
        "fraction", "kV", "mm", "µm", "mrad", "px", "frames", "s", "bytes", "×",
    }
)  # fmt: skip
"""Units of columns; a column of no unit has ``None``."""


@dataclass(frozen=True)
class Alias:
    """A column's name in another package; ``theirs = ours * scale + offset``.

    Attributes:
        name: as the other package writes it, without the underscore of STAR labels.
        scale: their unit per our unit; ``None`` where their value is made of more than this column (``note`` says how).
        offset: in their unit.
        note: what a person should know; begins with "unverified" where no file of that package has confirmed it.
    """

    name: str
    scale: float | None = 1.0
    offset: float = 0.0
    note: str = ""

    def to_theirs(self, value: float) -> float:
        """Our value in their unit; ``UsageError`` where a plain factor does not do."""
        return value * self._factor() + self.offset

    def to_ours(self, value: float) -> float:
        """Their value in our unit; ``UsageError`` where a plain factor does not do."""
        return (value - self.offset) / self._factor()

    def _factor(self) -> float:
        if self.scale is None:
            raise UsageError(f"{self.name} is no plain multiple of one column", hint=self.note, alias=self.name)
        return self.scale


@dataclass(frozen=True)
class Column:
    """One column, declared once.

    Attributes:
        name: unique among the columns of the item.
        kind: of its values.
        unit: one of ``UNITS``, ``None`` where it has none.
        meaning: a phrase.
        slot: the slot that brings it; ``None``: the item has it by itself.
        item: what a row is.
        aliases: package → its name there.
    """

    name: str
    kind: Kind
    unit: str | None
    meaning: str
    slot: str | None
    item: Item = "exposure"
    aliases: Mapping[Package, Alias] = field(default_factory=dict)
