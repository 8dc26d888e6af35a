"""What the command line gives an extraction: micrographs with their optics, and the particles of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.core.optics import Ctf, Microscope
from vitreous.formats.coordinates_names import bare_name, micrograph_of_file
from vitreous.jobs.extract_params import ExtractParams
from vitreous.jobs.extract_run import Micrograph
from vitreous.model.particles import ParticleTable, micrograph_name

_SUFFIXES = (".parquet", ".star", ".box", ".csv", ".txt", ".plt")


@dataclass(frozen=True)
class PickBook:
    """Particles by the name of their micrograph: from one table of all, or a file for each.

    Attributes:
        table: all particles; ``None`` where there is a file for each.
        rows: name → rows of the table.
        files: name → its file.
    """

    table: ParticleTable | None
    rows: Mapping[str, np.ndarray]
    files: Mapping[str, Path]

    def named(self, name: str) -> str | None:
        """The name under which it has a micrograph: its own, or one that differs by ``_dw`` and the like alone."""
        known = self.rows if self.table is not None else self.files
        if name in known:
            return name
        like = [other for other in known if bare_name(other) == bare_name(name)]
        return like[0] if len(like) == 1 else None

    def of(self, name: str) -> ParticleTable | None:
        """The particles of a micrograph, ``None`` where there is nothing on it."""
        key = self.named(name)
        if key is None:
            return None
        return self.table.take(self.rows[key]) if self.table is not None else read_positions(self.files[key])

    def others(self, names: Iterable[str]) -> list[str]:
        """The micrographs that it has particles of, without these."""
        used = {self.named(name) for name in names}
        return [name for name in (self.rows if self.table is not None else self.files) if name not in used]


def read_book(path: Path) -> PickBook:
    """Read ``--picks`` or ``--particles``: a STAR or Parquet file of all, RELION's list of files, or a folder.

    Raises:
        DataError: the file is damaged, or names no micrographs.
    """
    if path.is_dir():
        return PickBook(None, {}, _files_of(path))
    listed = {} if path.suffix.lower() != ".star" else _listed_files(path)
    if listed:
        return PickBook(None, {}, listed)
    table = read_positions(path)
    if "micrograph" not in table or not table.known("micrograph").all():
        raise DataError(
            f"{path}: the particles name no micrograph (rlnMicrographName)",
            hint="Give a table that names them, or a folder with a file for each micrograph",
            path=str(path),
        )
    return PickBook(table, rows_by_name(table["micrograph"]), {})


def rows_by_name(names: np.ndarray) -> dict[str, np.ndarray]:
    """Rows of each distinct name, in order of appearance."""
    found, place = np.unique(names.astype(str), return_inverse=True)
    order = np.argsort(place, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(place, minlength=len(found)))[:-1]) if len(names) else []
    by_name = dict(zip(found.tolist(), parts, strict=True))
    return dict(sorted(by_name.items(), key=lambda pair: int(pair[1][0])))


def read_positions(path: Path) -> ParticleTable:
    """Particles of any file of positions that we know."""
    from vitreous.formats.coordinates import read_coordinates
    from vitreous.formats.particle_parquet import read_particle_parquet
    from vitreous.formats.particle_star import read_particle_star

    if path.suffix.lower() == ".parquet":
        return read_particle_parquet(path)
    table = read_particle_star(path) if path.suffix.lower() == ".star" else None
    # A file of one micrograph's positions is named as it.
    return table if table is not None and "micrograph" in table else read_coordinates(path)


def _files_of(folder: Path) -> dict[str, Path]:
    """Files of positions in a folder by the micrograph's name; a Parquet file goes before a STAR of the same."""
    found: dict[str, Path] = {}
    for suffix in _SUFFIXES:
        for path in sorted(folder.glob(f"*{suffix}")):
            found.setdefault(micrograph_of_file(path), path)
    if not found:
        raise UsageError(
            f"{folder} holds no files of positions",
            hint=f"Files are recognised by {', '.join(_SUFFIXES)}, named as their micrograph",
            path=str(folder),
        )
    return found


def _listed_files(path: Path) -> dict[str, Path]:
    """RELION's list of coordinate files (from version 4); empty where the STAR is no such list."""
    from vitreous.formats.relion_columns import TEXT_LABELS
    from vitreous.formats.stack_paths import located
    from vitreous.formats.star import read_star

    for block in read_star(path).values():
        if "rlnMicrographCoordinates" in block and "rlnMicrographName" in block:
            labels = block.parsed(TEXT_LABELS)
            pairs = zip(labels["rlnMicrographName"], labels["rlnMicrographCoordinates"], strict=True)
            return {micrograph_name(str(name)): Path(located(str(file), path)) for name, file in pairs}
    return {}


