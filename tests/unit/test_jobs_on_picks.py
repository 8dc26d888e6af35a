"""Jobs on picks, as plain commands run them: import, selection, consensus, comparison."""

from __future__ import annotations

import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from vitreous.core.errors import DataError, UsageError
from vitreous.core.progress import silent
from vitreous.formats.coordinates import write_coordinates
from vitreous.formats.particle_parquet import read_particle_parquet
from vitreous.formats.particle_star import read_particle_star
from vitreous.jobs.compare_picks import JOB as COMPARE
from vitreous.jobs.compare_picks import ComparePicksParams
from vitreous.jobs.consensus import JOB as CONSENSUS
from vitreous.jobs.consensus import ConsensusParams
from vitreous.jobs.import_picks import JOB as IMPORT
from vitreous.jobs.import_picks import ImportPicksParams
from vitreous.jobs.pick_files import write_picks
from vitreous.jobs.select_picks import JOB as SELECT
from vitreous.jobs.select_picks import SelectPicksParams, select_picks
from vitreous.model.particles import ParticleTable
from vitreous.project.batch import finish_batch, run_batch
from vitreous.workflow.job_type import ItemInput, JobType, Params, Result, SlotValue


def picks(*places: tuple[float, float], score: list[float] | None = None, name: str = "m1") -> ParticleTable:
    n = len(places)
    x, y = np.array(places, dtype=float).reshape(-1, 2).T
    return ParticleTable(
        {
            "micrograph": np.full(n, name, dtype=object), "coordinate_x": x, "coordinate_y": y,
            "pick_score": np.array(score if score is not None else [5.0] * n), "pick_power": np.full(n, 1.0),
            "kept": np.array([value >= 5 for value in score] if score is not None else [1] * n),
        }
    )  # fmt: skip


def command(job: JobType, params: Params, out: Path, *items: Path) -> tuple[list[Result], dict[str, str]]:
    results = run_batch(job, params, items, out)
    return results, dict(finish_batch(job, params, results, out))


@pytest.fixture
def micrograph(tmp_path: Path) -> Path:
    path = tmp_path / "m1.mrc"
    with mrcfile.new(path) as file:
        file.set_data(np.zeros((60, 100), np.float32))
    return path


# --- select-picks --------------------------------------------------------------------------------------------------


def kept(table: ParticleTable, **params: object) -> list[int]:
    found, _ = select_picks(table, SelectPicksParams(**params), "m1")  # type: ignore[arg-type]
    return np.flatnonzero(found["kept"] == 1).tolist()


def test_thresholds_bring_candidates_back_and_take_picks_away() -> None:
    table = picks((0, 0), (10, 0), (20, 0), (30, 0), score=[9.0, 6.0, 4.0, np.nan])
    assert kept(table) == [0, 1]
    assert kept(table, min_score=3.5) == [0, 1, 2]
    assert kept(table, min_score=7) == [0]
    assert kept(table, max_score=7) == [1]
    assert kept(table, max_power=0.5) == []
    assert kept(table.without_columns("pick_power"), min_power=0.5) == []


def test_edits_by_hand_come_after_thresholds() -> None:
    table = picks((0, 0), (10, 0), (40, 0), score=[9.0, 6.0, 4.0])
    found, notes = select_picks(
        table, SelectPicksParams(added=[(50.5, 5)], removed=[(9, 1), (9, 1), (44, 0)], edit_radius=5), "m1"
    )
    # The first removal takes the pick at 10, the second finds none, the third none: the candidate there is not kept.
    assert notes == ["2 of 3 removals by hand have no pick within 5 px"]
    assert found["kept"].tolist() == [1, 0, 0, 1]
    assert found["pick_source"].tolist() == [None, None, None, "hand"]
    assert np.isnan(found["pick_score"][3])
    # A later selection keeps what was set by hand, whatever the thresholds.
    assert kept(found, min_score=8) == [0, 3]


def test_thresholds_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match=r"min_score \(9\) is above max_score \(3\)"):
        SelectPicksParams(min_score=9, max_score=3)


def test_the_command_writes_parquet_and_star_of_those_kept(tmp_path: Path) -> None:
    write_picks(picks((1, 2), (30, 4), score=[9.0, 5.5]), tmp_path / "in", "m1_picks")
    out = tmp_path / "out"
    (result,), _ = command(SELECT, SelectPicksParams(min_score=7), out, tmp_path / "in" / "m1_picks.parquet")
    assert result["picks_found"] == 1
    assert result["pick_score_median"] == 9.0
    assert len(read_particle_parquet(out / "m1_picks.parquet")) == 2
    star = read_particle_star(out / "m1_picks.star")
    assert star["coordinate_x"].tolist() == [1.0]
    (result,), _ = command(SELECT, SelectPicksParams(), out, out / "m1_picks.star")
    assert "would be written over" in result["error"]["message"]


