"""Motion as smooth in time as the data themselves ask for (empirical Bayes)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch

_ACCELERATION_SD = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
_EARLY_RATIO = (0.0, 30.0, 1000.0)
_FIRST_VELOCITY_SD = (0.1, 0.5, 3.0)
_EARLY_EXPOSURE = 4.0  # e/Å²: beam-induced motion slows on this scale (Brilot et al. 2012; Zheng et al. 2017)


@dataclass(frozen=True)
class SmoothMotion:
    """The most probable motion.

    Attributes:
        values: float64 ``[n-1, ...]`` flattened as the normal matrix, ``[m, 2]``.
        acceleration_sd: Å per frame², the standard deviation of changes of velocity that the data chose.
    """

    values: torch.Tensor
    acceleration_sd: float


def time_precision(
    sd: float, ratio: float, first: float, exposure: torch.Tensor | None, n_frames: int, device: torch.device
) -> torch.Tensor:
    """Prior precision ``[n-1, n-1]`` of positions in frames 1..n-1 relative to frame 0, 1/Å².

    Changes of velocity have the standard deviation ``sd`` √(1 + ``ratio`` exp(-N/4)) Å per frame² (N: exposure since
    the first frame), the first velocity has ``first`` Å per frame: specimens are set in motion at once.
    """
    velocity = torch.diff(torch.eye(n_frames, dtype=torch.float64, device=device), dim=0)[:, 1:]
    steps = torch.cat([velocity[:1], torch.diff(velocity, dim=0)])
    variance = torch.full((n_frames - 1,), sd * sd, dtype=torch.float64, device=device)
    if exposure is not None:
        since = (exposure - exposure[0]).to(device=device, dtype=torch.float64)[:-1]
        variance = variance * (1.0 + ratio * torch.exp(-since / _EARLY_EXPOSURE))
    variance[0] = first * first
    return steps.T @ (steps / variance[:, None])


def smoothest_fit(
    normal: list[torch.Tensor], right: torch.Tensor, exposure: torch.Tensor | None, n_frames: int, scale: torch.Tensor
) -> SmoothMotion:
    """Maximum of likelihood times prior, the prior's widths chosen by their marginal likelihood (MacKay 1992).

    Args:
        normal: for x and y, float64 ``[m (n-1), m (n-1)]``, curvature in m spatial terms × frames 1..n-1.
        right: float64 ``[m (n-1), 2]``, curvature times present values plus gradient.
        exposure: e/Å² ``[n]`` at each frame, or ``None``.
        n_frames: n.
        scale: float64 ``[m]``, expected size of each spatial term relative to the motion that it describes.
    """
    spatial = torch.diag(1.0 / scale.to(torch.float64) ** 2)
    ratios = _EARLY_RATIO if exposure is not None else (0.0,)
    best: tuple[float, float, torch.Tensor] | None = None
    for sd, ratio, first in product(_ACCELERATION_SD, ratios, _FIRST_VELOCITY_SD):
        prior = torch.kron(spatial, time_precision(sd, ratio, first, exposure, n_frames, right.device))
        score = 2.0 * float(torch.linalg.cholesky(prior).diagonal().log().sum())
        columns = []
        for axis, matrix in enumerate(normal):
            factor = torch.linalg.cholesky(matrix + prior)
            solution = torch.cholesky_solve(right[:, axis, None], factor)[:, 0]
            score += float(0.5 * (right[:, axis] * solution).sum() - factor.diagonal().log().sum())
            columns.append(solution)
        if best is None or score > best[0]:
            best = (score, sd, torch.stack(columns, dim=1))
    assert best is not None
    return SmoothMotion(best[2], best[1])
