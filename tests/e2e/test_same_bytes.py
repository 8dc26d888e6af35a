"""What jobs write is the same wherever the project lies, and what one job gives the next one takes."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from vitreous.core.progress import silent
from vitreous.jobs.ctf import JOB as CTF
from vitreous.jobs.measure import JOB as MEASURE
from vitreous.jobs.motion import JOB as MOTION
from vitreous.jobs.process import JOB as PROCESS
from vitreous.workflow.job_type import JobType, Result, Slot

FRAME_DOSES = (1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7)
PROJECT: dict[str, Any] = {"voltage": 300.0, "spherical_aberration": 2.7, "frame_doses": FRAME_DOSES}
OWN: dict[str, dict[str, Any]] = {
    "motion": {"patches": (2, 2), "first_frame": 3, "target_pixel_size": 2.0},
    "ctf": {"box": 128, "resample_to": 0.0, "max_resolution": 8.0},
    "measure": {},
}


@pytest.fixture(scope="module")
def frames(maker: ModuleType) -> np.ndarray:
    """Eight frames of 512 x 544 px at 1.3 Å."""
    stack: np.ndarray = maker.make_movie(maker.drift(5.0), n=8, shape=(512, 544), contrast=0.4)
    stack.setflags(write=False)
    return stack


def slot_values(job: JobType, result: Result) -> dict[str, dict[str, Any]]:
    """Slot → its columns' values, as a project keeps them."""
    return {slot.name: {name: result[key] for name, key in slot.columns.items()} for slot in job.gives}


def run(job: JobType, path: Path, out: Path, item_values: dict[str, Any], **machine: Any) -> Result:
    """Run a job as a project does: the job's own parameters, then the needed slot's values, then the project's."""
    known = {name: value for name, value in item_values.items() if value is not None}
    given = {**PROJECT, **known, **OWN[job.name], **machine}
    params = job.params(**{name: value for name, value in given.items() if name in job.params.model_fields})
    return job.start(params)(path, out, silent)


def run_chain(memory: float) -> dict[str, Result]:
    """Motion, then CTF and quality of its sum; all paths are relative."""
    motion = run(MOTION, Path("in/m.mrcs"), Path("jobs/1"), {}, memory=memory)
    micrograph = slot_values(MOTION, motion)["micrograph"]
    summed = Path(motion["outputs"]["sum"])
    return {
        "motion": motion,
        "ctf": run(CTF, summed, Path("jobs/2"), micrograph),
        "measure": run(MEASURE, summed, Path("jobs/3"), micrograph),
    }


@pytest.fixture(scope="module")
def projects(maker: ModuleType, frames: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two folders in which the same work was done, with more and with less memory, and the results."""
    done = []
    for name, memory in (("first", 1.0), ("a/longer name of/second", 0.0)):
        folder = tmp_path_factory.mktemp("project") / name
        maker.write_movie(folder / "in" / "m.mrcs", frames)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            done.append((folder, run_chain(memory)))
    return done


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_the_same_bytes_in_another_folder(projects: Any) -> None:
    first, second = (contents(folder) for folder, _ in projects)
    assert len(first) == 12
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_no_file_holds_a_folder_of_the_machine(projects: Any) -> None:
    for folder, _ in projects:
        for name, data in contents(folder).items():
            assert str(folder).encode() not in data, name


def test_json_files_name_outputs_relative_to_themselves(projects: Any) -> None:
    for folder, results in projects:
        for name, number in (("m.json", 1), ("m_ctf.json", 2), ("m_measure.json", 3)):
            path = folder / "jobs" / str(number) / name
            outputs = json.loads(path.read_text())["outputs"]
            assert all((path.parent / file).is_file() and "/" not in file for file in outputs.values())
        assert results["motion"]["outputs"]["sum"] == "jobs/1/m.mrc"
        assert results["motion"]["input"] == "in/m.mrcs"


def test_every_column_of_a_slot_is_in_the_result(projects: Any) -> None:
    _, results = projects[0]
    for job in (MOTION, CTF, MEASURE):
        optional = {"iciness_second_ring"}
        for slot in job.gives:
            check_slot(slot, results[job.name], optional)


def check_slot(slot: Slot, result: Result, optional: set[str]) -> None:
    """The slot's files and values are in the result, and values are plain."""
    assert {slot.file, *slot.files} - {None} <= set(result["outputs"]), slot.name
    for name, key in slot.columns.items():
        assert key in result or name in optional, (slot.name, name)
        assert isinstance(result.get(key), int | float | str | None), name


def test_ctf_and_quality_of_a_sum_know_its_pixel_size_frames_and_dose(projects: Any) -> None:
    _, results = projects[0]
    motion, ctf, measure = results["motion"], results["ctf"], results["measure"]
    assert motion["n_frames"] == 6
    assert motion["pixel_size"] == pytest.approx(2.0, abs=0.02)
    assert motion["total_dose"] == pytest.approx(sum(FRAME_DOSES[2:]))
    assert ctf["settings"]["pixel_size"] == pytest.approx(motion["pixel_size"], rel=1e-6)
    assert measure["n_frames"] == 6
    assert measure["total_dose"] == motion["total_dose"]
    assert measure["dose_per_frame"] == pytest.approx(motion["total_dose"] / 6)
    assert measure["counts_per_frame"] == pytest.approx(measure["mean"] / 6)
    assert measure["counted_dose"] == pytest.approx(measure["mean"] / motion["pixel_size"] ** 2, rel=1e-6)


def test_all_in_one_gives_the_same_figures_as_the_steps(
    projects: Any, maker: ModuleType, frames: Any, tmp_path
) -> None:
    path = maker.write_movie(tmp_path / "m.mrcs", frames)
    given = {**PROJECT, **OWN["motion"], **OWN["ctf"]}
    whole = PROCESS.start(PROCESS.params(**given))(path, tmp_path / "out", silent)
    steps = {}
    for job in (MOTION, CTF, MEASURE):
        for slot, values in slot_values(job, {"iciness_second_ring": None, **projects[0][1][job.name]}).items():
            steps[slot] = values
    found = slot_values(PROCESS, {"iciness_second_ring": None, **whole})
    for slot in PROCESS.gives:
        check_slot(slot, whole, {"iciness_second_ring"})
    for slot in ("motion", "micrograph", "ctf"):
        assert found[slot] == steps[slot]
    # Alone, the measurement judges neither drift nor defocus.
    for one in (found["quality"], steps["quality"]):
        one.pop("alerts"), one.pop("severe_alerts")
    assert found["quality"] == steps["quality"]
