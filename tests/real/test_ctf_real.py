"""Defocus of real micrographs, known from other programs."""

from __future__ import annotations

import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from PIL import Image

from vitreous.core.progress import silent
from vitreous.jobs.ctf import JOB, CtfParams
from vitreous.jobs.measure import JOB as MEASURE
from vitreous.jobs.measure import MeasureParams


@pytest.mark.parametrize(
    ("name", "pixel_size", "defocus", "resolution"),
    [("epu2.9_example.mrc", 0.66655, 27200.0, 4.0), ("fei-extended.mrc", 0.85378, 10500.0, 5.0)],
)
def test_known_defocus_is_found_and_pictures_are_written(
    shared_data: Path, tmp_path: Path, name: str, pixel_size: float, defocus: float, resolution: float
) -> None:
    params = CtfParams(pixel_size=pixel_size, voltage=300, spherical_aberration=2.7, amplitude_contrast=0.07)
    result = JOB.start(params)(shared_data / "micrographs" / name, tmp_path, silent)
    assert result["defocus"] == pytest.approx(defocus, rel=0.02)
    assert result["fit_resolution"] <= resolution
    assert result["defocus_difference"] < 300.0
    stem = Path(name).stem
    recorded = json.loads((tmp_path / f"{stem}_ctf.json").read_text())
    names = {kind: Path(file).name for kind, file in result["outputs"].items()}
    assert recorded == {**result, "outputs": names}
    with mrcfile.open(tmp_path / f"{stem}_ctf.mrc") as picture:
        assert picture.data.shape == (512, 512)
        assert np.isfinite(picture.data).all()
        # A spectrum is point-symmetric: the upper right quadrant shows the rings that the model at the lower left fits.
        model, rings = picture.data[1:256, 1:256], picture.data[257:, 257:][::-1, ::-1]
        distance = np.hypot(*np.mgrid[-255:0, -255:0])
        seen = (distance > 45) & (distance < 130) & (model < 2.9)
        assert np.corrcoef(model[seen], rings[seen])[0, 1] > 0.4
    with Image.open(tmp_path / f"{stem}_ctf.png") as drawn:
        assert drawn.size == (1216, 604)


def test_real_micrograph_is_measured(shared_data: Path, tmp_path: Path) -> None:
    params = MeasureParams(pixel_size=0.66655, second_ring=True)
    result = MEASURE.start(params)(shared_data / "micrographs" / "epu2.9_example.mrc", tmp_path, silent)
    assert 0.0 < result["iciness"] < 1.0
    # Amorphous ice scatters near 3.7 Å.
    assert 1.03 < result["ice_ring_density"] < 1.3
    assert (tmp_path / "epu2.9_example_measure.json").is_file()
