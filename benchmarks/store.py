"""Measure a large project: opening it, and pages, filters, sorts and histograms of its tables.

Makes a project of 100,000 exposures with about 60 columns and 10,000,000 particles with 21 columns in ``--folder`` by a
process of its own, so that the peak of memory is that of the questions; asks each question as the library page does,
once on new terms (cold: nothing kept of an earlier answer) and again (warm).
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import measuring
from vitreous.store import library
from vitreous.store.columns import ensure_columns, set_many
from vitreous.store.database import Database, create_database, open_database
from vitreous.store.fragments import register, write_fragment
from vitreous.store.tables import open_table

SLOTS = {"motion": 12, "ctf": 14, "quality": 14, "picks": 4}
"""Slot → number of its columns; with those of every exposure and the job of each slot about 60."""

LIMITS = {
    "open": 1000.0,
    "exposures page": 100.0,
    "exposures sort": 200.0,
    "exposures filter": 200.0,
    "exposures histogram": 500.0,
    "particles page": 1500.0,
    "particles histogram": 500.0,
}
"""ms that a question may take, by the beginning of its name."""

FRAGMENT = 100_000
"""Rows in one file of particles."""


def make_project(folder: Path, n_exposures: int, n_particles: int) -> dict[str, float]:
    """Write the project; returns what it took."""
    start = time.perf_counter()
    with create_database(folder, {"mode": "single-particle"}) as db:
        _make_exposures(db, n_exposures)
        exposures = time.perf_counter() - start
        start = time.perf_counter()
        for number, table in enumerate(_particles(n_particles, n_exposures)):
            register(db, write_fragment(folder, "particles", table, f"job5-{number:06d}"), job=5)
        particles = time.perf_counter() - start
        columns = len(library.exposure_columns(db))
    size = sum(path.stat().st_size for path in (folder / "tables").rglob("*.parquet"))
    return {
        "exposure_columns": columns,
        "write_exposures_s": round(exposures, 1),
        "write_particles_s": round(particles, 1),
        "catalogue_MB": round((folder / "project.db").stat().st_size / 1e6, 1),
        "particles_MB": round(size / 1e6, 1),
    }


def _make_exposures(db: Database, count: int) -> None:
    rng = np.random.default_rng(0)
    rows = (
        (f"FoilHole_{n:08d}_Data_{n * 7919 % count:08d}", 1, f"/camera/session/{n:08d}.tiff",
         f"movies/{n:08d}.tiff", f"{n:032x}", 500_000_000, 1.7e9 + n, 1.7e9 + n - 30)
        for n in range(count)
    )  # fmt: skip
    with db.transaction() as connection:
        connection.executemany(
            "INSERT INTO exposure (name, source_job, source_path, path, identity, size, imported, recorded)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
    for job, (slot, n_columns) in enumerate(SLOTS.items(), start=2):
        names = [f"{slot}_{index:02d}" for index in range(n_columns)]
        ensure_columns(db, dict.fromkeys(names, "REAL"))
        values = rng.normal(size=(count, n_columns))
        values[rng.random(values.shape) < 0.03] = np.nan
        set_many(
            db,
            (
                (item, slot, job, dict(zip(names, row, strict=True)))
                for item, row in enumerate(values.tolist(), start=1)
            ),
        )


def _particles(count: int, n_exposures: int) -> Iterator[pa.Table]:
    """Tables of particles: 21 columns, 19 of them measured numbers with all their digits."""
    rng = np.random.default_rng(1)
    for start in range(0, count, FRAGMENT):
        rows = min(FRAGMENT, count - start)
        number = np.arange(start, start + rows, dtype=np.int64)
        columns: dict[str, np.ndarray] = {"id": number, "item": 1 + number * n_exposures // count}
        names = ["coordinate_x", "coordinate_y", *(f"value_{index:02d}" for index in range(17))]
        columns |= {name: rng.standard_normal(rows, dtype=np.float32) for name in names}
        yield pa.table(columns)


def ask(folder: Path, repeats: int) -> dict[str, Any]:
    """Ask all questions; ms of each."""
    opened = []
    for _ in range(repeats):
        start = time.perf_counter()
        with open_database(folder, write=False) as db:
            library.page(db, limit=1)
        opened.append(_ms(start))
    with open_database(folder, write=False) as db:
        figures = {"open with its first row": _figure(opened)} | _exposure_questions(db, repeats)
        figures |= _particle_questions(db, repeats)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"figures": figures, "peak_memory_GB": round(peak, 2)}


def _exposure_questions(db: Database, repeats: int) -> dict[str, Any]:
    total = library.count(db)
    sort, deep = [("ctf_03", "desc")], total // 2
    two = [("quality_13", "asc"), ("motion_00", "desc")]
    questions: dict[str, Callable[[], Any]] = {
        "exposures page in order of arrival": lambda: library.page(db),
        "exposures sort, first page": lambda: library.page(db, order=sort),
        "exposures sort by two columns": lambda: library.page(db, order=two),
        "exposures sort by name": lambda: library.page(db, order=[("name", "asc")]),
        "exposures sort, page in the middle": lambda: library.page(db, order=sort, offset=deep),
        "exposures filter": lambda: library.page(db, where="quality_02 > ?", parameters=(0.5,)),
        "exposures filter and sort": lambda: library.page(db, None, "quality_02 > ?", (0.5,), sort),
        "exposures histogram": lambda: library.histogram(db, "quality_05"),
        "exposures histogram of a filter": lambda: library.histogram(
            db, "ctf_05", where="quality_02 > ?", parameters=(0.5,)
        ),
        "exposures summary": lambda: library.summary(db, "ctf_07"),
    }
    return {name: _cold_and_warm(question, repeats, db.kept.clear) for name, question in questions.items()}


def _particle_questions(db: Database, repeats: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    start = time.perf_counter()
    with open_table(db, "particles") as table:
        found["particles table opened"] = {"cold_ms": _ms(start)}
        deep = table.count() // 500
        sort = [("value_03", "desc")]
        terms = ("value_07 > ?", (0.5,))
        questions: dict[str, Callable[[], Any]] = {
            "particles page in order of ids": lambda: table.page(),
            "particles page of a new sort": lambda: table.page(order=sort),
            "particles page of a new sort and filter": lambda: table.page(None, *terms, order=sort),
            "particles page further on": lambda: table.page(None, *terms, order=sort, offset=deep),
            "particles histogram": lambda: table.histogram("value_05"),
            "particles histogram of a filter": lambda: table.histogram("value_05", 50, None, *terms),
            "particles count of a filter": lambda: table.count(*terms),
            "particles summary": lambda: table.summary("value_11"),
        }
        for name, question in questions.items():
            found[name] = _cold_and_warm(question, repeats, table.forget)
    return found


def _cold_and_warm(question: Callable[[], Any], repeats: int, forget: Callable[[], None]) -> dict[str, float]:
    cold, warm, cpu = [], [], []
    for _ in range(repeats):
        forget()
        start, begun = time.perf_counter(), time.process_time()
        question()
        cold.append(_ms(start))
        cpu.append(1e3 * (time.process_time() - begun))  # of all threads; less touched by what else runs here
        start = time.perf_counter()
        question()
        warm.append(_ms(start))
    return {**_figure(cold), "cpu_ms": round(statistics.median(cpu), 1), "warm_ms": round(statistics.median(warm), 1)}


def _figure(times: list[float]) -> dict[str, float]:
    return {"cold_ms": round(statistics.median(times), 1), "worst_ms": round(max(times), 1)}


def _ms(start: float) -> float:
    return round(1e3 * (time.perf_counter() - start), 2)


def over_limits(figures: dict[str, Any], factor: float = 1.0) -> list[str]:
    """The questions that take longer than they may, in words."""
    return [
        f"{name}: {figure['cold_ms']:g} ms, at most {factor * limit:g} ms"
        for name, figure in figures.items()
        for start, limit in LIMITS.items()
        if name.startswith(start) and figure["cold_ms"] > factor * limit
    ]


def main() -> None:
    """Make the project where it is missing, ask, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the project is made, and kept for later runs")
    parser.add_argument("--exposures", type=int, default=100_000)
    parser.add_argument("--particles", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=measuring.RESULTS / "store.json")
    parser.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        print(json.dumps(make_project(arguments.folder, arguments.exposures, arguments.particles)))
        return
    notes = arguments.folder / "made.json"
    if not notes.exists():
        size = ["--exposures", str(arguments.exposures), "--particles", str(arguments.particles)]
        command = [sys.executable, __file__, "--make", "--folder", str(arguments.folder), *size]
        notes.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    asked = ask(arguments.folder, arguments.repeats)
    for name, figure in asked["figures"].items():
        print(f"{name:45s}" + "".join(f"  {key} {value:9.1f}" for key, value in figure.items()))
    late = over_limits(asked["figures"])
    print(f"peak memory {asked['peak_memory_GB']} GB; " + ("; ".join(late) if late else "all in time"))
    result = {
        "machine": measuring.machine(),
        "exposures": arguments.exposures,
        "particles": arguments.particles,
        "repeats": arguments.repeats,
        "made": json.loads(notes.read_text()),
        **asked,
        "limits_ms": LIMITS,
        "over_limits": late,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
