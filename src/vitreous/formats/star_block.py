"""One block of a STAR file: labels and their values, kept as text until a type is asked for."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vitreous.core.errors import DataError


@dataclass(frozen=True)
class StarBlock:
    """One block of a STAR file; labels are without the leading underscore (``rlnMicrographName``).

    Attributes:
        columns: label -> values. Read from a file they are object arrays of ``str``; for writing any sequence of
            text, integers, floats or booleans will do.
        loop: the block is a loop; else it is simple pairs, of one value per label.
        origin: the file, for error messages.
    """

    columns: Mapping[str, Sequence[Any] | np.ndarray]
    loop: bool = True
    origin: str = field(default="", compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The labels in the file's order."""
        return tuple(self.columns)

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def __len__(self) -> int:
        """Number of rows."""
        if isinstance(self.columns, LazyLoop):
            return self.columns.n_rows
        return min((len(values) for values in self.columns.values()), default=0)

    def text(self, name: str) -> np.ndarray:
        """A column as an object array of ``str``, ``[n_rows]``."""
        return np.asarray(self._column(name), dtype=object)

    def numbers(self, *names: str) -> np.ndarray:
        """Columns as float64: ``[n_rows]`` for one name, ``[n_rows, n_names]`` for several, parsed at once."""
        for name in names:
            self._require(name)
        if isinstance(self.columns, LazyLoop):
            values = self.columns.parse_numbers(names)
        else:
            values = np.stack([self._to_float(name) for name in names], axis=1)
        return values[:, 0] if len(names) == 1 else values

    def integers(self, name: str) -> np.ndarray:
        """A column as int64, ``[n_rows]``; "2.000000" counts as 2."""
        values = self.numbers(name)
        whole = np.isfinite(values) & (values == np.round(values)) & (np.abs(values) < 2**53)
        if not whole.all():
            row = int(np.argmin(whole))
            raise self._error(f"column {name} has {values[row]:g} in row {row + 1} where a whole number belongs")
        return values.astype(np.int64)

    def parsed(self, text: Collection[str] = ()) -> dict[str, np.ndarray]:
        """Every column, parsed at once: int64 or float64 where all values are numbers, else object arrays of ``str``.

        Args:
            text: labels that stay text, whatever they hold.
        """
        if isinstance(self.columns, LazyLoop):
            return self.columns.parse_all(text)
        return {name: np.asarray(values) if name in text else _as_numbers(values) for name, values in self.items()}

    def items(self) -> list[tuple[str, np.ndarray]]:
        """Labels and their values."""
        return [(name, np.asarray(values, dtype=object)) for name, values in self.columns.items()]

    def value(self, name: str) -> str:
        """The one value of a label as text (of simple pairs, or a loop of one row)."""
        column = self._column(name)
        if len(column) != 1:
            raise self._error(f"{name} has {len(column)} values where one belongs")
        return str(column[0])

    def number(self, name: str) -> float:
        """The one value of a label as a float."""
        self.value(name)
        return float(self.numbers(name)[0])

    def _require(self, name: str) -> None:
        if name not in self.columns:
            raise self._error(f"column {name} is missing; there are: {', '.join(self.names) or 'none'}")

    def _column(self, name: str) -> Sequence[Any] | np.ndarray:
        self._require(name)
        return self.columns[name]

    def _to_float(self, name: str) -> np.ndarray:
        column = self._column(name)
        try:
            return np.asarray(column).astype(np.float64)
        except (ValueError, TypeError):
            row = next(i for i, value in enumerate(column) if not _is_number(value))
            raise self._error(f"column {name} has {short_text(column[row])} in row {row + 1}: not a number") from None

    def _error(self, message: str) -> DataError:
        return star_error(self.origin or "STAR table", message, "Check the file, or the program that wrote it")


@dataclass(frozen=True)
class Body:
    """Text of one loop, and where it stands in the file."""

    data: bytes
    line: int  # number of its first line in the file, from 1


class LazyLoop(Mapping[str, np.ndarray]):
    """Columns of a large loop, parsed from the file's bytes when asked for."""

    def __init__(self, labels: Sequence[str], body: Body, n_rows: int, origin: str) -> None:
        self._index = {label: i for i, label in enumerate(labels)}
        self._body = body
        self.n_rows = n_rows
        self._origin = origin

    def __getitem__(self, name: str) -> np.ndarray:
        return self._parse((self._index[name],), str)[0].astype(object)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)

    def parse_numbers(self, names: Sequence[str]) -> np.ndarray:
        try:
            return np.stack(self._parse([self._index[name] for name in names], np.float64), axis=1)
        except (ValueError, OverflowError):
            for name in names:
                row = next((i for i, value in enumerate(self[name]) if not _is_number(value)), None)
                if row is not None:
                    what = f"line {self._line_of_row(row)}: {name} is {short_text(self[name][row])}, not a number"
                    raise star_error(self._origin, what, "Correct the file") from None
            raise

    def parse_all(self, text: Collection[str]) -> dict[str, np.ndarray]:
        import pandas as pd

        table = pd.read_csv(
            io.BytesIO(self._body.data),
            sep=r"\s+",
            header=None,
            dtype={self._index[name]: str for name in text if name in self._index},
            na_filter=False,
            quoting=3,
            low_memory=False,
        )
        found = {name: table[i].to_numpy() for name, i in self._index.items()}
        return {
            name: values if values.dtype.kind in "if" else _as_numbers(values.astype(object), name in text)
            for name, values in found.items()
        }

    def _parse(self, indices: Sequence[int], dtype: Any) -> list[np.ndarray]:
        import pandas as pd

        table = pd.read_csv(
            io.BytesIO(self._body.data),
            sep=r"\s+",
            header=None,
            usecols=sorted(set(indices)),
            dtype=dtype,
            na_filter=False,
            quoting=3,
            low_memory=False,
        )
        return [table[i].to_numpy() for i in indices]

    def _line_of_row(self, row: int) -> int:
        filled = (i for i, line in enumerate(self._body.data.split(b"\n")) if line.strip())
        return self._body.line + next(line for k, line in enumerate(filled) if k == row)


def _as_numbers(values: Any, text: bool = False) -> np.ndarray:
    """int64 or float64 where all texts are numbers, else (or where it is text) the texts."""
    texts = np.asarray(values, dtype=object)
    if text or not all(_is_number(value) for value in texts[:20]):
        return texts
    try:
        numbers = texts.astype(np.float64)
    except (ValueError, TypeError):
        return texts
    whole = len(numbers) and all(str(value).lstrip("+-").isdigit() for value in texts)
    return numbers.astype(np.int64) if whole else numbers


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (ValueError, TypeError):
        return False
    return "_" not in str(value)


def short_text(value: Any) -> str:
    """A value as it is quoted in a message, cut to 60 characters."""
    text = repr(str(value))
    return text if len(text) <= 60 else text[:57] + "...'"


def star_error(origin: str, message: str, hint: str, **context: Any) -> DataError:
    """The error of a STAR file; ``origin`` is its path."""
    return DataError(f"{origin}: {message}", hint=hint, path=origin, **context)
