"""Particles per second and iteration of 2D classification on a CUDA GPU, at 128² and 256² px with 50 and 200 classes.

``PYTHONPATH=src python benchmarks/gpu_classes2d.py`` classifies simulated particles for a few iterations of the whole
stack, which lies in host memory; the median of those after the first counts. ``--device cpu --number 500`` tries it.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import torch

from measuring import machine, write_results
from particle_sets import MASK_DIAMETER, MICROSCOPE, SETS, circle, clean_images, draw_truth, normalised, species_map
from vitreous.algorithms.classify2d.images import ArrayImages, ImageCtf
from vitreous.algorithms.classify2d.loop import iterate, start
from vitreous.algorithms.classify2d.prepare import Prepared
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.geometry.project import slice_source

EXTENT = 252.0
DISTINCT = 240
SNR_AT_ONE_ANGSTROM = 0.0245


def particles(box: int, number: int, random: torch.Generator) -> ArrayImages:
    """``number`` particles of ``box`` px: a few hundred true images, each with noise of its own many times."""
    pixel_size = EXTENT / box
    chosen = replace(SETS["large"], count=min(DISTINCT, number), box=box, pixel_size=pixel_size)
    truth = draw_truth(chosen)
    sources = [slice_source(species_map(chains, box, pixel_size), pixel_size) for chains in chosen.species]
    parts = [
        clean_images(truth, rows, sources, chosen)[:, box // 2 : box // 2 + box, box // 2 : box // 2 + box]
        for rows in np.array_split(np.arange(chosen.count), max(1, chosen.count // 20))
    ]
    clean = torch.cat(parts)
    radius = 0.5 * MASK_DIAMETER / pixel_size
    level = float(clean[:, circle(box, radius)].var(1).mean() / (SNR_AT_ONE_ANGSTROM * pixel_size**2)) ** 0.5
    stack = torch.empty(number, box, box)
    for start_row in range(0, number, 500):
        rows = torch.arange(start_row, min(start_row + 500, number))
        noise = level * torch.randn(len(rows), box, box, generator=random)
        stack[rows] = normalised(clean[rows % chosen.count] + noise, radius)
    same = np.arange(number) % chosen.count
    ctf = ImageCtf(
        truth["defocus_u"][same], truth["defocus_v"][same], truth["astigmatism_angle"][same], np.zeros(number),
        (MICROSCOPE,), np.zeros(number, np.int64),
    )  # fmt: skip
    return ArrayImages(stack, ctf, np.zeros(number, np.int64))


def waited(device: str) -> float:
    """The time once the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


def timed(images: ArrayImages, box: int, classes: int, iterations: int, device: str, batch: int) -> dict[str, Any]:
    """Seconds of each iteration over all images, from the coarse resolution to the finest."""
    settings = Settings(
        n_classes=classes, pixel_size=EXTENT / box, box=box, mask_diameter=MASK_DIAMETER, cycles=iterations,
        automatic_percent=False, percent=100.0, device=device, batch=batch,
    )  # fmt: skip
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
    began = waited(device)
    prepared = Prepared(settings, images)
    state = start(settings, prepared)
    seconds = [waited(device) - began]
    while state.iteration < iterations:
        began = waited(device)
        state = iterate(settings, prepared, state)
        seconds.append(waited(device) - began)
    rates = [len(images) / s for s in seconds[2:]]
    return {
        "box": box, "classes": classes, "particles": len(images), "start_seconds": round(seconds[0], 2),
        "iteration_seconds": [round(s, 3) for s in seconds[1:]],
        "resolution_limits": [round(record.resolution_limit, 2) for record in state.history],
        "particles_per_second": round(median(rates), 1), "slowest_particles_per_second": round(min(rates), 1),
        "peak_gpu_memory_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2) if device.startswith("cuda") else None,
    }  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="of torch: cuda, cuda:1, cpu")
    parser.add_argument("--number", type=int, default=20_000, help="particles; a quarter of them at 256 px")
    parser.add_argument("--boxes", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--classes", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--iterations", type=int, default=6, help="3 or more; the first is the warm-up")
    parser.add_argument("--batch", type=int, default=512, help="images handled at once")
    given = parser.parse_args()
    if given.iterations < 3:
        raise SystemExit(f"{given.iterations} iterations leave none to count: give 3 or more")
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        raise SystemExit(
            "there is no CUDA GPU here, or torch has no CUDA: nothing was measured (--device cpu tries it)"
        )
    hardware = machine()
    name = hardware["cpu"]
    if given.device.startswith("cuda"):
        hardware["gpu"] = name = torch.cuda.get_device_name(given.device)
    random = torch.Generator().manual_seed(1)
    runs = []
    for box in given.boxes:
        number = given.number if box <= 128 else max(1, given.number // 4)
        images = particles(box, number, random)
        for classes in given.classes:
            run = timed(images, box, classes, given.iterations, given.device, given.batch)
            runs.append(run)
            print(
                f"{box:4}² px, K = {classes:4}: {run['particles_per_second']:10.0f} particles/s and iteration "
                f"(slowest {run['slowest_particles_per_second']:.0f})",
                flush=True,
            )
    if "gpu" not in hardware:
        print("a trial on a CPU is not recorded")
        return
    print(f"written to {write_results('gpu-classes2d', name, {'hardware': hardware, 'runs': runs})}")


if __name__ == "__main__":
    main()
