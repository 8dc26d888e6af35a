"""Where a micrograph's optics come from when it is picked by a command: options, a STAR file, or files of the CTF."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vitreous.core.errors import DataError, UsageError
from vitreous.core.optics import Ctf, Microscope
from vitreous.formats.micrograph_star import MicrographRow, read_micrograph_star
from vitreous.jobs.pick_params import PickParams
from vitreous.model.acquisition import Acquisition
from vitreous.model.particles import micrograph_name

_STAR = ".star"
_SAME_PIXEL = 0.01


class ListedMicrograph(type(Path())):  # type: ignore[misc]
    """The path of a micrograph that a table names, with its row: what ``expand`` has read is not read again."""

    __slots__ = ("row",)
    row: MicrographRow


@dataclass(frozen=True)
class Optics:
    """What is known of one micrograph; ``source`` says where the CTF is from."""

    pixel_size: float
    microscope: Microscope | None
    ctf: Ctf | None
    source: str | None


def listed_micrographs(params: PickParams, arguments: Sequence[Path]) -> list[Path]:
    """The micrographs that the arguments stand for: files as they are, a STAR by its rows; else ``--micrographs``.

    Raises:
        UsageError: there are neither arguments nor ``--micrographs``. DataError: a STAR that can't be read.
    """
    given = list(arguments)
    if not given and params.micrographs is not None:
        given = [params.micrographs]
    if not given:
        raise UsageError("no micrographs are given", hint="Name files, or a STAR file of micrographs")
    found: list[Path] = []
    for path in given:
        if path.suffix.lower() != _STAR:
            found.append(path)
            continue
        for row in read_micrograph_star(path):
            listed = ListedMicrograph(row.path)
            listed.row = row
            found.append(listed)
    return found


def rows_by_name(params: PickParams) -> dict[str, MicrographRow]:
    """Rows of ``--micrographs`` by the micrograph's name."""
    return {} if params.micrographs is None else {row.name: row for row in read_micrograph_star(params.micrographs)}


def optics_of(path: Path, params: PickParams, rows: dict[str, MicrographRow], header: Acquisition) -> Optics:
    """Pixel size, microscope and CTF: options first, then the table's row, the file of the CTF, the image's header.

    Raises:
        UsageError: the pixel size is not known, or a micrograph is not in the table that was given.
        DataError: a file of the CTF that can't be read, or a header that contradicts the table.
    """
    row = path.row if isinstance(path, ListedMicrograph) else rows.get(micrograph_name(str(path)))
    if row is None and rows and params.defocus_u is None:
        raise UsageError(
            f"{path}: {params.micrographs} has no row of this name",
            hint="Give the table of these micrographs, or leave out --micrographs",
            path=str(path),
        )
    side = {} if row is not None or params.defocus_u is not None else _sidecar(path, params)
    microscope_row = None if row is None else row.microscope

    def known(name: str, tabled: float | None, headed: float | None = None) -> float | None:
        settings = side.get("settings", {})
        return _first(getattr(params, name), tabled, settings.get(name), headed)

    pixel_size = known("pixel_size", None if row is None else row.pixel_size, header.pixel_size)
    tabled = None if row is None or params.pixel_size is not None else row.pixel_size
    if tabled is not None and header.pixel_size is not None and abs(tabled - header.pixel_size) > _SAME_PIXEL * tabled:
        raise DataError(
            f"{path}: the pixel size is {header.pixel_size:.4g} Å in its header and {tabled:.4g} Å in the table",
            hint="Correct the one that is wrong, or give the right one (--pixel-size)",
            path=str(path),
        )
    if pixel_size is None:
        Acquisition().needed("pixel_size")
        raise AssertionError
    voltage, aberration, contrast = (
        known(name, None if microscope_row is None else getattr(microscope_row, name), getattr(header, name))
        for name in ("voltage", "spherical_aberration", "amplitude_contrast")
    )
    ctf, source = _ctf(params, row, side)
    microscope = None
    if voltage is not None and aberration is not None:
        microscope = Microscope(voltage, aberration, 0.07 if contrast is None else contrast)
    return Optics(pixel_size, microscope, ctf, None if microscope is None else source)


def _ctf(params: PickParams, row: MicrographRow | None, side: dict[str, float]) -> tuple[Ctf | None, str | None]:
    if params.defocus_u is not None:
        v = params.defocus_u if params.defocus_v is None else params.defocus_v
        return Ctf(params.defocus_u, v, params.astigmatism_angle or 0.0, params.phase_shift or 0.0), "options"
    if row is not None and row.ctf is not None:
        return row.ctf, "table of micrographs"
    if side:
        angle, shift = side.get("astigmatism_angle") or 0.0, side.get("phase_shift") or 0.0
        return Ctf(side["defocus_u"], side["defocus_v"], angle, shift), "file of the CTF"
    return None, None


def _sidecar(path: Path, params: PickParams) -> dict:
    """The content of ``NAME_ctf.json``; empty where there is none and no folder was named."""
    folder = params.ctf_folder or path.parent
    file = folder / f"{path.stem}_ctf.json"
    if not file.exists():
        if params.ctf_folder is None:
            return {}
        raise DataError(
            f"{file} does not exist",
            hint="Find the CTF first (vitreous ctf), or leave out --ctf-folder",
            path=str(file),
        )
    try:
        found = json.loads(file.read_text())
        if not all(isinstance(found[name], (int, float)) for name in ("defocus_u", "defocus_v")):
            raise TypeError("defocus_u and defocus_v are no numbers")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{file}: can't read the CTF: {error}", hint="Find the CTF again (vitreous ctf)", path=str(file)
        ) from error
    return dict(found)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
