"""The notebook of the Python API runs from its first cell to its last, and finds what it says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "examples" / "session.ipynb"


def cells() -> list[dict[str, Any]]:
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_is_stored_without_outputs() -> None:
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells())


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "examples" / "5me2.pdb", tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "notebook"}
    for number, cell in enumerate(cells(), start=1):
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert list(names["table"]["name"]) == [f"5me2_000{number}" for number in range(1, 5)]
    for job in (names["motion"], names["ctf"], names["quality"], names["other"]):
        with type(names["project"])(tmp_path / "notebook" / "session") as project:
            assert project.job_view(job.id).counts == {"done": 4}
    assert names["good"].view().revision == 3
    with type(names["project"])(tmp_path / "notebook" / "second") as second:
        assert [job.view().counts.get("done", 0) for job in second.jobs()] == [0, 4, 4, 4]
