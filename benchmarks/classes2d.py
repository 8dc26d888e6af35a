"""2D classification against RELION: CPU time, memory, and how good the classes are, in one run.

``python benchmarks/classes2d.py --folder bench/classes2d`` makes the simulated sets, runs ``vitreous classify2d`` and
``relion_refine`` on the same particles with one thread each, compares every class average with the true maps, prints a
table, and writes a record and pictures. ``--keep-relion`` takes the figures of an earlier RELION run in the folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from PIL import Image

from class_pictures import montage, pictured
from class_quality import MASK_DIAMETER, Classes, Match, Matcher, measure, read_classes, read_truth
from measuring import RESULTS, ROOT, Usage, machine, run_command, slug, write_results
from particle_sets import SETS, make_set

CLASSES = 20
ITERATIONS = 25
RATIO_WANTED = 15.0
SHOWN = (
    ("cpu", "CPU time, s", "{:.1f}"),
    ("memory", "peak memory, MB", "{:.0f}"),
    ("resolution", "resolution, all classes, Å", "{:.2f}"),
    ("alive", "classes alive", "{}"),
    ("alive_share", "particles in them", "{:.3f}"),
    ("alive_resolution", "their resolution, Å", "{:.2f}"),
    ("purity", "purity", "{:.3f}"),
    ("view_spread", "view spread, degrees", "{:.1f}"),
    ("pose_spread", "pose spread, degrees", "{:.1f}"),
    ("shift_error", "shift error, Å", "{:.1f}"),
)


_LAUNCHER = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.call(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
wall = time.perf_counter() - start
taken = {"cpu": used.ru_utime + used.ru_stime, "wall": wall, "memory": used.ru_maxrss * 1024 / 1e9}
open(sys.argv[1], "w").write(json.dumps(taken))
sys.exit(code)
"""


def run_apart(words: list[str | Path], folder: Path) -> Usage:
    """Run a command behind a small launcher: a peak counted from here would never be below this process's own."""
    record = folder / ".usage.json"
    run_command([sys.executable, "-I", "-S", "-c", _LAUNCHER, record, *words], folder)
    taken = json.loads(record.read_text())
    record.unlink()
    return Usage(**taken)


def run_vitreous(folder: Path, out: Path, seed: int, extra: list[str]) -> Usage:
    """The plain command, as a user would give it."""
    shutil.rmtree(out, ignore_errors=True)
    command: list[str | Path] = [
        Path(sys.executable).parent / "vitreous", "classify2d", folder / "particles.star", "--classes", str(CLASSES),
        "--mask-diameter", str(MASK_DIAMETER), "--seed", str(seed), "--threads", "1", "--device", "cpu",
        "--out", out, *extra,
    ]  # fmt: skip
    return run_apart(command, folder)


def run_relion(folder: Path, out: Path) -> Usage:
    """RELION 3.1 with the values of its form for 2D classification."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    words = (
        f"relion_refine --i particles.star --o {out.relative_to(folder)}/run --iter {ITERATIONS} --K {CLASSES} --ctf "
        f"--tau2_fudge 2 --particle_diameter {MASK_DIAMETER:g} --psi_step 12 --offset_range 5 --offset_step 2 "
        "--oversampling 1 --norm --scale --flatten_solvent --zero_mask --pad 2 --dont_combine_weights_via_disc "
        "--pool 3 --j 1 --random_seed 1"
    ).split()
    usage = run_apart([*words], folder)
    (out / "usage.json").write_text(json.dumps({"cpu": usage.cpu, "wall": usage.wall, "memory_GB": usage.memory}))
    return usage


def earlier_relion(out: Path) -> Usage:
    """What an earlier run took; a run that is not there ends the benchmark."""
    path = out / "usage.json"
    if not path.is_file():
        raise SystemExit(f"{path}: there is no earlier run of RELION; leave --keep-relion away")
    known = json.loads(path.read_text())
    return Usage(known["cpu"], known["wall"], known["memory_GB"])


def with_usage(usage: Usage, figures: dict[str, Any]) -> dict[str, Any]:
    """One record: what it took (s, MB) and how good it is."""
    taken = {"cpu": round(usage.cpu, 2), "wall": round(usage.wall, 2), "memory": round(usage.memory * 1000.0, 1)}
    return {**taken, **{k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}}


def relion_result(folder: Path, keep: bool, matcher: Matcher) -> tuple[dict[str, Any], Classes, list[Match]]:
    """Run RELION, or take its earlier run; measure it."""
    out = folder / "relion"
    usage = earlier_relion(out) if keep else run_relion(folder, out)
    last = sorted(out.glob("run_it*_classes.mrcs"))[-1]
    classes = read_classes(last, last.with_name(last.name.replace("_classes.mrcs", "_data.star")))
    figures, matches = measure(classes, matcher.truth, matcher)
    origin = "an earlier run, its figures taken over" if keep else "this run"
    return {"from": origin, "iterations": int(last.name[6:9]), **with_usage(usage, figures)}, classes, matches


def one_set(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """All of one set: ours for each seed, RELION's, and the picture."""
    folder = make_set(name, options.folder / name)
    matcher = Matcher(read_truth(folder))
    runs, rows = [], []
    for seed in options.seeds:
        out = folder / f"vitreous_{seed}"
        usage = run_vitreous(folder, out, seed, options.extra)
        classes = read_classes(out / "classes.mrcs", out / "particles.star")
        figures, matches = measure(classes, matcher.truth, matcher)
        runs.append({"seed": seed, **with_usage(usage, figures)})
        if seed == options.seeds[0]:
            rows += pictured("Vitreous", classes, matches, matcher)
    record: dict[str, Any] = {"particles": SETS[name].count, "box": SETS[name].box, "vitreous": runs}
    if not options.no_relion:
        record["relion"], classes, matches = relion_result(folder, options.keep_relion, matcher)
        rows += pictured("RELION", classes, matches, matcher)
    montage(rows, options.folder / f"classes2d-{name}.png")
    return record


