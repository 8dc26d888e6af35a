"""Atoms of a PDB or mmCIF model, with their electron scattering factors, by gemmi."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitreous.core.errors import DataError

MODEL_SUFFIXES = (".pdb", ".ent", ".cif", ".mmcif")


@dataclass(frozen=True)
class Atoms:
    """Atoms of one model.

    Attributes:
        positions: Å ``[n, 3]`` (x, y, z), float64.
        kinds: row of ``elements`` for each atom, int64 ``[n]``.
        elements: symbols of the elements that occur.
        form_factors: float64 ``[n_elements, 2, 5]``: a (Å) and b (Å²) of f(s) = Σ a exp(-b s²/4), electrons, s in 1/Å
            (International Tables C, table 4.3.2.2).
        occupancies: 0..1 ``[n]``.
        b_factors: Å² ``[n]``.
        has_hydrogens: whether the model states hydrogen atoms.
    """

    positions: np.ndarray
    kinds: np.ndarray
    elements: tuple[str, ...]
    form_factors: np.ndarray
    occupancies: np.ndarray
    b_factors: np.ndarray
    has_hydrogens: bool


def is_model(path: Path) -> bool:
    """Whether the name says PDB or mmCIF (``.gz`` allowed)."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(MODEL_SUFFIXES)


def read_atoms(path: Path, chains: tuple[str, ...] | None = None) -> Atoms:
    """Read the first model of a PDB or mmCIF file (plain or ``.gz``), without water.

    Args:
        path: the file.
        chains: names of the chains to keep; ``None`` keeps all.

    Raises:
        DataError: the file can't be read, holds no atoms, or lacks a chain that was asked for.
    """
    import gemmi

    try:
        structure = gemmi.read_structure(str(path))
    except (RuntimeError, ValueError, OSError, UnicodeDecodeError, IndexError) as error:
        raise DataError(
            f"{path}: can't be read as an atomic model: {error}", hint="Give a PDB or mmCIF file", path=str(path)
        ) from error
    if len(structure) == 0:
        raise DataError(f"{path}: holds no atoms", hint="Give a PDB or mmCIF file with coordinates", path=str(path))
    structure.remove_waters()
    model = structure[0]
    present = {chain.name for chain in model}
    missing = sorted(set(chains or ()) - present)
    if missing:
        raise DataError(
            f"{path}: has no chain {', '.join(missing)}",
            hint=f"Its chains are {', '.join(sorted(present))}",
            path=str(path),
        )
    wanted = [c.atom for c in model.all() if (chains is None or c.chain.name in chains) and c.atom.element.weight > 0]
    wanted = [atom for atom in wanted if atom.element.name != "X"]
    if not wanted:
        raise DataError(f"{path}: holds no atoms", hint="Give a PDB or mmCIF file with coordinates", path=str(path))
    return _atoms(wanted, path)


def _atoms(found: list, path: Path) -> Atoms:
    import gemmi

    elements = tuple(sorted({"H" if atom.is_hydrogen() else atom.element.name for atom in found}))
    row = {name: index for index, name in enumerate(elements)}
    table = np.zeros((len(elements), 2, 5))
    for index, name in enumerate(elements):
        coefficients = gemmi.Element(name).c4322
        if coefficients is None:
            raise DataError(
                f"{path}: no electron scattering factor is known for {name}", hint="Remove these atoms", path=str(path)
            )
        table[index] = np.reshape(coefficients.get_coefs(), (2, 5))
    atoms = Atoms(
        positions=np.array([atom.pos.tolist() for atom in found]),
        kinds=np.array([row["H" if atom.is_hydrogen() else atom.element.name] for atom in found], dtype=np.int64),
        elements=elements,
        form_factors=table,
        occupancies=np.array([atom.occ for atom in found]),
        b_factors=np.array([atom.b_iso for atom in found]),
        has_hydrogens="H" in elements,
    )
    if not (np.isfinite(atoms.positions).all() and np.abs(atoms.positions).max() < 1e5):
        raise DataError(
            f"{path}: has coordinates that are no numbers or beyond 10 µm", hint="Mend the model", path=str(path)
        )
    return atoms
