"""The extraction as a command over micrographs, and on the exposures of a project."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from vitreous.core.errors import DataError, UsageError, VitreousError
from vitreous.core.optics import Ctf, Microscope
from vitreous.core.progress import silent
from vitreous.formats.micrograph_star import MicrographRow, write_micrograph_star
from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.particle_parquet import read_particle_parquet, write_particle_parquet
from vitreous.formats.particle_star import read_particle_star, write_particle_star
from vitreous.formats.star import read_star
from vitreous.jobs.extract import JOB
from vitreous.jobs.extract_coordinates import JOB as COORDINATES
from vitreous.jobs.extract_params import ExtractParams
from vitreous.model.particles import ParticleTable, joined, particle_uids
from vitreous.project.batch import finish_batch, run_batch
from vitreous.workflow.job_type import ItemInput, SlotValue

MICROSCOPE = Microscope(300.0, 2.7, 0.1)
SIZE = 512


def positions(count: int, seed: int) -> np.ndarray:
    """On a grid of 64 px, off it by up to 5 px: none overlaps another, all boxes of 64 px lie inside."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(64, 449, 64), np.arange(64, 449, 64)), -1).reshape(-1, 2)
    return grid[random.permutation(len(grid))[:count]] + random.uniform(-5, 5, (count, 2))


def image_of(places: np.ndarray, seed: int) -> np.ndarray:
    """Dark Gaussians of 5 px on a slanted level with a little noise."""
    random = np.random.default_rng(seed)
    image = 200.0 + 0.02 * np.arange(SIZE) + random.normal(0.0, 0.3, (SIZE, SIZE))
    y, x = np.mgrid[-28:29, -28:29]
    for px, py in places:
        left, top = round(px), round(py)
        blob = np.exp(-((x - (px - left)) ** 2 + (y - (py - top)) ** 2) / (2 * 5.0**2))
        image[top - 28 : top + 29, left - 28 : left + 29] -= 12.0 * blob
    return image.astype(np.float32)


class Session:
    """Micrographs with known particles, their table and their picks."""

    def __init__(self, folder: Path, count: int = 3, particles: int = 12) -> None:
        self.folder = folder
        self.rows, self.tables, self.places = [], [], {}
        for k in range(count):
            name = f"mic_{k}"
            self.places[name] = positions(particles, k)
            write_mrc(folder / f"{name}.mrc", image_of(self.places[name], k), pixel_size=1.3)
            ctf = Ctf(15000.0 + 100 * k, 14800.0, 20.0)
            self.rows.append(MicrographRow(name, folder / f"{name}.mrc", 1.3, MICROSCOPE, ctf, "opticsGroup1"))
            self.tables.append(self.table(name, self.places[name]))
        self.write()

    def table(self, name: str, places: np.ndarray) -> ParticleTable:
        n = len(places)
        return ParticleTable(
            {
                "uid": particle_uids([name] * n, places[:, 0], places[:, 1]),
                "micrograph": np.array([name] * n, dtype=object),
                "micrograph_path": np.array([f"{name}.mrc"] * n, dtype=object),
                "coordinate_x": places[:, 0],
                "coordinate_y": places[:, 1],
                "pick_score": np.linspace(9.0, 6.0, n),
            }
        )

    def write(self) -> None:
        write_micrograph_star(self.folder / "micrographs.star", self.rows)
        write_particle_star(self.folder / "picks.star", joined(self.tables))

    def extract(self, out: str = "out", **given: Any) -> tuple[list[dict[str, Any]], dict[str, str]]:
        given = {"micrographs": self.folder / "micrographs.star", "picks": self.folder / "picks.star", **given}
        params = ExtractParams(**given)
        assert JOB.expand is not None
        results = run_batch(JOB, params, JOB.expand(params, []), self.folder / out)
        return results, dict(finish_batch(JOB, params, results, self.folder / out))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def centre_of_mass(images: np.ndarray) -> np.ndarray:
    n = images.shape[-1]
    offset = np.arange(n) - n // 2
    near = np.hypot(offset[:, None], offset) < 0.35 * n
    mass = np.where(near, np.clip(images - 4.0, 0.0, None), 0.0)
    total = mass.sum((1, 2))
    return np.stack(((mass.sum(1) @ offset) / total, (mass.sum(2) @ offset) / total), 1)


