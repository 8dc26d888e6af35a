"""Frames of a movie on their way into memory: used range, exposures, gain and defects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.core.progress import Progress
from vitreous.jobs.motion_params import MotionParams
from vitreous.model.acquisition import Acquisition

if TYPE_CHECKING:
    import torch

    from vitreous.algorithms.movies.gain import PreparedGain
    from vitreous.formats.base import ImageFile, ImageHeader

GainFor = Callable[["torch.Tensor", int], "PreparedGain | None"]
"""Prepared gain for the average of a movie's raw frames and their number."""


@dataclass(frozen=True)
class FrameRange:
    """Frames that are used: ``first`` to ``stop`` (exclusive, from 0), and their exposures.

    Attributes:
        first, stop: 0-based.
        exposures: e/Å² at the end of each used frame, pre-exposure and skipped frames included; ``None`` if not known.
        doses: e/Å² of each used frame.
    """

    first: int
    stop: int
    exposures: np.ndarray | None
    doses: np.ndarray | None

    def __len__(self) -> int:
        return self.stop - self.first


def frame_range(header: ImageHeader, acquisition: Acquisition, params: MotionParams) -> FrameRange:
    """Used frames of a movie and their accumulated exposures.

    Raises:
        UsageError: too few frames, a list of doses of another length, or no exposure where the filter needs it.
    """
    total = header.n_frames
    first = params.first_frame - 1
    stop = total if params.last_frame is None else min(total, params.last_frame)
    if stop - first < 2:
        raise UsageError(
            f"{header.path}: {max(0, stop - first)} frames are left of {total}; alignment needs at least 2",
            hint="Give a movie, or another --first-frame and --last-frame",
            path=str(header.path),
            n_frames=total,
        )
    if acquisition.frame_doses is not None:
        doses = np.asarray(acquisition.frame_doses, float)
        if len(doses) != total:
            raise UsageError(
                f"{header.path}: {len(doses)} frame doses for {total} frames",
                hint="Give one dose per frame of the movie, or --dose-per-frame",
                path=str(header.path),
            )
    elif acquisition.dose_per_frame is not None:
        doses = np.full(total, acquisition.dose_per_frame)
    elif params.exposure_filter:
        acquisition.needed("dose_per_frame")
        doses = np.zeros(total)
    else:
        return FrameRange(first, stop, None, None)
    exposures = (acquisition.pre_exposure or 0.0) + np.cumsum(doses)
    return FrameRange(first, stop, exposures[first:stop], doses[first:stop])


class FrameSource:
    """Raw frames of one movie: kept in memory when they fit, else read again for every pass."""

    def __init__(self, file: ImageFile, used: FrameRange, budget: float, device: str) -> None:
        self.file = file
        self.used = used
        self.device = device
        ny, nx = file.header.shape
        fits = len(used) * ny * nx * file.header.dtype.itemsize <= budget
        self._kept: list[torch.Tensor] | None = [] if fits else None

    def frames(self, *, release: bool = False) -> Iterator[torch.Tensor]:
        """Raw frames ``[ny, nx]`` on the device: int8, uint8 and int16 as they are, other types as float32.

        They may be kept for the next pass, and must not be changed. With ``release`` this is the last pass: kept frames
        are let go as they are given out.
        """
        if self._kept is not None and len(self._kept) == len(self.used):
            kept = self._kept
            if not release:
                yield from kept
                return
            self._kept = None
            kept.reverse()
            while kept:
                yield kept.pop()
            return
        for raw in self.file.frames(self.used.first, self.used.stop):
            frame = self._as_tensor(raw)
            if self._kept is not None:
                self._kept.append(frame)
            yield frame

    def _as_tensor(self, raw: np.ndarray) -> torch.Tensor:
        import torch

        small = raw.dtype.isnative and raw.dtype.name in ("int8", "uint8", "int16")
        array = raw if small else raw.astype(np.float32)
        return torch.from_numpy(array if array.flags.writeable else array.copy()).to(self.device)

    def total(self, progress: Progress) -> torch.Tensor:
        """Sum of the raw frames, float32 ``[ny, nx]``.

        Raises:
            DataError: a frame holds NaN or infinity.
        """
        import torch

        from vitreous.algorithms.movies.decimation import add_to

        total = torch.zeros(self.file.header.shape, device=self.device)
        for number, frame in enumerate(self.frames()):
            progress(number / len(self.used), "reading")
            add_to(total, frame)
        if not bool(total.isfinite().all()):
            path = self.file.header.path
            raise DataError(f"{path}: a frame holds NaN or infinity", hint="Copy the movie again", path=str(path))
        return total


def gain_loader(params: MotionParams) -> GainFor:
    """Read the gain reference once; turn it to each movie's frames, its orientation found once per frame size."""
    if params.gain is None:
        return lambda average, n_frames: None
    import torch

    from vitreous.algorithms.movies.gain import parse_orientation, prepare_gain
    from vitreous.algorithms.movies.gain_detection import detect_orientation
    from vitreous.formats.gain import read_gain

    reference = read_gain(params.gain)
    array = torch.from_numpy(np.array(reference.array))
    kind = reference.kind if params.gain_kind == "auto" else params.gain_kind
    listed = None if reference.defects is None else torch.from_numpy(np.array(reference.defects))
    fixed = None if params.gain_orientation == "auto" else parse_orientation(params.gain_orientation)
    known: dict[tuple[int, ...], PreparedGain] = {}

    def prepared(average: torch.Tensor, n_frames: int) -> PreparedGain:
        shape = (average.shape[0], average.shape[1])
        if shape not in known:
            orientation, its_kind = fixed, kind
            if orientation is None or its_kind is None:
                found = detect_orientation(average.cpu(), n_frames, array, kind, fixed)
                orientation, its_kind = found.orientation, found.kind
            known[shape] = prepare_gain(array, shape, its_kind, orientation, listed)
        return known[shape]

    return prepared


def known_defects(params: MotionParams, shape: tuple[int, int], gain: PreparedGain | None) -> torch.Tensor:
    """Defects from the list and from the gain reference, bool ``[ny, nx]``."""
    import torch

    bad = torch.zeros(shape, dtype=torch.bool)
    if gain is not None:
        bad |= gain.defects
    if params.defects is not None:
        from vitreous.formats.defects import read_defects

        bad |= torch.from_numpy(read_defects(Path(params.defects), shape).copy())
    return bad
