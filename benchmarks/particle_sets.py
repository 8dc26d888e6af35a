"""Simulated particle stacks of which everything is known, for measuring 2D classification.

``python benchmarks/particle_sets.py one --folder bench/one`` makes set ``one``: 1,440 particles of 72² px of an
asymmetric assembly of 460 kDa. Set ``two`` holds two species of a similar size, set ``noisy`` two others with less
signal and larger shifts, set ``large`` 10,000 particles of 128² px of the species of ``two``. The models are six to
eight chains of GroEL (PDB 1MNF).
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from measuring import SHARED_DATA
from vitreous.algorithms.ctf.model import ctf_image
from vitreous.algorithms.geometry.project import central_slices, slice_source
from vitreous.algorithms.geometry.rotations import euler_matrix, random_euler_angles
from vitreous.algorithms.simulate.noise import generator_for
from vitreous.algorithms.simulate.potential import potential_map
from vitreous.core.optics import Ctf, Microscope
from vitreous.formats.atoms import read_atoms
from vitreous.formats.mrc_write import MrcStackWriter, write_mrc
from vitreous.formats.star import write_star
from vitreous.formats.star_block import StarBlock

MODEL = SHARED_DATA / "models" / "1MNF.pdb.gz"
MICROSCOPE = Microscope(300.0, 2.7, 0.1)
PER_MICROGRAPH = 48
ENVELOPE = 150.0
"""B factor in Å² of everything that blurs: motion, dose, defocus spread, detector."""

ASYMMETRIC = "ABCDEHIJ"
RING = "ABCDEFG"
MASK_DIAMETER = 190.0
_AT_ONCE = 120


@dataclass(frozen=True)
class ParticleSet:
    """What a set is made of.

    Attributes:
        count: particles.
        box: px, even.
        pixel_size: Å.
        species: the chains of each species; particles are divided evenly.
        snr: variance of the signal over that of the noise, per pixel within the particle's mask, before normalisation.
            Electrons counted alone, 40 e/Å² of them, would give 0.66 at 3.5 Å/px; ice, inelastic scattering and the
            detector leave about half.
        shift: standard deviation of the positions per axis, Å.
        seed: random numbers.
    """

    count: int
    box: int
    pixel_size: float
    species: tuple[str, ...]
    snr: float
    shift: float
    seed: int


SETS = {
    "one": ParticleSet(1440, 72, 3.5, (ASYMMETRIC,), 0.3, 7.0, 1),
    "two": ParticleSet(1500, 72, 3.5, (ASYMMETRIC, RING), 0.3, 7.0, 2),
    "noisy": ParticleSet(2000, 72, 3.5, ("ABCHIJK", "ABDEHL"), 0.12, 10.0, 4),
    "large": ParticleSet(10_000, 128, 1.97, (ASYMMETRIC, RING), 0.095, 7.0, 3),
}


def species_map(chains: str, box: int, pixel_size: float, path: Path = MODEL) -> torch.Tensor:
    """Potential of some chains, V, ``[box, box, box]``, centred on their mean position."""
    atoms = read_atoms(path, tuple(chains))
    positions = torch.from_numpy(atoms.positions - atoms.positions.mean(axis=0))
    return potential_map(
        positions, torch.from_numpy(atoms.kinds), atoms.elements, torch.from_numpy(atoms.form_factors),
        torch.from_numpy(atoms.occupancies), torch.from_numpy(atoms.b_factors),
        add_hydrogens=not atoms.has_hydrogens, box=box, pixel_size=pixel_size,
    )  # fmt: skip


def draw_truth(chosen: ParticleSet) -> dict[str, np.ndarray]:
    """Poses, species and CTFs: ``angles`` (rot, tilt, psi; degrees), ``shifts`` (px; content moves to +x, +y),
    ``species``, ``micrograph``, ``defocus_u``, ``defocus_v`` (Å), ``astigmatism_angle`` (degrees).
    """
    random = generator_for(chosen.seed, "truth of particles")
    count = chosen.count
    angles = random_euler_angles(count, random).numpy()
    shifts = chosen.shift / chosen.pixel_size * torch.randn(count, 2, generator=random, dtype=torch.float64).numpy()
    micrograph = np.arange(count) // PER_MICROGRAPH
    number = int(micrograph[-1]) + 1
    drawn = torch.rand(number, 3, generator=random, dtype=torch.float64).numpy()
    own = 150.0 * torch.randn(count, generator=random, dtype=torch.float64).numpy()
    middle = (8000.0 + 17000.0 * drawn[:, 0])[micrograph] + own
    half = (150.0 * drawn[:, 1])[micrograph]
    species = torch.randperm(count, generator=random).numpy() * len(chosen.species) // count
    return {
        "angles": angles, "shifts": shifts, "species": species, "micrograph": micrograph,
        "defocus_u": middle + half, "defocus_v": middle - half, "astigmatism_angle": (180.0 * drawn[:, 2])[micrograph],
    }  # fmt: skip


def circle(box: int, radius: float) -> torch.Tensor:
    """Whether each pixel lies within ``radius`` px of the box's centre, ``[box, box]``."""
    axis = torch.arange(box) - box // 2
    return axis[:, None] ** 2 + axis**2 <= radius * radius


