"""Specimens to simulate: read models or maps, build assemblies, render potentials."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.atoms import Atoms, is_model, read_atoms

if TYPE_CHECKING:
    import torch

LARGEST_BOX = 512
_MAP_EXCESS = 1.6
"""Mean potential in V that a map of unknown scale is given inside its molecule; that of protein in ice."""


@dataclass(frozen=True)
class Specimen:
    """A potential ready to be projected.

    Attributes:
        path: the model.
        fraction: of the particles, 0..1.
        potential: V above the ice, float32 ``[n, n, n]``.
        pixel_size: of the potential, Å.
        radius: Å, of the smallest sphere about the centre that holds the specimen.
    """

    path: Path
    fraction: float
    potential: torch.Tensor
    pixel_size: float
    radius: float


def parse_mixture(first: Path, mixture: str | None) -> list[tuple[Path, tuple[str, ...] | None, float]]:
    """``"B.pdb=0.3,A.pdb:CD=0.2"`` → (path, chains, fraction) of each specimen; the first takes what is left."""
    found: list[tuple[Path, tuple[str, ...] | None, float]] = []
    for entry in filter(None, (part.strip() for part in (mixture or "").split(","))):
        name, _, share = entry.rpartition("=")
        path, _, chains = name.partition(":")
        try:
            fraction = float(share)
        except ValueError:
            fraction = math.nan
        if not (path and 0.0 < fraction < 1.0):
            raise UsageError(f"mixture entry {entry!r} is not FILE[:CHAINS]=FRACTION", hint="For example b.pdb:AB=0.3")
        found.append((Path(path), tuple(chains) or None, fraction))
    rest = 1.0 - sum(fraction for _, _, fraction in found)
    if rest < -1e-9:
        raise UsageError(f"the mixture's fractions add up to {1.0 - rest:g}", hint="They may reach 1 at most")
    return [(first, None, max(rest, 0.0)), *found]


def load_specimen(
    path: Path, chains: tuple[str, ...] | None, fraction: float, *, symmetry: str, radius: float, pixel_size: float
) -> Specimen:
    """Read one model or map; build the assembly; render the potential.

    Raises:
        DataError: the file can't be read. UsageError: it is too large, or a map is to be assembled.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file", hint="Give a PDB or mmCIF model or an MRC map", path=str(path))
    if is_model(path):
        return _from_atoms(path, read_atoms(path, chains), fraction, symmetry, radius, pixel_size)
    if symmetry.strip().upper() != "C1" or chains:
        raise UsageError(
            f"{path} is a map: neither symmetry nor chains apply", hint="Give an atomic model", path=str(path)
        )
    return _from_map(path, fraction)


def _from_atoms(path: Path, atoms: Atoms, fraction: float, symmetry: str, radius: float, pixel_size: float) -> Specimen:
    import torch

    from vitreous.algorithms.fourier.sizes import smooth_up
    from vitreous.algorithms.geometry.symmetry import point_group
    from vitreous.algorithms.simulate.potential import potential_map

    group = point_group(symmetry)
    positions = torch.from_numpy(atoms.positions - atoms.positions.mean(axis=0))
    # A direction on no axis of any group, so that the copies stand apart.
    offset = radius * torch.nn.functional.normalize(torch.tensor([0.8, 0.3, 0.5], dtype=torch.float64), dim=0)
    copies = torch.einsum("gij,nj->gni", group, positions + offset).reshape(-1, 3)
    reach = float(copies.norm(dim=1).max())
    box = smooth_up(math.ceil((2.0 * reach + 20.0) / pixel_size))
    if box > LARGEST_BOX:
        raise UsageError(
            f"{path}: a specimen of {2 * reach:.0f} Å needs a box of {box} px; at most {LARGEST_BOX} are supported",
            hint="Use a larger pixel size, or a smaller assembly",
            path=str(path),
        )
    number = len(group)
    potential = potential_map(
        copies,
        torch.from_numpy(atoms.kinds).repeat(number),
        atoms.elements,
        torch.from_numpy(atoms.form_factors),
        torch.from_numpy(atoms.occupancies).repeat(number),
        torch.from_numpy(atoms.b_factors).repeat(number),
        add_hydrogens=not atoms.has_hydrogens,
        box=box,
        pixel_size=pixel_size,
    )
    return Specimen(path, fraction, potential, pixel_size, reach)


def _from_map(path: Path, fraction: float) -> Specimen:
    """A map's potential: its background is set to 0, its molecule (above 3 standard deviations) to 1.6 V on average."""
    import torch

    from vitreous.formats.images import open_images

    with open_images(path) as file:
        step = file.header.acquisition.pixel_size
        shape = (file.header.n_frames, *file.header.shape)
        if len(set(shape)) != 1 or not 8 <= shape[0] <= LARGEST_BOX:
            raise DataError(
                f"{path}: a map of {shape} is no cube of 8 to {LARGEST_BOX} px", hint="Crop or pad it", path=str(path)
            )
        if step is None:
            raise DataError(f"{path}: the map states no pixel size", hint="Set it in the header", path=str(path))
        values = np.stack([np.asarray(frame, dtype=np.float32) for frame in file.frames()])
    values = values - np.median(values)
    inside = values > 3.0 * values.std()
    if not inside.any() or not np.isfinite(values).all():
        raise DataError(f"{path}: no molecule stands out from the map's background", hint="Give a map", path=str(path))
    values *= _MAP_EXCESS / values[inside].mean()
    where = (np.argwhere(inside) - shape[0] // 2) * step
    reach = float(np.quantile(np.linalg.norm(where, axis=1), 0.99))
    return Specimen(path, fraction, torch.from_numpy(values), step, reach)
