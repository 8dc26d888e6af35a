from pathlib import Path

import pytest

from vitreous.formats.micrograph_star import read_micrograph_star
from vitreous.jobs.micrographs_table import write_micrographs_table
from vitreous.workflow.job_type import Params

CTF = {"defocus_u": 12000.0, "defocus_v": 11800.0, "astigmatism_angle": 30.0, "phase_shift": 0.0}
OPTICS = {"voltage": 300.0, "spherical_aberration": 2.7, "amplitude_contrast": 0.07, "pixel_size": 1.2}


def made(folder: Path, name: str, **changes) -> dict:
    path = folder / f"{name}.mrc"
    path.touch()
    return {"input": str(path), "outputs": {}, "settings": OPTICS, **CTF, **changes}


def test_the_table_names_the_micrographs_whose_ctf_was_found(tmp_path: Path) -> None:
    failed = {"input": "b.mrc", "error": {"code": "data"}}
    written = write_micrographs_table(Params(), [made(tmp_path, "a"), failed], tmp_path)
    (row,) = read_micrograph_star(written["micrographs"])
    assert (row.name, row.path.resolve(), row.pixel_size) == ("a", (tmp_path / "a.mrc").resolve(), pytest.approx(1.2))
    assert row.ctf is not None
    assert row.ctf.defocus_u == pytest.approx(12000)
    assert row.microscope is not None
    assert row.microscope.spherical_aberration == pytest.approx(2.7)


def test_the_sum_of_a_movie_stands_in_place_of_the_movie_with_its_own_pixel_size(tmp_path: Path) -> None:
    files = {name: str(tmp_path / f"m_{name}.mrc") for name in ("sum", "sum_dw")}
    (tmp_path / "m_sum_dw.mrc").touch()
    settings = {"motion": {"pixel_size": 1.2}, "ctf": {**OPTICS, "pixel_size": 2.4}}
    movie = made(tmp_path, "m", outputs=files, settings=settings)
    write_micrographs_table(Params(), [movie], tmp_path)
    (row,) = read_micrograph_star(tmp_path / "micrographs.star")
    assert (row.path.name, row.pixel_size) == ("m_sum_dw.mrc", pytest.approx(2.4))


def test_micrographs_of_an_earlier_run_stay_in_the_table_once(tmp_path: Path) -> None:
    write_micrographs_table(Params(), [made(tmp_path, "a"), made(tmp_path, "b")], tmp_path)
    write_micrographs_table(Params(), [made(tmp_path, "b", defocus_u=15000.0), made(tmp_path, "c")], tmp_path)
    rows = {row.name: row for row in read_micrograph_star(tmp_path / "micrographs.star")}
    assert sorted(rows) == ["a", "b", "c"]
    assert rows["b"].ctf is not None
    assert rows["b"].ctf.defocus_u == pytest.approx(15000)


def test_no_table_is_written_where_nothing_succeeded(tmp_path: Path) -> None:
    assert write_micrographs_table(Params(), [{"input": "a.mrc", "error": {}}], tmp_path) == {}
    assert not (tmp_path / "micrographs.star").exists()
