"""cisTEM's files of particles, and coordinates in a file for each micrograph."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.coordinates import read_coordinates
from vitreous.formats.coordinates_folder import write_coordinate_folder
from vitreous.formats.particle_cistem import read_cistem_particles, write_cistem_particles
from vitreous.formats.star import read_star
from vitreous.jobs.export_particles import JOB, ExportParticlesParams
from vitreous.model.particles import ParticleTable
from vitreous.project.batch import run_batch
from vitreous.workflow.job_type import ItemInput, SlotValue

N, BOX = 6, 8


def images() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(N, BOX, BOX)).astype(np.float32)


def particles(folder: Path, **further: object) -> ParticleTable:
    """Particles of two micrographs in two stacks, named from the last to the first."""
    for number, part in enumerate((images()[:4], images()[4:])):
        with mrcfile.new(folder / f"{number}.mrcs", overwrite=True) as file:
            file.set_data(part)
    random = np.random.default_rng(1)
    names = np.array(["m1"] * 4 + ["m2"] * 2, dtype=object)
    for name in ("m1", "m2"):
        with mrcfile.new(folder / f"{name}.mrc", overwrite=True) as file:
            file.set_data(np.zeros((30, 40) if name == "m1" else (50, 20), np.float32))
    table = ParticleTable(
        {
            "uid": np.arange(N), "micrograph": names,
            "micrograph_path": np.array([str(folder / f"{name}.mrc") for name in names], dtype=object),
            "micrograph_pixel_size": np.full(N, 1.25),
            "coordinate_x": random.uniform(0, 20, N), "coordinate_y": random.uniform(0, 30, N),
            "image_stack": np.array([str(folder / f"{i}.mrcs") for i in (0, 0, 0, 0, 1, 1)], dtype=object),
            "image_index": np.array([0, 1, 2, 3, 0, 1]), "pixel_size": np.full(N, 2.5),
            "box_size": np.full(N, BOX), "voltage": np.full(N, 300.0), "spherical_aberration": np.full(N, 2.7),
            "amplitude_contrast": np.full(N, 0.07), "defocus_u": random.uniform(8000, 20000, N),
            "defocus_v": random.uniform(8000, 20000, N), "astigmatism_angle": random.uniform(0, 180, N),
            "phase_shift": random.uniform(0, 180, N), "psi": random.uniform(-180, 180, N),
            "origin_x": random.normal(0, 5, N), "origin_y": random.normal(0, 5, N), "class_number": np.arange(N) + 1,
        }
    ).take(np.arange(N)[::-1])  # fmt: skip
    return table.with_columns(**further)


def exported(folder: Path, table: ParticleTable, **params: object) -> dict:  # type: ignore[type-arg]
    from vitreous.formats.particle_parquet import write_particle_parquet

    write_particle_parquet(folder / "p.parquet", table)
    (result,) = run_batch(JOB, ExportParticlesParams(**params), [folder / "p.parquet"], folder / "out")
    return result


def test_what_cistem_is_given_comes_back(tmp_path: Path) -> None:
    table = particles(tmp_path)
    result = exported(tmp_path, table, format="cistem")
    assert result["warnings"] == []
    found = read_cistem_particles(tmp_path / "out" / "p.star")
    for name in ("psi", "origin_x", "origin_y", "defocus_u", "defocus_v", "astigmatism_angle", "phase_shift",
                 "voltage", "pixel_size", "class_number"):  # fmt: skip
        np.testing.assert_allclose(found[name], table[name], rtol=1e-9)
    np.testing.assert_allclose(found["cisTEMOriginalXPosition"], table["coordinate_x"] * 1.25)
    assert found["image_index"].tolist() == list(range(N))
    assert found["micrograph"].tolist() == ["m2", "m2", "m1", "m1", "m1", "m1"]
    assert set(found["image_stack"]) == {str(tmp_path / "out" / "p.mrcs")}
    with mrcfile.open(tmp_path / "out" / "p.mrcs") as file:
        np.testing.assert_array_equal(file.data, -images()[::-1])
    # Signs and units are cisTEM's: shifts against our origins, radians, percents, places from 1.
    block = next(iter(read_star(tmp_path / "out" / "p.star").values()))
    np.testing.assert_allclose(block.numbers("cisTEMXShift"), -table["origin_x"])
    np.testing.assert_allclose(block.numbers("cisTEMPhaseShift"), np.radians(table["phase_shift"]))
    assert block.numbers("cisTEMPositionInStack")[0] == 1
    assert block.numbers("cisTEMOccupancy").tolist() == [100.0] * N
    # The command reads its own file again.
    (again,) = run_batch(JOB, ExportParticlesParams(), [tmp_path / "out" / "p.star"], tmp_path / "relion")
    assert again["particles_exported"] == N


def test_what_cistem_needs_is_demanded(tmp_path: Path) -> None:
    table = particles(tmp_path)
    with pytest.raises(DataError, match="one stack, the images are in 2"):
        write_cistem_particles(tmp_path / "p.star", table)
    with pytest.raises(DataError, match="defocus_u is unknown for 6 of 6 particles"):
        write_cistem_particles(tmp_path / "p.star", table.without_columns("defocus_u"))
    (tmp_path / "other.star").write_text("data_\n\nloop_\n_rlnImageName\n1@a.mrcs\n")
    with pytest.raises(DataError, match="no table of cisTEM's particles"):
        read_cistem_particles(tmp_path / "other.star")


def test_images_are_copied_to_be_taken_away(tmp_path: Path) -> None:
    exported(tmp_path, particles(tmp_path), images="copied")
    text = (tmp_path / "out" / "p.star").read_text()
    assert "000001@p.mrcs" in text
    assert str(tmp_path / "0.mrcs") not in text
    with mrcfile.open(tmp_path / "out" / "p.mrcs") as file:
        np.testing.assert_array_equal(file.data, images()[::-1])
    mixed = exported(tmp_path, particles(tmp_path, pixel_size=np.array([1, 1, 1, 2, 2, 2.0])), images="copied")
    assert "pixel sizes are mixed" in mixed["error"]["message"]


def test_cryosparc_learns_where_particles_lie(tmp_path: Path) -> None:
    table = particles(tmp_path)
    assert exported(tmp_path, table, format="cryosparc")["warnings"] == []
    rows = np.load(tmp_path / "out" / "p.cs")
    assert rows["location/micrograph_shape"].tolist() == [[50, 20]] * 2 + [[30, 40]] * 4
    height = np.array([50, 50, 30, 30, 30, 30])
    np.testing.assert_allclose(rows["location/center_y_frac"], 1 - table["coordinate_y"] / height, atol=1e-6)
    (tmp_path / "m1.mrc").unlink()
    assert "its shape was not given" in exported(tmp_path, table, format="cryosparc")["warnings"][-1]


def test_coordinates_are_the_particles_centres(tmp_path: Path) -> None:
    table = particles(tmp_path)
    x = (table["coordinate_x"] - table["origin_x"] / 1.25)[2:]
    result = exported(tmp_path, table, format="eman-box")
    assert set(result["outputs"]) == {"m1", "m2"}
    found = read_coordinates(tmp_path / "out" / "m1.box")
    np.testing.assert_allclose(found["coordinate_x"], x, atol=1e-4)
    assert set(found["box_size"]) == {16}  # 8 px of 2.5 Å in a micrograph of 1.25 Å
    exported(tmp_path, table, format="relion-picks")
    listed = read_coordinates(tmp_path / "out" / "autopick.star")
    assert sorted(listed["micrograph"]) == ["m1"] * 4 + ["m2"] * 2
    assert set(listed["micrograph_path"]) == {str(tmp_path / "m1.mrc"), str(tmp_path / "m2.mrc")}
    exported(tmp_path, table, format="cistem-text")
    text = read_coordinates(tmp_path / "out" / "p.txt", pixel_size=1.25)
    np.testing.assert_allclose(text["coordinate_x"][2:], x, atol=1e-5)


def test_what_a_format_of_coordinates_needs_is_asked_for(tmp_path: Path) -> None:
    places = ParticleTable({"micrograph": np.array(["m1"], object), "coordinate_x": [3.0], "coordinate_y": [4.0]})
    assert "side of the boxes is not known" in exported(tmp_path, places, format="eman-box")["error"]["message"]
    assert "outputs" in exported(tmp_path, places, format="eman-box", box=64)
    assert "need the micrograph's pixel size" in exported(tmp_path, places, format="cistem-text")["error"]["message"]
    exported(tmp_path, places, format="cistem-text", pixel_size=2.0)
    assert (tmp_path / "out" / "p.txt").read_text() == "m1 6.000000 8.000000\n"
    with pytest.raises(UsageError, match="name no micrograph"):
        write_coordinate_folder(tmp_path, places.without_columns("micrograph"), "eman-box", box=8)
    (tmp_path / "none").mkdir()
    nothing = places.take([])
    assert exported(tmp_path / "none", nothing, format="eman-box", box=8)["particles_exported"] == 0


def test_only_kept_picks_of_a_session_are_exported(tmp_path: Path) -> None:
    from vitreous.formats.particle_parquet import write_particle_parquet

    items = []
    for name in ("a", "b"):
        table = ParticleTable(
            {"micrograph": np.array([name] * 2, object), "coordinate_x": [1.0, 2.0], "coordinate_y": [1.0, 2.0],
             "kept": [1, 0]}
        )  # fmt: skip
        write_particle_parquet(tmp_path / f"{name}_picks.parquet", table)
        items.append(ItemInput(name, {}, {"picks": SlotValue(str(tmp_path / f"{name}_picks.parquet"))}))
    assert JOB.on_set is not None
    result = JOB.on_set(ExportParticlesParams(format="relion-picks"))(items, tmp_path / "out", lambda *_: None)
    assert result["particles_exported"] == 2
    assert len(read_coordinates(tmp_path / "out" / "a_autopick.star")) == 1
