"""Thinning of a counted image into frames."""

from __future__ import annotations

import pytest
import torch

from vitreous.algorithms.simulate.thin import thin
from vitreous.core.errors import DataError, UsageError


def random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_frames_without_shift_add_up_to_the_image() -> None:
    counts = torch.poisson(torch.full((64, 48), 20.0), generator=random(1))
    before = counts.clone()
    frames = list(thin(counts, torch.zeros(5, 2, dtype=torch.int64), random(2)))
    assert torch.equal(sum(frames[1:], frames[0]), counts)
    assert torch.equal(counts, before)


def test_frames_are_independent_poisson_images() -> None:
    counts = torch.poisson(torch.full((400, 400), 20.0), generator=random(3))
    frames = torch.stack(list(thin(counts, torch.zeros(4, 2, dtype=torch.int64), random(4))))
    assert frames.mean(dim=(1, 2)).tolist() == pytest.approx([5.0] * 4, abs=0.03)
    assert frames.var(dim=(1, 2)).tolist() == pytest.approx([5.0] * 4, abs=0.1)
    correlations = torch.corrcoef(frames.reshape(4, -1))
    assert (correlations - torch.eye(4)).abs().max() < 4 / 400


def test_a_shift_moves_the_specimen_by_so_many_pixels() -> None:
    counts = torch.zeros(32, 40)
    counts[10, 20] = 3000
    shifts = torch.tensor([[0, 0], [3, -2], [-1, 4]])
    frames = list(thin(counts, shifts, random(5)))
    assert all(frame.shape == (24, 32) for frame in frames)
    for frame, (x, y) in zip(frames, shifts.tolist(), strict=True):
        assert torch.nonzero(frame).tolist() == [[10 - 4 + y, 20 - 4 + x]]
        assert frame.max() == pytest.approx(1000, abs=150)


def test_what_is_no_count_is_refused() -> None:
    none = torch.zeros(2, 2, dtype=torch.int64)
    with pytest.raises(DataError, match="no counts"):
        thin(torch.full((8, 8), 0.5), none, random(1))
    with pytest.raises(DataError, match="no counts"):
        thin(torch.full((8, 8), -1.0), none, random(1))
    with pytest.raises(UsageError, match="leave nothing"):
        thin(torch.ones(8, 8), none + 4, random(1))
    with pytest.raises(UsageError, match="shifts"):
        thin(torch.ones(8, 8), none.float(), random(1))
