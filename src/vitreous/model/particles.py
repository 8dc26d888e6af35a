"""A table of particles: columns of the registry, and further ones of the file that it was read from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.model.columns import find_column

_UID_BITS = 53  # whole numbers up to here are exact in JavaScript and in float64
_FARTHEST = 1e15  # px: beyond, a hundred times it is no int64
_SUFFIXES = frozenset({".mrc", ".mrcs", ".tif", ".tiff", ".eer", ".dm4", ".dm3", ".map", ".st", ".hdf", ".spi"})


@dataclass(frozen=True)
class ParticleTable:
    """Particles, one row each; a column that is not there is unknown for all.

    Attributes:
        columns: name → values ``[n]``, all of one length. Real columns are float64 with NaN for unknown; integer
            columns int64, or float64 with NaN where some are unknown; text columns object arrays of ``str`` or
            ``None``. Names that the registry does not have are those of the file that was read (``rlnMtfFileName``).
    """

    columns: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        tidy = {name: _tidied(name, np.asarray(values)) for name, values in self.columns.items()}
        lengths = {name: len(values) for name, values in tidy.items()}
        if len(set(lengths.values())) > 1:
            raise UsageError(f"columns of particles differ in length: {lengths}", hint="Give columns of one length")
        object.__setattr__(self, "columns", tidy)

    def __len__(self) -> int:
        return next((len(values) for values in self.columns.values()), 0)

    def __getitem__(self, name: str) -> np.ndarray:
        found = self.columns.get(name)
        if found is None:
            raise DataError(
                f"the particles have no column {name}",
                hint=f"There are: {', '.join(self.columns) or 'none'}",
                column=name,
            )
        return found

    def get(self, name: str) -> np.ndarray | None:
        """The values of a column, ``None`` where it is unknown for all."""
        return self.columns.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def take(self, rows: np.ndarray | Sequence[int] | slice) -> ParticleTable:
        """The particles of an index array, a mask or a slice, in its order."""
        chosen = rows if isinstance(rows, slice) else np.asarray(rows)
        if isinstance(chosen, np.ndarray) and not chosen.size:
            chosen = chosen.astype(np.int64)
        return ParticleTable({name: values[chosen] for name, values in self.columns.items()})

    def with_columns(self, **columns: Any) -> ParticleTable:
        """The same particles with columns added or replaced; one value (a number, a text) stands for all."""
        n = len(self)
        wide = {name: _filled(value, n) if _is_one(value) else value for name, value in columns.items()}
        return ParticleTable({**self.columns, **wide})

    def without_columns(self, *names: str) -> ParticleTable:
        """The same particles without these columns."""
        return ParticleTable({name: values for name, values in self.columns.items() if name not in names})

    def known(self, name: str) -> np.ndarray:
        """Mask ``[n]`` of the particles whose value of that column is known."""
        values = self.columns.get(name)
        if values is None:
            return np.zeros(len(self), dtype=bool)
        return is_known(values)


def joined(tables: Sequence[ParticleTable]) -> ParticleTable:
    """All rows, one table after the other; a column that some lack is unknown there."""
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    found = {}
    for name in names:
        parts = [table.get(name) for table in tables]
        kinds = {part.dtype.kind for part in parts if part is not None and len(part)}
        text = "O" in kinds or (not kinds and any(part is not None and part.dtype.kind == "O" for part in parts))
        filled = [
            _unknown(len(table), text) if part is None else (part.astype(object) if text else part)
            for part, table in zip(parts, tables, strict=True)
            if len(table) or part is not None
        ]
        found[name] = np.concatenate(filled)
    return ParticleTable(found)


def is_known(values: np.ndarray) -> np.ndarray:
    """Mask of the values that are known: no ``None``, no NaN."""
    if values.dtype.kind == "f":
        return ~np.isnan(values)
    if values.dtype.kind == "O":
        return np.not_equal(values, np.array(None, dtype=object)).astype(bool)
    return np.ones(len(values), dtype=bool)


def particle_uid(micrograph: str, x: float, y: float) -> int:
    """Number of a particle, from the exposure's name and the position to 0.01 px; the same everywhere, below 2^53.

    Raises:
        UsageError: the position is not finite.
    """
    return int(particle_uids([micrograph], np.array([x]), np.array([y]))[0])


def particle_uids(micrographs: Sequence[str] | np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``particle_uid`` of many, int64 ``[n]``.

    Args:
        micrographs: names of the exposures ``[n]``.
        x, y: px of the unbinned micrograph ``[n]``.
    """
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UsageError("a particle's position is not finite", hint="Leave out particles without a position")
    across, down = (
        np.round(np.asarray(values, dtype=np.float64).clip(-_FARTHEST, _FARTHEST) * 100.0).astype(np.int64).tolist()
        for values in (x, y)
    )
    return np.array(
        [
            int.from_bytes(hashlib.blake2b(f"{name}\n{i}\n{j}".encode(), digest_size=8).digest()) >> (64 - _UID_BITS)
            for name, i, j in zip(micrographs, across, down, strict=True)
        ],
        dtype=np.int64,
    )


def micrograph_name(path: str) -> str:
    """Name of a micrograph: its file without folder and image suffix (``Micrographs/a.b.mrc`` → ``a.b``)."""
    file = PurePath(path.removeprefix(">"))
    return file.stem if file.suffix.lower() in _SUFFIXES else file.name


def by_unique(values: np.ndarray, function: Callable[[str], Any]) -> np.ndarray:
    """``function`` of each text, called once for each distinct one; object array ``[n]``, ``None`` stays ``None``."""
    each = values.tolist()
    known = {value: None if value is None else function(value) for value in dict.fromkeys(each)}
    found = np.empty(len(values), dtype=object)
    found[:] = [known[value] for value in each]
    return found


# --- values --------------------------------------------------------------------------------------------------------


def _tidied(name: str, values: np.ndarray) -> np.ndarray:
    column = find_column(name, "particle")
    kind = column.kind if column is not None else None
    if kind == "text" or (kind is None and values.dtype.kind in "OUS"):
        return values.astype(object)
    if kind == "real":
        return _as_real(name, values)
    if values.dtype.kind in "iub":
        return values.astype(np.int64)
    if values.dtype.kind == "O" or kind is None:
        return _as_real(name, values)
    unknown = np.isnan(values)
    if not np.array_equal(values[~unknown], np.round(values[~unknown])):
        raise UsageError(f"column {name} holds fractions", hint="Its values are whole numbers", column=name)
    return values.astype(np.float64) if unknown.any() else values.astype(np.int64)


def _as_real(name: str, values: np.ndarray) -> np.ndarray:
    try:
        return values.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise UsageError(f"column {name} holds what is no number ({error})", hint="Give numbers", column=name) from None


def _is_one(value: Any) -> bool:
    return value is None or isinstance(value, str) or np.ndim(value) == 0


def _filled(value: Any, n: int) -> np.ndarray:
    if value is None or isinstance(value, str):
        found = np.empty(n, dtype=object)
        found[:] = value
        return found
    return np.full(n, value)


def _unknown(n: int, text: bool) -> np.ndarray:
    return np.full(n, None, dtype=object) if text else np.full(n, np.nan)
