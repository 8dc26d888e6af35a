"""How good 2D classes are, where the truth is known: of any program that writes an MRC stack and a STAR file.

Each class average is compared with the projections of the true maps over view direction (mirrors are the opposite
directions), in-plane angle and shift: a grid of 7.5° first, then local refinement. ``python benchmarks/class_quality.py
SET CLASSES.mrcs PARTICLES.star`` prints the figures of one result; SET is a folder of ``particle_sets.py``.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from class_search import coefficients, half_disc, per_shell, sphere
from vitreous.algorithms.fourier.shells import half_plane_weight, shell_index
from vitreous.algorithms.geometry.project import SliceSource, central_slices, slice_source
from vitreous.algorithms.geometry.rotations import euler_matrix, rotation_z
from vitreous.formats.images import open_images
from vitreous.formats.star import read_star

MASK_DIAMETER = 190.0
MASK_EDGE = 15.0
ALIVE_SHARE = 0.005
ALIVE_RESOLUTION = 30.0
"""A class is alive with more than 0.5 % of the particles and an FRC of 0.5 at a resolution better than 30 Å."""

COARSE_LIMIT = 15.0
FINE_LIMIT = 8.0
DIRECTION_STEP = 7.5
PSI_STEP = 5.0
SHIFT_STEP = 3.5
SHIFT_LIMIT = 17.5
CANDIDATES = 4
ROUNDS = 12


@dataclass(frozen=True)
class Truth:
    """What is known of a set.

    Attributes:
        sources: the true maps, prepared for slicing; one per species.
        rotations: ``x_volume = R x_image`` of each particle, float64 ``[N, 3, 3]``.
        shifts: Å ``[N, 2]``: where the particle lies relative to the box's centre.
        species: int64 ``[N]``.
        pixel_size: Å.
        box: px.
    """

    sources: tuple[SliceSource, ...]
    rotations: torch.Tensor
    shifts: torch.Tensor
    species: np.ndarray
    pixel_size: float
    box: int


@dataclass(frozen=True)
class Classes:
    """What a program found.

    Attributes:
        averages: float32 ``[K, box, box]``.
        particle: number of each row's particle in the set, from 0.
        number: class of each row, from 0.
        psi: degrees, RELION's sense.
        origins: Å ``[n, 2]``, RELION's sense: moves the particle to the centre.
    """

    averages: torch.Tensor
    particle: np.ndarray
    number: np.ndarray
    psi: torch.Tensor
    origins: torch.Tensor


@dataclass(frozen=True)
class Match:
    """The true projection nearest an average: map, pose, shift (px), mean FRC, FRC per shell, the 0.5 crossing (Å)."""

    species: int
    rotation: torch.Tensor
    shift: torch.Tensor
    score: float
    frc: np.ndarray
    resolution: float


def read_stack(path: Path) -> tuple[torch.Tensor, float | None]:
    """All images of a stack, float32 ``[n, y, x]``, and the pixel size in Å."""
    with open_images(path) as file:
        images = np.stack([np.asarray(frame, dtype=np.float32) for frame in file.frames()])
        return torch.from_numpy(images), file.header.acquisition.pixel_size


def read_truth(folder: Path) -> Truth:
    """The truth of a set made by ``particle_sets.py``."""
    known = np.load(folder / "truth.npz")
    pixel_size = float(known["pixel_size"])
    maps = [read_stack(path)[0] for path in sorted(folder.glob("map_*.mrc"))]
    return Truth(
        tuple(slice_source(volume, pixel_size) for volume in maps),
        euler_matrix(torch.from_numpy(known["angles"])),
        torch.from_numpy(known["shifts"]) * pixel_size,
        known["species"],
        pixel_size,
        int(known["box"]),
    )


def read_classes(stack: Path, star: Path) -> Classes:
    """Class averages and assignments, as RELION 3.1 and Vitreous write them."""
    blocks = read_star(star)
    table = blocks["particles"] if "particles" in blocks else next(iter(blocks.values()))
    names = table.text("rlnImageName")
    return Classes(
        read_stack(stack)[0],
        np.array([int(str(name).split("@", 1)[0]) - 1 for name in names]),
        table.integers("rlnClassNumber") - 1,
        torch.from_numpy(table.numbers("rlnAnglePsi")),
        torch.from_numpy(table.numbers("rlnOriginXAngst", "rlnOriginYAngst")),
    )


# --- resolution ------------------------------------------------------------------------------------------------------


def soft_circle(box: int, pixel_size: float, diameter: float = MASK_DIAMETER, edge: float = MASK_EDGE) -> torch.Tensor:
    """1 within the diameter (Å), falling to 0 over ``edge`` Å by a cosine, ``[box, box]``."""
    axis = (torch.arange(box, dtype=torch.float32) - box // 2) * pixel_size
    radius = torch.sqrt(axis[:, None] ** 2 + axis**2)
    inner = min(0.5 * diameter, 0.5 * box * pixel_size - edge)
    return 0.5 + 0.5 * torch.cos(math.pi * ((radius - inner) / edge).clamp(0.0, 1.0))


def ring_correlation(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """FRC per shell, float64 ``[..., box//2]`` (shell 0 first), of images ``[..., box, box]`` that broadcast."""
    box = first.shape[-1]
    index, weight = shell_index((box, box)).reshape(-1), half_plane_weight((box, box))
    weight = weight.expand(box, -1).reshape(-1)
    inside = index < box // 2
    a, b = (torch.fft.rfft2(image).flatten(-2)[..., inside] for image in (first, second))
    places, weight = index[inside], weight[inside]

    def summed(values: torch.Tensor) -> torch.Tensor:
        out = torch.zeros(*values.shape[:-1], box // 2, dtype=torch.float64)
        return out.index_add_(-1, places, (values * weight).to(torch.float64))

    cross = summed((a * b.conj()).real)
    power = summed(a.abs().square()) * summed(b.abs().square())
    return cross / power.sqrt().clamp_min(1e-30)


def crossing(frc: np.ndarray, extent: float, level: float = 0.5) -> float:
    """Resolution in Å where the FRC first falls below ``level``, between shells by a straight line.

    Args:
        frc: per shell from 0; shell s is the frequency s / extent.
        extent: side of the box, Å.

    Returns:
        Å; the last shell's where it never falls; the extent where it begins below.
    """
    below = np.flatnonzero(frc[1:] < level)
    if not len(below):
        return extent / (len(frc) - 1)
    last = int(below[0])
    if last == 0:
        return extent
    high, low = float(frc[last]), float(frc[last + 1])
    return extent / (last + (high - level) / (high - low))


class Matcher:
    """Finds the true projection that is most like an average."""

    def __init__(self, truth: Truth) -> None:
        """Project all maps over the sphere once."""
        self.truth, self.extent = truth, truth.box * truth.pixel_size
        self.mask = soft_circle(truth.box, truth.pixel_size)
        self.points = half_disc(self.extent, COARSE_LIMIT)
        self.directions = euler_matrix(sphere(DIRECTION_STEP))
        self._library = [self._features(source) for source in truth.sources]
        self.angles = torch.arange(0.0, 360.0, PSI_STEP, dtype=torch.float64)
        steps = torch.arange(-SHIFT_LIMIT, SHIFT_LIMIT + 0.1, SHIFT_STEP, dtype=torch.float64)
        self.shifts = torch.cartesian_prod(steps, steps)
        self.top = math.floor(self.extent / max(FINE_LIMIT, 2.0 * truth.pixel_size)) - 1

    def _features(self, source: SliceSource) -> torch.Tensor:
        parts = []
        for chunk in self.directions.split(64):
            images = central_slices(source, chunk, self.truth.box, self.truth.pixel_size)
            parts.append(per_shell(coefficients(images * self.mask, self.points, 2), self.points))
        return torch.cat(parts)

    def match(self, average: torch.Tensor) -> Match:
        """The best of all maps."""
        image = average * self.mask
        candidates = [found for number in range(len(self._library)) for found in self._coarse(image, number)]
        candidates.sort(key=lambda found: -found[0])
        refined = [self._refined(image, *pose) for _, *pose in candidates[:CANDIDATES]]
        return max(refined, key=lambda match: match.score)

    def _coarse(self, image: torch.Tensor, number: int) -> list[tuple[float, int, torch.Tensor, torch.Tensor]]:
        """Score, map, rotation and shift of the best few directions of one map.

        The average A is turned and moved, A(Rz(-psi) y + t), and compared with the projections P(y).
        """
        library = self._library[number]
        turn = rotation_z(-self.angles)[:, :2, :2]
        turned = torch.einsum("pij,mj->pmi", turn, self.points)
        values = coefficients(image[None], turned.reshape(-1, 2))[0].reshape(len(self.angles), -1)
        best = torch.full((len(library),), -torch.inf)
        pose = torch.zeros(len(library), 2, dtype=torch.int64)
        for k in range(len(self.angles)):
            cycles = turned[k] @ self.shifts.T / self.extent
            ramps = torch.polar(torch.ones_like(cycles), 2.0 * math.pi * cycles).to(torch.complex64)
            features = per_shell(values[k] * ramps.T, self.points)
            score, place = (features @ library.T).max(dim=0)
            better = score > best
            best = torch.where(better, score, best)
            pose[better] = torch.stack((torch.full_like(place, k), place), dim=1)[better]
        out = []
        for c in torch.topk(best, CANDIDATES).indices.tolist():
            rotation = self.directions[c] @ rotation_z(self.angles[pose[c, 0]])
            out.append((float(best[c]), number, rotation, self.shifts[pose[c, 1]] / self.truth.pixel_size))
        return out

    def _scores(self, image: torch.Tensor, number: int, rotations: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
        """FRC per shell against projections at these poses, ``[n, box//2]``."""
        source = self.truth.sources[number]
        images = central_slices(source, rotations, self.truth.box, self.truth.pixel_size, shifts)
        return ring_correlation(image, images * self.mask)

    def _refined(self, image: torch.Tensor, number: int, rotation: torch.Tensor, shift: torch.Tensor) -> Match:
        """Pattern search: steps along three rotations and two shifts, halved when none is better."""
        angle, step = 0.5 * DIRECTION_STEP, 0.5 * SHIFT_STEP / self.truth.pixel_size
        frc = self._scores(image, number, rotation[None], shift[None])[0]
        score = float(frc[1 : self.top + 1].mean())
        for _ in range(ROUNDS):
            rotations, shifts = _neighbours(rotation, shift, angle, step)
            tried = self._scores(image, number, rotations, shifts)
            values = tried[:, 1 : self.top + 1].mean(dim=1)
            best = int(values.argmax())
            if float(values[best]) > score:
                rotation, shift, score, frc = rotations[best], shifts[best], float(values[best]), tried[best]
            else:
                angle, step = 0.5 * angle, 0.5 * step
        curve = frc.numpy()
        return Match(number, rotation, shift, score, curve, crossing(curve, self.extent))

    def projection(self, match: Match) -> torch.Tensor:
        """The true projection of a match, masked, ``[box, box]``."""
        source = self.truth.sources[match.species]
        image = central_slices(source, match.rotation[None], self.truth.box, self.truth.pixel_size, match.shift[None])
        return image[0] * self.mask


def _neighbours(
    rotation: torch.Tensor, shift: torch.Tensor, angle: float, step: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """A pose's neighbours along the image's three axes and both shifts."""
    x, y, z = (
        euler_matrix(torch.tensor(euler, dtype=torch.float64))
        for euler in ((-90.0, angle, 90.0), (0.0, angle, 0.0), (angle, 0.0, 0.0))
    )
    turns = [part for axis in (x, y, z) for part in (axis, axis.T)]
    moves = torch.tensor([[1, 0], [-1, 0], [0, 1], [0, -1]], dtype=torch.float64) * step
    rotations = torch.cat([torch.stack([rotation @ turn for turn in turns]), rotation.expand(4, 3, 3)])
    return rotations, torch.cat([shift.expand(6, 2), shift + moves])


# --- assignments -----------------------------------------------------------------------------------------------------


def purity(number: np.ndarray, species: np.ndarray) -> float:
    """Share of the particles that belong to the commonest species of their class."""
    table = np.zeros((int(number.max()) + 1, int(species.max()) + 1), np.int64)
    np.add.at(table, (number, species), 1)
    return float(table.max(axis=1).sum() / table.sum())


def mean_rotation(rotations: torch.Tensor) -> torch.Tensor:
    """The rotation nearest to the mean of ``[n, 3, 3]`` (Moakher 2002, SIAM J. Matrix Anal. 24:1)."""
    u, _, v = torch.linalg.svd(rotations.mean(dim=0))
    flip = torch.diag(torch.tensor([1.0, 1.0, float(torch.linalg.det(u @ v))], dtype=u.dtype))
    return u @ flip @ v


def spreads(classes: Classes, truth: Truth) -> dict[str, float]:
    """How alike the members of a class are: medians over all particles.

    Returns:
        ``view_spread``: degrees from the class's mean view direction; ``pose_spread``: degrees from its mean pose, once
        each particle is turned by its psi; ``shift_error``: Å from the class's mean centre.
    """
    rotations, shifts = truth.rotations[classes.particle], truth.shifts[classes.particle]
    turned = rotations @ rotation_z(-classes.psi)
    offset = torch.einsum("nij,nj->ni", rotation_z(classes.psi)[:, :2, :2], shifts + classes.origins)
    view, pose, shift = [], [], []
    for number in np.unique(classes.number):
        mine = torch.from_numpy(classes.number == number)
        own = turned[mine]
        direction = torch.nn.functional.normalize(own[:, :, 2].mean(dim=0), dim=0)
        view.append(torch.acos((own[:, :, 2] @ direction).clamp(-1.0, 1.0)))
        trace = torch.einsum("nij,ij->n", own, mean_rotation(own))
        pose.append(torch.acos((0.5 * (trace - 1.0)).clamp(-1.0, 1.0)))
        shift.append((offset[mine] - offset[mine].median(dim=0).values).norm(dim=1))
    degrees = [float(torch.rad2deg(torch.cat(part)).median()) for part in (view, pose)]
    return {"view_spread": degrees[0], "pose_spread": degrees[1], "shift_error": float(torch.cat(shift).median())}


def measure(classes: Classes, truth: Truth, matcher: Matcher | None = None) -> tuple[dict[str, Any], list[Match]]:
    """All figures of one result.

    Returns:
        ``resolution``: Å, mean over all classes weighted by population; ``alive``: number of classes alive;
        ``alive_share``: of the particles, in them; ``alive_resolution``: Å, weighted mean over them; ``purity``; what
        ``spreads`` gives; ``populations`` and ``resolutions`` per class. And the match of each class.
    """
    matcher = matcher or Matcher(truth)
    with torch.inference_mode():
        matches = [matcher.match(average) for average in classes.averages]
    share = np.bincount(classes.number, minlength=len(matches)) / len(classes.number)
    resolution = np.array([match.resolution for match in matches])
    alive = (share > ALIVE_SHARE) & (resolution < ALIVE_RESOLUTION)
    kept = float(share[alive].sum())
    figures = {
        "resolution": float((share * resolution).sum()),
        "alive": int(alive.sum()),
        "alive_share": kept,
        "alive_resolution": float((share * resolution)[alive].sum() / kept) if kept else math.nan,
        "purity": purity(classes.number, truth.species[classes.particle]),
        **spreads(classes, truth),
        "populations": share.round(5).tolist(),
        "resolutions": resolution.round(2).tolist(),
    }
    return figures, matches


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path)
    parser.add_argument("classes", type=Path)
    parser.add_argument("star", type=Path)
    parser.add_argument("--png", type=Path, help="write a montage of averages and true projections")
    options = parser.parse_args()
    from class_pictures import montage, pictured

    torch.set_num_threads(1)
    truth, classes = read_truth(options.set), read_classes(options.classes, options.star)
    matcher = Matcher(truth)
    figures, matches = measure(classes, truth, matcher)
    for name, value in figures.items():
        print(f"{name:18} {value:.3f}" if isinstance(value, float) else f"{name:18} {value}")
    if options.png:
        montage(pictured(options.classes.stem, classes, matches, matcher), options.png)


if __name__ == "__main__":
    main()