def test_the_command_writes_one_stack_and_tables_that_name_it(session: Session) -> None:
    results, written = session.extract(box=64, pixel_size=2.6, background_diameter=60)
    out = session.folder / "out"
    assert {"stack", "star", "table", "box"} == set(written)
    assert sorted(path.name for path in out.iterdir()) == ["particles.mrcs", "particles.parquet", "particles.star"]
    assert [result["particles_extracted"] for result in results] == [12, 12, 12]
    with mrcfile.open(out / "particles.mrcs") as file:
        assert file.data.shape == (36, 32, 32)
        assert file.voxel_size.x == pytest.approx(2.6)
    table = read_particle_star(out / "particles.star")
    assert len(table) == 36
    assert {Path(stack).resolve() for stack in table["image_stack"]} == {(out / "particles.mrcs").resolve()}
    assert table["image_index"].tolist() == list(range(36))
    assert set(table["pixel_size"]) == {2.6}
    assert set(table["box_size"]) == {32}
    assert table["defocus_u"][12] == pytest.approx(15100.0)
    blocks = read_star(out / "particles.star")
    assert {"rlnImagePixelSize", "rlnImageSize", "rlnMicrographPixelSize", "rlnVoltage"} <= set(blocks["optics"].names)
    rows = read_particle_parquet(out / "particles.parquet")
    assert set(rows["uid"]) == set(joined(session.tables)["uid"])


def test_the_true_centre_is_the_coordinate_minus_the_origin(session: Session) -> None:
    session.extract(box=64, pixel_size=2.6, background_diameter=60)
    table = read_particle_parquet(session.folder / "out" / "particles.parquet")
    centre = np.stack((table["coordinate_x"], table["coordinate_y"]), 1)
    origin = np.stack((table["origin_x"], table["origin_y"]), 1)
    picked = joined(session.tables)
    row = {uid: k for k, uid in enumerate(picked["uid"].tolist())}
    order = [row[uid] for uid in table["uid"].tolist()]
    wanted = np.stack((picked["coordinate_x"], picked["coordinate_y"]), 1)[order]
    np.testing.assert_allclose(centre - origin / 1.3, wanted, atol=1e-6)
    assert np.array_equal(centre, np.round(centre))
    with mrcfile.open(session.folder / "out" / "particles.mrcs") as file:
        found = centre_of_mass(np.asarray(file.data))
    # The origin moves the particle to the box's centre.
    assert np.abs(found + origin / 2.6).max() < 0.05


def test_a_sub_pixel_shift_leaves_no_origin(session: Session) -> None:
    session.extract(box=64, pixel_size=2.6, background_diameter=60, subpixel="shift")
    table = read_particle_parquet(session.folder / "out" / "particles.parquet")
    assert np.abs(table["origin_x"]).max() == 0.0
    assert table["coordinate_x"] == pytest.approx(np.concatenate([one["coordinate_x"] for one in session.tables]))


def test_particles_are_white_on_black_with_a_background_of_deviation_one(session: Session) -> None:
    session.extract(box=64, background_diameter=60)
    with mrcfile.open(session.folder / "out" / "particles.mrcs") as file:
        images = np.asarray(file.data, np.float64)
    offset = np.arange(64) - 32
    outside = np.hypot(offset[:, None], offset) > 0.5 * 60 / 1.3
    assert np.abs(images[:, outside].mean(1)).max() < 1e-4
    assert np.abs(images[:, outside].std(1) - 1.0).max() < 1e-4
    assert images[:, 30:35, 30:35].mean() > 20.0


