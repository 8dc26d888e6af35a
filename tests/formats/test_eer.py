"""EER movies: events keep their sub-pixel places through file and decoder, in all bit layouts."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.eer import write_eer
from vitreous.formats.eer_codec import decode_events, encode_events
from vitreous.formats.images import EerOptions, open_images

SHAPE = (48, 64)
BITS = {"8+4": (8, 2, 2), "7+4": (7, 2, 2), "7+2": (7, 1, 1)}


def random_events(n_frames: int, upsampling: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Events of distinct camera pixels, so that none is dropped."""
    random = np.random.default_rng(seed)
    events = []
    for _ in range(n_frames):
        pixels = random.choice(SHAPE[0] * SHAPE[1], 40, replace=False)
        y, x = np.divmod(pixels, SHAPE[1])
        fine = random.integers(0, upsampling, (2, 40))
        events.append((x * upsampling + fine[0], y * upsampling + fine[1]))
    return events


def image_of(events: list[tuple[np.ndarray, np.ndarray]], upsampling: int) -> np.ndarray:
    image = np.zeros((SHAPE[0] * upsampling, SHAPE[1] * upsampling), np.uint16)
    for x, y in events:
        np.add.at(image, (y, x), 1)
    return image


@pytest.mark.parametrize("layout", list(BITS))
@pytest.mark.parametrize("upsampling", [1, 2, 4])
def test_round_trip(tmp_path: Path, layout: str, upsampling: int) -> None:
    if upsampling == 4 and layout == "7+2":
        write_eer(tmp_path / "a.eer", random_events(1, 1), shape=SHAPE, upsampling=1, layout=layout)
        with pytest.raises(UsageError, match="positions per pixel"):
            open_images(tmp_path / "a.eer", EerOptions(upsampling=4))
        return
    events = random_events(7, upsampling)
    write_eer(tmp_path / "a.eer", events, shape=SHAPE, upsampling=upsampling, layout=layout)
    with open_images(tmp_path / "a.eer", EerOptions(upsampling=upsampling, frames_per_fraction=3)) as images:
        assert images.header.n_frames == 2
        assert any("1 of 7 raw frames" in w for w in images.header.warnings)
        for i, frame in enumerate(images.frames()):
            assert frame.dtype == images.header.dtype == np.uint8
            np.testing.assert_array_equal(frame, image_of(events[3 * i : 3 * i + 3], upsampling))


@pytest.mark.parametrize("layout", list(BITS))
@pytest.mark.parametrize("upsampling", [1, 2, 4])
def test_decoder_agrees_with_imagecodecs(layout: str, upsampling: int) -> None:
    bits = BITS[layout]
    if upsampling > 2 ** bits[1]:
        pytest.skip("the layout has no such positions")
    (x, y) = random_events(1, 2 ** bits[1], seed=5)[0]
    data = encode_events(x, y, SHAPE, run_bits=bits[0], x_bits=bits[1], y_bits=bits[2])
    ours = np.zeros((SHAPE[0] * upsampling, SHAPE[1] * upsampling), np.uint8)
    assert decode_events(data, SHAPE, bits, upsampling, ours)
    level = upsampling.bit_length() - 1
    theirs = imagecodecs.eer_decode(data, ours.shape, *bits, superres=level)
    np.testing.assert_array_equal(ours[::-1], theirs)


def test_positions_are_kept_to_a_fiftieth_of_a_pixel(tmp_path: Path) -> None:
    events = random_events(20, 4, seed=3)
    write_eer(tmp_path / "a.eer", events, shape=SHAPE)
    with open_images(tmp_path / "a.eer", EerOptions(upsampling=4, frames_per_fraction=20)) as images:
        frame = images.frame(0)
    y, x = np.nonzero(frame)
    weight = frame[y, x]
    for axis, found in ((0, x), (1, y)):
        true = np.concatenate([e[axis] for e in events]) / 4
        assert abs(np.average(found / 4, weights=weight) - true.mean()) < 0.02


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 900), st.sampled_from(list(BITS)), st.integers(3, 40))
def test_any_events_come_back(seed: int, n: int, layout: str, nx: int) -> None:
    run, xb, yb = BITS[layout]
    random = np.random.default_rng(seed)
    shape = (30, nx)
    pixels = random.choice(30 * nx, min(n, 30 * nx), replace=False)
    x = (pixels % nx << xb) + random.integers(0, 1 << xb, pixels.size)
    y = (pixels // nx << yb) + random.integers(0, 1 << yb, pixels.size)
    out = np.zeros((30 << yb, nx << xb), np.uint8)
    data = encode_events(x, y, shape, run_bits=run, x_bits=xb, y_bits=yb)
    assert decode_events(data, shape, BITS[layout], 1 << xb, out)
    expected = np.zeros_like(out)
    expected[y, x] = 1
    np.testing.assert_array_equal(out, expected)


def test_dose_bookkeeping(tmp_path: Path) -> None:
    path = write_eer(tmp_path / "a.eer", random_events(40, 1), shape=SHAPE, upsampling=1, pixel_size=0.8, total_dose=20)
    with open_images(path, EerOptions(dose_per_fraction=2.0, upsampling=2)) as images:
        assert images.header.metadata["frames_per_fraction"] == 4
        assert images.header.acquisition.dose_per_frame == pytest.approx(2.0)
        assert images.header.acquisition.pixel_size == pytest.approx(0.4)
    with open_images(path) as images:
        assert images.header.n_frames == 20
        assert "no grouping" in images.header.warnings[0]
    with open_images(path, EerOptions(dose_per_fraction=2.0, total_dose=40)) as images:
        assert images.header.metadata["frames_per_fraction"] == 2
    bare = write_eer(tmp_path / "b.eer", random_events(4, 1), shape=SHAPE, upsampling=1)
    with pytest.raises(UsageError, match="total dose is not known"):
        open_images(bare, EerOptions(dose_per_fraction=2.0))
    with pytest.raises(UsageError, match="4 raw frames"):
        open_images(bare, EerOptions(frames_per_fraction=5))


def test_old_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "old.eer"
    path.write_bytes(bytes(3000) + b"ThermoFisherECComprOK000")
    with pytest.raises(DataError, match="old kind"):
        open_images(path)
