"""Find how a gain reference lies on raw frames by the pattern that it has to remove.

The average of raw frames is the illumination times the sensitivity of each pixel. Its fine structure therefore agrees
with that of 1/G (G multiplies) or of G (G is a sensitivity) in one orientation, and with the negative of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch.nn.functional import avg_pool2d, pad

from vitreous.algorithms.movies.gain_values import (
    as_image,
    mean_where,
    orient,
    scale_to,
    size_error,
    size_factor,
    usable_entries,
)
from vitreous.core.camera import GAIN_KINDS, ORIENTATIONS, GainKind, Orientation
from vitreous.core.errors import DataError, UsageError

MIN_FRAMES = 30
MIN_COUNTS = 5.0  # per pixel in all frames: then fewer frames do
MIN_MARGIN = 3.0
MIN_SIGNIFICANCE = 6.0
STRENGTH_RANGE = (0.3, 3.0)
WINDOW = 9
"""Pixels of the running means that are taken off: structure coarser than this isn't looked at."""
CLIP = 4.0
SIDES = (2048, 4096)
"""Pixels a side of the central part that is looked at first, and where that is not clear."""
N_SHIFTS = 24


@dataclass(frozen=True)
class Detection:
    """How a gain reference lies on the frames.

    Attributes:
        orientation: how it must be turned.
        kind: what its values mean.
        score: correlation of the fine structure, 0..1.
        margin: score over that of the runner-up (or over the chance level, where that is greater).
        chance: the rms correlation of shifted images.
        significance: score over chance.
        strength: contrast of the pattern in the frames over that of the reference; about 1 for raw frames.
        scores: ``(orientation, kind, score)`` of all that were tried, best first.
    """

    orientation: Orientation
    kind: GainKind
    score: float
    margin: float
    chance: float
    significance: float
    strength: float
    scores: tuple[tuple[Orientation, GainKind, float], ...]


def is_counted(frame: torch.Tensor) -> bool:
    """Whether a frame holds whole numbers not below 0, as raw counted frames do; gain-corrected ones don't."""
    if not frame.is_floating_point():
        return bool((frame >= 0).all())
    return bool(((frame >= 0) & (frame == frame.round())).all())


def detect_orientation(
    average: torch.Tensor,
    n_frames: int,
    gain: torch.Tensor,
    kind: GainKind | None = None,
    orientation: Orientation | None = None,
) -> Detection:
    """Find the orientation (and kind) of a gain reference from the average of raw frames.

    All orientations that fit the size are tried by the correlation of high-passed images. The best is taken where it is
    3 times the runner-up, 6 times the chance level, and as strong as uncorrected frames must show it.

    Args:
        average: mean of raw frames ``[y, x]``, not aligned, row 0 at y = 0.
        n_frames: how many frames (of any number of movies) were averaged.
        gain: reference ``[y, x]`` as read, row 0 at y = 0.
        kind: what its values mean, where that is known; ``None`` tries both.
        orientation: how it must be turned, where that is known and only the kind is asked for; the others are tried
            too, and a better one makes the answer unsure.

    Raises:
        UsageError: fewer than 30 frames and 5 counts per pixel, a size that never fits, or no clear answer: the frames
            may be corrected already, or the reference belongs to other data. The message lists the scores.
        DataError: the reference has too few usable entries, or the average has non-finite values.
    """
    image = _checked_average(average, n_frames)
    relative, good = _relative_entries(gain, (image.shape[0], image.shape[1]))
    # Most references are recognised from a part of the detector; the whole is looked at where that is not clear.
    for side in [SIDES[0], *(great for small, great in pairwise(SIDES) if small < max(image.shape))]:
        found = _detect(
            _central(image, side), _patterns(_central(relative, side), _central(good, side)), kind, orientation
        )
        reason = _why_unsure(found)
        if reason is None:
            return found
    raise _unsure(found, str(reason))


