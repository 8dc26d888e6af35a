"""The 2D classification as a job: files that it reads and writes, interruptions, growing sets, bad tables."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from vitreous.core.errors import Cancelled, DataError, UsageError
from vitreous.core.progress import silent
from vitreous.formats.class_model import read_class_model
from vitreous.formats.images import open_images
from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.particle_parquet import read_particle_parquet, write_particle_parquet
from vitreous.formats.particle_star import read_particle_star, write_particle_star
from vitreous.formats.star import read_star
from vitreous.jobs.classify2d import JOB, stopped
from vitreous.jobs.classify2d_params import Classify2dParams
from vitreous.jobs.classify2d_references import read_references
from vitreous.jobs.classify2d_run import classify
from vitreous.jobs.particle_sets import one_table, particles_of
from vitreous.model.particles import ParticleTable
from vitreous.workflow.job_type import ItemInput, SetWork, SlotValue

BOX, PIXEL, K = 32, 4.0, 3
QUICK = {"classes": K, "cycles": 3, "diameter": 70.0, "start_resolution": 30.0, "finish_resolution": 14.0}


def shapes() -> list[np.ndarray]:
    """Three white shapes that no rotation turns into each other: a rod, a triangle of discs, a ring."""
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    rod = (np.abs(x) < 8) & (np.abs(y) < 3)
    corners = [(0, 6), (-5, -4), (6, -3)]
    discs = np.any([np.hypot(x - a, y - b) < 3.5 for a, b in corners], axis=0)
    ring = np.abs(np.hypot(x, y) - 7) < 2
    return [shape.astype(np.float32) for shape in (rod, discs, ring)]


def noisy(count: int, seed: int, level: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Turned shapes in noise, float32 ``[count, box, box]``, and which shape each shows."""
    from scipy import ndimage

    drawn = np.random.default_rng(seed)
    kinds = np.arange(count) % K
    known = shapes()
    clean = [ndimage.rotate(known[kind], drawn.uniform(0, 360), reshape=False, order=1) for kind in kinds]
    return (np.stack(clean) + level * drawn.standard_normal((count, BOX, BOX))).astype(np.float32), kinds


def particle_set(folder: Path, count: int = 60, seed: int = 1, name: str = "particles", **columns: object) -> Path:
    """A stack and its STAR table in a folder; the table's path."""
    folder.mkdir(parents=True, exist_ok=True)
    images, kinds = noisy(count, seed)
    write_mrc(folder / f"{name}.mrcs", images, pixel_size=PIXEL, is_stack=True)
    write_particle_star(folder / f"{name}.star", table_of(folder / f"{name}.mrcs", kinds, seed, **columns))
    return folder / f"{name}.star"


def table_of(stack: Path, kinds: np.ndarray, seed: int = 1, **columns: object) -> ParticleTable:
    n = len(kinds)
    known = {
        "uid": 1000 * seed + np.arange(n),
        "micrograph": np.array([f"image{seed}"] * n, object),
        "coordinate_x": np.arange(n) * 10.0,
        "coordinate_y": np.arange(n) * 5.0,
        "image_stack": np.array([str(stack)] * n, object),
        "image_index": np.arange(n),
        "pixel_size": np.full(n, PIXEL),
        "box_size": np.full(n, BOX),
        "optics_group": np.ones(n, np.int64),
        "voltage": np.full(n, 300.0),
        "spherical_aberration": np.full(n, 2.7),
        "amplitude_contrast": np.full(n, 0.1),
        "defocus_u": np.full(n, 300.0),
        "defocus_v": np.full(n, 280.0),
        "astigmatism_angle": np.full(n, 20.0),
        "rlnTrueKind": kinds,
    }
    return ParticleTable({**known, **columns})


def run(path: Path, out: Path, **given: object) -> dict:
    params = Classify2dParams(**{**QUICK, "ctf": False, **given})
    out.mkdir(parents=True, exist_ok=True)
    return dict(JOB.start(params)(path, out, silent))


