"""Motion as smooth in time as the data themselves ask for (empirical Bayes)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

_CHOICES = {
    "sd": (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    "ratio": (0.0, 30.0, 1000.0),
    "first": (0.1, 0.5, 3.0),
    "rough": (0.1, 0.3, 1.0),
}
_START = {"sd": 0.03, "ratio": 30.0, "first": 0.5, "rough": 0.3}
_EARLY_EXPOSURE = 4.0  # e/Å²: beam-induced motion slows on this scale (Brilot et al. 2012; Zheng et al. 2017)


@dataclass(frozen=True)
class SmoothMotion:
    """The most probable motion.

    Attributes:
        values: float64 ``[m k, 2]`` (x, y): m spatial terms × k instants.
        acceleration_sd: Å per frame², the standard deviation of changes of velocity that the data chose.
        roughness: size of each further spatial order relative to the one below, as the data chose.
    """

    values: torch.Tensor
    acceleration_sd: float
    roughness: float


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
    normal: list[torch.Tensor],
    right: torch.Tensor,
    exposure: torch.Tensor | None,
    instants: torch.Tensor,
    orders: torch.Tensor,
) -> SmoothMotion:
    """Maximum of likelihood times prior, the prior's widths chosen by their marginal likelihood (MacKay 1992).

    The widths are searched one after the other, the most important once more at the end.

    Args:
        normal: for x and y, float64 ``[m k, m k]``: curvature in m spatial terms × values at k instants.
        right: float64 ``[m k, 2]``, curvature times present values plus gradient.
        exposure: e/Å² ``[n]`` at each frame, or ``None``.
        instants: float64 ``[n-1, k]``, frames 1..n-1 as combinations of the instants' values.
        orders: int ``[m]``, spatial order of each term; a term of order o reaches 2^-o at the edge of the field, and is
            expected to be rough^(o-1) as large there as one of order 1.
    """
    best: tuple[float, SmoothMotion] | None = None
    tried: dict[tuple[float, ...], float] = {}
    chosen = dict(_START)
    several = int(orders.max()) > 1
    searched = [name for name in _CHOICES if (name != "ratio" or exposure is not None) and (name != "rough" or several)]
    for name in [*searched, "sd"]:
        for value in _CHOICES[name]:
            trial = {**chosen, name: value}
            key = tuple(trial.values())
            if key in tried:
                continue
            prior = _prior(trial, exposure, instants, orders)
            score, values = _evidence(normal, right, prior)
            tried[key] = score
            if best is None or score > best[0]:
                best = (score, SmoothMotion(values, trial["sd"], trial["rough"]))
        top = max(tried, key=lambda k: tried[k])
        chosen = dict(zip(_CHOICES, top, strict=True))
    assert best is not None
    return best[1]


def _prior(
    widths: dict[str, float], exposure: torch.Tensor | None, instants: torch.Tensor, orders: torch.Tensor
) -> torch.Tensor:
    """Prior precision in all terms and instants."""
    n_frames = len(instants) + 1
    ratio = widths["ratio"] if exposure is not None else 0.0
    frames = time_precision(widths["sd"], ratio, widths["first"], exposure, n_frames, instants.device)
    size = 2.0**orders * widths["rough"] ** (orders - 1).clamp_min(0)
    return torch.kron(torch.diag(1.0 / size.to(torch.float64) ** 2), instants.T @ frames @ instants)


def _evidence(normal: list[torch.Tensor], right: torch.Tensor, prior: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Log marginal likelihood of a prior, less terms that do not depend on it, and the posterior mean."""
    score = 2.0 * float(torch.linalg.cholesky(prior).diagonal().log().sum())
    columns = []
    for axis, matrix in enumerate(normal):
        factor = torch.linalg.cholesky(matrix + prior)
        solution = torch.cholesky_solve(right[:, axis, None], factor)[:, 0]
        score += float(0.5 * (right[:, axis] * solution).sum() - factor.diagonal().log().sum())
        columns.append(solution)
    return score, torch.stack(columns, dim=1)
