"""Find the file beside a movie that says how the movie was recorded."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from vitreous.formats.epu_xml import is_epu_xml, read_epu_xml
from vitreous.formats.mdoc import read_mdoc, section_of_movie, sidecar_of_mdoc
from vitreous.formats.side_record import Sidecar, file_name

__all__ = ["Sidecar", "sidecar_acquisition", "sidecar_candidates"]

IMAGE_SUFFIX = re.compile(r"\.(mrcs?|tiff?|eer|ecc|st|dm4|gz|bz2|zst)$", re.IGNORECASE)
MOVIE_MARK = re.compile(r"_(fractions|eer|frames|movie)$", re.IGNORECASE)
"""What EPU appends to the name of an image for the name of its movie."""


def sidecar_candidates(movie: Path) -> tuple[Path, ...]:
    """Paths at which a movie's file may be, in order: ``MOVIE.mdoc``, ``STEM.mdoc``, ``STEM.xml`` and, without EPU's
    ``_fractions`` and the like, ``IMAGE.xml``."""
    stem = movie.name
    while (shorter := IMAGE_SUFFIX.sub("", stem)) not in ("", stem):
        stem = shorter
    names = (f"{movie.name}.mdoc", f"{stem}.mdoc", f"{stem}.xml", f"{MOVIE_MARK.sub('', stem)}.xml")
    return tuple(movie.with_name(name) for name in dict.fromkeys(names))


def sidecar_acquisition(movie: Path | str) -> Sidecar | None:
    """Read the first mdoc or EPU XML beside a movie; ``None`` where there is none. The movie itself is not opened.

    Its pixel size is that of the image described: ``Sidecar.pixel_size_of_frames`` gives the movie's.

    Raises:
        DataError: there is one, and it can't be read.
    """
    movie = Path(movie)
    for path in sidecar_candidates(movie):
        if not os.path.isfile(path):  # unlike Path.is_file it takes names that are too long
            continue
        if path.suffix == ".mdoc":
            return _of_mdoc(path, movie)
        if is_epu_xml(path):  # other programs, too, write STEM.xml
            return read_epu_xml(path)
    return None


def _of_mdoc(path: Path, movie: Path) -> Sidecar:
    mdoc = read_mdoc(path)
    section = section_of_movie(mdoc, movie.name)
    found = sidecar_of_mdoc(mdoc, section)
    is_of_sum = section.kind == "ZValue" and found.movie_name is not None
    if not is_of_sum or file_name(mdoc.header.values.get("ImageFile")) == movie.name:
        return found
    if found.acquisition.pixel_size is None:
        return found
    warning = f"the pixel size of {found.acquisition.pixel_size:g} Å is of the image and not of its frames: not used"
    acquisition = found.acquisition.model_copy(update={"pixel_size": None})
    return replace(found, acquisition=acquisition, warnings=(*found.warnings, warning))
