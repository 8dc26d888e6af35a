"""Pools of real worker processes: work done, workers that die, work that is stopped, an engine that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client

sys.path.insert(0, str(Path(__file__).parent))  # workers are started with this path and find pool_work by its name

import pool_work
from pool_results import Results, alive, read_pid, wait_until

from vitreous.core.errors import DataError, ResourceError, UsageError
from vitreous.core.progress import silent
from vitreous.workflow.executor import Lost, Work
from vitreous.workflow.executors.clusters import open_cluster
from vitreous.workflow.executors.dask_executor import DaskExecutor
from vitreous.workflow.executors.inline import InlineExecutor
from vitreous.workflow.executors.local import automatic_workers, gpu_ids
from vitreous.workflow.executors.progress import worker_progress
from vitreous.workflow.executors.worker_side import stop
from vitreous.workflow.profile import LocalProfile, SlurmProfile, SshProfile

RESULTS = Results()


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskExecutor]:
    """Two CPU workers, and one that stands for a GPU's."""
    profile = LocalProfile(workers=2, gpus=("7",), threads=3)
    pool = DaskExecutor(profile, RESULTS.report, tmp_path_factory.mktemp("pool") / "logs")
    yield pool
    pool.close()


def test_works_of_both_kinds_are_done_each_on_its_workers(pool: DaskExecutor, tmp_path: Path) -> None:
    assert pool.capacity() == {"cpu": 4, "gpu": 2}
    assert sorted(worker.kind for worker in pool.workers()) == ["cpu", "cpu", "gpu"]
    RESULTS.submit(pool, pool_work.environment, "on cpu", tmp_path)
    RESULTS.submit(pool, pool_work.environment, "on gpu", tmp_path, "gpu")
    assert RESULTS.wait("on cpu", "on gpu") == ["3|", "3|7"]


def test_each_submission_is_answered_once_and_in_its_own_name(pool: DaskExecutor, tmp_path: Path) -> None:
    keys = [f"one of many {number}" for number in range(60)]
    for key in keys:
        RESULTS.submit(pool, pool_work.echo, key, tmp_path)
    assert RESULTS.wait(*keys) == keys
    assert len([key for key in RESULTS.calls if key in keys]) == 60


def test_a_key_under_way_is_refused(pool: DaskExecutor, tmp_path: Path) -> None:
    RESULTS.submit(pool, pool_work.nap, "twice", tmp_path)
    with pytest.raises(UsageError, match="under way"):
        RESULTS.submit(pool, pool_work.nap, "twice", tmp_path)
    RESULTS.wait("twice")


def test_progress_comes_at_most_twice_a_second(pool: DaskExecutor, tmp_path: Path) -> None:
    RESULTS.submit(pool, pool_work.reports, "progress", tmp_path)
    RESULTS.wait("progress")
    lines = [line for line in RESULTS.lines if line[0] == "progress"]
    assert 2 <= len(lines) <= 3
    assert all(0.0 <= fraction <= 1.0 and what == "counting" for _, fraction, what in lines)


def test_work_whose_worker_died_is_done_by_the_next(pool: DaskExecutor, tmp_path: Path) -> None:
    RESULTS.submit(pool, pool_work.dies_once, "dies once", tmp_path)
    assert RESULTS.wait("dies once") == ["second try"]


def test_work_that_kills_three_workers_is_lost_and_takes_no_neighbour_along(pool: DaskExecutor, tmp_path: Path) -> None:
    keys = [f"neighbour {number}" for number in range(3)]
    RESULTS.submit(pool, pool_work.dies, "dies", tmp_path)
    for key in keys:
        RESULTS.submit(pool, pool_work.nap, key, tmp_path)
    assert "died 3 times" in RESULTS.wait("dies")[0]
    assert RESULTS.wait(*keys) == keys


def test_a_worker_killed_from_outside_costs_nothing(pool: DaskExecutor, tmp_path: Path) -> None:
    wait_until(lambda: len(pool.workers()) == 3)
    RESULTS.submit(pool, pool_work.program, "program of a killed worker", tmp_path)
    grandchild = read_pid(tmp_path / "program of a killed worker.pid")
    os.kill(_worker_of(grandchild), signal.SIGKILL)
    wait_until(lambda: not alive(grandchild))
    pool.cancel("program of a killed worker")
    RESULTS.wait("program of a killed worker")


def _worker_of(pid: int) -> int:
    """The worker process below which a process runs."""
    parent = pid
    for _ in range(3):
        command = Path(f"/proc/{parent}/cmdline").read_bytes()
        if b"spawn_main" in command:
            return parent
        parent = int(Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1])
    raise AssertionError("it has no worker above it")


def _nanny_of(pid: int) -> int:
    return int(Path(f"/proc/{_worker_of(pid)}/stat").read_text().rpartition(")")[2].split()[1])


def test_cancelled_work_stops_at_its_next_progress(pool: DaskExecutor, tmp_path: Path) -> None:
    RESULTS.submit(pool, pool_work.endless_progress, "endless", tmp_path)
    worker = read_pid(tmp_path / "endless.pid")
    start = time.monotonic()
    pool.cancel("endless")
    assert RESULTS.wait("endless") == ["lost: it was cancelled"]
    assert time.monotonic() - start < 1.0
    assert alive(worker)


