"""What the engine costs, in a small version of ``benchmarks/engine.py`` with bounds that hold on a busy machine."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from vitreous.project import job_types

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "engine.py"


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The benchmark with its job types installed."""
    spec = importlib.util.spec_from_file_location("engine_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before = (list(sys.path), os.environ.get("PYTHONPATH"))
    module.install(tmp_path_factory.mktemp("plugin"))
    yield module
    sys.path[:] = before[0]
    if before[1] is None:
        os.environ.pop("PYTHONPATH")
    else:
        os.environ["PYTHONPATH"] = before[1]
    job_types.declared.cache_clear()


def test_a_task_that_does_nothing_costs_milliseconds_and_no_memory(benchmark: ModuleType, tmp_path: Path) -> None:
    found = benchmark.measure_tasks(tmp_path / "p", 600, workers=0)
    assert found["engine_cpu_ms_per_task"] < 10  # with the task itself, in this process
    assert found["memory_at_the_end_mb"] - found["memory_at_a_third_mb"] < 20


def test_a_project_opens_and_takes_an_arrival_at_once_however_much_waits(benchmark: ModuleType, tmp_path: Path) -> None:
    found = benchmark.measure_big(tmp_path / "p", 3000)
    assert found["tasks"] == {"done": 3000, "ready": 9000}
    assert found["open_and_jobs_table_s"] < 1
    assert found["arrival_planned_ms"] < 50
    changed = benchmark.measure_change(tmp_path / "p")
    assert changed["planned"] > 1000
    assert changed["first_task_after_s"] < 3
    assert changed["planned_ms_per_item"] < 5
