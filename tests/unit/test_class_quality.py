"""The measures of the classification benchmark give what is known beforehand."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vitreous.algorithms.geometry.project import central_slices, slice_source
from vitreous.algorithms.geometry.rotations import euler_matrix, random_euler_angles, rotation_z

BOX, PIXEL = 36, 7.0


@pytest.fixture(scope="module")
def quality():
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
    try:
        import class_quality
    finally:
        sys.path.pop(0)
    return class_quality


@pytest.fixture(scope="module")
def truth(quality):
    """A handful of blobs without symmetry, seen from 60 directions."""
    random = torch.Generator().manual_seed(5)
    centres = 38.0 * torch.randn(9, 3, generator=random).clamp(-1.5, 1.5)
    axis = (torch.arange(BOX) - BOX // 2) * PIXEL
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    volume = sum(
        torch.exp(-((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) / (2 * 10.0**2)) for cx, cy, cz in centres.tolist()
    )
    rotations = euler_matrix(random_euler_angles(60, random))
    shifts = 6.0 * torch.randn(60, 2, generator=random, dtype=torch.float64)
    return quality.Truth((slice_source(volume, PIXEL),), rotations, shifts, np.arange(60) % 2, PIXEL, BOX)


@pytest.fixture(scope="module")
def matcher(quality, truth):
    return quality.Matcher(truth)


def test_a_true_projection_is_found_with_its_pose_and_its_mirror_as_well(truth, matcher):
    shift = torch.tensor([[1.3, -0.7]], dtype=torch.float64)
    image = central_slices(truth.sources[0], truth.rotations[:1], BOX, PIXEL, shift)[0]
    match = matcher.match(image)
    trace = float((match.rotation * truth.rotations[0]).sum())
    assert math.degrees(math.acos(min(1.0, 0.5 * (trace - 1.0)))) < 1.0
    assert float((match.shift - shift[0]).norm()) < 0.1
    assert match.score > 0.99
    assert matcher.match(image.flip(0)).score > 0.98


def test_the_half_crossing_is_interpolated_and_known_for_an_image_cut_off_at_a_shell(quality):
    assert quality.crossing(np.array([1.0, 1.0, 0.9, 0.7, 0.3, 0.0]), 100.0) == pytest.approx(100.0 / 3.5)
    assert quality.crossing(np.array([1.0, 1.0, 0.9]), 100.0) == 50.0
    assert quality.crossing(np.array([1.0, 0.2, 0.1]), 100.0) == 100.0


def test_ring_correlation_of_an_image_and_noise_of_equal_power_is_one_over_root_two(quality):
    random = torch.Generator().manual_seed(1)
    first = torch.randn(200, BOX, BOX, generator=random)
    second = first + torch.randn(200, BOX, BOX, generator=random)
    frc = quality.ring_correlation(first, second).mean(dim=0)
    assert frc[5:].numpy() == pytest.approx(np.full(BOX // 2 - 5, math.sqrt(0.5)), abs=0.02)


def test_purity_counts_the_commonest_species_of_each_class(quality):
    number, species = np.array([0, 0, 0, 1, 1, 3]), np.array([0, 0, 1, 1, 1, 0])
    assert quality.purity(number, species) == pytest.approx(5 / 6)


def test_members_seen_from_one_side_have_no_spread_whatever_their_psi_and_centre(quality, truth):
    """Poses R0 Rz(psi) with origins that bring every particle back are one view; RELION's senses."""
    psi = torch.linspace(-170.0, 150.0, 60, dtype=torch.float64)
    same = quality.Truth(
        truth.sources, truth.rotations[:1] @ rotation_z(psi), truth.shifts, truth.species, PIXEL, BOX
    )  # fmt: skip
    given = quality.Classes(torch.zeros(1, BOX, BOX), np.arange(60), np.zeros(60, np.int64), psi, -truth.shifts)
    assert all(value < 0.01 for value in quality.spreads(given, same).values())
    wrong = quality.Classes(given.averages, given.particle, given.number, -psi, truth.shifts)
    found = quality.spreads(wrong, same)
    assert found["view_spread"] < 0.01
    assert found["pose_spread"] > 20.0
    assert found["shift_error"] > 5.0


def test_averages_of_true_projections_are_alive_and_blank_ones_are_not(quality, truth, matcher):
    averages = central_slices(truth.sources[0], truth.rotations[:2], BOX, PIXEL)
    averages[1] = 0.0
    number = np.repeat([0, 1], [40, 20])
    given = quality.Classes(averages, np.arange(60), number, torch.zeros(60, dtype=torch.float64), -truth.shifts)
    figures, matches = quality.measure(given, truth, matcher)
    assert figures["alive"] == 1
    assert figures["alive_share"] == pytest.approx(2 / 3, abs=1e-6)
    assert matches[1].resolution == BOX * PIXEL
    assert figures["alive_resolution"] < 16.0
