"""Tables of particles: STAR files of RELION 3.0 to 5, Parquet, and what can't be said in them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitreous.core.errors import DataError, UsageError
from vitreous.core.optics import Ctf, Microscope
from vitreous.formats.micrograph_star import MicrographRow, read_micrograph_star, write_micrograph_star
from vitreous.formats.particle_parquet import read_particle_parquet, write_particle_parquet
from vitreous.formats.particle_star import read_particle_star, write_particle_star
from vitreous.model.particles import ParticleTable, joined, micrograph_name, particle_uid, particle_uids


def objects(*values: str | None) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def particles(n: int = 6) -> ParticleTable:
    random = np.random.default_rng(1)
    names = objects(*(f"m{i % 2}" for i in range(n)))
    return ParticleTable(
        {
            "micrograph": names,
            "micrograph_path": objects(*(f"Micrographs/m{i % 2}.mrc" for i in range(n))),
            "coordinate_x": random.uniform(0, 4000, n),
            "coordinate_y": random.uniform(0, 4000, n),
            "image_stack": objects(*(f"stack{i % 2}.mrcs" for i in range(n))),
            "image_index": np.arange(n) // 2,
            "pixel_size": np.full(n, 1.25),
            "box_size": np.full(n, 128),
            "voltage": np.full(n, 300.0),
            "spherical_aberration": np.full(n, 2.7),
            "amplitude_contrast": np.full(n, 0.1),
            "defocus_u": random.uniform(8000, 20000, n),
            "defocus_v": random.uniform(8000, 20000, n),
            "astigmatism_angle": random.uniform(0, 180, n),
            "psi": random.uniform(-180, 180, n),
            "origin_x": random.normal(0, 5, n),
            "origin_y": random.normal(0, 5, n),
            "class_number": np.arange(n) % 3 + 1,
        }
    )


def same(one: ParticleTable, other: ParticleTable, *names: str) -> None:
    for name in names or one.columns:
        a, b = one[name], other[name]
        if a.dtype.kind == "O":
            assert a.tolist() == b.tolist(), name
        else:
            np.testing.assert_allclose(a, b, rtol=1e-11, err_msg=name)


# --- the table -----------------------------------------------------------------------------------------------------


def test_columns_have_one_length_and_their_kind() -> None:
    table = ParticleTable({"class_number": np.array([1.0, 2.0]), "voltage": np.array([300, 200])})
    assert table["class_number"].dtype == np.int64
    assert table["voltage"].dtype == np.float64
    assert table.get("psi") is None
    with pytest.raises(DataError, match="no column psi"):
        table["psi"]
    with pytest.raises(UsageError, match="differ in length"):
        ParticleTable({"psi": np.zeros(2), "rot": np.zeros(3)})
    with pytest.raises(UsageError, match="fractions"):
        ParticleTable({"class_number": np.array([1.5])})
    with pytest.raises(UsageError, match="no number"):
        ParticleTable({"psi": objects("a")})


def test_rows_are_taken_by_index_mask_and_slice() -> None:
    table = particles()
    assert len(table.take(np.array([3, 1]))) == 2
    assert table.take(table["micrograph"] == "m0")["image_index"].tolist() == [0, 1, 2]
    assert len(table.take([])) == 0
    assert len(table.take(slice(0, 4))) == 4


def test_joined_tables_leave_unknown_what_one_lacks() -> None:
    found = joined([particles(2), ParticleTable({"coordinate_x": [1.0], "coordinate_y": [2.0], "uid": [2**52 + 1]})])
    assert len(found) == 3
    assert found.known("class_number").tolist() == [True, True, False]
    assert found["micrograph"].tolist() == ["m0", "m1", None]
    assert np.isnan(found["psi"][2])
    assert found["uid"][2] == 2**52 + 1
    assert joined([]).columns == {}


def test_numbers_of_particles_are_fixed_and_fit_javascript() -> None:
    assert particle_uid("a", 1.0, 2.0) == particle_uid("a", 1.004, 2.0) == 8994205665528594
    assert particle_uid("a", 1.0, 2.0) != particle_uid("a", 1.01, 2.0)
    assert particle_uid("a", 1.0, 2.0) != particle_uid("b", 1.0, 2.0)
    random = np.random.default_rng(1)
    many = particle_uids(["m"] * 20_000, random.uniform(0, 4000, 20_000), random.uniform(0, 4000, 20_000))
    assert len(set(many.tolist())) == 20_000
    assert many.min() >= 0
    assert many.max() < 2**53
    assert 0 <= particle_uids(["a"], np.array([1e30]), np.array([-1e30]))[0] < 2**53  # and no warning
    with pytest.raises(UsageError, match="not finite"):
        particle_uid("a", float("nan"), 0.0)


def test_names_of_micrographs_lose_folder_and_image_suffix_only() -> None:
    assert micrograph_name("a/b/c.mrc") == "c"
    assert micrograph_name("a/FoilHole_1_2.5_x.y") == "FoilHole_1_2.5_x.y"
    assert micrograph_name(">J1/imported/1.MRC") == "1"


# --- STAR ----------------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    table = particles()
    for name in ("stack0.mrcs", "stack1.mrcs"):
        (tmp_path / name).touch()
    table = table.with_columns(image_stack=np.array([str(tmp_path / n) for n in table["image_stack"]], dtype=object))
    assert write_particle_star(tmp_path / "p.star", table) == ()
    text = (tmp_path / "p.star").read_text()
    assert "000001@stack0.mrcs" in text
    assert text.index("data_optics") < text.index("data_particles")
    found = read_particle_star(tmp_path / "p.star")
    same(table, found)
    assert found["optics_group"].tolist() == [1] * 6


def test_images_are_named_from_the_root_that_is_given(tmp_path: Path) -> None:
    stack = tmp_path / "jobs" / "s.mrcs"
    stack.parent.mkdir()
    stack.touch()
    table = particles(1).with_columns(image_stack=str(stack))
    write_particle_star(tmp_path / "stars" / "p.star", table, image_root=tmp_path)
    assert "000001@jobs/s.mrcs" in (tmp_path / "stars" / "p.star").read_text()
    assert read_particle_star(tmp_path / "stars" / "p.star")["image_stack"][0] == str(stack)
    write_particle_star(tmp_path / "stars" / "p.star", table)
    assert "000001@../jobs/s.mrcs" in (tmp_path / "stars" / "p.star").read_text()


def test_optics_groups_are_told_apart_by_their_values_and_names(tmp_path: Path) -> None:
    table = particles().with_columns(voltage=np.array([300, 300, 200, 300, 200, 300]))
    write_particle_star(tmp_path / "p.star", table)
    found = read_particle_star(tmp_path / "p.star")
    same(table, found, "voltage", "pixel_size", "box_size")
    assert found["optics_group"].tolist() == [1, 1, 2, 1, 2, 1]
    named = table.with_columns(
        optics_group=np.array([7, 7, 3, 7, 3, 7]), optics_group_name=objects("a", "a", "b", "a", "b", "a")
    )
    write_particle_star(tmp_path / "q.star", named)
    same(named, read_particle_star(tmp_path / "q.star"), "optics_group", "optics_group_name", "voltage")
    # One number for two sets of values can't stay.
    mixed = table.with_columns(optics_group=1, optics_group_name="one")
    write_particle_star(tmp_path / "r.star", mixed)
    found = read_particle_star(tmp_path / "r.star")
    assert found["optics_group"].tolist() == [1, 1, 2, 1, 2, 1]
    same(table, found, "voltage")


RELION_30 = """
data_

