"""The CPU kernels of motion correction against plain formulas and their torch twins."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vitreous.algorithms.movies import kernels
from vitreous.algorithms.movies.band import make_band
from vitreous.algorithms.movies.decimation import add_to, decimated, decimation_taps
from vitreous.algorithms.movies.field import TERMS, polynomial_coefficients, power_matrix, spatial_basis
from vitreous.algorithms.movies.posterior import shift_gradients, shifted_sum
from vitreous.algorithms.movies.sampling import plan_sampling
from vitreous.algorithms.movies.sum_frames import exposure_table, low_rank, sum_frames
from vitreous.algorithms.movies.sum_frames import moved as moved_by_torch

SHAPE = (36, 42)
EXTENT = (36 * 1.5, 42 * 1.5)


def random_transforms(n: int, shape: tuple[int, int] = SHAPE, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.fft.rfft2(torch.randn(n, *shape, generator=random))


def moved(transforms: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Each frame moved back by ``shifts`` Å, from the definition, in double precision."""
    ny, nx = SHAPE
    sy = torch.fft.fftfreq(ny, EXTENT[0] / ny, dtype=torch.float64)[:, None]
    sx = torch.arange(nx // 2 + 1, dtype=torch.float64)[None, :] / EXTENT[1]
    angle = 2.0 * torch.pi * (shifts[:, 0, None, None] * sx + shifts[:, 1, None, None] * sy)
    return transforms.to(torch.complex128) * torch.polar(torch.ones_like(angle), angle)


def test_shifted_sum_is_the_sum_of_frames_moved_back() -> None:
    transforms = random_transforms(5)
    shifts = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 4
    total = shifted_sum(transforms, shifts, make_band(SHAPE, EXTENT))
    expected = moved(transforms, shifts).sum(0)
    assert float((total - expected).abs().max()) < 1e-5 * float(expected.abs().max())


def test_gradient_is_that_of_the_correlation_by_finite_differences() -> None:
    band = make_band(SHAPE, EXTENT, high_resolution=4.0)
    transforms = random_transforms(3)
    reference = random_transforms(1, seed=7)[0]
    weights = torch.rand(band.n_rings, generator=torch.Generator().manual_seed(2))
    shifts = torch.tensor([[0.3, -1.2], [2.0, 0.7], [-0.4, 0.1]], dtype=torch.float64)
    found = shift_gradients(transforms, shifts, reference, weights, band)
    table = torch.nn.functional.pad(weights, (0, 1))[band.ring.long()] * band.column_weight

    def correlation(at: torch.Tensor) -> torch.Tensor:
        return (moved(transforms, at) * reference.conj() * table).real.sum((1, 2))

    for axis in range(2):
        step = torch.zeros(2, dtype=torch.float64)
        step[axis] = 1e-4
        numeric = (correlation(shifts + step) - correlation(shifts - step)) / 2e-4
        torch.testing.assert_close(found[:, axis], numeric, rtol=1e-4, atol=1e-4 * float(numeric.abs().max()))


def test_ring_power_and_scaling_equal_the_plain_formulas() -> None:
    band = make_band(SHAPE, EXTENT, high_resolution=5.0)
    transform = random_transforms(1)[0]
    for ring in range(band.n_rings):
        mask = (band.ring == ring) * band.column_weight
        if float(mask.sum()) == 0:
            continue
        expected = float((transform.abs() ** 2 * mask).sum() / mask.sum())
        assert float(band.ring_power(transform)[ring]) == pytest.approx(expected, rel=1e-5)
        assert float(band.modes[ring]) == float(mask.sum())
    table = torch.arange(1.0, band.n_rings + 1)
    expected_image = transform * torch.cat([table, torch.zeros(1)])[band.ring.long()]
    torch.testing.assert_close(band.scaled(transform, table), expected_image)


def smooth_frames(n: int, shape: tuple[int, int], seed: int = 0) -> torch.Tensor:
    """Random frames without frequencies above a quarter of the sampling, where interpolation is exact to 1e-3."""
    half = random_transforms(n, shape, seed)
    fy, fx = torch.fft.fftfreq(shape[0])[:, None], torch.fft.rfftfreq(shape[1])[None, :]
    return torch.fft.irfft2(half * (fx**2 + fy**2 < 0.0625), s=shape)


@pytest.mark.parametrize("shape", [(96, 112), (90, 105), (101, 94)])
def test_odd_even_and_filtered_sums_are_those_of_the_definition(shape: tuple[int, int]) -> None:
    frames = smooth_frames(3, shape, 3) * 10 + 50
    plan = plan_sampling(shape, 1.5)
    shifts = torch.tensor([[0.0, 0.0], [3.3, -1.5], [-4.6, 0.6]], dtype=torch.float64)
    n_rings = int(0.5 * 2**0.5 / 1.5 * max(plan.extent)) + 4
    fall = torch.arange(n_rings) / n_rings
    weights = torch.stack([torch.exp(-k * fall) for k in (0.5, 1.0, 2.0)])
    sums = sum_frames([frames[:2], frames[2:]], plan, shifts, None, weights)
    ny, nx = plan.padded
    padded = frames.mean((1, 2))[:, None, None].expand(3, ny, nx).clone()
    padded[:, : shape[0], : shape[1]] = frames
    half = torch.fft.rfft2(padded.double())
    sy = torch.fft.fftfreq(ny, 1.5, dtype=torch.float64)[:, None]
    sx = torch.fft.rfftfreq(nx, 1.5, dtype=torch.float64)[None, :]
    angle = 2 * torch.pi * (shifts[:, 0, None, None] * sx + shifts[:, 1, None, None] * sy)
    back = half * torch.polar(torch.ones_like(angle), angle)
    ring = torch.round(torch.sqrt(sx**2 + sy**2) * min(plan.extent)).long()
    filtered = sum(frame * weights[k][ring] for k, frame in enumerate(back))
    assert sums.filtered is not None
    inner = slice(12, -12)  # the border is repeated, not joined with the other side
    for found, half_sum in ((sums.odd, back[0] + back[2]), (sums.even, back[1]), (sums.filtered, filtered)):
        assert found.shape == shape
        expected = torch.fft.irfft2(half_sum, s=(ny, nx))[: shape[0], : shape[1]]
        difference = (found - expected)[inner, inner]
        assert float(difference.square().mean().sqrt()) < 0.01 * float(expected[inner, inner].std())


@pytest.mark.parametrize("kind", ["uint8", "int16", "float32"])
def test_images_are_added_and_decimated_whatever_their_type(kind: str) -> None:
    frame = torch.from_numpy(np.random.default_rng(0).integers(0, 100, (37, 50)).astype(kind))
    for factor in (1, 2, 3):
        taps = decimation_taps(factor, 0.3 / factor)
        reach, weights = len(taps) // 2, taps.double().numpy()
        wide = np.pad(frame.numpy().astype(float), reach, mode="edge")
        filtered = np.apply_along_axis(np.convolve, 1, wide, weights, "valid")
        filtered = np.apply_along_axis(np.convolve, 0, filtered, weights, "valid")
        expected = frame.numpy() if factor == 1 else filtered[::factor, ::factor][: 37 // factor, : 50 // factor]
        np.testing.assert_allclose(decimated(frame, factor, taps).numpy(), expected, rtol=1e-4, atol=1e-3)
    total = torch.ones(37, 50)
    add_to(total, frame)
    torch.testing.assert_close(total, frame.to(torch.float32) + 1)


@pytest.mark.parametrize(("factor", "passband"), [(2, 0.16), (3, 0.1), (4, 0.09)])
def test_little_is_aliased_into_the_pass_band(factor: int, passband: float) -> None:
    taps = decimation_taps(factor, passband)
    response = torch.fft.rfft(taps.double(), 4096).abs()
    frequency = torch.fft.rfftfreq(4096)
    assert float(response[0]) == pytest.approx(1.0, abs=1e-6)
    assert float(response[frequency >= 1.0 / factor - passband].max()) < 0.01
    assert float((response[frequency <= passband] - 1.0).abs().max()) < 0.02


def test_exposure_weights_are_a_sum_of_few_products() -> None:
    exposures = torch.arange(1.0, 31.0, dtype=torch.float64) * 1.3
    weights = exposure_table((300, 300), (390.0, 390.0), exposures, 300.0, True)
    share, filters = low_rank(weights)
    assert share.shape[1] <= 6
    assert float((share @ filters - weights).abs().max()) < 0.004 * float(weights.max())


@pytest.mark.parametrize("size", [0.0, 0.4, 3.0, 12.0, 500.0])
def test_moving_agrees_with_its_torch_twin(size: float) -> None:
    random = torch.Generator().manual_seed(5)
    frames = torch.randn(2, 230, 310, generator=random)
    # Gentle as specimens are: the displacement changes by less than 0.01 px over the 64 px where it is taken constant.
    field = torch.randn(2, 2, 15, dtype=torch.float64, generator=random) * 0.01
    field[:, :, 0] = torch.tensor([[size, -0.7 * size], [-0.3 * size, size]])
    factors = torch.tensor([[1.0, 0.0, 0.3], [0.0, 1.0, -2.0]])
    planes = torch.full((3, 230, 310), 2.0)
    powers = torch.stack([power_matrix(one) for one in field]).to(torch.float32)
    kernels.add_moved(frames.numpy(), powers.numpy(), factors.numpy(), 0, 100, planes.numpy())
    assert bool((planes[:, 100:] == 2.0).all())
    kernels.add_moved(frames.numpy(), powers.numpy(), factors.numpy(), 100, 230, planes.numpy())
    twins = torch.stack([moved_by_torch(frame, one) for frame, one in zip(frames, field, strict=True)])
    expected = torch.einsum("kp,kyx->pyx", factors, twins)
    difference = planes - 2.0 - expected
    assert float(difference.square().mean().sqrt()) < 2e-3 * float(frames.std())
    assert float(difference.abs().max()) < 0.03


def test_a_uniform_field_brings_the_image_back_by_it() -> None:
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(80.0), indexing="ij")
    spot = torch.exp(-((x - 43.0) ** 2 + (y - 30.0) ** 2) / 18.0)
    field = torch.zeros(2, 15, dtype=torch.float64)
    field[:, 0] = torch.tensor([3.0, -2.25])
    brought = moved_by_torch(spot, field)
    total = brought.sum()
    assert float((brought * x).sum() / total) == pytest.approx(40.0, abs=1e-2)
    assert float((brought * y).sum() / total) == pytest.approx(32.25, abs=1e-2)


def test_power_matrix_orders_terms_as_the_basis_does() -> None:
    coefficients = torch.arange(30.0, dtype=torch.float64).reshape(2, 15)
    x, y = torch.tensor(0.3, dtype=torch.float64), torch.tensor(-0.45, dtype=torch.float64)
    powers = torch.stack([x**i for i in range(5)]), torch.stack([y**j for j in range(5)])
    by_matrix = torch.einsum("i,aij,j->a", powers[0], power_matrix(coefficients), powers[1])
    torch.testing.assert_close(by_matrix, coefficients @ spatial_basis(x, y))
    assert len(TERMS) == 15


def test_a_field_quadratic_in_space_and_cubic_in_time_is_kept_exactly() -> None:
    random = torch.Generator().manual_seed(6)
    n = 11
    coefficients = torch.randn(2, 6, 3, dtype=torch.float64, generator=random)
    coefficients = coefficients / torch.tensor([10.0, 100.0, 1000.0], dtype=torch.float64)
    t = torch.arange(n, dtype=torch.float64)
    powers = torch.stack([t, t**2, t**3])
    field = torch.zeros(n, 2, 15, dtype=torch.float64)
    field[:, :, :6] = torch.einsum("asm,mn->nas", coefficients, powers)
    found = polynomial_coefficients(field).reshape(2, 6, 3)
    torch.testing.assert_close(torch.einsum("asm,mn->nas", found, powers), field[:, :, :6], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("shape", "smaller"), [((60, 84), (30, 42)), ((63, 84), (48, 60)), ((60, 81), (40, 54))])
def test_a_cropped_band_keeps_frequencies(shape: tuple[int, int], smaller: tuple[int, int]) -> None:
    extent = (shape[0] * 1.1, shape[1] * 1.1)
    band = make_band(shape, extent, high_resolution=6.0)
    keep = 8
    low = band.cropped(smaller, keep)
    assert low.extent == extent
    torch.testing.assert_close(low.frequency, band.frequency[:keep])
    torch.testing.assert_close(low.modes, band.modes[:keep])
    torch.testing.assert_close(low.theta_x[:10], band.theta_x[:10])
    s = torch.sqrt(low.theta_y[:, None] ** 2 + low.theta_x[None, :] ** 2) / (2 * torch.pi)
    used = low.ring < keep
    assert bool(used.any())
    assert float((s[used] * min(extent) - low.ring[used]).abs().max()) <= 0.5 + 1e-4


def test_kernels_leave_read_only_input_alone() -> None:
    array = random_transforms(2).numpy()
    array.setflags(write=False)
    before = array.copy()
    out = np.zeros_like(array[0])
    ramp_y, ramp_x = np.ones((2, SHAPE[0]), np.complex64), np.ones((2, SHAPE[1] // 2 + 1), np.complex64)
    kernels.add_shifted(array, ramp_y, ramp_x, out)
    np.testing.assert_array_equal(array, before)
    np.testing.assert_allclose(out, before.sum(0), rtol=1e-5, atol=1e-4)
