"""A project of three images with picks as a picker writes them, for tests of what pages do with picks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from vitreous import Project
from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.particle_parquet import write_particle_parquet
from vitreous.model.particles import ParticleTable
from vitreous.store.columns import set_many
from vitreous.store.database import Database, open_database

NAMES = ("one", "two", "three")
COUNTS = (40, 100, 10)
PICK, SELECT = 4, 5
SIZE, PIXEL = 256, 2.0
THRESHOLD = 6.0


def picks_of(index: int) -> ParticleTable:
    """Picks of an image: scores from 4 up by 0.1, powers from 0.5 up by 0.02; those from 6 up are kept."""
    n, name = COUNTS[index], NAMES[index]
    score = 4.0 + 0.1 * np.arange(n)
    return ParticleTable(
        {
            "uid": 1000 * index + np.arange(n),
            "micrograph": np.array([name] * n, dtype=object),
            "coordinate_x": (13.0 * np.arange(n)) % 250,
            "coordinate_y": (29.0 * np.arange(n)) % 250,
            "pick_score": score,
            "pick_power": 0.5 + 0.02 * np.arange(n),
            "pick_source": np.array(["blob"] * n, dtype=object),
            "kept": (score >= THRESHOLD - 1e-9).astype(np.int64),
        }
    )


def make(folder: Path, *, picked: bool = True) -> Path:
    """A project with import (J1), motion (J2), ctf (J3) and, where picked, pick (J4) with results of all images."""
    with Project.create(folder, "single-particle", {"pixel_size": PIXEL, "voltage": 300.0}) as project:
        project.add("import", sources=["/camera"])
        project.add("motion")
        project.add("ctf")
        if picked:
            project.add("pick", diameter=40.0)
    with open_database(folder, write=True) as db, db.transaction():
        for index, name in enumerate(NAMES):
            _add_image(db, folder, index + 1, name)
            if picked:
                _add_picks(db, folder, index)
    return folder


def _add_image(db: Database, folder: Path, item: int, name: str) -> None:
    image = np.random.default_rng(item).normal(10.0, 1.0, (SIZE, SIZE)).astype(np.float32)
    path = f"jobs/J2-motion/{name}-0/{name}.mrc"
    write_mrc(folder / path, image, pixel_size=PIXEL)
    db.connection.execute(
        "INSERT INTO exposure (name, source_job, source_path, path, identity, size, imported)"
        " VALUES (?, 1, ?, ?, ?, 1, 0)",
        (name, f"/camera/{name}.mrc", f"movies/{name}.mrc", f"file {name}"),
    )
    values = {"pixel_size": PIXEL, "width": SIZE, "height": SIZE}
    slots = {"micrograph": {"file": path, "files": {}, "values": values}}
    _add_result(db, 2, item, {**slots, "motion": {"file": None, "files": {}, "values": {}}})
    set_many(db, [(item, "micrograph", 2, values)])


def _add_picks(db: Database, folder: Path, index: int) -> None:
    path = f"jobs/J4-pick/{NAMES[index]}-0/{NAMES[index]}_picks.parquet"
    table = picks_of(index)
    (folder / path).parent.mkdir(parents=True)
    write_particle_parquet(folder / path, table)
    found = int(table["kept"].sum())
    _add_result(db, PICK, index + 1, {"picks": {"file": path, "files": {}, "values": {"picks_found": found}}})


def _add_result(db: Database, job: int, item: int, slots: dict[str, Any]) -> None:
    identity = f"r{job}-{item}"
    db.connection.execute(
        "INSERT INTO result (identity, job, item, slots, outputs, versions, committed)"
        " VALUES (?, ?, ?, ?, '[\"items\"]', '{}', 0)",
        (identity, job, item, json.dumps(slots)),
    )
    db.connection.execute(
        "INSERT INTO task (job, item, state, identity) VALUES (?, ?, 'done', ?)", (job, item, identity)
    )


def add_classes(folder: Path, job_item: dict[str, list[int]]) -> int:
    """A classification (J5) whose table has the first particles of images in classes; returns the job's number.

    Args:
        folder: of the project.
        job_item: name of an image → class of each of its first particles.
    """
    with Project(folder) as project:
        project.add("extract", f"J{PICK}", box=32)
        number = int(project.act("add_job", type="classify2d", params={"classes": 3}, inputs=["J5"]))
    tables = []
    for name, classes in job_item.items():
        part = picks_of(NAMES.index(name)).take(np.arange(len(classes)))
        tables.append(part.with_columns(class_number=np.array(classes, dtype=np.int64)))
    path = f"jobs/J{number}-classify2d/set-0/particles.parquet"
    (folder / path).parent.mkdir(parents=True)
    from vitreous.model.particles import joined

    write_particle_parquet(folder / path, joined(tables))
    with open_database(folder, write=True) as db, db.transaction():
        _add_result(db, number, 0, {"particle_set": {"file": path, "files": {}, "values": {}}})
    return number
