"""The tutorial of projects, run as it stands: every block, in order, in one shell."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vitreous import Project

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_first_project_can_be_followed(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    profiles = tmp_path / "config" / "vitreous" / "profiles.toml"
    profiles.parent.mkdir(parents=True)
    profiles.write_text('[local]\nkind = "local"\nworkers = 1\ngpus = 0\n')
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "XDG_CONFIG_HOME": str(tmp_path / "config"), "OMP_NUM_THREADS": "1"}
    page = (ROOT / "docs" / "tutorials" / "first-project.md").read_text()
    ran = subprocess.run(
        ["bash", "-e", "-c", "".join(BLOCK.findall(page))],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    with Project(tmp_path / "first") as project:
        counts = {job.view().type: job.view().counts for job in project.jobs()}
        assert {counts[name]["done"] for name in ("motion", "measure", "ctf", "filter")} == {4}
        assert project.job("Filter").params["expression"] == "fit_resolution < 6"
    assert "5me2_0001 is in TRASH" in ran.stdout
    assert len(json.loads((tmp_path / "my-workflow.json").read_text())["jobs"]) == len(counts) + 1
