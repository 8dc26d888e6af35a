"""Motion correction without compiled kernels, as on a GPU, gives what it gives with them."""

from __future__ import annotations

import pytest
import torch

from vitreous.algorithms.fourier.crop import fourier_resize
from vitreous.algorithms.fourier.exposure_filter import exposure_weight
from vitreous.algorithms.fourier.shift import fourier_shift
from vitreous.algorithms.movies import backend, band, decimation, posterior, sum_frames
from vitreous.algorithms.movies.band import make_band
from vitreous.algorithms.movies.local_motion import LocalOptions, measure_local_motion
from vitreous.algorithms.movies.sampling import plan_sampling
from vitreous.algorithms.movies.whole_frame import WholeFrameOptions, align_whole_frames, white_frames

SIZE, PIXEL, FRAMES = 240, 2.0, 12


def _movie() -> torch.Tensor:
    """Frames uint8 of a moving texture with counting noise."""
    generator = torch.Generator().manual_seed(5)
    texture = torch.fft.rfft2(torch.randn(SIZE, SIZE, generator=generator))
    fy = torch.fft.fftfreq(SIZE, PIXEL)[:, None]
    fx = torch.fft.rfftfreq(SIZE, PIXEL)[None]
    texture *= torch.exp(-200.0 * (fy**2 + fx**2))
    texture /= torch.fft.irfft2(texture, s=(SIZE, SIZE)).std()
    shifts = torch.stack([torch.linspace(0, 3, FRAMES), torch.linspace(0, -2, FRAMES)], dim=1) / PIXEL
    moved = fourier_shift(texture, (SIZE, SIZE), shifts)
    rate = 5.0 * (1.0 + 0.3 * torch.fft.irfft2(moved, s=(SIZE, SIZE))).clamp_min(0)
    return torch.poisson(rate, generator=generator).clamp_max(255).to(torch.uint8)


def _corrected(frames: torch.Tensor) -> dict[str, torch.Tensor]:
    """The steps of motion correction on one stack."""
    extent = (SIZE * PIXEL, SIZE * PIXEL)
    shape = (160, 160)
    small = [
        fourier_resize(
            torch.fft.rfft2(decimation.decimated(f, 1, decimation.decimation_taps(1, 0.2))), (SIZE, SIZE), shape
        )
        for f in frames
    ]
    white = white_frames(torch.stack(small), make_band(shape, extent, high_resolution=7.0))
    whole = align_whole_frames(white, WholeFrameOptions())
    local = measure_local_motion(white, whole.shifts, LocalOptions(patches=(2, 2)))
    plan = plan_sampling((SIZE, SIZE), PIXEL)
    weights = sum_frames.exposure_table(plan.padded, plan.extent, torch.arange(1.0, FRAMES + 1), 300.0, True)
    sums = sum_frames.sum_frames([frames], plan, whole.shifts, local.field, weights)
    assert sums.filtered is not None
    return {"shifts": whole.shifts, "field": local.field, "odd": sums.odd, "filtered": sums.filtered}


def test_a_specimen_that_fades_less_than_its_exposure_says_is_still_aligned() -> None:
    frames = _movie()
    extent = (SIZE * PIXEL, SIZE * PIXEL)
    band = make_band((SIZE, SIZE), extent, high_resolution=7.0)
    exposure = torch.arange(1.0, FRAMES + 1) * 5.0  # the texture does not fade at all
    weights = torch.stack([exposure_weight(band.frequency, float(dose)) for dose in exposure])
    white = white_frames(torch.stack([torch.fft.rfft2(f.float()) for f in frames]), band, weights, exposure)
    found = align_whole_frames(white, WholeFrameOptions())
    assert found.converged
    expected = torch.stack([torch.linspace(0, 3, FRAMES), torch.linspace(0, -2, FRAMES)], dim=1).double()
    error = found.shifts - expected
    assert float((error - error.mean(0)).square().sum(1).mean().sqrt()) < 0.3


def test_twins_agree_over_the_whole_method(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = _movie()
    fast = _corrected(frames)
    for module in (backend, band, decimation, posterior, sum_frames):
        monkeypatch.setattr(module, "use_kernels", lambda tensor: False)
    plain = _corrected(frames)
    torch.testing.assert_close(fast["shifts"], plain["shifts"], atol=2e-3, rtol=0)
    torch.testing.assert_close(fast["field"], plain["field"], atol=2e-2, rtol=0)
    for name in ("odd", "filtered"):
        difference = (fast[name] - plain[name])[8:-8, 8:-8]
        assert float(difference.std()) < 0.01 * float(fast[name].std())
    expected = torch.stack([torch.linspace(0, 3, FRAMES), torch.linspace(0, -2, FRAMES)], dim=1).double()
    error = fast["shifts"] - expected
    assert float((error - error.mean(0)).square().sum(1).mean().sqrt()) < 0.3


def test_decimation_agrees_with_its_twin_and_keeps_the_pass_band(monkeypatch: pytest.MonkeyPatch) -> None:
    taps = decimation.decimation_taps(3, 0.12)
    frame = torch.randint(0, 50, (301, 250), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    fast = decimation.decimated(frame, 3, taps)
    monkeypatch.setattr(decimation, "use_kernels", lambda tensor: False)
    torch.testing.assert_close(fast, decimation.decimated(frame, 3, taps), atol=1e-3, rtol=1e-4)
    x = torch.arange(600.0)
    for frequency, low, high in ((0.05, 0.95, 1.05), (0.10, 0.9, 1.05), (0.25, 0.0, 0.01), (0.40, 0.0, 0.01)):
        wave = torch.cos(2 * torch.pi * frequency * x).expand(60, -1)
        inner = decimation.decimated(wave, 3, taps)[5:-5, 20:-20]
        assert low <= float(inner.abs().max()) <= high, frequency