def test_an_image_without_a_picker_has_the_picks_by_hand(tmp_path: Path, micrograph: Path) -> None:
    assert SELECT.on_item is not None
    item = ItemInput("m1", {}, {"micrograph": SlotValue(str(micrograph))})
    result = SELECT.on_item(SelectPicksParams(added=[(3, 4), (5, 6)]))(item, tmp_path, silent)
    found = read_particle_parquet(Path(result["outputs"]["picks"]))
    assert found["coordinate_y"].tolist() == [4.0, 6.0]
    assert found["micrograph_path"].tolist() == [str(micrograph)] * 2
    assert SELECT.on_item(SelectPicksParams())(item, tmp_path, silent)["picks_found"] == 0
    with pytest.raises(UsageError, match=r"at \(300, 4\) px is not on the image of 100 × 60 px"):
        SELECT.on_item(SelectPicksParams(added=[(300, 4)]))(item, tmp_path, silent)


# --- import-picks --------------------------------------------------------------------------------------------------


def test_picks_are_found_in_one_file_of_all_and_in_a_folder(tmp_path: Path, micrograph: Path) -> None:
    table = picks((10, 20), (30, 40))
    write_coordinates(tmp_path / "all.star", table, "relion-star")
    write_coordinates(tmp_path / "boxes" / "m1.box", table, "eman-box", box=10)
    for source in (tmp_path / "all.star", tmp_path / "boxes"):
        (result,), _ = command(IMPORT, ImportPicksParams(source=source), tmp_path / "out", micrograph)
        found = read_particle_parquet(Path(result["outputs"]["picks"]))
        assert found["coordinate_x"].tolist() == [10.0, 30.0]
        assert found["pick_source"].tolist() == ["imported"] * 2
        assert found["micrograph"].tolist() == ["m1"] * 2
        assert found["kept"].tolist() == [1, 1]


def test_positions_outside_are_dropped_with_a_warning_or_refused(tmp_path: Path, micrograph: Path) -> None:
    write_coordinates(tmp_path / "all.star", picks((10, 20), (100, 5), (5, -3)), "relion-star")
    params = ImportPicksParams(source=tmp_path / "all.star")
    (result,), _ = command(IMPORT, params, tmp_path / "out", micrograph)
    sentence = "2 of 3 positions lie outside the micrograph of 100 × 60 px, the first at (100.0, 5.0) px"
    assert result["warnings"] == [f"{sentence}: left out"]
    assert result["picks_found"] == 1
    (result,), _ = command(IMPORT, params.model_copy(update={"outside": "refuse"}), tmp_path / "out", micrograph)
    assert result["error"]["message"] == f"m1: {sentence}"


def test_binned_and_turned_coordinates_are_brought_to_the_micrograph(tmp_path: Path, micrograph: Path) -> None:
    write_coordinates(tmp_path / "all.csv", picks((10, 5)), "csv")
    params = ImportPicksParams(source=tmp_path / "all.csv", scale=2.0, flip_y=True)
    (result,), _ = command(IMPORT, params, tmp_path / "out", micrograph)
    found = read_particle_parquet(Path(result["outputs"]["picks"]))
    assert (found["coordinate_x"][0], found["coordinate_y"][0]) == (20.0, 49.0)


def test_a_micrograph_without_picks_has_none_and_says_so(tmp_path: Path, micrograph: Path) -> None:
    write_coordinates(tmp_path / "all.star", picks((1, 2), name="m2"), "relion-star")
    (result,), _ = command(IMPORT, ImportPicksParams(source=tmp_path / "all.star"), tmp_path / "out", micrograph)
    assert result["picks_found"] == 0
    assert "has no picks of m1" in result["warnings"][0]
    assert len(read_particle_star(Path(result["outputs"]["star"]))) == 0
    with pytest.raises(DataError, match="is not there"):
        IMPORT.start(ImportPicksParams(source=tmp_path / "none"))


def test_images_that_are_numbered_are_named_by_a_list(tmp_path: Path, micrograph: Path) -> None:
    (tmp_path / "c.txt").write_text("1 2.0 4.0\n2 6.0 8.0\n")
    given = {"source": tmp_path / "c.txt", "pixel_size": 2.0}
    (result,), _ = command(IMPORT, ImportPicksParams(**given), tmp_path / "out", micrograph)
    assert "has picks of images 1, 2 …, by number, and not of m1" in result["error"]["message"]
    for text in ("other.mrc\nm1.mrc\n", "2 m1.mrc\n1 other.mrc\n"):
        (tmp_path / "images.txt").write_text(text)
        params = ImportPicksParams(**given, image_list=tmp_path / "images.txt")
        (result,), _ = command(IMPORT, params, tmp_path / "out", micrograph)
        assert read_particle_parquet(Path(result["outputs"]["picks"]))["coordinate_x"].tolist() == [3.0]
    (tmp_path / "images.txt").write_text("m1.mrc\n")
    with pytest.raises(DataError, match="lists 1 images, and there are picks of image 2"):
        IMPORT.start(ImportPicksParams(**given, image_list=tmp_path / "images.txt"))


