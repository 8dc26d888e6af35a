"""What a user may choose of the 2D classification."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vitreous.core.errors import UsageError

_LARGEST_CLASSES = 1000


@dataclass(frozen=True)
class Settings:
    """Options of a classification in physical units; each has the default of the job's form.

    Attributes:
        n_classes: classes K, 1 to 1000.
        pixel_size: of the images, Å.
        box: side of the images, px; odd or even, centre at box // 2.
        mask_diameter: Å, of the disc in which references live (soft edge of ``mask_edge``).
        mask_edge: px, width of the cosine edge of masks.
        cycles: iterations in all.
        stop_early: end before that where iterations change little.
        low_resolution: Å; coarser rings are left out of the likelihood (300).
        start_resolution, finish_resolution: Å, finest ring of the first and of the last iterations (40, 8).
        angular_step: degrees, largest step of the in-plane angle; the sampling that the resolution asks for is used
            where it is finer (15).
        x_range, y_range: Å, semi-axes of the ellipse of shifts that are searched.
        smoothing: 0.1 to 1, factor of the log-likelihoods; less than 1 blurs the assignment.
        exclude_blank_edges: leave out images with a blank (constant) border.
        automatic_percent: use 300 images per class first, then 30 %, at last all.
        percent: share of the images used in each iteration where ``automatic_percent`` is off, 0 to 100.
        moment_decay: weight of the sums of earlier mini-batches, where an iteration does not take all images (0.9); 0
            forgets them.
        regularisation: T of the prior on averages; more keeps more detail and more noise (2).
        significance: part of the posterior that the fine pass keeps (0.999).
        balance: 0 lets classes grow as the likelihood likes, 1 presses all to equal populations.
        use_ctf: apply the contrast transfer function of each image.
        recentre: centre the averages after each iteration.
        reseed: split large classes into the places of empty ones.
        seed: of all random choices.
        batch: images handled at once; results depend on it in the last bits.
        cache_bytes: memory in which prepared images stay between iterations; the rest is read again.
        device: of torch, "cpu" or "cuda:0".
        threads: of torch on the CPU; ``None`` leaves them as they are.
        precision: of the products of the coarse pass, "float32" or "bfloat16".
    """

    n_classes: int
    pixel_size: float
    box: int
    mask_diameter: float
    mask_edge: float = 5.0
    cycles: int = 20
    stop_early: bool = True
    low_resolution: float = 300.0
    start_resolution: float = 40.0
    finish_resolution: float = 8.0
    angular_step: float = 15.0
    x_range: float = 20.0
    y_range: float = 20.0
    smoothing: float = 1.0
    exclude_blank_edges: bool = False
    automatic_percent: bool = True
    percent: float = 100.0
    moment_decay: float = 0.9
    regularisation: float = 2.0
    significance: float = 0.999
    balance: float = 0.5
    use_ctf: bool = True
    recentre: bool = True
    reseed: bool = True
    seed: int = 1
    batch: int = 64
    cache_bytes: int = 1 << 30
    device: str = "cpu"
    threads: int | None = None
    precision: str = "float32"

    def __post_init__(self) -> None:
        _within("number of classes", self.n_classes, 1, _LARGEST_CLASSES)
        _within("box", self.box, 16, 4096, " px")
        _within("pixel size", self.pixel_size, 1e-3, 1e3, " Å")
        _within("mask diameter", self.mask_diameter, 4.0 * self.pixel_size, self.box * self.pixel_size, " Å")
        _within("mask edge", self.mask_edge, 0.0, 0.5 * self.box, " px")
        _within("number of cycles", self.cycles, 1, 10000)
        _within("angular step", self.angular_step, 0.1, 90.0, " degrees")
        _within("smoothing", self.smoothing, 0.1, 1.0)
        _within("percent of the images", self.percent, 0.01, 100.0, " %")
        _within("moment decay", self.moment_decay, 0.0, 0.999)
        _within("regularisation", self.regularisation, 1e-3, 1e3)
        _within("significance", self.significance, 0.5, 1.0)
        _within("balance", self.balance, 0.0, 1.0)
        _within("seed", self.seed, 0, 2**62)
        _within("batch", self.batch, 1, 65536)
        _within("shift range in x", self.x_range, 0.0, self.box * self.pixel_size, " Å")
        _within("shift range in y", self.y_range, 0.0, self.box * self.pixel_size, " Å")
        self._check_resolutions()
        if self.precision not in ("float32", "bfloat16"):
            raise UsageError(f"precision {self.precision!r} is not known", hint="Take float32 or bfloat16")

    def _check_resolutions(self) -> None:
        if not 0.0 < self.finish_resolution <= self.start_resolution < self.low_resolution:
            raise UsageError(
                f"resolutions {self.low_resolution:g}, {self.start_resolution:g} and {self.finish_resolution:g} Å "
                "do not go from coarse to fine",
                hint="Take for example 300 (low), 40 (start) and 8 Å (finish)",
            )
        if self.start_resolution < 2.0 * self.pixel_size * self.box / (self.box - 1):
            raise UsageError(
                f"the start resolution {self.start_resolution:g} Å is finer than Nyquist ({2 * self.pixel_size:g} Å)",
                hint="Start coarser, 40 Å is usual, or take images with smaller pixels",
            )

    @property
    def extent(self) -> float:
        """Side of the box, Å."""
        return self.box * self.pixel_size

    @property
    def finest_ring(self) -> int:
        """Number of the finest Fourier ring ever used: that of ``finish_resolution``, or the last before Nyquist."""
        return max(2, min(math.floor(self.extent / self.finish_resolution + 1e-6), (self.box - 1) // 2))

    @property
    def first_ring(self) -> int:
        """Number of the coarsest ring of the likelihood, at least 1."""
        return max(1, math.ceil(self.extent / self.low_resolution - 1e-6))


def suggested_classes(images: int) -> int:
    """Classes for a number of images: 300 to a class, cut to 5, 10, 20, 30, 40 or 50 (below, at least one)."""
    return next((count for count in (50, 40, 30, 20, 10, 5) if images // 300 >= count), max(1, min(5, images // 20)))


def _within(what: str, value: float, low: float, high: float, unit: str = "") -> None:
    if not low <= value <= high:
        raise UsageError(
            f"{what} {value:g}{unit} is outside {low:g}..{high:g}{unit}", hint="Take a value within this range"
        )
