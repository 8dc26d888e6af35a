"""A session that is killed at random moments ends like one that nobody disturbed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def soak_module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The soak; the same that ``make soak`` runs with more movies."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import soak

    yield soak
    for name in ("soak", "soak_compare", "soak_look", "soak_session"):
        sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_twenty_kills_change_nothing(soak_module: Any, tmp_path: Path) -> None:
    soak = soak_module.Soak(tmp_path, movies=60, kills=20, seed=3, say=print)
    assert soak.run() == []
    hit = {name for kill in soak.done for name in kill.seen}
    assert len(soak.done) == 21  # and one more, while the job on the whole set runs
    assert {kill.target for kill in soak.done} == {"engine", "worker", "all"}
    assert {kill.phase for kill in soak.done if kill.came} == {"start", "import", "work", "publish", "commit", "any"}
    assert {"copies under way", "results growing", "results not committed", "tasks running"} <= hit


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kills_while_movies_are_moved_lose_none(soak_module: Any, tmp_path: Path) -> None:
    soak = soak_module.Soak(tmp_path, movies=12, kills=5, seed=5, transfer="move", say=print)
    soak.cycle = (("import", "engine"), ("import", "all"), ("start", "all"), ("any", "engine"), ("commit", "all"))
    assert soak.run() == []
    assert any("movies not committed" in kill.seen or "copies under way" in kill.seen for kill in soak.done)
