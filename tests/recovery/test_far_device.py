"""Jobs on a device whose memory the CPU can't reach give what they give on the CPU: nothing is left behind there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from far_device import FarDevice, is_far
from vitreous.core.optics import Ctf, Microscope
from vitreous.formats.images import open_images
from vitreous.formats.micrograph_star import MicrographRow, write_micrograph_star
from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.particle_parquet import read_particle_parquet
from vitreous.formats.particle_star import read_particle_star
from vitreous.jobs import classify2d, ctf, extract, motion, pick, simulate
from vitreous.project.batch import finish_batch, run_batch
from vitreous.workflow.job_type import JobType, Result

MODEL = Path(__file__).parents[2] / "examples" / "5me2.pdb"
PIXEL = 1.3


@pytest.fixture(autouse=True)
def _there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda mode, warn_only: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated movie of an assembly of haemoglobin."""
    made = tmp_path_factory.mktemp("far")
    params = simulate.JOB.params(
        movies=1, size=768, frames=8, symmetry="O", radius=60.0, pixel_size=PIXEL, dose_per_frame=5.0
    )
    (result,) = run_batch(simulate.JOB, params, [MODEL], made / "simulated")
    assert "error" not in result
    return made


def both(job: JobType, folder: Path, paths: list[Path], **params: Any) -> tuple[list[Result], list[Result]]:
    """Results on the CPU, and on the device that is not there."""
    found = []
    for device in ("cpu", "cuda"):
        chosen, out = job.params(device=device, **params), folder / job.name / device
        if device == "cpu":
            found.append(ran(job, chosen, paths, out))
        else:
            with FarDevice() as far:
                found.append(ran(job, chosen, paths, out))
            assert far.count > 100, "nothing was computed there"
    return found[0], found[1]


def ran(job: JobType, params: Any, paths: list[Path], out: Path) -> list[Result]:
    run: Callable[..., Result] = job.start(params)
    out.mkdir(parents=True)
    results = [{"input": str(path), **run(path, out, lambda fraction, what: None)} for path in paths]
    if job.finish is not None:
        finish_batch(job, params, results, out)
    return results


def image(path: str) -> np.ndarray:
    with open_images(path) as file:
        return np.stack([np.asarray(frame, np.float32) for frame in file.frames()])


def correlation(one: str, two: str) -> float:
    return float(np.corrcoef(image(one).ravel(), image(two).ravel())[0, 1])


def test_what_a_gpu_would_refuse_is_refused() -> None:
    with FarDevice():
        near, far = torch.ones(3), torch.ones(3, device="cuda")
        assert is_far(far * 2.0 + torch.tensor(1.0))
        assert is_far(near.to("cuda"))
        assert not is_far(far.cpu())
        assert torch.arange(2, device=far.device).is_cuda
        with pytest.raises(RuntimeError, match="same device"):
            far + near
        with pytest.raises(RuntimeError, match="indices should be on the CPU"):
            near[torch.zeros(2, dtype=torch.int64, device="cuda")]
        with pytest.raises(TypeError, match="to numpy"):
            far.numpy()
        with pytest.raises(RuntimeError, match="generator"):
            torch.randn(2, generator=torch.Generator(), device="cuda")


def test_motion_correction(folder: Path) -> None:
    movie = next((folder / "simulated").glob("*_0001.tif"))
    for kind, patches in (("whole", (1, 1)), ("local", (2, 2))):
        cpu, far = both(motion.JOB, folder / kind, [movie], pixel_size=PIXEL, voltage=300.0, patches=patches)
        assert far[0]["drift_total"] == pytest.approx(cpu[0]["drift_total"], rel=1e-3)
        for name in ("sum", "sum_dw", "odd", "even"):
            assert correlation(cpu[0]["outputs"][name], far[0]["outputs"][name]) > 0.999


