"""The simulator keeps the physics it states."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from vitreous.algorithms.ctf.model import ctf_image, ctf_zeros
from vitreous.algorithms.fourier.grids import frequency_squared
from vitreous.algorithms.fourier.shells import shell_mean
from vitreous.algorithms.geometry.project import central_slices, slice_source
from vitreous.algorithms.geometry.rotations import euler_matrix
from vitreous.algorithms.geometry.symmetry import point_group
from vitreous.algorithms.simulate.detector import count_electrons, make_detector
from vitreous.algorithms.simulate.motion import Motion, random_motion, still
from vitreous.algorithms.simulate.movie import Exposure, canvas_shape, contrast_frames, damage_weight
from vitreous.algorithms.simulate.noise import generator_for, white_spectrum
from vitreous.algorithms.simulate.placement import random_positions
from vitreous.algorithms.simulate.potential import interaction_parameter
from vitreous.core.errors import UsageError
from vitreous.core.optics import Ctf, Microscope
from vitreous.formats.image_formats import EerOptions
from vitreous.formats.images import open_images
from vitreous.jobs.simulate import JOB, SimulateParams

MODEL = Path(__file__).resolve().parents[2] / "examples" / "5me2.pdb"
SMALL = {"frames": 3, "size": 256, "particles": 2, "local_motion": 1.0, "dead_pixels": 5}


@pytest.mark.parametrize(
    ("name", "order"), [("C1", 1), ("C7", 7), ("D7", 14), ("T", 12), ("O", 24), *((f"I{k}", 60) for k in (1, 2, 3, 4))]
)
def test_a_point_group_is_closed_and_has_its_order(name, order):
    group = point_group(name)
    assert len(group) == order
    products = (group[:, None] @ group[None]).reshape(-1, 9)
    nearest = torch.cdist(products, group.reshape(-1, 9)).amin(dim=1)
    assert float(nearest.max()) < 1e-5
    assert torch.allclose(torch.linalg.det(group), torch.ones(order, dtype=torch.float64))


def test_an_unknown_point_group_is_refused():
    for name in ("X3", "C0", "D999", ""):
        with pytest.raises(UsageError):
            point_group(name)


def _blobs(points, side):
    z, y, x = torch.meshgrid(*(torch.arange(side) - side // 2,) * 3, indexing="ij")
    out = torch.zeros(side, side, side)
    for weight, (px, py, pz) in zip((1.0, 2.0, 3.0, 1.5), points, strict=True):
        out += weight * torch.exp(-((x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2) / 8.0)
    return out


def test_a_projection_shows_the_rotated_specimen_and_not_its_mirror():
    side, points = 48, torch.tensor([[10.0, 2, 3], [-4, 8, -6], [0, -9, 5], [3, 3, -11]])
    source = slice_source(_blobs(points.tolist(), side), 1.0)
    y, x = torch.meshgrid(torch.arange(side) - side // 2, torch.arange(side) - side // 2, indexing="ij")
    for angles in ([10.0, 50.0, 30.0], [200.0, 110.0, -70.0]):
        rotation = euler_matrix(torch.tensor(angles))
        image = central_slices(source, rotation[None], side, 1.0)[0]
        seen = points.double() @ rotation  # x_image = R^T x_volume
        direct = sum(
            w * math.sqrt(8 * math.pi) * torch.exp(-((x - p[0]) ** 2 + (y - p[1]) ** 2) / 8.0)
            for w, p in zip((1.0, 2.0, 3.0, 1.5), seen.tolist(), strict=True)
        )
        assert np.corrcoef(image.flatten(), direct.flatten())[0, 1] > 0.99
        assert np.corrcoef(image.flatten(), direct.flip(1).flatten())[0, 1] < 0.8
        assert float(image.sum()) == pytest.approx(float(direct.sum()), rel=0.03)


def test_the_interaction_parameter_is_that_of_the_tables():
    assert interaction_parameter(300.0) == pytest.approx(6.526e-4, rel=1e-3)
    assert interaction_parameter(200.0) == pytest.approx(7.288e-4, rel=1e-3)


def test_counts_are_poisson_after_gain_and_defects_are_dark():
    detector = make_detector(
        (512, 512),
        gain_scatter=0.03,
        dead_columns=2,
        dead_pixels=10,
        hot_pixels=5,
        hot_counts=50,
        generator=generator_for(1, "d"),
    )
    random = generator_for(1, "c")
    expected = torch.full((512, 512), 2.0)
    frames = torch.stack([count_electrons(expected, detector, random) for _ in range(8)])
    good = detector.gain > 0
    for x, y in detector.hot_pixels:
        good[y, x] = False
        assert float(frames[:, y, x].mean()) > 45.0
    values = (frames * detector.gain)[:, good]
    assert float(values.mean()) == pytest.approx(2.0, rel=0.01)
    assert float(values.var() / values.mean()) == pytest.approx(1.0, abs=0.05)
    assert float(frames[:, :, list(detector.dead_columns)].sum()) == 0.0
    assert torch.equal(frames, frames.round())


def test_thon_rings_vanish_at_the_zeros_of_the_ctf():
    shape, pixel = (512, 512), 1.5
    scope, ctf = Microscope(300.0, 2.7), Ctf(15000.0, 15000.0)
    canvas = canvas_shape(shape, 0.0)
    transfer = ctf_image(canvas, pixel, scope, ctf)
    exposure = Exposure((1.0,), 0.0, 300.0, damage=False)
    nothing = torch.zeros(canvas[0], canvas[1] // 2 + 1, dtype=torch.complex64)
    frames = contrast_frames(nothing, transfer, canvas, pixel, exposure, still(1, shape), generator_for(3, "i"))
    power = shell_mean(torch.fft.rfft2(next(frames)).abs().square(), shape)
    for zero in ctf_zeros(scope, ctf, 0.15)[1:]:
        ring = zero * 512 * pixel
        near = power[round(ring) - 4 : round(ring) + 5]
        assert abs(int(near.argmin()) - 4) <= 1
        assert float(near.min()) < 0.35 * float(near.max())


def test_signal_falls_as_the_damage_curve_says():
    s2 = torch.tensor([1 / 9.0, 1 / 25.0, 0.0])
    start = damage_weight(s2, 20.0, 1e-3, 300.0)
    critical = 0.24499 * torch.tensor([3.0, 5.0]) ** 1.6649 + 2.8141
    assert torch.allclose(start[:2], torch.exp(-10.0 / critical), rtol=1e-3)
    assert float(start[2]) == pytest.approx(1.0)
    fine = torch.stack([damage_weight(s2, k * 0.1, 0.1, 300.0) for k in range(50)]).mean(dim=0)
    assert torch.allclose(damage_weight(s2, 0.0, 5.0, 300.0), fine, rtol=1e-3)


def _pattern(canvas, highest):
    spectrum = white_spectrum(canvas, generator_for(5, "p"))
    return spectrum * (frequency_squared(canvas) < highest**2)


def test_interpolation_keeps_the_signal_to_3_angstrom():
    shape, pixel = (256, 256), 1.3
    canvas = canvas_shape(shape, 8.0)
    fy2 = frequency_squared(canvas)
    spectrum = white_spectrum(canvas, generator_for(5, "p")) * ((fy2 > 0.42**2) & (fy2 < 0.434**2))
    drift = torch.stack([torch.tensor([0.37 * k, -0.61 * k]) for k in range(4)]).double() * pixel
    motion = Motion(drift, torch.zeros(4, 2, 4, 4, dtype=torch.float64), shape)
    exposure = Exposure((1.0,) * 4, 0.0, 300.0, damage=False, ice_thickness=0.0)
    transfer = torch.full(spectrum.shape, -0.5)
    frames = list(contrast_frames(spectrum, transfer, canvas, pixel, exposure, motion, generator_for(1, "i")))
    powers = [float(frame.square().mean()) for frame in frames]
    assert max(powers) / min(powers) < 1.12
    exact = float(torch.fft.irfft2(spectrum, s=canvas).square().mean())
    assert np.mean(powers) == pytest.approx(exact, rel=0.06)


def test_the_motion_of_noise_free_frames_is_the_stated_one():
    shape, pixel = (320, 320), 1.0
    exposures = torch.arange(6, dtype=torch.float64) + 0.5
    motion = random_motion(exposures, shape, drift=6.0, jitter=0.1, local=2.0, generator=generator_for(9, "m"))
    assert torch.equal(motion.drift[0], torch.zeros(2, dtype=torch.float64))
    x, y, truth = motion.grid()
    assert x.tolist() == pytest.approx([32.0, 96.0, 160.0, 224.0, 288.0])
    local = truth - motion.drift[:, None, None]
    assert float(local.norm(dim=-1).max()) == pytest.approx(2.0, rel=1e-6)
    assert float(local.mean(dim=(1, 2)).abs().max()) < 1e-9
    canvas = canvas_shape(shape, 10.0)
    spectrum = _pattern(canvas, 0.25)
    exposure = Exposure((1.0,) * 6, 0.0, 300.0, damage=False, ice_thickness=0.0)
    weights = torch.full(spectrum.shape, -0.5)
    frames = list(contrast_frames(spectrum, weights, canvas, pixel, exposure, motion, generator_for(1, "i")))
    window = torch.hann_window(64)[:, None] * torch.hann_window(64)
    for j in range(1, 4):
        for i in range(1, 4):
            part = slice(int(y[j]) - 32, int(y[j]) + 32), slice(int(x[i]) - 32, int(x[i]) + 32)
            found = _shift(frames[0][part] * window, frames[5][part] * window)
            assert found == pytest.approx(truth[5, j, i].tolist(), abs=0.3)


def _shift(first, second):
    cross = torch.fft.irfft2(torch.fft.rfft2(second) * torch.fft.rfft2(first).conj(), s=first.shape)
    peak = int(cross.argmax())
    found = []
    for axis, position in ((1, peak % 64), (0, peak // 64)):
        line = cross[peak // 64] if axis == 1 else cross[:, peak % 64]
        a, b, c = (float(line[(position + k) % 64]) for k in (-1, 0, 1))
        found.append((position + 32) % 64 - 32 + 0.5 * (a - c) / (a - 2 * b + c))
    return found


def test_particles_keep_their_distance_and_too_many_are_refused():
    points = random_positions(40, (500, 700), 60.0, 30.0, generator_for(2, "x"))
    distances = torch.cdist(points, points) + 1e9 * torch.eye(40)
    assert float(distances.min()) >= 60.0
    assert float(points.min()) >= 30.0
    with pytest.raises(UsageError, match="don't fit"):
        random_positions(4000, (500, 700), 60.0, 30.0, generator_for(2, "x"))


def _run(folder, **options):
    params = SimulateParams(**{**SMALL, **options})
    return JOB.start(params)(MODEL, folder, lambda fraction, what: None)


@pytest.mark.parametrize("kind", ["mrc", "tiff", "eer"])
def test_a_movie_is_written_with_its_truth_and_dose(tmp_path, kind):
    result = _run(tmp_path, format=kind)
    with open_images(Path(result["outputs"]["gain"])) as gain_file:
        gain = gain_file.frame(0)
    grouping = EerOptions(frames_per_fraction=110) if kind == "eer" else None
    with open_images(Path(result["outputs"]["movie_1"]), grouping) as movie:
        frames = np.stack(list(movie.frames())).astype(np.float64)
    truth = json.loads(Path(result["outputs"]["truth_1"]).read_text())
    good = gain > 0
    for x, y in truth["hot_pixels"]:
        good[y, x] = False
    dose = (frames * gain)[:, good].mean(axis=1).sum() / 1.3**2
    assert dose == pytest.approx(3 * 1.3, rel=0.02 if kind == "eer" else 0.01)
    assert np.shape(truth["trajectory"]["shift"]) == (3, 5, 5, 2)
    assert len(truth["particles"]) == 2
    if kind != "eer":
        assert frames[:, gain == 0].sum() == 0.0


def test_a_seed_gives_the_same_files_and_another_seed_others(tmp_path):
    names = ("movie_1", "particles_1", "gain")
    digests = []
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        outputs = _run(tmp_path / folder, format="mrc", seed=seed)["outputs"]
        digests.append([hashlib.sha256(Path(outputs[name]).read_bytes()[1024:]).hexdigest() for name in names])
    assert digests[0] == digests[1]
    assert all(a != c for a, c in zip(digests[0][::2], digests[2][::2], strict=True))


def test_assemblies_mixtures_and_disturbances_run(tmp_path):
    result = _run(
        tmp_path,
        format="mrc",
        symmetry="D2",
        radius=30.0,
        mixture=f"{MODEL}:AB=0.5",
        carbon=0.3,
        crystals=2,
        size=384,
        height=320,
    )
    assert result["outputs"]["specimen_2"].endswith("specimen_2.mrc")
    empty = _run(tmp_path / "empty", format="mrc", empty=True)
    assert empty["particles"] == 0


@pytest.mark.parametrize(
    "options", [{"symmetry": "Q"}, {"mixture": "b.pdb"}, {"particles": 500}, {"dead_columns": 200}, {"radius": 2000.0}]
)
def test_a_bad_parameter_is_explained(tmp_path, options):
    options = {"symmetry": "O", **options} if "radius" in options else options
    with pytest.raises(UsageError):
        _run(tmp_path, **options)


def test_a_value_out_of_range_is_refused():
    for options in ({"frames": 0}, {"pixel_size": -1.0}, {"voltage": 1.0}, {"gain_scatter": 2.0}):
        with pytest.raises(ValidationError):
            SimulateParams(**options)
