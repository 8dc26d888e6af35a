"""The smooth part of a power spectrum: what would be there without Thon rings."""

from __future__ import annotations

import torch


def hat_basis(position: torch.Tensor, knots: torch.Tensor) -> torch.Tensor:
    """Piecewise linear functions, 1 at one knot and 0 at the others, constant outside.

    Args:
        position: any shape.
        knots: ascending ``[m]``.

    Returns:
        ``[..., m]``, rows sum to 1.
    """
    upper = torch.searchsorted(knots, position.contiguous()).clamp(1, len(knots) - 1)
    low, high = knots[upper - 1], knots[upper]
    part = ((position - low) / (high - low)).clamp(0.0, 1.0)
    out = torch.zeros((*position.shape, len(knots)), dtype=position.dtype, device=position.device)
    out.scatter_(-1, (upper - 1)[..., None], (1.0 - part)[..., None])
    out.scatter_(-1, upper[..., None], part[..., None])
    return out


def polynomial_basis(position: torch.Tensor, degree: int) -> torch.Tensor:
    """Chebyshev polynomials 0..degree over the range of ``position [n]``: ``[n, degree+1]``."""
    low, high = position.min(), position.max()
    x = (2.0 * position - low - high) / (high - low).clamp_min(1e-30)
    columns = [torch.ones_like(x), x]
    for _ in range(2, degree + 1):
        columns.append(2.0 * x * columns[-1] - columns[-2])
    return torch.stack(columns[: degree + 1], dim=1)


def smooth_level(power: torch.Tensor, weight: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """Smooth level through ``power [n]`` with ``weight [n]``, in the units of ``power``.

    The range of a power spectrum asks for a fit of its logarithm, which the deep zeros of strong rings pull down; so
    the logarithm's fit is then mended twice by a fit of the ratio. What stands out of the level fourfold (reflections
    of ice or of a lattice) is left out.
    """
    smallest = 1e-6 * power.mean().clamp_min(torch.finfo(power.dtype).tiny)
    level = torch.exp(basis @ weighted_solve(basis, torch.log(torch.maximum(power, smallest)), weight))
    for _ in range(2):
        ratio = power / level
        kept = torch.where(ratio > 4.0 * ratio.median().clamp_min(0.25), torch.zeros_like(weight), weight)
        level = level * (basis @ weighted_solve(basis, ratio, kept)).clamp_min(0.2)
    return level


def weighted_solve(basis: torch.Tensor, value: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Least squares ``basis [n, m] · c = value [n]`` with ``weight [n]``; a trace of ridge keeps it solvable."""
    scaled = basis * weight[:, None]
    normal = basis.T @ scaled
    ridge = 1e-9 * normal.diagonal().mean().clamp_min(1e-30)
    eye = torch.eye(len(normal), dtype=normal.dtype, device=normal.device)
    return torch.linalg.solve(normal + ridge * eye, scaled.T @ value)


def remove_basis(values: torch.Tensor, weight: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """``values [..., n]`` less their weighted least-squares fit by ``basis [n, m]``."""
    scaled = basis * weight[:, None]
    normal = basis.T @ scaled
    ridge = 1e-9 * normal.diagonal().mean().clamp_min(1e-30)
    eye = torch.eye(len(normal), dtype=normal.dtype, device=normal.device)
    coefficients = torch.linalg.solve(normal + ridge * eye, (values @ scaled).reshape(-1, len(normal)).T)
    return values - (basis @ coefficients).T.reshape(values.shape)
