"""Coordinates of RELION, EMAN, cisTEM and tables: round trips, conventions, and files that are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.coordinates import (
    FORMATS,
    SUFFIXES,
    of_micrograph,
    outside,
    outside_sentence,
    per_micrograph,
    read_coordinates,
    write_coordinates,
)
from vitreous.formats.coordinates_names import bare_name, micrograph_of_file
from vitreous.model.particles import ParticleTable, joined

PIXEL_SIZE = 0.885


def picks(n: int = 50, name: str = "m1") -> ParticleTable:
    random = np.random.default_rng(3)
    return ParticleTable(
        {
            "micrograph": np.full(n, name, dtype=object),
            "coordinate_x": random.uniform(0, 5760, n),
            "coordinate_y": random.uniform(0, 4092, n),
            "pick_score": random.uniform(0, 10, n),
        }
    )


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("flip_y", [False, True])
def test_positions_come_back(tmp_path: Path, format: str, flip_y: bool) -> None:
    path = tmp_path / f"m1{SUFFIXES[format][0]}"  # type: ignore[index]
    wanted = picks()
    write_coordinates(
        path, wanted, format, pixel_size=PIXEL_SIZE, box=201, shape=(4092, 5760), flip_y=flip_y  # type: ignore[arg-type]
    )  # fmt: skip
    found = read_coordinates(path, pixel_size=PIXEL_SIZE, shape=(4092, 5760), flip_y=flip_y)
    assert np.abs(found["coordinate_x"] - wanted["coordinate_x"]).max() < 1e-4
    assert np.abs(found["coordinate_y"] - wanted["coordinate_y"]).max() < 1e-4
    assert set(found["micrograph"]) == {"m1"}
    assert len(set(found["uid"].tolist())) == len(wanted)


def test_a_box_is_a_corner_and_a_size(tmp_path: Path) -> None:
    (tmp_path / "m1.box").write_text("100\t200\t64\t64\n100 200 65 65 -3\n# a comment\n\n-10.5 0 20 20\n")
    found = read_coordinates(tmp_path / "m1.box")
    assert found["coordinate_x"].tolist() == [132.0, 132.0, -0.5]
    assert found["coordinate_y"].tolist() == [232.0, 232.0, 10.0]
    assert "box_size" not in found
    write_coordinates(tmp_path / "out.box", found.take([0]), "eman-box", box=64)
    assert (tmp_path / "out.box").read_text() == "100\t200\t64\t64\n"


def test_cistem_text_is_in_angstroms_from_the_first_pixel(tmp_path: Path) -> None:
    (tmp_path / "picks.txt").write_text("1 100.0 50.0\n2 0 0\nMics/a.mrc 20 30 extra\n")
    found = read_coordinates(tmp_path / "picks.txt", pixel_size=2.0)
    assert found["micrograph"].tolist() == ["1", "2", "a"]
    assert found["coordinate_x"].tolist() == [50.0, 0.0, 10.0]
    assert found["coordinate_y"].tolist() == [25.0, 0.0, 15.0]
    with pytest.raises(UsageError, match="need the micrograph's pixel size"):
        read_coordinates(tmp_path / "picks.txt")


@pytest.mark.parametrize(
    "text",
    [
        "micrograph,coordinate_x,coordinate_y,pick_score\na.mrc,10,20,3.5\n",
        "image;X;Y;score\na.mrc;10;20;3.5\n",
        "rlnMicrographName\trlnCoordinateX\trlnCoordinateY\trlnAutopickFigureOfMerit\na.mrc\t10\t20\t3.5\n",
        "confidence,y,x,comment,filename\n3.5,20,10,good,dir/a.mrc\n",
    ],
)
def test_tables_are_read_by_their_heading(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    found = read_coordinates(tmp_path / "t.csv")
    assert found["micrograph"].tolist() == ["a"]
    values = (found["coordinate_x"][0], found["coordinate_y"][0], found["pick_score"][0])
    assert values == (10.0, 20.0, 3.5)


def test_the_losses_of_each_format_are_said(tmp_path: Path) -> None:
    table = picks(3).with_columns(pick_power=1.0)
    assert write_coordinates(tmp_path / "a.csv", table, "csv") == ()
    assert write_coordinates(tmp_path / "a.box", table, "eman-box", box=10) == (
        "an EMAN box file has no place for pick_power, pick_score",
    )
    assert write_coordinates(tmp_path / "a.star", table, "relion-star") == ("RELION has no column for pick_power",)
    two = joined([table, picks(2, "m2")])
    with pytest.raises(UsageError, match="of one micrograph, the particles are of 2"):
        write_coordinates(tmp_path / "b.box", two, "eman-box", box=10)
    with pytest.raises(UsageError, match="side of the box"):
        write_coordinates(tmp_path / "b.box", table, "eman-box")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.box", "1 2 3\n", "line 1 has 3 values, not 4"),
        ("a.box", "1 2 64 64\n1 two 64 64\n", "line 2: y is 'two', not a number"),
        ("a.box", "1 2 0 0\n", "a box of 0 × 0 px"),
        ("a.txt", "1 5\n", "line 1 has 2 values, not 3"),
        ("a.txt", "1 5 six\n", "y is 'six'"),
        ("a.csv", "a,b\n1,2\n", "0 columns are coordinate_x"),
        ("a.csv", "x,y\n1\n", "line 2 has 1 values for 2 columns"),
        ("a.csv", "x,y\n1,2\n3,\n", "coordinate_y of particle 2 is not finite"),
        ("a.csv", "x,y\n1,two\n", "line 2: coordinate_y is 'two'"),
        ("a.csv", "", "the table is empty"),
        ("a.star", "data_\nloop_\n_rlnVoltage\n_rlnImageName\n300 1@a\n", "there are no coordinates"),
        ("a.star", "no star", "stands before any data_ block"),
        ("a.star", "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n1 nan\n", "not finite"),
    ],
)
def test_wrong_files_are_refused_with_the_place(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_coordinates(tmp_path / name, pixel_size=1.0)


def test_binary_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.box").write_bytes(b"\x00\x01\x02")
    for name in ("a.box", "none.box"):
        with pytest.raises(DataError):
            read_coordinates(tmp_path / name)
    with pytest.raises(UsageError, match="not known"):
        read_coordinates(tmp_path / "a.xyz")
    with pytest.raises(DataError, match="no files of coordinates"):
        read_coordinates(tmp_path, format="csv")


def test_folders_give_the_picks_of_all_their_files(tmp_path: Path) -> None:
    for name in ("m1", "m2"):
        write_coordinates(
            tmp_path / "sub" / f"{name}_autopick.star", picks(5).without_columns("micrograph"), "relion-star"
        )
    found = per_micrograph(read_coordinates(tmp_path))
    assert {name: len(table) for name, table in found.items()} == {"m1": 5, "m2": 5}


def test_lists_of_relion_3_and_4_are_followed(tmp_path: Path) -> None:
    job = tmp_path / "AutoPick" / "job006"
    (tmp_path / "Ctf").mkdir()
    (tmp_path / "Ctf" / "m.star").write_text(
        "data_\nloop_\n_rlnMicrographName\n_rlnVoltage\n"
        "MotionCorr/job002/Movies/m1.mrc 300\nMotionCorr/job002/Movies/m2.mrc 300\n"
    )
    write_coordinates(job / "Movies" / "m1_autopick.star", picks(5).without_columns("micrograph"), "relion-star")
    (job / "coords_suffix_autopick.star").write_text("Ctf/m.star\n")
    found = read_coordinates(job / "coords_suffix_autopick.star")
    assert found["micrograph"].tolist() == ["m1"] * 5
    assert found["micrograph_path"][0] == "MotionCorr/job002/Movies/m1.mrc"
    (job / "autopick.star").write_text(
        "data_coordinate_files\nloop_\n_rlnMicrographName\n_rlnMicrographCoordinates\n"
        "MotionCorr/job002/Movies/m1.mrc AutoPick/job006/Movies/m1_autopick.star\n"
    )
    same = read_coordinates(job / "autopick.star")
    assert same["uid"].tolist() == found["uid"].tolist()
    (job / "autopick.star").write_text((job / "autopick.star").read_text().replace("Movies/m1_auto", "Movies/m9_auto"))
    with pytest.raises(DataError, match="which is not there"):
        read_coordinates(job / "autopick.star")


def test_micrographs_are_found_under_the_names_that_programs_give() -> None:
    assert micrograph_of_file(Path("x/20170629_00021_frameImage_autopick.star")) == "20170629_00021_frameImage"
    assert bare_name("000123456789012345678_FoilHole_5_patch_aligned_doseweighted") == "FoilHole_5"
    assert bare_name("m1_DW") == bare_name("m1_dw_autopick") == "m1"
    assert bare_name("_dw") == "_dw"
    tables = {"m1_DW": picks(2), "m10": picks(3), "m2": picks(4)}
    assert of_micrograph(tables, "m1") is tables["m1_DW"]
    assert of_micrograph(tables, "m2") is tables["m2"]
    assert of_micrograph(tables, "m3") is None
    with pytest.raises(DataError, match="m1_DW or m1_aligned"):
        of_micrograph({"m1_DW": picks(1), "m1_aligned": picks(1)}, "m1")


def test_positions_outside_are_counted_with_the_first() -> None:
    table = ParticleTable({"coordinate_x": [-0.5, -0.6, 99.4, 50], "coordinate_y": [0, 0, 49.4, 49.6]})
    assert outside(table, (50, 100)).tolist() == [False, True, False, True]
    assert outside_sentence(table, (50, 100)) == (
        "2 of 4 positions lie outside the micrograph of 100 × 50 px, the first at (-0.6, 0.0) px"
    )
    assert outside_sentence(table.take([0]), (50, 100)) is None
