"""Sets of particles in a project: joined, intersected and divided, while images arrive."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engine_project import bring, install, make

from vitreous.formats.coordinates import write_coordinates
from vitreous.formats.particle_parquet import read_particle_parquet
from vitreous.formats.particle_star import read_particle_star
from vitreous.model.particles import ParticleTable, joined
from vitreous.project.project import Project


@pytest.fixture(scope="module", autouse=True)
def _plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    undo = install(tmp_path_factory.mktemp("plugin"))
    yield
    undo()


def picks(name: str, *places: tuple[float, float]) -> ParticleTable:
    x, y = np.array(places, dtype=float).T
    return ParticleTable({"micrograph": np.full(len(x), name, dtype=object), "coordinate_x": x, "coordinate_y": y})


PICKERS = (
    [picks("a", (30, 30), (60, 40)), picks("b", (30, 40)), picks("c", (40, 40))],
    [picks("a", (32, 30), (80, 20)), picks("b", (60, 30)), picks("c", (40, 40))],
)


def particles(tmp_path: Path, closed: bool) -> Project:
    """Particles of two pickers, J5 and J6, on two images."""
    found = make(tmp_path / "p", "a", "b", closed=closed)
    found.add("shoots", "J1")
    for number, tables in enumerate(PICKERS):
        write_coordinates(tmp_path / f"{number}.csv", joined(tables), "csv")
        found.add("import-picks", "J2", source=str(tmp_path / f"{number}.csv"))
    for number in (3, 4):
        found.add("extract", f"J{number}", box=16, normalise=False)
    return found


def newest(project: Project, job: int, name: str = "particles") -> ParticleTable:
    """The particles of the newest result of a job on a set."""
    folder = max(project.folder.glob(f"jobs/J{job}-*/set-*"), key=lambda path: path.stat().st_mtime_ns)
    table = read_particle_parquet(folder / f"{name}.parquet")
    assert len(read_particle_star(folder / f"{name}.star")) == len(table)
    return table


def places(table: ParticleTable) -> list[tuple[str, float, float]]:
    columns = [table[name].tolist() for name in ("micrograph", "coordinate_x", "coordinate_y")]
    return list(zip(*columns, strict=True))


def test_particles_of_two_pickers_are_joined_and_stay_joined_as_images_arrive(tmp_path: Path) -> None:
    project = particles(tmp_path, closed=False)
    for how in ("union", "intersection", "difference"):
        project.add("combine-particles", "J5", "J6", how=how, radius=5, options={"batch": 1})
    project.run(workers=0, watch=False)
    union, common, only = (newest(project, number) for number in (7, 8, 9))
    assert places(union) == [("a", 30, 30), ("a", 60, 40), ("b", 30, 40), ("a", 80, 20), ("b", 60, 30)]
    assert places(common) == [("a", 30, 30)]
    assert [project.job_view(number).output for number in (7, 8)] == ["1 result: 5 particles", "1 result: 1 particle"]
    assert places(only) == [("a", 60, 40), ("b", 30, 40)]
    bring(project, "c")
    project.run(workers=0, watch=False)
    assert len(newest(project, 7)) == 6
    assert places(newest(project, 8)) == [("a", 30, 30), ("c", 40, 40)]
    # Other picks of the second input alone make it anew.
    project.act("edit_job", job=4, params={"scale": 0.5})
    project.act("close_source", job=1)
    project.run(workers=0, watch=False)
    assert len(newest(project, 7)) == 8
    assert len(newest(project, 9)) == 4
    (empty,) = project.tasks(job=8)
    assert "the intersection of the sets is empty (input 1 4, input 2 4 particles)" in empty.error["message"]


def test_a_set_is_divided_in_two_and_joined_again(tmp_path: Path) -> None:
    project = particles(tmp_path, closed=True)
    project.add("subset-particles", "J5", where='micrograph == "a" and coordinate_x < 50')
    project.add("subset-particles", "J5", where='micrograph == "a" and coordinate_x < 50', invert=True)
    project.add("combine-particles", "J7", "J8")
    project.run(workers=0, watch=False)
    assert places(newest(project, 7)) == [("a", 30, 30)]
    assert places(newest(project, 8)) == places(newest(project, 7, "rejected_particles"))
    assert sorted(places(newest(project, 9))) == sorted([*places(newest(project, 7)), *places(newest(project, 8))])


def test_sets_of_two_sources_are_joined_though_no_image_is_in_both(tmp_path: Path) -> None:
    """An image goes on by whichever input it has come."""
    project = particles(tmp_path, closed=True)
    for name in ("a", "b"):
        project.add("subset", "J5", **{"select": {"kind": "names", "patterns": [name]}})
    project.add("combine-particles", "J7", "J8")
    project.run(workers=0, watch=False)
    assert sorted(places(newest(project, 9))) == [("a", 30, 30), ("a", 60, 40), ("b", 30, 40)]
