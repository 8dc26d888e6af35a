"""The contrast transfer function: its phase, its values on Fourier grids and along a line, and its zeros."""

from __future__ import annotations

import math

import torch

from vitreous.algorithms.fourier.grids import frequencies
from vitreous.core.errors import UsageError
from vitreous.core.optics import Ctf, Microscope


def amplitude_phase(microscope: Microscope) -> float:
    """Phase φ_a = asin(Q) in radians that stands for the amplitude contrast Q; ``ctf(0) = +Q``."""
    return math.asin(microscope.amplitude_contrast)


def defocus_along(ctf: Ctf, direction: float) -> float:
    """Defocus in Å along a direction in degrees from +x, counter-clockwise (row 0 is y = 0).

    Δf(α) = ½ [U + V + (U - V) cos 2(α - α₀)].
    """
    return ctf.defocus + 0.5 * ctf.defocus_difference * math.cos(2.0 * math.radians(direction - ctf.astigmatism_angle))


def phase(fy: torch.Tensor, fx: torch.Tensor, microscope: Microscope, ctf: Ctf) -> torch.Tensor:
    """Phase γ of the contrast transfer function at frequencies ``(fx, fy)``.

    γ = ½π C_s λ³ s⁴ - π λ Δf(α) s² - φ_plate - φ_a, so that ``ctf = -sin γ`` (RELION's sign: γ falls with underfocus).

    Args:
        fy, fx: frequencies along y and x, 1/Å, of any shapes that broadcast, on one device.
        microscope: constants of the instrument.
        ctf: defocus, astigmatism and phase shift.

    Returns:
        γ in radians, of the broadcast shape and dtype of the inputs.

    Source: Rohou & Grigorieff 2015 (J. Struct. Biol. 192:216), eq. 2-4.
    """
    wavelength = microscope.wavelength
    twice = 2.0 * math.radians(ctf.astigmatism_angle)
    x2, y2 = fx * fx, fy * fy
    s2 = x2 + y2
    # The quadratic form of defocus: no angle of each frequency is needed, nor is s = 0 a special case.
    half = 0.5 * ctf.defocus_difference
    blur = (ctf.defocus + half * math.cos(twice)) * x2 + (ctf.defocus - half * math.cos(twice)) * y2
    if ctf.defocus_difference:
        blur = blur + (2.0 * half * math.sin(twice)) * (fx * fy)
    spherical = 0.5 * math.pi * microscope.spherical_aberration * 1e7 * wavelength**3
    constant = math.radians(ctf.phase_shift) + amplitude_phase(microscope)
    return s2 * s2 * spherical - blur * (math.pi * wavelength) - constant


def ctf_values(fy: torch.Tensor, fx: torch.Tensor, microscope: Microscope, ctf: Ctf) -> torch.Tensor:
    """``-sin γ · exp(-B s²/4)`` at frequencies ``(fx, fy)`` in 1/Å; shapes and dtype as in ``phase``."""
    values = -torch.sin(phase(fy, fx, microscope, ctf))
    if ctf.b_factor:
        values = values * torch.exp((fx * fx + fy * fy) * (-0.25 * ctf.b_factor))
    return values


def ctf_image(
    shape: tuple[int, int],
    pixel_size: float,
    microscope: Microscope,
    ctf: Ctf,
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """The contrast transfer function in ``rfft2`` layout.

    Args:
        shape: real-space ``(ny, nx)``.
        pixel_size: Å/px.
        microscope: constants of the instrument.
        ctf: defocus, astigmatism, phase shift and envelope.
        device: where the result lives.

    Returns:
        float32 ``[ny, nx//2+1]``; RELION's sign: ``+amplitude_contrast`` at zero frequency.
    """
    if pixel_size <= 0.0:
        raise UsageError(
            f"pixel size {pixel_size:g} Å is not positive", hint="Give the pixel size in Å", pixel_size=pixel_size
        )
    fy, fx = frequencies(shape, pixel_size, device)
    return ctf_values(fy, fx, microscope, ctf)


def ctf_line(frequency: torch.Tensor, microscope: Microscope, ctf: Ctf, direction: float | None = None) -> torch.Tensor:
    """The contrast transfer function along a line through the origin.

    Args:
        frequency: s in 1/Å, any shape.
        microscope: constants of the instrument.
        ctf: defocus, astigmatism, phase shift and envelope.
        direction: degrees from +x, counter-clockwise; ``None`` takes the mean defocus.

    Returns:
        Values of the shape and dtype of ``frequency``.
    """
    defocus = ctf.defocus if direction is None else defocus_along(ctf, direction)
    line = Ctf(defocus, defocus, 0.0, ctf.phase_shift, ctf.b_factor)
    return ctf_values(torch.zeros_like(frequency), frequency, microscope, line)


def ctf_zeros(
    microscope: Microscope, ctf: Ctf, max_frequency: float, direction: float | None = None
) -> tuple[float, ...]:
    """Frequencies in 1/Å, ascending, at which the contrast transfer function is zero along a line.

    Solves γ(s) = -nπ, a quadratic equation in s², for each whole n; s = 0 is not counted.

    Args:
        microscope: constants of the instrument.
        ctf: defocus, astigmatism and phase shift.
        max_frequency: 1/Å, zeros up to here (inclusive).
        direction: degrees from +x, counter-clockwise; ``None`` takes the mean defocus.
    """
    defocus = ctf.defocus if direction is None else defocus_along(ctf, direction)
    linear = math.pi * microscope.wavelength * defocus
    quadratic = 0.5 * math.pi * microscope.spherical_aberration * 1e7 * microscope.wavelength**3
    constant = math.radians(ctf.phase_shift) + amplitude_phase(microscope)
    limit = max_frequency * max_frequency
    turn = [limit]
    if quadratic > 0.0 and 0.0 < linear / (2.0 * quadratic) < limit:
        turn.append(linear / (2.0 * quadratic))
    reached = [constant] + [linear * t - quadratic * t * t + constant for t in turn]
    found: list[float] = []
    for n in range(math.ceil(min(reached) / math.pi), math.floor(max(reached) / math.pi) + 1):
        for t in _roots(quadratic, linear, n * math.pi - constant):
            if 1e-12 < t <= limit:
                found.append(math.sqrt(t))
    return tuple(sorted(found))


def _roots(quadratic: float, linear: float, value: float) -> tuple[float, ...]:
    """Roots t of ``linear t - quadratic t² = value``, in the form that does not cancel for small ``quadratic``."""
    inside = linear * linear - 4.0 * quadratic * value
    if inside < 0.0:
        return ()
    root = math.sqrt(inside)
    first = 2.0 * value / (linear + math.copysign(root, linear)) if linear or root else math.nan
    if quadratic == 0.0:
        return (first,)
    second = (linear + math.copysign(root, linear)) / (2.0 * quadratic)
    return (first, second)
