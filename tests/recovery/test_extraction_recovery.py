"""Particles of a simulated micrograph are cut out where they are, and as RELION cuts them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch

from vitreous.algorithms.ctf.model import ctf_image
from vitreous.algorithms.geometry.project import SliceSource, central_slices, slice_source
from vitreous.algorithms.geometry.rotations import euler_matrix, random_euler_angles
from vitreous.algorithms.particles.extract import ExtractionSettings, extract_particles
from vitreous.algorithms.simulate.micrograph import add_particles
from vitreous.algorithms.simulate.placement import random_positions
from vitreous.core.optics import Ctf, Microscope
from vitreous.formats.micrograph_star import MicrographRow, write_micrograph_star
from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.particle_star import read_particle_star, write_particle_star
from vitreous.formats.star import write_star
from vitreous.formats.star_block import StarBlock
from vitreous.jobs.extract import JOB
from vitreous.jobs.extract_params import ExtractParams
from vitreous.model.particles import ParticleTable
from vitreous.project.batch import finish_batch, run_batch

PIXEL, SIZE, BOX = 2.0, 768, 96
MICROSCOPE, CTF = Microscope(300.0, 2.7, 0.1), Ctf(12000.0, 11700.0, 35.0)
needs_relion = pytest.mark.skipif(shutil.which("relion_preprocess") is None, reason="RELION is not installed")


@pytest.fixture(scope="module")
def specimen() -> SliceSource:
    """An asymmetric heap of balls."""
    generator = torch.Generator().manual_seed(4)
    axis = torch.arange(48) - 24
    points = 9.0 * torch.randn(14, 3, generator=generator)
    points -= points.mean(dim=0)
    volume = torch.zeros(48, 48, 48)
    for x, y, z in points.tolist():
        r2 = (axis - z).square()[:, None, None] + (axis - y).square()[:, None] + (axis - x).square()
        volume += torch.exp(-r2 / 8.0)
    return slice_source(volume, PIXEL)


@pytest.fixture(scope="module")
def scene(specimen: SliceSource) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    positions = random_positions(40, (SIZE, SIZE), 70.0, 60.0, generator)
    angles = random_euler_angles(40, generator)
    field = add_particles(torch.zeros(SIZE, SIZE), specimen, positions, angles, 48, PIXEL)
    transfer = ctf_image((SIZE, SIZE), PIXEL, MICROSCOPE, CTF)
    signal = torch.fft.irfft2(torch.fft.rfft2(field) * transfer, s=(SIZE, SIZE))
    noise = torch.randn(SIZE, SIZE, generator=generator)
    micrograph = 50.0 - signal / signal.std() + 1.5 * noise + 0.003 * torch.arange(SIZE)
    return {"positions": positions, "angles": angles, "micrograph": micrograph}


@pytest.mark.parametrize("size", [96, 64, 48])
@pytest.mark.parametrize("centre", [True, False])
def test_particles_lie_where_they_were_put(
    specimen: SliceSource, scene: dict[str, torch.Tensor], size: int, centre: bool
) -> None:
    settings = ExtractionSettings(BOX, size, 0.36 * size, centre=centre)
    found = extract_particles(scene["micrograph"], scene["positions"], settings)
    pixel = PIXEL * BOX / size
    wanted = central_slices(specimen, euler_matrix(scene["angles"][found.rows]), size, pixel)
    transfer = ctf_image((size, size), pixel, MICROSCOPE, CTF)
    cross = torch.fft.rfft2(found.images) * (torch.fft.rfft2(wanted) * transfer).conj()
    # Moved back by what the origin says, all cross-correlations have their peak at zero.
    frequency_y, frequency_x = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)
    offset = found.offsets.float() * size / BOX
    turn = frequency_x * offset[:, 0, None, None] + frequency_y * offset[:, 1, None, None]
    total = (cross * torch.polar(torch.ones_like(turn), 2.0 * torch.pi * turn)).mean(dim=0)
    steps = torch.arange(-20, 21) / 40.0
    peak = [
        [float((total * torch.polar(torch.ones(1), 2 * torch.pi * (frequency_x * x + frequency_y * y))).real.sum())
         for x in steps.tolist()] for y in steps.tolist()
    ]  # fmt: skip
    y, x = np.unravel_index(int(np.argmax(peak)), (41, 41))
    assert abs(float(steps[x])) * BOX / size <= 0.05
    assert abs(float(steps[y])) * BOX / size <= 0.05


def session_of(scene: dict[str, torch.Tensor], folder: Path) -> np.ndarray:
    """A micrograph with tables as RELION reads them; positions on whole pixels, because RELION cuts fractions off."""
    write_mrc(folder / "mic.mrc", scene["micrograph"].numpy(), pixel_size=PIXEL)
    places = np.round(scene["positions"].numpy())
    write_micrograph_star(
        folder / "micrographs.star",
        [MicrographRow("mic", folder / "mic.mrc", PIXEL, MICROSCOPE, CTF, "opticsGroup1")],
    )
    score = np.linspace(9, 5, len(places))
    name = np.full(len(places), "mic.mrc", dtype=object)
    table = ParticleTable(
        {"micrograph_path": name, "coordinate_x": places[:, 0], "coordinate_y": places[:, 1], "pick_score": score}
    )
    write_particle_star(folder / "picks.star", table)
    own = {"rlnCoordinateX": places[:, 0], "rlnCoordinateY": places[:, 1], "rlnAutopickFigureOfMerit": score}
    write_star(folder / "mic_picks.star", {"": StarBlock(own)})
    return places


def ours(folder: Path) -> ParticleTable:
    params = ExtractParams(
        micrographs=folder / "micrographs.star", picks=folder / "picks.star", box=BOX, pixel_size=4.0,
        background_diameter=160.0, white_dust=0, black_dust=0,
    )  # fmt: skip
    assert JOB.expand is not None
    results = run_batch(JOB, params, JOB.expand(params, []), folder / "out")
    return read_particle_star(Path(finish_batch(JOB, params, results, folder / "out")["star"]))


@needs_relion
@pytest.mark.external
def test_relion_cuts_the_same_images_from_the_same_picks(scene: dict[str, torch.Tensor], tmp_path: Path) -> None:
    session_of(scene, tmp_path)
    mine = ours(tmp_path)
    command = (
        "relion_preprocess --i micrographs.star --coord_dir ./ --coord_suffix _picks.star --part_dir rel/ --extract "
        f"--part_star rel/particles.star --extract_size {BOX} --scale 48 --norm --bg_radius 20 --white_dust -1 "
        "--black_dust -1 --invert_contrast"
    )
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    theirs = read_particle_star(tmp_path / "rel" / "particles.star")
    place = {(x, y): k for k, (x, y) in enumerate(zip(theirs["coordinate_x"], theirs["coordinate_y"], strict=True))}
    assert len(mine) > 20
    with mrcfile.open(tmp_path / "rel" / "mic.mrcs") as a, mrcfile.open(tmp_path / "out" / "particles.mrcs") as b:
        for k, key in enumerate(zip(mine["coordinate_x"], mine["coordinate_y"], strict=True)):
            other, image = a.data[theirs["image_index"][place[key]]], b.data[k]
            assert np.corrcoef(other.ravel(), image.ravel())[0, 1] > 0.99
            assert abs(image.std() / other.std() - 1.0) < 0.04


@needs_relion
@pytest.mark.external
def test_relion_reads_the_particles(scene: dict[str, torch.Tensor], tmp_path: Path) -> None:
    session_of(scene, tmp_path)
    mine = ours(tmp_path)
    subprocess.run(
        ["relion_stack_create", "--i", "particles.star", "--o", "read"], cwd=tmp_path / "out", check=True,
        capture_output=True,
    )  # fmt: skip
    with mrcfile.open(tmp_path / "out" / "read.mrcs") as file, mrcfile.open(tmp_path / "out" / "particles.mrcs") as own:
        assert len(file.data) == len(mine)
        np.testing.assert_allclose(file.data, own.data, atol=1e-5)
    again = read_particle_star(tmp_path / "out" / "read.star")
    np.testing.assert_allclose(again["origin_x"], mine["origin_x"], atol=1e-5)
    np.testing.assert_allclose(again["defocus_u"], mine["defocus_u"], atol=1e-2)
