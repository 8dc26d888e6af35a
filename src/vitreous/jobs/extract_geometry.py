"""The sizes of an extraction on one micrograph: box, images, background."""

from __future__ import annotations

from dataclasses import dataclass

from vitreous.core.errors import UsageError
from vitreous.core.optics import Ctf, Microscope
from vitreous.jobs.extract_params import ExtractParams

_BACKGROUND_SHARE = 0.75
_AROUND_PARTICLE = 1.1
_WIDEST = 0.94


@dataclass(frozen=True)
class Geometry:
    """Sizes that follow from the parameters and the micrograph's pixel size.

    Attributes:
        box: px of the micrograph.
        size: px of the images.
        micrograph_pixel_size, pixel_size: Å, of micrograph and images.
        background_radius: Å.
        reason: why this box, a sentence.
    """

    box: int
    size: int
    micrograph_pixel_size: float
    pixel_size: float
    background_radius: float
    reason: str


def geometry_of(params: ExtractParams, pixel_size: float, microscope: Microscope | None) -> Geometry:
    """The sizes for micrographs of this pixel size (Å).

    Raises:
        UsageError: no box can be told, or the images' pixel size is not possible.
    """
    from vitreous.algorithms.particles.resample import cropped_size

    box, reason = _box(params, pixel_size, microscope)
    size = cropped_size(box, pixel_size, params.pixel_size)
    # The box stays what it is, so that its pixels are exact.
    finer = pixel_size * box / size
    radius = 0.5 * _background_diameter(params, box * pixel_size)
    return Geometry(box, size, pixel_size, finer, radius, reason)


def _box(params: ExtractParams, pixel_size: float, microscope: Microscope | None) -> tuple[int, str]:
    from vitreous.algorithms.fourier.sizes import smooth_up
    from vitreous.algorithms.particles.box_size import recommended_box

    if params.box is not None:
        return params.box, f"{params.box} px ({params.box * pixel_size:.0f} Å): as given"
    if params.box_width is not None:
        box = smooth_up(max(16, round(params.box_width / pixel_size)))
        return box, f"{box} px ({box * pixel_size:.0f} Å): the width of {params.box_width:g} Å in a fast size"
    if params.diameter is None:
        raise UsageError(
            "the size of the box is not known", hint="Give --box in pixels of the micrograph, or --diameter in Å"
        )
    finest = params.resolution or 3.0 * max(pixel_size, params.pixel_size or pixel_size)
    advice = recommended_box(
        params.diameter,
        pixel_size,
        None if microscope is None else params.expected_defocus,
        None if microscope is None else microscope.voltage,
        finest,
        0.0 if microscope is None else microscope.spherical_aberration,
    )
    return advice.box, advice.reason


def _background_diameter(params: ExtractParams, width: float) -> float:
    """Å; never so wide that only the box's corners are background."""
    if params.background_diameter is not None:
        return params.background_diameter
    if params.diameter is not None:
        return min(_AROUND_PARTICLE * params.diameter, _WIDEST * width)
    return _BACKGROUND_SHARE * width


def edge_warning(params: ExtractParams, geometry: Geometry, microscope: Microscope, ctf: Ctf) -> str | None:
    """A sentence where the box loses signal that the CTF has spread beyond the particle's edge."""
    from vitreous.algorithms.particles.box_size import delocalisation

    finest = params.resolution or 3.0 * geometry.pixel_size
    spread = delocalisation(ctf.defocus, microscope.voltage, finest, microscope.spherical_aberration)
    diameter = params.diameter or 2.0 * geometry.background_radius
    width = geometry.box * geometry.micrograph_pixel_size
    if diameter + 2.0 * spread <= width:
        return None
    return (
        f"at a defocus of {ctf.defocus / 1e4:.2f} µm the signal of {finest:.3g} Å spreads {spread:.0f} Å beyond the "
        f"particle ({diameter:.0f} Å); a box of {diameter + 2.0 * spread:.0f} Å would hold it, and this one has "
        f"{width:.0f} Å"
    )
