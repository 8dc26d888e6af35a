"""Motion of simulated movies is found again, at realistic exposure and among a detector's faults."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

N = 16


@pytest.fixture(scope="module")
def bent(maker: ModuleType) -> np.ndarray:
    """A movie with drift and local motion, 1.3 e/Å² a frame."""
    return maker.make_movie(maker.drift_and_bend(), n=N)


def found(maker: ModuleType, frames: np.ndarray, folder: Path, **params: Any) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    return dict(maker.correct(maker.write_movie(folder / "m.mrcs", frames), folder / "out", **params))


@pytest.mark.parametrize(("length", "bound"), [(8.0, 0.15), (30.0, 0.25)])
def test_whole_frame_motion(maker: ModuleType, tmp_path: Path, length: float, bound: float) -> None:
    motion = maker.drift(length)
    result = found(maker, maker.make_movie(motion, n=N, seed=1), tmp_path, patches="1x1")
    error = maker.shift_of(result) - maker.truth_on_grid(motion, N)
    assert maker.rms(error) < bound
    assert result["alignment"]["converged"]
    assert result["local_motion_max"] == 0.0
    truth = maker.truth_on_grid(motion, N)[:, 0, 0]
    assert result["drift_total"] == pytest.approx(np.linalg.norm(np.diff(truth, axis=0), axis=1).sum(), rel=0.1)


def test_local_motion(maker: ModuleType, bent: np.ndarray, tmp_path: Path) -> None:
    truth = maker.truth_on_grid(maker.drift_and_bend(), N)
    whole = found(maker, bent, tmp_path / "whole", patches="1x1")
    local = found(maker, bent, tmp_path / "local", patches="3x3")
    errors = [maker.rms(maker.shift_of(result) - truth) for result in (whole, local)]
    assert errors[0] > 0.9  # local motion is there
    assert errors[1] < 0.55
    # The sum is sharper: its correlation between odd and even is higher where detail is.
    detail = []
    for name in ("whole", "local"):
        odd, even = (
            torch.from_numpy(maker.image(tmp_path / name / "out" / f"m_{half}.mrc")) for half in ("odd", "even")
        )
        a, b = torch.fft.rfft2(odd), torch.fft.rfft2(even)
        fy, fx = torch.fft.fftfreq(odd.shape[0])[:, None], torch.fft.rfftfreq(odd.shape[1])[None, :]
        ring = ((fx**2 + fy**2).sqrt() - 0.16).abs() < 0.05  # about 8 Å
        detail.append(float((a * b.conj()).real[ring].sum() / (a.abs()[ring].norm() * b.abs()[ring].norm())))
    assert detail[1] > detail[0] + 0.01


@pytest.mark.parametrize("motion_name", ["drift", "still"])
def test_a_residual_of_the_gain_does_not_capture_the_alignment(
    maker: ModuleType, tmp_path: Path, motion_name: str
) -> None:
    motion = maker.drift(10.0) if motion_name == "drift" else maker.still
    pattern = 1.0 + 0.02 * np.random.default_rng(3).standard_normal((512, 512))
    frames = maker.make_movie(motion, n=N, multiply=pattern.astype(np.float32))
    result = found(maker, frames, tmp_path, patches="1x1")
    assert maker.rms(maker.shift_of(result) - maker.truth_on_grid(motion, N)) < 0.3


def test_hot_pixels_do_not_capture_the_alignment(maker: ModuleType, tmp_path: Path) -> None:
    motion = maker.drift(10.0)
    frames = maker.make_movie(motion, n=N)
    random = np.random.default_rng(5)
    hot = random.integers(0, 512, (60, 2))
    for x, y in hot:
        frames[:, y, x] = random.poisson(60.0, N)
    result = found(maker, frames, tmp_path, patches="1x1")
    assert result["bad_pixels"] == len({tuple(p) for p in hot.tolist()})
    assert maker.rms(maker.shift_of(result) - maker.truth_on_grid(motion, N)) < 0.2
    left = found(maker, frames, tmp_path / "left", patches="1x1", find_defects=False)
    assert left["bad_pixels"] == 0


def test_noise_alone_gives_a_small_motion(maker: ModuleType, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).poisson(2.2, (N, 384, 384)).astype(np.int16)
    result = found(maker, frames, tmp_path, patches="3x3")
    shift = maker.shift_of(result)
    assert np.isfinite(shift).all()
    # Nothing can be known; what is claimed stays within the reach of the search.
    assert np.abs(shift).max() < 40.0


@pytest.mark.parametrize("value", [0, 7])
def test_frames_without_contrast_stay_where_they_are(maker: ModuleType, tmp_path: Path, value: int) -> None:
    result = found(maker, np.full((6, 128, 160), value, np.int16), tmp_path, patches="2x2")
    assert np.isfinite(maker.shift_of(result)).all()
    np.testing.assert_allclose(maker.image(tmp_path / "out" / "m.mrc"), 6 * value, atol=1e-3)
    assert any("no counts" in warning for warning in result["warnings"]) == (value == 0)


def test_the_exposure_filter_is_that_of_the_formula(maker: ModuleType, tmp_path: Path) -> None:
    motion = maker.drift(3.0)
    frames = maker.make_movie(motion, n=3, contrast=0.4, dose=20.0, shape=(256, 256))
    doses, before = (2.0, 11.0, 4.0), 5.0
    given = {"patches": "1x1", "frame_doses": doses, "pre_exposure": before, "find_defects": False}
    for restore in (True, False):
        result = found(maker, frames, tmp_path / str(restore), restore_power=restore, **given)
        shift = maker.shift_of(result)[:, 0, 0]
        fy, fx = np.fft.fftfreq(256, 1.3)[:, None], np.fft.rfftfreq(256, 1.3)[None, :]
        s = np.sqrt(fx**2 + fy**2)
        with np.errstate(divide="ignore"):
            critical = 0.24499 * s**-1.6649 + 2.8141
        ends = before + np.cumsum(doses)
        q = np.exp(-0.5 * ends[:, None, None] / critical)
        norm = np.sqrt(3.0 / (q**2).sum(0)) if restore else 1.0
        back = np.fft.rfft2(frames) * np.exp(2j * np.pi * (shift[:, 0, None, None] * fx + shift[:, 1, None, None] * fy))
        low = s < 0.5 / 2.6
        expected = np.fft.irfft2((back * q).sum(0) * norm * low)
        image = np.fft.irfft2(np.fft.rfft2(maker.image(tmp_path / str(restore) / "out" / "m_dw.mrc")) * low)
        inner = (slice(16, -16), slice(16, -16))
        difference = (image - expected)[inner]
        assert difference.std() < 0.015 * expected[inner].std()
        assert result["settings"]["pre_exposure"] == before
        assert result["total_dose"] == pytest.approx(sum(doses))


def test_frames_before_the_first_still_count_for_the_exposure(maker: ModuleType, tmp_path: Path) -> None:
    frames = maker.make_movie(maker.still, n=6, contrast=0.4, dose=10.0, shape=(128, 128))
    doses = (5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
    a = found(maker, frames, tmp_path / "a", patches="1x1", frame_doses=doses, first_frame=3)
    b = found(maker, frames[2:], tmp_path / "b", patches="1x1", frame_doses=doses[2:], pre_exposure=11.0)
    for name in ("m.mrc", "m_dw.mrc"):
        one, other = maker.image(tmp_path / "a" / "out" / name), maker.image(tmp_path / "b" / "out" / name)
        np.testing.assert_allclose(one, other, atol=2e-3 * other.std())
    assert a["n_frames"] == b["n_frames"] == 4


@pytest.mark.parametrize("target", [1.95, 2.6])
def test_the_target_pixel_size_is_a_fourier_crop(maker: ModuleType, tmp_path: Path, target: float) -> None:
    frames = maker.make_movie(maker.drift(5.0), n=8, shape=(384, 288))
    fine = found(maker, frames, tmp_path / "fine", patches="1x1")
    coarse = found(maker, frames, tmp_path / "coarse", patches="1x1", target_pixel_size=target)
    np.testing.assert_array_equal(maker.shift_of(fine), maker.shift_of(coarse))
    assert coarse["pixel_size"] == pytest.approx(target, rel=1e-4)
    whole, small = (maker.image(tmp_path / name / "out" / "m.mrc").astype(float) for name in ("fine", "coarse"))
    ny, nx = round(384 * 1.3 / target), round(288 * 1.3 / target)
    assert small.shape == (ny, nx)
    assert small.sum() == pytest.approx(whole.sum(), rel=1e-4)
    spectrum = np.fft.fftshift(np.fft.fft2(whole))
    top, left = (384 - ny) // 2, (288 - nx) // 2
    cut = spectrum[top : top + ny, left : left + nx].copy()
    cut[0], cut[:, 0] = 0, 0  # the Nyquist lines have no partner
    expected = np.fft.ifft2(np.fft.ifftshift(cut)).real * (ny * nx) / (384 * 288)
    expected *= whole.sum() / expected.sum()
    np.testing.assert_allclose(small, expected, atol=1e-3 * expected.std())


@pytest.mark.parametrize("shape", [(370, 382), (212, 202), (375, 371)])
def test_sizes_that_need_padding_give_the_same_motion(
    maker: ModuleType, bent: np.ndarray, tmp_path: Path, shape: tuple[int, int]
) -> None:
    ny, nx = shape
    even = (ny // 32 * 32, nx // 32 * 32)
    results = []
    for number, (my, mx) in enumerate((shape, even)):
        folder = tmp_path / str(number)
        results.append(found(maker, bent[:, :my, :mx], folder, patches="1x1"))
        assert maker.image(folder / "out" / "m.mrc").shape == (my, mx)
        assert results[-1]["shape"] == [my, mx]
    difference = maker.shift_of(results[0])[:, 0, 0] - maker.shift_of(results[1])[:, 0, 0]
    assert maker.rms(difference) < (0.35 if ny > 300 else 0.6)


def test_a_stretch_is_measured_by_the_frame_not_by_its_padding(maker: ModuleType, tmp_path: Path) -> None:
    # 404 px are binned and padded by 4 %: a field that took the padding for the frame would be 4 % too large.
    def stretch(t: float, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return 6.0 * x * t / 7.0, -6.0 * y * t / 7.0

    frames = maker.make_movie(stretch, n=8, contrast=0.4, dose=5.0, shape=(404, 404))
    slopes = []
    for size in (404, 400):
        cut = frames[:, :size, :size]
        result = found(maker, cut, tmp_path / str(size), patches="3x3", dose_per_frame=5.0)
        last, x = maker.shift_of(result)[-1], result["trajectory"]["x"]
        slopes.append((np.polyfit(x, last[..., 0].mean(0), 1)[0], np.polyfit(x, last[..., 1].mean(1), 1)[0]))
    np.testing.assert_allclose(np.array(slopes[0]) * 404, (6.0, -6.0), rtol=0.03)
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=0.022)


def test_the_order_of_frames_read_from_a_list_of_patches_is_x_then_y(maker: ModuleType, tmp_path: Path) -> None:
    frames = maker.make_movie(maker.drift(3.0), n=6, shape=(256, 320), contrast=0.3)
    result = found(maker, frames, tmp_path, patches="3x2")
    deviation = np.array(result["alignment"]["patch_deviation"])
    assert deviation.shape == np.array(result["alignment"]["patch_weight"]).shape == (2, 3)


class TestOptions:
    """Every option changes what it says."""

    @pytest.fixture(scope="class")
    @staticmethod
    def frames(maker: ModuleType) -> np.ndarray:
        return maker.make_movie(maker.drift_and_bend(12.0, 3.0), n=12, shape=(320, 320), contrast=0.15, seed=2)

    def run(self, maker: ModuleType, frames: np.ndarray, folder: Path, **params: Any) -> dict[str, Any]:
        return found(maker, frames, folder, **{"patches": "1x1", **params})

    def test_frame_range(self, maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> None:
        result = self.run(maker, frames, tmp_path, first_frame=3, last_frame=8)
        assert (result["n_frames"], result["n_frames_in_file"], result["first_frame"]) == (6, 12, 3)
        assert result["total_dose"] == pytest.approx(6 * 1.3)
        assert maker.image(tmp_path / "out" / "m.mrc").mean() == pytest.approx(frames[2:8].mean() * 6, rel=0.01)
        assert len(result["trajectory"]["shift"]) == 6

    def test_rounds(self, maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> None:
        one = self.run(maker, frames, tmp_path / "1", max_iterations=1, refine=False)
        assert (one["alignment"]["rounds"], one["alignment"]["refinements"]) == (1, 0)
        assert not one["alignment"]["converged"]
        assert any("did not settle" in warning for warning in one["warnings"])
        loose = self.run(maker, frames, tmp_path / "2", termination_shift=1000.0, refine=False)
        assert loose["alignment"]["rounds"] == 2
        tight = self.run(maker, frames, tmp_path / "3", termination_shift=1e-4, max_iterations=5, refine=False)
        assert 2 < tight["alignment"]["rounds"] <= 5

    def test_refinement_brings_the_motion_nearer(self, maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> None:
        truth = maker.truth_on_grid(maker.drift_and_bend(12.0, 3.0), 12).mean((1, 2), keepdims=True)
        errors = []
        for refine in (True, False):
            result = self.run(maker, frames, tmp_path / str(refine), refine=refine)
            errors.append(maker.rms(maker.shift_of(result) - truth))
            assert (result["alignment"]["refinements"] > 0) == refine
        assert errors[0] < errors[1]

    def test_largest_shift(self, maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> None:
        once = {"max_iterations": 1, "refine": False}
        narrow = self.run(maker, frames, tmp_path / "1", max_shift=3.0, **once)
        wide = self.run(maker, frames, tmp_path / "2", max_shift=40.0, **once)
        # No frame is more than 3 Å from the sum, so that none is more than 6 Å from another; the curve may overshoot.
        assert np.linalg.norm(maker.shift_of(narrow)[:, 0, 0], axis=1).max() < 7.5
        assert maker.rms(maker.shift_of(wide) - maker.shift_of(narrow)) > 0.5

    def test_limits_between_which_no_sample_lies(self, maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> None:
        # Samples of the coarse correlation are about 5 Å apart: none lies between 2 and 3 Å.
        result = self.run(maker, frames, tmp_path, min_shift=2.0, max_shift=3.0)
        assert np.isfinite(maker.shift_of(result)).all()

    def test_smallest_shift_of_the_first_round(self, maker: ModuleType, tmp_path: Path) -> None:
        frames = maker.make_movie(maker.still, n=8, shape=(256, 256), contrast=0.3)
        once = {"max_iterations": 1, "refine": False, "b_factor": 300.0}
        free = self.run(maker, frames, tmp_path / "1", min_shift=0.0, **once)
        kept_away = self.run(maker, frames, tmp_path / "2", min_shift=8.0, **once)
        assert np.abs(maker.shift_of(free)).max() < 1.0
        assert np.abs(maker.shift_of(kept_away)).max() > 2.0

    def test_b_factor(self, maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> None:
        results = [self.run(maker, frames, tmp_path / str(b), b_factor=b, refine=False) for b in (300.0, 6000.0)]
        assert maker.rms(maker.shift_of(results[0]) - maker.shift_of(results[1])) > 1e-3

    def test_the_masked_cross_hides_stripes_of_the_detector(self, maker: ModuleType, tmp_path: Path) -> None:
        # Rows of unequal sensitivity: all their power lies on one line through the origin, at zero shift along y.
        stripes = np.ones((320, 320), np.float32)
        stripes *= (1 + 0.2 * np.random.default_rng(1).standard_normal((320, 1))).clip(0.3).astype(np.float32)
        motion = maker.drift(12.0)
        frames = maker.make_movie(motion, n=12, shape=(320, 320), contrast=0.15, multiply=stripes)
        truth = maker.truth_on_grid(motion, 12)
        errors = {}
        for mask in (True, False):
            result = self.run(maker, frames, tmp_path / str(mask), mask_cross=mask, find_defects=False)
            errors[mask] = maker.rms(maker.shift_of(result) - truth)
        assert errors[True] < 0.5
        assert errors[True] < errors[False]
        wide = self.run(maker, frames, tmp_path / "w", cross_width_x=8, cross_width_y=8, find_defects=False)
        assert wide["trajectory"]["shift"] != result["trajectory"]["shift"]

    def test_smoothness_and_resolution(self, maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> None:
        usual = self.run(maker, frames, tmp_path / "1")
        free = self.run(maker, frames, tmp_path / "2", smooth=False)
        coarse = self.run(maker, frames, tmp_path / "3", align_resolution=20.0)
        assert usual["alignment"]["acceleration_sd"] > 0
        assert free["alignment"]["acceleration_sd"] is None
        assert free["drift_jitter"] > usual["drift_jitter"]
        assert coarse["trajectory"]["shift"] != usual["trajectory"]["shift"]

    def test_groups(self, maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> None:
        given = {"group_frames": 1}, {"group_frames": 3}, {"group_exposure": 2.6}, {"group_exposure": 1.3}
        shifts = [
            maker.shift_of(self.run(maker, frames, tmp_path / str(k), patches="2x2", **one))
            for k, one in enumerate(given)
        ]
        np.testing.assert_array_equal(shifts[0], shifts[3])
        assert maker.rms(shifts[0] - shifts[1]) > 1e-4
        assert maker.rms(shifts[0] - shifts[2]) > 1e-4

    def test_sums_that_are_not_wanted_are_not_written(
        self, maker: ModuleType, frames: np.ndarray, tmp_path: Path
    ) -> None:
        result = self.run(
            maker, frames, tmp_path, exposure_filter=False, odd_even=False, scaled_sum=False, dose_per_frame=None,
            voltage=None,
        )  # fmt: skip
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["m.json", "m.mrc", "m.star"]
        assert set(result["outputs"]) == {"sum", "star", "json"}
        assert result["total_dose"] is None
        assert result["drift_early"] is None

    def test_restored_power_keeps_the_noise_of_the_plain_sum(
        self, maker: ModuleType, frames: np.ndarray, tmp_path: Path
    ) -> None:
        levels = {}
        for restore in (True, False):
            self.run(maker, frames, tmp_path / str(restore), restore_power=restore)
            for name in ("m", "m_dw"):
                power = np.abs(np.fft.fft2(maker.image(tmp_path / str(restore) / "out" / f"{name}.mrc"))) ** 2
                levels[name, restore] = power[70:90, 70:90].mean()
        assert levels["m_dw", True] == pytest.approx(levels["m", True], rel=0.12)
        assert levels["m_dw", False] < 0.6 * levels["m", False]


@pytest.mark.gpu
def test_a_gpu_finds_the_same_motion(maker: ModuleType, bent: np.ndarray, tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    results = {}
    for device in ("cpu", "cuda"):
        results[device] = found(maker, bent, tmp_path / device, patches="3x3", device=device)
    assert maker.rms(maker.shift_of(results["cpu"]) - maker.shift_of(results["cuda"])) < 0.05
    for name in ("m", "m_dw", "m_odd", "m_even"):
        a, b = (maker.image(tmp_path / device / "out" / f"{name}.mrc") for device in ("cpu", "cuda"))
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.999