def clean_images(truth: dict[str, np.ndarray], rows: np.ndarray, maps: list, chosen: ParticleSet) -> torch.Tensor:
    """Projections times CTF at the particles' poses, ``[b, 2 box, 2 box]``: the field is wider than the box, so that
    what the CTF spreads beyond it is lost as in a real micrograph.
    """
    field = 2 * chosen.box
    out = torch.empty(len(rows), field, field)
    rotations = euler_matrix(torch.from_numpy(truth["angles"][rows]))
    shifts = torch.from_numpy(truth["shifts"][rows])
    for number, source in enumerate(maps):
        own = torch.from_numpy(np.flatnonzero(truth["species"][rows] == number))
        if len(own):
            out[own] = central_slices(source, rotations[own], field, chosen.pixel_size, shifts[own])
    for k, row in enumerate(rows):
        ctf = Ctf(*(float(truth[n][row]) for n in ("defocus_u", "defocus_v", "astigmatism_angle")), 0.0, ENVELOPE)
        transfer = ctf_image((field, field), chosen.pixel_size, MICROSCOPE, ctf)
        out[k] = torch.fft.irfft2(torch.fft.rfft2(out[k]) * transfer, s=(field, field))
    return out


def noise_images(count: int, field: int, pixel_size: float, random: torch.Generator) -> torch.Tensor:
    """Noise of unit variance, ``[count, field, field]``: white, and 40 % of its power coloured towards 1/25 Å as ice,
    neighbours and background make it.
    """
    fy, fx = torch.fft.fftfreq(field, pixel_size)[:, None], torch.fft.rfftfreq(field, pixel_size)[None]
    s2 = fy * fy + fx * fx
    colour = torch.sqrt(1.0 + 3.0 * torch.exp(-s2 * 25.0**2))
    colour = colour / colour.square().mean().sqrt()
    white = torch.randn(count, field, field, generator=random)
    noise = torch.fft.irfft2(torch.fft.rfft2(white) * colour, s=(field, field))
    return noise / noise.std()


def normalised(images: torch.Tensor, radius: float) -> torch.Tensor:
    """Mean 0 and standard deviation 1 outside a circle of ``radius`` px."""
    outside = ~circle(images.shape[-1], radius)
    values = images[:, outside]
    return (images - values.mean(1)[:, None, None]) / values.std(1)[:, None, None]


def star_columns(truth: dict[str, np.ndarray], count: int) -> dict[str, list | np.ndarray]:
    """Columns of ``data_particles``; no poses: they are what is to be found."""
    return {
        "rlnImageName": [f"{k + 1:06d}@particles.mrcs" for k in range(count)],
        "rlnMicrographName": [f"micrograph_{m:03d}.mrc" for m in truth["micrograph"]],
        "rlnOpticsGroup": np.ones(count, np.int64),
        "rlnDefocusU": truth["defocus_u"].round(2),
        "rlnDefocusV": truth["defocus_v"].round(2),
        "rlnDefocusAngle": truth["astigmatism_angle"].round(3),
        "rlnPhaseShift": np.zeros(count),
    }


def make_set(name: str, folder: Path) -> Path:
    """Make a set unless it is there: particles.mrcs, particles.star, truth.npz, map_0.mrc …; the folder."""
    chosen = SETS[name]
    if (folder / "truth.npz").is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    truth = draw_truth(chosen)
    volumes = [species_map(chains, chosen.box, chosen.pixel_size) for chains in chosen.species]
    for number, volume in enumerate(volumes):
        write_mrc(folder / f"map_{number}.mrc", volume.numpy(), pixel_size=chosen.pixel_size)
    write_particles(folder / "particles.mrcs", truth, volumes, chosen)
    optics = {
        "rlnOpticsGroupName": ["opticsGroup1"], "rlnOpticsGroup": [1], "rlnVoltage": [MICROSCOPE.voltage],
        "rlnSphericalAberration": [MICROSCOPE.spherical_aberration],
        "rlnAmplitudeContrast": [MICROSCOPE.amplitude_contrast], "rlnImagePixelSize": [chosen.pixel_size],
        "rlnImageSize": [chosen.box], "rlnImageDimensionality": [2],
    }  # fmt: skip
    blocks = {"optics": StarBlock(optics), "particles": StarBlock(star_columns(truth, chosen.count))}
    write_star(folder / "particles.star", blocks)
    np.savez_compressed(folder / "truth.npz", **truth, pixel_size=chosen.pixel_size, box=chosen.box)
    return folder


def write_particles(path: Path, truth: dict[str, np.ndarray], volumes: list, chosen: ParticleSet) -> None:
    """Write the noisy, normalised stack, white on black; the mean signal in the mask sets the scale of the noise."""
    sources = [slice_source(volume, chosen.pixel_size) for volume in volumes]
    random = generator_for(chosen.seed, "noise of particles")
    field, margin = 2 * chosen.box, chosen.box // 2
    radius = 0.5 * MASK_DIAMETER / chosen.pixel_size
    inside = circle(field, radius)
    sample = clean_images(truth, np.arange(min(_AT_ONCE, chosen.count)), sources, chosen)
    noise_level = math.sqrt(float(sample[:, inside].var(1).mean()) / chosen.snr)
    with MrcStackWriter(path, (chosen.box, chosen.box), "float32", pixel_size=chosen.pixel_size) as writer:
        for start in range(0, chosen.count, _AT_ONCE):
            rows = np.arange(start, min(start + _AT_ONCE, chosen.count))
            images = clean_images(truth, rows, sources, chosen)
            images += noise_level * noise_images(len(rows), field, chosen.pixel_size, random)
            cut = images[:, margin : margin + chosen.box, margin : margin + chosen.box]
            for image in normalised(cut, radius):
                writer.append(image.numpy())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=sorted(SETS))
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(make_set(options.set, options.folder))


if __name__ == "__main__":
    main()
