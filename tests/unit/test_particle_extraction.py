"""Boxes, pixel sizes, backgrounds and duplicates of particles."""

from __future__ import annotations

import math

import pytest
import torch

from vitreous.algorithms.particles.box_size import delocalisation, recommended_box
from vitreous.algorithms.particles.boxes import cut_boxes, mirrored, place_boxes
from vitreous.algorithms.particles.duplicates import without_duplicates
from vitreous.algorithms.particles.extract import Extracted, ExtractionSettings, extract_particles
from vitreous.algorithms.particles.normalise import background_mask, normalised
from vitreous.algorithms.particles.resample import cropped_size, resampled
from vitreous.core.errors import UsageError


def blobs(shape: tuple[int, int], positions: torch.Tensor, width: float = 6.0) -> torch.Tensor:
    """Dark Gaussians at positions (x, y) on a grey level of 100."""
    y, x = (torch.arange(n, dtype=torch.float64) for n in shape)
    image = torch.full(shape, 100.0, dtype=torch.float64)
    for px, py in positions.tolist():
        image -= (
            10.0 * torch.exp(-0.5 * ((x[None] - px) / width) ** 2) * torch.exp(-0.5 * ((y[:, None] - py) / width) ** 2)
        )
    return image.float()


def centre_of_mass(images: torch.Tensor) -> torch.Tensor:
    """(x, y) px from the box's centre of what stands out of the level by more than a tenth of the maximum."""
    images = images - images.median()
    top = images.amax(dim=(1, 2), keepdim=True)
    mass = (images - 0.1 * top).clamp_min(0.0).double()
    offset = torch.arange(images.shape[-1], dtype=torch.float64) - images.shape[-1] // 2
    total = mass.sum(dim=(1, 2))
    return torch.stack(((mass.sum(1) @ offset) / total, (mass.sum(2) @ offset) / total), dim=1)


def plain(box: int, size: int, **options: object) -> ExtractionSettings:
    return ExtractionSettings(box, size, None, **options)  # type: ignore[arg-type]


POSITIONS = torch.tensor([[120.0, 130.0], [200.3, 140.75], [150.49, 300.5], [310.9, 90.2]], dtype=torch.float64)


@pytest.mark.parametrize(("box", "size"), [(96, 96), (96, 48), (96, 70), (128, 36), (100, 98)])
def test_the_particle_stays_at_the_centre_whatever_the_pixel_size(box: int, size: int) -> None:
    found = extract_particles(blobs((400, 420), POSITIONS), POSITIONS, plain(box, size, centre=True))
    assert centre_of_mass(found.images).abs().max() < 0.05
    assert found.offsets.abs().max() == 0.0


@pytest.mark.parametrize("size", [96, 48])
def test_the_offset_is_where_the_particle_lies_in_its_box(size: int) -> None:
    found = extract_particles(blobs((400, 420), POSITIONS), POSITIONS, plain(96, size))
    assert torch.equal(found.centres.double() + found.offsets, POSITIONS)
    assert (centre_of_mass(found.images) - found.offsets * size / 96).abs().max() < 0.05
    assert found.offsets.abs().max() <= 0.5


def test_grey_values_stay_when_pixels_are_made_coarser() -> None:
    boxes = torch.full((2, 64, 64), 7.0)
    assert torch.allclose(resampled(boxes, 32), torch.full((2, 32, 32), 7.0), atol=1e-5)
    whole = resampled(boxes, 64)
    assert torch.equal(whole, boxes)


def test_a_wave_below_the_new_nyquist_frequency_keeps_its_amplitude() -> None:
    x = torch.arange(64) - 32
    wave = torch.cos(2 * math.pi * 5 * x / 64)[None, None].expand(1, 64, 64)
    small = torch.cos(2 * math.pi * 5 * (torch.arange(40) - 20) / 40)[None, None].expand(1, 40, 40)
    assert torch.allclose(resampled(wave, 40), small, atol=1e-5)