def item(name: str, folder: Path, count: int, seed: int) -> ItemInput:
    """An exposure with extracted particles, as the extraction job leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    images, kinds = noisy(count, seed)
    write_mrc(folder / f"{name}.mrcs", images, pixel_size=PIXEL, is_stack=True)
    table = table_of(Path(f"{name}.mrcs"), kinds, seed, micrograph=np.array([name] * count, object))
    write_particle_parquet(folder / f"{name}.parquet", table)
    files = {"table": str(folder / f"{name}.parquet")}
    return ItemInput(name, slots={"particles": SlotValue(str(folder / f"{name}.mrcs"), files)})


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished classification of 60 particles."""
    folder = tmp_path_factory.mktemp("done")
    star = particle_set(folder)
    run(star, folder / "out")
    return folder


def test_the_particles_keep_their_columns_and_gain_class_and_pose(done: Path) -> None:
    before, after = read_particle_star(done / "particles.star"), read_particle_star(done / "out" / "particles.star")
    assert set(before.columns) <= set(after.columns)
    assert np.array_equal(before["coordinate_x"], after["coordinate_x"])
    assert np.array_equal(before["rlnTrueKind"], after["rlnTrueKind"])
    labels = set(read_star(done / "out" / "particles.star")["particles"].names)
    assert {"rlnClassNumber", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst", "rlnMaxValueProbDistribution",
            "rlnLogLikeliContribution"} <= labels  # fmt: skip
    assert after["class_number"].min() >= 1
    assert after["class_number"].max() <= K
    assert Path(after["image_stack"][0]).is_file()
    parquet = read_particle_parquet(done / "out" / "particles.parquet")
    assert Path(parquet["image_stack"][0]).is_absolute()
    assert np.allclose(parquet["psi"], after["psi"], atol=1e-4)


