"""cryoSPARC's files of particles, and images that a table names."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vitreous.core.errors import DataError
from vitreous.formats.cryosparc_particles import (
    read_cryosparc_particles,
    with_passthrough,
    write_cryosparc_particles,
)
from vitreous.formats.particle_images import check_particle_images
from vitreous.jobs.export_particles import JOB, ExportParticlesParams
from vitreous.model.particles import ParticleTable
from vitreous.project.batch import run_batch


def particles(folder: Path, n: int = 5, box: int = 8) -> ParticleTable:
    with mrcfile.new(folder / "s.mrcs", overwrite=True) as file:
        file.set_data(np.zeros((n, box, box), np.float32))
    random = np.random.default_rng(1)
    return ParticleTable(
        {
            "uid": np.arange(n) + 2**52,
            "micrograph": np.full(n, "m1", dtype=object), "micrograph_path": np.full(n, "mics/m1.mrc", dtype=object),
            "coordinate_x": random.uniform(0, 4000, n), "coordinate_y": random.uniform(0, 3000, n),
            "image_stack": np.full(n, str(folder / "s.mrcs"), dtype=object), "image_index": np.arange(n),
            "pixel_size": np.full(n, 1.25), "box_size": np.full(n, box), "voltage": np.full(n, 300.0),
            "spherical_aberration": np.full(n, 2.7), "amplitude_contrast": np.full(n, 0.1),
            "defocus_u": random.uniform(8000, 20000, n), "defocus_v": random.uniform(8000, 20000, n),
            "astigmatism_angle": random.uniform(0, 180, n), "phase_shift": random.uniform(0, 180, n),
            "rot": random.uniform(-180, 180, n), "tilt": random.uniform(0, 180, n), "psi": random.uniform(-180, 180, n),
            "origin_x": random.normal(0, 5, n), "origin_y": random.normal(0, 5, n),
            "class_number": np.arange(n) + 1, "random_subset": np.arange(n) % 2 + 1,
        }
    )  # fmt: skip


def test_particles_come_back_in_our_units(tmp_path: Path) -> None:
    table = particles(tmp_path)
    assert write_cryosparc_particles(tmp_path / "p.cs", table, shape=(3000, 4000)) == ()
    rows = np.load(tmp_path / "p.cs")
    assert rows["blob/path"][0] == b"s.mrcs"
    assert rows["alignments2D/class"].tolist() == [0, 1, 2, 3, 4]
    assert rows["alignments3D/split"].tolist() == [0, 1, 0, 1, 0]
    assert rows["location/center_y_frac"][0] == pytest.approx(1 - table["coordinate_y"][0] / 3000)
    assert rows["ctf/phase_shift_rad"][0] == pytest.approx(np.radians(table["phase_shift"][0]))
    found = read_cryosparc_particles(tmp_path / "p.cs")
    assert found["uid"].tolist() == table["uid"].tolist()
    assert found["image_stack"].tolist() == table["image_stack"].tolist()
    for name in ("coordinate_x", "coordinate_y", "defocus_u", "astigmatism_angle", "origin_x", "origin_y",
                 "class_number", "random_subset", "image_index", "box_size", "pixel_size"):  # fmt: skip
        np.testing.assert_allclose(found[name], table[name], rtol=1e-6, atol=3e-4, err_msg=name)
    ours, theirs = (
        Rotation.from_euler("ZYZ", np.stack([one[name] for name in ("rot", "tilt", "psi")], axis=1), degrees=True)
        for one in (table, found)
    )
    assert (ours * theirs.inv()).magnitude().max() < 1e-6
    # A = exp(-[w]x) takes the object to the view: its third row is the viewing direction.
    rot, tilt = np.radians(table["rot"]), np.radians(table["tilt"])
    view = Rotation.from_rotvec(-rows["alignments3D/pose"].astype(float)).as_matrix()[:, 2]
    direction = np.stack([np.sin(tilt) * np.cos(rot), np.sin(tilt) * np.sin(rot), np.cos(tilt)], axis=1)
    np.testing.assert_allclose(view, direction, atol=1e-6)


def test_poses_of_two_dimensions_are_an_angle(tmp_path: Path) -> None:
    table = particles(tmp_path).without_columns("rot", "tilt")
    losses = write_cryosparc_particles(tmp_path / "p.cs", table.with_columns(pick_power=1.0))
    assert losses == (
        "cryoSPARC's file has no place for coordinate_x, coordinate_y, pick_power",
        "coordinates are fractions of the micrograph there, and its shape was not given",
    )
    found = read_cryosparc_particles(tmp_path / "p.cs")
    np.testing.assert_allclose(found["psi"], table["psi"], atol=1e-4)
    np.testing.assert_allclose(found["origin_x"], table["origin_x"], atol=1e-5)


def test_a_passthrough_file_is_joined_by_number(tmp_path: Path) -> None:
    table = particles(tmp_path)
    write_cryosparc_particles(tmp_path / "p.cs", table.without_columns("coordinate_x", "coordinate_y"))
    write_cryosparc_particles(tmp_path / "q.cs", table.take([4, 2, 0, 1, 3]), shape=(3000, 4000))
    found = with_passthrough(tmp_path / "p.cs", tmp_path / "q.cs")
    np.testing.assert_allclose(found["coordinate_x"], table["coordinate_x"], atol=3e-4)
    write_cryosparc_particles(tmp_path / "q.cs", table.take([4, 2]), shape=(3000, 4000))
    with pytest.raises(DataError, match=r"3 of 5 particles of .*p\.cs are not in it"):
        with_passthrough(tmp_path / "p.cs", tmp_path / "q.cs")


def test_files_that_are_none_of_particles_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.cs").write_text("no array")
    np.save(tmp_path / "b.npy", np.zeros(3))
    for name in ("a.cs", "b.npy", "none.cs"):
        with pytest.raises(DataError):
            read_cryosparc_particles(tmp_path / name)


def test_images_that_are_not_as_the_table_says_are_refused(tmp_path: Path) -> None:
    table = particles(tmp_path)
    check_particle_images(table)
    with pytest.raises(DataError, match=r"particle 3 is image 10 of .*s\.mrcs, which holds 5 \(1 such"):
        check_particle_images(table.with_columns(image_index=np.array([0, 1, 9, 2, 3])))
    names = table["image_stack"].copy()
    names[2] = "nowhere.mrcs"
    with pytest.raises(DataError, match="1 of 2 stacks of images are not there, the first is nowhere"):
        check_particle_images(table.with_columns(image_stack=names))
    with pytest.raises(DataError, match="images of 8 px, the table says 16 px"):
        check_particle_images(table.with_columns(box_size=16))
    with pytest.raises(DataError, match=r"pixel sizes are mixed: 1\.25 Å .* 2 Å .*\(particle 4; 2 of 5 differ"):
        check_particle_images(table.with_columns(pixel_size=np.array([1.25, 1.25, 1.25, 2, 2])))
    (tmp_path / "other").mkdir()
    other = particles(tmp_path / "other", box=16)
    mixed = ParticleTable({name: np.concatenate([table[name], other[name]]) for name in table.columns})
    with pytest.raises(DataError, match="boxes are mixed: 8 px"):
        check_particle_images(mixed)
    check_particle_images(mixed, one_size=False)


def test_the_command_exports_and_says_what_is_lost(tmp_path: Path) -> None:
    write_cryosparc_particles(tmp_path / "p.cs", particles(tmp_path), shape=(3000, 4000))
    (star,) = run_batch(JOB, ExportParticlesParams(), [tmp_path / "p.cs"], tmp_path / "out")
    assert star["particles_exported"] == 5
    assert star["warnings"] == ["RELION has no column for cryosparc/uid"]
    assert "000001@../s.mrcs" in (tmp_path / "out" / "p.star").read_text()
    (back,) = run_batch(
        JOB, ExportParticlesParams(format="cryosparc"), [tmp_path / "out" / "p.star"], tmp_path / "again"
    )
    assert back["particles_exported"] == 5
    (tmp_path / "s.mrcs").unlink()
    (failed,) = run_batch(JOB, ExportParticlesParams(), [tmp_path / "p.cs"], tmp_path / "out")
    assert "1 of 1 stacks of images are not there" in failed["error"]["message"]
