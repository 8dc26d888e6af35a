"""Names and contents that are in the project already."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping

from vitreous.acquisition.names import free_name, item_name
from vitreous.acquisition.reports import KnownFile


class Contents:
    """Items by name and by content: those of the whole project, and those of this import since it began."""

    def __init__(self, items: Mapping[str, str], known: Mapping[str, KnownFile]) -> None:
        """Begin with the project's items (name → identity; may grow later) and the files of this import."""
        self._items = items
        self._owners: dict[str, str] = {}
        self._indexed = 0
        self._own: dict[str, str] = {}
        self._own_owners: dict[str, str] = {}
        for file in known.values():
            if file.state == "imported" and file.name is not None and file.identity is not None:
                self.add(file.name, file.identity)

    def add(self, name: str, identity: str) -> None:
        """Take note of a new item."""
        self._own[name], self._own_owners[identity] = identity, name

    def owner(self, identity: str) -> str | None:
        """The item that has a content already."""
        if len(self._items) != self._indexed:
            self._owners = {content: name for name, content in self._items.items()}
            self._indexed = len(self._items)
        own = self._own_owners.get(identity)
        return self._owners.get(identity) if own is None else own

    def is_new(self, identity: str) -> bool:
        """Whether no item has a content."""
        return self.owner(identity) is None

    def name_for(self, file_name: str) -> str:
        """A name for the item of a file that no item has yet."""
        maps: list[MutableMapping[str, str]] = [self._own, self._items]  # type: ignore[list-item]
        return free_name(item_name(file_name), ChainMap(*maps))
