"""Names of micrographs as programs change them."""

from __future__ import annotations

import re
from pathlib import Path

from vitreous.model.particles import micrograph_name

_NUMBER = re.compile(r"^\d{15,21}_(?=.)")
_ENDING = re.compile(
    r"_(?:autopick|manualpick|picks|picked|particles|coords?|boxes|dw|sum|aligned|doseweighted|patch_aligned"
    r"|rigid_aligned|corrected|mc2|motioncor2?|eman|info)$",
    re.IGNORECASE,
)


def bare_name(name: str) -> str:
    """A micrograph's name without what programs add: endings such as ``_DW``, cryoSPARC's long number in front."""
    found = _NUMBER.sub("", name)
    while (shorter := _ENDING.sub("", found)) != found and shorter:
        found = shorter
    return found


def micrograph_of_file(path: Path) -> str:
    """The micrograph that a file of coordinates is of: its name without suffix and ``_autopick`` and the like."""
    stem = micrograph_name(path.stem)
    return re.sub(r"_(?:autopick|manualpick|picks|picked|coords?|boxes)$", "", stem, flags=re.IGNORECASE) or stem
