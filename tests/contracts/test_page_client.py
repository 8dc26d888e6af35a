"""The page's typed client is made from the routes, and is as the routes are now."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vitreous.web.openapi import openapi_text

FRONTEND = Path(__file__).parents[2] / "frontend"
MAKE = "run: make client"


def test_the_kept_schema_is_that_of_the_routes():
    assert (FRONTEND / "openapi.json").read_text() == openapi_text(), MAKE


def test_the_types_of_the_page_are_made_from_the_kept_schema(tmp_path):
    program = FRONTEND / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    node = shutil.which("node")
    if node is None or not program.is_file():
        pytest.skip("Node or the page's libraries are not here: (cd frontend && npm ci)")
    words = [str(FRONTEND / "openapi.json"), "--default-non-nullable", "false", "-o", str(tmp_path / "schema.ts")]
    subprocess.run([node, str(program), *words], cwd=FRONTEND, check=True, capture_output=True)
    assert (tmp_path / "schema.ts").read_text() == (FRONTEND / "src" / "client" / "schema.ts").read_text(), MAKE


def test_the_page_asks_nothing_of_other_servers():
    for file in [FRONTEND / "index.html", *(FRONTEND / "src").rglob("*.ts*"), *(FRONTEND / "src").rglob("*.css")]:
        text = file.read_text()
        for beginning in ('src="http', 'href="http', "url(http", 'fetch("http', "fetch('http"):
            found = text.find(beginning)
            assert found < 0 or file.name == "schema.ts", f"{file}: {text[found : found + 80]}"
