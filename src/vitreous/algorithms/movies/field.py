"""The local motion field: a polynomial in space for every frame."""

from __future__ import annotations

import torch

TERMS = (
    *((0, 0), (1, 0), (2, 0), (0, 1), (0, 2), (1, 1)),
    *((3, 0), (2, 1), (1, 2), (0, 3)),
    *((4, 0), (3, 1), (2, 2), (1, 3), (0, 4)),
)
"""Powers of (x, y) of each term; the first six are those of Zheng et al. 2017 in their order."""

ORDER = 4


def spatial_basis(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """All terms x^i y^j on a new last axis; x, y in -½..½."""
    return torch.stack([x**i * y**j for i, j in TERMS], dim=-1)


def field_at(field: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Local motion in Å at positions ``x, y`` (-½..½) in every frame: ``[n_frames, *x.shape, 2]``.

    Args:
        field: float64 ``[n_frames, 2, 15]``, Å.
    """
    return torch.einsum("...s,kas->k...a", spatial_basis(x, y), field)


def power_matrix(coefficients: torch.Tensor) -> torch.Tensor:
    """Coefficients ``[2, 15]`` as ``[2, 5, 5]``: element (i, j) multiplies x^i y^j."""
    out = coefficients.new_zeros(2, ORDER + 1, ORDER + 1)
    for term, (i, j) in enumerate(TERMS):
        out[:, i, j] = coefficients[:, term]
    return out


def polynomial_coefficients(field: torch.Tensor) -> torch.Tensor:
    """The 18 coefficients per axis of RELION's tables that come nearest to the field, float64 ``[2, 18]``, Å.

    Least squares over a 9×9 grid and all frames of Zheng et al. 2017 (Nat. Methods 14:331), eq. 2: (1, x, x², y, y²,
    xy), each times t, t², t³, where t counts frames from the first.
    """
    n = len(field)
    device = field.device
    edge = torch.linspace(-0.5, 0.5, 9, dtype=torch.float64, device=device)
    y, x = (grid.reshape(-1) for grid in torch.meshgrid(edge, edge, indexing="ij"))
    t = torch.arange(n, dtype=torch.float64, device=device)
    scale = max(n - 1.0, 1.0)
    powers = torch.stack([(t / scale) ** m for m in (1, 2, 3)], dim=1)
    design = torch.einsum("ps,km->kpsm", spatial_basis(x, y)[:, :6], powers).reshape(-1, 18)
    normal = design.T @ design + 1e-9 * torch.eye(18, dtype=torch.float64, device=device)
    solution = torch.linalg.solve(normal, design.T @ field_at(field, x, y).reshape(-1, 2))
    unscale = scale ** -torch.arange(1.0, 4.0, dtype=torch.float64, device=device)
    return (solution.T.reshape(2, 6, 3) * unscale).reshape(2, 18)
