"""Commands that come to a project at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from vitreous.project.project import Project

FLAG = """
import sys
from vitreous.project.project import Project
Project(sys.argv[1]).set(pixel_size=float(sys.argv[2]))
"""


def test_commands_that_come_together_are_done_one_after_the_other(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    values = [str(1.0 + number / 10) for number in range(4)]
    started = [subprocess.Popen([sys.executable, "-c", FLAG, str(project.folder), value]) for value in values]
    assert [process.wait(60) for process in started] == [0, 0, 0, 0]
    told = [event.message for event in project.log() if event.kind == "settings"]
    assert sorted(told) == [f"settings: pixel_size = {value}" for value in values]
