"""Engines on one machine: fair parts, and no part for the dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitreous.core.errors import ResourceError
from vitreous.workflow.share import Peer, Registration, living, meeting_folder, share


def parts(slots: int, demands: list[int]) -> list[int]:
    peers = [Peer(number, 0, "p", demand, float(number)) for number, demand in enumerate(demands)]
    return [share(slots, peer, [other for other in peers if other is not peer]) for peer in peers]


@pytest.mark.parametrize(
    ("slots", "demands", "expected"),
    [
        (8, [100], [8]),
        (8, [3], [3]),
        (8, [100, 100], [4, 4]),
        (8, [100, 100, 100], [3, 3, 2]),
        (8, [100, 1, 100], [4, 1, 3]),
        (8, [0, 100, 0], [0, 8, 0]),
        (2, [5, 5, 5], [1, 1, 1]),
        (0, [5], [1]),
    ],
)
def test_slots_are_divided_evenly_and_never_above_demand(slots: int, demands: list[int], expected: list[int]) -> None:
    assert parts(slots, demands) == expected


@given(st.integers(0, 64), st.lists(st.integers(0, 100), min_size=1, max_size=8))
def test_the_machine_is_used_up_and_nobody_is_left_behind(slots: int, demands: list[int]) -> None:
    found = parts(slots, demands)
    hungry = [demand for demand in demands if demand]
    assert all(part <= demand for part, demand in zip(found, demands, strict=True))
    assert all(part >= 1 for part, demand in zip(found, demands, strict=True) if demand)
    if slots >= len(hungry):
        assert sum(found) == min(slots, sum(demands))
    unmet = [part for part, demand in zip(found, demands, strict=True) if part < demand]
    assert not unmet or max(found) <= min(unmet) + 1


ENGINE = """
import sys
from pathlib import Path
from vitreous.workflow.share import Registration
place = Registration(Path(sys.argv[2]), Path(sys.argv[1]))
for line in sys.stdin:
    place.demand(int(line))
    print(place.share(9), flush=True)
place.leave()
"""


def test_three_engines_share_and_a_killed_one_gives_its_part_back(tmp_path: Path) -> None:
    engines = []
    for name in "abc":
        command = [sys.executable, "-c", ENGINE, str(tmp_path), name]
        engines.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))

    def ask(engine: subprocess.Popen[str], demand: int) -> int:
        assert engine.stdin is not None
        assert engine.stdout is not None
        engine.stdin.write(f"{demand}\n")
        engine.stdin.flush()
        return int(engine.stdout.readline())

    try:
        for engine in engines:
            ask(engine, 50)
        assert [ask(engine, 50) for engine in engines] == [3, 3, 3]
        assert [ask(engines[2], 1), ask(engines[0], 50), ask(engines[1], 50)] == [1, 4, 4]
        engines[0].kill()
        engines[0].wait()
        assert ask(engines[1], 50) == 8
        assert len(list(tmp_path.glob("*.json"))) == 2
        engines[2].communicate()
        assert ask(engines[1], 50) == 9
    finally:
        for engine in engines:
            engine.kill()
            engine.communicate()


def test_a_number_used_again_and_a_broken_file_are_nobody(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(json.dumps(vars(Peer(os.getpid(), 1, "other", 9, time.time()))))
    (tmp_path / "2.json").write_text("{half a fi")
    assert living(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_two_projects_of_one_process_count_as_two(tmp_path: Path) -> None:
    first, second = Registration(tmp_path / "a", tmp_path), Registration(tmp_path / "b", tmp_path)
    first.demand(10)
    second.demand(10)
    assert first.share(4) == second.share(4) == 2


def test_the_meeting_folder_is_the_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = meeting_folder()
    assert folder == tmp_path / "vitreous"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    with pytest.raises(ResourceError, match="open to other users"):
        meeting_folder()