def test_particles_are_centred_again_by_their_shifts_and_keep_their_numbers(session: Session) -> None:
    session.extract(box=64, background_diameter=60)
    table = read_particle_parquet(session.folder / "out" / "particles.parquet")
    # As after a classification: the box was off by (4, -3) px, and the shifts say so.
    off = table.with_columns(
        coordinate_x=table["coordinate_x"] + 4.0, coordinate_y=table["coordinate_y"] - 3.0,
        origin_x=table["origin_x"] + 4.0 * 1.3, origin_y=table["origin_y"] - 3.0 * 1.3,
        class_number=np.arange(len(table)) % 3 + 1,
    )  # fmt: skip
    write_particle_parquet(session.folder / "aligned.parquet", off)
    _, written = session.extract("again", picks=None, particles=session.folder / "aligned.parquet", box=48)
    again = read_particle_parquet(Path(written["table"]))
    assert again["uid"].tolist() == table["uid"].tolist()
    np.testing.assert_array_equal(again["coordinate_x"], table["coordinate_x"])
    np.testing.assert_allclose(again["origin_y"], table["origin_y"], atol=1e-6)
    assert set(again["box_size"]) == {48}
    assert again["class_number"].tolist() == off["class_number"].tolist()
    # Micrographs that the particles name are found without a table of them.
    _, written = session.extract(
        "third", picks=None, micrographs=None, particles=session.folder / "again" / "particles.star", box=48
    )
    third = read_particle_parquet(Path(written["table"]))
    np.testing.assert_array_equal(third["coordinate_x"], again["coordinate_x"])
    assert third["defocus_u"].tolist() == again["defocus_u"].tolist()


