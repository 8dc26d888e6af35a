"""Small parts of motion correction: sizes, exposure weights, groups of frames, drift figures, bad pixels."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vitreous.algorithms.fourier.sizes import smooth_up
from vitreous.algorithms.movies.defects import find_bad_pixels, locate, replace_bad_pixels
from vitreous.algorithms.movies.drift import drift_statistics
from vitreous.algorithms.movies.sampling import plan_sampling
from vitreous.algorithms.movies.sum_frames import exposure_table


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(64, 9000), st.integers(64, 9000)),
    st.floats(0.3, 4.0),
    st.one_of(st.none(), st.floats(0.4, 3.0)),
)
def test_sampling_holds_the_frame_and_reaches_the_pixel_size(
    shape: tuple[int, int], pixel_size: float, ratio: float | None
) -> None:
    target = None if ratio is None else pixel_size * ratio
    plan = plan_sampling(shape, pixel_size, target)
    for frame, padded, resampled, output in zip(shape, plan.padded, plan.resampled, plan.output, strict=True):
        assert padded >= frame
        assert smooth_up(padded) == padded
        assert resampled % 2 == 0
        assert 2 <= output <= resampled
        assert padded <= 1.05 * frame + 40
    if target is None:
        assert (plan.resampled, plan.output, plan.pixel_size) == (plan.padded, shape, pixel_size)
        return
    # Small sides have few sizes to choose from; those of cameras reach the target.
    small = min(n * pixel_size / target for n in shape) < 500 or min(shape) < 500
    tolerance = 2.0 / (min(n * pixel_size / target for n in shape)) if small else 2e-3
    assert plan.pixel_size == pytest.approx(target, rel=tolerance)


@pytest.mark.parametrize("shape", [(4096, 4096), (3838, 3710), (5760, 4092), (7676, 7420), (11520, 8184)])
@pytest.mark.parametrize(("pixel_size", "target"), [(0.83, 1.3), (0.53, 1.06), (1.0, 1.5), (0.74, 1.2)])
def test_camera_sizes_reach_the_target_to_a_ten_thousandth(
    shape: tuple[int, int], pixel_size: float, target: float
) -> None:
    plan = plan_sampling(shape, pixel_size, target)
    for extent, n in zip(plan.extent, plan.resampled, strict=True):
        assert extent / n == pytest.approx(target, rel=1.01e-4)


def test_restored_weights_have_constant_noise_power() -> None:
    exposures = torch.tensor([3.0, 4.5, 5.0, 9.0, 22.0], dtype=torch.float64)
    plain = exposure_table((64, 80), (96.0, 120.0), exposures, 300.0, False)
    restored = exposure_table((64, 80), (96.0, 120.0), exposures, 300.0, True)
    torch.testing.assert_close((restored**2).sum(0), torch.full((plain.shape[1],), 5.0), rtol=1e-4, atol=0)
    # Ring 12 of 96 Å is 1/8 Å: N_e = 0.24499 · 8^1.6649 + 2.8141 (Grant & Grigorieff 2015, eq. 3).
    critical = 0.24499 * 8**1.6649 + 2.8141
    for row, dose in zip(plain, exposures.tolist(), strict=True):
        assert float(row[12]) == pytest.approx(math.exp(-0.5 * dose / critical), rel=1e-5)
        assert float(row[0]) == 1.0
    torch.testing.assert_close(restored[:, 7] / restored[0, 7], plain[:, 7] / plain[0, 7])


def test_drift_of_a_line_and_of_a_zigzag() -> None:
    line = torch.stack([torch.arange(6.0) * 3, torch.arange(6.0) * 4], dim=1)
    exposure = torch.arange(1.0, 7.0) * 1.5
    figures = drift_statistics(line, exposure)
    assert figures.total == pytest.approx(25.0)
    assert figures.range == pytest.approx(25.0)
    assert figures.longest_step == pytest.approx(5.0)
    assert (figures.deceleration, figures.jitter) == (pytest.approx(0.0, abs=1e-12), pytest.approx(0.0, abs=1e-9))
    # Only the step to the second frame (3 e/Å²) lies within 4 e/Å².
    assert (figures.early, figures.late) == (pytest.approx(5.0), pytest.approx(20.0))
    zigzag = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    figures = drift_statistics(zigzag)
    assert (figures.early, figures.late) == (None, None)
    assert figures.total == pytest.approx(4.0)
    assert figures.range == pytest.approx(1.0)
    assert figures.jitter == pytest.approx(1000.0 * 3 / 4)
    slowing = torch.tensor([[0.0, 0.0], [4.0, 0.0], [7.0, 0.0], [9.0, 0.0], [10.0, 0.0]])
    assert drift_statistics(slowing).deceleration == pytest.approx(1.0)


def test_drift_of_few_frames_is_unknown_where_it_has_no_meaning() -> None:
    one, two = drift_statistics(torch.zeros(1, 2)), drift_statistics(torch.tensor([[0.0, 0.0], [3.0, 4.0]]))
    assert (one.total, one.longest_step, one.deceleration, one.jitter) == (0.0, 0.0, None, None)
    assert (two.total, two.deceleration, two.jitter) == (pytest.approx(5.0), None, None)
    assert drift_statistics(torch.zeros(5, 2)).jitter == 0.0


def poisson(mean: float, shape: tuple[int, int] = (200, 220), seed: int = 0) -> torch.Tensor:
    return torch.poisson(torch.full(shape, mean), generator=torch.Generator().manual_seed(seed))


def test_hot_dead_and_known_pixels_are_found_and_nothing_else() -> None:
    total = poisson(40.0)
    total[10, 20], total[100, 7], total[3, 3] = 300.0, 0.0, 90000.0
    known = torch.zeros(total.shape, dtype=torch.bool)
    known[50, 60:64] = True
    before = total.clone()
    bad = find_bad_pixels(total, known)
    expected = {(10, 20), (100, 7), (3, 3), (50, 60), (50, 61), (50, 62), (50, 63)}
    assert {tuple(pixel) for pixel in bad.nonzero().tolist()} == expected
    torch.testing.assert_close(total, before)
    assert int(known.sum()) == 4


def test_zeros_of_sparse_sums_and_constant_images_are_not_defects() -> None:
    assert int(find_bad_pixels(poisson(6.0)).sum()) == 0
    assert int(find_bad_pixels(torch.full((50, 60), 0.1)).sum()) == 0
    assert int(find_bad_pixels(torch.zeros(50, 60)).sum()) == 0


def test_replaced_pixels_are_as_noisy_as_their_surroundings() -> None:
    bad = torch.rand(200, 220, generator=torch.Generator().manual_seed(1)) < 0.03
    pixels = locate(bad)
    random = torch.Generator().manual_seed(2)
    values = []
    for seed in range(12):
        frame = poisson(2.2, seed=seed)
        frame[bad] = 1000.0 * (seed % 2)
        out = replace_bad_pixels(frame, pixels, random)
        torch.testing.assert_close(out[~bad], frame[~bad])
        values.append(out[bad])
    found = torch.stack(values)
    n = found.numel()
    assert float(found.mean()) == pytest.approx(2.2, abs=5 * (2.2 / n) ** 0.5)
    assert float(found.var()) == pytest.approx(2.2, rel=0.05)
    assert bool((found == found.round()).all())  # counts of neighbours, never their mean
    # The same pixel is independent from frame to frame: its mean over 12 frames scatters by √(2.2 / 12).
    assert float(found.mean(0).std()) == pytest.approx((2.2 / 12) ** 0.5, rel=0.1)


def test_replacement_follows_its_surroundings_and_keeps_the_input() -> None:
    frame = poisson(3.0)
    frame[:, 110:] = poisson(60.0)[:, 110:]
    bad = torch.zeros(frame.shape, dtype=torch.bool)
    bad[20:180:7, 30], bad[20:180:7, 190] = True, True
    frame[bad] = 0.0
    before = frame.clone()
    out = replace_bad_pixels(frame, locate(bad), torch.Generator().manual_seed(0))
    torch.testing.assert_close(frame, before)
    left, right = out[bad[:, :]].reshape(-1, 2).T
    assert float(left.mean()) == pytest.approx(3.0, abs=2.0)
    assert float(right.mean()) == pytest.approx(60.0, abs=8.0)


def test_an_x_ray_is_replaced_and_rare_doubles_are_kept() -> None:
    frame = poisson(2.0)
    frame[80, 90] = 500.0
    none = locate(torch.zeros(frame.shape, dtype=torch.bool))
    out = replace_bad_pixels(frame, none, torch.Generator().manual_seed(0))
    assert float(out[80, 90]) < 15.0
    frame[80, 90] = 2.0
    out = replace_bad_pixels(frame, none, torch.Generator().manual_seed(0))
    torch.testing.assert_close(out, frame)
    sparse = poisson(0.02)
    assert float(sparse.max()) >= 2.0
    torch.testing.assert_close(replace_bad_pixels(sparse, none, torch.Generator().manual_seed(0)), sparse)


def test_a_wide_defect_is_filled_from_the_frames_distribution() -> None:
    frame = poisson(20.0)
    bad = torch.zeros(frame.shape, dtype=torch.bool)
    bad[60:120, 60:120] = True
    frame[bad] = 0.0
    known_only = replace_bad_pixels(frame, locate(bad), torch.Generator().manual_seed(0))
    inside = known_only[65:115, 65:115]
    assert float(inside.std()) > 2.0
    assert float(inside.min()) >= 0.0
    everything = torch.ones(20, 20, dtype=torch.bool)
    assert bool(replace_bad_pixels(poisson(5.0, (20, 20)), locate(everything), torch.Generator()).isfinite().all())
