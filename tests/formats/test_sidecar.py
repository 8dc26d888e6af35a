"""Which file beside a movie is found, and what is taken from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitreous.core.errors import DataError
from vitreous.formats.sidecar import sidecar_acquisition, sidecar_candidates

MDOC = "Voltage = 300\n[FrameSet = 0]\nPixelSpacing = {}\nTiltAngle = 12\nGainReference = g.dm4\nDefectFile = d.txt\n"
EPU = (
    '<MicroscopeImage xmlns="http://schemas.datacontract.org/2004/07/Fei.SharedObjects"><SpatialScale><pixelSize>'
    "<x><numericValue>8.5E-11</numericValue></x><y><numericValue>8.5E-11</numericValue></y></pixelSize></SpatialScale>"
    "</MicroscopeImage>"
)
IMAGE = "FoilHole_2_Data_30_31_20211008_073908"


def test_nothing_beside_the_movie(tmp_path: Path) -> None:
    assert sidecar_acquisition(tmp_path / "a.tif") is None
    (tmp_path / "a.mdoc").mkdir()
    (tmp_path / "other.mdoc").write_text(MDOC.format(1))
    assert sidecar_acquisition(str(tmp_path / "a.tif")) is None
    assert sidecar_acquisition(tmp_path / ("a" * 250 + ".tif")) is None


def test_the_first_of_several_is_taken(tmp_path: Path) -> None:
    movie = tmp_path / "a.b.tif"
    for name, text, size in [
        ("a.b.xml", EPU, 0.85),
        ("a.b.mdoc", MDOC.format(1.2), 1.2),
        ("a.b.tif.mdoc", MDOC.format(1.1), 1.1),
    ]:
        (tmp_path / name).write_text(text)
        found = sidecar_acquisition(movie)
        assert found is not None
        assert found.path == tmp_path / name
        assert found.acquisition.pixel_size == pytest.approx(size)
    assert (found.kind, found.tilt_angle, found.acquisition.voltage) == ("mdoc", 12, 300)
    assert (found.gain_reference, found.defect_file) == ("g.dm4", "d.txt")


@pytest.mark.parametrize(
    "ending", ["_fractions.tiff", "_Fractions.mrc", "_EER.eer", "_frames.tif", ".mrc.gz", "_fractions.mrc.bz2", ".eer"]
)
def test_layouts_of_epu(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"{IMAGE}.xml").write_text(EPU)
    found = sidecar_acquisition(tmp_path / (IMAGE + ending))
    assert found is not None
    assert (found.kind, found.path.name) == ("epu", f"{IMAGE}.xml")


def test_candidates_are_beside_the_movie() -> None:
    names = [path.name for path in sidecar_candidates(Path("Data") / f"{IMAGE}_fractions.tiff")]
    assert names == [
        f"{IMAGE}_fractions.tiff.mdoc", f"{IMAGE}_fractions.mdoc", f"{IMAGE}_fractions.xml", f"{IMAGE}.xml",
    ]  # fmt: skip


def test_xml_of_another_program_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / f"{IMAGE}_fractions.xml").write_text("<TiltSeries/>")
    assert sidecar_acquisition(tmp_path / f"{IMAGE}_fractions.tiff") is None
    (tmp_path / f"{IMAGE}.xml").write_text(EPU)
    found = sidecar_acquisition(tmp_path / f"{IMAGE}_fractions.tiff")
    assert found is not None
    assert found.kind == "epu"


@pytest.mark.parametrize(("name", "text"), [("a.tif.mdoc", ""), ("a.mdoc", "x"), ("a.xml", ""), ("a.xml", EPU[:-9])])
def test_a_damaged_one_is_an_error(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as caught:
        sidecar_acquisition(tmp_path / "a.tif")
    assert caught.value.context["path"] == str(tmp_path / name)


def test_of_a_series_the_image_that_names_the_movie_is_taken_without_its_binned_pixel(tmp_path: Path) -> None:
    text = "PixelSpacing = 5.4\nImageFile = s.mrc\n" + "".join(
        f"[ZValue = {n}]\nTiltAngle = {3 * n}\nSubFramePath = D:\\s\\{name}\n"
        for n, name in enumerate(["x.tif", "a.tif"])
    )
    (tmp_path / "a.mdoc").write_text(text)
    found = sidecar_acquisition(tmp_path / "a.tif")
    assert found is not None
    assert (found.tilt_angle, found.acquisition.pixel_size) == (3, None)
    assert "of the image and not of its frames" in found.warnings[0]
    (tmp_path / "s.mdoc").write_text(text)
    whole = sidecar_acquisition(tmp_path / "s.mrc")
    assert whole is not None
    assert (whole.tilt_angle, whole.acquisition.pixel_size) == (None, 5.4)


def test_every_real_mdoc_is_taken(shared_data: Path, tmp_path: Path) -> None:
    sizes = {}
    for path in sorted((shared_data / "metadata").glob("*.mdoc")):
        (tmp_path / f"{path.stem}.mrc.mdoc").write_bytes(path.read_bytes())
        found = sidecar_acquisition(tmp_path / f"{path.stem}.mrc")
        assert found is not None
        assert found.warnings == ()
        sizes[path.stem] = found.acquisition.pixel_size
    assert sizes == {
        "frame_set_multiple": 1.2827, "frame_set_single": 1.2827, "montage_section": 656.139,
        "montage_section_multiple": 76.8, "tilt_series": 5.4,
    }  # fmt: skip
