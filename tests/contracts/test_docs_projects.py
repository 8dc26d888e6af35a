"""What the pages on projects show works: profiles, queries, templates, settings of jobs, the table of states."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from vitreous.cli.param_text import parse_settings
from vitreous.core.errors import UsageError
from vitreous.project.project import Project
from vitreous.project.template_format import check_template, shipped
from vitreous.project.types import needed_type
from vitreous.store.queries import EXAMPLES
from vitreous.workflow.executors.probe import dry_run
from vitreous.workflow.profile import LocalProfile, check_profile, load_profiles
from vitreous.workflow.states import TRANSITIONS, TaskState

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])


def blocks(page: Path, language: str) -> list[str]:
    found = [text for kind, text in BLOCK.findall(page.read_text()) if kind == language]
    return [re.sub(r" *\\\n *", " ", text) for text in found] if language == "bash" else found


def test_every_run_profile_that_is_shown_is_right_and_can_be_rendered(tmp_path: Path) -> None:
    shown = "\n".join(blocks(DOCS / "how-to" / "run-on-a-cluster.md", "toml"))
    (tmp_path / "profiles.toml").write_text(shown)
    profiles = load_profiles(tmp_path)
    assert {profile.profile.kind for profile in profiles.values()} == {
        *("local", "slurm", "sge", "lsf", "pbs", "htcondor", "ssh")
    }
    for name in tomllib.loads(shown):
        profile = profiles[name].profile
        assert check_profile(profile) == [], name
        if not isinstance(profile, LocalProfile):
            assert "SCHEDULER" in dry_run(profile, tmp_path / "logs")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project.create(tmp_path_factory.mktemp("docs") / "project", "single-particle", {"pixel_size": 1.0})
    made.run_template("single-particle", import__sources=["/camera"])
    return made


@pytest.mark.parametrize("query", blocks(DOCS / "how-to" / "query-with-sql.md", "sql"))
def test_every_query_that_is_shown_can_be_asked(project: Project, query: str) -> None:
    names = set(re.findall(r"\$(\w+)", query))
    known = {"group": "Imported", "job": 1, "first": 1, "second": 2}
    from vitreous.store.queries import sql

    if "particle" in query:
        with pytest.raises(UsageError, match="has no table"):
            sql(project.folder, query, {name: known[name] for name in names})
    else:
        assert sql(project.folder, query, {name: known[name] for name in names}).columns


def test_the_page_shows_all_examples_of_queries() -> None:
    shown = [text.split() for text in blocks(DOCS / "how-to" / "query-with-sql.md", "sql")]
    assert [example.name for example in EXAMPLES if example.text.split() not in shown] == []


def test_the_template_that_is_shown_is_one() -> None:
    (text,) = blocks(DOCS / "how-to" / "templates.md", "json")
    assert [job.key for job in check_template(json.loads(text)).jobs] == ["import", "motion", "measure"]


def shown_words() -> list[tuple[str, str]]:
    """Job type and NAME=VALUE words of the commands that pages show."""
    lines = [line for page in PAGES for block in blocks(page, "bash") for line in block.splitlines()]
    found = []
    for line in lines:
        words = shlex.split(line.partition(" #")[0])
        if words[:2] in (["vitreous", "add"], ["vitreous", "edit"]) and len(words) > 2:
            settings = [word for word in words[3:] if re.match(r"[a-z_.]+=", word)]
            found += [(words[2], shlex.join(settings))] if settings else []
    return sorted(set(found))


@pytest.mark.parametrize(("type_name", "words"), shown_words())
def test_parameters_that_are_shown_are_those_of_their_job_types(tmp_path: Path, type_name: str, words: str) -> None:
    assert parse_settings(needed_type(tmp_path, type_name), shlex.split(words))


def test_templates_that_are_shown_are_shipped() -> None:
    named = {name for page in PAGES for name in re.findall(r"--template ([a-z]\S*)", page.read_text())}
    assert named <= set(shipped())


def generated() -> ModuleType:
    specification = importlib.util.spec_from_file_location("generate_engine", DOCS / "generate_engine.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_table_of_states_is_that_of_the_engine() -> None:
    pytest.importorskip("mkdocs")
    lines = generated().state_page().splitlines()
    for before in TaskState:
        (line,) = [line for line in lines if line.startswith(f"| **{before}** ")]
        named = line.split("|")[2].strip().split(", ")
        assert named == [after for after in TaskState if after in TRANSITIONS[before]]


def test_every_state_is_explained() -> None:
    text = (DOCS / "explanation" / "projects.md").read_text()
    assert [state for state in TaskState if f"| {state} |" not in text] == []


def test_every_setting_is_listed() -> None:
    pytest.importorskip("mkdocs")
    page = generated().settings_page()
    assert all(f"`{name}`" in page for name in ("pixel_size", "gain", "disk_reserve", "order"))
