"""How well and how fast particles are picked: simulated micrographs of two specimens, by soft discs and by templates.

Truth and picks are matched one to one within 0.4 diameters. Particles and picks whose centre is nearer to an edge than
a radius and 30 px count neither for nor against, for all methods alike; the simulated particles do not overlap. The
cost is that of the whole job for one micrograph, reading and pictures included, on one thread after import, the least
of three runs (other work on the machine only adds); templates are projected once for all micrographs before. Images are
made once: python benchmarks/picking.py --folder bench/picking
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from scipy.spatial import cKDTree

from measuring import RESULTS, ROOT, SHARED_DATA, machine, write_results
from picking_images import MAP_PIXEL_SIZE, MICROSCOPE, PIXEL_SIZE, SIDE, Scene, Truth, made, specimen
from vitreous.core.progress import silent
from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.particle_parquet import read_particle_parquet
from vitreous.jobs.pick import JOB
from vitreous.jobs.pick_params import PickParams
from vitreous.jobs.pick_run import forget_micrographs

SPECIMENS = {"groel": (None, 165.0), "groel-ring": ("ABCDEFG", 150.0)}
"""GroEL of 800 kDa, and one of its rings of 400 kDa: chains, diameter in Å."""
DEFOCI = (8000.0, 13000.0, 18000.0, 25000.0)
REACH = 0.4
MARGIN = 30.0
REQUIRED = {"blob": 0.90, "template": 0.95}
CPU_LIMIT = 1.0
REPEATS = 3


def scenes() -> list[Scene]:
    """Both specimens at all defoci, in ice of 300 and 400 Å."""
    return [
        Scene(name, chains, diameter, defocus, (300.0, 400.0)[i % 2], 11 + 4 * k + i)
        for k, (name, (chains, diameter)) in enumerate(SPECIMENS.items())
        for i, defocus in enumerate(DEFOCI)
    ]


def matched(found: np.ndarray, truth: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Which picks ``[n, 2]`` and which true positions ``[m, 2]`` have a partner within ``reach`` px, nearest first."""
    hit, seen = np.zeros(len(found), bool), np.zeros(len(truth), bool)
    if not len(found) or not len(truth):
        return hit, seen
    pairs = cKDTree(found).sparse_distance_matrix(cKDTree(truth), reach, output_type="ndarray")
    for pair in np.sort(pairs, order="v"):
        if not (hit[pair["i"]] or seen[pair["j"]]):
            hit[pair["i"]] = seen[pair["j"]] = True
    return hit, seen


def counted(found: np.ndarray, truth: Truth) -> tuple[int, int, int]:
    """Right picks, wrong picks and missed particles, those near the edge left out."""
    edge = 0.5 * truth.scene.diameter / PIXEL_SIZE + MARGIN
    hit, seen = matched(found, truth.positions, REACH * truth.scene.diameter / PIXEL_SIZE)

    def inside(points: np.ndarray) -> np.ndarray:
        return ((points >= edge) & (points <= SIDE - 1 - edge)).all(1)

    inner = inside(truth.positions)
    return int((seen & inner).sum()), int((~hit & inside(found)).sum()), int((~seen & inner).sum())


def figures(right: int, wrong: int, missed: int) -> dict[str, float]:
    """Precision, recall and F1."""
    return {
        "precision": round(right / max(right + wrong, 1), 4),
        "recall": round(right / max(right + missed, 1), 4),
        "f1": round(2 * right / max(2 * right + wrong + missed, 1), 4),
    }


def measured(truths: Sequence[Truth], method: str, templates: Mapping[str, Path], device: str) -> dict[str, Any]:
    """Quality and cost of one method over all micrographs."""
    total, rows, cpu, wall = [0, 0, 0], [], [], []
    with tempfile.TemporaryDirectory() as aside:
        for truth in truths:
            run = JOB.start(_params(truth, method, templates, device))
            if method == "template" and not any(row["specimen"] == truth.scene.specimen for row in rows):
                run(truth.path, Path(aside), silent)  # projects the templates, once for a session
            costs = []
            for _ in range(REPEATS):
                forget_micrographs()
                before, clock = time.process_time(), time.perf_counter()
                result = run(truth.path, Path(aside), silent)
                costs.append((time.process_time() - before, time.perf_counter() - clock))
            cpu.append(min(one for one, _ in costs))
            wall.append(min(one for _, one in costs))
            table = read_particle_parquet(Path(result["outputs"]["picks"]))
            kept = table.take(table["kept"] == 1)
            counts = counted(np.stack((kept["coordinate_x"], kept["coordinate_y"]), 1), truth)
            total = [a + b for a, b in zip(total, counts, strict=True)]
            scene = {"specimen": truth.scene.specimen, "defocus": truth.scene.defocus}
            rows.append({**scene, **figures(*counts), "cpu_seconds": round(cpu[-1], 3)})
            print(method, rows[-1], flush=True)
    return {
        **figures(*total),
        "worst_f1": min(row["f1"] for row in rows),
        "cpu_seconds_median": round(statistics.median(cpu), 3),
        "wall_seconds_median": round(statistics.median(wall), 3),
        "micrographs": rows,
    }


def _params(truth: Truth, method: str, templates: Mapping[str, Path], device: str) -> PickParams:
    ctf = truth.ctf
    return PickParams(
        diameter=truth.scene.diameter,
        method=method,
        templates=templates[truth.scene.specimen] if method == "template" else None,
        pixel_size=PIXEL_SIZE,
        voltage=MICROSCOPE.voltage,
        spherical_aberration=MICROSCOPE.spherical_aberration,
        amplitude_contrast=MICROSCOPE.amplitude_contrast,
        defocus_u=ctf.defocus_u,
        defocus_v=ctf.defocus_v,
        astigmatism_angle=ctf.astigmatism_angle,
        device=device,
    )


def main() -> None:
    """Run the benchmark and write its figures; ends with 1 where a required figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "bench" / "picking", help="where images are kept")
    parser.add_argument("--model", type=Path, default=SHARED_DATA / "models" / "1MNF.pdb.gz", help="GroEL")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the figures")
    given = parser.parse_args()
    torch.set_num_threads(1)
    truths = [made(given.folder, given.model, scene) for scene in scenes()]
    templates = {}
    for name, (chains, _) in SPECIMENS.items():
        templates[name] = given.folder / f"{name}_map.mrc"
        if not templates[name].exists():
            volume = specimen(given.model, chains).potential.numpy()
            write_mrc(templates[name], volume, pixel_size=MAP_PIXEL_SIZE)
    hardware = machine()
    found = {method: measured(truths, method, templates, given.device) for method in ("blob", "template")}
    name = hardware["cpu"] if given.device == "cpu" else torch.cuda.get_device_name()
    rule = {"reach_diameters": REACH, "edge_px": f"radius + {MARGIN:g}", "threads": 1, "device": given.device}
    target = write_results("picking", name, {"machine": hardware, "rule": rule, **found}, given.out)
    for method, one in found.items():
        print(method, {key: value for key, value in one.items() if key != "micrographs"})
    print(f"written to {target}")
    late = [m for m, one in found.items() if one["f1"] < REQUIRED[m] or one["cpu_seconds_median"] > CPU_LIMIT]
    if late and given.device == "cpu":
        raise SystemExit(f"required figures are missed by: {', '.join(late)}")


if __name__ == "__main__":
    main()
