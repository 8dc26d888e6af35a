"""Where the files lie that a table names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vitreous.model.particles import by_unique


def located(name: str, table: Path) -> str:
    """The file that a table names: as it stands, else beside the table, else below one of the folders around it.

    Programs name files relative to the folder in which they ran, which need not be the table's. A name that leads to
    no file comes back as it stands.
    """
    if Path(name).is_absolute() or Path(name).exists():
        return name
    folder = table.absolute().parent
    for root in (folder, *folder.parents):
        if (root / name).exists():
            return str(root / name)
    return name


def located_all(names: np.ndarray, table: Path) -> np.ndarray:
    """``located`` of many names, ``[n]``; each distinct name is looked for once."""
    return by_unique(names, lambda name: located(name, table))
