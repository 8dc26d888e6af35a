"""CTFs of aligned sums, real micrographs thinned into movies, and the memory that long movies need."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from measuring import run_command
from movie_motion import PIXEL_SIZE, VITREOUS, VOLTAGE, Movie, rms
from vitreous.core.progress import silent

REAL = (("epu2.9_example", 0.66655, 41.2, 27200.0), ("fei-extended", 0.85378, 47.6, 10500.0))
"""Name, Å/px, e/Å², and the defocus (Å) that others found."""
REAL_FRAMES, REAL_DRIFT = 20, 10.0


def ctf_of_sums(movies: Sequence[Movie], sums: Path, out: Path) -> dict[str, float]:
    """Errors in Å and CPU seconds of ``vitreous ctf``'s job on the aligned sums, one thread, after a warm-up."""
    from vitreous.jobs.ctf import JOB, CtfParams

    run = JOB.start(CtfParams(pixel_size=PIXEL_SIZE, voltage=VOLTAGE, spherical_aberration=2.7))
    run(sums / f"{movies[0].path.stem}.mrc", out, silent)
    mean, difference, cpu = [], [], []
    for movie in movies:
        start = time.process_time()
        found = run(sums / f"{movie.path.stem}.mrc", out, silent)
        cpu.append(time.process_time() - start)
        u, v = movie.ctf["defocus_u"], movie.ctf["defocus_v"]
        mean.append(abs(found["defocus"] - 0.5 * (u + v)))
        difference.append(abs(found["defocus_difference"] - (u - v)))
    return {
        "defocus_error_median": statistics.median(mean),
        "defocus_error_worst": max(mean),
        "difference_error_median": statistics.median(difference),
        "cpu_median": statistics.median(cpu),
        "cpu_worst": max(cpu),
    }


def ctf_of_real(data: Path, out: Path) -> dict[str, Any]:
    """Defocus and fit resolution of the real micrographs that are there."""
    from vitreous.jobs.ctf import JOB, CtfParams

    found = {}
    for name, pixel_size, _, known in REAL:
        path = data / "micrographs" / f"{name}.mrc"
        if path.is_file():
            run = JOB.start(CtfParams(pixel_size=pixel_size, voltage=300.0, spherical_aberration=2.7))
            result = run(path, out, silent)
            found[name] = {"known": known, **{key: result[key] for key in ("defocus", "fit_resolution")}}
    return found


def known_drift(frames: int = REAL_FRAMES, length: float = REAL_DRIFT) -> np.ndarray:
    """A smooth, slowing drift in whole px, ``[frame, 2]``."""
    t = np.arange(frames) / (frames - 1)
    way = length * (1 - np.exp(-3 * t)) / (1 - math.exp(-3))
    return np.rint(np.stack([0.8 * way, -0.6 * way + 1.5 * np.sin(math.pi * t)], -1)).astype(np.int64)


def electrons(image: np.ndarray, expected: float, way: str, seed: int) -> np.ndarray:
    """Counts of about ``expected`` electrons per pixel from an image of scaled counts.

    ``binomial``: each count is kept with the chance that leaves ``expected``; the micrograph's own noise stays in the
    image beside that of the choice, and is common to all frames made from it. ``divided``: values are divided by the
    scale and rounded, so the micrograph's own noise is all there is, and is split; blurred by the camera it is weaker
    than counting noise, so frames are slightly anti-correlated: alignment is then harder than on real frames.
    """
    share = min(1.0, expected / float(image.mean()))
    if way == "divided":
        return np.rint(np.maximum(image, 0) * share).astype(np.float32)
    random = np.random.default_rng(seed)
    return random.binomial(np.maximum(image, 0).astype(np.int64), share).astype(np.float32)


