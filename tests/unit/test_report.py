"""The HTML report: its pictures, its numbers, its failed items."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from vitreous.project.session_report import movies as report
from vitreous.project.session_report import pictures as figures


def grating(period: float, size: int = 512) -> np.ndarray:
    x = np.arange(size)
    noise = np.random.default_rng(1).normal(size=(size, size))
    return (noise + np.sin(2 * np.pi * x / period)[None, :]).astype(np.float32)


def test_the_spectrum_shows_a_period_at_its_frequency() -> None:
    spectrum = figures.amplitude_spectrum(grating(8.0))
    assert spectrum.shape == (512, 512)
    spectrum[248:265, 248:265] = 0.0
    y, x = np.unravel_index(int(spectrum.argmax()), spectrum.shape)
    assert (y, abs(x - 256)) == (256, 64)
    assert np.median(spectrum) == pytest.approx(1.0, abs=0.05)


def test_the_spectrum_is_symmetric_about_zero_frequency() -> None:
    image = np.random.default_rng(2).normal(size=(600, 640)).astype(np.float32)
    spectrum = figures.amplitude_spectrum(image)
    assert np.allclose(spectrum[1:, 1:], spectrum[1:, 1:][::-1, ::-1])


def test_shrinking_keeps_the_mean() -> None:
    image = np.arange(64.0).reshape(8, 8)
    small = figures.shrink(image, 4)
    assert small.shape == (4, 4)
    assert small.mean() == image.mean()
    assert small[0, 0] == image[:2, :2].mean()


def test_contrast_ignores_what_is_not_finite() -> None:
    assert figures.contrast_limits(np.array([math.nan, 1.0, 1.0])) == (1.0, 2.0)
    assert figures.contrast_limits(np.array([math.nan])) == (0.0, 1.0)


def test_the_report_holds_numbers_pictures_and_failures(tmp_path: Path) -> None:
    shift = np.zeros((6, 5, 5, 2))
    shift[:, :, :, 0] = np.arange(6)[:, None, None]
    frequency = np.linspace(0.01, 0.3, 50)
    good = {
        "input": "a/first.tiff",
        "outputs": {},
        "drift_total": 5.04,
        "defocus_u": 12340.0,
        "fit_resolution": 4.0,
        "iciness": None,
        "trajectory": {"x": [0.0, 1, 2, 3, 4], "y": [0.0, 1, 2, 3, 4], "shift": shift.tolist()},
        "curves": {name: frequency.tolist() for name in ("frequency", "spectrum", "fit", "quality")},
    }
    bad = {"input": "b.tiff", "error": {"code": "data", "message": "ends <early>", "hint": "Copy it"}}
    path = report.write_report([good, bad], tmp_path / "sub" / "report.html", title="A & B", notes=["so it is"])
    text = path.read_text()
    assert "A &amp; B" in text
    assert "ends &lt;early&gt;" in text
    assert "<td class=n>5.0</td>" in text
    assert "<td class=n>1.234</td>" in text
    assert "<td class=n>–</td>" in text
    assert "so it is" in text
    assert len(re.findall(r"data:image/png;base64", text)) == 3
    assert 'src="http' not in text
