"""How right and how fast movies are processed: simulated movies with truth beside RELION, real signal, memory.

make bench-movies, or python benchmarks/movies.py --help. The table has the figure asked for beside each measured one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from rich.console import Console
from rich.table import Table

from measuring import ROOT, SHARED_DATA, machine, write_results
from movie_images import ctf_of_real, ctf_of_sums, memory_of, real_recovery
from movie_motion import side_by_side, simulated, start_up

Row = tuple[str, str, str]
CURVES = (
    ("whole_frame", "whole-frame error, offset removed / Å", "≤ 0.15"),
    ("whole_frame_first", "whole-frame error, from frame 1 / Å", ""),
    ("motion", "whole motion error, offset removed / Å", "≤ 0.35 (aim 0.2)"),
    ("motion_first", "whole motion error, from frame 1 / Å", ""),
)


def rows(found: dict[str, Any]) -> Iterator[Row]:
    """Lines of the table: what, measured, asked for."""
    motion = found["motion"]
    relion = motion["relion_cpu_per_movie"]
    for key, title, asked in CURVES:
        figures = motion["errors"]
        beside = f"; RELION {figures['relion'][key]:.3f}" if "relion" in figures else ""
        ours = f"{figures['vitreous'][key]:.3f} (its STAR {figures['vitreous_star'][key]:.3f}){beside}"
        yield title, ours, asked + (", below RELION" if asked else "")
    yield "CPU-s per movie, everything included", f"{motion['cpu_per_movie']:.2f}", ""
    if motion["cpu_marginal"] is not None:
        yield "CPU-s per further movie", f"{motion['cpu_marginal']:.2f}", ""
    if relion:
        yield "RELION, CPU-s per movie", f"{relion:.2f}", "9.4 on another day"
        yield "CPU of RELION / ours, everything included", f"{relion / motion['cpu_per_movie']:.2f}", "≥ 3 (aim 5)"
        if motion["cpu_marginal"]:
            yield "CPU of RELION / ours, per further movie", f"{relion / motion['cpu_marginal']:.2f}", ""
    yield "forward FFTs of all frames, CPU-s", f"{motion['fft_cpu']:.2f}", "the floor"
    yield "our CPU / FFTs, everything included", f"{motion['cpu_per_movie'] / motion['fft_cpu']:.2f}", "reported"
    yield "vitreous --help, CPU / wall / s", f"{found['start_up']['cpu']:.2f} / {found['start_up']['wall']:.2f}", "0.3"
    ctf = found["ctf"]
    yield (
        "defocus error, median / worst / Å",
        "{defocus_error_median:.1f} / {defocus_error_worst:.1f}".format(**ctf),
        "≤ 30 / ≤ 80",
    )
    yield "defocus difference error, median / Å", f"{ctf['difference_error_median']:.1f}", "≤ 70"
    yield "CTF, CPU-s per sum, median / worst", f"{ctf['cpu_median']:.2f} / {ctf['cpu_worst']:.2f}", "≤ 0.4"
    for name, one in found["ctf_real"].items():
        limit = {"epu2.9_example": "4 Å", "fei-extended": "5 Å"}[name]
        measured = f"{one['defocus'] / 1e4:.3f} µm, {one['fit_resolution'] or float('nan'):.2f} Å"
        yield f"{name}: defocus, fit", measured, f"{one['known'] / 1e4:.2f} µm ± 2 %, {limit}"
    for one in found["real_signal"]:
        title = f"{one['name']} thinned ({one['counts']}): drift error / Å"
        yield title, f"{one['whole_frame']:.3f}; whole motion {one['motion']:.3f}", "≤ 0.3"
    for name, (one, asked) in found["memory"].items():
        yield f"peak memory, {name} / GB", f"{one['peak']:.2f} ({one['cpu']:.0f} CPU-s)", asked


def memory(given: argparse.Namespace) -> dict[str, tuple[dict[str, float], str]]:
    """Long movies, where they are asked for."""
    found = {}
    if given.memory_test:
        found["40 x 4096²"] = (memory_of(given.work, 40, (4096, 4096), ".mrc"), "≤ 2.5")
    if given.large:
        found["80 x 7676 x 7420 LZW"] = (memory_of(given.work, 80, (7420, 7676), ".tif"), "≤ 8")
    return found


def main() -> None:
    """Run the benchmark, print the table and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movies", type=int, default=3, help="simulated movies")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each program; the fastest counts")
    parser.add_argument("--data", type=Path, default=ROOT / "bench" / "movies", help="folder of the simulated movies")
    parser.add_argument("--work", type=Path, default=ROOT / "bench", help="folder of what is made on the way")
    parser.add_argument("--real", type=Path, default=SHARED_DATA, help="folder of real data")
    parser.add_argument("--memory-test", action="store_true", help="measure memory on a 40-frame 4096² movie")
    parser.add_argument("--large", action="store_true", help="measure memory on an 80-frame 7676 x 7420 LZW movie")
    parser.add_argument("--gpu", action="store_true", help="run gpu_movie.py on a CUDA GPU too")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    # Memory is first: a command's peak is never counted below that of the process that starts it.
    found: dict[str, Any] = {"memory": memory(given)}
    movies = simulated(given.data, given.movies)
    found["motion"] = side_by_side(movies, given.work, given.rounds)
    usage = start_up()
    found["start_up"] = {"cpu": usage.cpu, "wall": usage.wall}
    with tempfile.TemporaryDirectory(dir=given.work) as aside:
        found["ctf"] = ctf_of_sums(movies, given.work / "vitreous", Path(aside))
        found["ctf_real"] = ctf_of_real(given.real, Path(aside))
        found["real_signal"] = real_recovery(given.real, Path(aside))
    hardware = machine()
    table = Table("what", "measured", "asked for", title=f"Movies, one thread of {hardware['cpu']}")
    for row in rows(found):
        table.add_row(*row)
    Console(width=150).print(table)
    print("Errors are √⟨dx² + dy²⟩ over frames, the 5 x 5 grid and movies.")
    print("The first run of vitreous motion is not counted: kernels are compiled once after installation.")
    print(f"written to {write_results('movies', hardware['cpu'], {'hardware': hardware, **found})}")
    if given.gpu:
        subprocess.run([sys.executable, ROOT / "benchmarks" / "gpu_movie.py"], check=True)


if __name__ == "__main__":
    main()