def test_one_place_of_coordinates_is_given(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="where the coordinates are is not known"):
        IMPORT.start(ImportPicksParams())
    with pytest.raises(ValueError, match="both a file"):
        ImportPicksParams(source=tmp_path / "all.star", folder=str(tmp_path))


# --- consensus and comparison --------------------------------------------------------------------------------------


def test_the_command_keeps_what_two_of_three_files_agree_on(tmp_path: Path) -> None:
    for number, table in enumerate((picks((0, 0), (50, 0), (90, 90)), picks((2, 0), (50, 4)), picks((49, 0), (0, 50)))):
        write_coordinates(tmp_path / str(number) / "picks.star", table, "relion-star")
    files = [tmp_path / str(number) / "picks.star" for number in range(3)]
    params = ConsensusParams(votes=2, radius=10)
    _, written = command(CONSENSUS, params, tmp_path / "out", *files)
    found = read_particle_star(Path(written["picks"]))
    assert sorted(found["coordinate_x"].tolist()) == pytest.approx([1.0, (50 + 50 + 49) / 3])
    every = read_particle_parquet(tmp_path / "out" / "picks.parquet")
    assert sorted(every["votes"].tolist()) == [1, 1, 2, 3]
    assert json.loads((tmp_path / "out" / "consensus.json").read_text())["micrographs"][0]["by_votes"] == [2, 1, 1]
    with pytest.raises(UsageError, match="4 votes of 3 pickers"):
        command(CONSENSUS, ConsensusParams(votes=4, radius=10), tmp_path / "out", *files)
    with pytest.raises(UsageError, match="several pickers, one is given"):
        command(CONSENSUS, params, tmp_path / "out", files[0])
    with pytest.raises(UsageError, match="radius"):
        command(CONSENSUS, ConsensusParams(), tmp_path / "out", *files)


def test_items_of_a_project_see_the_picks_of_each_input(tmp_path: Path) -> None:
    slots = []
    for number, table in enumerate((picks((0, 0), (50, 0)), picks((2, 0), (70, 0)))):
        outputs = write_picks(table, tmp_path / str(number), "m1_picks")
        slots.append({"picks": SlotValue(outputs["picks"])})
    item = ItemInput("m1", {}, slots[0], tuple(slots))
    assert CONSENSUS.on_item is not None
    result = CONSENSUS.on_item(ConsensusParams(diameter=40, pixel_size=2.0))(item, tmp_path, silent)
    assert (result["radius"], result["picks_found"], result["consensus_fraction"]) == (10.0, 1, 0.3333)
    assert COMPARE.on_item is not None
    result = COMPARE.on_item(ComparePicksParams(radius=10))(item, tmp_path, silent)
    assert (result["pick_precision"], result["pick_recall"], result["pick_f1"]) == (0.5, 0.5, 0.5)
    assert result["pick_distance"] == 2.0


def test_the_comparison_says_what_the_reference_does_not_cover(tmp_path: Path) -> None:
    write_coordinates(tmp_path / "reference.csv", picks((0, 0), (50, 0)), "csv")
    more = picks((9, 9), name="m2")
    write_coordinates(tmp_path / "both.csv", ParticleTable(
        {name: np.concatenate([picks((1, 0))[name], more[name]]) for name in more.columns}), "csv")  # fmt: skip
    params = ComparePicksParams(reference=tmp_path / "reference.csv", radius=5)
    (result,), _ = command(COMPARE, params, tmp_path / "out", tmp_path / "both.csv")
    assert (result["pick_precision"], result["pick_recall"]) == (1.0, 0.5)
    assert result["warnings"] == ["1 micrograph with picks not in the reference: left out"]
    write_coordinates(tmp_path / "other.csv", more, "csv")
    (result,), _ = command(COMPARE, params, tmp_path / "out", tmp_path / "other.csv")
    assert (result["pick_precision"], result["pick_recall"]) == (None, 0.0)
    assert "1 micrograph of the reference without a pick: counted as missed" in result["warnings"]
    with pytest.raises(UsageError, match="no reference set"):
        COMPARE.start(ComparePicksParams(radius=5))