def test_work_that_its_cancellation_overtook_never_begins(pool: DaskExecutor, tmp_path: Path) -> None:
    """Under way to its worker, or still being loaded there, when the worker is told to stop it."""
    pool._client.run(stop, f"overtaken#{pool._sent + 1}")
    RESULTS.submit(pool, pool_work.deaf, "overtaken", tmp_path)
    assert RESULTS.wait("overtaken") == ["lost: it was cancelled"]
    assert not (tmp_path / "overtaken.pid").exists()


def test_programs_of_cancelled_work_are_killed_with_all_their_children(pool: DaskExecutor, tmp_path: Path) -> None:
    RESULTS.submit(pool, pool_work.program, "program", tmp_path)
    grandchild = read_pid(tmp_path / "program.pid")
    pool.cancel("program")
    assert RESULTS.wait("program", timeout=4.0) == ["lost: it was cancelled"]
    assert not alive(grandchild)


def test_work_that_hears_nothing_is_stopped_with_its_worker(pool: DaskExecutor, tmp_path: Path) -> None:
    RESULTS.submit(pool, pool_work.deaf, "deaf", tmp_path)
    worker = read_pid(tmp_path / "deaf.pid")
    pool.cancel("deaf")
    assert RESULTS.wait("deaf", timeout=4.0) == ["lost: it was cancelled"]
    wait_until(lambda: not alive(worker), 2.0)
    wait_until(lambda: pool.capacity() == {"cpu": 4, "gpu": 2})


def test_a_fault_of_the_function_is_told_as_a_loss(pool: DaskExecutor, tmp_path: Path) -> None:
    RESULTS.submit(pool, pool_work.raises, "raises", tmp_path)
    assert RESULTS.wait("raises") == ["lost: the worker could not run it: ZeroDivisionError: a fault"]