def test_a_bad_micrograph_is_reported_and_the_others_go_on(session: Session) -> None:
    folder = session.folder
    data = (folder / "mic_0.mrc").read_bytes()
    (folder / "mic_0.mrc").write_bytes(data[: len(data) // 2])
    write_mrc(folder / "mic_1.mrc", np.full((SIZE, SIZE), np.nan, np.float32), pixel_size=1.3)
    session.rows.append(
        MicrographRow("gone", folder / "gone.mrc", 1.3, MICROSCOPE, session.rows[0].ctf, "opticsGroup1")
    )
    write_mrc(folder / "other.mrc", image_of(session.places["mic_2"], 9), pixel_size=0.65)
    session.rows.append(
        MicrographRow("other", folder / "other.mrc", 1.3, MICROSCOPE, session.rows[0].ctf, "opticsGroup1")
    )
    session.tables += [session.table(name, session.places["mic_2"]) for name in ("gone", "other")]
    session.write()
    results, written = session.extract(box=64)
    told = [result.get("error", {}).get("message", "") for result in results]
    assert "one frame takes" in told[0]
    assert "none of 12 particles can be used" in told[1]
    assert told[2] == ""
    assert "does not exist" in told[3]
    assert "0.65 Å in its header and 1.3 Å in the table" in told[4]
    assert len(read_particle_star(Path(written["star"]))) == 12


def test_particles_outside_and_at_the_edge_are_counted(session: Session) -> None:
    places = np.array([[100.0, 100.0], [-20.0, 50.0], [5.0, 60.0], [600.0, 600.0]])
    session.tables[0] = session.table("mic_0", places)
    session.write()
    results, _ = session.extract(box=64)
    first = results[0]
    assert (first["particles_extracted"], first["outside"], first["over_edge"]) == (1, 2, 1)
    assert any("2 of 4 particles lie outside the micrograph of 512 x 512 px" in text for text in first["warnings"])
    padded, _ = session.extract("padded", box=64, edge="pad")
    assert (padded[0]["particles_extracted"], padded[0]["padded"]) == (2, 1)


def test_one_particle_and_none(session: Session) -> None:
    one = session.table("mic_0", session.places["mic_0"][:1])
    write_particle_star(session.folder / "one.star", one)
    results, written = session.extract(picks=session.folder / "one.star", box=64)
    assert [result["particles_extracted"] for result in results] == [1, 0, 0]
    assert results[1]["warnings"] == ["no picks name this micrograph"]
    assert len(read_particle_star(Path(written["star"]))) == 1
    write_particle_star(session.folder / "other.star", session.table("elsewhere", session.places["mic_0"]))
    with pytest.raises(DataError, match="no particle was extracted from 3 micrographs"):
        session.extract("none", picks=session.folder / "other.star", box=64)
    assert list((session.folder / "none").iterdir()) == []


def test_picks_of_micrographs_that_were_not_given_are_told(session: Session) -> None:
    session.tables.append(session.table("absent", session.places["mic_0"]))
    session.write()
    _, written = session.extract(box=64)
    assert written["not used"] == "picks of 1 micrographs that were not given: absent"


def test_of_two_pixel_sizes_each_gets_its_optics_group(session: Session) -> None:
    write_mrc(session.folder / "mic_2.mrc", image_of(session.places["mic_2"], 2), pixel_size=1.0)
    session.rows[2] = MicrographRow(
        "mic_2", session.folder / "mic_2.mrc", 1.0, MICROSCOPE, session.rows[2].ctf, "opticsGroup2"
    )
    session.write()
    _, written = session.extract(box=64, pixel_size=2.6)
    assert "images differ (32 px of 2.6 Å, 28 px of 2.28571 Å)" in written["mixed"]
    table = read_particle_star(Path(written["star"]))
    assert sorted(set(table["pixel_size"].round(4))) == [2.2857, 2.6]
    assert sorted(set(table["box_size"])) == [28, 32]
    assert set(table["optics_group"][:24]) != set(table["optics_group"][24:])
    with mrcfile.open(session.folder / "out" / "particles_28px.mrcs") as file:
        assert file.data.shape == (12, 28, 28)


def test_duplicates_go_and_the_better_score_stays(session: Session) -> None:
    double = np.repeat(session.places["mic_0"], 2, axis=0) + np.tile([[0.0, 0.0], [3.0, 0.0]], (12, 1))
    session.tables[0] = session.table("mic_0", double)
    session.write()
    results, written = session.extract(box=64, min_distance=10.0)
    assert results[0]["particles_extracted"] == 12
    assert any("12 of 24 particles lie closer than 10 Å to a better one" in text for text in results[0]["warnings"])
    table = read_particle_parquet(Path(written["table"]))
    first = table.take(table["micrograph"] == "mic_0")
    assert set(first["uid"]) == set(session.tables[0]["uid"][::2])


def test_half_precision_halves_the_stack(session: Session) -> None:
    _, full = session.extract("full", box=64)
    _, half = session.extract("half", box=64, number_format="float16")
    with mrcfile.open(full["stack"]) as a, mrcfile.open(half["stack"]) as b:
        assert int(b.header.mode) == 12
        np.testing.assert_allclose(a.data, np.asarray(b.data, np.float32), atol=0.02)


def test_each_micrograph_can_keep_its_stack(session: Session) -> None:
    results, written = session.extract(box=64, per_micrograph=True)
    assert "stack" not in written
    stacks = {Path(stack).name for stack in read_particle_star(Path(written["star"]))["image_stack"]}
    assert stacks == {"mic_0_particles.mrcs", "mic_1_particles.mrcs", "mic_2_particles.mrcs"}
    assert all(Path(result["outputs"]["stack"]).exists() for result in results)


def test_a_box_that_is_not_set_follows_from_the_diameter(session: Session) -> None:
    results, written = session.extract(diameter=50.0, expected_defocus=5000.0)
    assert results[0]["box"] >= 1.5 * 50.0 / 1.3
    assert "diameter of 50 Å" in written["box"]
    assert any("spreads" in text and "would hold it" in text for text in results[0]["warnings"])
    with pytest.raises(UsageError, match="size of the box is not known"):
        session.extract("no")


def test_phases_are_flipped_where_the_ctf_is_negative(session: Session) -> None:
    _, plain = session.extract("plain", box=64)
    _, flipped = session.extract("flipped", box=64, phase_flip=True)
    with mrcfile.open(plain["stack"]) as a, mrcfile.open(flipped["stack"]) as b:
        before, after = np.fft.rfft2(a.data[0]), np.fft.rfft2(b.data[0])
    ratio = (after * before.conj()).real
    assert (ratio < 0).mean() > 0.2
    assert (ratio > 0).mean() > 0.2
    session.rows = [MicrographRow(row.name, row.path, 1.3, MICROSCOPE) for row in session.rows]
    write_micrograph_star(session.folder / "micrographs.star", session.rows)
    results, _ = [*session.extract("kept", box=64)]
    assert "the CTF is not known: estimate it before particles are classified" in results[0]["warnings"]
    with pytest.raises(VitreousError, match="no particle was extracted"):
        session.extract("no", box=64, phase_flip=True)


def test_picks_come_from_a_folder_of_files(session: Session) -> None:
    folder = session.folder / "picked"
    folder.mkdir()
    for table in session.tables:
        candidates = joined([table.with_columns(kept=1), table.with_columns(kept=0)])
        write_particle_parquet(folder / f"{table['micrograph'][0]}_picks.parquet", candidates)
    results, _ = session.extract(picks=folder, box=64)
    assert [result["particles_extracted"] for result in results] == [12, 12, 12]


def test_picks_in_pixels_of_another_size_are_converted(session: Session) -> None:
    tables = [
        table.with_columns(
            coordinate_x=table["coordinate_x"] / 2, coordinate_y=table["coordinate_y"] / 2, micrograph_pixel_size=2.6
        )
        for table in session.tables
    ]
    write_particle_parquet(session.folder / "binned.parquet", joined(tables))
    results, written = session.extract(picks=session.folder / "binned.parquet", box=64)
    assert any("pixels of 2.6 Å were converted to the micrograph's 1.3 Å" in text for text in results[0]["warnings"])
    table = read_particle_parquet(Path(written["table"]))
    true = table["coordinate_x"] - table["origin_x"] / 1.3
    assert true == pytest.approx(np.concatenate([one["coordinate_x"] for one in session.tables]))


# --- in a project --------------------------------------------------------------------------------------------------


@pytest.fixture
def exposure(session: Session, monkeypatch: pytest.MonkeyPatch) -> ItemInput:
    monkeypatch.chdir(session.folder)
    candidates = joined([session.tables[0].with_columns(kept=1), session.tables[1].with_columns(kept=0)])
    write_particle_parquet(Path("mic_0_picks.parquet"), candidates)
    ctf = {"defocus_u": 15000.0, "defocus_v": 14800.0, "astigmatism_angle": 20.0, "phase_shift": None}
    return ItemInput(
        "mic_0",
        {"shift_group": "7"},
        {
            "micrograph": SlotValue("mic_0.mrc", {}, {"pixel_size": 1.3, "voltage": 300.0}),
            "picks": SlotValue("mic_0_picks.parquet"),
            "ctf": SlotValue(None, {}, ctf),
        },
    )


def run_item(item: ItemInput, out: str, **given: Any) -> dict[str, Any]:
    assert JOB.on_item is not None
    Path(out).mkdir()
    given = {"box": 64, "voltage": 300.0, "spherical_aberration": 2.7, **given}
    return JOB.on_item(ExtractParams(**given))(item, Path(out), silent)


def test_an_exposure_gains_a_stack_and_a_table(exposure: ItemInput) -> None:
    result = run_item(exposure, "out")
    assert result["particles_extracted"] == 12
    assert sorted(os.listdir("out")) == ["mic_0_particles.mrcs", "mic_0_particles.parquet"]
    json.dumps(result)
    table = read_particle_parquet(Path(result["outputs"]["table"]))
    assert set(table["micrograph"]) == {"mic_0"}
    assert set(table["image_stack"]) == {"out/mic_0_particles.mrcs"}
    assert set(table["defocus_v"]) == {14800.0}
    assert set(table["phase_shift"]) == {0.0}
    assert set(table["optics_group"]) == {7}
    # The table can be moved with its stack.
    os.rename("out", "final")
    moved = read_particle_parquet(Path("final/mic_0_particles.parquet"))
    assert set(moved["image_stack"]) == {"final/mic_0_particles.mrcs"}


def test_an_exposure_without_particles_gains_an_empty_table(exposure: ItemInput) -> None:
    write_particle_parquet(Path("mic_0_picks.parquet"), ParticleTable({"coordinate_x": [], "coordinate_y": []}))
    result = run_item(exposure, "out")
    assert result["particles_extracted"] == 0
    assert set(result["outputs"]) == {"table"}
    assert len(read_particle_parquet(Path(result["outputs"]["table"]))) == 0
    assert "there is no particle on this micrograph" in result["warnings"]


def test_behind_a_classification_its_particles_are_cut_out_again(exposure: ItemInput) -> None:
    first = read_particle_parquet(Path(run_item(exposure, "first")["outputs"]["table"]))
    chosen = first.take(slice(0, 5)).with_columns(origin_x=2.6, origin_y=0.0)
    other = chosen.with_columns(micrograph="mic_9")
    write_particle_parquet(Path("set.parquet"), joined([other, chosen]))
    behind = ItemInput(exposure.name, exposure.values, {**exposure.slots, "particle_set": SlotValue("set.parquet")})
    again = read_particle_parquet(Path(run_item(behind, "again")["outputs"]["table"]))
    assert again["uid"].tolist() == chosen["uid"].tolist()
    np.testing.assert_array_equal(again["coordinate_x"], chosen["coordinate_x"] - 2.0)


def test_the_sum_with_exposure_filter_is_cut_where_there_is_one(exposure: ItemInput) -> None:
    os.rename("mic_0.mrc", "mic_0_dw.mrc")
    slot = SlotValue("mic_0.mrc", {"sum_dw": "mic_0_dw.mrc"}, {"pixel_size": 1.3})
    item = ItemInput(exposure.name, {}, {**exposure.slots, "micrograph": slot})
    with pytest.raises(DataError, match=r"mic_0\.mrc is not there"):
        run_item(item, "unfiltered", dose_weighted=False)
    os.symlink("mic_0_dw.mrc", "mic_0.mrc")
    assert run_item(item, "out")["input"] == "mic_0_dw.mrc"


# --- coordinates ---------------------------------------------------------------------------------------------------


def aligned(session: Session) -> ParticleTable:
    table = joined(session.tables)
    return table.with_columns(origin_x=2.6, origin_y=-1.3, micrograph_pixel_size=1.3, class_number=1, psi=30.0)


def test_coordinates_are_where_the_shifts_say(session: Session) -> None:
    write_particle_star(session.folder / "particles.star", aligned(session).without_columns("uid"))
    results = run_batch(COORDINATES, COORDINATES.params(), [session.folder / "particles.star"], session.folder / "out")
    assert results[0]["picks_found"] == 36
    assert results[0]["largest_shift"] == pytest.approx(np.hypot(2.6, 1.3))
    star = read_particle_star(Path(results[0]["outputs"]["star"]))
    picked = joined(session.tables)
    np.testing.assert_allclose(star["coordinate_x"], picked["coordinate_x"] - 2.0)
    np.testing.assert_allclose(star["coordinate_y"], picked["coordinate_y"] + 1.0)
    assert "origin_x" not in star
    _, written = session.extract("again", picks=Path(results[0]["outputs"]["star"]), box=64)
    assert len(read_particle_parquet(Path(written["table"]))) == 36


def test_coordinates_of_an_exposure_are_picks_again(exposure: ItemInput, session: Session) -> None:
    write_particle_parquet(Path("set.parquet"), aligned(session))
    item = ItemInput("mic_1", {}, {**exposure.slots, "particle_set": SlotValue("set.parquet")})
    assert COORDINATES.on_item is not None
    Path("out").mkdir()
    result = COORDINATES.on_item(COORDINATES.params())(item, Path("out"), silent)
    picks = read_particle_parquet(Path(result["outputs"]["picks"]))
    assert picks["uid"].tolist() == session.tables[1]["uid"].tolist()
    assert set(picks["kept"]) == {1}
    assert result["picks_found"] == 12


def test_shifts_need_the_pixel_size_of_the_micrographs(session: Session) -> None:
    table = aligned(session).without_columns("micrograph_pixel_size")
    write_particle_parquet(session.folder / "particles.parquet", table)
    given = [session.folder / "particles.parquet"]
    told = run_batch(COORDINATES, COORDINATES.params(), given, session.folder / "out")[0]["error"]
    assert "pixel size of the micrographs is not known" in told["message"]
    params = COORDINATES.params(micrograph_pixel_size=1.3, min_distance=1000.0)
    assert run_batch(COORDINATES, params, given, session.folder / "out")[0]["picks_found"] == 3
