"""Job type: simulate movies of a model, with the truth beside."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.core.optics import Ctf, Microscope
from vitreous.core.progress import Progress
from vitreous.formats.base import write_text
from vitreous.jobs import simulate_files as files
from vitreous.jobs.simulate_specimen import Specimen, load_specimen, parse_mixture
from vitreous.workflow.job_type import JobType, Params, Result, Runner, parameter

if TYPE_CHECKING:
    import torch

    from vitreous.algorithms.simulate.detector import Detector
    from vitreous.algorithms.simulate.motion import Motion

SUFFIXES = {"tiff": ".tif", "mrc": ".mrc", "eer": ".eer"}


class SimulateParams(Params):
    """What to simulate."""

    movies: int = parameter(1, help="movies to make", ge=1, le=100000, group="Session")
    seed: int = parameter(1, help="seed; the same seed gives the same files", ge=0, group="Session")
    format: Literal["tiff", "mrc", "eer"] = parameter("tiff", help="file format of the movies", group="Session")
    frames: int = parameter(30, help="frames in a movie", ge=1, le=2000, group="Session")
    size: int = parameter(2048, help="width of a frame", unit="px", ge=64, le=16384, group="Session")
    height: int | None = parameter(
        None, help="height of a frame (as the width unless given)", unit="px", ge=64, le=16384, group="Session"
    )

    symmetry: str = parameter(
        "C1", help="point group of an assembly of the model: C<n>, D<n>, T, O, I", group="Specimen"
    )
    radius: float = parameter(
        0.0, help="distance of the assembly's copies from its centre", unit="Å", ge=0, le=2000, group="Specimen"
    )
    mixture: str | None = parameter(
        None, help="further specimens or states: FILE[:CHAINS]=FRACTION, comma-separated", group="Specimen"
    )
    particles: int | None = parameter(None, help="particles in a movie (overrides the density)", ge=0, group="Specimen")
    density: float | None = parameter(
        None,
        help="particles per area (unless given, they cover a quarter)",
        unit="1/µm²",
        ge=0,
        le=1e6,
        group="Specimen",
    )
    ice_thickness: float = parameter(300.0, help="thickness of the ice", unit="Å", ge=0, le=5000, group="Specimen")
    contrast: float = parameter(
        1.0,
        help="factor on the specimen's contrast (1 is elastic theory)",
        ge=0,
        le=10,
        group="Specimen",
        level="advanced",
    )
    empty: bool = parameter(False, help="empty holes: neither ice nor particles", group="Specimen")
    carbon: float = parameter(
        0.0, help="carbon film over this part of the width", unit="fraction", ge=0, le=1, group="Specimen"
    )
    crystals: int = parameter(0, help="ice crystals in a movie", ge=0, le=200, group="Specimen")

    pixel_size: float = parameter(1.3, help="pixel size", unit="Å", ge=0.1, le=20, group="Optics")
    voltage: float = parameter(300.0, help="acceleration voltage", unit="kV", ge=80, le=400, group="Optics")
    spherical_aberration: float = parameter(2.7, help="spherical aberration", unit="mm", ge=0, le=20, group="Optics")
    amplitude_contrast: float = parameter(0.07, help="amplitude contrast", unit="fraction", ge=0, le=1, group="Optics")
    defocus_min: float = parameter(8000.0, help="smallest mean defocus", unit="Å", ge=-1e5, le=2e5, group="Optics")
    defocus_max: float = parameter(25000.0, help="largest mean defocus", unit="Å", ge=-1e5, le=2e5, group="Optics")
    defocus_difference: float = parameter(300.0, help="largest U - V", unit="Å", ge=0, le=20000, group="Optics")
    phase_shift: float = parameter(0.0, help="of a phase plate", unit="°", ge=0, le=180, group="Optics")
    b_factor: float = parameter(60.0, help="envelope exp(-B s²/4)", unit="Å²", ge=0, le=2000, group="Optics")

    dose_per_frame: float = parameter(1.3, help="exposure of a frame", unit="e/Å²", gt=0, le=200, group="Exposure")
    pre_exposure: float = parameter(0.0, help="exposure before the first frame", unit="e/Å²", ge=0, group="Exposure")
    damage: bool = parameter(True, help="radiation damage", group="Exposure")
    drift: float = parameter(10.0, help="length of the whole-frame drift", unit="Å", ge=0, le=500, group="Motion")
    jitter: float = parameter(0.1, help="jitter from frame to frame, per axis", unit="Å", ge=0, le=50, group="Motion")
    local_motion: float = parameter(3.0, help="largest local displacement", unit="Å", ge=0, le=100, group="Motion")

    gain_scatter: float = parameter(0.03, help="scatter of the gain", unit="fraction", ge=0, le=0.3, group="Detector")
    dead_columns: int = parameter(1, help="dead columns", ge=0, group="Detector")
    dead_pixels: int = parameter(20, help="dead pixels", ge=0, group="Detector")
    hot_pixels: int = parameter(10, help="hot pixels, not in the gain reference", ge=0, group="Detector")
    mtf_nyquist: float = parameter(
        1.0, help="transfer of the detector at Nyquist (Gaussian)", unit="fraction", gt=0, le=1, group="Detector"
    )

    @property
    def shape(self) -> tuple[int, int]:
        """``(ny, nx)`` of a frame."""
        return (self.height or self.size, self.size)

    @property
    def microscope_settings(self) -> dict[str, float]:
        """The settings under their acquisition names."""
        names = (
            "pixel_size",
            "voltage",
            "spherical_aberration",
            "amplitude_contrast",
            "dose_per_frame",
            "pre_exposure",
        )
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Scene:
    """Everything that is random about one movie."""

    ctf: Ctf
    positions: torch.Tensor
    angles: torch.Tensor
    kinds: torch.Tensor
    motion: Motion
    canvas: tuple[int, int]


def _start(params: SimulateParams) -> Runner:
    if params.defocus_max < params.defocus_min:
        raise UsageError(
            f"defocus range {params.defocus_min:g} to {params.defocus_max:g} Å is empty", hint="Swap the two values"
        )
    return lambda path, out, progress: _simulate(path, out, progress, params)


def _simulate(path: Path, out: Path, progress: Progress, params: SimulateParams) -> Result:
    from vitreous.algorithms.geometry.project import slice_source
    from vitreous.formats.mrc_write import write_mrc

    progress(0.0, "rendering the specimen")
    mixture = [part for part in parse_mixture(path, params.mixture) if part[2] > 0.0]
    specimens = [
        load_specimen(*part, symmetry=params.symmetry, radius=params.radius, pixel_size=params.pixel_size)
        for part in mixture
    ]
    sources = [slice_source(specimen.potential, specimen.pixel_size) for specimen in specimens]
    out.mkdir(parents=True, exist_ok=True)
    stem = path.name.split(".")[0]
    outputs: dict[str, str] = {}
    for number, specimen in enumerate(specimens, start=1):
        name = "specimen" if number == 1 else f"specimen_{number}"
        target = out / f"{stem}_{name}.mrc"
        outputs[name] = str(write_mrc(target, specimen.potential.numpy(), pixel_size=specimen.pixel_size))
    detector = _write_detector(params, out, outputs)
    write_text(out / "acquisition.toml", files.settings_text(params.microscope_settings))
    outputs["settings"] = str(out / "acquisition.toml")
    counts, doses = 0, []
    for number in range(1, params.movies + 1):
        part = (lambda n: lambda f, what: progress((n - 1 + f) / params.movies, what))(number)
        name = f"{stem}_{number:04d}"
        scene, dose = _movie(params, specimens, sources, detector, out, name, number, part)
        counts += len(scene.positions)
        doses.append(dose)
        movie = out / f"{name}{SUFFIXES[params.format]}"
        outputs[f"movie_{number}"] = str(movie)
        outputs[f"truth_{number}"] = str(out / f"{name}_truth.json")
        outputs[f"particles_{number}"] = str(out / f"{name}_particles.star")
    progress(1.0, "done")
    return {
        "input": str(path),
        "outputs": outputs,
        "movies": params.movies,
        "particles": counts,
        "total_dose": params.dose_per_frame * params.frames,
        "counted_dose": float(np.mean(doses)),
        "seed": params.seed,
    }


def _write_detector(params: SimulateParams, out: Path, outputs: dict[str, str]) -> Detector:
    from vitreous.algorithms.simulate.detector import make_detector
    from vitreous.algorithms.simulate.noise import generator_for
    from vitreous.formats.mrc_write import write_mrc

    detector = make_detector(
        params.shape,
        gain_scatter=params.gain_scatter,
        dead_columns=params.dead_columns,
        dead_pixels=params.dead_pixels,
        hot_pixels=params.hot_pixels,
        hot_counts=60,
        generator=generator_for(params.seed, "detector"),
    )
    outputs["gain"] = str(write_mrc(out / "gain.mrc", detector.gain.numpy(), pixel_size=params.pixel_size))
    write_text(out / "defects.txt", files.defects_text(params.shape, detector.dead_columns, detector.dead_pixels))
    outputs["defects"] = str(out / "defects.txt")
    return detector


def draw_scene(params: SimulateParams, specimens: list[Specimen], number: int) -> Scene:
    """Draw what is random about movie ``number`` (from 1)."""
    import torch

    from vitreous.algorithms.geometry.rotations import random_euler_angles
    from vitreous.algorithms.simulate.motion import random_motion
    from vitreous.algorithms.simulate.movie import canvas_shape
    from vitreous.algorithms.simulate.noise import generator_for
    from vitreous.algorithms.simulate.placement import random_positions

    seed = params.seed * 1_000_003 + number
    u = torch.rand(3, generator=generator_for(seed, "ctf"), dtype=torch.float64).tolist()
    defocus = params.defocus_min + (params.defocus_max - params.defocus_min) * u[0]
    half = 0.5 * params.defocus_difference * u[1]
    ctf = Ctf(defocus + half, defocus - half, 180.0 * u[2], params.phase_shift, params.b_factor)
    ny, nx = params.shape
    area = ny * nx * params.pixel_size**2 / 1e8
    largest = max(specimen.radius for specimen in specimens)
    density = params.density if params.density is not None else 0.25e8 / (math.pi * largest**2)
    count = round(density * area) if params.particles is None else params.particles
    count = 0 if params.empty else count
    random = generator_for(seed, "particles")
    distance = 2.0 * largest / params.pixel_size
    positions = random_positions(count, params.shape, distance, 0.5 * distance, random)
    fractions = torch.tensor([specimen.fraction for specimen in specimens], dtype=torch.float64)
    kinds = torch.multinomial(fractions, count, replacement=True, generator=random) if count else torch.zeros(0).long()
    exposures = (torch.arange(params.frames, dtype=torch.float64) + 0.5) * params.dose_per_frame
    motion = random_motion(
        exposures,
        params.shape,
        drift=params.drift,
        jitter=params.jitter,
        local=params.local_motion,
        generator=generator_for(seed, "motion"),
    )
    reach = float(motion.drift.abs().max()) + params.local_motion
    canvas = canvas_shape(params.shape, reach / params.pixel_size)
    return Scene(ctf, positions, random_euler_angles(count, random), kinds, motion, canvas)


def phase_spectrum(
    params: SimulateParams, scene: Scene, specimens: list[Specimen], sources: list[Any], seed: int
) -> torch.Tensor:
    """Transform of the specimen's phase shift (rad) on the canvas: particles, carbon, crystals."""
    import torch

    from vitreous.algorithms.simulate.features import carbon_edge, ice_crystals
    from vitreous.algorithms.simulate.micrograph import add_particles
    from vitreous.algorithms.simulate.noise import generator_for
    from vitreous.algorithms.simulate.potential import interaction_parameter

    (ny, nx), (cy, cx) = params.shape, scene.canvas
    corner = torch.tensor([cx // 2 - nx // 2, cy // 2 - ny // 2])
    field = torch.zeros(scene.canvas)
    for index, (specimen, source) in enumerate(zip(specimens, sources, strict=True)):
        chosen = scene.kinds == index
        box = 2 * round(0.5 * specimen.potential.shape[0] * specimen.pixel_size / params.pixel_size)
        where = scene.positions[chosen] + corner
        field = add_particles(field, source, where, scene.angles[chosen], box, params.pixel_size)
    if params.carbon:
        random = generator_for(seed, "carbon")
        field = field + carbon_edge(scene.canvas, params.pixel_size, params.carbon, 150.0, random)
    if params.crystals:
        field = field + ice_crystals(
            scene.canvas, params.pixel_size, params.crystals, 60.0, generator_for(seed, "crystals")
        )
    return torch.fft.rfft2(field * (params.contrast * interaction_parameter(params.voltage)))


def _movie(
    params: SimulateParams,
    specimens: list[Specimen],
    sources: list[Any],
    detector: Detector,
    out: Path,
    name: str,
    number: int,
    progress: Progress,
) -> tuple[Scene, float]:
    from vitreous.algorithms.ctf.model import ctf_image
    from vitreous.algorithms.fourier.grids import frequency_squared
    from vitreous.algorithms.simulate.detector import count_electrons
    from vitreous.algorithms.simulate.movie import Exposure, contrast_frames
    from vitreous.algorithms.simulate.noise import generator_for

    seed = params.seed * 1_000_003 + number
    scene = draw_scene(params, specimens, number)
    spectrum = phase_spectrum(params, scene, specimens, sources, seed)
    microscope = Microscope(params.voltage, params.spherical_aberration, params.amplitude_contrast)
    transfer = ctf_image(scene.canvas, params.pixel_size, microscope, scene.ctf)
    if params.mtf_nyquist < 1.0:
        transfer = transfer * (4.0 * math.log(params.mtf_nyquist) * frequency_squared(scene.canvas)).exp()
    doses = (params.dose_per_frame,) * params.frames
    thickness = 0.0 if params.empty else params.ice_thickness
    exposure = Exposure(doses, params.pre_exposure, params.voltage, params.damage, thickness)
    per_pixel = params.dose_per_frame * params.pixel_size**2
    counted: list[float] = []

    def counts() -> Any:
        random = generator_for(seed, "counts")
        images = contrast_frames(
            spectrum, transfer, scene.canvas, params.pixel_size, exposure, scene.motion, generator_for(seed, "ice")
        )
        good = detector.gain > 0
        for x, y in detector.hot_pixels:
            good[y, x] = False
        for index, contrast in enumerate(images):
            progress(index / params.frames, f"{name}: frame {index + 1} of {params.frames}")
            frame = count_electrons((per_pixel * (1.0 + contrast)).clamp_min(0.0), detector, random)
            counted.append(float((frame * detector.gain)[good].mean()) / params.pixel_size**2)
            yield frame.numpy()

    movie = out / f"{name}{SUFFIXES[params.format]}"
    files.write_movie(
        movie,
        counts(),
        shape=params.shape,
        n_frames=params.frames,
        pixel_size=params.pixel_size,
        mean_counts=per_pixel,
        total_dose=params.dose_per_frame * params.frames,
        seed=seed,
    )
    _write_truth(params, scene, specimens, detector, movie, number, sum(counted))
    return scene, sum(counted)


def _write_truth(
    params: SimulateParams,
    scene: Scene,
    specimens: list[Specimen],
    detector: Detector,
    movie: Path,
    number: int,
    counted: float,
) -> None:
    stem, out = movie.stem, movie.parent
    text = files.mdoc_text(
        movie.name,
        pixel_size=params.pixel_size,
        voltage=params.voltage,
        dose=params.dose_per_frame,
        frames=params.frames,
        defocus=scene.ctf.defocus,
    )
    write_text(out / f"{movie.name}.mdoc", text)
    positions, angles, kinds = scene.positions.numpy(), scene.angles.numpy(), scene.kinds.numpy()
    files.write_particles(
        out / f"{stem}_particles.star", movie.name, positions, angles, kinds, scene.ctf, params.microscope_settings
    )
    x, y, shift = scene.motion.grid()
    particle_rows = [
        {"x": px, "y": py, "rot": a, "tilt": b, "psi": c, "specimen": int(kind)}
        for (px, py), (a, b, c), kind in zip(positions.tolist(), angles.tolist(), kinds.tolist(), strict=True)
    ]
    truth = {
        "movie": movie.name,
        "number": number,
        "settings": params.model_dump(mode="json"),
        "ctf": asdict(scene.ctf),
        "drift": scene.motion.drift.tolist(),
        "trajectory": {"x": x.tolist(), "y": y.tolist(), "shift": shift.tolist()},
        "counted_dose": counted,
        "specimens": [{"path": str(s.path), "fraction": s.fraction, "radius": s.radius} for s in specimens],
        "hot_pixels": list(detector.hot_pixels),
        "dead_pixels": list(detector.dead_pixels),
        "dead_columns": list(detector.dead_columns),
        "particles": particle_rows,
    }
    files.write_json(out / f"{stem}_truth.json", truth)


JOB = JobType(
    name="simulate",
    title="Simulate movies",
    summary="Simulate counted movies of a model in ice, with drift, damage, CTF and detector, and write the truth.",
    params=SimulateParams,
    start=_start,
    items="MODEL",
    example="vitreous simulate examples/5me2.pdb --symmetry O --radius 60 --movies 3 --size 2048 --out movies",
    columns={
        "movies": ("movies", "d"),
        "particles": ("particles", "d"),
        "total_dose": ("dose / e/Å²", ".1f"),
        "counted_dose": ("counted / e/Å²", ".1f"),
    },
    citations=(
        "Kirkland 2010, Advanced Computing in Electron Microscopy (potential, interaction parameter)",
        "Fraser, MacRae & Suzuki 1978, J. Appl. Cryst. 11:693 (displaced solvent)",
        "Grant & Grigorieff 2015, eLife 4:e06980 (radiation damage)",
        "McMullan, Vinothkumar & Henderson 2015, Ultramicroscopy 158:26 (ice under the beam)",
    ),
    category="Simulate",
    order=90,
)
