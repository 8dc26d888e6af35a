"""What may be chosen of picking, with lengths in Å."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vitreous.core.errors import UsageError

Method = Literal["blob", "log", "template"]

CHARACTERISTIC = 2.0 / 3.0
"""Radius at which the soft disc has fallen to a half, over the particle's largest radius (cisTEM's 80 of 120 Å)."""

RESOLUTION = 20.0
TEMPLATE_RESOLUTION = 26.0


@dataclass(frozen=True)
class PickSettings:
    """Settings of one run over a micrograph; ``None`` is "derived from the diameter".

    Attributes:
        diameter: of the circle that holds a particle, Å.
        method: ``blob`` (soft discs), ``log`` (Laplacian of Gaussian) or ``template``.
        max_radius: particles reach to here, Å; half of the diameter unless given.
        characteristic_radius: where the soft disc has fallen to a half, Å.
        radii: discs of these multiples of the characteristic radius are tried.
        texture: count the power of a particle's own structure too, where ``blob`` or ``log`` looks for discs.
        min_diameter, max_diameter: range of ``log``, Å; ``n_diameters`` steps over it.
        min_distance: of two particles, Å.
        floor: least score of a candidate, standard deviations of the background.
        max_resolution: highest resolution used, Å; the micrograph is resampled to half of it.
        edge_distance: of particles from the edges, px of the micrograph; the particle's radius unless given.
        background_boxes: particle-free tiles for the noise's power spectrum.
        background: tiles of lowest variance, or of variance near the mean (synthetic data).
        avoid_abnormal_mean, avoid_high_variance, avoid_crystals, avoid_hot: what to leave out.
        bright: particles are brighter than their surroundings.
        psi_step: in-plane step of templates, degrees.
    """

    diameter: float
    method: Method = "blob"
    max_radius: float | None = None
    characteristic_radius: float | None = None
    radii: tuple[float, ...] = (0.85, 1.0, 1.2)
    texture: bool = True
    min_diameter: float | None = None
    max_diameter: float | None = None
    n_diameters: int = 5
    min_distance: float | None = None
    floor: float = 4.0
    max_resolution: float | None = None
    edge_distance: float | None = None
    background_boxes: int = 50
    background: Literal["lowest", "mean"] = "lowest"
    avoid_abnormal_mean: bool = True
    avoid_high_variance: bool = False
    avoid_crystals: bool = True
    avoid_hot: bool = True
    bright: bool = False
    psi_step: float = 15.0

    def __post_init__(self) -> None:
        for name in ("diameter", "max_radius", "characteristic_radius", "min_distance", "max_resolution"):
            value = getattr(self, name)
            if value is not None and value <= 0.0:
                raise UsageError(f"{name} of {value:g} Å is not positive", hint="Give lengths in Å", setting=name)
        if self.diameter < self.resolution:
            raise UsageError(
                f"a particle of {self.diameter:g} Å is smaller than the resolution of {self.resolution:g} Å that is "
                "used to find it",
                hint="Give the diameter in Å; check max_resolution",
                setting="diameter",
            )
        low, high = self.diameters
        if low > high:
            raise UsageError(
                f"diameters from {low:g} to {high:g} Å are no range", hint="Give the smaller one as the smallest"
            )
        if self.typical_radius > self.radius:
            raise UsageError(
                f"characteristic radius {self.typical_radius:g} Å is beyond the largest radius {self.radius:g} Å",
                hint="Give a smaller characteristic radius, or a larger diameter",
            )

    @property
    def radius(self) -> float:
        """Å, particles reach to here."""
        return 0.5 * self.diameter if self.max_radius is None else self.max_radius

    @property
    def typical_radius(self) -> float:
        """Å, where the soft disc has fallen to a half."""
        return CHARACTERISTIC * self.radius if self.characteristic_radius is None else self.characteristic_radius

    @property
    def distance(self) -> float:
        """Å, least distance of two particles."""
        return 0.75 * self.diameter if self.min_distance is None else self.min_distance

    @property
    def diameters(self) -> tuple[float, float]:
        """Å, range of ``log``."""
        low = 0.7 * self.diameter if self.min_diameter is None else self.min_diameter
        return low, self.diameter if self.max_diameter is None else self.max_diameter

    @property
    def resolution(self) -> float:
        """Å, highest resolution used."""
        if self.max_resolution is not None:
            return self.max_resolution
        return TEMPLATE_RESOLUTION if self.method == "template" else RESOLUTION
