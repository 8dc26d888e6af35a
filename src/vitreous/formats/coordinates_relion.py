"""RELION's files of picked coordinates: of one micrograph, of all together, and lists of such files."""

from __future__ import annotations

from pathlib import Path

from vitreous.core.errors import DataError
from vitreous.formats.particle_star import read_particle_star
from vitreous.formats.stack_paths import located
from vitreous.formats.star import read_star
from vitreous.formats.star_block import StarBlock
from vitreous.model.particles import ParticleTable, joined, micrograph_name

_LIST = "coordinate_files"
_HINT = "Give RELION's picks: a STAR of coordinates, autopick.star, or coords_suffix_autopick.star"


def read_relion_coordinates(path: Path, pixel_size: float | None = None) -> ParticleTable:
    """Coordinates of a STAR file, or of all files that it lists.

    Besides tables with rlnCoordinateX and Y, these lists are followed: RELION 4's ``data_coordinate_files``, and
    RELION 3's ``coords_suffix_NAME.star``, which holds the name of a STAR file of micrographs; a micrograph without
    a file of coordinates has no particles.
    """
    listed = _micrographs_of_suffix(path)
    if listed is not None:
        return _joined([(name, file) for name, file in listed if file.exists()], path)
    blocks = read_star(path)
    if _LIST in blocks:
        block = blocks[_LIST]
        files = [Path(located(str(file), path)) for file in block.text("rlnMicrographCoordinates")]
        return _joined(list(zip(block.text("rlnMicrographName").tolist(), files, strict=True)), path)
    table = read_particle_star(path)
    if "coordinate_x" not in table or "coordinate_y" not in table:
        raise DataError(f"{path}: there are no coordinates", hint=_HINT, path=str(path))
    return table


def _joined(files: list[tuple[str, Path]], path: Path) -> ParticleTable:
    if not files:
        raise DataError(f"{path}: none of the listed files of coordinates is there", hint=_HINT, path=str(path))
    tables = []
    for micrograph, file in files:
        if not file.exists():
            raise DataError(f"{path} lists {file}, which is not there", hint="Bring the file back", path=str(file))
        table = read_particle_star(file)
        tables.append(table.with_columns(micrograph=micrograph_name(micrograph), micrograph_path=micrograph))
    return joined(tables)


def _micrographs_of_suffix(path: Path) -> list[tuple[str, Path]] | None:
    """Micrographs and their files of coordinates, where the file is RELION 3's ``coords_suffix_NAME.star``."""
    if not path.name.startswith("coords_suffix_"):
        return None
    lines = path.read_text(errors="replace").split()
    star = Path(located(lines[0], path)) if lines else path
    if not lines or not star.exists():
        raise DataError(
            f"{path}: the micrographs {lines[0] if lines else '(none)'} are not there", hint=_HINT, path=str(path)
        )
    blocks = read_star(star)
    block: StarBlock = blocks.get("micrographs") or blocks[next(iter(blocks))]
    ending = path.name.removeprefix("coords_suffix")
    return [
        (name, path.parent / Path(*_below_job(name)).parent / f"{Path(name).stem}{ending}")
        for name in block.text("rlnMicrographName").tolist()
    ]


def _below_job(name: str) -> tuple[str, ...]:
    """Parts of a file below RELION's ``Type/jobNNN``."""
    parts = Path(name).parts
    return parts[2:] if len(parts) > 2 and parts[1].startswith("job") else parts
