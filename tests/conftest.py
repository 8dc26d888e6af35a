"""Fixtures that every test may use."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of experimental files beside the repository; skip where it is absent."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"experimental data folder {folder.name!r} beside the repository is absent")
    return folder


@pytest.fixture(scope="session")
def maker() -> ModuleType:
    """The module that makes small movies of known motion."""
    spec = importlib.util.spec_from_file_location("movie_maker", Path(__file__).with_name("movie_maker.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