def real_recovery(data: Path, folder: Path) -> list[dict[str, Any]]:
    """Thin each real micrograph into frames of known drift; rms of the drift that is found, Å."""
    import torch

    from vitreous.algorithms.simulate.thin import thin
    from vitreous.formats.images import open_images
    from vitreous.formats.mrc_write import MrcStackWriter
    from vitreous.jobs.motion import JOB
    from vitreous.jobs.motion_params import MotionParams

    shifts = known_drift()
    found = []
    for name, pixel_size, dose, _ in REAL:
        path = data / "micrographs" / f"{name}.mrc"
        if not path.is_file():
            continue
        with open_images(path) as images:
            image = images.frame(0)
        for way in ("binomial", "divided"):
            counts = electrons(image, dose * pixel_size**2, way, 3)
            movie = folder / f"{name}-{way}.mrc"
            frames = thin(torch.from_numpy(counts), torch.from_numpy(shifts), torch.Generator().manual_seed(4))
            shape = tuple(side - 2 * int(np.abs(shifts).max()) for side in counts.shape)
            with MrcStackWriter(movie, (shape[0], shape[1]), "int8", pixel_size=pixel_size) as writer:
                for frame in frames:
                    writer.append(np.minimum(frame.numpy(), 127))
            params = MotionParams(
                pixel_size=pixel_size, voltage=300.0, dose_per_frame=dose / len(shifts), patches=(4, 4)
            )
            result = JOB.start(params)(movie, folder / "aligned", silent)
            difference = np.array(result["trajectory"]["shift"]) - pixel_size * (shifts - shifts[0])[:, None, None]
            whole = difference.mean((1, 2))
            found.append(
                {
                    "name": name,
                    "counts": way,
                    "mean_counts": round(float(image.mean()), 2),
                    "electrons_per_pixel": round(float(counts.mean()), 2),
                    "whole_frame": round(rms(whole - whole.mean(0)), 4),
                    "whole_frame_first": round(rms(whole), 4),
                    "motion": round(rms(difference - difference.mean(0)), 4),
                }
            )
            movie.unlink()
    return found


def memory_of(folder: Path, frames: int, shape: tuple[int, int], suffix: str) -> dict[str, float]:
    """Peak memory (GB), CPU and wall seconds of ``vitreous motion`` on a long 8-bit movie of a moving texture."""
    movie = folder / f"long-{frames}x{shape[1]}x{shape[0]}{suffix}"
    if not movie.is_file():
        print(f"writing {movie} …", flush=True)
        _write_long_movie(movie, frames, shape)
    options = ["--pixel-size", "1", "--voltage", "300", "--dose-per-frame", "1", "--patches", "5x5", "--threads", "1"]
    usage = run_command([VITREOUS, "motion", movie.resolve(), *options, "--out", (folder / "long").resolve()])
    return {"peak": round(usage.memory, 3), "cpu": round(usage.cpu, 1), "wall": round(usage.wall, 1)}


def _write_long_movie(path: Path, frames: int, shape: tuple[int, int]) -> None:
    """Counts of 0 to 2 whose chance follows a coarse texture that moves by a third of a pixel a frame."""
    from vitreous.formats.mrc_write import MrcStackWriter
    from vitreous.formats.tiff_write import TiffStackWriter

    random = np.random.default_rng(5)
    ny, nx = shape
    coarse = random.random((ny // 4 + 32, nx // 4 + 32), dtype=np.float32)
    texture = (256 * (0.35 + 0.3 * coarse)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    writer: Any
    if path.suffix == ".mrc":
        writer = MrcStackWriter(path, shape, "int8", pixel_size=1.0)
    else:
        writer = TiffStackWriter(path, shape, "uint8", pixel_size=1.0, n_frames=frames)
    with writer:
        for number in range(frames):
            chance = texture[number // 3 : number // 3 + ny, number // 4 : number // 4 + nx]
            draws = (np.frombuffer(random.bytes(ny * nx), np.uint8).reshape(ny, nx) for _ in range(2))
            writer.append(sum((draw < chance).view(np.uint8) for draw in draws))