def _detect(
    image: torch.Tensor, patterns: _Patterns, known_kind: GainKind | None, known: Orientation | None
) -> Detection:
    """Rank all orientations by correlation; whether the best is good enough is not asked here."""
    fine = _clipped(_high_pass(_without_outliers(image)))
    power = fine.square()
    rows = []
    for orientation in ORIENTATIONS:
        if orientation.shape_of(patterns.shape) != tuple(fine.shape):
            continue
        image_power = _inner(power, orient(patterns.good, orientation))
        for a_kind in GAIN_KINDS:
            norm = (image_power * patterns.power[a_kind]) ** 0.5
            product = _inner(fine, orient(patterns.fine[a_kind], orientation))
            rows.append((orientation, a_kind, product / norm if norm > 0 else 0.0))
    ranked = sorted(rows, key=lambda row: -row[2])
    # A known orientation competes with all others, so that a wrong one is seen; a known kind excludes the other,
    # whose correlations are the negatives.
    rivals = [row for row in ranked if known_kind in (None, row[1])]
    allowed = [row for row in rivals if known in (None, row[0])]
    if not allowed:
        raise UsageError(
            f"orientation {known} does not bring the gain reference to the frames' size",
            hint="Give another orientation, or none",
        )
    orientation, best_kind, score = allowed[0]
    pattern = orient(patterns.fine[best_kind], orientation)
    chance = _chance_level(fine, pattern, float(patterns.good.sum()))
    scale = float(image.mean(dtype=torch.float64)) * patterns.power[best_kind]
    runner_up = next((row[2] for row in rivals if row is not allowed[0]), 0.0)
    return Detection(
        orientation=orientation,
        kind=best_kind,
        score=score,
        margin=score / max(runner_up, chance),
        chance=chance,
        significance=score / chance,
        strength=_inner(fine, pattern) / scale if scale > 0 else 0.0,
        scores=tuple(ranked),
    )


@dataclass(frozen=True)
class _Patterns:
    """Fine structure of the relative sensitivity that a reference states, by kind; 0 where it states none.

    ``power`` is the sum of the squares of ``fine``; ``good`` is float32, 1 where the reference is usable.
    """

    shape: tuple[int, int]
    fine: dict[GainKind, torch.Tensor]
    power: dict[GainKind, float]
    good: torch.Tensor