def test_the_record_counts_every_particle_and_names_every_iteration(done: Path) -> None:
    model = read_class_model(done / "out" / "model.json")
    assert (model.finished, model.iteration, model.iterations, model.n_used) == (True, 3, 3, 60)
    assert sum(one.particles for one in model.classes) == 60
    assert sorted(one.rank for one in model.classes) == [1, 2, 3]
    assert [entry["iteration"] for entry in model.history] == [1, 2, 3]
    assert all(entry["seconds"] is not None for entry in model.history)
    assert model.lineage
    with open_images(done / "out" / "classes.mrcs") as file:
        assert (file.header.n_frames, file.header.shape) == (K, (BOX, BOX))
        assert file.header.acquisition.pixel_size == pytest.approx(PIXEL)
    assert (done / "out" / "classes.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_command_again_goes_on_from_the_end(done: Path) -> None:
    before = (done / "out" / "state.npz").read_bytes()
    result = run(done / "particles.star", done / "out")
    assert result["iterations"] == 3
    assert (done / "out" / "state.npz").read_bytes() == before


def test_another_run_in_the_same_folder_is_refused_unless_it_restarts(done: Path, tmp_path: Path) -> None:
    shutil.copytree(done / "out", tmp_path / "out")
    with pytest.raises(UsageError, match="other particles or with other parameters") as caught:
        run(done / "particles.star", tmp_path / "out", seed=2)
    assert "--restart" in caught.value.hint
    run(done / "particles.star", tmp_path / "out", seed=2, restart=True)
    assert read_class_model(tmp_path / "out" / "model.json").seed == 2


def test_a_finished_run_goes_on_for_more_iterations_with_the_same_class_numbers(done: Path, tmp_path: Path) -> None:
    run(done / "particles.star", tmp_path / "more", continue_from=done / "out" / "model.json", cycles=2, classes=None)
    before, after = (read_class_model(folder / "model.json") for folder in (done / "out", tmp_path / "more"))
    assert (after.iteration, after.iterations, after.lineage) == (5, 5, before.lineage)
    old, new = (read_particle_star(f / "particles.star")["class_number"] for f in (done / "out", tmp_path / "more"))
    assert np.mean(old == new) > 0.7
    with pytest.raises(UsageError, match="its own folder"):
        run(done / "particles.star", done / "out", continue_from=done / "out")


def test_references_keep_their_place_and_are_brought_to_box_and_pixel(tmp_path: Path) -> None:
    star = particle_set(tmp_path)
    write_mrc(tmp_path / "references.mrcs", np.stack(shapes()), pixel_size=PIXEL, is_stack=True)
    run(star, tmp_path / "out", references=tmp_path / "references.mrcs", classes=None)
    table = read_particle_star(tmp_path / "out" / "particles.star")
    assert np.mean(table["class_number"] == table["rlnTrueKind"] + 1) > 0.8
    from vitreous.jobs.classify2d_images import Geometry

    halved = read_references(tmp_path / "references.mrcs", Geometry(20, 2 * PIXEL)).numpy()
    assert halved.shape == (3, 20, 20)
    y, x = np.unravel_index(halved[2].argmin(), (20, 20))
    assert halved[1].sum() == pytest.approx(shapes()[1].sum() / 4, rel=0.1)
    assert 0 <= y < 20
    assert 0 <= x < 20


def test_references_that_are_no_averages_are_refused(tmp_path: Path) -> None:
    star = particle_set(tmp_path, 9)
    for images, words in (
        (np.ones((2, 24, 32)), "32 x 24 px are not square"),
        (np.full((2, 32, 32), np.nan), "finite"),
    ):
        write_mrc(tmp_path / "bad.mrcs", images.astype(np.float32), pixel_size=PIXEL, is_stack=True)
        with pytest.raises(DataError, match=words):
            run(star, tmp_path / "out", references=tmp_path / "bad.mrcs", classes=None)
    write_mrc(tmp_path / "two.mrcs", np.stack(shapes()[:2]), pixel_size=PIXEL, is_stack=True)
    with pytest.raises(UsageError, match="3 classes are asked for, and there are 2 to begin with"):
        run(star, tmp_path / "out", references=tmp_path / "two.mrcs")


CHILD = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from vitreous.core.progress import silent
from vitreous.jobs.classify2d import JOB
from vitreous.jobs.classify2d_params import Classify2dParams
params = Classify2dParams.model_validate_json(sys.argv[3])
JOB.start(params)(Path(sys.argv[1]), Path(sys.argv[2]), silent)
"""
TIMELESS = ("state.npz", "classes.mrcs", "particles.star", "particles.parquet", "classes.png", "model.star")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Products may differ in their last bits with the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def assert_same_files(first: Path, second: Path) -> None:
    for name in TIMELESS:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_run_that_was_killed_comes_to_the_same_bytes(tmp_path: Path, one_thread: None) -> None:
    star, given = particle_set(tmp_path), {"cycles": 8}
    run(star, tmp_path / "undisturbed", **given)
    (tmp_path / "killed").mkdir()
    model, wanted = tmp_path / "killed" / "model.json", random.randint(1, 6)
    params = Classify2dParams(**{**QUICK, "ctf": False, **given}).model_dump_json()
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(star), str(tmp_path / "killed"), params])
    while child.poll() is None and (not model.is_file() or read_class_model(model).iteration < wanted):
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert wanted <= read_class_model(model).iteration <= 8
    run(star, tmp_path / "killed", **given)
    assert_same_files(tmp_path / "undisturbed", tmp_path / "killed")


def test_two_processes_come_to_the_same_bytes_as_one(tmp_path: Path, one_thread: None) -> None:
    star = particle_set(tmp_path, 150)
    for workers in (1, 2):
        run(star, tmp_path / f"by{workers}", workers=workers)
    assert_same_files(tmp_path / "by1", tmp_path / "by2")


def test_ctrl_c_leaves_a_state_that_goes_on(tmp_path: Path) -> None:
    star, told = particle_set(tmp_path), []

    def interrupt(fraction: float, what: str) -> None:
        told.append(what)
        if what.startswith("2/"):
            raise KeyboardInterrupt

    params = Classify2dParams(**QUICK, ctf=False)
    (tmp_path / "out").mkdir()
    with pytest.raises(Cancelled, match="stopped after iteration 1 of 3") as caught:
        JOB.start(params)(star, tmp_path / "out", interrupt)
    assert "same command" in caught.value.hint
    assert len(told[-1]) <= 40
    assert not read_class_model(tmp_path / "out" / "model.json").finished
    assert run(star, tmp_path / "out")["iterations"] == 3
    assert "before the first" in stopped(tmp_path / "nowhere").message


def test_a_growing_set_keeps_class_numbers_and_takes_new_particles_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    items = [item(f"image{k}", Path("jobs/J3"), 36, k) for k in (1, 2, 3)]
    params = Classify2dParams(**QUICK, ctf=False, update_cycles=1)
    runner = JOB.on_growing_set(params)
    runner(items[:2], SetWork(Path("r1"), Path("s1"), None, complete=False), silent)
    second = runner(items, SetWork(Path("r2"), Path("s2"), Path("r1"), complete=False), silent)
    models = [read_class_model(Path(f"r{k}/model.json")) for k in (1, 2)]
    assert [(one.n_used, one.iteration) for one in models] == [(72, 3), (108, 4)]
    assert models[0].lineage == models[1].lineage
    tables = [read_particle_parquet(Path(f"r{k}/particles.parquet")) for k in (1, 2)]
    assert tables[1]["image_stack"][0] == "jobs/J3/image1.mrcs"
    same = tables[1].take(np.isin(tables[1]["uid"], tables[0]["uid"]))
    assert np.mean(same["class_number"] == tables[0]["class_number"]) > 0.7
    narrow = read_particle_parquet(Path(second["outputs"]["table2d"]))
    assert list(narrow.columns) == [
        "uid", "class_number", "psi", "origin_x", "origin_y", "max_probability", "log_likelihood",
    ]  # fmt: skip
    # The last run, of fewer images: one was trashed.
    runner(items[1:], SetWork(Path("r3"), Path("s3"), Path("r2"), complete=True), silent)
    last = read_class_model(Path("r3/model.json"))
    assert (last.n_used, last.iteration, last.iterations, last.lineage) == (72, 7, 7, models[0].lineage)
    shared = {"particle_set": SlotValue("r3/particles.parquet")}
    members = [ItemInput(one.name, slots={**one.slots, **shared}) for one in items]
    assert len(particles_of(members)) == 72
    assert len(particles_of(members[1:2])) == 36


def test_more_particles_than_the_classes_were_made_for_begin_anew(tmp_path: Path) -> None:
    star = particle_set(tmp_path, 40)
    params = Classify2dParams(**{**QUICK, "classes": None, "cycles": 1}, ctf=False)
    few = classify(read_particle_star(star), params, SetWork(tmp_path / "a", tmp_path / "as"), silent, root=tmp_path)
    many = read_particle_star(particle_set(tmp_path, 100, name="many"))
    work = SetWork(tmp_path / "b", tmp_path / "bs", tmp_path / "a", complete=False)
    more = classify(many, params, work, silent, root=tmp_path)
    assert more["n_classes"] > few["n_classes"]
    assert (
        read_class_model(tmp_path / "a" / "model.json").lineage
        != read_class_model(tmp_path / "b" / "model.json").lineage
    )


def test_noise_groups_are_the_optics_groups_and_keep_their_numbers() -> None:
    from vitreous.jobs.classify2d_images import noise_groups

    table = ParticleTable({"optics_group": np.array([7, 2, 7, 3])})
    groups, labels = noise_groups(table, np.arange(4), np.array([7]))
    assert labels.tolist() == [7, 2, 3]
    assert groups.tolist() == [0, 1, 0, 2]


# --- bad tables ----------------------------------------------------------------------------------------------------


def test_no_particles_are_refused(tmp_path: Path) -> None:
    table = read_particle_star(particle_set(tmp_path, 6)).take([])
    with pytest.raises(UsageError, match="there are no particles"):
        classify(table, Classify2dParams(), SetWork(tmp_path, tmp_path), silent, root=None)


def test_more_classes_than_particles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="3 classes of 2 particles"):
        run(particle_set(tmp_path, 2), tmp_path / "out")


def test_one_particle_makes_one_class(tmp_path: Path) -> None:
    result = run(particle_set(tmp_path, 1), tmp_path / "out", classes=None, cycles=1)
    assert (result["n_classes"], result["classes_alive"]) == (1, 1)


def test_images_that_are_not_finite_are_left_out_and_named(tmp_path: Path) -> None:
    star = particle_set(tmp_path, 30)
    images, _ = noisy(30, 1)
    images[4, 3, 3], images[7] = np.nan, 2.0
    write_mrc(tmp_path / "particles.mrcs", images, pixel_size=PIXEL, is_stack=True)
    result = run(star, tmp_path / "out")
    assert result["warnings"] == [
        "left out: 2 of 30 particles (rows 5, 8), whose images are not finite or have one value only"
    ]
    table = read_particle_parquet(tmp_path / "out" / "particles.parquet")
    assert np.flatnonzero(np.isnan(table["class_number"])).tolist() == [4, 7]
    assert read_particle_star(tmp_path / "out" / "particles.star")["class_number"][4] == 0
    images[:] = np.nan
    write_mrc(tmp_path / "particles.mrcs", images, pixel_size=PIXEL, is_stack=True)
    with pytest.raises(DataError, match="0 of 30 images are finite"):
        run(star, tmp_path / "all")


def test_blank_edges_stay_out_for_any_number_of_processes(tmp_path: Path, one_thread: None) -> None:
    star = particle_set(tmp_path, 40)
    images, _ = noisy(40, 1)
    images[[3, 17], 0] = 0.25
    write_mrc(tmp_path / "particles.mrcs", images, pixel_size=PIXEL, is_stack=True)
    for workers in (1, 2):
        result = run(star, tmp_path / f"by{workers}", exclude_blank_edges=True, workers=workers, cycles=1)
        assert result["warnings"] == ["left out: 2 of 40 particles (rows 4, 18), whose edges are blank"]
        table = read_particle_parquet(tmp_path / f"by{workers}" / "particles.parquet")
        assert np.flatnonzero(np.isnan(table["class_number"])).tolist() == [3, 17]
    assert_same_files(tmp_path / "by1", tmp_path / "by2")
    images[:, 0] = 0.25
    write_mrc(tmp_path / "particles.mrcs", images, pixel_size=PIXEL, is_stack=True)
    with pytest.raises(DataError, match="none of 40 images can be classified"):
        run(star, tmp_path / "all", exclude_blank_edges=True)
    assert run(star, tmp_path / "kept", cycles=1)["n_used"] == 40


def test_a_run_stops_where_nothing_changes_and_goes_no_further(tmp_path: Path, one_thread: None) -> None:
    star = particle_set(tmp_path, 60)
    given = {"cycles": 14, "references": tmp_path / "references.mrcs", "classes": None}
    write_mrc(tmp_path / "references.mrcs", np.stack(shapes()), pixel_size=PIXEL, is_stack=True)
    result = run(star, tmp_path / "out", **given)
    model = read_class_model(tmp_path / "out" / "model.json")
    assert 11 <= result["iterations"] < 14
    assert (model.finished, model.iterations) == (True, result["iterations"])
    assert run(star, tmp_path / "out", **given)["iterations"] == result["iterations"]
    assert run(star, tmp_path / "all", **given, stop_early=False)["iterations"] == 14


def test_a_table_of_relion_3_0_is_classified(tmp_path: Path) -> None:
    particle_set(tmp_path, 12)
    labels = ("ImageName", "MicrographName", "Voltage", "SphericalAberration", "AmplitudeContrast", "DefocusU",
              "DefocusV", "DefocusAngle", "Magnification", "DetectorPixelSize")  # fmt: skip
    rows = [f"{n + 1:06d}@particles.mrcs m{n // 6}.mrc 300 2.7 0.1 300 280 20 12500 5.0" for n in range(12)]
    text = ["", "data_", "", "loop_", *(f"_rln{name} #{n + 1}" for n, name in enumerate(labels)), *rows, ""]
    (tmp_path / "old.star").write_text("\n".join(text))
    result = run(tmp_path / "old.star", tmp_path / "out", cycles=1, ctf=True)
    assert result["n_used"] == 12
    assert read_class_model(tmp_path / "out" / "model.json").pixel_size == pytest.approx(4.0)
    assert read_particle_star(tmp_path / "out" / "particles.star")["class_number"].min() >= 1


def test_mixed_boxes_and_pixel_sizes_are_refused_by_name(tmp_path: Path) -> None:
    table = read_particle_star(particle_set(tmp_path, 6))
    write_mrc(tmp_path / "small.mrcs", np.ones((6, 24, 24), np.float32), pixel_size=PIXEL, is_stack=True)
    stacks = table["image_stack"].copy()
    stacks[3:] = str(tmp_path / "small.mrcs")
    params, work = Classify2dParams(**QUICK, ctf=False), SetWork(tmp_path, tmp_path)
    with pytest.raises(DataError, match=r"boxes differ: 32 x 32 px in .*particles.mrcs, 24 x 24 px in .*small.mrcs"):
        classify(table.with_columns(image_stack=stacks), params, work, silent, root=None)
    sizes = np.where(np.arange(6) < 2, 4.0, 5.0)
    with pytest.raises(DataError, match=r"pixel sizes differ: 4 Å \(2 particles\) and 5 Å \(4 particles\)"):
        classify(table.with_columns(pixel_size=sizes), params, work, silent, root=None)


def test_missing_and_cut_stacks_are_named(tmp_path: Path) -> None:
    star = particle_set(tmp_path, 6)
    stack = tmp_path / "particles.mrcs"
    os.truncate(stack, stack.stat().st_size - 2 * 4 * BOX * BOX)
    with pytest.raises(DataError, match=r"particles.mrcs has 4 images, and image 6 is asked of it \(the file is cut"):
        run(star, tmp_path / "out")
    stack.unlink()
    with pytest.raises(DataError, match="of 6 particles is not there"):
        run(star, tmp_path / "out")


def test_particles_without_ctf_need_to_be_told_so(tmp_path: Path) -> None:
    table = read_particle_star(particle_set(tmp_path, 9))
    work = SetWork(tmp_path / "out", tmp_path / "out")
    broken = table.with_columns(defocus_u=np.where(np.arange(9) == 2, np.nan, 300.0))
    with pytest.raises(UsageError, match=r"defocus_u is not known of 1 of 9 particles \(row 3\)") as caught:
        classify(broken, Classify2dParams(**QUICK), work, silent, root=None)
    assert "--no-ctf" in caught.value.hint
    with pytest.raises(UsageError, match="have no CTF: defocus_u"):
        classify(table.without_columns("defocus_u"), Classify2dParams(**QUICK), work, silent, root=None)
    params = Classify2dParams(**{**QUICK, "cycles": 1})
    assert classify(table, params, work, silent, root=None)["n_used"] == 9


def test_two_tables_at_once_are_refused() -> None:
    with pytest.raises(UsageError, match="2 particle tables"):
        one_table(Classify2dParams(), [Path("a.star"), Path("b.star")])


def test_a_state_that_is_damaged_says_so(done: Path, tmp_path: Path) -> None:
    shutil.copytree(done / "out", tmp_path / "out")
    (tmp_path / "out" / "state.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(DataError, match=r"state.npz: the state of the classification can't be read"):
        run(done / "particles.star", tmp_path / "out")
