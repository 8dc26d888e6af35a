"""The specimen's motion during one movie: a shift per frame, and a smooth field over the image as a polynomial."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vitreous.core.errors import UsageError

N_COEFFICIENTS = 18


def motion_basis(t: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The 18 terms t^m (1, x, x², y, y², xy), m = 1..3, in that order: index = 3·(spatial term) + (m - 1).

    Args:
        t: frames since the first, any shape that broadcasts with x and y; x, y: -½..½ over the image.

    Returns:
        float64 ``[..., 18]``.

    Zheng et al. 2017 (Nat. Methods 14, 331), equation 2.
    """
    t, x, y = np.broadcast_arrays(np.asarray(t, float), np.asarray(x, float), np.asarray(y, float))
    space = (np.ones_like(x), x, x * x, y, y * y, x * y)
    return np.stack([term * t**m for term in space for m in (1, 2, 3)], axis=-1)


@dataclass(frozen=True)
class MotionModel:
    """Where the specimen is in each frame relative to the first used frame, in Å along x and y (row 0 is y = 0).

    Attributes:
        pixel_size: of the movie as recorded, Å.
        shape: ``(ny, nx)`` of a frame as recorded.
        global_shift: Å, float64 ``[n_frames, 2]`` (x, y); rows before ``first_frame`` are NaN, that row is 0.
        local_coefficients: Å, float64 ``[2, 18]`` (x, y) over ``motion_basis`` with t = frame - first_frame,
            x = x_px/nx - ½, y = y_px/ny - ½; ``None`` without local motion.
        first_frame: first used frame, 0-based.
        voltage: kV. dose_per_frame, pre_exposure: e/Å².
        movie, gain: paths as the table names them.
        binning: output pixel / recorded pixel.
        hot_pixels: int64 ``[n, 2]`` (x, y) px.
    """

    pixel_size: float
    shape: tuple[int, int]
    global_shift: np.ndarray
    local_coefficients: np.ndarray | None = None
    first_frame: int = 0
    voltage: float | None = None
    dose_per_frame: float | None = None
    pre_exposure: float | None = None
    movie: str | None = None
    gain: str | None = None
    binning: float = 1.0
    hot_pixels: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    def __post_init__(self) -> None:
        shift = self.global_shift
        local = self.local_coefficients
        if shift.ndim != 2 or shift.shape[1] != 2 or not 0 <= self.first_frame < len(shift):
            raise UsageError(
                f"the shifts have shape {shift.shape} with first frame {self.first_frame}",
                hint="Give one (x, y) per frame, and a first frame within the movie",
            )
        if not np.isfinite(shift[self.first_frame :]).all():
            raise UsageError("a frame's shift is not finite", hint="Give a shift for every frame from the first used")
        if local is not None and (local.shape != (2, N_COEFFICIENTS) or not np.isfinite(local).all()):
            raise UsageError(
                f"the local motion needs 2 x 18 finite coefficients, not {local.shape}", hint="Give x and y, 18 each"
            )

    @property
    def n_frames(self) -> int:
        """Frames of the movie."""
        return len(self.global_shift)

    def shift_at(self, frame: int | np.ndarray, x_px: float | np.ndarray, y_px: float | np.ndarray) -> np.ndarray:
        """The specimen's whole motion (global + local) in Å, ``[..., 2]`` (x, y), at pixels of the recorded frame.

        Frames (0-based), x_px and y_px broadcast; frames before the first used one give NaN.
        """
        frame = np.asarray(frame)
        ny, nx = self.shape
        shift = self.global_shift[frame]
        if self.local_coefficients is None:
            return shift + np.zeros((*np.broadcast_shapes(np.shape(frame), np.shape(x_px), np.shape(y_px)), 2))
        basis = motion_basis(
            frame - self.first_frame, np.asarray(x_px, float) / nx - 0.5, np.asarray(y_px, float) / ny - 0.5
        )
        return shift + basis @ self.local_coefficients.T