def _relative_entries(gain: torch.Tensor, frame_shape: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Entries over their mean at the frames' sampling (1 where not usable), and which are usable; not yet turned."""
    values = as_image(gain, "gain reference")
    shape = (values.shape[0], values.shape[1])
    target = frame_shape if size_factor(shape, frame_shape) is not None else (frame_shape[1], frame_shape[0])
    if size_factor(shape, target) is None:
        raise size_error(shape, frame_shape)
    usable = usable_entries(values)
    usual = mean_where(values, usable)
    scaled, good = scale_to(torch.where(usable, values, usual), usable, target, "multiplicative")
    return torch.where(good, scaled / usual, 1.0), good


def _patterns(relative: torch.Tensor, good: torch.Tensor) -> _Patterns:
    fine: dict[GainKind, torch.Tensor] = {}
    for kind in GAIN_KINDS:
        sensitivity = 1.0 / relative if kind == "multiplicative" else relative
        fine[kind] = _clipped(_high_pass(sensitivity / sensitivity.mean()) * good)
    power = {kind: _inner(values, values) for kind, values in fine.items()}
    return _Patterns((good.shape[0], good.shape[1]), fine, power, good.to(torch.float32))


def _checked_average(average: torch.Tensor, n_frames: int) -> torch.Tensor:
    image = as_image(average, "average of the frames")
    if n_frames < MIN_FRAMES and n_frames * float(image.mean(dtype=torch.float64)) < MIN_COUNTS:
        raise UsageError(
            f"{n_frames} frames are too few to find the orientation of the gain reference; {MIN_FRAMES} are needed, "
            f"or {MIN_COUNTS:g} counts per pixel",
            hint="Average the raw frames of several movies, or give the orientation",
            n_frames=n_frames,
        )
    if min(image.shape) < 4 * WINDOW:
        raise UsageError(
            f"frames of {image.shape[1]} x {image.shape[0]} px are too small to find a gain reference's orientation",
            hint="Give the orientation",
        )
    if not bool(torch.isfinite(image).all()) or not float(image.mean(dtype=torch.float64)) > 0:
        raise DataError(
            "the average of the frames has non-finite values, or its mean is not above 0",
            hint="Average raw counted frames",
        )
    return image


def _central(image: torch.Tensor, side: int) -> torch.Tensor:
    """The central part of at most ``side`` pixels a side, cut alike at both ends so that turning keeps it."""
    starts = [(max(0, n - side) + 1) // 2 for n in image.shape]
    return image[starts[0] : image.shape[0] - starts[0], starts[1] : image.shape[1] - starts[1]]


def _without_outliers(image: torch.Tensor) -> torch.Tensor:
    """Hot pixels and X-rays cut to 6 standard deviations above the mean; twice, as they widen the first."""
    for _ in range(2):
        deviation, mean = torch.std_mean(image)
        image = image.clamp(mean - 6 * deviation, mean + 6 * deviation)
    return image


def _high_pass(image: torch.Tensor) -> torch.Tensor:
    """Image less its running mean along y, then along x.

    Each factor removes what is constant along its axis, so that bad rows and columns, steps of read-out tiles and the
    specimen's coarse structure are gone. These look alike after a flip and would make orientations ambiguous.
    """
    half = WINDOW // 2
    stack = image[None, None]
    stack = stack - avg_pool2d(pad(stack, (0, 0, half, half), mode="reflect"), (WINDOW, 1), 1)
    stack = stack - avg_pool2d(pad(stack, (half, half, 0, 0), mode="reflect"), (1, WINDOW), 1)
    return stack[0, 0]


def _clipped(fine: torch.Tensor) -> torch.Tensor:
    """Cut to 4 standard deviations, so that no few pixels decide."""
    limit = CLIP * fine.std()
    return fine.clamp(-limit, limit)


def _inner(first: torch.Tensor, second: torch.Tensor) -> float:
    """Inner product: float32 within rows, double over them, which is exact enough and fast."""
    return float(torch.linalg.vecdot(first, second).sum(dtype=torch.float64))


def _chance_level(fine: torch.Tensor, pattern: torch.Tensor, n_good: float) -> float:
    """Rms correlation of images shifted so far that only chance (or a repeating pattern) makes them agree."""
    ny, nx = fine.shape
    norm = (_inner(fine, fine) * _inner(pattern, pattern)) ** 0.5
    total = 0.0
    for index in range(1, N_SHIFTS + 1):
        # Multiples of two irrational fractions spread the shifts evenly and keep them off rows and columns.
        dy = int(ny * (0.1 + 0.8 * ((index * 0.618034) % 1.0)))
        dx = int(nx * (0.1 + 0.8 * ((index * 0.414214) % 1.0)))
        total += (_inner(torch.roll(fine, (dy, dx), (0, 1)), pattern) / norm) ** 2 if norm > 0 else 0.0
    # Uncorrelated pixels can't fall below this.
    return max((total / N_SHIFTS) ** 0.5, max(1.0, n_good) ** -0.5)


def _why_unsure(found: Detection) -> str | None:
    """What speaks against the best orientation, or ``None``."""
    low, high = STRENGTH_RANGE
    if found.significance < MIN_SIGNIFICANCE:
        return f"the best of them is only {max(0.0, found.significance):.1f} times the chance level"
    if found.margin < MIN_MARGIN:
        return f"the best of them is only {found.margin:.2f} times the next one"
    if not low <= found.strength <= high:
        return f"the pattern is {found.strength:.2g} times as strong as in uncorrected frames"
    return None


def _unsure(found: Detection, reason: str) -> UsageError:
    hint = (
        "Give orientation and kind. Where the frames are gain-corrected already, leave the gain reference out; "
        "where it belongs to other data, give the right one"
    )
    top = found.scores[0]
    if top[:2] != (found.orientation, found.kind) and top[2] > MIN_SIGNIFICANCE * found.chance:
        hint = f"It would fit as {top[1]} with orientation {top[0]}: give these"
    listed = ", ".join(f"{o} {k} {score:+.4f}" for o, k, score in found.scores)
    return UsageError(
        f"the orientation of the gain reference is not clear from the frames: {reason}. Correlations: {listed}",
        hint=hint,
        scores=[[str(o), k, score] for o, k, score in found.scores],
        significance=found.significance,
        margin=found.margin,
        strength=found.strength,
    )
