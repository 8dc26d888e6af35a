"""Beam-induced motion: a global drift with jitter, plus a smooth local field, in Å relative to the first frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vitreous.core.errors import UsageError

N_COSINES = 4
"""Cosines per axis of the local field; the form is deliberately not the polynomial that programs fit."""

TRUTH_GRID = 5
"""The truth is stated at the centres of a 5 x 5 partition of the image."""


@dataclass(frozen=True)
class Motion:
    """Where the specimen moves, frame by frame.

    Attributes:
        drift: Å, float64 ``[frames, 2]`` (x, y): the whole-frame part.
        local: Å, float64 ``[frames, 2, 4, 4]``: coefficients c_ij of cos(πi(y+½)/ny) cos(πj(x+½)/nx) for the x and y
            displacement; its mean over the 5 x 5 grid is zero in every frame.
        shape: ``(ny, nx)`` of the frames.
    """

    drift: torch.Tensor
    local: torch.Tensor
    shape: tuple[int, int]

    def grid(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Truth: ``x [5]``, ``y [5]`` px, and the whole motion ``[frames, 5, 5, 2]`` Å (frame, y, x, component)."""
        y, x = (_centres(n).to(self.drift.device) for n in self.shape)
        return x, y, self.drift[:, None, None, :] + self.local_at(y, x)

    def local_at(self, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """The local part on the product grid ``y [m]``, ``x [n]`` (px): Å ``[frames, m, n, 2]``."""
        return torch.einsum("mi,tcij,nj->tmnc", cosines(y, self.shape[0]), self.local, cosines(x, self.shape[1]))


def cosines(position: torch.Tensor, size: int) -> torch.Tensor:
    """cos(πi(p+½)/size) for i = 0..3 at positions ``[m]`` px: float64 ``[m, 4]``."""
    order = torch.arange(N_COSINES, device=position.device, dtype=torch.float64)
    return torch.cos(math.pi * (position.to(torch.float64)[:, None] + 0.5) / size * order)


def _centres(size: int) -> torch.Tensor:
    """Centres of the partition: (k+½)/5·n px for k = 0..4."""
    return (torch.arange(TRUTH_GRID, dtype=torch.float64) + 0.5) / TRUTH_GRID * size


def still(frames: int, shape: tuple[int, int]) -> Motion:
    """No motion at all."""
    zeros = torch.zeros(frames, 2, N_COSINES, N_COSINES, dtype=torch.float64)
    return Motion(torch.zeros(frames, 2, dtype=torch.float64), zeros, shape)


def random_motion(
    exposures: torch.Tensor,
    shape: tuple[int, int],
    *,
    drift: float,
    jitter: float,
    local: float,
    generator: torch.Generator,
) -> Motion:
    """Draw a motion: fast at first, slowing, as beam-induced motion does (Brilot et al. 2012; Zheng et al. 2017).

    Args:
        exposures: accumulated exposure at the middle of each frame from the start of this movie, e/Å² ``[frames]``.
        shape: ``(ny, nx)`` px.
        drift: length of the smooth drift's path, Å.
        jitter: standard deviation per axis of the stage's jitter from frame to frame, Å.
        local: largest local displacement over the 5 x 5 grid and all frames, Å.
        generator: random numbers.

    Raises:
        UsageError: a negative or unreasonable amplitude.
    """
    for name, value in (("drift", drift), ("jitter", jitter), ("local motion", local)):
        if not 0.0 <= value <= 1000.0:
            raise UsageError(
                f"{name} {value:g} Å is outside 0..1000 Å", hint="Usual values: drift 10, local 3, jitter 0.1"
            )
    path = _drift_path(exposures, drift, generator)
    shake = jitter * torch.randn(len(exposures), 2, generator=generator, dtype=torch.float64, device=generator.device)
    path = path + shake
    field = _local_field(exposures, shape, local, generator)
    return Motion(path - path[0], field, shape)


def _uniform(generator: torch.Generator, low: float, high: float, *size: int) -> torch.Tensor:
    draw = torch.rand(*size, generator=generator, dtype=torch.float64, device=generator.device)
    return low + (high - low) * draw


def _drift_path(exposures: torch.Tensor, length: float, generator: torch.Generator) -> torch.Tensor:
    """A turning path of the given length whose speed is 6 exp(-N/τ) + 1 in arbitrary units, τ of 2 to 6 e/Å²."""
    first, turn = _uniform(generator, 0.0, 2.0 * math.pi, 1), _uniform(generator, -1.2, 1.2, 1)
    decay = _uniform(generator, 2.0, 6.0, 1)
    if len(exposures) == 1 or length == 0.0:
        return torch.zeros(len(exposures), 2, dtype=torch.float64, device=exposures.device)
    exposures = exposures.to(torch.float64) - exposures[0]
    arc = 6.0 * decay * (1.0 - torch.exp(-exposures / decay)) + exposures
    fraction = arc / arc[-1]
    # A circular arc of the given length, walked at that speed.
    angle = first + turn * fraction
    steps = torch.diff(fraction) * length
    middle = 0.5 * (angle[1:] + angle[:-1])
    moves = steps[:, None] * torch.stack((torch.cos(middle), torch.sin(middle)), dim=-1)
    return torch.cat((torch.zeros_like(moves[:1]), torch.cumsum(moves, dim=0)))


def _local_field(
    exposures: torch.Tensor, shape: tuple[int, int], largest: float, generator: torch.Generator
) -> torch.Tensor:
    """Cosine coefficients with amplitudes falling as 1/(1 + i² + j²), each relaxing at its own rate; zero mean."""
    frames = len(exposures)
    device = generator.device
    order = torch.arange(N_COSINES, dtype=torch.float64, device=device)
    fall = 1.0 / (1.0 + order[:, None].square() + order.square())
    draw = torch.randn(2, N_COSINES, N_COSINES, generator=generator, dtype=torch.float64, device=device) * fall
    decay = _uniform(generator, 3.0, 15.0, 2, N_COSINES, N_COSINES)
    creep = _uniform(generator, 0.0, 0.4, 2, N_COSINES, N_COSINES)
    passed = (exposures - exposures[0]).to(torch.float64)[:, None, None, None]
    course = (1.0 - creep) * (1.0 - torch.exp(-passed / decay)) + creep * passed / passed[-1].clamp_min(1e-9)
    field = draw * course
    field[:, :, 0, 0] = 0.0
    y, x = (_centres(n).to(device) for n in shape)
    values = torch.einsum("mi,tcij,nj->tmnc", cosines(y, shape[0]), field, cosines(x, shape[1]))
    field[:, :, 0, 0] = -values.mean(dim=(1, 2))
    values = values - values.mean(dim=(1, 2), keepdim=True)
    peak = float(values.norm(dim=-1).max())
    if frames == 1 or peak == 0.0:
        return torch.zeros_like(field)
    return field * (largest / peak)
