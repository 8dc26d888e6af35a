"""Whether a whole movie is what the session expects: number of frames, and their size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitreous.acquisition.import_params import ImportParams
from vitreous.core.errors import DataError
from vitreous.formats.base import ImageHeader
from vitreous.formats.images import open_images

FACTORS = (1, 2, 4)
MIN_SEEN = 3
"""Movies after which the session's usual number of frames is believed."""

Shape = tuple[int, int]


@dataclass(frozen=True)
class Verdict:
    """What is found wrong: an error for which the movie is quarantined, or warnings."""

    error: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()


class Expectations:
    """What the movies of one session have in common: given, read from the gain reference, or learned."""

    def __init__(self, params: ImportParams) -> None:
        """Read the gain reference's size.

        Raises:
            DataError: the gain reference can't be read.
        """
        self._params = params
        self._gain: Shape | None = None
        if params.gain is not None:
            with open_images(params.gain) as images:
                self._gain = images.header.shape
        self._frames: Counter[int] = Counter()

    def learn(self, n_frames: int) -> None:
        """Count a movie that was taken."""
        self._frames[n_frames] += 1

    @property
    def usual_frames(self) -> int | None:
        """The number of frames that movies should have; ``None`` before that is known."""
        if self._params.frames is not None:
            return self._params.frames
        usual = self._frames.most_common(1)
        return usual[0][0] if usual and usual[0][1] >= MIN_SEEN else None

    def judge(self, header: ImageHeader) -> Verdict:
        """Compare a movie with what is expected."""
        path = header.path
        if header.is_volume:
            return Verdict(_error(header, "it is one 3D map, not a movie", "Leave it out by an ignored name"))
        given = self._params.frame_size
        if given is not None and header.shape != (given[1], given[0]):
            fact = f"its frames have {_size(header.shape)}, and {_size((given[1], given[0]))} was given"
            return Verdict(_error(header, fact, "Correct the frame size of the import, or leave the movie out"))
        if self._gain is not None and not gain_fits(self._gain, header.shape):
            fact = f"its frames have {_size(header.shape)}, unlike the gain reference of {_size(self._gain)}"
            return Verdict(_error(header, fact, "Give the gain reference of this camera mode, or leave the movie out"))
        expected = self.usual_frames
        if expected is None or header.n_frames >= expected:
            return Verdict()
        fact = f"it has {header.n_frames} frames, and {expected} are expected"
        if self._params.quarantines_fewer_frames:
            return Verdict(_error(header, fact, "Copy it again, or set fewer_frames to warn and retry it"))
        return Verdict(warnings=(f"{path.name}: {fact}",))


def gain_fits(gain: Shape, frames: Shape) -> bool:
    """Whether a gain reference, turned or not, is of the frames' size or 2 or 4 times finer or coarser."""
    return any(
        (ny * factor, nx * factor) == frames or (ny, nx) == (frames[0] * factor, frames[1] * factor)
        for ny, nx in (gain, gain[::-1])
        for factor in FACTORS
    )


def _size(shape: Shape) -> str:
    return f"{shape[1]} x {shape[0]} px"


def _error(header: ImageHeader, fact: str, hint: str) -> Mapping[str, Any]:
    return DataError(
        f"{header.path}: {fact}",
        hint=hint,
        path=str(header.path),
        frames=header.n_frames,
        shape=list(header.shape),
    ).to_dict()
