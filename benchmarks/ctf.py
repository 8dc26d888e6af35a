"""How well and how fast CTFs are found: simulated sums of known CTF, and two real micrographs of known defocus.

Each image is a sum of ice that forgets its structure as it is exposed, counted electron by electron: python
benchmarks/ctf.py --folder bench/ctf --number 12. Images are kept in the folder and made once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from vitreous.algorithms.ctf.model import ctf_image
from vitreous.algorithms.fourier.grids import frequency_squared
from vitreous.algorithms.simulate.ice import forgetting_rate, ice_frames, ice_power
from vitreous.algorithms.simulate.noise import generator_for
from vitreous.core.optics import Ctf, Microscope
from vitreous.core.progress import silent
from vitreous.formats.mrc_write import write_mrc
from vitreous.jobs.ctf import JOB, CtfParams
from vitreous.workflow.job_type import Runner

ROOT = Path(__file__).resolve().parents[1]
MICROSCOPE = Microscope(300.0, 2.7, 0.07)
SIDE = 2048
PIXEL_SIZE = 1.3
DOSE = 40.0
FRAMES = 10
ENVELOPE = 60.0
REAL = (("epu2.9_example.mrc", 0.66655, 27200.0), ("fei-extended.mrc", 0.85378, 10500.0))


@dataclass(frozen=True)
class Truth:
    """CTF and ice of one simulated image; Å and degrees."""

    defocus: float
    defocus_difference: float
    astigmatism_angle: float
    ice_thickness: float


def truths(number: int) -> list[Truth]:
    """Defoci evenly over 0.6-4.5 µm, difference up to 1000 Å, ice of 200-600 Å."""
    random = generator_for(7, "benchmark ctf")
    drawn = torch.rand(number, 4, generator=random, dtype=torch.float64).tolist()
    return [
        Truth(6000.0 + 39000.0 * (i + a) / number, 1000.0 * b, 180.0 * c, 200.0 + 400.0 * d)
        for i, (a, b, c, d) in enumerate(drawn)
    ]


def simulate(truth: Truth, seed: int) -> torch.Tensor:
    """Counts of a sum of frames without motion, ``[SIDE, SIDE]``."""
    shape = (SIDE, SIDE)
    half = 0.5 * truth.defocus_difference
    ctf = Ctf(truth.defocus + half, truth.defocus - half, truth.astigmatism_angle, 0.0, ENVELOPE)
    s2 = frequency_squared(shape, PIXEL_SIZE)
    power = ice_power(s2.sqrt(), truth.ice_thickness, MICROSCOPE.voltage) / PIXEL_SIZE**2
    transfer = -2.0 * ctf_image(shape, PIXEL_SIZE, MICROSCOPE, ctf) * power.sqrt()
    transfer[0, 0] = 0.0
    doses = (DOSE / FRAMES,) * FRAMES
    total = torch.zeros(s2.shape, dtype=torch.complex64)
    for frame in ice_frames(shape, forgetting_rate(s2.sqrt()), doses, generator_for(seed, "ice")):
        total += frame / FRAMES
    contrast = torch.fft.irfft2(total * transfer, s=shape)
    expected = DOSE * PIXEL_SIZE**2 * (1.0 + contrast).clamp_min(0.0)
    return torch.poisson(expected, generator=generator_for(seed, "counts"))


def made(folder: Path, number: int) -> list[tuple[Path, Truth]]:
    """Images and their truth; those that are there already are taken as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for i, truth in enumerate(truths(number)):
        path, record = folder / f"sum-{number}-{i:03d}.mrc", folder / f"sum-{number}-{i:03d}.json"
        if not (path.is_file() and record.is_file() and json.loads(record.read_text()) == asdict(truth)):
            write_mrc(path, simulate(truth, i).numpy(), pixel_size=PIXEL_SIZE)
            record.write_text(json.dumps(asdict(truth)))
        found.append((path, truth))
    return found


def measured(images: list[tuple[Path, Truth]], out: Path, device: str) -> dict[str, float]:
    """Errors in Å and seconds of one thread of the whole job, reading and pictures included."""
    options = CtfParams(
        pixel_size=PIXEL_SIZE, voltage=MICROSCOPE.voltage, spherical_aberration=2.7, amplitude_contrast=0.07,
        device=device,
    )  # fmt: skip
    runner = JOB.start(options)
    runner(images[0][0], out, silent)
    defocus, difference, cpu, wall, resolution = [], [], [], [], []
    for path, truth in images:
        before, clock = time.process_time(), time.perf_counter()
        got = runner(path, out, silent)
        cpu.append(time.process_time() - before)
        wall.append(time.perf_counter() - clock)
        defocus.append(abs(got["defocus"] - truth.defocus))
        difference.append(abs(got["defocus_difference"] - truth.defocus_difference))
        resolution.append(got["fit_resolution"] or float("inf"))
    return {
        "images": len(images),
        "defocus_error_median": round(statistics.median(defocus), 2),
        "defocus_error_worst": round(max(defocus), 2),
        "difference_error_median": round(statistics.median(difference), 2),
        "difference_error_worst": round(max(difference), 2),
        "fit_resolution_median": round(statistics.median(resolution), 2),
        "cpu_seconds_median": round(statistics.median(cpu), 4),
        "cpu_seconds_worst": round(max(cpu), 4),
        "wall_seconds_median": round(statistics.median(wall), 4),
    }


def real_micrographs(data: Path, out: Path) -> list[dict[str, float | str | None]]:
    """Defocus of the real micrographs beside what other programs found."""
    found: list[dict[str, float | str | None]] = []
    for name, pixel_size, known in REAL:
        path = data / "micrographs" / name
        if not path.is_file():
            print(f"{path} is not there: left out")
            continue
        runner: Runner = JOB.start(CtfParams(pixel_size=pixel_size, voltage=300.0, spherical_aberration=2.7))
        before = time.process_time()
        got = runner(path, out, silent)
        figures = {key: got[key] for key in ("defocus", "defocus_difference", "fit_resolution")}
        found.append({"name": name, "known_defocus": known, **figures, "cpu_seconds": time.process_time() - before})
    return found


def processor() -> str:
    """Name of the CPU."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> None:
    """Run the benchmark and write its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "bench" / "ctf", help="where simulated images are kept")
    parser.add_argument("--number", type=int, default=12, help="simulated images")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of real data")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder of the figures")
    given = parser.parse_args()
    torch.set_num_threads(1)
    images = made(given.folder, given.number)
    hardware = {"cpu": processor(), "cores": os.cpu_count(), "threads_used": 1, "torch": torch.__version__}
    if given.device == "cuda":
        hardware["gpu"] = torch.cuda.get_device_name()
    with tempfile.TemporaryDirectory() as aside:
        figures = measured(images, Path(aside), given.device)
        real = real_micrographs(given.data, Path(aside))
    for key, value in figures.items():
        print(f"{key:26s} {value:g}")
    for one in real:
        print("  ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{value}" for key, value in one.items()))
    name = str(hardware.get("gpu", hardware["cpu"]))
    target = given.out / f"ctf-{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    report = {"hardware": hardware, "image": [SIDE, SIDE], "pixel_size": PIXEL_SIZE, "simulated": figures, "real": real}
    target.write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {target}")


if __name__ == "__main__":
    main()
