"""Gain references: orientation, kinds, sizes, defects, and finding how one lies on the frames."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from vitreous.algorithms.movies.gain import (
    GAIN_KINDS,
    ORIENTATIONS,
    Orientation,
    apply_gain,
    detect_orientation,
    estimate_gain,
    is_counted,
    orient,
    parse_orientation,
    prepare_gain,
)
from vitreous.algorithms.simulate.detector import make_detector
from vitreous.core.errors import DataError, UsageError

PAIRS = list(itertools.product(ORIENTATIONS, GAIN_KINDS))


def detector_gain(shape=(512, 512), scatter=0.03, seed=3):
    """Multiplicative gain of a simulated detector with tiles, column steps and defects."""
    generator = torch.Generator().manual_seed(seed)
    return make_detector(
        shape, gain_scatter=scatter, dead_columns=1, dead_pixels=20, hot_pixels=0, hot_counts=0, generator=generator
    ).gain


def raw_average(gain, frames=50, dose=0.05, seed=5):
    """Mean of Poisson frames: their sum is itself Poisson distributed."""
    generator = torch.Generator().manual_seed(seed)
    sensitivity = torch.where(gain > 0, 1.0 / gain.clamp_min(1e-6), 0.0)
    return torch.poisson(frames * dose * sensitivity, generator=generator) / frames


def as_stored(gain, orientation, kind):
    """The file's values of a gain that lies on the frames once it is turned by ``orientation``."""
    values = gain if kind == "multiplicative" else torch.where(gain > 0, 37.0 / gain.clamp_min(1e-6), 0.0)
    return orient(values, orientation.inverse)


def test_text_of_all_orientations():
    texts = [str(orientation) for orientation in ORIENTATIONS]
    assert texts == ["0", "90", "180", "270", "flip", "flip-90", "flip-180", "flip-270"]
    assert [parse_orientation(text) for text in texts] == list(ORIENTATIONS)
    assert parse_orientation(" Flip_90 ") == Orientation(1, True)
    assert parse_orientation("none") == Orientation()


@pytest.mark.parametrize("text", ["", "45", "flip-45", "-90", "left"])
def test_unknown_orientation_lists_the_known(text):
    with pytest.raises(UsageError, match="no orientation") as caught:
        parse_orientation(text)
    assert "flip-270" in caught.value.hint
    with pytest.raises(UsageError):
        Orientation(4)


def test_rotation_is_counter_clockwise_with_y_up():
    """The pixel at +x from the centre goes to +y; flip moves +y to -y; flip-180 mirrors x."""
    image = torch.zeros(5, 5)
    image[2, 4] = 1
    assert orient(image, parse_orientation("90"))[4, 2] == 1
    assert orient(image, parse_orientation("180"))[2, 0] == 1
    assert orient(image, parse_orientation("flip-180"))[2, 0] == 1
    up = torch.zeros(5, 5)
    up[4, 2] = 1
    assert orient(up, parse_orientation("flip"))[0, 2] == 1
    assert orient(up, parse_orientation("flip-180"))[4, 2] == 1
    assert orient(up, parse_orientation("flip-90"))[2, 4] == 1


def test_orientations_are_the_dihedral_group():
    image = torch.arange(12.0).reshape(3, 4)
    turned = {tuple(orient(image, o).flatten().tolist()) for o in ORIENTATIONS}
    assert len(turned) == 8
    for orientation in ORIENTATIONS:
        there = orient(image, orientation)
        assert tuple(there.shape) == orientation.shape_of((3, 4))
        torch.testing.assert_close(orient(there, orientation.inverse), image)


@pytest.mark.parametrize(("orientation", "kind"), PAIRS)
def test_prepared_gain_undoes_the_pattern(orientation, kind):
    gain = detector_gain((96, 128))
    prepared = prepare_gain(as_stored(gain, orientation, kind), (96, 128), kind, orientation)
    torch.testing.assert_close(prepared.defects, gain == 0)
    good = ~prepared.defects
    assert float(prepared.multiplier[prepared.defects].min()) == float(prepared.multiplier[prepared.defects].max()) == 1
    ratio = prepared.multiplier[good] / gain[good]
    # A sensitivity is scaled by its own mean: the same for all pixels.
    assert float(ratio.std()) < 1e-6
    assert float(ratio.mean()) == pytest.approx(1.0, abs=0.01)
    assert (prepared.orientation, prepared.kind) == (orientation, kind)
    assert prepared.multiplier.is_contiguous()
    assert prepared.defects.is_contiguous()


def test_multiplicative_gain_is_not_rescaled():
    gain = detector_gain((64, 64)) * 1.05
    prepared = prepare_gain(gain, (64, 64), "multiplicative")
    torch.testing.assert_close(prepared.multiplier[gain > 0], gain[gain > 0])


