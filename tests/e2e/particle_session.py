"""A small session of single particles that was really computed: movies, picks, stacks and 2D classes."""

from __future__ import annotations

from pathlib import Path

from vitreous import Project
from vitreous.jobs.simulate import JOB as SIMULATE
from vitreous.project.batch import run_batch

MODEL = Path(__file__).parents[2] / "examples" / "5me2.pdb"
PIXEL = 3.0
DIAMETER = 180.0
IMPORT, MOTION, PICK, SELECT, EXTRACT, CLASSES = range(1, 7)
"""Numbers of the jobs."""


def make_session(folder: Path, *, movies: int = 3, classes: int = 3, upto: str = "classify2d") -> Path:
    """Cages of haemoglobin in simulated movies, picked, extracted and classified (or only picked); the project."""
    params = SIMULATE.params(
        movies=movies, size=512, frames=4, particles=16, symmetry="O", radius=60.0, pixel_size=PIXEL,
        dose_per_frame=5.0, defocus_min=15000.0, defocus_max=25000.0, local_motion=0.0, seed=3,
    )  # fmt: skip
    made = run_batch(SIMULATE, params, [MODEL], folder / "simulated")[0]["outputs"]
    camera = folder / "camera"
    camera.mkdir()
    for number in range(1, movies + 1):
        movie = Path(made[f"movie_{number}"])
        movie.rename(camera / movie.name)
    settings = {
        "pixel_size": PIXEL,
        "voltage": 300.0,
        "spherical_aberration": 2.7,
        "dose_per_frame": 5.0,
        "gain": Path(made["gain"]),
        "diameter": DIAMETER,
    }
    with Project.create(folder / "p", "single-particle", settings, title="Cages") as project:
        project.add("import", sources=[str(camera)], settle_delay=0.0)
        project.add("motion", patches=[1, 1])
        project.add("pick")
        project.add("select-picks")
        if upto == "classify2d":
            project.add("extract", edge="pad", pixel_size=6.0)
            project.add("classify2d", ctf=False, classes=classes, cycles=6)
        project.run(until="done", workers=0)
        project.act("close_source", job=IMPORT)  # all has come: the classes are made of fewer images than a batch
        project.run(until="done", workers=0)
    return folder / "p"
