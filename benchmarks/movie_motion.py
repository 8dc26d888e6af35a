"""Motion correction of simulated movies by Vitreous and by RELION in one run: CPU time, and error against the truth."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from measuring import ROOT, SHARED_DATA, Usage, run_command

VITREOUS = Path(sys.executable).with_name("vitreous")
PIXEL_SIZE, VOLTAGE, DOSE, FRAMES, SIDE = 1.3, 300.0, 1.3, 30, 2048
SIMULATION = (
    f"--frames {FRAMES} --size {SIDE} --pixel-size {PIXEL_SIZE} --dose-per-frame {DOSE} --voltage {VOLTAGE} --drift 10 "
    "--local-motion 3 --format mrc --gain-scatter 0 --dead-columns 0 --dead-pixels 0 --hot-pixels 0 --seed 11"
).split()
MOTION = f"--pixel-size {PIXEL_SIZE} --voltage {VOLTAGE} --dose-per-frame {DOSE} --patches 4x4 --threads 1".split()
RELION = (
    "--use_own --patch_x 4 --patch_y 4 --bin_factor 1 --bfactor 150 --dose_weighting "
    f"--dose_per_frame {DOSE} --preexposure 0 --j 1"
).split()


@dataclass(frozen=True)
class Movie:
    """A simulated movie and its truth: CTF, and the specimen's motion ``[frame, y, x, 2]`` in Å from frame 1 on."""

    path: Path
    ctf: dict[str, float]
    x: np.ndarray
    y: np.ndarray
    shift: np.ndarray


def simulated(folder: Path, number: int) -> list[Movie]:
    """The first ``number`` movies of a folder; made there where they are missing."""
    if len(list(folder.glob("*_truth.json"))) < number:
        groel = SHARED_DATA / "models" / "1MNF.pdb.gz"
        specimen: list[str | Path] = [groel] if groel.is_file() else [ROOT / "examples" / "5me2.pdb"]
        if not groel.is_file():
            specimen += ["--symmetry", "O", "--radius", "60"]
        print(f"simulating {number} movies in {folder} …", flush=True)
        run_command([VITREOUS, "simulate", *specimen, "--movies", str(number), *SIMULATION, "--out", folder.resolve()])
    return [_movie(path) for path in sorted(folder.glob("*_truth.json"))[:number]]


def _movie(truth: Path) -> Movie:
    record = json.loads(truth.read_text())
    way = record["trajectory"]
    shift = np.array(way["shift"])
    return Movie(
        truth.parent / record["movie"], record["ctf"], np.array(way["x"]), np.array(way["y"]), shift - shift[0]
    )


def motion_command(movies: Sequence[Movie], out: Path) -> Usage:
    """Run ``vitreous motion`` on movies."""
    return run_command([VITREOUS, "motion", *[one.path.resolve() for one in movies], *MOTION, "--out", out.resolve()])


def relion_command(movies: Sequence[Movie], folder: Path) -> Usage:
    """Run RELION's own motion correction on the same files, seen through links that end in .mrcs."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for one in movies:
        (folder / f"{one.path.stem}.mrcs").symlink_to(one.path.resolve())
    columns = ("OpticsGroupName", "OpticsGroup", "MicrographOriginalPixelSize", "Voltage", "SphericalAberration",
               "AmplitudeContrast")  # fmt: skip
    optics = "\n".join(f"_rln{name} #{number}" for number, name in enumerate(columns, 1))
    rows = "\n".join(f"{one.path.stem}.mrcs 1" for one in movies)
    (folder / "movies.star").write_text(
        f"data_optics\n\nloop_\n{optics}\nopticsGroup1 1 {PIXEL_SIZE} {VOLTAGE} 2.7 0.07\n\n\n"
        f"data_movies\n\nloop_\n_rlnMicrographMovieName #1\n_rlnOpticsGroup #2\n{rows}\n"
    )
    return run_command(["relion_run_motioncorr", "--i", "movies.star", "--o", "out/", *RELION], folder)


def has_relion() -> bool:
    """Whether RELION's motion correction is installed."""
    return shutil.which("relion_run_motioncorr") is not None


