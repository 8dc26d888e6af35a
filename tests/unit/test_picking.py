"""Picking: masks, background, scores, peaks and thresholds on small synthetic micrographs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vitreous.algorithms.picking.background import measure_background, noise_level
from vitreous.algorithms.picking.choose import choose, usual_power
from vitreous.algorithms.picking.maps import grown, local_mean, mode_and_fwhm, plane, sampled_means, stamped
from vitreous.algorithms.picking.peaks import local_maxima, refined
from vitreous.algorithms.picking.pick import pick
from vitreous.algorithms.picking.reduction import reduce
from vitreous.algorithms.picking.settings import PickSettings
from vitreous.algorithms.picking.templates import average_templates, directions, map_templates
from vitreous.core.errors import ComputeError, DataError, UsageError

PIXEL = 4.0


def noise(n: int = 768, seed: int = 1) -> torch.Tensor:
    return 50.0 + 5.0 * torch.randn(n, n, generator=torch.Generator().manual_seed(seed))


def places(n: int = 768) -> list[tuple[float, float]]:
    """Centres (x, y), px, on a jittered grid that leaves room."""
    random = np.random.default_rng(3)
    grid = [(x, y) for x in range(90, n - 80, 120) for y in range(90, n - 80, 120)]
    return [(x + float(random.uniform(-20, 20)), y + float(random.uniform(-20, 20))) for x, y in grid]


def with_shapes(image: torch.Tensor, inner: float, outer: float, depth: float) -> torch.Tensor:
    """Dark rings (``inner`` 0: discs), radii in px."""
    n = image.shape[0]
    y, x = torch.arange(n)[:, None], torch.arange(n)[None, :]
    out = image.clone()
    for cx, cy in places(n):
        distance = torch.sqrt((x - cx) ** 2 + (y - cy) ** 2)
        out -= depth * ((distance < outer) & (distance >= inner))
    return out


def hits(candidates: dict[str, np.ndarray] | object, threshold: float, distance: float) -> tuple[int, int]:
    """Right and wrong picks."""
    kept = choose(candidates, threshold, distance=distance)
    found = np.stack([candidates["coordinate_x"], candidates["coordinate_y"]], 1)[kept]
    truth = np.array(places())
    near = np.linalg.norm(found[:, None] - truth[None], axis=-1).min(1) < 8.0
    return int(near.sum()), int((~near).sum())


def test_local_mean_is_the_mean_of_good_pixels_in_the_box() -> None:
    values = torch.rand(20, 30, generator=torch.Generator().manual_seed(1))
    good = torch.rand(20, 30, generator=torch.Generator().manual_seed(2)) > 0.3
    found = local_mean(values, good, 5)
    box = (slice(3, 8), slice(8, 13))
    assert float(found[5, 10]) == pytest.approx(float(values[box][good[box]].mean()), rel=1e-5)
    corner = (slice(0, 3), slice(0, 3))
    assert float(found[0, 0]) == pytest.approx(float(values[corner][good[corner]].mean()), rel=1e-5)


def test_sampled_means_are_local_means_at_some_pixels() -> None:
    values = torch.rand(2, 47, 53, generator=torch.Generator().manual_seed(1))
    good = torch.rand(47, 53, generator=torch.Generator().manual_seed(2)) > 0.3
    for width, step in ((17, 8), (5, 3), (9, 4)):
        whole = torch.stack([local_mean(one, good, width) for one in values])
        expected = whole[:, step // 2 :: step, step // 2 :: step]
        torch.testing.assert_close(sampled_means(values, good, width, step), expected)


def test_mode_and_width_do_not_see_a_second_population() -> None:
    random = torch.Generator().manual_seed(1)
    main = 10.0 + torch.randn(6000, generator=random)
    mode, width = mode_and_fwhm(torch.cat((main, 40.0 + torch.randn(4000, generator=random))))
    assert mode == pytest.approx(10.0, abs=0.5)
    assert 2.0 < width < 5.0  # of the first alone it is 2.4, of both together 35


def test_plane_is_not_tilted_by_carbon() -> None:
    y, x = torch.linspace(-1, 1, 100)[:, None], torch.linspace(-1, 1, 100)[None, :]
    truth = 5.0 + 0.5 * x - 0.2 * y
    image = truth + 0.05 * torch.randn(100, 100, generator=torch.Generator().manual_seed(1))
    image = torch.where((x + y > 0.5).expand(100, 100), image - 8.0, image)
    assert float((plane(image) - truth).abs().max()) < 0.1


def test_masks_grow_by_a_disc() -> None:
    mask = torch.zeros(41, 41, dtype=torch.bool)
    mask[20, 20] = True
    found = grown(mask, 7.0)
    y, x = torch.arange(41)[:, None] - 20, torch.arange(41)[None, :] - 20
    assert torch.equal(found, x * x + y * y <= 49)
    # Many pixels go by a convolution, few by stamps: both give the same.
    random = torch.rand(90, 120, generator=torch.Generator().manual_seed(1))
    for share in (0.001, 0.02):
        mask = random < share
        assert torch.equal(grown(mask, 6.5), stamped((90, 120), torch.nonzero(mask), 6.5))


def test_peaks_lie_between_pixels() -> None:
    y, x = torch.arange(40.0)[:, None], torch.arange(50.0)[None, :]
    score = 9.0 * torch.exp(-((x - 20.3) ** 2 + (y - 11.8) ** 2) / 50.0)
    found = local_maxima(score, torch.zeros(40, 50, dtype=torch.bool), 4.0, 5.0)
    assert found.tolist() == [[12, 20]]
    position, height = refined(score, found)
    assert position[0].tolist() == pytest.approx([11.8, 20.3], abs=0.03)
    assert float(height[0]) == pytest.approx(9.0, abs=0.02)
    excluded = torch.zeros(40, 50, dtype=torch.bool)
    excluded[12, 20] = True
    assert len(local_maxima(score, excluded, 4.0, 5.0)) == 0


def test_choice_is_nested_and_keeps_the_better_of_two_neighbours() -> None:
    candidates = {
        "coordinate_x": np.array([0.0, 5.0, 100.0, 200.0]),
        "coordinate_y": np.zeros(4),
        "pick_score": np.array([7.0, 9.0, 6.0, np.nan]),
        "pick_power": np.array([1.0, 2.0, 9.0, 1.0]),
    }
    assert choose(candidates, 6.0, distance=10.0).tolist() == [False, True, True, False]
    assert choose(candidates, 6.5, distance=10.0).tolist() == [False, True, False, False]
    assert choose(candidates, 6.0, max_score=8.0, distance=10.0).tolist() == [True, False, True, False]
    assert choose(candidates, 6.0, max_power=3.0).tolist() == [True, True, False, False]
    assert choose(candidates, min_power=1.5).tolist() == [False, True, True, False]
    assert not choose({name: values[:0] for name, values in candidates.items()}, 6.0, distance=3.0).any()


def test_usual_power_needs_enough_candidates() -> None:
    assert usual_power(np.ones(5)) is None
    power = np.concatenate((np.random.default_rng(1).normal(2.0, 0.2, 100), [30.0]))
    limit = usual_power(power)
    assert limit is not None
    assert 3.0 < limit < 30.0


def test_background_power_is_that_of_the_noise() -> None:
    image = 3.0 * torch.randn(400, 400, generator=torch.Generator().manual_seed(4))
    avoided = torch.zeros(400, 400, dtype=torch.bool)
    found = measure_background(image, avoided, 24.0, 50, "lowest")
    assert float(found.power.mean()) == pytest.approx(9.0, rel=0.06)
    assert float(found.excess.mean()) < 0.1
    level = noise_level(image * torch.linspace(1.0, 1.5, 400), avoided, found)
    assert float(level[:, -40:].mean() / level[:, :40].mean()) == pytest.approx(2.25, rel=0.3)


def test_scores_of_pure_noise_are_standard_normal_and_pass_no_threshold() -> None:
    found = pick(reduce(noise(), PIXEL), PickSettings(160.0, floor=3.0))
    assert not choose(found.candidates, 5.5).any()
    assert found.masked_fraction < 0.01


@pytest.mark.parametrize(("method", "inner"), [("blob", 0.0), ("log", 0.0), ("blob", 12.0)])
def test_discs_and_rings_are_found(method: str, inner: float) -> None:
    image = with_shapes(noise(), inner, 18.0, 2.5 if inner == 0.0 else 5.0)
    settings = PickSettings(160.0, method=method)  # type: ignore[arg-type]
    right, wrong = hits(pick(reduce(image, PIXEL), settings).candidates, 6.0, 30.0)
    assert right >= len(places()) - 1
    assert wrong <= 1


def test_a_weak_particle_beside_a_strong_one_is_no_flank() -> None:
    y, x = torch.arange(600)[:, None], torch.arange(600)[None, :]
    image = noise(600)
    truth = [(200, 250), (248, 250), (350, 120), (120, 480), (450, 450)]
    for (cx, cy), depth in zip(truth, (9.0, 3.0, 3.0, 3.0, 3.0), strict=True):
        distance = torch.sqrt((x - cx) ** 2 + (y - cy) ** 2)
        image -= depth * ((distance < 20) & (distance >= 12))
    found = pick(reduce(image, PIXEL), PickSettings(160.0)).candidates
    places = np.stack([found["coordinate_x"], found["coordinate_y"]], 1)
    strong = places[found["pick_score"] > 6.0]
    assert len(strong) == len(truth)
    assert max(np.linalg.norm(strong - np.array(place), axis=1).min() for place in truth) < 4.0
    # No place is told twice.
    apart = np.linalg.norm(places[:, None] - places, axis=-1)[np.triu_indices(len(places), 1)]
    assert apart.min() > 20.0


def test_fringes_of_very_strong_particles_are_no_particles() -> None:
    image = with_shapes(noise(), 12.0, 20.0, 40.0)
    found = pick(reduce(image, PIXEL), PickSettings(160.0)).candidates
    truth = np.array(places())
    at = np.stack([found["coordinate_x"], found["coordinate_y"]], 1)
    distance = np.linalg.norm(at[:, None] - truth, axis=-1).min(1)
    assert not ((distance > 8.0) & (distance < 50.0) & (found["pick_score"] > 10.0)).any()
    assert (found["pick_score"] > 100.0).sum() == len(truth)


def test_a_particle_at_one_edge_is_not_seen_at_the_opposite() -> None:
    y, x = torch.arange(400)[:, None], torch.arange(400)[None, :]
    image = noise(400)
    for cx, cy in ((200, 12), (12, 200)):
        image -= 12.0 * (torch.sqrt((x - cx) ** 2 + (y - cy) ** 2) < 20)
    found = pick(reduce(image, PIXEL), PickSettings(160.0, edge_distance=0.0)).candidates
    strong = found["pick_score"] > 6.0
    assert strong.sum() >= 2
    assert found["coordinate_x"][strong].max() < 250.0
    assert found["coordinate_y"][strong].max() < 250.0


def test_bright_particles_are_found_only_when_asked_for() -> None:
    image = 100.0 - with_shapes(noise(), 0.0, 18.0, 2.5)
    reduced = reduce(image, PIXEL)
    right, _ = hits(pick(reduced, PickSettings(160.0, bright=True, texture=False)).candidates, 6.0, 30.0)
    assert right == len(places())
    right, _ = hits(pick(reduced, PickSettings(160.0, texture=False)).candidates, 6.0, 30.0)
    assert right == 0


def test_dark_film_is_avoided() -> None:
    image = with_shapes(noise(), 0.0, 18.0, 2.5)
    image[:, 500:] -= 12.0
    found = pick(reduce(image, PIXEL), PickSettings(160.0))
    kept = choose(found.candidates, 6.0)
    assert kept.any()
    assert found.candidates["coordinate_x"][kept].max() < 500.0
    assert 0.3 < found.masked_fraction < 0.5
    assert found.fractions["abnormal mean"] == pytest.approx(found.masked_fraction, abs=0.01)
    free = pick(reduce(image, PIXEL), PickSettings(160.0, avoid_abnormal_mean=False))
    assert free.masked_fraction < 0.05


def test_lattice_fringes_are_avoided() -> None:
    n = 1024
    image = noise(n)
    y, x = torch.arange(n)[:, None] * 1.2, torch.arange(n)[None, :] * 1.2
    patch = torch.exp(-((x - 600.0) ** 2 + (y - 600.0) ** 2) / (2 * 120.0**2))
    fringes = image + 3.0 * patch * torch.cos(2 * torch.pi / 3.66 * (0.6 * x + 0.8 * y))
    settings = PickSettings(150.0)
    assert pick(reduce(fringes, 1.2), settings).fractions["crystals"] > 0.05
    assert pick(reduce(image, 1.2), settings).fractions["crystals"] == 0.0


def test_hot_pixels_make_no_particles() -> None:
    image = noise()
    image[100:104, 200:204] = 5000.0
    image[400, 500] = 60000.0
    found = pick(reduce(image, PIXEL), PickSettings(160.0, floor=3.0))
    assert not choose(found.candidates, 5.5).any()
    assert found.fractions["hot spots"] > 0.0


def test_templates_of_a_map_find_their_particles() -> None:
    side = 48
    z, y, x = torch.meshgrid(*(torch.arange(side) - side // 2,) * 3, indexing="ij")
    stick = ((x.abs() < 16) & (y.abs() < 5) & (z.abs() < 5)).to(torch.float32)
    templates = map_templates(stick, PIXEL, 13.0, 150.0, direction_step=30.0, psi_step=20.0, symmetry="D2")
    assert len(directions(30.0, "D2")) < 0.5 * len(directions(30.0))
    image = noise()
    for cx, cy in places():
        image[int(cy) - 5 : int(cy) + 5, int(cx) - 16 : int(cx) + 16] -= 3.0
    right, wrong = hits(pick(reduce(image, PIXEL), PickSettings(150.0, method="template"), templates=templates)
                        .candidates, 6.0, 28.0)  # fmt: skip
    assert (right, wrong) == (len(places()), 0)


def test_averages_are_turned_about_their_centre() -> None:
    average = torch.zeros(1, 64, 64)
    average[0, 32, 36:56] = 1.0
    found = average_templates(average, 2.0, 4.0, 100.0, psi_step=90.0)
    n = found.images.shape[-1]
    y, x = torch.arange(n)[:, None] - n // 2, torch.arange(n)[None, :] - n // 2
    weight = found.images.clamp_min(0.2 * found.images.max()) - 0.2 * found.images.max()
    centres = [(float((w * x).sum() / w.sum()), float((w * y).sum() / w.sum())) for w in weight]
    for (got_x, got_y), (want_x, want_y) in zip(centres, [(1, 0), (0, 1), (-1, 0), (0, -1)], strict=True):
        assert got_x == pytest.approx(7.0 * want_x, abs=1.0)
        assert got_y == pytest.approx(7.0 * want_y, abs=1.0)


def test_what_can_not_be_picked_is_said() -> None:
    with pytest.raises(ComputeError, match="constant"):
        reduce(torch.full((500, 500), 3.0), 4.0)
    bad = noise(500)
    bad[3, 4] = torch.nan
    with pytest.raises(ComputeError, match="NaN"):
        reduce(bad, 4.0)
    with pytest.raises(DataError, match="too few"):
        reduce(noise(64), 1.0)
    with pytest.raises(UsageError, match="edges leaves nothing"):
        pick(reduce(noise(400), 4.0), PickSettings(150.0, edge_distance=300.0))
    with pytest.raises(UsageError, match=r"a radius of 1000 Å \(250 px\) does not fit on 400 x 400 px"):
        pick(reduce(noise(400), 4.0), PickSettings(2000.0))
    with pytest.raises(UsageError, match="3 Å is smaller than the resolution of 20 Å"):
        PickSettings(3.0)
    with pytest.raises(UsageError, match="beyond what pixels"):
        pick(reduce(noise(400), 4.0), PickSettings(150.0, max_resolution=6.0))
    with pytest.raises(UsageError, match="no templates"):
        pick(reduce(noise(400), 4.0), PickSettings(150.0, method="template"))
    with pytest.raises(UsageError, match="beyond the largest radius"):
        PickSettings(100.0, characteristic_radius=80.0)
