"""What may be chosen of motion correction."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator, model_validator

from vitreous.jobs.acquisition_params import AcquisitionParams
from vitreous.workflow.job_type import parameter

_CAMERA, _FRAMES, _WHOLE, _LOCAL, _SUMS, _MACHINE = (
    "Camera",
    "Frames",
    "Whole-frame motion",
    "Local motion",
    "Sums",
    "Machine",
)


class MotionParams(AcquisitionParams):
    """Options of motion correction; those of the whole-frame rounds are Unblur's, with its defaults."""

    gain: Path | None = parameter(None, help="gain reference: MRC, TIFF, .gain or DM4", group=_CAMERA, inherits=True)
    gain_orientation: str = parameter(
        "auto",
        help="how the gain reference is turned to lie on the frames: auto, 0, 90, 180, 270, flip, flip-90, ...",
        group=_CAMERA,
        inherits=True,
    )
    gain_kind: Literal["auto", "multiplicative", "sensitivity"] = parameter(
        "auto", help="whether frames are multiplied by the reference or divided by it", group=_CAMERA
    )
    defects: Path | None = parameter(
        None, help="defects: SerialEM text, FEI XML, MotionCor2 text or map", group=_CAMERA, inherits=True
    )
    find_defects: bool = parameter(
        True, help="find hot and dead pixels in the sum of the frames", level="advanced", group=_CAMERA
    )
    eer_upsampling: Literal[1, 2, 4] = parameter(
        1, help="sampling of EER events in camera pixels", group=_CAMERA, inherits=True
    )
    eer_frames: int | None = parameter(
        None, help="camera frames of an EER movie in one frame", unit="frames", group=_CAMERA, ge=1
    )
    first_frame: int = parameter(1, help="first frame used, from 1", group=_FRAMES, ge=1)
    last_frame: int | None = parameter(
        None, help="last frame used; the last of the movie unless given", group=_FRAMES, ge=1
    )
    target_pixel_size: float | None = parameter(
        None,
        help="pixel size of the sums, by Fourier cropping or padding; as recorded unless given",
        unit="Å",
        group=_FRAMES,
        gt=0.01,
        lt=1000,
    )
    min_shift: float = parameter(
        2.0,
        help="correlation peaks nearer than this are ignored in the first round",
        unit="Å",
        level="advanced",
        group=_WHOLE,
        ge=0,
    )
    max_shift: float = parameter(
        40.0, help="largest shift of one round; rounds add up", unit="Å", level="advanced", group=_WHOLE, gt=0
    )
    termination_shift: float = parameter(
        1.0, help="the rounds end when no frame moved more than this", unit="Å", level="advanced", group=_WHOLE, gt=0
    )
    max_iterations: int = parameter(10, help="rounds at most", level="advanced", group=_WHOLE, ge=1, le=100)
    b_factor: float = parameter(
        1500.0,
        help="B-factor on the reference of the rounds",
        unit="Å²",
        level="advanced",
        group=_WHOLE,
        ge=100,
        le=1e5,
    )
    mask_cross: bool = parameter(
        True, help="leave out the central cross of the transforms", level="advanced", group=_WHOLE
    )
    cross_width_x: int = parameter(
        1, help="half-width of the line along x", unit="px", level="advanced", group=_WHOLE, ge=1, le=100
    )
    cross_width_y: int = parameter(
        1, help="half-width of the line along y", unit="px", level="advanced", group=_WHOLE, ge=1, le=100
    )
    refine: bool = parameter(
        True, help="find the most probable shifts after the rounds", level="advanced", group=_WHOLE
    )
    smooth: bool = parameter(
        True, help="expect trajectories as smooth as the data support", level="advanced", group=_WHOLE
    )
    align_resolution: float = parameter(
        7.0, help="finest resolution that the alignment looks at", unit="Å", level="advanced", group=_WHOLE, ge=2, le=30
    )
    patches: tuple[int, int] = parameter(
        (5, 5),
        help="patches along x and y for local motion, such as 7x5; 1x1 for whole-frame motion only",
        group=_LOCAL,
    )
    group_exposure: float = parameter(
        4.0,
        help="frames are summed to groups of about this exposure",
        unit="e/Å²",
        level="advanced",
        group=_LOCAL,
        gt=0,
    )
    group_frames: int | None = parameter(
        None, help="frames in a group, in place of the exposure", unit="frames", level="advanced", group=_LOCAL, ge=1
    )
    exposure_filter: bool = parameter(True, help="write the exposure-filtered sum", group=_SUMS)
    restore_power: bool = parameter(
        True, help="restore the noise power that the exposure filter takes", level="advanced", group=_SUMS
    )
    odd_even: bool = parameter(True, help="write the sums of odd and of even frames", group=_SUMS)
    scaled_sum: bool = parameter(True, help="write a small picture of the sum (PNG)", level="advanced", group=_SUMS)
    device: Literal["cpu", "cuda"] = parameter("cpu", help="where to compute", group=_MACHINE, machine=True)
    memory: float = parameter(
        1.0,
        help="memory for keeping frames between passes; else they are read again",
        unit="GB",
        level="advanced",
        group=_MACHINE,
        machine=True,
        ge=0,
        le=1000,
    )

    @field_validator("patches", mode="before")
    @classmethod
    def _two_numbers(cls, value: Any) -> Any:
        """Accept "7x5" beside a pair."""
        if not isinstance(value, str):
            return value
        parts = value.lower().replace(",", "x").split("x")
        if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
            raise ValueError(f"patches are two whole numbers such as 5x5, not {value!r}")
        return tuple(int(part) for part in parts)

    @model_validator(mode="after")
    def _sensible(self) -> MotionParams:
        if not all(1 <= n <= 32 for n in self.patches):
            raise ValueError(f"patches of {self.patches[0]}x{self.patches[1]} are outside 1..32")
        if self.last_frame is not None and self.last_frame <= self.first_frame:
            raise ValueError(f"last frame {self.last_frame} is not after first frame {self.first_frame}")
        if self.min_shift >= self.max_shift:
            raise ValueError(f"smallest shift {self.min_shift:g} Å is not below the largest, {self.max_shift:g} Å")
        return self
