"""How a camera's reference images lie on its frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from vitreous.core.errors import UsageError

GainKind = Literal["multiplicative", "sensitivity"]
"""multiplicative: corrected = raw x gain; sensitivity: corrected = raw x mean(gain) / gain."""

GAIN_KINDS: tuple[GainKind, ...] = get_args(GainKind)


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways in which a reference can lie on the frames.

    Seen with y upwards (row 0 at the bottom): the reference is first turned upside down (y becomes -y) where ``flip``
    is set, then rotated counter-clockwise by ``rotation`` quarter turns. Its text is the angle in degrees, with
    ``flip`` before it: ``0``, ``90``, ``180``, ``270``, ``flip``, ``flip-90``, ``flip-180`` (mirrors left and right),
    ``flip-270``.

    Attributes:
        rotation: quarter turns counter-clockwise, 0..3.
        flip: turned upside down before the rotation.
    """

    rotation: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        if self.rotation not in (0, 1, 2, 3):
            raise UsageError(
                f"{self.rotation} quarter turns are none of 0, 1, 2, 3", hint="Give quarter turns counter-clockwise"
            )

    def __str__(self) -> str:
        angle = str(90 * self.rotation)
        if not self.flip:
            return angle
        return f"flip-{angle}" if self.rotation else "flip"

    def shape_of(self, shape: tuple[int, int]) -> tuple[int, int]:
        """``(ny, nx)`` that an image of ``shape`` has after it was turned."""
        return (shape[1], shape[0]) if self.rotation % 2 else shape

    @property
    def inverse(self) -> Orientation:
        """The orientation that undoes this one: a flip after a rotation is the reverse rotation after a flip."""
        return self if self.flip else Orientation(-self.rotation % 4)


ORIENTATIONS = tuple(Orientation(rotation, flip) for flip in (False, True) for rotation in range(4))
"""All eight; the first is "as it is"."""

_NAMES = {str(orientation): orientation for orientation in ORIENTATIONS} | {
    "none": Orientation(),
    "flip-0": Orientation(0, True),
    "flip-y": Orientation(0, True),
    "flip-x": Orientation(2, True),
}


def parse_orientation(text: str) -> Orientation:
    """Read an orientation from its text; ``none``, ``flip-y`` and ``flip-x`` are understood too.

    Raises:
        UsageError: the text names none of the eight.
    """
    found = _NAMES.get(text.strip().lower().replace("_", "-").replace("°", ""))
    if found is None:
        known = ", ".join(str(orientation) for orientation in ORIENTATIONS)
        raise UsageError(
            f"{text!r} is no orientation of a gain reference",
            hint=f"Give one of {known}: degrees counter-clockwise, after turning upside down where it says flip",
        )
    return found
