"""The table of micrographs that a command writes at its end, for those who go on with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vitreous.core.optics import Ctf, Microscope
from vitreous.formats.micrograph_star import MicrographRow, read_micrograph_star, write_micrograph_star
from vitreous.workflow.job_type import Params, Result

NAME = "micrographs.star"


def write_micrographs_table(params: Params, results: Sequence[Result], out: Path) -> Mapping[str, str]:
    """Write ``micrographs.star`` as RELION 3.1 reads it: the micrographs whose CTF was found.

    Micrographs of an earlier run in the same folder stay in it, unless they are among these.
    """
    rows = [_row(result) for result in results if "error" not in result]
    path = out / NAME
    if not rows:
        return {}
    made = {row.path.resolve() for row in rows}
    before = [row for row in read_micrograph_star(path) if row.path.resolve() not in made] if path.exists() else []
    write_micrograph_star(path, [*before, *rows])
    return {"micrographs": str(path)}


def _row(result: Mapping[str, Any]) -> MicrographRow:
    # The chain of all steps keeps the settings of each under its name.
    used = result["settings"].get("ctf", result["settings"])
    outputs = result["outputs"]
    path = Path(outputs.get("sum_dw") or outputs.get("sum") or result["input"])
    ctf = Ctf(result["defocus_u"], result["defocus_v"], result["astigmatism_angle"], result["phase_shift"])
    microscope = Microscope(used["voltage"], used["spherical_aberration"], used["amplitude_contrast"])
    return MicrographRow(path.stem, path, used["pixel_size"], microscope, ctf)
