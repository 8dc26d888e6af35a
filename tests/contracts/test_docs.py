"""What the documentation shows works: Python blocks run, commands and options exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from vitreous.cli import main as entry
from vitreous.project import job_types

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    found = [text for kind, text in BLOCK.findall(page.read_text()) if kind == language]
    return [re.sub(r" *\\\n *", " ", text) for text in found] if language == "bash" else found


def shown_commands() -> list[str]:
    lines = [line for page in PAGES for block in blocks(page, "bash") for line in block.splitlines()]
    lines += [job.example for job in map(job_types.load, job_types.declared().values()) if hasattr(job, "example")]
    return sorted({line.partition(" #")[0].strip() for line in lines if line.startswith("vitreous ")})


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_blocks_run(page: Path) -> None:
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), names)
    assert len(names) > 2


@pytest.mark.parametrize("line", shown_commands())
def test_shown_commands_exist_with_their_options(line: str) -> None:
    words = shlex.split(line)[1:]
    group = typer.main.get_command(entry.app)
    command = group.get_command(None, words[0])
    assert command is not None, f"no command {words[0]}"
    if hasattr(command, "commands"):
        command = command.commands[words[1]]
    job = job_types.find(words[0])
    assert not isinstance(job, job_types.BrokenJob), job
    known = {name for item in command.params for name in [*item.opts, *item.secondary_opts]}
    assert {word for word in words if word.startswith("--")} <= known


def test_make_targets_that_are_shown_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {name for page in PAGES for name in re.findall(r"`?make ([a-z][\w-]*)`?", "\n".join(blocks(page, "bash")))}
    assert shown <= targets
    assert {"demo", "test", "docs", "clean", "lint", "bench-movies"} <= targets


def test_relative_links_of_pages_lead_somewhere() -> None:
    generated = {"commands.md", "job-types.md", "columns.md", "errors.md", "settings.md", "states.md"}
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", page.read_text()):
            assert Path(target).name in generated or (page.parent / target).is_file(), f"{page.name}: {target}"


def test_the_site_has_every_hand_written_page_in_its_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        assert page.relative_to(ROOT / "docs").as_posix() in text
