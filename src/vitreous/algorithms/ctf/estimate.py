"""Estimation of a CTF from a power spectrum: search, refinement, and how far the result can be trusted.

The method is that of CTFFIND4 (Rohou & Grigorieff 2015, J. Struct. Biol. 192:216) with a likelihood in the place of its
objective: the smooth background is free at every step, directions are kept apart from the start, and rings are followed
to where they vanish.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vitreous.algorithms.ctf.polar import PolarSpectrum, polar_spectrum
from vitreous.algorithms.ctf.refine import Refined, refine_ctf
from vitreous.algorithms.ctf.resolution import Curves, aliasing_limit, curves, fit_resolution
from vitreous.algorithms.ctf.rings import ring_lag
from vitreous.algorithms.ctf.score import normalised_correlation
from vitreous.algorithms.ctf.search import search_ctf
from vitreous.algorithms.ctf.settings import CtfSettings
from vitreous.algorithms.ctf.spectrum import Spectrum
from vitreous.core.errors import UsageError
from vitreous.core.optics import Ctf, Microscope

_RIVAL = 0.9
_FAINT = 6.0
_PHASE_BAND = 1.0 / 15.0


@dataclass(frozen=True)
class CtfEstimate:
    """The CTF of one image.

    Attributes:
        ctf: defocus, astigmatism and phase shift.
        score: normalised correlation of spectrum and CTF in the band searched, -1..1.
        significance: agreement found by the search, in standard deviations of noise; below 6 there may be no rings.
        fit_resolution: Å to which rings agree with the fit; ``None`` where none are seen.
        aliasing_limit: Å from which rings are too close for the box; ``None`` where that is beyond Nyquist.
        defocus_error: standard deviation of the mean defocus by noise alone, Å; ``None`` where nothing bounds it.
        curves: one-dimensional spectrum, fit and quality.
        warnings: what a person should know.
    """

    ctf: Ctf
    score: float
    significance: float
    fit_resolution: float | None
    aliasing_limit: float | None
    defocus_error: float | None
    curves: Curves
    warnings: tuple[str, ...]


def estimate_ctf(spectrum: Spectrum, microscope: Microscope, settings: CtfSettings) -> CtfEstimate:
    """Estimate the CTF of an image from its power spectrum.

    Args:
        spectrum: of ``image_spectrum``.
        microscope: constants of the instrument.
        settings: ranges and options.

    Raises:
        UsageError: the band to search is empty at this pixel size.
    """
    low, high = _band(spectrum, settings)
    coarse = polar_spectrum(spectrum, low, high, _coarse_sectors(spectrum, low), 1.0)
    found = search_ctf(coarse, microscope, settings)
    rivals = [one for one in found if one.significance >= _RIVAL * found[0].significance]
    nyquist = 0.5 / spectrum.pixel_size
    # A phase shift moves the first rings as a bend of the steep background there does: they would bias it.
    lowest = max(low, min(_PHASE_BAND, 0.5 * high)) if len(settings.phase_shifts()) > 1 else low
    fine = polar_spectrum(
        spectrum, lowest, 0.95 * nyquist, _sectors(found[0].ctf), _shell_width(spectrum, microscope, found[0].ctf)
    )
    best: tuple[float, float, Refined] | None = None
    for rival in rivals:
        refined = _refined(fine, microscope, rival.ctf, high, settings)
        score = 1.0
        if len(rivals) > 1:
            shape = curves(spectrum, microscope, refined.ctf, 0.7 * low)
            score = normalised_correlation(spectrum, microscope, refined.ctf, shape, low, high)
        if best is None or score > best[0]:
            best = (score, rival.significance, refined)
    assert best is not None
    _, significance, refined = best
    if settings.extend:
        refined = _extended(fine, microscope, refined, high, settings)
    shape = curves(spectrum, microscope, refined.ctf, 0.7 * low)
    score = normalised_correlation(spectrum, microscope, refined.ctf, shape, low, high)
    ctf = _in_range(refined.ctf, settings)
    resolution = fit_resolution(shape.frequency, shape.quality, low) if significance >= _FAINT else None
    alias = aliasing_limit(microscope, ctf, spectrum.extent, nyquist)
    notes = _warnings(ctf, settings, significance, resolution, alias, 1.0 / high)
    return CtfEstimate(ctf, score, significance, resolution, alias, refined.defocus_error, shape, notes)


def _band(spectrum: Spectrum, settings: CtfSettings) -> tuple[float, float]:
    """Frequencies between which rings are searched, 1/Å."""
    low = max(1.0 / settings.min_resolution, 6.0 / spectrum.extent)
    high = min(1.0 / settings.max_resolution, 0.475 / spectrum.pixel_size)
    if (high - low) * spectrum.extent < 16.0:
        raise UsageError(
            f"the band {settings.min_resolution:g} to {settings.max_resolution:g} Å holds too little of a spectrum of "
            f"{spectrum.box} px at {spectrum.pixel_size:.3g} Å/px (Nyquist {2 * spectrum.pixel_size:.3g} Å)",
            hint="Widen the band (min_resolution, max_resolution), take a larger box, or check the pixel size",
            pixel_size=spectrum.pixel_size,
        )
    return low, high


def _coarse_sectors(spectrum: Spectrum, low: float) -> int:
    """As many sectors, up to 18, as leave some pixels in each cell of the innermost shell."""
    return max(6, min(18, int(math.pi * low * spectrum.extent / 4.0)))


def _sectors(ctf: Ctf) -> int:
    """Sectors of 7.5°, or of half that where defocus changes fast with direction."""
    return 24 if ctf.defocus_difference < 2000.0 else 48


def _shell_width(spectrum: Spectrum, microscope: Microscope, ctf: Ctf) -> float:
    """Shells of 1 px, or half a pixel where rings come close to the limit of the box."""
    nyquist = torch.tensor([0.5 / spectrum.pixel_size], dtype=torch.float64, device="cpu")
    return 0.5 if float(ring_lag(nyquist, microscope, ctf).abs()[0]) > 0.25 * spectrum.extent else 1.0


def _refined(
    fine: PolarSpectrum, microscope: Microscope, start: Ctf, max_frequency: float, settings: CtfSettings, steps: int = 4
) -> Refined:
    return refine_ctf(
        fine,
        microscope,
        start,
        max_frequency,
        find_phase_shift=len(settings.phase_shifts()) > 1,
        astigmatism_tolerance=settings.astigmatism_tolerance,
        steps=steps,
    )


def _extended(
    fine: PolarSpectrum, microscope: Microscope, start: Refined, max_frequency: float, settings: CtfSettings
) -> Refined:
    """Take in finer and finer rings, by two fifths each time, until none are seen in the newest part."""
    now, limit, end = start, max_frequency, float(fine.frequency[-1])
    while limit < 0.99 * end:
        limit = min(1.4 * limit, end)
        now = _refined(fine, microscope, now.ctf, limit, settings, steps=3)
        newest = now.visibility[int(0.85 * len(now.visibility)) :]
        if not bool((newest > 0.0).any()):
            break
    return now


def _in_range(ctf: Ctf, settings: CtfSettings) -> Ctf:
    """The same CTF with its phase shift, known modulo 180°, brought to the range that was asked for."""
    if not settings.find_phase_shift:
        return ctf
    middle = 0.5 * (settings.min_phase_shift + settings.max_phase_shift)
    shift = (ctf.phase_shift - middle + 90.0) % 180.0 - 90.0 + middle
    return Ctf(ctf.defocus_u, ctf.defocus_v, ctf.astigmatism_angle, shift)


def _warnings(
    ctf: Ctf,
    settings: CtfSettings,
    significance: float,
    resolution: float | None,
    alias: float | None,
    finest: float,
) -> tuple[str, ...]:
    notes = []
    if resolution is None:
        notes.append(f"no Thon rings are seen (significance {significance:.1f}): the defocus is not to be trusted")
    margin = 2.0 * settings.defocus_step
    if not settings.min_defocus + margin < ctf.defocus < settings.max_defocus - margin:
        notes.append(
            f"defocus {ctf.defocus:.0f} Å is at the edge of the range searched "
            f"({settings.min_defocus:.0f} to {settings.max_defocus:.0f} Å)"
        )
    if alias is not None and alias > (finest if resolution is None else min(finest, resolution)):
        notes.append(
            f"Thon rings alias beyond {alias:.1f} Å: they lie less than 2 px apart; a larger box would show them"
        )
    return tuple(notes)
