"""Particles as Parquet: the file that jobs pass on and that SQL reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.core.errors import DataError
from vitreous.formats.base import atomic_path
from vitreous.formats.stack_paths import located
from vitreous.model.columns import find_column
from vitreous.model.particles import ParticleTable, by_unique

if TYPE_CHECKING:
    import pyarrow as pa

_ROW_GROUP = 16_384
_HINT = "Give a Parquet file of particles, as picking and extraction write it"


def write_particle_parquet(path: Path | str, table: ParticleTable) -> None:
    """Write particles as zstd-compressed Parquet, whole or not at all; NaN and ``None`` become NULL."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    arrow = pa.table({name: _to_arrow(name, values) for name, values in table.columns.items()})
    with atomic_path(Path(path)) as aside:
        parquet.write_table(arrow, aside, compression="zstd", row_group_size=_ROW_GROUP)


def read_particle_parquet(path: Path | str) -> ParticleTable:
    """Read particles from Parquet.

    An ``image_stack`` without a folder lies beside the Parquet file; a relative one is looked for from the working
    folder, then from the file's folder and those around it (so a project's own tables are read from anywhere).

    Raises:
        DataError: the file can't be read, or a column holds what no column of particles can.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    path = Path(path)
    try:
        arrow = parquet.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: can't read: {error}", hint=_HINT, path=str(path)) from error
    columns = {name: _from_arrow(path, name, arrow[name]) for name in arrow.column_names}
    if "image_stack" in columns:
        columns["image_stack"] = by_unique(columns["image_stack"], lambda name: _stack(name, path))
    return ParticleTable(columns)


def _stack(name: str, path: Path) -> str:
    return str(path.parent / name) if Path(name).name == name else located(name, path)


def _to_arrow(name: str, values: np.ndarray) -> Any:
    import pyarrow as pa

    if values.dtype.kind == "O":
        texts = pa.array([None if value is None else str(value) for value in values.tolist()], type=pa.string())
        return texts.dictionary_encode()
    column = find_column(name, "particle")
    if column is not None and column.kind == "integer":
        return pa.array(values, from_pandas=True).cast(pa.int64())
    return pa.array(values, from_pandas=True)


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    """Text as an object array; each distinct text is made once."""
    import pyarrow as pa

    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    parts = []
    for chunk in coded.chunks:
        words = np.empty(len(chunk.dictionary) + 1, dtype=object)
        words[:-1] = chunk.dictionary.to_pylist()
        parts.append(words[chunk.indices.fill_null(len(words) - 1).to_numpy()])
    return np.concatenate(parts) if parts else np.zeros(0, dtype=object)


def _from_arrow(path: Path, name: str, column: pa.ChunkedArray) -> np.ndarray:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _texts(column)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise DataError(f"{path}: column {name} is of type {kind}", hint=_HINT, path=str(path), column=name)
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    values = column.to_numpy()
    return values if column.null_count else values.astype(np.int64 if pa.types.is_integer(column.type) else np.float64)
