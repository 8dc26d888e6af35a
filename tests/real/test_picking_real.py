"""Picking on real micrographs: what a person sees at a glance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vitreous.core.progress import silent
from vitreous.formats.particle_parquet import read_particle_parquet
from vitreous.jobs.pick import JOB
from vitreous.jobs.pick_params import PickParams


def picked(path: Path, out: Path, **options: float) -> tuple[dict[str, object], np.ndarray]:
    result = JOB.start(PickParams(**options))(path, out, silent)  # type: ignore[arg-type]
    table = read_particle_parquet(Path(result["outputs"]["picks"]))
    kept = table["kept"] == 1
    return result, np.stack([table["coordinate_x"][kept], table["coordinate_y"][kept]], 1)


def test_rings_and_side_views_of_haemocyanin_are_found(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "micrographs" / "KLH.tif"
    rings = [(213, 604), (516, 698), (486, 244), (236, 86)]
    sides = [(380, 590), (690, 510), (465, 80)]
    cut = [(50, 90), (710, 70)]  # by the edge
    for edge, seen in ((None, rings + sides), (40.0, rings + sides + cut)):
        _, found = picked(path, tmp_path, diameter=350.0, pixel_size=2.2, edge_distance=edge)
        distance = np.linalg.norm(np.array(seen)[:, None] - found[None], axis=-1).min(1)
        assert (distance < 50.0).all()
        assert len(found) <= len(seen) + 1


@pytest.mark.parametrize(
    ("name", "diameter", "defocus", "least", "most"),
    [("epu2.9_example.mrc", 130.0, 27200.0, 90, 220), ("fei-extended.mrc", 150.0, 10500.0, 80, 160)],
)
def test_particles_on_krios_micrographs(
    shared_data: Path, tmp_path: Path, name: str, diameter: float, defocus: float, least: int, most: int
) -> None:
    path = shared_data / "micrographs" / name
    result, found = picked(path, tmp_path, diameter=diameter, spherical_aberration=2.7, defocus_u=defocus)
    assert least <= len(found) <= most
    assert float(result["masked_fraction"]) < 0.05  # type: ignore[arg-type]


def test_the_huge_crystal_is_avoided(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "micrographs" / "Ucsf_stack_1142_DW.mrc"
    result, found = picked(path, tmp_path, diameter=120.0, pixel_size=4.5)
    distance = np.linalg.norm(found - np.array([720.0, 140.0]), axis=1)
    assert distance.min() > 215.0
    assert 0.12 < float(result["masked_fraction"]) < 0.3  # type: ignore[arg-type]
