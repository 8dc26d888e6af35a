"""Work that is shared with the other workers of its pool."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # workers are started with this path and find pool_work by its name

import numpy as np
import pool_work
from pool_results import Results

from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.particle_star import write_particle_star
from vitreous.model.particles import ParticleTable
from vitreous.workflow.executors.companions import companions
from vitreous.workflow.executors.dask_executor import DaskExecutor
from vitreous.workflow.profile import LocalProfile


def test_work_is_shared_with_the_other_workers_of_its_kind(tmp_path: Path) -> None:
    results = Results()
    pool = DaskExecutor(LocalProfile(workers=3, gpus=("7",)), results.report, tmp_path / "logs")
    try:
        results.submit(pool, pool_work.shared, "shared", tmp_path)
        (found,) = results.wait("shared")
        own, *others = found.split()
        assert len({own, *others}) == 3
        results.submit(pool, pool_work.shared_with_a_fault, "fault", tmp_path)
        (found,) = results.wait("fault")
        assert found == "no such part. hint"
        results.submit(pool, pool_work.shared_and_killed, "killed", tmp_path)
        (found,) = results.wait("killed")
        assert "which shared the work, was lost" in found
    finally:
        pool.close()


def test_workers_of_a_pool_classify_together_to_the_same_bytes(tmp_path: Path) -> None:
    images = np.random.default_rng(1).standard_normal((120, 24, 24)).astype(np.float32)
    images[:, 8:16, 10:14] += 1.0
    write_mrc(tmp_path / "particles.mrcs", images, pixel_size=4.0, is_stack=True)
    known = {"pixel_size": 4.0, "box_size": 24, "optics_group": 1, "voltage": 300.0, "spherical_aberration": 2.7}
    columns = {name: np.full(len(images), value) for name, value in known.items()}
    columns |= {"uid": np.arange(len(images)), "image_index": np.arange(len(images))}
    columns["image_stack"] = np.full(len(images), str(tmp_path / "particles.mrcs"), dtype=object)
    write_particle_star(tmp_path / "particles.star", ParticleTable(columns))
    results = Results()
    pool = DaskExecutor(LocalProfile(workers=2, threads=1), results.report, tmp_path / "logs")
    try:
        for workers in ("1", "2"):
            results.submit(pool, pool_work.classified, workers, tmp_path)
            assert results.wait(workers, timeout=120.0) == ["classified"]
    finally:
        pool.close()
    for name in ("classes.mrcs", "particles.parquet"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_outside_of_a_pool_nobody_shares_work() -> None:
    with companions(pool_work.Mate, 4) as found:
        assert found == []
    assert pool_work.Mate().answer("pid") == os.getpid()
