"""A first version of a user script, which runs as it is and shows what a header can say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from vitreous.core.errors import ResourceError, UsageError

Language = Literal["sh", "python"]

_HEADER = """\
# /// vitreous
# title = "{title}"
# summary = "Say in one sentence what it does."
# category = "Scripts"
# order = 50
# needs = ["micrograph"]
# timeout = "6h"
#
# [gives.{slot}]
# columns.{slot}_size = {{ kind = "float", unit = "bytes", meaning = "size of the micrograph's file" }}
#
# [parameters.scale]
# type = "float"
# default = 1.0
# min = 0
# help = "factor on the size"
# ///
"""

_SHELL = """\
#!/bin/sh
{header}# It runs in its own folder. $VITREOUS_MICROGRAPH, $VITREOUS_PARAM_SCALE, $VITREOUS_ITEM, $VITREOUS_OUT and
# $VITREOUS_JOB (all as JSON) say what to do; lines "set", "progress:" and "file" tell what came out.
set -eu

echo "progress: 0.5 counting"
bytes=$(wc -c < "$VITREOUS_MICROGRAPH")
echo "set {slot}_size = $(awk -v a="$bytes" -v b="$VITREOUS_PARAM_SCALE" 'BEGIN {{ print a * b }}')"
"""

_PYTHON = """\
#!/usr/bin/env python3
{header}import os

from vitreous.script import job


def main() -> None:
    \"\"\"Work on one micrograph; it runs in its own folder, job.out.\"\"\"
    size = os.path.getsize(job.item.file("micrograph"))
    job.progress(0.5, "counting")
    job.result(values={{"{slot}_size": size * job.parameters.scale}})


if __name__ == "__main__":
    main()
"""


def template(name: str, language: Language) -> str:
    """Text of a new script; the name gives title, slot and column."""
    slot = re.sub(r"\W", "_", name.lower())
    header = _HEADER.format(title=name.replace("_", " ").replace("-", " ").capitalize(), slot=slot)
    return (_SHELL if language == "sh" else _PYTHON).format(header=header, slot=slot)


def write_template(name: str, language: Language, folder: Path) -> Path:
    """Write a new executable script into a folder; its path.

    Raises:
        UsageError: the name can't be one, or there is a file or script of that name.
        ResourceError: the folder can't be written.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise UsageError(
            f"{name!r} can't be the name of a script", hint="Use letters, digits, _ and -, a letter first, no ending"
        )
    path = folder / f"{name}{'.sh' if language == 'sh' else '.py'}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for other in sorted(folder.iterdir()):
            if other.stem == name and other.is_file():
                raise UsageError(f"{other}: there is such a script", hint="Choose another name", path=str(other))
        with open(path, "x") as file:
            file.write(template(name, language))
        path.chmod(0o755)
    except OSError as error:
        raise ResourceError(
            f"{path}: can't be written: {error.strerror}", hint="Choose another --folder", path=str(path)
        ) from None
    return path