def listed_micrographs(params: ExtractParams, arguments: Sequence[Path]) -> list[Path]:
    """The micrographs that a command is about: those of ``--micrographs``, the arguments, or those that the particles
    name.

    Raises:
        UsageError: there is nothing to cut, or nothing to cut it from.
    """
    from vitreous.formats.micrograph_star import read_micrograph_star
    from vitreous.formats.stack_paths import located

    book = params.picks or params.particles
    if book is None:
        raise UsageError("no particles are given", hint="Give --picks, or --particles of an earlier extraction")
    if params.micrographs is not None:
        return [*(row.path for row in read_micrograph_star(params.micrographs)), *arguments]
    if arguments:
        return list(arguments)
    table = read_book(book).table
    named = None if table is None else table.get("micrograph_path")
    if named is None:
        raise UsageError("no micrographs are given", hint="Give --micrographs STAR, or the files", path=str(book))
    return [Path(located(str(name), book)) for name in dict.fromkeys(named.tolist())]


def known_micrographs(params: ExtractParams) -> dict[Path, Micrograph]:
    """The micrographs of ``--micrographs`` by their file, optics groups numbered in order of appearance."""
    from vitreous.formats.micrograph_star import read_micrograph_star

    if params.micrographs is None:
        return {}
    rows = read_micrograph_star(params.micrographs)
    groups = list(dict.fromkeys(row.optics_group_name for row in rows))
    return {
        row.path: Micrograph(
            row.name,
            row.path,
            str(row.path),
            row.pixel_size,
            row.microscope,
            row.ctf,
            groups.index(row.optics_group_name) + 1,
            row.optics_group_name,
        )
        for row in rows
    }


def unknown_micrograph(path: Path) -> Micrograph:
    """A micrograph of which nothing but its file is known."""
    return Micrograph(micrograph_name(str(path)), path, str(path), None, None, None)


def completed(micrograph: Micrograph, picks: ParticleTable, params: ExtractParams) -> Micrograph:
    """Fill what the micrograph's table does not state from the options, then from its particles' columns.

    The CTF of a micrograph whose particles have their own is that of the particle in the middle of their defoci.
    """
    table = {} if len(picks) == 0 else {name: picks.get(name) for name in picks.columns}
    own = micrograph.microscope
    values = {
        name: first_of(getattr(params, name), None if own is None else getattr(own, name), _only(table.get(name)))
        for name in ("voltage", "spherical_aberration", "amplitude_contrast")
    }
    microscope = own
    if values["voltage"] is not None and values["spherical_aberration"] is not None:
        contrast = 0.07 if values["amplitude_contrast"] is None else values["amplitude_contrast"]
        microscope = Microscope(values["voltage"], values["spherical_aberration"], contrast)
    number, name = _group_of(micrograph, table)
    return replace(
        micrograph,
        pixel_size=first_of(micrograph.pixel_size, _only(table.get("micrograph_pixel_size"))),
        microscope=microscope,
        ctf=micrograph.ctf if micrograph.ctf is not None else _middle_ctf(table),
        optics_group=number,
        optics_group_name=name,
    )


def first_of(*values: float | None) -> float | None:
    """The first value that is known."""
    return next((value for value in values if value is not None), None)


def _only(values: np.ndarray | None) -> float | None:
    """The first known of a column's values."""
    if values is None:
        return None
    known = values[np.isfinite(values.astype(np.float64))]
    return float(known[0]) if len(known) else None


def _middle_ctf(table: Mapping[str, np.ndarray | None]) -> Ctf | None:
    u, v = table.get("defocus_u"), table.get("defocus_v")
    if u is None or v is None or not np.isfinite(u).any():
        return None
    known = np.flatnonzero(np.isfinite(u) & np.isfinite(v))
    if len(known) == 0:
        return None
    row = int(known[np.argsort(u[known] + v[known])[len(known) // 2]])
    angle, phase = (table.get(name) for name in ("astigmatism_angle", "phase_shift"))
    further = [
        0.0 if column is None or not np.isfinite(column[row]) else float(column[row]) for column in (angle, phase)
    ]
    return Ctf(float(u[row]), float(v[row]), *further)


def _group_of(micrograph: Micrograph, table: Mapping[str, np.ndarray | None]) -> tuple[int, str | None]:
    """Number and name of the optics group: the micrograph's, and its particles' where it has none."""
    if micrograph.optics_group_name is not None:
        return micrograph.optics_group, micrograph.optics_group_name
    number, name = _only(table.get("optics_group")), table.get("optics_group_name")
    found = None if name is None or name[0] is None else str(name[0])
    return micrograph.optics_group if number is None else int(number), found
