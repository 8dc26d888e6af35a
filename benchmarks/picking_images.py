"""Simulated micrographs with particles at known places, as a camera counts them: two specimens, several defoci.

Each image is the sum of a few frames without motion: the specimen fades with exposure, the ice forgets its structure,
electrons are counted one by one. Images are kept in a folder and made once.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from vitreous.algorithms.ctf.model import ctf_image
from vitreous.algorithms.fourier.grids import frequency_squared
from vitreous.algorithms.geometry.project import slice_source
from vitreous.algorithms.geometry.rotations import random_euler_angles
from vitreous.algorithms.simulate.features import carbon_edge, ice_crystals
from vitreous.algorithms.simulate.ice import forgetting_rate, ice_frames, ice_power
from vitreous.algorithms.simulate.micrograph import add_particles
from vitreous.algorithms.simulate.movie import damage_weight
from vitreous.algorithms.simulate.noise import generator_for
from vitreous.algorithms.simulate.placement import random_positions
from vitreous.algorithms.simulate.potential import interaction_parameter
from vitreous.core.optics import Ctf, Microscope
from vitreous.formats.mrc_write import write_mrc
from vitreous.jobs.simulate_specimen import Specimen, load_specimen

MICROSCOPE = Microscope(300.0, 2.7, 0.07)
PIXEL_SIZE = 1.2
SIDE = 4096
DOSE = 40.0
FRAMES = 5
ENVELOPE = 60.0
MAP_PIXEL_SIZE = 2.4


@dataclass(frozen=True)
class Scene:
    """What one image shows; Å and degrees.

    Attributes:
        specimen: name.
        chains: of the model, all where ``None``.
        diameter: Å, of the circle that holds a particle.
        defocus: mean defocus.
        ice_thickness: of the ice.
        seed: of everything that is random.
        carbon: part of the width that a carbon film covers.
        crystals: ice crystals.
        coverage: part of the area that particles' circles cover.
    """

    specimen: str
    chains: str | None
    diameter: float
    defocus: float
    ice_thickness: float
    seed: int
    carbon: float = 0.0
    crystals: int = 0
    coverage: float = 0.2


@dataclass(frozen=True)
class Truth:
    """An image with what is true of it: CTF and centres, px ``[n, 2]`` (x, y)."""

    path: Path
    scene: Scene
    ctf: Ctf
    positions: np.ndarray


def specimen(model: Path, chains: str | None) -> Specimen:
    """The potential of a model, or of some of its chains, at ``MAP_PIXEL_SIZE``."""
    some = None if chains is None else tuple(chains)
    return load_specimen(model, some, 1.0, symmetry="C1", radius=0.0, pixel_size=MAP_PIXEL_SIZE)


def made(folder: Path, model: Path, scene: Scene) -> Truth:
    """The image of a scene; one that is there already is taken as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{scene.specimen}-{scene.defocus:.0f}-{scene.seed}"
    path, record = folder / f"{name}.mrc", folder / f"{name}.json"
    if path.is_file() and record.is_file():
        found = json.loads(record.read_text())
        if found["scene"] == asdict(scene):
            return Truth(path, scene, Ctf(**found["ctf"]), np.asarray(found["positions"]))
    image, ctf, positions = simulated(specimen(model, scene.chains), scene)
    write_mrc(path, image.numpy(), pixel_size=PIXEL_SIZE)
    record.write_text(json.dumps({"scene": asdict(scene), "ctf": asdict(ctf), "positions": positions.tolist()}))
    return Truth(path, scene, ctf, positions.numpy())


def simulated(potential: Specimen, scene: Scene) -> tuple[torch.Tensor, Ctf, torch.Tensor]:
    """Counts ``[SIDE, SIDE]``, their CTF, and the particles' centres; particles may be cut by the edge."""
    shape = (SIDE, SIDE)
    random = generator_for(scene.seed, "scene")
    radius = 0.5 * scene.diameter / PIXEL_SIZE
    count = round(scene.coverage * SIDE * SIDE / (math.pi * radius**2))
    positions = random_positions(count, shape, 2.0 * radius, -0.5 * radius, random)
    box = 2 * math.ceil(0.5 * potential.potential.shape[0] * potential.pixel_size / PIXEL_SIZE)
    field = add_particles(
        torch.zeros(shape), slice_source(potential.potential, potential.pixel_size), positions,
        random_euler_angles(count, random), box, PIXEL_SIZE,
    )  # fmt: skip
    if scene.carbon:
        field = field + carbon_edge(shape, PIXEL_SIZE, scene.carbon, 150.0, generator_for(scene.seed, "carbon"))
    if scene.crystals:
        field = field + ice_crystals(shape, PIXEL_SIZE, scene.crystals, 60.0, generator_for(scene.seed, "crystals"))
    ctf = Ctf(scene.defocus + 100.0, scene.defocus - 100.0, 30.0, 0.0, ENVELOPE)
    contrast = _contrast(field, ctf, scene)
    expected = DOSE * PIXEL_SIZE**2 * (1.0 + contrast).clamp_min(0.0)
    return torch.poisson(expected, generator=generator_for(scene.seed, "counts")), ctf, positions


def _contrast(field: torch.Tensor, ctf: Ctf, scene: Scene) -> torch.Tensor:
    """Mean contrast over the exposure of specimen and ice."""
    shape = (SIDE, SIDE)
    s2 = frequency_squared(shape, PIXEL_SIZE)
    transfer = -2.0 * ctf_image(shape, PIXEL_SIZE, MICROSCOPE, ctf)
    transfer[0, 0] = 0.0
    signal = torch.fft.rfft2(field * interaction_parameter(MICROSCOPE.voltage))
    signal = signal * damage_weight(s2, 0.0, DOSE, MICROSCOPE.voltage)
    level = (ice_power(s2.sqrt(), scene.ice_thickness, MICROSCOPE.voltage) / PIXEL_SIZE**2).sqrt()
    doses = (DOSE / FRAMES,) * FRAMES
    for frame in ice_frames(shape, forgetting_rate(s2.sqrt()), doses, generator_for(scene.seed, "ice")):
        signal = torch.addcmul(signal, frame, level.to(torch.complex64), value=1.0 / FRAMES)
    return torch.fft.irfft2(signal * transfer, s=shape)
