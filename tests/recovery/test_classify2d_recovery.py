"""The 2D classification finds known classes, angles and shifts, and gives the same bits again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from vitreous.algorithms.classify2d.expect import expect
from vitreous.algorithms.classify2d.images import ArrayImages
from vitreous.algorithms.classify2d.loop import iterate, start, summary
from vitreous.algorithms.classify2d.maximise import maximise
from vitreous.algorithms.classify2d.prepare import Prepared, block_rows
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.classify2d.state import State, extended, from_arrays, to_arrays
from vitreous.core.errors import DataError

BOX = 32
COUNT = 120


def _shape(kind: int, turn: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """A bar or an L of Gaussian blobs, turned from +x towards +y by ``turn`` degrees, moved by ``shift`` px."""
    blobs = ([(-6, 0), (-3, 0), (0, 0), (3, 0), (6, 2)], [(-4, -5), (-4, -1), (-4, 3), (0, 3), (5, 3)])[kind]
    angle = np.deg2rad(turn)
    place = np.arange(BOX) - BOX // 2
    out = np.zeros((BOX, BOX))
    for x, y in blobs:
        px = np.cos(angle) * x - np.sin(angle) * y + shift[0]
        py = np.sin(angle) * x + np.cos(angle) * y + shift[1]
        out += np.exp(-0.5 * ((place - px) ** 2 + (place[:, None] - py) ** 2) / 1.5**2)
    return out


def _images() -> tuple[ArrayImages, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    kinds = random.integers(0, 2, COUNT)
    turns = random.uniform(0, 360, COUNT)
    shifts = random.normal(0, 1.0, (COUNT, 2))
    clean = np.stack([_shape(k, a, s) for k, a, s in zip(kinds, turns, shifts, strict=True)])
    stack = torch.from_numpy((clean * 1.5 + random.normal(0, 1, clean.shape)).astype(np.float32))
    return ArrayImages(stack, None, np.zeros(COUNT, dtype=np.int64)), kinds, turns, shifts


SETTINGS = Settings(
    n_classes=2, pixel_size=4.0, box=BOX, mask_diameter=88.0, cycles=10, x_range=14.0, y_range=14.0, batch=16, threads=1
)


def _same(first: State, second: State) -> bool:
    one, two = to_arrays(first), to_arrays(second)
    return all(np.array_equal(one[name], two[name]) for name in one if name != "history")


@pytest.fixture(scope="module")
def run() -> tuple[list[State], np.ndarray, np.ndarray, np.ndarray]:
    images, kinds, turns, shifts = _images()
    states = [start(SETTINGS, images)]
    prepared = Prepared(SETTINGS, images)
    for _ in range(SETTINGS.cycles):
        states.append(iterate(SETTINGS, prepared, states[-1]))
    return states, kinds, turns, shifts


def test_two_shapes_become_two_classes(run: tuple[list[State], np.ndarray, np.ndarray, np.ndarray]) -> None:
    states, kinds, _, _ = run
    agree = float(np.mean(states[-1].classes == kinds))
    assert max(agree, 1.0 - agree) > 0.9


def test_angles_and_shifts_agree_with_the_truth(run: tuple[list[State], np.ndarray, np.ndarray, np.ndarray]) -> None:
    states, kinds, turns, shifts = run
    state = states[-1]
    for number in (0, 1):
        members = np.flatnonzero(state.classes == number)
        kind = round(float(kinds[members].mean()))
        members = members[kinds[members] == kind]
        # An image is the reference turned by -psi: truth + psi is the same for all of a class.
        angle = np.exp(1j * np.deg2rad(turns[members] + state.psi[members]))
        offset = np.abs(np.angle(angle / angle.mean(), deg=True))
        assert np.median(offset) < 8.0
        # A class may sit off the truth's centre: that offset turns with the image.
        moved = shifts[members] + state.origin[members]
        turn = np.deg2rad(-state.psi[members])
        own = (moved[:, 0] + 1j * moved[:, 1]) * np.exp(-1j * turn)
        assert np.median(np.abs(own - own.mean())) < 1.0


def test_a_stored_state_goes_on_to_the_same_bits(run: tuple[list[State], np.ndarray, np.ndarray, np.ndarray]) -> None:
    states = run[0]
    images = _images()[0]
    again = iterate(SETTINGS, images, from_arrays(to_arrays(states[4])))
    assert _same(again, states[5])
    tight = replace(SETTINGS, cache_bytes=200_000)
    assert _same(iterate(tight, images, states[4]), states[5])


def test_shards_add_up_to_the_same_bits(run: tuple[list[State], np.ndarray, np.ndarray, np.ndarray]) -> None:
    state = run[0][3]
    prepared = Prepared(SETTINGS, _images()[0])
    blocks = list(block_rows(SETTINGS, np.arange(COUNT)))
    whole = expect(prepared, state, blocks)
    shards = expect(prepared, state, blocks[1::2]) + expect(prepared, state, blocks[::2])
    assert _same(maximise(prepared, state, whole), maximise(prepared, state, shards))


def test_the_summary_ranks_the_classes(run: tuple[list[State], np.ndarray, np.ndarray, np.ndarray]) -> None:
    found = summary(SETTINGS, run[0][-1])
    assert sorted(entry.rank for entry in found.classes) == [1, 2]
    assert sum(entry.particles for entry in found.classes) == COUNT
    assert all(0.0 <= entry.quality <= 1.0 for entry in found.classes)
    assert all(entry.resolution is not None and entry.resolution < 40.0 for entry in found.classes)


def test_new_images_join_the_classes(run: tuple[list[State], np.ndarray, np.ndarray, np.ndarray]) -> None:
    images = _images()[0]
    more = ArrayImages(torch.cat((images.stack, images.stack[:7])), None, np.zeros(COUNT + 7, dtype=np.int64))
    state = iterate(SETTINGS, more, extended(run[0][-1], 7))
    assert (state.classes >= 0).all()
    # The copies lie in other folds than the originals, whose references differ a little.
    assert float(np.mean(state.classes[COUNT:] == state.classes[:7])) > 0.8


def test_mini_batches_carry_their_sums(run: tuple[list[State], np.ndarray, np.ndarray, np.ndarray]) -> None:
    images = _images()[0]
    part = replace(SETTINGS, automatic_percent=False, percent=50.0)
    state = iterate(part, images, iterate(part, images, run[0][4]))
    assert state.history[-1].particles == COUNT // 2
    assert state.moments.size > 0


@pytest.mark.parametrize(("count", "classes"), [(1, 1), (1, 3), (3, 8)])
def test_few_images_are_no_fault(count: int, classes: int) -> None:
    images = _images()[0]
    few = ArrayImages(images.stack[:count], None, np.zeros(count, dtype=np.int64))
    settings = replace(SETTINGS, n_classes=classes, cycles=2)
    state = start(settings, few)
    for _ in range(2):
        state = iterate(settings, few, state)
    assert np.isfinite(state.averages).all()
    assert (state.classes >= 0).all()
    assert len(summary(settings, state).classes) == classes


def test_blank_edges_stay_out_and_nan_is_named() -> None:
    images = _images()[0]
    images.stack[5, 0] = 0.0
    settings = replace(SETTINGS, exclude_blank_edges=True)
    state = iterate(settings, images, start(settings, images))
    assert state.classes[5] == -1
    assert int((state.classes >= 0).sum()) == COUNT - 1
    images.stack[9, 3, 3] = float("nan")
    with pytest.raises(DataError, match="image 9"):
        start(SETTINGS, images)


def test_rough_products_change_little(run: tuple[list[State], np.ndarray, np.ndarray, np.ndarray]) -> None:
    state = iterate(replace(SETTINGS, precision="bfloat16"), _images()[0], run[0][5])
    assert float(np.mean(state.classes == run[0][6].classes)) > 0.95


@pytest.mark.parametrize(
    "change",
    [
        {"low_resolution": 41.0},
        {"start_resolution": 30.0},
        {"finish_resolution": 20.0},
        {"angular_step": 2.0},
        {"mask_diameter": 70.0},
        {"x_range": 5.0},
        {"y_range": 5.0},
        {"smoothing": 0.2},
        {"regularisation": 0.1},
        {"balance": 0.0},
        {"percent": 40.0, "automatic_percent": False},
        {"cycles": 20},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_option_changes_what_an_iteration_does(
    run: tuple[list[State], np.ndarray, np.ndarray, np.ndarray], change: dict[str, float]
) -> None:
    assert not _same(iterate(replace(SETTINGS, **change), _images()[0], run[0][2]), run[0][3])


def test_classes_are_centred_unless_that_is_not_wanted() -> None:
    images = _images()[0]
    off = ArrayImages(torch.roll(images.stack, (3, 3), (1, 2)), None, images.groups)
    one = replace(SETTINGS, n_classes=1, cycles=4)
    moved = []
    for recentre in (True, False):
        settings = replace(one, recentre=recentre)
        state = start(settings, off)
        for _ in range(4):
            state = iterate(settings, off, state)
        bright = np.clip(state.averages[0] - 0.25 * state.averages[0].max(), 0, None)
        place = np.arange(BOX) - BOX // 2
        moved.append(np.hypot((bright.sum(0) * place).sum(), (bright.sum(1) * place).sum()) / bright.sum())
    assert moved[0] < 1.0
    assert moved[1] > 2.0


def test_an_empty_class_takes_a_half_of_the_largest() -> None:
    images = _images()[0]
    references = torch.from_numpy(np.stack((_shape(0, 0, np.zeros(2)), np.zeros((BOX, BOX)))).astype(np.float32))
    settings = replace(SETTINGS, balance=0.0)
    counts = {}
    for reseed in (True, False):
        chosen = replace(settings, reseed=reseed)
        state = start(chosen, images, references)
        for _ in range(4):
            state = iterate(chosen, images, state)
        counts[reseed] = [record.reseeded for record in state.history]
        assert np.isfinite(state.averages).all()
    assert any(counts[True])
    assert not any(counts[False])
