"""Files beside a simulated movie: counts, mdoc, defects, settings, and the truth."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.core.optics import Ctf
from vitreous.formats.base import write_text
from vitreous.formats.star import write_star
from vitreous.formats.star_block import StarBlock

_EER_COUNTS = 0.02


def write_movie(
    path: Path,
    frames: Iterable[np.ndarray],
    *,
    shape: tuple[int, int],
    n_frames: int,
    pixel_size: float,
    mean_counts: float,
    total_dose: float,
    seed: int,
) -> None:
    """Write counts ``[y, x]`` frame by frame as MRC, LZW TIFF or EER, by the suffix of ``path``.

    Counts are stored in 8 bits, in 16 where the mean passes 30 counts. An EER frame is cut into raw frames of at most
    0.02 counts per pixel, each count falling into one of them at random; two in one pixel count once there (1 %).
    """
    from vitreous.formats.eer_write import write_eer
    from vitreous.formats.mrc_write import MrcStackWriter
    from vitreous.formats.tiff_write import TiffStackWriter

    small = mean_counts < 30
    if path.suffix == ".eer":
        raw = max(1, math.ceil(mean_counts / _EER_COUNTS))
        events = _events(frames, raw, seed)
        write_eer(path, events, shape=shape, upsampling=1, pixel_size=pixel_size, total_dose=total_dose, seed=seed)
        return
    if path.suffix == ".mrc":
        kind = "int8" if small else "uint16"
        writer: Any = MrcStackWriter(path, shape, kind, pixel_size=pixel_size)
    else:
        kind = "uint8" if small else "uint16"
        writer = TiffStackWriter(path, shape, kind, pixel_size=pixel_size, n_frames=n_frames)
    most = np.iinfo(kind).max
    with writer:
        for frame in frames:
            writer.append(np.minimum(frame, most).astype(kind))


def _events(frames: Iterable[np.ndarray], raw: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(seed)
    for frame in frames:
        flat = np.repeat(np.arange(frame.size), frame.astype(np.int64).reshape(-1))
        turn = random.integers(0, raw, len(flat))
        order = np.argsort(turn, kind="stable")
        bounds = np.searchsorted(turn[order], np.arange(raw + 1))
        for k in range(raw):
            spot = flat[order[bounds[k] : bounds[k + 1]]]
            yield spot % frame.shape[1], spot // frame.shape[1]


def defects_text(shape: tuple[int, int], columns: Iterable[int], pixels: Iterable[tuple[int, int]]) -> str:
    """SerialEM's defects file: origin at the top left of the TIFF, so rows are counted from the top."""
    ny, nx = shape
    lines = [f"CameraSizeX {nx}", f"CameraSizeY {ny}", "RotationAndFlip 0", "WasScaled 0", "UsableArea 0 0 0 0"]
    columns, pixels = list(columns), list(pixels)
    for start in range(0, len(columns), 20):
        lines.append("BadColumns " + " ".join(str(c) for c in columns[start : start + 20]))
    for start in range(0, len(pixels), 10):
        lines.append("BadPixels " + " ".join(f"{x} {ny - 1 - y}" for x, y in pixels[start : start + 10]))
    return "\n".join(lines) + "\n"


def mdoc_text(movie: str, *, pixel_size: float, voltage: float, dose: float, frames: int, defocus: float) -> str:
    """SerialEM's metadata of one frame set: doses in e/Å², defocus in µm (underfocus negative)."""
    return (
        f"Voltage = {voltage:g}\n\n[FrameSet = 0]\nPixelSpacing = {pixel_size:g}\nExposureDose = {dose * frames:g}\n"
        f"TargetDefocus = {-defocus / 1e4:.2f}\nSubFramePath = {movie}\nNumSubFrames = {frames}\n"
        f"FrameDosesAndNumber = {dose:g} {frames}\nGainReference = gain.mrc\nDefectFile = defects.txt\n"
    )


def settings_text(values: dict[str, float]) -> str:
    """Acquisition settings in TOML, as ``--settings`` reads them."""
    return "[acquisition]\n" + "".join(f"{name} = {float(value)!r}\n" for name, value in values.items())


def write_particles(
    path: Path,
    movie: str,
    positions: np.ndarray,
    angles: np.ndarray,
    kinds: np.ndarray,
    ctf: Ctf,
    settings: dict[str, float],
) -> None:
    """True particles in RELION 3.1's STAR: px from 0, degrees, Å; the class is the specimen's number from 1."""
    count = len(positions)
    optics: dict[str, Any] = {
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnOpticsGroup": [1],
        "rlnMicrographPixelSize": [settings["pixel_size"]],
        "rlnVoltage": [settings["voltage"]],
        "rlnSphericalAberration": [settings["spherical_aberration"]],
        "rlnAmplitudeContrast": [settings["amplitude_contrast"]],
    }
    particles: dict[str, Any] = {
        "rlnMicrographName": [movie] * count,
        "rlnCoordinateX": positions[:, 0],
        "rlnCoordinateY": positions[:, 1],
        "rlnAngleRot": angles[:, 0],
        "rlnAngleTilt": angles[:, 1],
        "rlnAnglePsi": angles[:, 2],
        "rlnOriginXAngst": np.zeros(count),
        "rlnOriginYAngst": np.zeros(count),
        "rlnDefocusU": np.full(count, ctf.defocus_u),
        "rlnDefocusV": np.full(count, ctf.defocus_v),
        "rlnDefocusAngle": np.full(count, ctf.astigmatism_angle),
        "rlnPhaseShift": np.full(count, ctf.phase_shift),
        "rlnClassNumber": kinds + 1,
        "rlnOpticsGroup": np.ones(count, dtype=np.int64),
    }
    write_star(path, {"optics": StarBlock(optics), "particles": StarBlock(particles)})


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write the truth as JSON."""
    write_text(path, json.dumps(values, indent=1))
