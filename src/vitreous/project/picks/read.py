"""Columns of a file of picks or particles, whatever else it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.core.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

Floats = np.ndarray[Any, np.dtype[np.float64]]


def read_columns(path: Path, names: Sequence[str], condition: Any = None) -> tuple[int, dict[str, Any]]:
    """Some columns of a Parquet file.

    Args:
        path: of the file.
        names: of the columns; those that the file lacks are left out.
        condition: pyarrow's filters: only rows that meet them are read.

    Returns:
        The number of rows, and name → values: numbers as float64 with NaN for unknown, texts as a list.

    Raises:
        DataError: the file is missing or no Parquet file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            known = set(file.schema_arrow.names)
            chosen = [name for name in names if name in known]
            table = file.read(chosen) if condition is None else None
            rows = file.metadata.num_rows
        if table is None:
            table = parquet.read_table(path, columns=chosen, filters=condition)
            rows = table.num_rows
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: the file of picks is not there", hint="Run the job again for this image", path=str(path)
        ) from error
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{path}: can't be read as a table ({error})", hint="Run the job again for this image", path=str(path)
        ) from error
    return rows, {name: _values(table.column(name)) for name in chosen}


def _values(column: pa.ChunkedArray) -> Any:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.to_pylist()
    return column.cast(pa.float64()).to_numpy()


def numbers(columns: dict[str, Any], name: str, rows: int, otherwise: float = np.nan) -> Floats:
    """A column of numbers; ``otherwise`` where the file lacks it or a value is unknown."""
    values = columns.get(name)
    if values is None:
        return np.full(rows, otherwise)
    found = np.asarray(values, np.float64)
    return found if np.isnan(otherwise) else np.where(np.isnan(found), otherwise, found)
