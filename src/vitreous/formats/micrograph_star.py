"""Micrographs in RELION's STAR files: the images of a session with their microscope and contrast transfer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.core.optics import Ctf, Microscope
from vitreous.formats.relion_columns import TEXT_LABELS, pixel_sizes_of_magnification, without_optics
from vitreous.formats.relion_write import relative_name
from vitreous.formats.stack_paths import located
from vitreous.formats.star import read_star, write_star
from vitreous.formats.star_block import StarBlock, star_error
from vitreous.model.particles import micrograph_name

_HINT = "Give a STAR file of micrographs, such as RELION's micrographs_ctf.star"
_BLOCKS = ("micrographs", "")


@dataclass(frozen=True)
class MicrographRow:
    """One micrograph.

    Attributes:
        name: its file without folder and suffix.
        path: the file.
        pixel_size: Å.
        microscope, ctf: ``None`` where the file does not state them.
        optics_group_name: of its optics group.
    """

    name: str
    path: Path
    pixel_size: float | None = None
    microscope: Microscope | None = None
    ctf: Ctf | None = None
    optics_group_name: str | None = None


def read_micrograph_star(path: Path | str) -> list[MicrographRow]:
    """Read a STAR file of micrographs, of RELION 3.0, 3.1, 4 or 5.

    Files are looked for from the working folder, then from the STAR's folder and those around it; one that is nowhere
    keeps its name as written.

    Raises:
        DataError: no table of micrographs, an optics group that is missing, a value that is no number.
    """
    path = Path(path)
    blocks = read_star(path)
    block = next((blocks[name] for name in _BLOCKS if name in blocks), None)
    if block is None or "rlnMicrographName" not in block:
        raise star_error(str(path), f"no table of micrographs; its blocks: {', '.join(blocks)}", _HINT)
    labels = block.parsed(TEXT_LABELS)
    optics = blocks["optics"].parsed(TEXT_LABELS) if "optics" in blocks else None
    if optics is None:
        labels = pixel_sizes_of_magnification(labels, image=False)
    return [_row(labels, optics, i, path) for i in range(len(block))]


def write_micrograph_star(path: Path | str, rows: Sequence[MicrographRow]) -> None:
    """Write micrographs as RELION 3.1 reads them: ``data_optics`` and ``data_micrographs``; files relative to it.

    Raises:
        UsageError: contrast transfer or microscope is known for some micrographs only.
    """
    path = Path(path)
    with_ctf = [row for row in rows if row.ctf is not None]
    if with_ctf and len(with_ctf) < len(rows):
        raise UsageError(
            f"the contrast transfer is known for {len(with_ctf)} of {len(rows)} micrographs",
            hint="Write those with and those without to two files",
        )
    groups = list(dict.fromkeys((row.optics_group_name, row.pixel_size, row.microscope) for row in rows))
    columns: dict[str, list[object]] = {
        "rlnMicrographName": [relative_name(str(row.path), path.parent.absolute()) for row in rows],
        "rlnOpticsGroup": [groups.index((row.optics_group_name, row.pixel_size, row.microscope)) + 1 for row in rows],
    }
    if with_ctf:
        columns |= _ctf_columns([row.ctf for row in rows if row.ctf is not None])
    write_star(path, {"optics": StarBlock(_optics(groups)), "micrographs": StarBlock(columns)})


def _row(
    labels: Mapping[str, np.ndarray], optics: Mapping[str, np.ndarray] | None, i: int, path: Path
) -> MicrographRow:
    values: dict[str, object] = {label: column[i] for label, column in labels.items()}
    if optics is not None:
        values = {**values, **_group(optics, values, i, path)}
    file = str(values["rlnMicrographName"])
    pixel_size = _number(values, ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize"), i, path)
    voltage, aberration = (
        _number(values, ("rlnVoltage",), i, path),
        _number(values, ("rlnSphericalAberration",), i, path),
    )
    contrast = _number(values, ("rlnAmplitudeContrast",), i, path)
    microscope = None
    if voltage is not None and aberration is not None:
        microscope = Microscope(voltage, aberration, 0.07 if contrast is None else contrast)
    u, v = _number(values, ("rlnDefocusU",), i, path), _number(values, ("rlnDefocusV",), i, path)
    ctf = None
    if u is not None:
        angle, phase = (_number(values, (label,), i, path) or 0.0 for label in ("rlnDefocusAngle", "rlnPhaseShift"))
        ctf = Ctf(u, u if v is None else v, angle, phase)
    group = values.get("rlnOpticsGroupName")
    return MicrographRow(
        micrograph_name(file),
        _tidy(located(file, path)),
        pixel_size,
        microscope,
        ctf,
        None if group is None else str(group),
    )


def _tidy(name: str) -> Path:
    """The file without ``x/..`` in its path, unless that is another file (``x`` is a link)."""
    plain = Path(os.path.normpath(name))
    return plain if plain.exists() and plain.samefile(name) else Path(name)


def _group(optics: Mapping[str, np.ndarray], values: Mapping[str, object], i: int, path: Path) -> dict[str, object]:
    numbers = [int(number) for number in optics.get("rlnOpticsGroup", np.array([1]))]
    number = values.get("rlnOpticsGroup", numbers[0] if len(numbers) == 1 else None)
    if number not in numbers:
        raise star_error(
            str(path), f"micrograph {i + 1} is of optics group {number}, which data_optics does not have", "Add it"
        )
    row = numbers.index(int(str(number)))
    return {label: column[row] for label, column in without_optics(optics).items()}


def _number(values: Mapping[str, object], labels: Sequence[str], i: int, path: Path) -> float | None:
    for label in labels:
        value = values.get(label)
        if value is None:
            continue
        try:
            number = float(str(value))
        except ValueError:
            raise DataError(
                f"{path}: {label} of micrograph {i + 1} is {value!r}, not a number", hint=_HINT, path=str(path)
            ) from None
        return number if np.isfinite(number) else None
    return None


def _optics(groups: Sequence[tuple[str | None, float | None, Microscope | None]]) -> dict[str, list[object]]:
    names = [name or f"opticsGroup{i}" for i, (name, _, _) in enumerate(groups, 1)]
    if len(set(names)) < len(names):
        names = [f"opticsGroup{i}" for i in range(1, len(groups) + 1)]
    found: dict[str, list[object]] = {
        "rlnOpticsGroupName": list(names),
        "rlnOpticsGroup": list(range(1, len(groups) + 1)),
    }
    sizes, scopes = [size for _, size, _ in groups], [scope for _, _, scope in groups]
    if any(size is None for size in sizes) != all(size is None for size in sizes) or any(
        scope is None for scope in scopes
    ) != all(scope is None for scope in scopes):
        raise UsageError(
            "pixel size or microscope is known for some micrographs only", hint="State them for all, or leave them out"
        )
    if groups and sizes[0] is not None:
        found["rlnMicrographPixelSize"] = list(sizes)
    known = [scope for scope in scopes if scope is not None]
    if known:
        found["rlnVoltage"] = [scope.voltage for scope in known]
        found["rlnSphericalAberration"] = [scope.spherical_aberration for scope in known]
        found["rlnAmplitudeContrast"] = [scope.amplitude_contrast for scope in known]
    return found


def _ctf_columns(ctfs: Sequence[Ctf]) -> dict[str, list[object]]:
    return {
        "rlnDefocusU": [ctf.defocus_u for ctf in ctfs],
        "rlnDefocusV": [ctf.defocus_v for ctf in ctfs],
        "rlnCtfAstigmatism": [ctf.defocus_difference for ctf in ctfs],
        "rlnDefocusAngle": [ctf.astigmatism_angle for ctf in ctfs],
        "rlnPhaseShift": [ctf.phase_shift for ctf in ctfs],
    }
