"""Jobs on picks in a project: picks by hand for one image alone, and the consensus of two inputs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engine_project import install, make, states

from vitreous.core.errors import UsageError
from vitreous.formats.coordinates import write_coordinates
from vitreous.formats.particle_parquet import read_particle_parquet
from vitreous.model.particles import ParticleTable, joined
from vitreous.project.project import Project


def picks(name: str, *places: tuple[float, float]) -> ParticleTable:
    x, y = np.array(places, dtype=float).T
    return ParticleTable({"micrograph": np.full(len(x), name, dtype=object), "coordinate_x": x, "coordinate_y": y})


@pytest.fixture(scope="module", autouse=True)
def _plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    undo = install(tmp_path_factory.mktemp("plugin"))
    yield
    undo()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Micrographs of two images (J2), and two sets of picks of other programs."""
    found = make(tmp_path / "p", "a", "b")
    found.add("shoots", "J1")
    for number, tables in enumerate(
        ([picks("a", (10, 10), (50, 20)), picks("b", (30, 30))], [picks("a", (12, 10)), picks("b", (70, 30))])
    ):
        write_coordinates(tmp_path / f"{number}.csv", joined(tables), "csv")
    return found


def table(project: Project, job: str, item: str) -> ParticleTable:
    """The newest picks of an item."""
    files = sorted(project.folder.glob(f"jobs/{job}-*/{item}-*/*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    return read_particle_parquet(files[-1])


def brought(project: Project) -> None:
    for number in range(2):
        project.add("import-picks", "J2", source=str(project.folder.parent / f"{number}.csv"))


def test_edits_by_hand_are_of_one_image_and_leave_the_others_alone(project: Project) -> None:
    brought(project)
    project.add("select-picks", "J3")
    project.run(workers=0, watch=False)
    assert states(project, 5) == {"a": "done", "b": "done"}
    assert table(project, "J5", "a")["kept"].tolist() == [1, 1]
    edits = {"added": [[80, 40]], "removed": [[49, 19]]}
    project.act("set_item_parameters", selection={"names": ["a"]}, type="select-picks", params=edits)
    project.run(workers=0, watch=False)
    after = table(project, "J5", "a")
    assert after["kept"].tolist() == [1, 0, 1]
    assert after["pick_source"].tolist() == ["imported", "imported", "hand"]
    assert len(list(project.folder.glob("jobs/J5-*/a-*"))) == 2
    assert len(list(project.folder.glob("jobs/J5-*/b-*"))) == 1


def test_two_projects_in_one_process_have_each_their_own_files(tmp_path: Path) -> None:
    """Parameters name files relative to the project, so that equal ones do not mean equal work."""
    for place in (10.0, 30.0):
        folder = tmp_path / f"{place:g}"
        folder.mkdir()
        found = make(folder / "p", "a")
        found.add("shoots", "J1")
        write_coordinates(folder / "picks.csv", picks("a", (place, 10.0)), "csv")
        found.add("import-picks", "J2", source=str(folder / "picks.csv"))
        found.run(workers=0, watch=False)
        assert table(found, "J3", "a")["coordinate_x"].tolist() == [place]


def test_consensus_and_comparison_see_both_inputs(project: Project) -> None:
    brought(project)
    project.add("consensus", "J3", "J4", radius=5)
    project.add("compare-picks", "J3", "J4", radius=5)
    project.run(workers=0, watch=False)
    assert states(project, 5) == states(project, 6) == {"a": "done", "b": "done"}
    found = table(project, "J5", "a")
    assert found.take(found["kept"] == 1)["coordinate_x"].tolist() == [11.0]
    assert table(project, "J5", "b")["kept"].tolist() == [0, 0]
    # Other picks of the second input alone make it anew.
    project.act("edit_job", job=4, params={"scale": 0.5})
    project.run(workers=0, watch=False)
    assert table(project, "J5", "a")["kept"].tolist() == [0, 0, 0]
    with pytest.raises(UsageError, match="several jobs, one is given"):
        project.add("consensus", "J3", radius=5)
