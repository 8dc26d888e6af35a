"""Particles, picks and classes that RELION and cryoSPARC wrote are read whole and written again."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from vitreous.formats.coordinates import per_micrograph, read_coordinates
from vitreous.formats.cryosparc_particles import read_cryosparc_particles
from vitreous.formats.micrograph_star import read_micrograph_star
from vitreous.formats.particle_images import check_particle_images
from vitreous.formats.particle_star import read_particle_star, write_particle_star


@pytest.fixture(scope="module")
def tutorial(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tutorial")
    wanted = ("AutoPick/job011/", "Class2D/job013/run_it025_data.star", "CtfFind/job003/micrographs_ctf.star",
              "Select/job014/particles.star")  # fmt: skip
    with tarfile.open(shared_data / "metadata" / "relion_tutorial_files.tar.xz") as archive:
        members = [member for member in archive if member.name.startswith(wanted) and member.isfile()]
        archive.extractall(folder, members, filter="data")
    return folder


@pytest.mark.parametrize(
    ("name", "rows"),
    [("relion31.star", 5), ("aspire_sample_relion31.star", 17), ("empiar_10076_7.star", 7),
     ("sta_testing_bin8.star", 219)],
)  # fmt: skip
def test_every_column_comes_back(shared_data: Path, tmp_path: Path, name: str, rows: int) -> None:
    table = read_particle_star(shared_data / "particles" / name)
    assert len(table) == rows
    assert all(Path(stack).exists() for stack in set(table["image_stack"]))
    check_particle_images(table)
    assert write_particle_star(tmp_path / "p.star", table) == ()
    found = read_particle_star(tmp_path / "p.star")
    assert set(table.columns) <= set(found.columns)
    for column in set(table.columns) - {"image_stack"}:
        if table[column].dtype.kind == "O":
            assert found[column].tolist() == table[column].tolist(), column
        else:
            np.testing.assert_allclose(found[column], table[column], rtol=1e-11, err_msg=column)


def test_star_and_cs_of_the_same_particles_agree(shared_data: Path) -> None:
    star = read_particle_star(shared_data / "particles" / "empiar_10076_7.star")
    cs = read_cryosparc_particles(shared_data / "particles" / "empiar_10076_7.cs")
    for name in ("defocus_u", "defocus_v", "astigmatism_angle", "voltage", "spherical_aberration",
                 "amplitude_contrast", "pixel_size", "image_index"):  # fmt: skip
        np.testing.assert_allclose(cs[name], star[name], rtol=1e-6, err_msg=name)
    assert cs["image_stack"].tolist() == star["image_stack"].tolist()
    assert cs["box_size"].tolist() == [320] * 7


def test_classes_of_the_tutorial(tutorial: Path, tmp_path: Path) -> None:
    table = read_particle_star(tutorial / "Class2D/job013/run_it025_data.star")
    assert len(table) == 9482
    assert set(table["pixel_size"]) == {3.54}
    assert table["class_number"].min() >= 1
    assert 0.0 < table["max_probability"].min() <= table["max_probability"].max() <= 1.0
    chosen = read_particle_star(tutorial / "Select/job014/particles.star")
    assert set(chosen["rlnGroupNumber"]) <= set(table["rlnGroupNumber"])
    assert len(chosen) < len(table)
    assert write_particle_star(tmp_path / "p.star", table) == ()
    assert (tmp_path / "p.star").stat().st_size > 1_000_000


def test_picks_of_the_tutorial_belong_to_its_micrographs(tutorial: Path) -> None:
    picks = per_micrograph(read_coordinates(tutorial / "AutoPick/job011/coords_suffix_autopick.star"))
    rows = read_micrograph_star(tutorial / "CtfFind/job003/micrographs_ctf.star")
    assert {row.name for row in rows} == set(picks)
    assert sum(map(len, picks.values())) == 9482
    assert rows[0].ctf is not None
    assert rows[0].ctf.defocus_u == pytest.approx(10863.857422)
    assert (rows[0].pixel_size, rows[0].microscope and rows[0].microscope.voltage) == (0.885, 200.0)
    folder = per_micrograph(read_coordinates(tutorial / "AutoPick/job011/Movies"))
    assert {name: set(table["uid"]) for name, table in folder.items()} == {
        name: set(table["uid"]) for name, table in picks.items()
    }
