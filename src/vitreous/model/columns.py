"""The column registry: every column of every table, found by name, slot or another package's name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from vitreous.core.errors import UsageError
from vitreous.core.words import near
from vitreous.model.column import ITEMS, PACKAGES, UNITS, Alias, Column, Item, Kind, Package
from vitreous.model.columns_exposure import EXPOSURE_COLUMNS
from vitreous.model.columns_particle import PARTICLE_COLUMNS

__all__ = [
    "COLUMNS", "ITEMS", "PACKAGES", "UNITS", "Alias", "Column", "Item", "Kind", "Package", "column", "columns",
    "find_alias", "find_column", "slot_columns",
]  # fmt: skip

COLUMNS: tuple[Column, ...] = (*EXPOSURE_COLUMNS, *PARTICLE_COLUMNS)
"""All columns: those of exposures, then those of particles, each in the order in which tables show them."""


@cache
def columns(item: Item = "exposure") -> Mapping[str, Column]:
    """The columns of an item by name."""
    return MappingProxyType({column.name: column for column in COLUMNS if column.item == item})


def find_column(name: str, item: Item = "exposure") -> Column | None:
    """The column of that name; ``None`` where there is none."""
    return columns(item).get(name)


def column(name: str, item: Item = "exposure") -> Column:
    """The column of that name; ``UsageError`` with similar names where there is none."""
    found = find_column(name, item)
    if found is None:
        same = _by_any_alias(item).get(name.removeprefix("_"))
        hint = f"Here it is called {same}" if same else near(name, columns(item))
        raise UsageError(
            f"{item}s have no column {name!r}", hint=hint or "The reference page of columns lists them", column=name
        )
    return found


def slot_columns(slot: str, item: Item = "exposure") -> tuple[Column, ...]:
    """The columns that a slot brings."""
    return tuple(column for column in columns(item).values() if column.slot == slot)


def find_alias(package: Package, name: str, item: Item = "exposure") -> Column | None:
    """The column that a package calls so and that a plain factor converts; ``None`` where there is none.

    A leading underscore (of STAR labels) is ignored.
    """
    return _by_alias(package, item).get(name.removeprefix("_"))


@cache
def _by_alias(package: Package, item: Item) -> Mapping[str, Column]:
    found = {}
    for one in columns(item).values():
        alias = one.aliases.get(package)
        if alias is not None and alias.scale is not None:
            found[alias.name] = one
    return MappingProxyType(found)


@cache
def _by_any_alias(item: Item) -> Mapping[str, str]:
    """Names in other packages → ours, for the hint of an unknown name."""
    return MappingProxyType({alias.name: one.name for one in columns(item).values() for alias in one.aliases.values()})
