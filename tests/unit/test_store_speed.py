"""A small copy of the benchmark: questions stay far below what a full session may take, even on a busy machine."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def benchmark_module(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("store_benchmark", BENCHMARKS / "store.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "store_benchmark", module)
    spec.loader.exec_module(module)
    return module


def test_a_small_project_answers_in_the_time_of_a_large_one(benchmark_module, tmp_path):
    made = benchmark_module.make_project(tmp_path / "project", 5_000, 200_000)
    assert made["exposure_columns"] >= 60
    figures = benchmark_module.ask(tmp_path / "project", 2)["figures"]
    assert len(figures) >= 19
    # A twentieth of the exposures and a fiftieth of the particles: within the limits of the full size, twice.
    assert benchmark_module.over_limits(figures, factor=2.0) == []