def motion_of_star(path: Path, movie: Movie) -> np.ndarray:
    """Motion in a RELION table at the truth's points, ``[frame, y, x, 2]``, Å relative to the first frame."""
    from vitreous.formats.motion_star import read_motion_star

    model = read_motion_star(path)
    frame = np.arange(model.n_frames)[:, None, None]
    shift = model.shift_at(frame, movie.x[None, None, :], movie.y[None, :, None])
    return shift - shift[0]


def motion_of_json(path: Path, movie: Movie) -> np.ndarray:
    """Motion in the JSON of ``vitreous motion``, which has the truth's points."""
    way = json.loads(path.read_text())["trajectory"]
    if not (np.allclose(way["x"], movie.x) and np.allclose(way["y"], movie.y)):
        raise SystemExit(f"{path}: the trajectory is at other points than the truth")
    shift = np.array(way["shift"])
    return shift - shift[0]


def rms(difference: np.ndarray) -> float:
    """√⟨dx² + dy²⟩."""
    return float(np.sqrt((difference**2).sum(-1).mean()))


def errors(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Errors of one movie in Å: of the mean over the grid and of the whole motion.

    ``_first`` compares as both are written, relative to the first frame; the others take away the best constant offset
    over the frames, at each point, first: what the sum of the frames sees.
    """
    difference = found - truth
    whole = difference.mean((1, 2))
    return {
        "whole_frame": rms(whole - whole.mean(0)),
        "whole_frame_first": rms(whole),
        "motion": rms(difference - difference.mean(0)),
        "motion_first": rms(difference),
    }


def mean_errors(each: Sequence[dict[str, float]]) -> dict[str, float]:
    """Root of the mean square over movies."""
    return {name: round(float(np.sqrt(np.mean([one[name] ** 2 for one in each]))), 4) for name in each[0]}


def fft_floor(frames: int = FRAMES, side: int = SIDE) -> float:
    """CPU seconds of one thread for the forward transforms of one movie's frames alone; the best of three."""
    import torch

    torch.set_num_threads(1)
    image = torch.randn(side, side)
    torch.fft.rfft2(image)
    times = []
    for _ in range(3):
        start = time.process_time()
        for _ in range(frames):
            torch.fft.rfft2(image)
        times.append(time.process_time() - start)
    return min(times)


def start_up(times: int = 7) -> Usage:
    """Median of ``vitreous --help``."""
    runs = [run_command([VITREOUS, "--help"]) for _ in range(times)]
    return Usage(statistics.median(run.cpu for run in runs), statistics.median(run.wall for run in runs), 0.0)


def side_by_side(movies: Sequence[Movie], work: Path, rounds: int) -> dict[str, Any]:
    """Time and error of both programs: their commands take turns, and the best round of each counts."""
    ours, theirs = work / "vitreous", work / "relion"
    motion_command(movies[:1], ours)  # not counted: kernels are compiled once after installation
    single, several, relion = [], [], []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds} …", flush=True)
        single.append(motion_command(movies[:1], ours).cpu)
        several.append(motion_command(movies, ours).cpu)
        if has_relion():
            relion.append(relion_command(movies, theirs).cpu)
    n = len(movies)
    marginal = (min(several) - min(single)) / (n - 1) if n > 1 else None
    stems = [(one, one.path.stem) for one in movies]
    each = {
        "vitreous": [errors(motion_of_json(ours / f"{stem}.json", one), one.shift) for one, stem in stems],
        "vitreous_star": [errors(motion_of_star(ours / f"{stem}.star", one), one.shift) for one, stem in stems],
    }
    if relion:
        each["relion"] = [
            errors(motion_of_star(theirs / "out" / f"{stem}.star", one), one.shift) for one, stem in stems
        ]
    return {
        "movies": n,
        "cpu_rounds": {"one_movie": single, "vitreous": several, "relion": relion},
        "cpu_per_movie": min(several) / n,
        "cpu_marginal": marginal,
        "relion_cpu_per_movie": min(relion) / n if relion else None,
        "errors": {name: mean_errors(values) for name, values in each.items()},
        "errors_each": each,
        "fft_cpu": fft_floor(),
    }