loop_
_rlnImageName #1
_rlnMicrographName #2
_rlnDefocusU #3
_rlnDefocusV #4
_rlnDefocusAngle #5
_rlnVoltage #6
_rlnSphericalAberration #7
_rlnAmplitudeContrast #8
_rlnMagnification #9
_rlnDetectorPixelSize #10
_rlnOriginX #11
_rlnOriginY #12
_rlnGroupName #13
1@s.mrcs 0012 15301.1 14916.4 5.28 300 2.7 0.07 38168 5 -2 1.5 007
4@s.mrcs 0013 15301.1 14916.4 5.28 300 2.7 0.07 38168 5 0 0 008
"""


def test_files_of_relion_30_give_angstroms(tmp_path: Path) -> None:
    (tmp_path / "p.star").write_text(RELION_30)
    found = read_particle_star(tmp_path / "p.star")
    pixel_size = 5e4 / 38168
    assert found["pixel_size"] == pytest.approx(pixel_size)
    assert found["origin_x"] == pytest.approx([-2 * pixel_size, 0.0])
    assert found["origin_y"] == pytest.approx([1.5 * pixel_size, 0.0])
    assert found["image_index"].tolist() == [0, 3]
    assert found["micrograph"].tolist() == ["0012", "0013"]
    assert found["rlnGroupName"].tolist() == ["007", "008"]
    assert "rlnMagnification" not in found
    write_particle_star(tmp_path / "q.star", found)
    same(found, read_particle_star(tmp_path / "q.star"))


def test_origins_in_pixels_of_unknown_size_are_refused(tmp_path: Path) -> None:
    text = "data_\nloop_\n_rlnImageName\n_rlnOriginX\n1@a.mrcs {}\n"
    (tmp_path / "p.star").write_text(text.format("2.5"))
    with pytest.raises(DataError, match="rlnOriginX is in pixels and the file states no pixel size"):
        read_particle_star(tmp_path / "p.star")
    (tmp_path / "p.star").write_text(text.format("0.0"))
    assert read_particle_star(tmp_path / "p.star")["origin_x"].tolist() == [0.0]


def test_unknown_labels_are_kept_and_written_back(tmp_path: Path) -> None:
    table = particles(2).with_columns(
        rlnMtfFileName="mtf.star", rlnHelicalTubeID=np.array([4, 5]), rlnOddZernike="[0,1]"
    )
    write_particle_star(tmp_path / "p.star", table)
    found = read_particle_star(tmp_path / "p.star")
    same(table, found, "rlnMtfFileName", "rlnHelicalTubeID", "rlnOddZernike")
    optics = (tmp_path / "p.star").read_text().split("data_particles")[0]
    assert "rlnMtfFileName" in optics
    assert "rlnHelicalTubeID" not in optics


def test_what_relion_can_not_say_is_said(tmp_path: Path) -> None:
    table = particles(3).with_columns(
        pick_power=1.0, kept=1, pick_score=np.array([1.0, np.nan, 3.0]), psi=np.array([1.0, np.nan, np.nan])
    )
    losses = write_particle_star(tmp_path / "p.star", table)
    assert losses == (
        "psi is unknown for 2 of 3 particles: rlnAnglePsi says 0 there",
        "RELION has no column for kept, pick_power",
    )
    assert "-999" in (tmp_path / "p.star").read_text()
    found = read_particle_star(tmp_path / "p.star")
    assert found.known("pick_score").tolist() == [True, False, True]


@pytest.mark.parametrize("name", ["coordinate_x", "defocus_u", "pixel_size", "voltage"])
def test_what_must_be_known_of_every_particle_is_demanded(tmp_path: Path, name: str) -> None:
    values = particles(3)[name].copy()
    values[1] = np.nan
    with pytest.raises(DataError, match=rf"{name} is unknown for 1 of 3 particles \(the first is number 2\)"):
        write_particle_star(tmp_path / "p.star", particles(3).with_columns(**{name: values}))
    assert not (tmp_path / "p.star").exists()


def test_particles_without_an_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 of 2 particles have no image"):
        write_particle_star(tmp_path / "p.star", particles(2).with_columns(image_stack=objects("a", None)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data_optics\nloop_\n_rlnOpticsGroup\n1\n", "no table of particles"),
        (
            "data_optics\nloop_\n_rlnVoltage\n300\n\ndata_particles\nloop_\n_rlnCoordinateX\n1\n",
            "no column rlnOpticsGr",
        ),
        (
            "data_optics\nloop_\n_rlnOpticsGroup\n_rlnVoltage\n1 300\n\n"
            "data_particles\nloop_\n_rlnCoordinateX\n_rlnOpticsGroup\n5 1\n6 2\n",
            "particle 2 is of optics group 2",
        ),
        (
            "data_optics\nloop_\n_rlnOpticsGroup\n_rlnVoltage\n1 300\n1 200\n\n"
            "data_particles\nloop_\n_rlnCoordinateX\n_rlnOpticsGroup\n5 1\n6 1\n",
            "numbers a group twice",
        ),
        ("data_\nloop_\n_rlnImageName\n_rlnVoltage\n0@a.mrcs 300\n", "no NUMBER@FILE"),
        ("data_\nloop_\n_rlnImageName\n_rlnVoltage\nx@a.mrcs 300\n", "row 1: no NUMBER@FILE"),
        ("data_\nloop_\n_rlnImageName\n_rlnVoltage\n1@a.mrcs 300\n2@a.mrcs high\n", "'high'"),
        ("data_\nloop_\n_rlnImageName\n_rlnVoltage\n1@a.mrcs 300\n2@a.mrcs\n", "1 values for 2 columns"),
    ],
)
def test_broken_files_are_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "p.star"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_particle_star(path)
    assert str(path) in str(caught.value)


def test_no_particles_are_a_table_of_none(tmp_path: Path) -> None:
    table = particles().take([])
    write_particle_star(tmp_path / "p.star", table)
    assert len(read_particle_star(tmp_path / "p.star")) == 0
    write_particle_parquet(tmp_path / "p.parquet", table)
    assert len(read_particle_parquet(tmp_path / "p.parquet")) == 0


# --- Parquet -------------------------------------------------------------------------------------------------------


def test_parquet_gives_back_all_columns_and_finds_the_stack_beside_it(tmp_path: Path) -> None:
    table = joined([particles(3), ParticleTable({"coordinate_x": [1.0], "uid": [5], "rlnThing": objects("x")})])
    write_particle_parquet(tmp_path / "p.parquet", table)
    found = read_particle_parquet(tmp_path / "p.parquet")
    same(table, found, *(name for name in table.columns if name != "image_stack"))
    assert found["image_stack"][0] == str(tmp_path / "stack0.mrcs")
    assert found["image_stack"][3] is None


def test_a_stack_named_from_the_project_is_found_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "jobs" / "a").mkdir(parents=True)
    (tmp_path / "jobs" / "a" / "s.mrcs").touch()
    table = particles(1).with_columns(image_stack="jobs/a/s.mrcs")
    write_particle_parquet(tmp_path / "jobs" / "b" / "p.parquet", table)
    found = read_particle_parquet(tmp_path / "jobs" / "b" / "p.parquet")
    assert found["image_stack"][0] == str(tmp_path / "jobs" / "a" / "s.mrcs")


def test_sql_reads_the_table(tmp_path: Path) -> None:
    import duckdb

    table = particles(4).with_columns(class_number=np.array([1, np.nan, 2, 2]))
    write_particle_parquet(tmp_path / "p.parquet", table)
    rows = duckdb.sql(
        f"SELECT class_number, count(*) FROM '{tmp_path / 'p.parquet'}' GROUP BY 1 ORDER BY 1 NULLS LAST"
    ).fetchall()
    assert rows == [(1, 1), (2, 2), (None, 1)]


def test_a_damaged_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="can't read"):
        read_particle_parquet(tmp_path / "p.parquet")
    with pytest.raises(DataError, match="can't read"):
        read_particle_parquet(tmp_path / "none.parquet")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(-1e5, 1e5), st.floats(allow_nan=True, allow_infinity=False, width=32), st.integers(1, 2**52),
            st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_any_values_come_back_from_parquet(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple]) -> None:  # type: ignore[type-arg]
    path = tmp_path_factory.mktemp("any") / "p.parquet"
    table = ParticleTable(
        {
            "coordinate_x": np.array([row[0] for row in rows], dtype=float),
            "psi": np.array([row[1] for row in rows], dtype=float),
            "uid": np.array([row[2] for row in rows], dtype=np.int64),
            "micrograph": objects(*(row[3] for row in rows)),
        }
    )
    write_particle_parquet(path, table)
    found = read_particle_parquet(path)
    for name in table.columns:
        np.testing.assert_array_equal(found[name], table[name])


# --- micrographs ---------------------------------------------------------------------------------------------------


def test_micrographs_come_back_with_optics_and_ctf(tmp_path: Path) -> None:
    (tmp_path / "a.mrc").touch()
    scope = Microscope(300.0, 2.7, 0.1)
    rows = [
        MicrographRow("a", tmp_path / "a.mrc", 0.885, scope, Ctf(12000.0, 11000.0, 30.0, 90.0), "first"),
        MicrographRow("b", tmp_path / "b.mrc", 1.1, scope, Ctf(9000.0, 9000.0, 0.0), "second"),
    ]
    write_micrograph_star(tmp_path / "m.star", rows)
    found = read_micrograph_star(tmp_path / "m.star")
    assert found[0] == rows[0]
    assert found[1] == MicrographRow("b", Path("b.mrc") if not rows[1].path.is_absolute() else found[1].path,
                                     1.1, scope, Ctf(9000.0, 9000.0, 0.0), "second")  # fmt: skip
    assert found[1].path.name == "b.mrc"


def test_micrographs_of_which_only_some_have_a_ctf_are_refused(tmp_path: Path) -> None:
    rows = [MicrographRow("a", Path("a.mrc"), ctf=Ctf(1e4, 1e4)), MicrographRow("b", Path("b.mrc"))]
    with pytest.raises(UsageError, match="known for 1 of 2 micrographs"):
        write_micrograph_star(tmp_path / "m.star", rows)
    write_micrograph_star(tmp_path / "m.star", rows[1:])
    assert read_micrograph_star(tmp_path / "m.star")[0].ctf is None


def test_micrographs_of_relion_30(tmp_path: Path) -> None:
    (tmp_path / "m.star").write_text(
        "data_\nloop_\n_rlnMicrographName\n_rlnVoltage\n_rlnSphericalAberration\n_rlnAmplitudeContrast\n"
        "_rlnMagnification\n_rlnDetectorPixelSize\n_rlnDefocusU\n_rlnDefocusV\n_rlnDefocusAngle\n"
        "x/a.mrc 300 2.7 0.1 50000 5 10000 9000 200\n"
    )
    (row,) = read_micrograph_star(tmp_path / "m.star")
    assert row.pixel_size == pytest.approx(1.0)
    assert row.microscope == Microscope(300.0, 2.7, 0.1)
    assert row.ctf == Ctf(10000.0, 9000.0, 20.0)


# --- RELION itself -------------------------------------------------------------------------------------------------


@pytest.mark.external
def test_relion_reads_our_particles_and_we_read_relions(tmp_path: Path) -> None:
    if shutil.which("relion_star_handler") is None:
        pytest.skip("relion_star_handler is not installed")
    table = particles(40).with_columns(
        voltage=np.where(np.arange(40) < 20, 300.0, 200.0), rlnMtfFileName="mtf.star", pick_score=np.arange(40) * 0.5
    )
    write_particle_star(tmp_path / "ours.star", table)
    command = ["relion_star_handler", "--i", "ours.star", "--o", "theirs.star", "--select", "rlnDefocusU"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    found = read_particle_star(tmp_path / "theirs.star")
    ours = read_particle_star(tmp_path / "ours.star")
    assert len(found) == 40
    for name in ours.columns:
        if ours[name].dtype.kind == "O":
            assert found[name].tolist() == ours[name].tolist(), name
        else:  # RELION writes six decimals
            np.testing.assert_allclose(found[name], ours[name], atol=6e-6, rtol=1e-6, err_msg=name)
