"""Iciness and statistics on images whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from vitreous.algorithms.fourier.grids import frequency_squared
from vitreous.algorithms.quality.iciness import (
    FOCUS,
    PAPER,
    IcinessDefinition,
    amplitude_squared,
    ice_ring_density,
    iciness,
)
from vitreous.algorithms.quality.statistics import pixel_statistics
from vitreous.core.errors import ComputeError, UsageError
from vitreous.jobs.measure import MeasureParams, alerts, measure_image
from vitreous.model.acquisition import Acquisition

N, PIXEL_SIZE = 512, 1.0


def noise_with_ring(height: float, slope: float = 0.0) -> torch.Tensor:
    """White noise (or amplitudes ∝ s^slope) whose amplitudes at 3.5-4.0 Å are ``height`` times the rest."""
    random = torch.Generator().manual_seed(7)
    s2 = frequency_squared((N, N), PIXEL_SIZE)
    waves = torch.fft.rfft2(torch.randn(N, N, generator=random)) * s2.clamp_min(1e-6) ** (0.5 * slope)
    ring = (s2 > 1 / 4.0**2) & (s2 < 1 / 3.5**2)
    return torch.fft.irfft2(torch.where(ring, waves * height, waves), s=(N, N)) + 10.0


def test_paper_definition_compares_intensities() -> None:
    for height in (1.0, 3.0):
        power = amplitude_squared(noise_with_ring(height))
        assert iciness(power, (N, N), PIXEL_SIZE, PAPER) == pytest.approx(height**2, rel=0.12)


def test_focus_definition_compares_amplitudes() -> None:
    power = amplitude_squared(noise_with_ring(3.0))
    assert iciness(power, (N, N), PIXEL_SIZE, FOCUS) == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize("slope", [0.0, -1.0, -2.0])
def test_ring_density_does_not_see_a_falling_spectrum(slope: float) -> None:
    plain = ice_ring_density(amplitude_squared(noise_with_ring(1.0, slope)), (N, N), PIXEL_SIZE)
    icy = ice_ring_density(amplitude_squared(noise_with_ring(2.5, slope)), (N, N), PIXEL_SIZE)
    assert plain == pytest.approx(1.0, abs=0.06)
    assert icy == pytest.approx(2.5, rel=0.06)


def test_iciness_is_none_where_nyquist_forbids_the_band() -> None:
    power = amplitude_squared(noise_with_ring(1.0))
    assert iciness(power, (N, N), 1.76, PAPER) is None
    assert iciness(power, (N, N), 1.74, PAPER) is not None
    assert ice_ring_density(power, (N, N), 1.51) is None


def test_reference_that_no_pixel_resolves_gives_none() -> None:
    small = torch.rand(16, 16)
    assert iciness(amplitude_squared(small), (16, 16), 1.0, PAPER) is None


def test_odd_definitions_are_refused() -> None:
    with pytest.raises(UsageError, match="empty"):
        IcinessDefinition("mine", (4.0, 3.0), (30.0, 80.0), 2)
    with pytest.raises(UsageError, match="neither"):
        IcinessDefinition("mine", (3.0, 4.0), (30.0, 80.0), 3)


def test_statistics_of_known_pixels() -> None:
    values = torch.arange(10001, dtype=torch.float32).reshape(1, -1) + 50000.0
    got = pixel_statistics(values)
    assert got.mean == pytest.approx(55000.0)
    assert got.stddev == pytest.approx(math.sqrt((10001**2 - 1) / 12.0), rel=1e-4)
    assert (got.minimum, got.maximum) == (50000.0, 60000.0)
    assert got.percentiles[50.0] == 55000.0
    assert got.relative_stddev == pytest.approx(100.0 * got.stddev / got.mean)
    with pytest.raises(ComputeError):
        pixel_statistics(torch.tensor([[1.0, math.nan]]))


def test_measure_records_the_definition_counts_and_dose() -> None:
    image = noise_with_ring(3.0).numpy()
    image.setflags(write=False)
    acquisition = Acquisition(pixel_size=PIXEL_SIZE, dose_per_frame=1.5)
    got = measure_image(image, acquisition, MeasureParams(), 5)
    assert got["counts_per_frame"] == pytest.approx(2.0, abs=0.01)
    assert got["total_dose"] == pytest.approx(7.5)
    assert got["iciness_definition"] == {"name": "paper", "ring": [3.5, 3.9], "reference": [30.0, 80.0], "power": 2}
    assert [alert["level"] for alert in got["alerts"]] == ["mild"]
    assert "iciness" in got["alerts"][0]["what"]
    unknown = measure_image(image, Acquisition(), MeasureParams(), None)
    assert unknown["iciness"] is None
    assert unknown["counts_per_frame"] is None
    assert unknown["total_dose"] is None


def test_alerts_follow_the_limits_and_pass_over_what_is_not_known() -> None:
    params = MeasureParams()
    figures = {
        "counts_per_frame": 0.05, "relative_stddev": 35.0, "iciness": None, "defocus": 80000.0, "fit_resolution": 5.9,
    }  # fmt: skip
    assert [(a["level"], a["what"].split()[0]) for a in alerts(figures, params)] == [
        ("severe", "mean"),
        ("severe", "standard"),
        ("mild", "defocus"),
    ]
    assert all(a["cause"] for a in alerts(figures, params))
    assert alerts({}, params) == []
    near = MeasureParams(alarm_defocus_low=12000.0)
    assert [a["what"] for a in alerts({"defocus": 11000.0}, near)] == ["defocus of 11000 Å"]


def test_custom_bands() -> None:
    params = MeasureParams(
        iciness_definition="custom", ice_band=(4.0, 3.5), reference_band=(8.0, 20.0), iciness_power="1"
    )
    got = measure_image(np.asarray(noise_with_ring(3.0)), Acquisition(pixel_size=PIXEL_SIZE), params, None)
    assert got["iciness"] == pytest.approx(3.0, rel=0.05)
    assert got["iciness_definition"]["ring"] == [3.5, 4.0]
