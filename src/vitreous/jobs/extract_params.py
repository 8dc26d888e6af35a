"""What may be chosen of the extraction of particles."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from vitreous.workflow.job_type import Params, parameter

_BOX, _IMAGE, _WHICH, _OPTICS, _FILES = "Box", "Images", "Particles", "Optics", "Files"


class ExtractParams(Params):
    """Options of the extraction."""

    box: int | None = parameter(
        None,
        help="side of the box in the micrograph, even; unless given it follows from the box width or the diameter",
        unit="px",
        group=_BOX,
        ge=16,
        le=8192,
    )
    box_width: float | None = parameter(
        None, help="side of the box, in place of pixels", unit="Å", level="advanced", group=_BOX, gt=0, le=1e5
    )
    diameter: float | None = parameter(
        None, help="diameter of the particle: gives the box and the background where they are not set", unit="Å",
        group=_BOX, gt=0, le=1e5, inherits=True,
    )  # fmt: skip
    pixel_size: float | None = parameter(
        None,
        help="pixel size of the images, by Fourier cropping: this or a little finer; the micrograph's unless given",
        unit="Å",
        group=_BOX,
        gt=0.01,
        lt=1000,
    )
    resolution: float | None = parameter(
        None,
        help="finest detail whose signal the box should hold; three pixels of the images unless given",
        unit="Å",
        level="advanced",
        group=_BOX,
        gt=0,
    )
    expected_defocus: float = parameter(
        20000.0,
        help="defocus for which a box that is not set makes room",
        unit="Å",
        level="advanced",
        group=_BOX,
        ge=0,
        le=2e5,
    )

    invert: bool = parameter(True, help="invert, so that particles are white on black", group=_IMAGE)
    normalise: bool = parameter(
        True, help="bring the background to mean 0 and standard deviation 1", level="advanced", group=_IMAGE
    )
    background_diameter: float | None = parameter(
        None,
        help="what lies outside this circle is background; 1.1 times the diameter where that is given, else 75 % of "
        "the box",
        unit="Å",
        level="advanced",
        group=_IMAGE,
        gt=0,
    )
    ramp: bool = parameter(
        True, help="subtract a plane from each image, not only a mean", level="advanced", group=_IMAGE
    )
    white_dust: float = parameter(
        8.0,
        help="pixels brighter than this become noise; 0 leaves them",
        unit="σ",
        level="advanced",
        group=_IMAGE,
        ge=0,
    )
    black_dust: float = parameter(
        8.0,
        help="pixels darker than this become noise; 0 leaves them",
        unit="σ",
        level="advanced",
        group=_IMAGE,
        ge=0,
    )
    phase_flip: bool = parameter(False, help="flip the phases by the sign of the CTF", level="advanced", group=_IMAGE)
    subpixel: Literal["origin", "shift"] = parameter(
        "origin",
        help="the part of a pixel by which the box misses the particle: kept as its origin, or shifted away",
        level="advanced",
        group=_IMAGE,
    )
    number_format: Literal["float32", "float16"] = parameter(
        "float32",
        help="numbers in the stacks; float16 halves them (MRC mode 12, read by RELION from version 4)",
        level="advanced",
        group=_IMAGE,
    )
    dose_weighted: bool = parameter(
        True, help="cut from the sum with exposure filter where there is one", level="advanced", group=_IMAGE
    )

    edge: Literal["drop", "pad"] = parameter(
        "drop",
        help="particles whose box crosses the micrograph's edge: leave them out, or continue the image by a mirror",
        group=_WHICH,
    )
    min_distance: float | None = parameter(
        None,
        help="of two particles that are closer the better score stays; a quarter of the diameter where that is given, "
        "0 keeps all",
        unit="Å",
        level="advanced",
        group=_WHICH,
        ge=0,
    )
    recentre: bool = parameter(
        True,
        help="particles that were aligned before: put the box where their shifts say that they are",
        level="advanced",
        group=_WHICH,
    )

    voltage: float | None = parameter(
        None, help="acceleration voltage", unit="kV", level="advanced", group=_OPTICS, ge=10, le=3000, inherits=True
    )
    spherical_aberration: float | None = parameter(
        None, help="spherical aberration of the objective lens", unit="mm", level="advanced", group=_OPTICS, ge=0,
        le=20, inherits=True,
    )  # fmt: skip
    amplitude_contrast: float | None = parameter(
        None, help="amplitude contrast (0.07 unless known)", unit="fraction", level="advanced", group=_OPTICS, ge=0,
        le=1, inherits=True,
    )  # fmt: skip
    micrograph_pixel_size: float | None = parameter(
        None,
        help="pixel size of the micrographs, against what their table or header says",
        unit="Å",
        level="advanced",
        group=_OPTICS,
        gt=0.01,
        lt=1000,
    )

    micrographs: Path | None = parameter(
        None, help="STAR file of micrographs, with or without CTF", level="advanced", group=_FILES
    )
    picks: Path | None = parameter(
        None,
        help="picked positions: a STAR or Parquet file of all, or a folder with a file for each micrograph",
        level="advanced",
        group=_FILES,
    )
    particles: Path | None = parameter(
        None, help="particles of an earlier extraction or classification, to be cut out again", level="advanced",
        group=_FILES,
    )  # fmt: skip
    per_micrograph: bool = parameter(
        False, help="one stack for each micrograph, not one of all", level="advanced", group=_FILES
    )
    device: Literal["cpu", "cuda"] = parameter("cpu", help="where to compute", level="advanced", machine=True)

    @model_validator(mode="after")
    def _box_is_known(self) -> ExtractParams:
        if self.box is not None and self.box % 2:
            raise ValueError(f"box of {self.box} px is odd: give an even number, such as {self.box + 1}")
        if self.box is not None and self.box_width is not None:
            raise ValueError("both a box in pixels and a box width are given: give one of them")
        if self.picks is not None and self.particles is not None:
            raise ValueError("both picks and particles are given: give one of them")
        return self