def test_bad_entries_become_defects():
    gain = torch.ones(32, 32, dtype=torch.float64)
    bad = {(0, 0): 0.0, (1, 2): -1.0, (3, 4): float("nan"), (5, 6): float("inf"), (7, 8): 1e6, (9, 9): 1e-6}
    for place, value in bad.items():
        gain[place] = value
    prepared = prepare_gain(gain, (32, 32), "multiplicative")
    assert {tuple(p) for p in prepared.defects.nonzero().tolist()} == set(bad)
    torch.testing.assert_close(prepared.multiplier, torch.ones(32, 32))
    assert prepared.multiplier.dtype == torch.float32
    corrected = apply_gain(torch.full((32, 32), 3, dtype=torch.uint8), prepared)
    assert corrected.dtype == torch.float32
    assert float(corrected.min()) == float(corrected.max()) == 3


def test_replicates_for_finer_frames():
    gain = detector_gain((32, 48))
    for factor in (2, 4):
        prepared = prepare_gain(gain, (32 * factor, 48 * factor), "multiplicative")
        expected = torch.kron(torch.where(gain > 0, gain, 1.0), torch.ones(factor, factor))
        torch.testing.assert_close(prepared.multiplier, expected)
        assert int(prepared.defects.sum()) == factor**2 * int((gain == 0).sum())


