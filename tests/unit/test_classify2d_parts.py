"""Polar grids, gridding, settings and state of the 2D classification."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from vitreous.algorithms.classify2d.expect import curves, significant
from vitreous.algorithms.classify2d.gridding import from_polar, gridding, to_polar
from vitreous.algorithms.classify2d.images import checked
from vitreous.algorithms.classify2d.polar import (
    PolarGrid,
    angles_needed,
    from_harmonics,
    grid_for,
    polar_ctf,
    resampling,
    shift_angles,
    to_harmonics,
    turns,
)
from vitreous.algorithms.classify2d.prepare import blank_edges, soft_disc
from vitreous.algorithms.classify2d.schedule import finest_ring, settled
from vitreous.algorithms.classify2d.settings import Settings, suggested_classes
from vitreous.algorithms.classify2d.state import Record, State, extended, from_arrays, to_arrays
from vitreous.algorithms.ctf.model import ctf_values
from vitreous.core.errors import DataError, UsageError
from vitreous.core.optics import Ctf, Microscope


def _noise(count: int, box: int) -> torch.Tensor:
    images = torch.randn(count, box, box, generator=torch.Generator().manual_seed(1))
    return images * soft_disc(box, 0.35 * box, 0.1 * box)


def _exact(images: torch.Tensor, grid: PolarGrid) -> torch.Tensor:
    box = images.shape[-1]
    y, x = grid.points()
    place = torch.arange(box, dtype=torch.float64) - box // 2
    row = torch.polar(torch.ones(1, dtype=torch.float64), -2 * math.pi / box * y.reshape(-1, 1) * place)
    column = torch.polar(torch.ones(1, dtype=torch.float64), -2 * math.pi / box * x.reshape(-1, 1) * place)
    sums = torch.einsum("py,nyx,px->np", row, images.to(torch.complex128), column)
    return sums.reshape(len(images), grid.rings, grid.half) / box


@pytest.mark.parametrize(("box", "rings", "error"), [(48, 20, 2e-5), (48, 8, 5e-3), (45, 15, 2e-5)])
def test_gridding_gives_the_fourier_sum_at_polar_points(box: int, rings: int, error: float) -> None:
    grid = grid_for(rings, angles_needed(rings, box, 0.9 * box, 15.0))
    images = _noise(2, box)
    exact = _exact(images, grid)
    real, imaginary = to_polar(gridding(grid, box), images)
    assert float((torch.complex(real, imaginary) - exact).abs().max() / exact.abs().max()) < error


def test_an_image_comes_back_from_the_polar_grid() -> None:
    box, grid = 48, grid_for(23, 160)
    offset = torch.arange(box) - box // 2
    blob = torch.exp(-0.5 * ((offset[:, None] - 3) ** 2 + (offset + 5) ** 2) / 9.0)
    plan = gridding(grid, box)
    back = from_polar(plan, *to_polar(plan, blob[None]))[0]
    inside = soft_disc(box, 16, 1) > 0.99
    difference = (back - blob)[inside]
    assert float((difference - difference.mean()).abs().max()) < 5e-3


def test_a_curve_peaks_at_the_rotation_between_two_images() -> None:
    grid = PolarGrid(6, 64)
    planes = torch.randn(2, 1, 6, 32, generator=torch.Generator().manual_seed(2))
    turn = turns(grid)
    full = torch.cat((torch.complex(*planes), torch.complex(planes[0], -planes[1])), dim=-1)
    turned = torch.roll(full, 10, dims=-1)[..., :32]
    left = to_harmonics(turn, turned.real.contiguous(), turned.imag.contiguous())
    right = tuple(part.transpose(1, 2) for part in to_harmonics(turn, planes[0], planes[1]))
    curve = curves(turn, left, (right[0], right[1]))[0, 0]
    assert int(curve.argmax()) == 10
    assert float(curve[10]) == pytest.approx(float(full.abs().square().sum()), rel=1e-5)


def test_harmonics_and_resampling_keep_the_values() -> None:
    thin, wide = PolarGrid(5, 32), PolarGrid(5, 60)
    planes = torch.randn(2, 3, 5, 16, generator=torch.Generator().manual_seed(3))
    real, imaginary = to_harmonics(turns(thin), planes[0], planes[1])
    back = from_harmonics(thin, torch.complex(real, imaginary).permute(1, 2, 0))
    torch.testing.assert_close(back, torch.complex(*planes), atol=1e-5, rtol=0)
    # What has few harmonics stays the same on a finer grid and back.
    there = [torch.matmul(plane, matrix) for plane, matrix in zip(planes, resampling(thin, wide), strict=True)]
    again = [torch.matmul(plane, matrix) for plane, matrix in zip(there, resampling(wide, thin), strict=True)]
    smooth = [torch.matmul(plane, matrix) for plane, matrix in zip(planes, resampling(thin, thin), strict=True)]
    for first, second in zip(again, smooth, strict=True):
        torch.testing.assert_close(first, second, atol=1e-4, rtol=0)


def test_the_polar_ctf_is_that_of_the_model() -> None:
    grid, extent = PolarGrid(12, 40), 200.0
    microscope = Microscope(300.0, 2.7, 0.1)
    values = [(18000.0, 17000.0, 30.0, 0.0), (9000.0, 9000.0, 0.0, 90.0), (12000.0, 15000.0, 100.0, 10.0)]
    columns = tuple(torch.tensor(column, dtype=torch.float64) for column in zip(*values, strict=True))
    found = polar_ctf(grid, extent, microscope, (columns[0], columns[1], columns[2], columns[3]))
    y, x = grid.points()
    for got, value in zip(found, values, strict=True):
        expected = ctf_values(y / extent, x / extent, microscope, Ctf(*value))
        torch.testing.assert_close(got.to(torch.float64), expected, atol=2e-5, rtol=0)


def test_phase_ramps_move_content_towards_positive_axes() -> None:
    box, grid = 48, grid_for(12, 120)
    images = torch.zeros(2, box, box)
    images[0, 24, 24] = images[1, 21, 26] = 1.0
    real, imaginary = to_polar(gridding(grid, box), images)
    ramp = shift_angles(grid, torch.tensor([[2.0, -3.0]]), box)[0]
    moved = torch.complex(real[0], imaginary[0]) * torch.polar(torch.ones_like(ramp), ramp)
    torch.testing.assert_close(moved, torch.complex(real[1], imaginary[1]), atol=1e-4, rtol=0)


def test_significant_keeps_the_least_number_of_entries() -> None:
    mass = torch.tensor([[0.5, 0.3, 0.15, 0.05], [1.0, 0.0, 0.0, 0.0]])
    kept = significant(mass, 0.9, 4)
    assert kept.tolist() == [[True, True, True, False], [True, False, False, False]]
    assert significant(mass, 0.9, 2)[0].tolist() == [True, True, False, False]


def test_settings_say_what_is_wrong() -> None:
    good = {"n_classes": 4, "pixel_size": 3.5, "box": 64, "mask_diameter": 150.0}
    assert Settings(**good).finest_ring == 28
    for wrong in ({"n_classes": 0}, {"smoothing": 0.01}, {"mask_diameter": 400.0}, {"start_resolution": 5.0}):
        with pytest.raises(UsageError):
            Settings(**{**good, **wrong})


def test_the_suggested_number_of_classes_follows_the_images() -> None:
    assert [suggested_classes(n) for n in (1, 100, 1500, 7000, 10**6)] == [1, 5, 5, 20, 50]


def _after(changes: list[float | None], *, rising: float = 0.0, **other: object) -> State:
    """A state of 10 images and 2 classes after iterations that changed these shares of the classes."""
    records = tuple(
        Record(n + 1, 10, 15.0, (0.5, 0.5), (20.0 / (1 + rising * n), 20.0 / (1 + rising * n)), changed, 3.0, 1.5,
               (), 0.1)
        for n, changed in enumerate(changes)
    )  # fmt: skip
    curve = np.array([[1.0] * 11 + [0.2] * 30] * 2, dtype=np.float32)
    none = np.zeros(0, dtype=np.float32)
    known: dict[str, object] = {
        "iteration": len(changes), "averages": none, "references": none, "noise": none, "priors": np.array([0.5, 0.5]),
        "shift_deviation": 3.0, "frc": curve, "contrast": none, "classes": np.zeros(10, dtype=np.int32), "psi": none,
        "origin": none, "max_probability": none, "log_likelihood": none, "history": records, "moments": none,
    }  # fmt: skip
    return State(**{**known, **other})


CALM = [None, *[0.3] * 5, *[0.01] * 14]


def test_a_run_ends_where_two_iterations_changed_little() -> None:
    settings = Settings(n_classes=2, pixel_size=2.0, box=128, mask_diameter=150.0, cycles=20)
    assert [settled(settings, _after(CALM[:n])) for n in (8, 13, 14, 15)] == [False, False, True, True]
    assert not settled(settings, _after([*CALM[:13], 0.06]))
    assert not settled(replace(settings, stop_early=False), _after(CALM))
    assert not settled(settings, _after(CALM, rising=0.1))
    assert not settled(settings, _after(CALM, classes=np.zeros(40, dtype=np.int32)))
    # Iterations before a continuation do not count.
    assert not settled(settings, _after(CALM, iteration=2))


def test_the_limit_stays_near_what_the_averages_reach() -> None:
    settings = Settings(n_classes=2, pixel_size=2.0, box=128, mask_diameter=150.0, cycles=20)
    # 256 Å: 40 Å is ring 6, 8 Å ring 32; the halves correlate up to ring 10.
    rings = [finest_ring(settings, _after([0.3] * n)) for n in range(20)]
    assert rings[:6] == [6, 8, 10, 12, 15, 17]
    assert rings[6:] == [18] * 14
    far = np.ones((2, 41), dtype=np.float32)
    assert finest_ring(settings, _after([0.3] * 13, frc=far)) == settings.finest_ring == 32


def test_an_unusable_image_is_named() -> None:
    images = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(4))
    images[1, 2, 2] = float("nan")
    with pytest.raises(DataError, match="image 7"):
        checked(images, np.array([5, 7, 9]), 16)
    images[1] = 2.0
    with pytest.raises(DataError, match="image 7"):
        checked(images, np.array([5, 7, 9]), 16)
    with pytest.raises(DataError, match="16, 16"):
        checked(images, np.array([5, 7, 9]), 20)


def test_a_blank_edge_is_seen() -> None:
    images = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(5))
    images[1, :, -1] = 0.5
    assert blank_edges(images).tolist() == [False, True, False]


def test_a_state_round_trips_and_grows() -> None:
    random = np.random.default_rng(1)
    record = Record(1, 3, 20.0, (0.5, 0.5), (15.0, None), None, 3.0, 1.5, (), 0.1)
    state = State(
        1,
        random.random((2, 8, 8), dtype=np.float32),
        random.random((4, 2, 8, 8), dtype=np.float32),
        random.random((1, 4)),
        np.array([0.5, 0.5]),
        3.25,
        random.random((2, 4), dtype=np.float32),
        np.ones(2, dtype=np.float32),
        np.array([0, 1, 0], dtype=np.int32),
        np.ones(3, dtype=np.float32),
        np.ones((3, 2), dtype=np.float32),
        np.ones(3, dtype=np.float32),
        np.ones(3, dtype=np.float32),
        (record,),
        np.zeros(0, dtype=np.float32),
    )
    again = from_arrays(to_arrays(state))
    assert again.history == state.history
    assert all(np.array_equal(value, to_arrays(again)[name]) for name, value in to_arrays(state).items())
    more = extended(state, 2)
    assert more.n_images == 5
    assert more.classes.tolist() == [0, 1, 0, -1, -1]
    assert more.origin.shape == (5, 2)
