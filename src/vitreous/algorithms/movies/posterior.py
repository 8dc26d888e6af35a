"""Likelihood of the frames' shifts, all together, with the specimen integrated out.

Frames are ``F_k(s) = q_k(s) S(s) exp(-2πi s·u_k) + noise`` with noise power N(s); S is Gaussian with power N(s) ρ(s).
With ``B_k = q_k F_k / √N`` moved back by u_k, ``Q_k = q_k²`` and ``Q = Σ Q_k``, the marginal log-likelihood is

    L = Σ_s w |Σ_k B_k|² + const.,   w = ρ / (1 + Q ρ)      (sum over half of the plane)

    gradient   g_k  = -Σ_s w 2πs Im(B_k Σ_j B_j*)           (sum over the whole plane)
    curvature  H_kj =  Σ_s w ρ (2πs)² Q_k (δ_kj Q - Q_j)    (expected; a shift of all frames changes nothing)

A frame's own term drops out of the gradient, since Im(B_k B_k*) = 0: there is no peak of self-correlation to avoid. The
curvature couples the frames: early frames, less damaged, dominate the reference at high resolution, and steps that took
frames one at a time would let their common error persist. ρ is measured from the frames: ring averages of |Σ B|² minus
Σ |B|², so that it falls by itself where the frames are not yet aligned: coarse to fine without a schedule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vitreous.algorithms.movies.backend import use_kernels
from vitreous.algorithms.movies.band import Band


def shifted_sum(transforms: torch.Tensor, shifts: torch.Tensor, band: Band) -> torch.Tensor:
    """Sum of frames after the specimen's motion is undone: complex64 ``[ny, nx//2+1]``.

    Args:
        transforms: complex64 ``[n, ny, nx//2+1]``.
        shifts: Å ``[n, 2]`` (x, y), the specimen's motion.
    """
    ramp_y, ramp_x = band.ramps(shifts)
    if not use_kernels(transforms):
        return (transforms * ramp_y[:, :, None] * ramp_x[:, None, :]).sum(0)
    from vitreous.algorithms.movies import kernels

    out = torch.zeros_like(transforms[0])
    kernels.add_shifted(transforms.numpy(), ramp_y.numpy(), ramp_x.numpy(), out.numpy())
    return out


def shift_gradients(
    transforms: torch.Tensor, shifts: torch.Tensor, reference: torch.Tensor, weights: torch.Tensor, band: Band
) -> torch.Tensor:
    """Gradient and curvature of the weighted correlation with ``reference`` by each frame's shift.

    Args:
        transforms: complex64 ``[n, ny, nx//2+1]``.
        shifts: Å ``[n, 2]``.
        reference: complex64 ``[ny, nx//2+1]``.
        weights: float32 ``[n_rings]``.

    Returns:
        float64 ``[n, 3]``: gradient in x and y, 1/Å; curvature as observed, its own part left out, 1/Å².
    """
    ramp_y, ramp_x = band.ramps(shifts)
    padded = torch.nn.functional.pad(weights, (0, 1))
    if not use_kernels(transforms):
        moved = transforms * ramp_y[:, :, None] * ramp_x[:, None, :]
        weight = padded[band.ring.long()] * band.column_weight
        values = (moved * reference.conj()).imag * weight
        along_x = -(values.sum(1) * band.theta_x).sum(-1)
        along_y = -(values.sum(2) * band.theta_y).sum(-1)
        cosine = (moved * (reference - moved).conj()).real * weight
        bend = 0.5 * (cosine * (band.theta_y[:, None] ** 2 + band.theta_x**2)).sum((1, 2))
        return torch.stack([along_x, along_y, bend], dim=1).to(torch.float64)
    from vitreous.algorithms.movies import kernels

    out = torch.zeros(len(transforms), 3, dtype=torch.float64)
    kernels.shift_gradients(
        transforms.numpy(),
        ramp_y.numpy(),
        ramp_x.numpy(),
        reference.numpy(),
        padded.numpy(),
        band.ring.numpy(),
        band.column_weight.numpy(),
        band.theta_y.numpy(),
        band.theta_x.numpy(),
        out.numpy(),
    )
    return out


def signal_to_noise(
    sum_power: torch.Tensor, powers: torch.Tensor, quality: torch.Tensor, modes: torch.Tensor, window: int = 9
) -> torch.Tensor:
    """Signal over noise ρ of one undamaged frame by ring, float32 ``[n_rings]``, zero where it is not significant.

    Args:
        sum_power: ``[n_rings]``, mean |Σ_k B_k|².
        powers: ``[n, n_rings]``, mean |B_k|².
        quality: ``[n, n_rings]``, Q_k.
        modes: ``[n_rings]``, coefficients in each ring.
        window: rings averaged. Estimates below two standard errors are shrunk to zero (James & Stein 1961): noise
            taken for signal would be weighted up by the s² of the curvature.
    """
    cross = quality.sum(0) ** 2 - (quality**2).sum(0)
    raw = torch.where(modes > 0, (sum_power - powers.sum(0)) / cross.clamp_min(1e-12), torch.zeros_like(cross))
    smooth = _ring_average(raw, modes, window)
    # |Σ B|² has standard deviation ≈ its mean; modes come in conjugate pairs, so half of them are independent.
    independent = 0.5 * _ring_average(modes, torch.ones_like(modes), window) * window
    error = torch.sqrt(cross.clamp_min(1e-12) / independent.clamp_min(1.0)) / cross.clamp_min(1e-12)
    ratio = 2.0 * error / smooth.clamp_min(1e-12)
    return smooth.clamp_min(0.0) * (1.0 - ratio * ratio).clamp_min(0.0)


def _ring_average(values: torch.Tensor, weights: torch.Tensor, window: int) -> torch.Tensor:
    """Running weighted mean over ``window`` rings."""
    kernel = torch.ones(1, 1, window, device=values.device, dtype=values.dtype)
    pad = window // 2

    def convolve(row: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv1d(row[None, None], kernel, padding=pad)[0, 0]

    return convolve(values * weights) / convolve(weights).clamp_min(1e-12)


def reference_weight(snr: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """w = ρ / (1 + Q ρ) by ring, float32 ``[n_rings]``."""
    return snr / (1.0 + quality.sum(0) * snr)


def curvature(snr: torch.Tensor, quality: torch.Tensor, band: Band) -> torch.Tensor:
    """Expected curvature of the log-likelihood in one component of all shifts, float64 ``[n, n]``, 1/Å².

    Rings are taken as complete, which holds but for the masked cross: half of (2πs)² falls on each axis.
    """
    per_ring = reference_weight(snr, quality) * snr * band.modes * 0.5 * (2.0 * math.pi * band.frequency) ** 2
    weighted = (quality * per_ring).to(torch.float64)
    quality = quality.to(torch.float64)
    return torch.diag((weighted * quality.sum(0)).sum(1)) - weighted @ quality.T


def binding(bend: torch.Tensor, observed: torch.Tensor) -> torch.Tensor:
    """How much more each frame binds to the others than expected, ``[n]``, 1..5.

    The expected curvature takes the specimen's damage for known. Where it is not what the exposure says (a wrong dose,
    a specimen that does not fade), late frames bind more than expected, and unchecked Newton steps would overshoot.

    Args:
        bend: expected curvature ``[n, n]``.
        observed: of each frame ``[n]``.
    """
    bonds = bend.diagonal().diag() - bend
    scale = torch.ones_like(observed)
    for _ in range(10):
        wanted = observed.clamp_min(0.0) / (bonds @ scale).clamp_min(1e-12)
        scale = (scale * wanted).sqrt().clamp(1.0, 5.0)
    return scale


def bound(bend: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Curvature ``[..., n, n]`` whose couplings are scaled by s_k s_j; a shift of all frames still changes nothing."""
    bonds = (torch.diag_embed(bend.diagonal(dim1=-2, dim2=-1)) - bend) * scale[:, None] * scale
    return torch.diag_embed(bonds.sum(-1)) - bonds


@dataclass(frozen=True)
class Evidence:
    """What frames say of their shifts near the present ones.

    Attributes:
        gradient: float64 ``[n, 2]``, (x, y), 1/Å.
        curvature: float64 ``[n, n]``, 1/Å², the same for x and y.
        snr: float32 ``[n_rings]``, signal power over noise power of one undamaged frame.
    """

    gradient: torch.Tensor
    curvature: torch.Tensor
    snr: torch.Tensor


def evidence_of_shifts(
    transforms: torch.Tensor, powers: torch.Tensor, quality: torch.Tensor, shifts: torch.Tensor, band: Band
) -> Evidence:
    """Gradient and curvature of the log-likelihood at ``shifts``.

    Args:
        transforms: complex64 ``[n, ny, nx//2+1]``, whitened and exposure-filtered frames B_k, not moved.
        powers: float32 ``[n, n_rings]``, ring means of |B_k|².
        quality: float32 ``[n, n_rings]``, Q_k.
        shifts: Å ``[n, 2]``, where the specimen is thought to be.
    """
    total = shifted_sum(transforms, shifts, band)
    snr = signal_to_noise(band.ring_power(total), powers, quality, band.modes)
    found = shift_gradients(transforms, shifts, total, reference_weight(snr, quality), band)
    bend = curvature(snr, quality, band)
    return Evidence(found[:, :2], bound(bend, binding(bend, found[:, 2])), snr)