def test_averages_or_sums_for_coarser_frames():
    gain = torch.tensor([[1.0, 1.2, 0.9, 1.0], [0.8, 1.0, 1.1, 1.0]]).repeat(8, 8)
    prepared = prepare_gain(gain, (8, 16), "multiplicative")
    torch.testing.assert_close(prepared.multiplier, torch.ones(8, 16))
    sensitivity = torch.tensor([[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]).repeat(8, 8)
    prepared = prepare_gain(sensitivity, (8, 16), "sensitivity")
    torch.testing.assert_close(prepared.multiplier[:, :2], torch.tensor([1.5, 0.75]).expand(8, 2))
    broken = gain.clone()
    broken[5, 6] = 0
    prepared = prepare_gain(broken, (8, 16), "multiplicative")
    assert prepared.defects.nonzero().tolist() == [[2, 3]]


def test_size_that_does_not_fit():
    gain = torch.ones(40, 60)
    with pytest.raises(UsageError, match=r"60 x 40 px.*40 x 60 px") as caught:
        prepare_gain(gain, (60, 40), "multiplicative")
    assert "quarter turn" in caught.value.hint
    assert prepare_gain(gain, (60, 40), "multiplicative", Orientation(1)).multiplier.shape == (60, 40)
    with pytest.raises(UsageError, match=r"60 x 40 px.*61 x 40 px"):
        prepare_gain(gain, (40, 61), "multiplicative")


@pytest.mark.parametrize("mean", [0.85, 1.15, 37.0])
def test_mean_of_a_multiplicative_gain(mean):
    with pytest.raises(DataError, match=f"is {mean:.4g};") as caught:
        prepare_gain(torch.full((8, 8), mean), (8, 8), "multiplicative")
    assert "sensitivity" in caught.value.hint
    prepared = prepare_gain(torch.full((8, 8), mean), (8, 8), "sensitivity")
    torch.testing.assert_close(prepared.multiplier, torch.ones(8, 8))


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_useless_gain(value):
    with pytest.raises(DataError, match=r"100\.0 % of the entries"):
        prepare_gain(torch.full((8, 8), value), (8, 8), "sensitivity")


@pytest.mark.parametrize(("orientation", "kind"), PAIRS)
def test_detects_orientation_and_kind(orientation, kind):
    gain = detector_gain()
    found = detect_orientation(raw_average(gain), 50, as_stored(gain, orientation, kind))
    assert (found.orientation, found.kind) == (orientation, kind)
    assert found.score == pytest.approx(0.04, abs=0.015)
    assert found.margin > 3
    assert found.strength == pytest.approx(1.0, abs=0.15)
    assert len(found.scores) == 16
    assert found.scores[0] == (orientation, kind, found.score)


@pytest.mark.parametrize(("orientation", "kind"), PAIRS)
def test_detects_what_fits_a_rectangle(orientation, kind):
    gain = detector_gain((384, 560))
    found = detect_orientation(raw_average(gain), 50, as_stored(gain, orientation, kind))
    assert (found.orientation, found.kind) == (orientation, kind)
    assert len(found.scores) == 8


def test_a_weak_pattern_is_found_in_a_greater_part(monkeypatch):
    """What the central part leaves unsure, the whole tells; both parts turn about the same centre."""
    from vitreous.algorithms.movies import gain_detection

    gain = detector_gain((515, 515), scatter=0.02)
    average = raw_average(gain, dose=0.1)
    stored = as_stored(gain, Orientation(1, True), "sensitivity")
    monkeypatch.setattr(gain_detection, "SIDES", (64,))
    with pytest.raises(UsageError, match="not clear"):
        detect_orientation(average, 50, stored)
    for sides in ((64, 513), (64, 1024), (64, 514)):
        monkeypatch.setattr(gain_detection, "SIDES", sides)
        found = detect_orientation(average, 50, stored)
        assert (str(found.orientation), found.kind) == ("flip-90", "sensitivity")


def test_detects_a_coarser_and_a_finer_gain():
    fine = detector_gain((512, 512))
    coarse = fine[::2, ::2].contiguous()
    upsampled = torch.kron(coarse, torch.ones(2, 2))
    for gain, stored in ((upsampled, coarse), (coarse, upsampled)):
        found = detect_orientation(
            raw_average(gain, dose=0.2), 50, as_stored(stored, parse_orientation("flip-90"), "sensitivity")
        )
        assert (str(found.orientation), found.kind) == ("flip-90", "sensitivity")


def test_detects_with_hot_pixels_and_strong_tiles():
    gain = detector_gain()
    steps = 1 + 0.3 * torch.randn(2, 8, generator=torch.Generator().manual_seed(1)).clamp(-2, 2)
    gain = gain * torch.kron(steps, torch.ones(256, 64))
    gain = gain / gain[gain > 0].mean()
    average = raw_average(gain)
    average[torch.arange(0, 512, 37), torch.arange(0, 512, 37)] += 90
    found = detect_orientation(average, 50, as_stored(gain, Orientation(2, True), "multiplicative"))
    assert (str(found.orientation), found.kind) == ("flip-180", "multiplicative")


@pytest.mark.parametrize("kind", GAIN_KINDS)
def test_a_kind_that_is_known(kind):
    gain = detector_gain()
    stored = as_stored(gain, Orientation(3), kind)
    found = detect_orientation(raw_average(gain), 50, stored, kind)
    assert (found.orientation, found.kind) == (Orientation(3), kind)
    other = GAIN_KINDS[1 - GAIN_KINDS.index(kind)]
    with pytest.raises(UsageError, match="not clear") as caught:
        detect_orientation(raw_average(gain), 50, stored, other)
    assert f"{kind} with orientation 270" in caught.value.hint


@pytest.mark.parametrize("kind", GAIN_KINDS)
def test_an_orientation_that_is_known(kind):
    gain = detector_gain()
    stored = as_stored(gain, Orientation(1, True), kind)
    average = raw_average(gain)
    found = detect_orientation(average, 50, stored, orientation=Orientation(1, True))
    assert (found.orientation, found.kind) == (Orientation(1, True), kind)
    for wrong in (Orientation(1), Orientation(0, True)):
        with pytest.raises(UsageError, match="not clear") as caught:
            detect_orientation(average, 50, stored, orientation=wrong)
        assert f"{kind} with orientation flip-90" in caught.value.hint
    with pytest.raises(UsageError, match="orientation 90 does not bring"):
        detect_orientation(average[:400], 50, gain[:400], orientation=Orientation(1))


def test_listed_defects_are_turned_and_scaled_with_the_gain():
    gain = torch.ones(8, 12)
    listed = torch.zeros(8, 12, dtype=torch.bool)
    listed[1, 4] = True
    turn = Orientation(1, True)
    for shape, gain_part in (((12, 8), 1), ((24, 16), 2)):
        prepared = prepare_gain(gain, shape, "multiplicative", turn, listed)
        expected = torch.kron(orient(listed, turn).to(torch.uint8), torch.ones(gain_part, gain_part, dtype=torch.uint8))
        assert torch.equal(prepared.defects, expected.to(torch.bool))
    assert prepare_gain(gain, (4, 6), "sensitivity", None, listed).defects.nonzero().tolist() == [[0, 2]]
    with pytest.raises(UsageError, match="list of defects"):
        prepare_gain(gain, (8, 12), "sensitivity", None, listed.T)


def refused(average, gain, n_frames=50):
    with pytest.raises(UsageError, match="not clear from the frames") as caught:
        detect_orientation(average, n_frames, gain)
    assert caught.value.message.count("multiplicative") == 8
    assert "flip-270 sensitivity" in caught.value.message
    return caught.value


def test_refuses_corrected_frames():
    gain = detector_gain()
    corrected = raw_average(gain) * gain
    assert "corrected already" in refused(corrected, gain).hint
    # With many electrons, a pattern of a twentieth of the full contrast is significant, and still no raw one.
    residual = raw_average(gain**0.05, dose=100.0)
    assert refused(residual, gain).context["strength"] == pytest.approx(0.05, abs=0.01)


def test_refuses_a_foreign_flat_or_symmetric_gain():
    gain = detector_gain()
    average = raw_average(gain)
    refused(average, detector_gain(seed=8))
    refused(average, torch.ones(512, 512))
    refused(average, (1 + 0.03 * torch.randn(512, generator=torch.Generator().manual_seed(2))).expand(512, 512))
    half = detector_gain((512, 256)).clamp_min(0.5)
    symmetric = torch.cat((half, half.flip(1)), 1)
    refused(raw_average(symmetric), symmetric)


def test_refuses_without_statistics():
    gain = detector_gain(scatter=0.003)
    refused(raw_average(gain), gain)
    with pytest.raises(UsageError, match="29 frames are too few"):
        detect_orientation(raw_average(gain), 29, gain)
    with pytest.raises(UsageError, match=r"512 x 512 px.*400 x 512 px"):
        detect_orientation(raw_average(gain)[:, :400], 50, gain)
    with pytest.raises(DataError, match="average of the frames"):
        detect_orientation(torch.zeros(512, 512), 50, gain)
    with pytest.raises(DataError, match="average of the frames"):
        detect_orientation(torch.full((512, 512), float("nan")), 50, gain)


def test_never_chooses_wrongly():
    """Near and below the limit of detection the answer is right or a refusal."""
    random = np.random.default_rng(7)
    right = 0
    for trial in range(150):
        orientation, kind = PAIRS[int(random.integers(16))]
        gain = detector_gain((128, 128), scatter=float(random.uniform(0.005, 0.12)), seed=trial)
        stored = as_stored(gain, orientation, kind)
        try:
            found = detect_orientation(raw_average(gain, seed=trial), 50, stored)
        except UsageError:
            continue
        assert (found.orientation, found.kind) == (orientation, kind)
        right += 1
    assert right > 50


def test_arguments_stay_as_they_are():
    gain = detector_gain((128, 128), scatter=0.1)
    average = raw_average(gain, dose=1.0)
    copies = gain.clone(), average.clone()
    prepared = prepare_gain(gain, (128, 128), "multiplicative")
    apply_gain(average, prepared)
    detect_orientation(average, 50, gain)
    estimate_gain(average * 1e4)
    assert torch.equal(gain, copies[0])
    assert torch.equal(average, copies[1])


def test_statistics_after_correction():
    """Corrected counts have the mean of the electrons and the variance mean x gain."""
    gain = detector_gain((256, 256))
    generator = torch.Generator().manual_seed(1)
    raw = torch.poisson(torch.where(gain > 0, 4.0 / gain.clamp_min(1e-6), 0.0), generator=generator)
    prepared = prepare_gain(gain, (256, 256), "multiplicative")
    corrected = apply_gain(raw, prepared)[~prepared.defects]
    assert float(corrected.mean()) == pytest.approx(4.0, rel=0.01)
    assert float(corrected.var() / corrected.mean()) == pytest.approx(1.0, rel=0.05)


def test_frame_of_another_size():
    prepared = prepare_gain(torch.ones(8, 8), (8, 8), "multiplicative")
    with pytest.raises(UsageError, match="shape"):
        apply_gain(torch.ones(8, 9), prepared)


def test_estimates_the_gain():
    gain = detector_gain((128, 128)).clamp_max(1.9)
    total = raw_average(gain, frames=1, dose=5000.0)
    total[3, 5] = 5e6
    found = estimate_gain(total)
    assert found.relative_noise == pytest.approx(5000**-0.5, rel=0.02)
    dead = gain == 0
    dead[3, 5] = True
    assert torch.equal(found.gain == 0, dead)
    ratio = found.gain[~dead] / gain[~dead]
    assert float(ratio.std() / ratio.mean()) == pytest.approx(found.relative_noise, rel=0.1)
    assert float(found.gain.max()) <= 2
    prepare_gain(found.gain, (128, 128), "multiplicative")


def test_refuses_too_few_counts():
    with pytest.raises(DataError, match=r"20 counts per pixel.*22 %"):
        estimate_gain(torch.full((16, 16), 20.0))
    with pytest.raises(DataError, match="negative or non-finite"):
        estimate_gain(torch.full((16, 16), -1.0))


def test_counted_frames():
    counts = torch.poisson(torch.full((16, 16), 0.4))
    assert is_counted(counts)
    assert is_counted(counts.to(torch.int16))
    assert not is_counted(counts * 1.03)
    assert not is_counted(counts - 1)
    assert not is_counted(torch.full((4, 4), float("nan")))
