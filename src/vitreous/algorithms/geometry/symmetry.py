"""Point groups, built by closure from their axes in RELION's orientation."""

from __future__ import annotations

import re

import torch

from vitreous.algorithms.geometry.rotations import axis_rotation
from vitreous.core.errors import ComputeError, UsageError

_POLYHEDRAL: dict[str, tuple[int, tuple[tuple[int, tuple[float, float, float]], ...]]] = {
    "T": (12, ((3, (0.0, 0.0, 1.0)), (2, (0.0, 2.0**0.5, 1.0)))),
    "O": (24, ((4, (0.0, 0.0, 1.0)), (3, (1.0, 1.0, 1.0)))),
    "I1": (60, ((2, (0.0, 0.0, 1.0)), (5, (0.85065080835, 0.0, -0.52573111212)))),
    "I2": (60, ((2, (0.0, 0.0, 1.0)), (5, (0.52573111212, 0.0, 0.85065080835)))),
    "I3": (60, ((5, (0.0, 0.0, 1.0)), (2, (-0.52573111212, 0.0, 0.85065080835)))),
    "I4": (60, ((5, (0.89442719100, 0.0, 0.44721359550)), (2, (0.52573111212, 0.0, 0.85065080835)))),
}
_LARGEST_FOLD = 200


def point_group(name: str) -> torch.Tensor:
    """All rotations of a point group, the identity first.

    Args:
        name: ``C<n>``, ``D<n>`` (n ∥ z, 2 ∥ x), ``T`` (3 ∥ z), ``O`` (4 ∥ z), ``I`` or ``I1``..``I4`` (``I`` is ``I2``:
            2-fold axes on x, y, z), upper or lower case.

    Returns:
        float64 ``[order, 3, 3]``.

    Raises:
        UsageError: no such group.
    """
    key = name.strip().upper()
    match = re.fullmatch(r"([CD])([1-9]\d{0,2})", key)
    if match and int(match.group(2)) <= _LARGEST_FOLD:
        fold = int(match.group(2))
        axes: list[tuple[int, tuple[float, float, float]]] = [(fold, (0.0, 0.0, 1.0))]
        if match.group(1) == "D":
            axes.append((2, (1.0, 0.0, 0.0)))
        return _closure(axes, fold * len(axes), key)
    key = "I2" if key == "I" else key
    if key not in _POLYHEDRAL:
        raise UsageError(
            f"point group {name!r} is not known",
            hint=f"Use C1..C{_LARGEST_FOLD}, D1..D{_LARGEST_FOLD}, T, O, I, I1, I2, I3 or I4",
            symmetry=name,
        )
    order, generators = _POLYHEDRAL[key]
    return _closure(list(generators), order, key)


def _closure(axes: list[tuple[int, tuple[float, float, float]]], order: int, name: str) -> torch.Tensor:
    generators = [axis_rotation(torch.tensor(axis, dtype=torch.float64), 360.0 / fold) for fold, axis in axes]
    group = torch.eye(3, dtype=torch.float64)[None]
    while True:
        products = torch.cat([group] + [group @ generator for generator in generators])
        grown = _distinct(products)
        if len(grown) > order:
            raise ComputeError(f"the closure of {name} passed its order {order}", hint="Report this as a fault")
        if len(grown) == len(group):
            break
        group = grown
    if len(group) != order:
        raise ComputeError(f"{name} closed with {len(group)} of {order} rotations", hint="Report this as a fault")
    return group


def _distinct(matrices: torch.Tensor) -> torch.Tensor:
    flat = matrices.reshape(-1, 9)
    near = (flat[:, None] - flat[None]).abs().amax(dim=-1) < 1e-6
    first = near.to(torch.int64).argmax(dim=1) == torch.arange(len(flat))
    return matrices[first]
