"""The session that is soaked: its movies, its project, its scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vitreous.formats.tiff_write import TiffStackWriter
from vitreous.project.project import Project

NOTE = """#!/bin/sh
# /// vitreous
# title = "Note"
# summary = "Writes down that it began, and gives a number."
# needs = ["micrograph"]
# [gives.note]
# columns.size_of_sum = { kind = "int", unit = "bytes", meaning = "size of the micrograph's file" }
# ///
echo "note $VITREOUS_ITEM $(date +%s.%N)" >> "$SOAK_LOG"
echo "set size_of_sum = $(wc -c < "$VITREOUS_MICROGRAPH" | tr -d ' ')"
"""
SUM = """#!/bin/sh
# /// vitreous
# title = "Sum"
# summary = "Writes down that it began, and gives a file."
# needs = ["micrograph"]
# [gives.checksum]
# file = "checksum"
# ///
echo "sum $VITREOUS_ITEM $(date +%s.%N)" >> "$SOAK_LOG"
sleep 0.1
cksum < "$VITREOUS_MICROGRAPH" > checksum.txt
echo "file checksum = checksum.txt"
"""
TOTAL = """#!/bin/sh
# /// vitreous
# title = "Total"
# summary = "Counts all images when the session has ended."
# scope = "set"
# needs = ["micrograph"]
# [gives.total]
# file = "count"
# ///
sleep 1
grep -o '"micrograph":' "$VITREOUS_JOB" | wc -l > count.txt
echo "file count = count.txt"
"""


def make_movies(folder: Path, count: int, size: int = 256, frames: int = 6) -> list[Path]:
    """Small movies of a drifting specimen, each another one, made once."""
    folder.mkdir(parents=True, exist_ok=True)
    random_numbers = np.random.default_rng(7)
    spectrum = np.fft.rfft2(random_numbers.standard_normal((size, size)))
    falloff = np.exp(-30.0 * (np.fft.fftfreq(size)[:, None] ** 2 + np.fft.rfftfreq(size)[None, :] ** 2))
    specimen = np.fft.irfft2(spectrum * falloff, s=(size, size))
    specimen = 4.0 * np.clip(1.0 + 0.4 * specimen / specimen.std(), 0.0, None)
    paths = [folder / f"movie_{number:04d}.tif" for number in range(count)]
    for number, path in enumerate(paths):
        if path.exists():
            continue
        numbers = np.random.default_rng(number)
        with TiffStackWriter(path, (size, size), np.dtype("uint8"), pixel_size=1.3) as writer:
            for frame in range(frames):
                moved = np.roll(specimen, (frame // 2, 2 * frame + 5 * number), (0, 1))
                writer.append(numbers.poisson(moved).astype(np.uint8))
    return paths


def make_project(folder: Path, camera: Path, transfer: str, timeout: float | None = None) -> None:
    """A project with the session's workflow."""
    camera.mkdir(parents=True, exist_ok=True)
    settings = {"pixel_size": 1.3, "voltage": 300.0, "spherical_aberration": 2.7, "dose_per_frame": 1.3}
    project = Project.create(folder, "single-particle", {**settings, "disk_reserve": 0.0})
    for name, text in (("note", NOTE), ("sum", SUM), ("total", TOTAL)):
        script = folder / "scripts" / f"{name}.sh"
        script.write_text(text)
        script.chmod(0o755)
    times: dict[str, Any] = {"settle_delay": 0.3, "poll_interval": 0.2, "global_timeout": timeout}
    source = project.add("import", sources=[str(camera)], transfer=transfer, min_free=0.0, **times)
    motion = project.add("motion", source)
    measure = project.add("measure", motion)
    chosen = project.add("filter", measure, expression="drift_total >= 0")
    project.add("script:note", chosen)
    project.add("script:sum", chosen)
    project.add("script:total", chosen)
    project.close()