def test_images_are_brought_to_a_smooth_even_size_not_coarser_than_asked() -> None:
    assert cropped_size(256, 1.3, 2.6) == 128
    assert cropped_size(256, 1.3, None) == 256
    assert cropped_size(256, 0.885, 2.6) == 90
    for box in range(64, 400, 2):
        size = cropped_size(box, 0.885, 1.7)
        assert size % 2 == 0
        assert 0.885 * box / size <= 1.7 * 1.002
    with pytest.raises(UsageError, match=r"1 Å is finer than the micrograph's 1\.3 Å"):
        cropped_size(256, 1.3, 1.0)
    with pytest.raises(UsageError, match="has only"):
        cropped_size(32, 1.0, 20.0)


def test_boxes_on_edges_and_outside_are_told_apart() -> None:
    positions = torch.tensor(
        [[50.0, 50.0], [10.0, 50.0], [-3.0, 50.0], [84.0, 84.0], [85.0, 50.0], [float("nan"), 5.0]]
    )
    found = extract_particles(torch.randn(100, 100), positions, plain(32, 32))
    assert found.rows.tolist() == [0, 3]
    assert found.over_edge.tolist() == [1, 4]
    assert found.off_image.tolist() == [2, 5]
    padded = extract_particles(torch.randn(100, 100), positions, plain(32, 32, pad=True))
    assert padded.rows.tolist() == [0, 1, 3, 4]
    assert padded.padded == 2


def test_padding_is_a_mirror_at_the_edge() -> None:
    image = torch.arange(100.0)[None].expand(100, 100).contiguous()
    found = extract_particles(image, torch.tensor([[4.0, 50.0]]), plain(32, 32, pad=True, invert=False))
    assert found.images[0, 0, 12:].tolist() == list(range(20))
    assert found.images[0, 0, :12].tolist() == list(range(12, 0, -1))
    with pytest.raises(UsageError, match="can't be continued"):
        mirrored(torch.zeros(20, 20), 20)


def test_no_position_and_one_position_are_no_special_case() -> None:
    none = extract_particles(torch.randn(64, 64), torch.zeros(0, 2), ExtractionSettings(32, 16, 6.0))
    assert none.images.shape == (0, 16, 16)
    one = extract_particles(torch.randn(64, 64), torch.tensor([[32.0, 32.0]]), ExtractionSettings(32, 16, 6.0))
    assert one.images.shape == (1, 16, 16)


def test_a_box_that_crosses_the_edge_is_not_cut_in_silence() -> None:
    with pytest.raises(UsageError, match="crosses the edge"):
        cut_boxes(torch.zeros(40, 40), torch.tensor([[5, 20]]), 20)
    with pytest.raises(UsageError, match="31 px is not possible"):
        place_boxes(torch.zeros(1, 2), (40, 40), 31)


