"""Sets of particles joined, intersected, subtracted and divided: which particles are the same, and which are taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from vitreous.core.errors import UsageError
from vitreous.core.progress import silent
from vitreous.formats.cryosparc_particles import write_cryosparc_particles
from vitreous.formats.particle_parquet import read_particle_parquet
from vitreous.formats.particle_star import read_particle_star, write_particle_star
from vitreous.jobs.combine_particles import JOB as COMBINE
from vitreous.jobs.combine_particles import CombineParticlesParams, combined
from vitreous.jobs.subset_particles import JOB as SUBSET
from vitreous.jobs.subset_particles import SubsetParticlesParams, chosen
from vitreous.model.particles import ParticleTable
from vitreous.project.batch import finish_batch, run_batch


def numbered(*uids: int, **columns: object) -> ParticleTable:
    return ParticleTable({"uid": np.array(uids, np.int64)}).with_columns(**columns)


def placed(*places: tuple[str, float, float], size: float = 2.0) -> ParticleTable:
    names, x, y = zip(*places, strict=True)
    return ParticleTable(
        {
            "micrograph": np.array(names, object),
            "coordinate_x": np.array(x, float),
            "coordinate_y": np.array(y, float),
            "micrograph_pixel_size": np.full(len(x), size),
        }
    )


def uids(tables: list[ParticleTable], **params: object) -> list[int]:
    found, _ = combined(tables, CombineParticlesParams(**params), [f"set {n}" for n in range(len(tables))])
    return found["uid"].tolist()


def test_the_algebra_of_sets() -> None:
    sets = [numbered(5, 3, 1), numbered(1, 2, 5), numbered(5, 9)]
    assert uids(sets) == [5, 3, 1, 2, 9]
    assert uids(sets, how="intersection") == [5]
    assert uids(sets, how="intersection", at_least=2) == [5, 1]
    assert uids(sets, how="difference") == [3]
    with pytest.raises(UsageError, match="in 4 sets, and there are 3"):
        uids(sets, how="intersection", at_least=4)
    with pytest.raises(ValidationError, match="at_least counts the sets of an intersection"):
        CombineParticlesParams(at_least=2)


def test_the_row_of_the_first_set_counts_and_columns_that_others_lack_are_unknown() -> None:
    one, two = numbered(1, 2, class_number=3.0), numbered(2, 4, class_number=7.0, pick_score=0.5)
    found, notes = combined([one, two], CombineParticlesParams(), ["one", "two"])
    assert found["class_number"].tolist() == [3, 3, 7]
    assert np.isnan(found["pick_score"]).tolist() == [True, True, False]
    assert notes == []


def test_what_can_not_be_classified_together_is_told_and_so_are_rows_that_come_twice() -> None:
    one = numbered(1, 2, 1, pixel_size=1.5, box_size=64)
    two = numbered(3, pixel_size=3.0, box_size=32)
    found, notes = combined([one, two], CombineParticlesParams(), ["one", "two"])
    assert len(found) == 3
    assert notes[0] == "1 row named a particle of the same set once more: left out"
    assert "pixel sizes of 1.5 and 3 Å" in notes[1]
    assert "boxes of 32 and 64 px" in notes[2]


def test_particles_without_numbers_are_known_by_their_place_else_by_their_image() -> None:
    one = placed(("a", 10, 10), ("b", 10, 10))
    two = placed(("b", 10.004, 10), ("b", 11, 10))
    found, _ = combined([one, two], CombineParticlesParams(how="intersection"), ["one", "two"])
    assert found["micrograph"].tolist() == ["b"]
    images = [
        ParticleTable({"image_stack": np.array([name] * 2, object), "image_index": np.array(index)})
        for name, index in (("x.mrcs", [0, 1]), ("./x.mrcs", [1, 2]))
    ]
    found, _ = combined(images, CombineParticlesParams(how="intersection"), ["one", "two"])
    assert found["image_index"].tolist() == [1]
    with pytest.raises(UsageError, match=r"no common number, position or image \(images: no micrograph\)"):
        combined([one, images[0]], CombineParticlesParams(), ["places", "images"])


def test_within_a_radius_particles_are_the_same_after_their_alignment() -> None:
    """At 2 Å/px: the second picker is 3 px = 6 Å off, its alignment says so."""
    one = placed(("a", 50, 50), ("a", 80, 50), ("b", 50, 50)).with_columns(uid=np.arange(3))
    two = placed(("a", 53, 50), ("b", 80, 80), ("a", 20, 20)).with_columns(uid=np.arange(10, 13))
    assert uids([one, two], how="intersection", radius=5.0) == []
    shifted = two.with_columns(origin_x=np.array([6.0, 0, 0]), origin_y=0.0)
    assert uids([one, shifted], how="intersection", radius=5.0) == [0]
    assert uids([one, shifted], how="union", radius=5.0) == [0, 1, 2, 11, 12]
    assert uids([one, shifted], how="difference", radius=5.0) == [1, 2]
    assert uids([one, shifted.take([])], how="difference", radius=5.0) == [0, 1, 2]
    bare = [table.without_columns("micrograph_pixel_size") for table in (one, shifted)]
    assert uids(bare, how="intersection", radius=5.0, micrograph_pixel_size=2.0) == [0]
    with pytest.raises(UsageError, match="set 0: the pixel size of the micrographs is not known"):
        uids(bare, radius=5.0)


def starred(folder: Path, name: str, table: ParticleTable) -> Path:
    write_particle_star(folder / name, table.without_columns("uid"))
    return folder / name


def test_the_commands_write_tables_that_relion_reads_too(tmp_path: Path) -> None:
    table = placed(*(("a", float(n), 10.0) for n in range(40))).with_columns(class_number=np.arange(40) % 4 + 1)
    whole = starred(tmp_path, "whole.star", table)
    half = SubsetParticlesParams(where="class_number in (1, 2)", number=15)
    (result,) = run_batch(SUBSET, half, [whole], tmp_path / "half", silent)
    assert "error" not in result
    assert (result["n_kept"], result["n_rejected"]) == (15, 25)
    rest = tmp_path / "half" / "rejected_particles.star"
    assert set(read_particle_star(tmp_path / "half" / "particles.star")["class_number"]) == {1, 2}
    params = CombineParticlesParams(how="difference")
    found = run_batch(COMBINE, params, [whole, rest], tmp_path / "out", silent)
    written = finish_batch(COMBINE, params, found, tmp_path / "out")
    assert written["particles"] == "15"
    assert len(read_particle_parquet(Path(written["table"]))) == 15


def test_particles_of_other_programs_are_taken_as_they_are(tmp_path: Path) -> None:
    columns = {
        "image_stack": np.array(["x.mrcs"] * 6, object),
        "image_index": np.arange(6),
        "pixel_size": np.full(6, 2.0),
        "box_size": np.full(6, 32),
    }
    write_cryosparc_particles(tmp_path / "six.cs", ParticleTable(columns))
    (result,) = run_batch(SUBSET, SubsetParticlesParams(number=4), [tmp_path / "six.cs"], tmp_path / "out", silent)
    assert (result["n_kept"], result["n_rejected"]) == (4, 2)
    (tmp_path / "x.mrcs").write_bytes(b"\0" * 2048)
    (failed,) = run_batch(SUBSET, SubsetParticlesParams(number=4), [tmp_path / "x.mrcs"], tmp_path / "bad", silent)
    assert "no table of particles by its name" in failed["error"]["message"]


def test_one_table_no_common_particle_and_an_output_beside_the_input_are_refused(tmp_path: Path) -> None:
    one = starred(tmp_path, "one.star", placed(("a", 1, 1)))
    two = starred(tmp_path, "two.star", placed(("a", 9, 9)))
    params = CombineParticlesParams(how="intersection")
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="one table is given"):
        finish_batch(COMBINE, params, run_batch(COMBINE, params, [one], out, silent), out)
    with pytest.raises(UsageError, match=r"the intersection of the sets is empty \(.*one.star 1, .*two.star 1 part"):
        finish_batch(COMBINE, params, run_batch(COMBINE, params, [one, two], out, silent), out)
    (failed, _) = run_batch(COMBINE, params, [one, two], tmp_path, silent)
    assert "beside what it is made of" in failed["error"]["message"]
    (failed,) = run_batch(SUBSET, SubsetParticlesParams(number=1), [one], tmp_path, silent)
    assert "take the place of all" in failed["error"]["message"]


def test_a_draw_repeats_and_a_larger_one_holds_the_smaller() -> None:
    table = numbered(*range(4000))
    third = chosen(table, SubsetParticlesParams(fraction=0.33))
    assert 1200 < third.sum() < 1440
    assert chosen(table, SubsetParticlesParams(fraction=0.6))[third].all()
    assert (chosen(table, SubsetParticlesParams(fraction=0.33, invert=True)) == ~third).all()
    assert (chosen(table, SubsetParticlesParams(fraction=0.33, seed=1)) != third).any()
    hundred = chosen(table, SubsetParticlesParams(number=100))
    assert hundred.sum() == 100
    assert chosen(table, SubsetParticlesParams(number=200))[hundred].all()
    # Those that are there stay chosen as the set grows.
    assert (chosen(table.take(slice(0, 1000)), SubsetParticlesParams(fraction=0.33)) == third[:1000]).all()


def test_a_condition_on_what_is_unknown_leaves_a_particle_out() -> None:
    table = numbered(
        1, 2, 3, max_probability=np.array([0.9, np.nan, 0.2]), micrograph=np.array(["a", "b", "a"], object)
    )
    assert chosen(table, SubsetParticlesParams(where="max_probability > 0.5")).tolist() == [True, False, False]
    assert chosen(table, SubsetParticlesParams(where='micrograph == "a"')).tolist() == [True, False, True]
    assert chosen(table, SubsetParticlesParams(where="max_probability is None")).tolist() == [False, True, False]
    with pytest.raises(UsageError, match=r"no column 'max_probabilty'\. Did you mean max_probability"):
        chosen(table, SubsetParticlesParams(where="max_probabilty > 0.5"))
    with pytest.raises(UsageError, match="ends too early"):
        SubsetParticlesParams(where="max_probability >")