def middle(runs: list[dict[str, Any]], key: str) -> float:
    """Median of a figure over the seeds."""
    return float(median(run[key] for run in runs))


def show(name: str, record: dict[str, Any]) -> list[str]:
    """Print the table of a set; what was asked for and is not met."""
    runs, other = record["vitreous"], record.get("relion")
    print(f"\nset {name}: {record['particles']} particles of {record['box']}² px, K = {CLASSES}, one thread;")
    print(
        f"Vitreous: median of seeds {[run['seed'] for run in runs]}" + (f"; RELION: {other['from']}" if other else "")
    )
    print(f"{'':30}{'Vitreous':>12}{'RELION':>12}{'ratio':>9}")
    for key, words, form in SHOWN:
        mine = middle(runs, key)
        text = f"{words:30}{form.format(mine):>12}"
        if other:
            ratio = f"{other[key] / mine:.2f}" if mine else ""
            text += f"{form.format(other[key]):>12}{ratio:>9}"
        print(text)
    if not other:
        return []
    wanted = {
        f"CPU ratio of {RATIO_WANTED:g} or more": other["cpu"] / middle(runs, "cpu") >= RATIO_WANTED,
        "memory not above RELION's": middle(runs, "memory") <= other["memory"],
        "resolution as good": middle(runs, "resolution") <= other["resolution"],
        "as many classes alive": middle(runs, "alive") >= other["alive"],
        "purity as high": middle(runs, "purity") >= other["purity"],
    }
    return [f"set {name}: {what}" for what, met in wanted.items() if not met]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "bench" / "classes2d", help="where all is made")
    parser.add_argument("--sets", nargs="+", choices=sorted(SETS), default=["one", "two"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3], help="of our runs; the median counts")
    parser.add_argument("--keep-relion", action="store_true", help="take RELION's earlier run in the folder")
    parser.add_argument("--no-relion", action="store_true", help="leave RELION out")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the figures")
    parser.add_argument("--extra", nargs=argparse.REMAINDER, default=[], help="more words for vitreous classify2d")
    options = parser.parse_args()
    if not options.no_relion and not options.keep_relion and shutil.which("relion_refine") is None:
        raise SystemExit("relion_refine is not installed here: give --no-relion, or --keep-relion with an earlier run")
    torch.set_num_threads(1)
    options.folder = options.folder.resolve()
    options.folder.mkdir(parents=True, exist_ok=True)
    hardware = machine()
    records = {name: one_set(name, options) for name in options.sets}
    missed = [line for name, record in records.items() for line in show(name, record)]
    print("\n" + "\n".join(f"NOT MET: {line}" for line in missed) if missed else "\nall that was asked for is met")
    extra = {"extra": options.extra} if options.extra else {}
    path = write_results("classes2d", hardware["cpu"], {"hardware": hardware, **extra, "sets": records}, options.out)
    for name in options.sets:
        with Image.open(options.folder / f"classes2d-{name}.png") as picture:
            picture.convert("L").quantize(32).save(path.with_name(f"classes2d-{slug(name)}.png"), optimize=True)
    print(f"written to {path}")


if __name__ == "__main__":
    main()
