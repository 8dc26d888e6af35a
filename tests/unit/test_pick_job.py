"""The job type ``pick``: files, where optics come from, tables of micrographs, errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from vitreous.core.errors import ComputeError, DataError, UsageError
from vitreous.core.optics import Ctf, Microscope
from vitreous.core.progress import silent
from vitreous.formats.micrograph_star import MicrographRow, write_micrograph_star
from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.particle_parquet import read_particle_parquet
from vitreous.formats.particle_star import read_particle_star
from vitreous.jobs.pick import JOB
from vitreous.jobs.pick_params import PickParams
from vitreous.project.batch import finish_batch, run_batch
from vitreous.workflow.job_type import ItemInput, SlotValue

PLACES = ((150, 200), (420, 180), (300, 420), (520, 500), (180, 540))


def micrograph(folder: Path, name: str = "a", pixel_size: float | None = 4.0, depth: float = 3.0) -> Path:
    image = np.random.default_rng(5).normal(60.0, 5.0, (660, 700)).astype(np.float32)
    y, x = np.mgrid[:660, :700]
    for cx, cy in PLACES:
        image -= depth * (np.hypot(x - cx, y - cy) < 18)
    return Path(write_mrc(folder / f"{name}.mrc", image, pixel_size=pixel_size))


def test_files_hold_all_candidates_and_the_kept_ones(tmp_path: Path) -> None:
    result = JOB.start(PickParams(diameter=160.0))(micrograph(tmp_path), tmp_path / "out", silent)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a_picks.json", "a_picks.parquet", "a_picks.png", "a_picks.star",
    ]  # fmt: skip
    table = read_particle_parquet(Path(result["outputs"]["picks"]))
    assert list(table.columns) == [
        "uid", "micrograph", "micrograph_path", "micrograph_pixel_size", "coordinate_x", "coordinate_y", "pick_score",
        "pick_power", "pick_source", "kept",
    ]  # fmt: skip
    kept = table.take(table["kept"] == 1)
    assert result["picks_found"] == len(kept) == len(PLACES)
    assert len(table) == result["candidates"] >= len(kept)
    found = sorted(zip(kept["coordinate_x"], kept["coordinate_y"], strict=True))
    assert np.abs(np.array(found) - np.array(sorted(PLACES))).max() < 5.0
    assert table["pick_score"].min() >= 4.0
    assert set(table["pick_source"]) == {"blob"}
    star = read_particle_star(Path(result["outputs"]["star"]))
    assert len(star) == len(PLACES)
    assert star["coordinate_x"] == pytest.approx(kept["coordinate_x"])
    assert star["pick_score"] == pytest.approx(kept["pick_score"])
    written = json.loads((tmp_path / "out" / "a_picks.json").read_text())
    assert written["outputs"]["picks"] == "a_picks.parquet"
    assert written["settings"]["min_distance"] == 120.0
    assert "CTF" in result["warnings"][0]


def test_another_threshold_chooses_among_the_same_candidates(tmp_path: Path) -> None:
    path = micrograph(tmp_path)
    low = JOB.start(PickParams(diameter=160.0, floor=3.5))(path, tmp_path / "low", silent)
    high = JOB.start(PickParams(diameter=160.0, threshold=900.0, floor=3.5))(path, tmp_path / "high", silent)
    one, two = (read_particle_parquet(Path(result["outputs"]["picks"])) for result in (low, high))
    assert one["uid"].tolist() == two["uid"].tolist()
    assert two["kept"].sum() == high["picks_found"] == 0
    assert any("no particle reaches 900" in text for text in high["warnings"])
    assert high["pick_score_median"] is None


def test_a_table_of_micrographs_gives_items_and_their_ctf(tmp_path: Path) -> None:
    microscope, ctf = Microscope(300.0, 2.7, 0.1), Ctf(15000.0, 14800.0, 20.0)
    paths = [micrograph(tmp_path, name, None) for name in ("a", "b")]
    star = tmp_path / "micrographs.star"
    write_micrograph_star(star, [MicrographRow(path.stem, path, 4.0, microscope, ctf) for path in paths])
    assert JOB.expand is not None
    for params, arguments in (
        (PickParams(diameter=160.0), [star]),
        (PickParams(diameter=160.0, micrographs=star), []),
        (PickParams(diameter=160.0, micrographs=star), paths),
    ):
        items = JOB.expand(params, arguments)
        assert [item.name for item in items] == ["a.mrc", "b.mrc"]
        results = run_batch(JOB, params, items, tmp_path / "out")
        assert [result["ctf_from"] for result in results] == ["table of micrographs"] * 2
        assert results[0]["settings"]["defocus_u"] == 15000.0
    written = finish_batch(JOB, params, results, tmp_path / "out")
    together = read_particle_star(Path(written["picks"]))
    assert len(together) == sum(result["picks_found"] for result in results)
    assert set(together["micrograph"]) == {"a", "b"}


def test_the_file_of_the_ctf_is_read_and_options_win(tmp_path: Path) -> None:
    path = micrograph(tmp_path)
    side = {"defocus_u": 15000.0, "defocus_v": 14800.0, "astigmatism_angle": 20.0, "phase_shift": 0.0,
            "settings": {"voltage": 300.0, "spherical_aberration": 2.7}}  # fmt: skip
    (tmp_path / "a_ctf.json").write_text(json.dumps(side))
    run = JOB.start(PickParams(diameter=160.0))
    assert run(path, tmp_path / "out", silent)["ctf_from"] == "file of the CTF"
    own = PickParams(diameter=160.0, defocus_u=9000.0, voltage=300.0, spherical_aberration=2.7)
    result = JOB.start(own)(path, tmp_path / "out", silent)
    assert (result["ctf_from"], result["settings"]["defocus_u"]) == ("options", 9000.0)
    with pytest.raises(DataError, match="does not exist"):
        JOB.start(PickParams(diameter=160.0, ctf_folder=tmp_path / "none"))(path, tmp_path / "out", silent)
    (tmp_path / "a_ctf.json").write_text('{"defocus_u": null}')
    with pytest.raises(DataError, match="can't read the CTF"):
        run(path, tmp_path / "out", silent)


def test_in_a_project_picks_bear_the_name_of_the_item(tmp_path: Path) -> None:
    path = micrograph(tmp_path, "file")
    assert JOB.on_item is not None
    run = JOB.on_item(PickParams(diameter=160.0))
    result = run(ItemInput("exposure 1", {}, {"micrograph": SlotValue(str(path))}), tmp_path / "out", silent)
    assert set(read_particle_parquet(Path(result["outputs"]["picks"]))["micrograph"]) == {"exposure 1"}
    with pytest.raises(UsageError, match="has no micrograph"):
        run(ItemInput("exposure 2"), tmp_path / "out", silent)


def test_class_averages_serve_as_templates(tmp_path: Path) -> None:
    y, x = np.mgrid[:64, :64] - 32
    average = (np.hypot(x, y) < 18).astype(np.float32)[None]
    file = write_mrc(tmp_path / "averages.mrcs", average, pixel_size=4.0, is_stack=True)
    params = PickParams(diameter=160.0, method="template", templates=file, psi_step=90.0)
    result = JOB.start(params)(micrograph(tmp_path), tmp_path / "out", silent)
    assert result["picks_found"] == len(PLACES)
    with pytest.raises(DataError, match=r"none\.mrc"):
        JOB.start(PickParams(diameter=160.0, method="template", templates=tmp_path / "none.mrc"))
    whole = PickParams(diameter=160.0, method="template", templates=micrograph(tmp_path, "b"))
    with pytest.raises(DataError, match=r"are no images of a particle of 160 Å|not square"):
        JOB.start(whole)(micrograph(tmp_path), tmp_path / "out", silent)


def test_a_header_that_contradicts_the_table_is_refused(tmp_path: Path) -> None:
    path, star = micrograph(tmp_path), tmp_path / "micrographs.star"
    write_micrograph_star(star, [MicrographRow("a", path, 2.0, Microscope(300.0, 2.7, 0.1), Ctf(15000.0, 15000.0))])
    for micrographs, refused in ((PickParams(diameter=160.0, micrographs=star), True),
                                 (PickParams(diameter=160.0, micrographs=star, pixel_size=4.0), False)):  # fmt: skip
        (result,) = run_batch(JOB, micrographs, [path], tmp_path / "out")
        assert ("error" in result) is refused
        if refused:
            assert "the pixel size is 4 Å in its header and 2 Å in the table" in result["error"]["message"]


def test_a_bad_micrograph_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    good, cut = micrograph(tmp_path), tmp_path / "cut.mrc"
    cut.write_bytes(good.read_bytes()[:100_000])
    results = run_batch(JOB, PickParams(diameter=160.0), [cut, tmp_path / "gone.mrc", good], tmp_path / "out")
    assert "one frame takes" in results[0]["error"]["message"]
    assert "does not exist" in results[1]["error"]["message"]
    written = finish_batch(JOB, PickParams(diameter=160.0), results, tmp_path / "out")
    assert set(read_particle_star(Path(written["picks"]))["micrograph"]) == {"a"}
    assert finish_batch(JOB, PickParams(diameter=160.0), results[:2], tmp_path / "out") == {}
    # No particle at all is no fault: files of none, and a sentence.
    (nothing,) = run_batch(JOB, PickParams(diameter=160.0, threshold=900.0, floor=800.0), [good], tmp_path / "none")
    assert nothing["picks_found"] == nothing["candidates"] == 0
    assert any("no particle reaches 900 σ" in note for note in nothing["warnings"])


def test_what_can_not_be_picked_leaves_no_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = JOB.start(PickParams(diameter=160.0))
    with pytest.raises(UsageError, match="pixel_size"):
        run(micrograph(tmp_path, "unknown", None), out, silent)
    for name, image, error in (
        ("blank", np.zeros((600, 600), np.float32), ComputeError),
        ("nan", np.full((600, 600), np.nan, np.float32), ComputeError),
        ("tiny", np.random.default_rng(1).normal(size=(20, 20)).astype(np.float32), DataError),
        ("movie", np.ones((3, 600, 600), np.float32), DataError),
    ):
        path = write_mrc(tmp_path / f"{name}.mrc", image, pixel_size=4.0)
        with pytest.raises(error):
            run(Path(path), out, silent)
    assert not out.exists() or not list(out.iterdir())


def test_parameters_that_contradict_are_refused() -> None:
    with pytest.raises(UsageError, match="diameter"):
        JOB.start(PickParams())
    with pytest.raises(ValidationError, match="floor"):
        PickParams(diameter=150.0, threshold=5.0, floor=6.0)
    with pytest.raises(ValidationError, match="needs templates"):
        PickParams(diameter=150.0, method="template")
    with pytest.raises(UsageError, match="characteristic"):
        JOB.start(PickParams(diameter=100.0, characteristic_radius=90.0))
    assert JOB.expand is not None
    with pytest.raises(UsageError, match="no micrographs"):
        JOB.expand(PickParams(diameter=150.0), [])
