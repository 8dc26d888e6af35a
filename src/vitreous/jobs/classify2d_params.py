"""What may be chosen of the 2D classification."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from vitreous.workflow.job_type import Params, parameter

_CLASSES, _RESOLUTION, _SEARCH, _MODEL = "Classes", "Resolution", "Search", "Model"
_SHARE, _STREAM, _FILES, _MACHINE = "Share of the particles", "Growing set", "Files", "Machine"

DIAMETER_OF_BOX = 0.6
MASK_OF_DIAMETER = 1.2
RANGE_OF_DIAMETER = 0.33


class Classify2dParams(Params):
    """What may be chosen of the 2D classification."""

    classes: int | None = parameter(
        None,
        help="number of classes; unless given, one for 300 particles, rounded down to 50, 40, 30, 20, 10 or 5",
        group=_CLASSES,
        ge=1,
        le=1000,
    )
    cycles: int = parameter(
        20, help="iterations at most; 5 to 10 are enough where references are given", group=_CLASSES, ge=1
    )
    stop_early: bool = parameter(
        True,
        help="end before that where two iterations changed little: fewer than 5 % of the classes, no resolution gained",
        level="advanced",
        group=_CLASSES,
    )
    diameter: float | None = parameter(
        None,
        help="largest dimension of the particle; unless given, 0.6 of the box",
        unit="Å",
        group=_CLASSES,
        gt=0,
        inherits=True,
    )
    seed: int = parameter(1, help="seed of the random start", level="advanced", group=_CLASSES, ge=0)

    low_resolution: float = parameter(
        300.0,
        help="frequencies below this are not compared",
        unit="Å",
        level="advanced",
        group=_RESOLUTION,
        gt=0,
    )
    start_resolution: float = parameter(
        40.0, help="highest resolution compared in the first iteration", unit="Å", level="advanced", group=_RESOLUTION,
        gt=0,
    )  # fmt: skip
    finish_resolution: float = parameter(
        8.0,
        help="highest resolution compared in the last iterations, where the averages come near it",
        unit="Å",
        group=_RESOLUTION,
        gt=0,
    )

    mask_diameter: float | None = parameter(
        None,
        help="diameter of the soft mask; unless given, 1.2 of the particle's",
        unit="Å",
        level="advanced",
        group=_SEARCH,
        gt=0,
    )
    angular_step: float = parameter(
        15.0,
        help="step of the in-plane rotation; it is refined within the step, below 5 there is no use",
        unit="degrees",
        level="advanced",
        group=_SEARCH,
        gt=0,
        le=90,
    )
    x_range: float | None = parameter(
        None,
        help="furthest that a particle may lie off the box's centre along x; 20-40 where particles are centred, "
        "100 where that is not known; unless given, 0.33 of the particle's diameter",
        unit="Å",
        level="advanced",
        group=_SEARCH,
        ge=0,
    )
    y_range: float | None = parameter(None, help="the same along y", unit="Å", level="advanced", group=_SEARCH, ge=0)
    precision: Literal["float32", "bfloat16"] = parameter(
        "float32", help="numbers of the coarse search", level="advanced", group=_SEARCH
    )

    smoothing: float = parameter(
        1.0,
        help="factor on the likelihoods: less than 1 leaves it more open which class a particle belongs to",
        unit="fraction",
        level="advanced",
        group=_MODEL,
        ge=0.1,
        le=1,
    )
    regularisation: float = parameter(
        2.0,
        help="weight of the data against the smoothness of the averages (T of Scheres 2012)",
        level="advanced",
        group=_MODEL,
        gt=0,
    )
    balance: float = parameter(
        0.5,
        help="0 lets classes grow as the likelihoods have it, 1 presses all to equal populations",
        unit="fraction",
        level="advanced",
        group=_MODEL,
        ge=0,
        le=1,
    )
    recentre: bool = parameter(True, help="centre the averages after each iteration", level="advanced", group=_MODEL)
    reseed: bool = parameter(
        True, help="begin empty classes anew with a part of the largest", level="advanced", group=_MODEL
    )
    exclude_blank_edges: bool = parameter(
        False, help="leave out particles with blank edges, cut off at a micrograph's border", group=_MODEL,
        level="advanced",
    )  # fmt: skip
    ctf: bool = parameter(
        True, help="correct for the CTF; without it particles need none", group=_MODEL, level="advanced"
    )
    invert: bool = parameter(
        False, help="particles are dark on bright and are to be inverted", group=_MODEL, level="advanced"
    )

    auto_percent: bool = parameter(
        True,
        help="begin with 300 particles a class, go on with 30 % and end with all of them",
        level="advanced",
        group=_SHARE,
    )
    percent: float = parameter(
        100.0, help="share of the particles in each iteration where the share is not automatic", unit="%",
        level="advanced", group=_SHARE, gt=0, le=100,
    )  # fmt: skip

    update_cycles: int = parameter(
        3,
        help="iterations by which classes are brought up to date while particles still arrive",
        level="advanced",
        group=_STREAM,
        ge=1,
    )

    references: Path | None = parameter(None, help="stack of class averages to start from", group=_FILES)
    continue_from: Path | None = parameter(
        None,
        help="an earlier classification (its folder or model.json) that is to be continued by that many cycles",
        level="advanced",
        group=_FILES,
    )
    restart: bool = parameter(
        False,
        help="begin anew where the output folder holds another classification",
        level="advanced",
        group=_FILES,
        machine=True,
    )

    device: Literal["cpu", "cuda"] = parameter(
        "cpu", help="where to compute", level="advanced", group=_MACHINE, machine=True
    )
    workers: int = parameter(
        1,
        help="processes that share the images, in a project the workers of its pool, on this machine or a cluster; the "
        "result does not depend on their number",
        level="advanced",
        group=_MACHINE,
        ge=1,
        le=256,
        machine=True,
    )

    memory: float = parameter(
        1.0,
        help="memory in which images stay between iterations; the rest is read again",
        unit="GiB",
        level="advanced",
        group=_MACHINE,
        ge=0,
        machine=True,
    )

    @model_validator(mode="after")
    def _resolutions_in_order(self) -> Classify2dParams:
        if not self.low_resolution > self.start_resolution >= self.finish_resolution:
            raise ValueError(
                f"resolutions do not go from coarse to fine: low {self.low_resolution:g}, start "
                f"{self.start_resolution:g}, finish {self.finish_resolution:g} Å"
            )
        return self

    @model_validator(mode="after")
    def _one_beginning(self) -> Classify2dParams:
        if self.references is not None and self.continue_from is not None:
            raise ValueError("references and continue_from are two beginnings: give one of them")
        return self


def particle_diameter(params: Classify2dParams, extent: float) -> float:
    """Largest dimension of the particle in Å, in a box of ``extent`` Å."""
    return params.diameter or DIAMETER_OF_BOX * extent


def mask_diameter(params: Classify2dParams, extent: float) -> float:
    """Diameter of the mask in Å, never wider than the box of ``extent`` Å."""
    return min(params.mask_diameter or MASK_OF_DIAMETER * particle_diameter(params, extent), extent)


def shift_ranges(params: Classify2dParams, extent: float) -> tuple[float, float]:
    """Furthest shifts in Å along x and y, no further than half of the box."""
    usual = RANGE_OF_DIAMETER * particle_diameter(params, extent)
    x = usual if params.x_range is None else params.x_range
    y = usual if params.y_range is None else params.y_range
    return min(x, 0.5 * extent), min(y, 0.5 * extent)
