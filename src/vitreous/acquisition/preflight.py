"""Check a session on its first movies: gain, size, frames, dose, pixel size; and propose what would mend them."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitreous.acquisition.expectations import gain_fits
from vitreous.acquisition.preflight_report import Finding, PreflightReport, PreflightSettings
from vitreous.acquisition.transfer import fingerprint
from vitreous.core.camera import parse_orientation
from vitreous.core.errors import DataError, UsageError, VitreousError
from vitreous.core.progress import Progress, silent
from vitreous.formats.base import ImageHeader
from vitreous.formats.gain import GainReference, read_gain
from vitreous.formats.images import open_images
from vitreous.formats.side_record import Sidecar
from vitreous.formats.sidecar import sidecar_acquisition

MAX_MOVIES = 10
BLACK = 0.1
"""A frame with less than this part of the usual counts is empty."""
CLOSE = 0.02
DOSE_RANGE = (0.75, 1.5)
UNSURE_DOSE_RANGE = (0.6, 2.5)
"""Given over measured dose: ice, filter and coincidence take up to a half of the electrons from the image."""


@dataclass(frozen=True)
class Look:
    """What one movie shows.

    Attributes:
        means: counts per pixel of each frame.
        total: sum of all frames, float64 ``[y, x]``.
        counted: its first frame holds whole numbers not below 0.
        identity: of the file's content.
    """

    header: ImageHeader
    sidecar: Sidecar | None
    means: np.ndarray
    total: np.ndarray
    counted: bool
    identity: str


def check_movies(movies: Sequence[Path], settings: PreflightSettings, progress: Progress = silent) -> PreflightReport:
    """Look at the first movies (3 are well, 10 at most are read) and judge the settings by them.

    Finding the gain's orientation imports the array engine: call this in a worker or a command.

    Raises:
        UsageError: no movie is given, or the gain's orientation is none.
        DataError: the gain reference can't be read.
    """
    if not movies:
        raise UsageError("no movie is given to check", hint="Give 3 to 10 of the first movies")
    gain = None if settings.gain is None else read_gain(settings.gain)
    looks: list[Look] = []
    faults: list[str] = []
    chosen = tuple(Path(movie) for movie in movies[:MAX_MOVIES])
    for number, path in enumerate(chosen):
        progress(0.9 * number / len(chosen), f"reading {path.name}")
        try:
            looks.append(look_at(path))
        except DataError as error:
            faults.append(error.message)
    findings = [_readable(len(chosen), faults)]
    if looks:
        findings += [_frames(looks, settings), _duplicates(looks), _black_frames(looks), _counted(looks, gain)]
        findings += [finding for finding in (_pixel_size(looks, settings), _dose(looks, settings)) if finding]
        if gain is not None:
            progress(0.9, "finding the gain's orientation")
            findings += _gain(looks, gain, settings)
    progress(1.0, "done")
    return PreflightReport(chosen, tuple(findings))


def look_at(path: Path) -> Look:
    """Read a movie once.

    Raises:
        DataError: it or its side file can't be read, or it holds values that are not finite.
    """
    with open_images(path) as images:
        header = images.header
        total = np.zeros(header.shape)
        means = np.empty(header.n_frames)
        counted = False
        for index, frame in enumerate(images.frames()):
            if index == 0:
                counted = bool((frame >= 0).all() and (frame == np.round(frame)).all())
            total += frame
            means[index] = frame.mean(dtype=np.float64)
    if not np.isfinite(means).all():
        raise DataError(f"{path}: a frame holds NaN or infinity", hint="Copy the movie again", path=str(path))
    return Look(header, sidecar_acquisition(path), means, total, counted, fingerprint(path).identity)


def _readable(n: int, faults: list[str]) -> Finding:
    if not faults:
        return Finding("readable", True, f"all {n} movies can be read")
    return Finding("readable", False, f"{len(faults)} of {n} movies can't be read: {faults[0]}")


def _frames(looks: list[Look], settings: PreflightSettings) -> Finding:
    numbers = Counter(look.header.n_frames for look in looks)
    usual = numbers.most_common(1)[0][0]
    shapes = Counter(look.header.shape for look in looks)
    if len(shapes) > 1:
        listed = ", ".join(f"{shape[1]} x {shape[0]} px ({count})" for shape, count in shapes.most_common())
        return Finding("frames", False, f"frames are of several sizes: {listed}")
    if len(numbers) > 1:
        listed = ", ".join(f"{number} ({count} movies)" for number, count in numbers.most_common())
        return Finding("frames", False, f"the movies have different numbers of frames: {listed}", {"frames": usual})
    if settings.frames is not None and settings.frames != usual:
        message = f"the movies have {usual} frames, and {settings.frames} was given"
        return Finding("frames", False, message, {"frames": usual})
    stated = {look.sidecar.n_frames for look in looks if look.sidecar is not None and look.header.format != "eer"}
    if len(stated - {None}) == 1 and stated != {usual}:
        message = f"the movies have {usual} frames, and their side files state {(stated - {None}).pop()}"
        return Finding("frames", False, message)
    nx, ny = looks[0].header.shape[1], looks[0].header.shape[0]
    return Finding("frames", True, f"all movies have {usual} frames of {nx} x {ny} px")


def _duplicates(looks: list[Look]) -> Finding:
    names: dict[str, list[str]] = {}
    for look in looks:
        names.setdefault(look.identity, []).append(look.header.path.name)
    same = [group for group in names.values() if len(group) > 1]
    if not same:
        return Finding("duplicates", True, "all movies differ")
    return Finding("duplicates", False, f"these movies have the same content: {', '.join(same[0])}")


def _black_frames(looks: list[Look]) -> Finding:
    for look in looks:
        usual = float(np.median(look.means))
        black = [index + 1 for index, mean in enumerate(look.means) if mean <= BLACK * max(usual, 0.0)]
        if black:
            some = ", ".join(str(number) for number in black[:5])
            message = f"{look.header.path.name}: {len(black)} of {len(look.means)} frames hold no image (frame {some})"
            leading = black == list(range(1, len(black) + 1)) and len(black) < len(look.means) - 1
            return Finding("black_frames", False, message, {"first_frame": len(black) + 1} if leading else {})
    return Finding("black_frames", True, "no frame is empty")


def _counted(looks: list[Look], gain: GainReference | None) -> Finding:
    counted = all(look.counted for look in looks)
    if counted and gain is None:
        return Finding("counted", None, "the frames are raw counts and no gain reference is given: is one missing?")
    if not counted and gain is not None:
        message = "the frames hold no whole counts: they may be corrected by the gain already"
        return Finding("counted", None, message)
    return Finding("counted", True, "the frames are raw counts" if counted else "the frames are corrected ones")


def _pixel_size(looks: list[Look], settings: PreflightSettings) -> Finding | None:
    """Compare the pixel sizes that header, side file and user state."""
    look = looks[0]
    stated = {
        "given": settings.pixel_size,
        "the side file": None if look.sidecar is None else look.sidecar.pixel_size_of_frames(look.header.shape),
        "the movie's header": look.header.acquisition.pixel_size,
    }
    known = {name: size for name, size in stated.items() if size is not None}
    if not known:
        return Finding("pixel_size", False, "the pixel size is neither given nor in header or side file")
    best_name, best = next(iter(known.items()))
    listed = ", ".join(f"{size:.4g} Å ({name})" for name, size in known.items())
    if all(abs(size - best) <= CLOSE * best for size in known.values()):
        return Finding("pixel_size", True, f"pixel size: {listed}")
    recorded = [size for name, size in known.items() if name != "given"]
    ratio = max(known.values()) / min(known.values())
    reason = "; the factor of 2 hints at super-resolution frames" if abs(ratio - 2) < 2 * CLOSE else ""
    agree = len(recorded) > 1 and abs(recorded[0] - recorded[1]) <= CLOSE * recorded[0]
    if best_name == "given" and (agree or reason):
        return Finding("pixel_size", False, f"pixel sizes differ: {listed}{reason}", {"pixel_size": recorded[0]})
    return Finding("pixel_size", None, f"pixel sizes differ: {listed}{reason}; which is right is not sure")


def _dose(looks: list[Look], settings: PreflightSettings) -> Finding | None:
    """Compare the exposure that was given or recorded with the counts in the frames."""
    look = looks[0]
    sidecar, header = look.sidecar, look.header.acquisition
    beside = None if sidecar is None else sidecar.pixel_size_of_frames(look.header.shape)
    pixel_size = settings.pixel_size or beside or header.pixel_size
    counts = statistics.median(float(look.means.mean()) for look in looks) / settings.counts_per_electron
    if pixel_size is None:
        return Finding("dose", None, f"{counts:.3g} electrons per pixel and frame; without pixel size no dose")
    measured = counts / pixel_size**2
    recorded = None if sidecar is None or sidecar.total_dose is None else sidecar.total_dose / look.header.n_frames
    given, origin = settings.dose_per_frame, "given"
    if given is None:
        given, origin = recorded, "recorded in the side file"
    fact = f"the frames show {measured:.3g} e/Å² each ({counts:.3g} per pixel of {pixel_size:.4g} Å)"
    if not look.counted:
        return Finding("dose", None, f"{fact}, if a count is an electron; the frames hold no whole counts")
    if given is None:
        return Finding("dose", None, f"{fact}; none is given", {"dose_per_frame": round(measured, 4)})
    ratio = given / measured if measured > 0 else float("inf")
    if DOSE_RANGE[0] <= ratio <= DOSE_RANGE[1]:
        return Finding("dose", True, f"{fact}; {given:.3g} is {origin}")
    reason = _reason_of_dose(ratio, look.header.n_frames, pixel_size)
    unsure = not reason and UNSURE_DOSE_RANGE[0] <= ratio <= UNSURE_DOSE_RANGE[1]
    message = f"{fact}, and {given:.3g} is {origin}{reason}" + ("; cameras lose some counts" if unsure else "")
    return Finding("dose", None if unsure else False, message, {"dose_per_frame": round(measured, 4)})


def _reason_of_dose(ratio: float, n_frames: int, pixel_size: float) -> str:
    """The mistake that would explain a ratio of given to measured dose."""
    mistakes = [
        ("the exposure of the whole movie given for a frame", float(n_frames)),
        ("an exposure per pixel given for one per Å²", pixel_size**2),
        ("a pixel size of the other sampling (super-resolution)", 0.25),
        ("a pixel size of the other sampling (super-resolution)", 4.0),
    ]
    for text, factor in mistakes:
        if abs(factor - 1) > 0.3 and DOSE_RANGE[0] <= ratio / factor <= DOSE_RANGE[1]:
            return f": this looks like {text}"
    return ""


def _gain(looks: list[Look], gain: GainReference, settings: PreflightSettings) -> list[Finding]:
    shape = looks[0].header.shape
    sizes = f"the gain reference has {gain.shape[1]} x {gain.shape[0]} px, and the frames {shape[1]} x {shape[0]} px"
    if not gain_fits(gain.shape, shape):
        return [Finding("gain_size", False, sizes)]
    return [Finding("gain_size", True, sizes), _orientation(looks, gain, settings)]


def _orientation(looks: list[Look], gain: GainReference, settings: PreflightSettings) -> Finding:
    """Find how the gain lies on the frames by the fixed pattern that it has to remove."""
    from vitreous.algorithms.movies.gain_from_arrays import detect_from_arrays

    same = [look for look in looks if look.header.shape == looks[0].header.shape]
    n = sum(look.header.n_frames for look in same)
    total = np.sum([look.total for look in same], axis=0)
    kind = gain.kind if settings.gain_kind == "auto" else settings.gain_kind
    given = None if settings.gain_orientation == "auto" else parse_orientation(settings.gain_orientation)
    try:
        found = detect_from_arrays(total, n, gain.array)
    except VitreousError as error:
        return Finding("gain_orientation", None, f"the gain's orientation is not sure: {error.message}")
    fact = (
        f"the gain reference lies on the frames when it is turned by {found.orientation}, and is {found.kind} "
        f"({found.margin:.1f} times clearer than any other way)"
    )
    wrong = [] if given in (None, found.orientation) else [f"{given} was given"]
    wrong += [] if kind in (None, found.kind) else [f"it was said to be {kind}"]
    proposal = {"gain_orientation": str(found.orientation), "gain_kind": found.kind}
    return Finding("gain_orientation", not wrong, "; ".join([fact, *wrong]), proposal if wrong or given is None else {})