@pytest.fixture(scope="module")
def micrograph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Particles in rows, dark on a level with a gradient, with their CTF in a table beside it."""
    folder = tmp_path_factory.mktemp("micrograph")
    y, x = np.mgrid[:700, :720]
    image = np.random.default_rng(5).normal(60.0, 4.0, (700, 720)) + 0.01 * x
    for row in range(6):
        for column in range(6):
            image -= 4.0 * (np.hypot((x - 90 - 108 * column) / 1.3, y - 90 - 104 * row) < 15)
    path = Path(write_mrc(folder / "a.mrc", image.astype(np.float32), pixel_size=4.0))
    row = MicrographRow("a", path, 4.0, Microscope(300.0, 2.7, 0.1), Ctf(20000.0, 19500.0, 30.0), "opticsGroup1")
    write_micrograph_star(folder / "micrographs.star", [row])
    y, x = np.mgrid[:48, :48] - 24
    disc = (np.hypot(x / 1.3, y) < 15).astype(np.float32)
    write_mrc(folder / "averages.mrcs", np.stack([disc, disc.T]), pixel_size=4.0, is_stack=True)
    return path


def test_ctf_estimation(folder: Path, tmp_path: Path) -> None:
    movie = next((folder / "simulated").glob("*_0001.tif"))
    given: dict[str, Any] = {"pixel_size": PIXEL, "voltage": 300.0, "box": 256}
    for kind, further in (("image", {}), ("plate", {"find_phase_shift": True}), ("tilt", {"find_tilt": True})):
        cpu, far = both(ctf.JOB, tmp_path / kind, [movie], spherical_aberration=2.7, **given, **further)
        for name in ("defocus_u", "defocus_v"):
            assert far[0][name] == pytest.approx(cpu[0][name], rel=1e-3)


@pytest.mark.parametrize("method", ["blob", "log", "template"])
def test_picking(micrograph: Path, tmp_path: Path, method: str) -> None:
    params: dict[str, Any] = {
        "diameter": 140.0,
        "method": method,
        "micrographs": micrograph.parent / "micrographs.star",
    }
    if method == "template":
        params["templates"] = micrograph.parent / "averages.mrcs"
    cpu, far = both(pick.JOB, tmp_path, [micrograph], **params)
    assert cpu[0]["picks_found"] == far[0]["picks_found"] >= 30
    one, two = (read_particle_parquet(Path(found[0]["outputs"]["picks"])) for found in (cpu, far))
    assert two["pick_score"] == pytest.approx(one["pick_score"], rel=1e-3)


def test_picking_by_projections_of_a_map(micrograph: Path, tmp_path: Path) -> None:
    z, y, x = np.mgrid[:32, :32, :32] - 16
    write_mrc(tmp_path / "map.mrc", (np.hypot(np.hypot(x / 1.3, y), z) < 14).astype(np.float32), pixel_size=4.0)
    cpu, far = both(
        pick.JOB, tmp_path, [micrograph], diameter=140.0, method="template", templates=tmp_path / "map.mrc",
        direction_step=60.0, texture=True, avoid_high_variance=True, background="mean", min_distance=90.0,
    )  # fmt: skip
    assert cpu[0]["picks_found"] == far[0]["picks_found"]


def test_extraction_and_classification(micrograph: Path, tmp_path: Path) -> None:
    found = ran(pick.JOB, pick.JOB.params(diameter=140.0), [micrograph], tmp_path / "picks")
    params = {
        "micrographs": micrograph.parent / "micrographs.star",
        "picks": Path(found[0]["outputs"]["star"]),
        "box": 64,
        "pixel_size": 8.0,
        "phase_flip": True,
        "subpixel": "shift",
    }
    cpu, far = both(extract.JOB, tmp_path, [micrograph], **params)
    assert cpu[0]["particles_extracted"] == far[0]["particles_extracted"] >= 30
    one, two = (tmp_path / "extract" / device / "particles.mrcs" for device in ("cpu", "cuda"))
    assert correlation(str(one), str(two)) > 0.9999
    table = tmp_path / "extract" / "cpu" / "particles.star"
    assert len(read_particle_star(table)) >= 30
    for kind, further in (
        ("new", {"classes": 2}),
        ("references", {"references": micrograph.parent / "small.mrcs"}),
        ("batches", {"classes": 2, "percent": 50.0, "auto_percent": False, "exclude_blank_edges": True}),
    ):
        if kind == "references":
            write_mrc(micrograph.parent / "small.mrcs", image(str(one))[:3], pixel_size=8.0, is_stack=True)
        given = {"cycles": 3, "diameter": 140.0, "finish_resolution": 20.0, **further}
        cpu, far = both(classify2d.JOB, tmp_path / kind, [table], **given)
        averages = [str(found[0]["outputs"]["classes"]) for found in (cpu, far)]
        assert correlation(*averages) > 0.9999
