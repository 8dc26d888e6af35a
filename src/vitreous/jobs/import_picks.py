"""The job type that brings in coordinates which other programs picked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import model_validator

from vitreous.core.errors import DataError, UsageError
from vitreous.core.progress import Progress
from vitreous.jobs.pick_files import micrograph_file, micrograph_shape, pick_figures, picks_slot, write_picks
from vitreous.jobs.select_picks import no_picks
from vitreous.workflow.job_type import ItemInput, ItemRunner, JobType, Params, Result, Runner, parameter

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable

_FILES, _PLACES = "Files", "Positions"
Find = Callable[[str, Path, tuple[int, int]], "ParticleTable | None"]
"""The picks of a micrograph: ``find(name, path, shape)``."""


class ImportPicksParams(Params):
    """Where the coordinates are, and how they are to be read."""

    source: Path | None = parameter(
        None, help="file of coordinates; on the command line also a folder of such files", group=_FILES
    )
    folder: str | None = parameter(
        None,
        help="in place of a file: folder in which each micrograph has a file of coordinates, which may come later",
        group=_FILES,
    )
    format: Literal["auto", "relion-star", "eman-box", "cistem-text", "csv", "parquet"] = parameter(
        "auto", help="format of the coordinates; auto goes by the files' suffix", group=_FILES
    )
    image_list: Path | None = parameter(
        None,
        help="for coordinates that number the images (cisTEM): a text file with the image's name in line k, or with "
        "number and name in each line",
        level="advanced",
        group=_FILES,
    )
    pixel_size: float | None = parameter(
        None, help="pixel size of the micrograph, for coordinates in Å", unit="Å", group=_PLACES, inherits=True, gt=0
    )
    scale: float = parameter(
        1.0,
        help="pixels of the micrograph per pixel that the coordinates are counted in (2: of a micrograph binned by 2)",
        level="advanced",
        group=_PLACES,
        gt=0,
    )
    flip_y: bool = parameter(
        False, help="the coordinates count y from the top of the picture", level="advanced", group=_PLACES
    )
    outside: Literal["drop", "refuse"] = parameter(
        "drop", help="what becomes of positions outside the micrograph", level="advanced", group=_PLACES
    )

    @model_validator(mode="after")
    def _one_place(self) -> ImportPicksParams:
        if self.source is not None and self.folder is not None:
            raise ValueError("both a file (source) and a folder are given: give one of them")
        return self

    @property
    def place(self) -> Path:
        """File or folder.

        Raises:
            UsageError: neither is given.
        """
        place = self.source or self.folder
        if not place:
            raise UsageError(
                "where the coordinates are is not known",
                hint="Give a file (source), or a folder with a file for each micrograph (folder)",
            )
        return Path(place)


def finder(params: ImportPicksParams) -> Find:
    """The function that finds the picks of a micrograph; what all micrographs share is read once.

    Raises:
        UsageError: neither file nor folder is given. DataError: it is not there.
    """
    from vitreous.formats.coordinates import of_micrograph, per_micrograph, read_coordinates

    if not params.place.exists():
        raise DataError(f"{params.place} is not there", hint="Check the path", path=str(params.place))
    kind = None if params.format == "auto" else params.format
    if params.place.is_dir():
        return _in_folder(params)
    tables = per_micrograph(read_coordinates(params.place, format=kind, pixel_size=params.pixel_size))
    if params.image_list is not None:
        tables = _named(tables, params.image_list)
    numbered = bool(tables) and all(str(name).isdigit() for name in tables)

    def find(name: str, path: Path, shape: tuple[int, int]) -> ParticleTable | None:
        found = of_micrograph(tables, name, _stem(path))
        if found is None and numbered and not name.isdigit():
            raise DataError(
                f"{params.place} has picks of images {', '.join(list(tables)[:3])} …, by number, and not of {name}",
                hint="Say which image has which number: --image-list FILE with a name in each line",
            )
        return found

    return find


def _named(tables: Mapping[str, ParticleTable], path: Path) -> dict[str, ParticleTable]:
    """Tables of numbered images under the images' names.

    Raises:
        DataError: the list can't be read, or lacks an image.
    """
    from vitreous.formats.coordinates_text import text_lines
    from vitreous.model.particles import micrograph_name

    names: dict[str, str] = {}
    for place, (_, text) in enumerate(text_lines(path, "Give a text file with the name of an image in each line"), 1):
        words = text.split(maxsplit=1)
        number, name = words if len(words) == 2 and words[0].isdigit() else (str(place), text)
        names[str(int(number))] = micrograph_name(name.strip("\"'"))
    absent = [name for name in tables if name.isdigit() and str(int(name)) not in names]
    if absent:
        raise DataError(
            f"{path} lists {len(names)} images, and there are picks of image {absent[0]}",
            hint="Give the list of the project that the coordinates come from",
            path=str(path),
        )
    return {names[str(int(name))] if name.isdigit() else name: table for name, table in tables.items()}


def _in_folder(params: ImportPicksParams) -> Find:
    """Files of a folder by their micrograph; the folder is looked through again where one is not found."""
    from vitreous.formats.coordinates import coordinate_files, of_micrograph, per_micrograph, read_coordinates
    from vitreous.formats.coordinates_names import bare_name, micrograph_of_file

    kind = None if params.format == "auto" else params.format
    files: dict[str, list[Path]] = {}

    def look() -> None:
        files.clear()
        for file in coordinate_files(params.place, kind):
            files.setdefault(bare_name(micrograph_of_file(file)), []).append(file)

    def find(name: str, path: Path, shape: tuple[int, int]) -> ParticleTable | None:
        wanted = [bare_name(name), bare_name(_stem(path))]
        if not any(one in files for one in wanted):
            look()
        found = next((files[one] for one in wanted if one in files), [])
        if len(found) > 1:
            raise DataError(
                f"{len(found)} files could hold the picks of {name}: {found[0].name}, {found[1].name}",
                hint="Give a folder with one file for each micrograph, or state the format",
            )
        if not found:
            return None
        table = read_coordinates(found[0], format=kind, pixel_size=params.pixel_size)
        return of_micrograph(per_micrograph(table), name, _stem(path), micrograph_of_file(found[0]))

    return find


def _stem(path: Path) -> str:
    from vitreous.model.particles import micrograph_name

    return micrograph_name(str(path))


def import_one(name: str, path: Path, out: Path, find: Find, params: ImportPicksParams) -> Result:
    """Write the picks of one micrograph.

    Raises:
        DataError: the coordinates can't be read, or lie outside the micrograph where that is refused.
    """
    from vitreous.formats.coordinates import outside, outside_sentence
    from vitreous.model.particles import particle_uids

    shape = micrograph_shape(path)
    table = find(name, path, shape)
    notes = []
    if table is None:
        notes.append(f"{params.place} has no picks of {name}")
        table = no_picks(name)
    x, y = table["coordinate_x"] * params.scale, table["coordinate_y"] * params.scale
    y = shape[0] - 1 - y if params.flip_y else y
    source, kept = table.get("pick_source"), table.get("kept")
    table = table.with_columns(
        micrograph=name,
        micrograph_path=str(path),
        coordinate_x=x,
        coordinate_y=y,
        uid=particle_uids([name] * len(table), x, y),
        kept=1 if kept is None else kept,
        pick_source=np.full(len(table), "imported", dtype=object) if source is None else source,
    )
    sentence = outside_sentence(table, shape)
    if sentence is not None and params.outside == "refuse":
        raise DataError(f"{name}: {sentence}", hint="Check scale, flip_y and pixel size, or let them be dropped")
    if sentence is not None:
        notes.append(f"{sentence}: left out")
        table = table.take(~outside(table, shape))
    outputs = write_picks(table, out, f"{name}_picks")
    return {"outputs": outputs, **pick_figures(table, None), "warnings": notes}


def _start(params: ImportPicksParams) -> Runner:
    find = finder(params)

    def run(path: Path, out: Path, progress: Progress) -> Result:
        return import_one(_stem(path), path, out, find, params)

    return run


def _on_item(params: ImportPicksParams) -> ItemRunner:
    find = finder(params)

    def run(item: ItemInput, out: Path, progress: Progress) -> Result:
        return import_one(item.name, micrograph_file(item), out, find, params)

    return run


JOB = JobType(
    name="import-picks",
    title="Import picks",
    summary="Bring in coordinates of particles from RELION, EMAN, cisTEM or a table.",
    params=ImportPicksParams,
    start=_start,
    items="MICROGRAPH",
    example="vitreous import-picks micrographs/*.mrc --source autopick.star --out picks",
    columns={"picks_found": ("picks", "d"), "pick_score_median": ("median score", ".2f")},
    category="Particles",
    order=52,
    modes=("single-particle", "tomography"),
    needs=("micrograph",),
    gives=(picks_slot(),),
    methods="Coordinates of particles were imported.",
    on_item=_on_item,
)
