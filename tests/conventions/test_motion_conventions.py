"""What the words of motion correction mean: signs, reference frame, odd and even, files that agree."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from vitreous.formats.motion_star import read_motion_star

N = 9
STEP = np.array([1.4, -0.9])  # Å per frame, towards +x and -y


@pytest.fixture(scope="module")
def line(maker: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, dict[str, Any], Path]:
    """Frames of a specimen on a straight way, what is found, and where."""
    folder = tmp_path_factory.mktemp("line")
    motion = lambda t, x, y: (x * 0 + STEP[0] * t, y * 0 + STEP[1] * t)  # noqa: E731
    frames = maker.make_movie(motion, shape=(320, 384), n=N, contrast=0.3, seed=4)
    path = maker.write_movie(folder / "m.mrcs", frames)
    return frames, maker.correct(path, folder / "out", patches="1x1", find_defects=False), folder / "out"


def test_the_specimens_motion_is_positive_towards_plus_x_and_plus_y(maker: ModuleType, line: Any) -> None:
    found = maker.shift_of(line[1])
    assert found.shape == (N, 5, 5, 2)
    expected = np.arange(N)[:, None, None, None] * STEP
    assert maker.rms(found - expected) < 0.15


def test_a_spot_that_moves_to_higher_columns_and_rows_has_a_positive_motion(maker: ModuleType, tmp_path: Path) -> None:
    # No simulator: spots on a grid, placed by hand.
    y, x = np.mgrid[:256, :256]
    random = np.random.default_rng(0)
    spots = random.uniform(10, 246, (150, 2))
    frames = np.empty((6, 256, 256), np.int16)
    for t in range(6):
        image = np.full((256, 256), 3.0)
        for a, b in spots:
            image += 20.0 * np.exp(-((x - a - 0.8 * t) ** 2 + (y - b - 0.5 * t) ** 2) / 8.0)
        frames[t] = random.poisson(image)
    result = maker.correct(maker.write_movie(tmp_path / "s.mrcs", frames), tmp_path, patches="1x1", find_defects=False)
    last = maker.shift_of(result)[-1, 2, 2] / maker.PIXEL_SIZE
    np.testing.assert_allclose(last, [4.0, 2.5], atol=0.1)
    # The sum shows the spots where the first frame has them.
    aligned, first = maker.image(tmp_path / "s.mrc"), frames[0].astype(float)
    moved = [np.corrcoef(aligned.ravel(), np.roll(first, k, 1).ravel())[0, 1] for k in (-2, 0, 2)]
    assert moved[1] > max(moved[0], moved[2])


def test_the_first_used_frame_is_the_origin(maker: ModuleType, line: Any, tmp_path: Path) -> None:
    assert np.abs(maker.shift_of(line[1])[0]).max() == 0.0
    path = maker.write_movie(tmp_path / "m.mrcs", line[0])
    later = maker.correct(path, tmp_path, patches="1x1", find_defects=False, first_frame=4)
    assert len(later["trajectory"]["shift"]) == N - 3
    assert np.abs(maker.shift_of(later)[0]).max() == 0.0
    whole = maker.shift_of(line[1])[3:]
    assert maker.rms(maker.shift_of(later) - (whole - whole[0])) < 0.25


def test_json_and_star_tell_the_same_motion(maker: ModuleType, line: Any) -> None:
    model = read_motion_star(line[2] / "m.star")
    json_shift = maker.shift_of(line[1])[:, 2, 2]
    np.testing.assert_allclose(model.global_shift, json_shift, atol=2e-4)
    assert (model.shape, model.first_frame) == ((320, 384), 0)
    assert model.pixel_size == pytest.approx(maker.PIXEL_SIZE, rel=1e-6)
    assert (model.voltage, model.dose_per_frame) == (300.0, 1.3)


def test_json_and_star_tell_the_same_local_motion(maker: ModuleType, tmp_path: Path) -> None:
    motion = maker.drift_and_bend(4.0, 3.0)
    path = maker.write_movie(tmp_path / "m.mrcs", maker.make_movie(motion, contrast=0.3, n=12, shape=(384, 512)))
    result = maker.correct(path, tmp_path, patches="4x3", first_frame=2)
    model = read_motion_star(tmp_path / "m.star")
    assert model.local_coefficients is not None
    assert model.first_frame == 1
    t, y, x = np.meshgrid(np.arange(1, 12), result["trajectory"]["y"], result["trajectory"]["x"], indexing="ij")
    # The table holds the polynomial of lower order that comes nearest.
    assert maker.rms(model.shift_at(t, x, y) - maker.shift_of(result)) < 0.2
    assert np.isnan(model.global_shift[0]).all()


def test_trajectory_points_are_the_centres_of_a_five_by_five_partition(line: Any) -> None:
    trajectory = line[1]["trajectory"]
    np.testing.assert_allclose(trajectory["x"], (np.arange(5) + 0.5) / 5 * 384)
    np.testing.assert_allclose(trajectory["y"], (np.arange(5) + 0.5) / 5 * 320)


def test_the_aligned_sum_lies_in_the_frame_of_the_first_frame(maker: ModuleType, line: Any) -> None:
    frames, _, out = line
    aligned = maker.image(out / "m.mrc").astype(float)
    first = frames[0].astype(float)
    inner = (slice(32, -32), slice(32, -32))
    fits = {}
    for dx in range(-6, 7, 2):
        for dy in range(-6, 7, 2):
            other = np.roll(first, (dy, dx), (0, 1))[inner]
            fits[dx, dy] = np.corrcoef(aligned[inner].ravel(), other.ravel())[0, 1]
    assert max(fits, key=lambda key: fits[key]) == (0, 0)


def test_odd_is_frames_1_3_5_and_even_the_rest(maker: ModuleType, line: Any) -> None:
    frames, _, out = line
    odd, even, whole = (maker.image(out / name) for name in ("m_odd.mrc", "m_even.mrc", "m.mrc"))
    np.testing.assert_allclose(odd + even, whole, atol=1e-3)
    # 5 of 9 frames are odd; borders differ, where the specimen has left the frame.
    assert odd.mean() == pytest.approx(frames[0::2].mean() * 5, rel=5e-3)
    assert even.mean() == pytest.approx(frames[1::2].mean() * 4, rel=5e-3)


def test_pixel_sizes_are_in_the_files(maker: ModuleType, line: Any) -> None:
    import mrcfile

    for name in ("m.mrc", "m_dw.mrc", "m_odd.mrc", "m_even.mrc"):
        with mrcfile.open(line[2] / name) as file:
            assert float(file.voxel_size.x) == pytest.approx(maker.PIXEL_SIZE, rel=1e-5)
            assert file.data.shape == (320, 384)
            assert file.data.dtype == np.float32
