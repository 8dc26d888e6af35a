"""RELION's table of one movie's motion: blocks general, global_shift, local_motion_model and hot_pixels.

Measured on movies of known motion that relion_run_motioncorr --use_own (3.1.3) aligned (10 frames, 1024 x 768, 5 x 4
patches; rms of the whole motion over a 7 x 7 grid 0.046 Å with these rules, 3 times more with any neighbouring one):

- rlnMicrographShiftX/Y are in pixels of the movie as recorded, whatever the binning; they are the shift that brings a
  frame back, so **minus** the specimen's motion; +y is towards higher rows of the MRC file.
- The 36 coefficients are 18 for x, then 18 for y; index = 3·(term of 1, x, x², y, y², xy) + (power of t - 1); same
  minus sign; x = x_px/nx - ½, y = y_px/ny - ½; t counts frames from rlnMicrographStartFrame (0 there). Their unit is
  the pixel **after** binning (with bin factor 2 they are half as large), unlike the global shifts.
- rlnMicrographStartFrame counts from 1; frames before it have the shift -9999.
- rlnMotionModelVersion is 1 with the polynomial, 0 without (the block is then absent).
- Hot pixels are 0-based (x, y) of the MRC file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.star import StarBlock, read_star, write_star
from vitreous.model.motion import N_COEFFICIENTS, MotionModel

_NOT_OBSERVED = -9999.0
_MAX_FRAMES = 1_000_000


def read_motion_star(path: Path | str) -> MotionModel:
    """Read the motion of one movie as the specimen's motion in Å in our axes.

    Raises:
        DataError: not such a table, or its numbers contradict each other.
    """
    blocks = read_star(path)
    for name in ("general", "global_shift"):
        if name not in blocks:
            raise _error(path, f"block data_{name} is missing")
    general = blocks["general"]
    pixel_size = general.number("rlnMicrographOriginalPixelSize")
    binning = _optional_number(general, "rlnMicrographBinning")
    binning = 1.0 if binning is None else binning
    if not (0.01 < pixel_size < 1000 and 0.01 < binning < 100):
        raise _error(path, f"pixel size {pixel_size:g} Å or binning {binning:g} is out of range")
    first = int(general.integers("rlnMicrographStartFrame")[0]) - 1 if "rlnMicrographStartFrame" in general else 0
    try:
        return MotionModel(
            pixel_size=pixel_size,
            shape=(_size(general, "rlnImageSizeY", path), _size(general, "rlnImageSizeX", path)),
            global_shift=_read_global(blocks["global_shift"], first, path) * -pixel_size + 0.0,
            local_coefficients=_read_local(blocks, pixel_size * binning, path),
            first_frame=first,
            voltage=_optional_number(general, "rlnVoltage"),
            dose_per_frame=_optional_number(general, "rlnMicrographDoseRate"),
            pre_exposure=_optional_number(general, "rlnMicrographPreExposure"),
            movie=_optional_text(general, "rlnMicrographMovieName"),
            gain=_optional_text(general, "rlnMicrographGainName"),
            binning=binning,
            hot_pixels=_read_hot_pixels(blocks),
        )
    except UsageError as error:
        raise _error(path, error.message) from error


def write_motion_star(path: Path | str, model: MotionModel) -> None:
    """Write the table atomically, as RELION 3.1 reads it."""
    ny, nx = model.shape
    general: dict[str, list[float | int | str]] = {
        "rlnImageSizeX": [nx],
        "rlnImageSizeY": [ny],
        "rlnImageSizeZ": [model.n_frames],
    }
    optional: dict[str, float | str | None] = {
        "rlnMicrographMovieName": model.movie,
        "rlnMicrographGainName": model.gain,
        "rlnMicrographBinning": float(model.binning),
        "rlnMicrographOriginalPixelSize": float(model.pixel_size),
        "rlnMicrographDoseRate": model.dose_per_frame,
        "rlnMicrographPreExposure": model.pre_exposure,
        "rlnVoltage": model.voltage,
    }
    general |= {name: [value] for name, value in optional.items() if value is not None}
    general |= {
        "rlnMicrographStartFrame": [model.first_frame + 1],
        "rlnMotionModelVersion": [0 if model.local_coefficients is None else 1],
    }
    shift = np.round(model.global_shift / -model.pixel_size, 6) + 0.0
    shift[: model.first_frame] = _NOT_OBSERVED
    blocks = {
        "general": StarBlock(general, False),
        "global_shift": StarBlock(
            {
                "rlnMicrographFrameNumber": np.arange(1, model.n_frames + 1),
                "rlnMicrographShiftX": shift[:, 0],
                "rlnMicrographShiftY": shift[:, 1],
            }
        ),
    }
    if model.local_coefficients is not None:
        coefficients = _significant(model.local_coefficients.ravel() / -(model.pixel_size * model.binning))
        blocks["local_motion_model"] = StarBlock(
            {"rlnMotionModelCoeffsIdx": np.arange(2 * N_COEFFICIENTS), "rlnMotionModelCoeff": coefficients}
        )
    hot = model.hot_pixels.astype(np.float64)
    blocks["hot_pixels"] = StarBlock({"rlnCoordinateX": hot[:, 0], "rlnCoordinateY": hot[:, 1]})
    write_star(path, blocks)


def _significant(values: np.ndarray) -> np.ndarray:
    """The numbers to 8 digits: the last bits of a sum may differ between equal runs, and files of results must not."""
    return np.array([float(f"{value:.8g}") for value in values]) + 0.0


def _read_global(block: StarBlock, first: int, path: Path | str) -> np.ndarray:
    """Shifts in recorded pixels ``[n_frames, 2]``; NaN where not observed."""
    n = len(block)
    if not 0 < n <= _MAX_FRAMES or not 0 <= first < n:
        raise _error(path, f"{n} frames with first frame {first + 1}")
    if not np.array_equal(block.integers("rlnMicrographFrameNumber"), np.arange(1, n + 1)):
        raise _error(path, "the frames of data_global_shift are not numbered 1, 2, 3 …")
    shift = block.numbers("rlnMicrographShiftX", "rlnMicrographShiftY").copy()
    shift[:first] = np.nan
    if not (np.isfinite(shift[first:]) & (shift[first:] > _NOT_OBSERVED)).all():
        raise _error(path, "a used frame has no shift")
    return shift


def _read_local(blocks: dict[str, StarBlock], scale: float, path: Path | str) -> np.ndarray | None:
    if "local_motion_model" not in blocks:
        return None
    block = blocks["local_motion_model"]
    index = block.integers("rlnMotionModelCoeffsIdx")
    if not np.array_equal(np.sort(index), np.arange(2 * N_COEFFICIENTS)):
        raise _error(path, "the local motion model has not the coefficients 0 to 35")
    coefficients = block.numbers("rlnMotionModelCoeff")[np.argsort(index)]
    return coefficients.reshape(2, N_COEFFICIENTS) * -scale + 0.0


def _read_hot_pixels(blocks: dict[str, StarBlock]) -> np.ndarray:
    if "hot_pixels" not in blocks or not len(blocks["hot_pixels"]):
        return np.zeros((0, 2), np.int64)
    block = blocks["hot_pixels"]
    return np.stack([block.integers("rlnCoordinateX"), block.integers("rlnCoordinateY")], axis=1)


def _size(general: StarBlock, name: str, path: Path | str) -> int:
    size = int(general.integers(name)[0])
    if not 0 < size < 1_000_000:
        raise _error(path, f"{name} is {size}")
    return size


def _optional_number(block: StarBlock, name: str) -> float | None:
    return block.number(name) if name in block else None


def _optional_text(block: StarBlock, name: str) -> str | None:
    return (block.value(name) or None) if name in block else None


def _error(path: Path | str, message: str) -> DataError:
    return DataError(f"{path}: {message}", hint="Give the STAR file of one movie's motion", path=str(path))