def test_a_fault_of_the_engine_does_not_stop_the_pool(
    pool: DaskExecutor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(work: Work, outcome: object) -> None:
        raise ValueError("a fault of the engine")

    pool.submit(pool_work.echo, Work("faulty", str(tmp_path), "cpu", ()), fault)
    wait_until(lambda: "a fault of the engine" in caplog.text)
    RESULTS.submit(pool, pool_work.echo, "after the fault", tmp_path)
    assert RESULTS.wait("after the fault") == ["after the fault"]


ENGINE = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import pool_work
from pool_results import Results
from vitreous.workflow.executors.clusters import open_cluster
from vitreous.workflow.executors.dask_executor import DaskExecutor
from vitreous.workflow.profile import LocalProfile, SshProfile
if __name__ == "__main__":
    folder, results = Path({folder!r}), Results()
    pool = DaskExecutor({profile}, results.report, folder / "logs")
    results.submit(pool, pool_work.deaf, "deaf", folder)
    results.submit(pool, pool_work.program, "program", folder)
    results.wait("deaf", timeout=100)
"""


FAKE_SSH = """#!/bin/sh
while [ "$1" = "-o" ]; do shift 2; done
[ "$1" = nowhere ] && {{ echo "ssh: Could not resolve hostname nowhere" >&2; exit 255; }}
shift
exec /bin/sh -c "$1"
"""


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ssh that runs the remote command here."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "ssh"
    program.write_text(FAKE_SSH.format())
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


HERE = "LocalProfile(workers=2, gpus=0)"
ELSEWHERE = (
    "SshProfile(kind='ssh', hosts=('n1',), workers=2, host='127.0.0.1', setup=('export PYTHONPATH=' + {tests!r},))"
)


@pytest.mark.usefixtures("fake_ssh")
@pytest.mark.parametrize("profile", [HERE, ELSEWHERE], ids=["local", "ssh"])
def test_nothing_outlives_a_killed_engine_and_it_was_quiet(tmp_path: Path, profile: str) -> None:
    script = tmp_path / "engine.py"
    tests = str(Path(__file__).parent)
    script.write_text(ENGINE.format(tests=tests, folder=str(tmp_path), profile=profile.format(tests=tests)))
    with (tmp_path / "said").open("w") as said:
        engine = subprocess.Popen([sys.executable, str(script)], stdout=said, stderr=said)
        left = [read_pid(tmp_path / "deaf.pid"), read_pid(tmp_path / "program.pid")]
        quiet = (tmp_path / "said").read_text()  # python itself speaks of semaphores after the kill
        engine.kill()
        engine.wait()
    assert wait_until(lambda: not any(map(alive, left)), 6.0) < 6.0
    assert quiet == ""


def test_closing_gives_up_what_is_under_way(tmp_path: Path) -> None:
    results = Results()
    pool = DaskExecutor(LocalProfile(workers=1, gpus=0), results.report, tmp_path / "logs")
    results.submit(pool, pool_work.deaf, "deaf", tmp_path)
    results.submit(pool, pool_work.echo, "waits", tmp_path)
    worker = read_pid(tmp_path / "deaf.pid")
    start = time.monotonic()
    pool.close()
    assert time.monotonic() - start < 5.0
    assert all(text.startswith("lost: ") for text in results.wait("deaf", "waits"))
    assert sorted(results.calls) == ["deaf", "waits"]
    assert not alive(worker)
    with pytest.raises(UsageError, match="closed"):
        results.submit(pool, pool_work.echo, "late", tmp_path)


@pytest.mark.usefixtures("fake_ssh")
def test_a_worker_started_by_ssh_works_and_leaves(tmp_path: Path) -> None:
    results = Results()
    setup = (f"export PYTHONPATH={Path(__file__).parent}",)
    profile = SshProfile(kind="ssh", hosts=("node1",), host="127.0.0.1", setup=setup, scratch=tmp_path)
    pool = DaskExecutor(profile, results.report, tmp_path / "logs")
    try:
        pool.wait_for_worker(20.0)
        assert [worker.name for worker in pool.workers()] == ["node1-cpu-0"]
        results.submit(pool, pool_work.echo, "by ssh", tmp_path)
        assert results.wait("by ssh") == ["by ssh"]
        results.submit(pool, pool_work.deaf, "first", tmp_path)
        first = read_pid(tmp_path / "first.pid")
        os.kill(_nanny_of(first), signal.SIGKILL)
        pool.cancel("first")
        wait_until(lambda: not alive(first))  # what it left behind would take further work along
        results.submit(pool, pool_work.echo, "again", tmp_path)
        assert results.wait("again", timeout=120.0) == ["again"]
        results.submit(pool, pool_work.deaf, "deaf", tmp_path)
        worker = read_pid(tmp_path / "deaf.pid")
    finally:
        pool.close()
    wait_until(lambda: not alive(worker), 10.0)


@pytest.mark.usefixtures("fake_ssh")
def test_what_ssh_said_is_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="Could not resolve hostname nowhere"):
        DaskExecutor(SshProfile(kind="ssh", hosts=("nowhere",)), silent_report, tmp_path / "logs")


def test_why_a_queue_refused_a_job_is_in_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "sbatch"
    program.write_text("#!/bin/sh\necho 'sbatch: error: invalid partition specified: lond' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(ResourceError, match="sbatch refused the job: sbatch: error: invalid partition"):
        DaskExecutor(SlurmProfile(kind="slurm", queue="lond", host="127.0.0.1"), silent_report, tmp_path / "logs")


def test_a_machine_without_the_queue_system_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ResourceError, match="this machine has no sbatch"):
        DaskExecutor(SlurmProfile(kind="slurm", host="127.0.0.1"), silent_report, tmp_path / "logs")


def silent_report(key: str, fraction: float, what: str) -> None:
    """Nobody listens."""


def test_the_inline_pool_runs_at_once_and_can_be_stopped(tmp_path: Path) -> None:
    results = Results()

    def report(key: str, fraction: float, what: str) -> None:
        results.report(key, fraction, what)
        pool.cancel(key)

    pool = InlineExecutor(report)
    results.submit(pool, pool_work.echo, "now", tmp_path)
    assert results.outcomes["now"][0].identity == "now"  # type: ignore[index]
    results.submit(pool, pool_work.endless_progress, "stopped", tmp_path)
    assert results.outcomes["stopped"] == Lost("it was cancelled")
    assert results.lines == [("stopped", 0.5, "for ever")]


def test_the_inline_pool_lets_faults_through(tmp_path: Path) -> None:
    def run(work: Work) -> list:
        raise DataError("a fault", hint="none")

    with pytest.raises(DataError):
        Results().submit(InlineExecutor(silent_report), run, "fault", tmp_path)


def test_progress_outside_a_pool_is_told_to_nobody() -> None:
    assert worker_progress("alone") is silent


def test_gpus_are_those_that_are_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert gpu_ids("auto") == ["2", "3"]
    assert gpu_ids(1) == ["2"]
    assert gpu_ids((0, "GPU-5")) == ["0", "GPU-5"]
    assert gpu_ids(0) == []
    with pytest.raises(ResourceError, match="3 GPUs are asked for, but there are 2"):
        gpu_ids(3)


def test_automatic_workers_are_at_least_one() -> None:
    assert automatic_workers(10_000) == 1


@pytest.mark.usefixtures("fake_ssh")
def test_the_port_of_a_pool_on_other_machines_takes_only_who_has_its_keys(tmp_path: Path) -> None:
    cluster = open_cluster(SshProfile(kind="ssh", hosts=("node1",)), tmp_path)
    try:
        assert cluster.scheduler_address.startswith("tls://")
        keys = next(tmp_path.glob(".keys-*"))
        assert keys.stat().st_mode & 0o77 == 0
        with pytest.raises(OSError):  # noqa: PT011 - any of the ways in which a connection fails
            Client(cluster.scheduler_address.replace("tls://", "tcp://"), timeout=2, set_as_default=False)
    finally:
        cluster.close(timeout=10)
    assert not list(tmp_path.glob(".keys-*"))
