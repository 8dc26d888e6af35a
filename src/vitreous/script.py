"""For user scripts in Python: ``from vitreous.script import job`` gives what the job told the script."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any


class Item:
    """One item: its name, its values, and the files of its slots."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.name: str = content["name"]
        self.slots: Mapping[str, Any] = content["slots"]
        self._values: Mapping[str, Any] = content["values"]

    def file(self, slot: str, key: str | None = None) -> str:
        """Absolute path of a slot's main file, or of its further file ``key``; LookupError where there is none."""
        found = self.slots.get(slot)
        path = None if found is None else found["file"] if key is None else found["files"].get(key)
        if path is None:
            raise LookupError(f"{self.name} has no file {slot}{'' if key is None else '.' + key}")
        return str(path)

    def value(self, name: str) -> Any:
        """One value of the item or of its slots, in the unit of its column; ``None`` where it isn't known."""
        for values in (self._values, *(slot["values"] for slot in self.slots.values())):
            if name in values:
                return values[name]
        return None


class Parameters:
    """The parameters as attributes: ``job.parameters.threshold``."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        """The value of one parameter; AttributeError where the header declares none of that name."""
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"the header declares no parameter {name!r}") from None


class Job:
    """What the script is to do, read when first asked for; and how it says what it does."""

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """All of ``job.json``."""
        path = os.environ.get("VITREOUS_JOB")
        if path is None:
            raise RuntimeError("VITREOUS_JOB is not set: this script is meant to be run by Vitreous, as a job")
        with open(path, encoding="utf-8") as file:
            content: Mapping[str, Any] = json.load(file)
        return content

    @property
    def parameters(self) -> Parameters:
        """The parameters."""
        return Parameters(self.content["parameters"])

    @cached_property
    def item(self) -> Item:
        """The item of a script with scope ``item``."""
        if "item" not in self.content:
            raise LookupError("this script works on a set; use job.items")
        return Item(self.content["item"])

    @cached_property
    def items(self) -> list[Item]:
        """The members of the set of a script with scope ``set``."""
        return [Item(one) for one in self.content.get("items", [self.content.get("item")]) if one is not None]

    @property
    def out(self) -> str:
        """The folder for the script's files, which is also where it runs."""
        return str(self.content["out"])

    def progress(self, fraction: float, doing: str = "") -> None:
        """Say how much is done (0..1), and what is being done."""
        print(f"progress: {min(max(fraction, 0.0), 1.0):.4f} {' '.join(doing.split())}", flush=True)  # noqa: T201

    def result(
        self,
        *,
        values: Mapping[str, Any] | None = None,
        files: Mapping[str, str | os.PathLike[str]] | None = None,
        warnings: Iterable[str] = (),
        outputs: Iterable[str] | None = None,
    ) -> None:
        """Give the results, once.

        Args:
            values: key → number, text, truth value or ``None`` (not known); numbers of array libraries are understood.
            files: key → name relative to ``out``.
            warnings: for people.
            outputs: names of the outputs by which the item goes on; an empty list ends its way here.
        """
        names = {key: os.path.relpath(os.path.join(self.out, name), self.out) for key, name in (files or {}).items()}
        told: dict[str, Any] = {"values": dict(values or {}), "files": names, "warnings": list(warnings)}
        if outputs is not None:
            told["outputs"] = list(outputs)
        path = os.path.join(self.out, "results.json")
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(told, file, default=_simple, indent=2)
        os.replace(path + ".part", path)


def _simple(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{value!r} can't be given as a result: give a number, text or a truth value")


job = Job()
