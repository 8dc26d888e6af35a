"""A project with a finished 2D classification, written by hand: averages, record, particles with their images."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from vitreous import Project
from vitreous.formats.class_model import ClassModel, ClassRecord, write_class_model
from vitreous.formats.mrc_write import write_mrc
from vitreous.store.database import Database, open_database
from vitreous.store.items import add_exposure
from vitreous.store.jobs import insert_job
from vitreous.workflow.graph import Input

PIXEL = 3.0
NOW = 1_700_000_000.0


def specimen(count: int = 30, radius: float = 60.0) -> np.ndarray:
    """Places of blobs in Å ``[count, 3]``, of no symmetry."""
    places = np.random.default_rng(7).normal(0.0, 0.45 * radius, (count, 3))
    return places * np.array([1.0, 0.8, 0.55]) + np.array([0.15 * radius, 0.0, 0.0])


def view(number: int) -> np.ndarray:
    """The blobs of a class as they are seen: ``[count, 2]`` (x, y) in Å."""
    turned, _ = np.linalg.qr(np.random.default_rng(number).normal(size=(3, 3)))
    return np.asarray((specimen() @ turned)[:, :2])


def drawn(places: np.ndarray, box: int, width: float = 6.0) -> np.ndarray:
    """Blobs of a standard deviation of ``width`` Å at places in Å from the centre; float32 ``[box, box]``."""
    axis = (np.arange(box) - box // 2) * PIXEL
    x = np.exp(-0.5 * ((axis - places[:, :1]) / width) ** 2)
    y = np.exp(-0.5 * ((axis - places[:, 1:]) / width) ** 2)
    return np.asarray(np.einsum("ny,nx->yx", y, x), np.float32)


def posed(places: np.ndarray, psi: float, origin: tuple[float, float]) -> np.ndarray:
    """Blobs of a class as a particle shows them: ``x_class = Rz(psi) (x_image + origin)``."""
    c, s = math.cos(math.radians(psi)), math.sin(math.radians(psi))
    return np.asarray(places @ np.array([[c, -s], [s, c]]) - np.array(origin))


def model_of(counts: Sequence[int], box: int, *, iteration: int = 25, iterations: int = 25) -> ClassModel:
    """A record of classes with these numbers of particles; the last is empty where its count is 0."""
    total, half = sum(counts), box // 2
    frequencies = tuple(k / (box * PIXEL) for k in range(half))
    order = sorted(range(len(counts)), key=lambda n: -counts[n])
    classes = []
    for n, count in enumerate(counts):
        resolution = None if count == 0 else round(9.0 + 12.0 * (1.0 - count / max(counts)), 1)
        curve = [math.nan if resolution is None else 1.0 / (1.0 + (f * resolution) ** 8) for f in frequencies]
        quality = None if resolution is None else round(min(1.0, 10.0 / resolution) ** 2, 3)
        rank = order.index(n) + 1
        kept = quality is not None and quality >= 0.5
        classes.append(ClassRecord(n + 1, count, count / total, resolution, quality, rank, kept, tuple(curve)))
    history = [_step(i, iterations, counts, classes) for i in range(1, iteration + 1)]
    return ClassModel(
        iteration=iteration,
        iterations=iterations,
        finished=iteration == iterations,
        n_particles=total,
        n_used=total,
        pixel_size=PIXEL,
        box=box,
        mask_diameter=0.85 * box * PIXEL,
        resolution_limit=12.0,
        classes=tuple(classes),
        frc_frequencies=frequencies,
        history=tuple(history),
        seed=1,
    )


def _step(i: int, iterations: int, counts: Sequence[int], classes: Sequence[ClassRecord]) -> dict[str, Any]:
    done, total = i / iterations, sum(counts)
    return {
        "iteration": i,
        "particles": round(total * min(1.0, 0.3 + done)),
        "resolution_limit": 40.0 - 28.0 * done,
        "populations": [done * count / total + (1.0 - done) / len(counts) for count in counts],
        "resolutions": [None if one.resolution is None else one.resolution + 25.0 * (1 - done) for one in classes],
        "changed": None if i == 1 else 0.6 * (1.0 - done) ** 2 + 0.01,
        "seconds": 4.0,
    }


def averages_of(n_classes: int, box: int, noise: float = 0.0) -> np.ndarray:
    """Averages ``[n_classes, box, box]``."""
    grains = np.random.default_rng(3).normal(0.0, 1.0, (n_classes, box, box)).astype(np.float32)
    return np.stack([drawn(view(n + 1), box) for n in range(n_classes)]) + noise * grains


def make_project(folder: Path, *, images: int = 4, counts: Sequence[int] = (20, 12, 7, 0), box: int = 32) -> Project:
    """J1 has brought images, J2 (a 2D classification) has put their particles into classes of these sizes."""
    with Project.create(folder, "single-particle", {"pixel_size": 1.0, "voltage": 300.0}) as project:
        project.add("import", sources=["/camera"])
    names = [f"image_{n:03d}" for n in range(1, images + 1)]
    with open_database(folder, write=True) as db, db.transaction():
        for name in names:
            place = {"source_path": f"/camera/{name}.tif", "path": f"movies/J1/{name}.tif"}
            add_exposure(db, name, source_job=1, identity=f"file of {name}", size=1, **place)
        add_classification(db, folder, names, counts, box)
    return Project(folder)


def add_classification(
    db: Database,
    folder: Path,
    names: Sequence[str],
    counts: Sequence[int],
    box: int,
    *,
    after: int = 1,
    averages: np.ndarray | None = None,
    noise: float = 0.0,
) -> int:
    """Add a 2D classification whose result is there; returns its number."""
    inputs = [Input(after)]
    job = insert_job(
        db, type="classify2d", title="Classify in 2D", params={}, inputs=inputs, now=NOW, author="tester", batch=0
    )
    out = folder / "jobs" / f"J{job}-classify2d" / "set-0"
    write_files(folder, out, names, counts, box, averages, noise)
    relative = out.relative_to(folder).as_posix()
    slots = {
        "classes2d": {"file": f"{relative}/classes.mrcs", "files": {"model": f"{relative}/model.json"}, "values": {}},
        "particle_set": {"file": f"{relative}/particles.parquet", "files": {}, "values": {}},
    }
    text = """INSERT INTO result (identity, job, item, folder, slots, outputs, versions, committed)
        VALUES (?, ?, 0, ?, ?, '["items"]', '{}', ?)"""
    db.connection.execute(text, (f"set-{job}-first", job, relative, json.dumps(slots), NOW))
    text = "INSERT INTO task (job, item, state, identity, finished) VALUES (?, 0, 'done', ?, ?)"
    db.connection.execute(text, (job, f"set-{job}-first", NOW))
    return job


def write_files(
    folder: Path,
    out: Path,
    names: Sequence[str],
    counts: Sequence[int],
    box: int,
    averages: np.ndarray | None = None,
    noise: float = 0.0,
) -> None:
    """Averages, record, and particles dealt over the images with their stacks."""
    found = averages_of(len(counts), box) if averages is None else averages
    out.mkdir(parents=True)
    write_mrc(out / "classes.mrcs", found, pixel_size=PIXEL, is_stack=True)
    write_class_model(out / "model.json", model_of(counts, box))
    rng = np.random.default_rng(11)
    numbers = rng.permutation(np.repeat(np.arange(1, len(counts) + 1), counts))
    micrograph = rng.integers(0, len(names), numbers.size)
    psi, origin = rng.uniform(-180, 180, numbers.size), rng.normal(0.0, 4.0, (numbers.size, 2))
    index = np.zeros(numbers.size, np.int64)
    for place, name in enumerate(names):
        rows = np.flatnonzero(micrograph == place)
        index[rows] = np.arange(rows.size)
        if not rows.size:
            continue
        stack = [drawn(posed(view(int(numbers[r])), psi[r], tuple(origin[r])), box) for r in rows]
        grains = rng.normal(0.0, 1.0, (rows.size, box, box))
        path = folder / "jobs" / "J1-extract" / f"{name}_particles.mrcs"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_mrc(path, np.asarray(np.stack(stack) + noise * grains, np.float32), pixel_size=PIXEL, is_stack=True)
    table = {
        "uid": np.arange(1000, 1000 + numbers.size),
        "micrograph": [names[place] for place in micrograph],
        "coordinate_x": rng.uniform(100, 900, numbers.size),
        "coordinate_y": rng.uniform(100, 900, numbers.size),
        "image_stack": [f"jobs/J1-extract/{names[place]}_particles.mrcs" for place in micrograph],
        "image_index": index,
        "pixel_size": np.full(numbers.size, PIXEL),
        "class_number": numbers,
        "psi": psi,
        "origin_x": origin[:, 0],
        "origin_y": origin[:, 1],
        "max_probability": rng.uniform(0.2, 1.0, numbers.size),
    }
    parquet.write_table(pa.table(table), out / "particles.parquet")


def begin_run(folder: Path, job: int, counts: Sequence[int], box: int, iteration: int) -> Path:
    """A further run of the classification has come to an iteration; returns its scratch folder."""
    identity = f"{job:x}0123456789"
    with open_database(folder, write=True) as db, db.transaction() as connection:
        text = (
            "UPDATE task SET state = 'running', identity = ?, started = ?, finished = NULL WHERE job = ? AND item = 0"
        )
        connection.execute(text, (identity, NOW, job))
    scratch = folder / "jobs" / f"J{job}-classify2d" / f".work-{identity[:8]}"
    scratch.mkdir(parents=True, exist_ok=True)
    write_mrc(scratch / "classes.mrcs", averages_of(len(counts), box, 1.0), pixel_size=PIXEL, is_stack=True)
    write_class_model(scratch / "model.json", replace(model_of(counts, box, iteration=iteration), finished=False))
    return scratch
