"""A project as after a night at the microscope, written straight into its catalogue.

The figures drift and jump as those of real sessions do: the ice gets worse at the end of each square, the stage
settles, the counts sink for a while. No files of results are made. ``python benchmarks/night.py FOLDER --images 3000``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vitreous import Project
from vitreous.project.session import Session
from vitreous.store.columns import set_many
from vitreous.store.database import open_database

HOLES = 9
"""Images of one stage position."""
SQUARE = 270
"""Images of one grid square."""
INTERVAL = 14.0
"""s between two images."""
SETTINGS = {"pixel_size": 0.83, "voltage": 300.0, "spherical_aberration": 2.7, "dose_per_frame": 1.0}


def make_night(folder: Path, images: int, *, jobs: int = 4, end: float | None = None, failed: int = 3) -> None:
    """Write the project.

    Args:
        folder: new.
        images: number of exposures.
        jobs: in all; those beyond import, motion, CTF and quality are filters, one behind the other in rows of ten.
        end: s since 1970 of the last image; now unless given.
        failed: images whose CTF was set aside.
    """
    with (
        Project.create(folder, "single-particle", SETTINGS, title="Night on the Krios") as project,
        project.writing("night"),
    ):
        steps = [project.add("import", sources=["/camera/grid3"]), *(project.add(t) for t in ("motion", "ctf"))]
        steps.append(project.add("measure"))
        for number in range(jobs - 4):
            behind = steps[-1] if number % 10 else steps[2]
            rule = {"expression": f"fit_resolution < {4.0 + 0.01 * number:.2f}"}
            steps.append(project.add("filter", behind, title=f"Fit {4 + 0.01 * number:.2f} Å", **rule))
    with open_database(folder, write=True) as db:
        session, start = Session(folder, db), (end or time.time()) - INTERVAL * images
        with db.transaction() as connection:
            connection.executemany(
                "INSERT INTO exposure (name, source_job, source_path, path, identity, size, imported, recorded, flag)"
                " VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?)",
                _exposures(images, start),
            )
        columns = figures(images)
        set_many(db, _values(images, columns))
        _write_tasks(session, images, start, failed)


def _exposures(images: int, start: float) -> Iterator[tuple[Any, ...]]:
    flags = (None,) * 17 + ("green", "red", None, "gold")
    for n in range(images):
        name = f"FoilHole_{n // HOLES + 28_000_000:08d}_{n % HOLES + 1}_{n:06d}"
        recorded = start + INTERVAL * n
        size = 480_000_000 + n * 7919 % 40_000_000
        paths = f"/camera/grid3/{name}.tiff", f"movies/J1/{name}.tiff"
        yield name, *paths, f"{n:032x}", size, recorded + 21.0, recorded, flags[n * 31 % 21]


def figures(images: int) -> dict[str, dict[str, np.ndarray]]:
    """Slot → column → values of a night; NaN where unknown."""
    rng, n = np.random.default_rng(3), np.arange(images)
    place = n % SQUARE / SQUARE
    thick = 0.35 + 0.5 * place**3 + 0.12 * np.sin(n / 700.0) + rng.gamma(2.0, 0.08, images)
    bad = rng.random(images) < 0.03
    iciness = thick + np.where(bad, rng.gamma(2.0, 0.6, images), 0.0)
    drift = 4.0 + 14.0 * np.exp(-(n % HOLES) / 1.2) * rng.gamma(2.0, 0.5, images) + rng.gamma(1.5, 1.4, images)
    drift += np.where((n > 0.62 * images) & (n < 0.68 * images), 25.0, 0.0)
    target = 0.8 + 0.2 * (n // HOLES % 9)
    defocus = 1e4 * (target + rng.normal(0, 0.09, images) + np.where(rng.random(images) < 0.01, 2.5, 0.0))
    difference = np.abs(rng.normal(180.0, 90.0, images))
    resolution = 2.9 + 1.3 * np.clip(iciness - 0.6, 0, None) + 0.03 * drift + rng.gamma(2.0, 0.12, images)
    counts = (0.86 - 0.05 * thick) * np.where((n > 0.8 * images) & (n < 0.87 * images), 0.75, 1.0)
    counts = counts * rng.normal(1.0, 0.012, images)
    same = np.ones(images)
    return {
        "movie": {"movie_pixel_size": 0.83 * same, "movie_frames": 40.0 * same, "movie_width": 5760.0 * same,
                  "movie_height": 4092.0 * same, "target_defocus": 1e4 * target, "stage_x": 300 * rng.random(images)},
        "motion": {"drift_total": drift, "drift_early": 0.7 * drift, "drift_late": 0.3 * drift,
                   "drift_range": 0.8 * drift, "drift_longest_step": 0.2 * drift, "drift_jitter": 900.0 / (8 + drift),
                   "local_motion_max": rng.gamma(2.0, 1.1, images)},
        "micrograph": {"pixel_size": 0.83 * same, "width": 5760.0 * same, "height": 4092.0 * same,
                       "n_frames": 40.0 * same, "total_dose": 40.0 * same},
        "ctf": {"defocus_u": defocus + difference / 2, "defocus_v": defocus - difference / 2, "defocus": defocus,
                "defocus_difference": difference, "astigmatism_angle": 40 + rng.normal(0, 15, images) % 180,
                "phase_shift": 0.0 * same, "fit_resolution": resolution, "score": 0.45 - 0.03 * resolution},
        "quality": {"image_mean": 40 * counts, "image_stddev": 6.3 * np.sqrt(counts),
                    "relative_stddev": 16.0 / np.sqrt(counts), "counts_per_frame": counts,
                    "counted_dose": 40.0 * counts, "iciness": iciness, "ice_ring_density": 0.9 + 0.4 * iciness},
    }  # fmt: skip


def _values(images: int, columns: dict[str, dict[str, np.ndarray]]) -> Iterator[tuple[int, str, int, dict[str, Any]]]:
    jobs = {"movie": 1, "motion": 2, "micrograph": 2, "ctf": 3, "quality": 4}
    for slot, values in columns.items():
        names = list(values)
        rows = np.stack([values[name] for name in names], axis=1).tolist()
        for item, row in enumerate(rows, start=1):
            known: dict[str, Any] = dict(zip(names, row, strict=True))
            if slot == "movie":
                n = item - 1
                known |= {"square": f"GridSquare_{n // SQUARE + 1:02d}", "hole": f"hole {n // HOLES + 1}",
                          "shift_group": f"shift {n % HOLES + 1}"}  # fmt: skip
            yield item, slot, jobs[slot], known


def _write_tasks(session: Session, images: int, start: float, failed: int) -> None:
    error = (
        '{"code": "compute", "message": "no Thon rings between 30 and 4 Å (score 0.02)",'
        ' "hint": "Look at the image: it may be empty or carbon", "context": {}}'
    )
    seconds = {2: 31.0, 3: 1.4, 4: 0.8}
    wrong = {images * (k + 1) // (failed + 2) for k in range(failed)}
    with session.db.transaction() as connection:
        for job, took in seconds.items():
            connection.executemany(
                "INSERT OR REPLACE INTO task (job, item, state, identity, tries, error, started, finished)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (job, n, "quarantined", None, 3, error, start + INTERVAL * n, start + INTERVAL * n + took)
                    if job == 3 and n in wrong
                    else (
                        job,
                        n,
                        "done",
                        f"{job}-{n}",
                        1,
                        None,
                        start + INTERVAL * n + 22,
                        start + INTERVAL * n + 22 + took,
                    )
                    for n in range(1, images + 1)
                ),
            )
            connection.executemany(
                "INSERT OR REPLACE INTO result"
                " (identity, job, item, slots, outputs, versions, seconds, worker, committed)"
                " VALUES (?, ?, ?, '{}', '[\"items\"]', '{}', ?, ?, ?)",
                (
                    (f"{job}-{n}", job, n, took, f"cpu-{n % 4}", start + INTERVAL * n + 22 + took)
                    for n in range(1, images + 1)
                ),
            )
        connection.execute("DELETE FROM unsettled")


def main() -> None:
    """Write a project."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--jobs", type=int, default=4)
    given = parser.parse_args()
    make_night(given.folder, given.images, jobs=given.jobs)


if __name__ == "__main__":
    main()
