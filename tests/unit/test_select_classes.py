"""Classes chosen by hand, by the rule, and by likeness where the numbers mean other classes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vitreous.core.errors import DataError, UsageError
from vitreous.core.progress import silent
from vitreous.formats.class_model import ClassModel, ClassRecord, read_class_model, write_class_model
from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.particle_parquet import read_particle_parquet, write_particle_parquet
from vitreous.formats.particle_star import read_particle_star
from vitreous.jobs.class_match import similarities
from vitreous.jobs.select_classes import JOB, SelectClassesParams, suggested
from vitreous.model.particles import ParticleTable
from vitreous.workflow.job_type import ItemInput, SetWork, SlotValue

BOX = 32
QUALITIES = (0.9, 0.2, 0.7, None)
PARTICLES = (40, 30, 20, 0)
RESOLUTIONS = (9.0, 25.0, 18.0, None)


def drawn(turn: float = 0.0) -> np.ndarray:
    """Four averages: a rod, a lone disc off the centre, three discs, and an empty one; turned by degrees."""
    from scipy import ndimage

    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    rod = (np.abs(x) < 9) & (np.abs(y) < 2)
    lone = np.hypot(x - 5, y) < 3
    three = np.any([np.hypot(x - a, y - b) < 3 for a, b in ((0, 7), (-6, -4), (7, -2))], axis=0)
    images = [ndimage.rotate(one.astype(np.float32), turn, reshape=False, order=1) for one in (rod, lone, three)]
    return np.stack([*images, np.zeros((BOX, BOX), np.float32)])


def classification(
    folder: Path, averages: np.ndarray, order: tuple[int, ...] = (0, 1, 2, 3), lineage: str = "a"
) -> Path:
    """A finished run in a folder: its classes are those of QUALITIES in that order."""
    folder.mkdir(parents=True)
    records = tuple(
        ClassRecord(place + 1, PARTICLES[kind], PARTICLES[kind] / 90, RESOLUTIONS[kind], QUALITIES[kind], place + 1,
                    (QUALITIES[kind] or 0) >= 0.5)
        for place, kind in enumerate(order)
    )  # fmt: skip
    model = ClassModel(20, 20, True, 92, 90, 4.0, BOX, 100.0, 8.0, records, lineage=lineage)
    write_class_model(folder / "model.json", model)
    write_mrc(folder / "classes.mrcs", averages[list(order)], pixel_size=4.0, is_stack=True)
    write_mrc(folder / "particles.mrcs", np.zeros((92, BOX, BOX), np.float32), pixel_size=4.0, is_stack=True)
    numbers = np.concatenate([np.full(PARTICLES[kind], place + 1.0) for place, kind in enumerate(order)])
    table = ParticleTable(
        {
            "uid": np.arange(92),
            "image_stack": np.array(["particles.mrcs"] * 92, object),
            "image_index": np.arange(92),
            "pixel_size": np.full(92, 4.0),
            "psi": np.r_[np.zeros(90), np.nan, np.nan],
            "class_number": np.r_[numbers, np.nan, np.nan],
        }
    )
    write_particle_parquet(folder / "particles.parquet", table)
    return folder


def members(folder: Path) -> list[ItemInput]:
    slots = {
        "classes2d": SlotValue(str(folder / "classes.mrcs"), {"model": str(folder / "model.json")}),
        "particle_set": SlotValue(str(folder / "particles.parquet")),
    }
    return [ItemInput(f"image{k}", slots=slots) for k in range(3)]


def test_classes_named_by_hand_are_kept_and_the_others_set_aside(tmp_path: Path) -> None:
    folder = classification(tmp_path / "run", drawn())
    result = JOB.start(SelectClassesParams(classes=(1, 3)))(folder / "model.json", tmp_path / "out", silent)
    assert (result["n_kept"], result["n_rejected"], result["by"]) == (60, 32, "hand")
    kept = read_particle_star(tmp_path / "out" / "particles.star")
    assert set(kept["class_number"].tolist()) == {1, 3}
    assert Path(kept["image_stack"][0]).is_file()
    rejected = read_particle_parquet(tmp_path / "out" / "rejected_particles.parquet")
    assert len(rejected) == 32  # with the two that were in no class
    assert json.loads((tmp_path / "out" / "selection.json").read_text())["rejected_classes"] == [2, 4]


def test_the_rule_goes_by_quality_particles_and_resolution(tmp_path: Path) -> None:
    folder = classification(tmp_path / "run", drawn())
    classes = read_class_model(folder / "model.json").classes
    assert suggested(classes, SelectClassesParams()) == (1, 3)
    assert suggested(classes, SelectClassesParams(threshold=0.1)) == (1, 2, 3)
    assert suggested(classes, SelectClassesParams(min_particles=25)) == (1,)
    assert suggested(classes, SelectClassesParams(threshold=0.0, max_resolution=20.0)) == (1, 3)
    result = JOB.start(SelectClassesParams())(folder / "model.json", tmp_path / "out", silent)
    assert result["kept_classes"] == [1, 3]


def test_choices_that_cannot_be_made_say_why(tmp_path: Path) -> None:
    folder = classification(tmp_path / "run", drawn())
    with pytest.raises(UsageError, match="there is no class 9: they are numbered 1 to 4"):
        JOB.start(SelectClassesParams(classes=(9,)))(folder / "model.json", tmp_path / "out", silent)
    with pytest.raises(UsageError, match="no particle is left: classes 4 are kept of 4"):
        JOB.start(SelectClassesParams(classes=(4,)))(folder / "model.json", tmp_path / "out", silent)
    with pytest.raises(UsageError, match="would take the place of all"):
        JOB.start(SelectClassesParams())(folder / "model.json", folder, silent)
    (folder / "particles.parquet").unlink()
    with pytest.raises(DataError, match=r"has no particles\.parquet"):
        JOB.start(SelectClassesParams())(folder / "model.json", tmp_path / "out", silent)


def test_numbers_hold_when_the_same_run_went_on(tmp_path: Path) -> None:
    runner = JOB.on_growing_set(SelectClassesParams(classes=(3,)))
    first = classification(tmp_path / "one", drawn())
    second = classification(tmp_path / "two", drawn(30.0))
    runner(members(first), SetWork(tmp_path / "r1", tmp_path / "s"), silent)
    result = runner(members(second), SetWork(tmp_path / "r2", tmp_path / "s", tmp_path / "r1"), silent)
    assert (result["kept_classes"], result["by"], result["warnings"]) == ([3], "hand", [])


def test_of_another_run_the_classes_that_look_alike_are_kept(tmp_path: Path) -> None:
    runner = JOB.on_growing_set(SelectClassesParams(classes=(1, 3)))
    first = classification(tmp_path / "one", drawn())
    runner(members(first), SetWork(tmp_path / "r1", tmp_path / "s"), silent)
    mirrored = drawn(100.0)[:, :, ::-1]
    other = classification(tmp_path / "two", mirrored, order=(1, 2, 3, 0), lineage="b")
    result = runner(members(other), SetWork(tmp_path / "r2", tmp_path / "s", tmp_path / "r1"), silent)
    assert (result["kept_classes"], result["by"]) == ([2, 4], "likeness")
    assert "another run" in result["warnings"][0]


def test_of_another_run_without_an_earlier_result_the_rule_decides(tmp_path: Path) -> None:
    other = classification(tmp_path / "two", drawn(), order=(1, 2, 3, 0), lineage="b")
    runner = JOB.on_growing_set(SelectClassesParams(classes=(1, 3), lineage="a"))
    result = runner(members(other), SetWork(tmp_path / "r2", tmp_path / "s"), silent)
    assert (result["kept_classes"], result["by"]) == ([2, 4], "rule")
    assert "choose again" in result["warnings"][0]


def test_likeness_does_not_see_turns_and_mirrors() -> None:
    found = similarities(drawn(), drawn(77.0)[:, ::-1])
    assert np.diag(found)[:3].min() > 0.9
    assert found[:3, 3].tolist() == [0.0, 0.0, 0.0]
    assert found[0, 1] < 0.7
