"""Works through a real SLURM of two virtual nodes on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # workers find pool_work by its name

import pool_work
from pool_results import Results, alive, read_pid, wait_until

from vitreous.core.errors import ResourceError
from vitreous.formats.tiff_write import TiffStackWriter
from vitreous.project.project import Project
from vitreous.workflow.executors.dask_executor import DaskExecutor
from vitreous.workflow.profile import SlurmProfile

pytestmark = [pytest.mark.external, pytest.mark.slow, pytest.mark.timeout(900)]
SCRIPT = Path(__file__).resolve().parents[2].parent / "shared" / "tools" / "slurm-ci.sh"
SETUP = (f"export PYTHONPATH={Path(__file__).parent}",)


@pytest.fixture(scope="module")
def slurm() -> Iterator[None]:
    """Two nodes of one core and one pretended GPU each."""
    if not SCRIPT.is_file():
        pytest.skip("the script that starts a SLURM is absent")
    if os.geteuid() != 0:
        pytest.skip("only root may start a SLURM")
    if shutil.which("slurmctld") is None and shutil.which("apt-get") is None:
        pytest.skip("there is no SLURM, and no apt-get to install it")
    started = subprocess.run([SCRIPT, "up"], capture_output=True, text=True, timeout=800)
    try:
        if started.returncode != 0 or "idle" not in started.stdout:
            pytest.skip(f"SLURM can't be started: {(started.stdout + started.stderr)[-300:]}")
        yield
    finally:
        subprocess.run([SCRIPT, "down"], capture_output=True, timeout=60)


def profile(**fields: object) -> SlurmProfile:
    values = {"kind": "slurm", "memory": "900MB", "host": "127.0.0.1", "setup": SETUP, "walltime": "10"} | fields
    return SlurmProfile.model_validate(values)


@pytest.mark.usefixtures("slurm")
def test_works_run_on_two_nodes_and_survive_a_cancelled_job(tmp_path: Path) -> None:
    results = Results()
    start = time.monotonic()
    pool = DaskExecutor(profile(workers=2, directives=("--gres=gpu:1",)), results.report, tmp_path / "logs")
    try:
        pool.wait_for_worker(60.0)
        print(f"first worker after {time.monotonic() - start:.1f} s")
        wait_until(lambda: pool.capacity()["cpu"] == 4, 60.0)
        print(f"both workers after {time.monotonic() - start:.1f} s")
        keys = [f"work {number}" for number in range(20)]
        for key in keys:
            results.submit(pool, pool_work.nap, key, tmp_path)
        time.sleep(0.5)
        first = subprocess.run(["squeue", "-h", "-o", "%i"], capture_output=True, text=True).stdout.split()[0]
        subprocess.run(["scancel", first], check=True)
        assert results.wait(*keys, timeout=60.0) == keys
        wait_until(lambda: pool.capacity()["cpu"] == 4, 60.0)
        print(f"the cancelled job was replaced after {time.monotonic() - start:.1f} s")
        results.submit(pool, pool_work.deaf, "deaf", tmp_path)
        worker = read_pid(tmp_path / "deaf.pid")
    finally:
        pool.close()
    wait_until(lambda: not alive(worker), 10.0)
    wait_until(lambda: not subprocess.run(["squeue", "-h"], capture_output=True).stdout, 20.0)


@pytest.mark.usefixtures("slurm")
def test_a_gpu_worker_gets_its_gpu(tmp_path: Path) -> None:
    results = Results()
    pool = DaskExecutor(profile(workers=0, gpu_workers=1), results.report, tmp_path / "logs")
    try:
        pool.wait_for_worker(60.0)
        results.submit(pool, pool_work.environment, "gpu", tmp_path, "gpu")
        assert results.wait("gpu") == ["1|0"]
    finally:
        pool.close()


@pytest.mark.usefixtures("slurm")
def test_slurm_says_why_it_refuses(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="invalid partition"):
        DaskExecutor(profile(queue="lond"), Results().report, tmp_path / "logs")


@pytest.mark.usefixtures("slurm")
def test_jobs_end_when_the_engine_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "engine.py"
    script.write_text(ENGINE.format(tests=str(Path(__file__).parent), folder=str(tmp_path)))
    with (tmp_path / "said").open("w") as said:
        engine = subprocess.Popen([sys.executable, str(script)], stdout=said, stderr=said)
        left = [read_pid(tmp_path / "deaf.pid"), read_pid(tmp_path / "program.pid")]
        engine.kill()
        engine.wait()
    print(f"the last process ended {wait_until(lambda: not any(map(alive, left)), 15.0):.1f} s after the engine")


ENGINE = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import pool_work
from pool_results import Results
from test_slurm import profile
from vitreous.formats.tiff_write import TiffStackWriter
from vitreous.project.project import Project
from vitreous.workflow.executors.dask_executor import DaskExecutor
folder, results = Path({folder!r}), Results()
pool = DaskExecutor(profile(workers=2), results.report, folder / "logs")
results.submit(pool, pool_work.deaf, "deaf", folder)
results.submit(pool, pool_work.program, "program", folder)
results.wait("deaf", timeout=200)
"""


@pytest.mark.usefixtures("slurm")
def test_a_session_runs_by_the_drift_template_on_the_cluster(tmp_path: Path, maker: ModuleType) -> None:
    camera = tmp_path / "camera"
    for number in range(4):
        movie = maker.make_movie(maker.drift(), shape=(256, 256), n=6, seed=number)
        with TiffStackWriter(camera / f"movie_{number}.tif", (256, 256), np.uint8, pixel_size=1.3) as writer:
            for frame in movie:
                writer.append(frame.astype(np.uint8))
    settings = {"pixel_size": 1.3, "voltage": 300.0, "spherical_aberration": 2.7, "dose_per_frame": 1.3}
    project = Project.create(tmp_path / "session", "drift", settings)
    text = '[slurm]\nkind = "slurm"\nworkers = 2\nmemory = "1GB"\nhost = "127.0.0.1"\nwalltime = "10"\n'
    (project.folder / "profiles.toml").write_text(text)
    project.run_template("drift", import__sources=[str(camera)], import__settle_delay=0.5)
    project.run(profile="slurm")
    motion = next(job for job in project.jobs() if job.view().type == "motion")
    assert dict(motion.view().counts) == {"done": 4}, project.why()
    assert set(project.table()["n_frames"]) == {6}
    wait_until(lambda: not subprocess.run(["squeue", "-h"], capture_output=True).stdout, 20.0)
