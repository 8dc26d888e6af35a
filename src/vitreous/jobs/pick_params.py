"""What may be chosen of picking."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from vitreous.workflow.job_type import Params, parameter

_SIZE, _FIND, _WHICH, _AVOID, _TEMPLATES = "Particle", "Method", "Which to keep", "What to avoid", "Templates"
_OPTICS, _FILES = "Optics", "Files"


class PickParams(Params):
    """Options of picking."""

    diameter: float = parameter(
        None, help="diameter of the circle that holds a particle; other lengths follow from it", unit="Å", group=_SIZE,
        gt=0, le=20000, inherits=True, needed=True,
    )  # fmt: skip
    max_radius: float | None = parameter(
        None, help="particles reach to here; half of the diameter unless given", unit="Å", level="advanced",
        group=_SIZE, gt=0,
    )  # fmt: skip
    characteristic_radius: float | None = parameter(
        None, help="radius at which the soft disc has fallen to a half; two thirds of the largest unless given",
        unit="Å", group=_SIZE, gt=0,
    )  # fmt: skip
    min_distance: float | None = parameter(
        None, help="least distance of two particles' centres; three quarters of the diameter unless given", unit="Å",
        group=_SIZE, gt=0,
    )  # fmt: skip
    contrast: Literal["dark", "bright"] = parameter(
        "dark", help="whether particles are dark, as in micrographs at underfocus, or bright", group=_SIZE
    )

    method: Literal["blob", "log", "template"] = parameter(
        "blob", help="blob: soft discs; log: Laplacian of Gaussian; template: class averages or a map", group=_FIND
    )
    radii: tuple[float, ...] = parameter(
        (0.85, 1.0, 1.2), help="discs of these multiples of the characteristic radius are tried", level="advanced",
        group=_FIND,
    )  # fmt: skip
    texture: bool = parameter(
        True,
        help="count the power of a particle's own structure too, not only the disc: finds rings, sticks and shells",
        group=_FIND,
    )
    min_diameter: float | None = parameter(
        None, help="smallest diameter, for log; 0.7 of the diameter unless given", unit="Å", level="advanced",
        group=_FIND, gt=0,
    )  # fmt: skip
    max_diameter: float | None = parameter(
        None, help="greatest diameter, for log; the diameter unless given", unit="Å", level="advanced", group=_FIND,
        gt=0,
    )  # fmt: skip
    max_resolution: float | None = parameter(
        None,
        help="highest resolution used, on an image resampled to half of it. 20 Å unless given, 26 Å for templates",
        unit="Å",
        level="advanced",
        group=_FIND,
        ge=10,
    )
    background_boxes: int = parameter(
        50, help="particle-free tiles that tell the noise's spectrum", level="advanced", group=_FIND, ge=4, le=10000
    )
    background: Literal["lowest", "mean"] = parameter(
        "lowest", help="which tiles: of lowest variance, or of variance near the mean (synthetic data)",
        level="advanced", group=_FIND,
    )  # fmt: skip

    threshold: float = parameter(6.0, help="least score", unit="σ", group=_WHICH, ge=1, le=1000)
    max_score: float | None = parameter(None, help="greatest score", unit="σ", level="advanced", group=_WHICH)
    min_power: float | None = parameter(
        None, help="least local power; 1 is that of the background", level="advanced", group=_WHICH, ge=0
    )
    max_power: float | None = parameter(None, help="greatest local power", level="advanced", group=_WHICH, ge=0)
    reject_outliers: bool = parameter(
        True, help="leave out what has far more local power than the rest, where no greatest power is given",
        group=_WHICH,
    )  # fmt: skip
    floor: float | None = parameter(
        None,
        help="candidates down to this score are kept for other thresholds; two thirds of the threshold unless given",
        unit="σ",
        level="advanced",
        group=_WHICH,
        ge=0.5,
    )

    avoid_abnormal_mean: bool = parameter(
        True, help="avoid carbon, crystals and thick ice: areas of abnormal mean", group=_AVOID
    )
    avoid_high_variance: bool = parameter(False, help="avoid areas of abnormally high variance", group=_AVOID)
    avoid_crystals: bool = parameter(
        True, help="avoid lattice spots in the ice band (pixels of 1.56 Å or finer)", group=_AVOID
    )
    avoid_hot_spots: bool = parameter(True, help="avoid patches of hot pixels", level="advanced", group=_AVOID)
    edge_distance: float | None = parameter(
        None, help="least distance of centres from the edges; the particle's largest radius unless given", unit="px",
        group=_AVOID, ge=0,
    )  # fmt: skip

    templates: Path | None = parameter(
        None, help="class averages (MRC stack) or a map, for the method template", group=_TEMPLATES
    )
    template_pixel_size: float | None = parameter(
        None, help="pixel size of the templates; that of their header unless given", unit="Å", group=_TEMPLATES, gt=0
    )
    template_kind: Literal["auto", "averages", "map"] = parameter(
        "auto", help="what the file holds; by its header unless given", level="advanced", group=_TEMPLATES
    )
    template_contrast: Literal["bright", "dark"] = parameter(
        "bright", help="contrast of particles in the templates", level="advanced", group=_TEMPLATES
    )
    symmetry: str = parameter("C1", help="point group of the map: C<n>, D<n>, T, O, I", group=_TEMPLATES)
    direction_step: float = parameter(
        20.0, help="step between projections of a map", unit="degrees", level="advanced", group=_TEMPLATES, ge=3, le=90
    )
    psi_step: float = parameter(
        15.0, help="step of in-plane rotations", unit="degrees", level="advanced", group=_TEMPLATES, ge=2, le=360
    )

    pixel_size: float | None = parameter(
        None, help="pixel size of the micrographs", unit="Å", group=_OPTICS, gt=0.01, lt=1000, inherits=True
    )
    voltage: float | None = parameter(
        None, help="acceleration voltage", unit="kV", group=_OPTICS, ge=10, le=3000, inherits=True
    )
    spherical_aberration: float | None = parameter(
        None, help="spherical aberration", unit="mm", group=_OPTICS, ge=0, le=20, inherits=True
    )
    amplitude_contrast: float | None = parameter(
        None, help="amplitude contrast (0.07 unless known)", unit="fraction", group=_OPTICS, ge=0, le=1, inherits=True
    )
    defocus_u: float | None = parameter(
        None, help="larger defocus, underfocus positive", unit="Å", group=_OPTICS, inherits=True
    )
    defocus_v: float | None = parameter(
        None, help="smaller defocus; as the larger unless given", unit="Å", group=_OPTICS, inherits=True
    )
    astigmatism_angle: float | None = parameter(
        None, help="direction of the larger defocus, from +x, counter-clockwise", unit="degrees", level="advanced",
        group=_OPTICS, inherits=True,
    )  # fmt: skip
    phase_shift: float | None = parameter(
        None, help="phase shift of a phase plate", unit="degrees", level="advanced", group=_OPTICS, inherits=True
    )

    micrographs: Path | None = parameter(
        None, help="STAR file of micrographs with their CTF, found by name", level="advanced", group=_FILES
    )
    ctf_folder: Path | None = parameter(
        None, help="folder of NAME_ctf.json, as vitreous ctf writes them; the micrograph's own unless given",
        level="advanced", group=_FILES,
    )  # fmt: skip
    picture: bool = parameter(True, help="draw the picks on a small picture of the micrograph", group=_FILES)
    device: Literal["cpu", "cuda"] = parameter("cpu", help="where to compute", level="advanced", machine=True)

    @model_validator(mode="after")
    def _consistent(self) -> PickParams:
        if not self.radii or min(self.radii) <= 0.0:
            raise ValueError(f"radii {self.radii} are not positive: give multiples such as 0.85, 1, 1.2")
        if self.floor is not None and self.floor > self.threshold:
            raise ValueError(f"the floor of {self.floor:g} σ is above the threshold of {self.threshold:g} σ")
        if self.max_score is not None and self.max_score < self.threshold:
            raise ValueError(f"the greatest score {self.max_score:g} σ is below the threshold {self.threshold:g} σ")
        if self.method == "template" and self.templates is None:
            raise ValueError("the method template needs templates: a file of class averages or a map")
        return self

    @property
    def lowest(self) -> float:
        """Score from which candidates are kept."""
        return 2.0 / 3.0 * self.threshold if self.floor is None else self.floor
