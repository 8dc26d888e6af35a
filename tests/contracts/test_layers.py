"""Layers and tidiness: what the repository promises of its own code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def tracked() -> list[Path]:
    """Text files that git knows, or all sources where there is no git."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = done.stdout.splitlines() if done.returncode == 0 else []
    return [ROOT / name for name in names if (ROOT / name).is_file()] or SOURCES


def test_import_contracts_hold() -> None:
    pytest.importorskip("importlinter")
    command = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [path for path in SOURCES if path.stat().st_size], ids=lambda path: path.name)
def test_no_array_engine_at_module_level(path: Path) -> None:
    if "algorithms" in path.parts or path.name.endswith("_run.py"):
        return  # a job's *_run module computes, and is imported inside the job's function only
    tree = ast.parse(path.read_text())
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
    heavy = {name for name in names if name.split(".")[0] in ("torch", "numba") or ".algorithms" in name}
    assert not heavy


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_every_public_function_says_what_it_does(path: Path) -> None:
    tree = ast.parse(path.read_text())
    public = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    top = {id(node) for node in tree.body}
    assert [node.name for node in public if id(node) in top and not ast.get_docstring(node)] == []


def test_no_absolute_paths_of_a_machine() -> None:
    pattern = re.compile(r"(?<![\w.~:])/(?:home|root|work|Users)/")
    found = []
    for path in tracked():
        if path == Path(__file__).resolve() or path.suffix in {".png", ".mrc", ".gz"}:
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        if pattern.search(text):
            found.append(str(path.relative_to(ROOT)))
    assert found == []


def test_entry_points_name_modules_that_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for group in project["entry-points"].values():
        for target in group.values():
            module = target.partition(":")[0]
            assert (ROOT / "src" / (module.replace(".", "/") + ".py")).is_file(), target