def noisy(n: int = 64, count: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    ramp = torch.arange(n)[None] * 0.7 - torch.arange(n)[:, None] * 0.4
    return 30000.0 + 50.0 * torch.randn(count, n, n, generator=generator) + ramp


def test_the_background_has_mean_zero_and_deviation_one() -> None:
    background = background_mask(64, 24.0)
    for ramp in (True, False):
        images = normalised(noisy(), background, ramp=ramp).images[:, background].double()
        assert images.mean(dim=1).abs().max() < 1e-5
        assert (images.std(dim=1, unbiased=False) - 1.0).abs().max() < 1e-5


def test_a_ramp_is_taken_off_whole() -> None:
    n = 64
    background = background_mask(n, 20.0)
    plane = 3.0 + 0.05 * torch.arange(n)[None] - 0.02 * torch.arange(n)[:, None]
    noise = torch.randn(1, n, n, generator=torch.Generator().manual_seed(5))
    flat = normalised(noise, background).images
    assert torch.allclose(normalised(noise + plane, background).images, flat, atol=1e-3)
    assert not torch.allclose(normalised(noise + plane, background, ramp=False).images, flat, atol=0.1)


def test_dust_becomes_noise_and_is_counted() -> None:
    images = noisy()
    images[1, 5, 5] += 5000.0
    images[1, 40, 30] -= 3000.0
    images[3, 0, 0] += 900.0
    background = background_mask(64, 24.0)
    generator = torch.Generator().manual_seed(1)
    found = normalised(images, background, white_dust=8.0, black_dust=8.0, generator=generator)
    assert found.dust.tolist() == [0, 2, 0, 1, 0]
    assert found.images.abs().max() < 6.0
    kept = normalised(images, background, white_dust=8.0)
    assert kept.images[1].min() < -8.0


def test_a_strong_particle_is_no_dust() -> None:
    offset = torch.arange(64.0) - 32
    particle = 3000.0 * torch.exp(-(offset[:, None].square() + offset.square()) / 200.0)
    found = normalised(noisy() + particle, background_mask(64, 28.0), white_dust=8.0, black_dust=8.0)
    assert found.dust.sum() == 0
    assert found.images.amax() > 50.0


def test_images_of_nan_or_of_one_value_are_not_used() -> None:
    images = noisy()
    images[0, 30, 30] = float("nan")
    images[2] = 12.5
    images[4, 0, 0] = float("inf")
    found = normalised(images, background_mask(64, 24.0), white_dust=8.0)
    assert found.usable.tolist() == [False, True, False, True, False]
    assert torch.isfinite(found.images).all()


def test_a_nan_in_the_micrograph_costs_only_the_boxes_that_hold_it() -> None:
    image = blobs((400, 420), POSITIONS) + torch.randn(400, 420)
    image[130, 121] = float("nan")
    for size in (96, 48):
        found: Extracted = extract_particles(image, POSITIONS, ExtractionSettings(96, size, 0.4 * size))
        assert 0 in found.unusable.tolist()
        assert set(found.rows.tolist()) | set(found.unusable.tolist()) == {0, 1, 2, 3}
        assert torch.isfinite(found.images).all()
        assert len(found.rows) >= 2


def test_the_background_needs_room() -> None:
    with pytest.raises(UsageError, match="leaves 0 px"):
        background_mask(64, 60.0)


def test_of_two_close_picks_the_better_stays() -> None:
    positions = torch.tensor([[0.0, 0.0], [5.0, 0.0], [9.0, 0.0], [50.0, 0.0], [50.0, 0.0]])
    scores = torch.tensor([5.0, 7.0, 6.0, 1.0, float("nan")])
    assert without_duplicates(positions, scores, 6.0).tolist() == [False, True, False, True, False]
    assert without_duplicates(positions, scores, 4.5).tolist() == [True, True, False, True, False]
    assert without_duplicates(positions, scores, 0.0).all()
    # A pick that has gone takes no other with it.
    line = torch.tensor([[0.0, 0.0], [4.0, 0.0], [8.0, 0.0]])
    assert without_duplicates(line, torch.tensor([3.0, 2.0, 1.0]), 5.0).tolist() == [True, False, True]


def test_no_two_of_many_stay_closer_than_the_distance() -> None:
    generator = torch.Generator().manual_seed(2)
    positions = 2000.0 + 1000.0 * torch.rand(3000, 2, generator=generator, dtype=torch.float64)
    keep = without_duplicates(positions, torch.rand(3000, generator=generator), 20.0)
    apart = torch.cdist(positions[keep], positions[keep]) + 1e9 * torch.eye(int(keep.sum()))
    assert apart.min() >= 20.0 - 1e-6
    # All that have gone lie near one that stayed.
    assert torch.cdist(positions[~keep], positions[keep]).amin(dim=1).max() < 20.0


def test_a_recommended_box_holds_the_particle_and_says_why() -> None:
    plain_box = recommended_box(200.0, 1.0)
    assert plain_box.box == 300
    wide = recommended_box(200.0, 1.0, 15000.0, 300.0, 4.0, 2.7)
    spread = delocalisation(15000.0, 300.0, 4.0, 2.7)
    assert spread == pytest.approx(0.01969 * 15000 / 4 - 2.7e7 * 0.01969**3 / 64, rel=1e-3)
    assert wide.width >= 200.0 + 2 * spread
    assert f"{spread:.0f} Å" in wide.reason
    far = recommended_box(100.0, 1.0, 30000.0, 300.0, 3.0)
    assert far.box == 200
    assert "would hold it all" in far.reason
    with pytest.raises(UsageError, match="0 Å"):
        recommended_box(0.0, 1.0)


def test_spherical_aberration_of_zero_is_legal() -> None:
    assert delocalisation(10000.0, 300.0, 4.0, 0.0) == pytest.approx(49.2, abs=0.1)
