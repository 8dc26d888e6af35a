"""RELION's labels of particles and our columns, both ways."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vitreous.formats.star_block import short_text, star_error
from vitreous.model.columns import find_alias

MANUAL_SCORE = -999.0
"""RELION's figure of merit of a particle that was picked by hand: it has none."""

TEXT_LABELS = frozenset(
    {
        "rlnImageName", "rlnMicrographName", "rlnMicrographMovieName", "rlnImageOriginalName", "rlnOpticsGroupName",
        "rlnGroupName", "rlnMtfFileName", "rlnParticleName", "rlnReconstructImageName", "rlnCtfImage",
        "rlnBodyStarFile",
        "rlnTomoName", "rlnTomoParticleName", "rlnHelicalTubeName", "rlnBeamTiltGroupName", "rlnMicrographNameNoDW",
        "rlnTomoVisibleFrames", "rlnOddZernike", "rlnEvenZernike", "rlnMicrographMetadata", "rlnDefectFile",
        "rlnMicrographGainName", "rlnMicrographCoordinates",
    }
)  # fmt: skip
"""Labels whose values are text even where they look like numbers (a micrograph called 0012)."""

OPTICS_LABELS = frozenset(
    {
        "rlnOpticsGroup", "rlnOpticsGroupName", "rlnMtfFileName", "rlnMicrographOriginalPixelSize", "rlnVoltage",
        "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnImagePixelSize", "rlnMicrographPixelSize", "rlnImageSize",
        "rlnImageDimensionality", "rlnBeamTiltX", "rlnBeamTiltY", "rlnOddZernike", "rlnEvenZernike", "rlnMagMat00",
        "rlnMagMat01", "rlnMagMat10", "rlnMagMat11", "rlnCtfDataAreCtfPremultiplied", "rlnMicrographBinning",
        "rlnTomoTiltSeriesPixelSize", "rlnTomoSubtomogramBinning", "rlnDefectFile", "rlnMicrographGainName",
    }
)  # fmt: skip
"""Labels that stand in data_optics."""

_ORIGINS_PX = {"rlnOriginX": "origin_x", "rlnOriginY": "origin_y"}
_NUMERIC = frozenset({"rlnDetectorPixelSize", "rlnMagnification", "rlnPixelSize", *_ORIGINS_PX})


def is_numeric(label: str) -> bool:
    """Whether values of the label must be numbers."""
    found = find_alias("relion", label, "particle")
    return label in _NUMERIC or (found is not None and found.kind != "text")


def without_optics(optics: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns of data_optics that belong to each particle of a group."""
    return {name: values for name, values in optics.items() if name not in ("rlnOpticsGroup", "rlnImageDimensionality")}


def pixel_sizes_of_magnification(labels: dict[str, np.ndarray], *, image: bool) -> dict[str, np.ndarray]:
    """RELION 3.0's detector pixel (µm) and magnification as a pixel size in Å: 10⁴ × detector pixel / magnification."""
    detector, magnification = labels.get("rlnDetectorPixelSize"), labels.get("rlnMagnification")
    name = "rlnImagePixelSize" if image else "rlnMicrographPixelSize"
    rest = {key: values for key, values in labels.items() if key not in ("rlnDetectorPixelSize", "rlnMagnification")}
    if detector is None or magnification is None or name in labels:
        return labels if name not in labels else rest
    if detector.dtype.kind == "O" or magnification.dtype.kind == "O" or not np.all(magnification > 0):
        return labels
    return {**rest, name: 1e4 * detector / magnification}


def from_relion(labels: Mapping[str, np.ndarray], origin: str) -> dict[str, np.ndarray]:
    """Our columns from RELION's labels; labels without a column of ours stay as they are called.

    Raises:
        DataError: an image name is no ``NUMBER@FILE``; origins in pixels where no pixel size is known.
    """
    columns: dict[str, np.ndarray] = {}
    for label, values in labels.items():
        if label == "rlnImageName":
            columns["image_index"], columns["image_stack"] = split_image_names(values, origin)
        elif label == "rlnMicrographName":
            columns["micrograph_path"] = values
        elif label not in _ORIGINS_PX:
            column = find_alias("relion", label, "particle")
            columns[column.name if column is not None else label] = values
    for label, name in _ORIGINS_PX.items():
        if label in labels and name not in columns:
            columns[name] = _origin_in_angstrom(label, labels[label], columns.get("pixel_size"), origin)
    return columns


def split_image_names(names: np.ndarray, origin: str) -> tuple[np.ndarray, np.ndarray]:
    """``000001@stack.mrcs`` → places from 0 (int64) and files (object); a file alone is its first image."""
    try:
        parts = [name.split("@", 1) for name in names.tolist()]
        index = np.array([int(part[0]) - 1 if len(part) == 2 else 0 for part in parts], dtype=np.int64)
    except ValueError:
        index = np.array([-1], dtype=np.int64)
        parts = []
    if len(index) and index.min() < 0:
        row = next(i for i, name in enumerate(names) if not _is_image_name(name))
        raise star_error(
            origin,
            f"rlnImageName is {short_text(names[row])} in row {row + 1}: no NUMBER@FILE with a number from 1",
            "Check the program that wrote it",
        )
    stacks = np.empty(len(parts), dtype=object)
    stacks[:] = [part[-1] for part in parts]
    return index, stacks


def _is_image_name(name: str) -> bool:
    number, at, _ = name.partition("@")
    return not at or (number.strip().isdigit() and int(number) > 0)


def _origin_in_angstrom(label: str, pixels: np.ndarray, pixel_size: np.ndarray | None, origin: str) -> np.ndarray:
    if pixel_size is None:
        if not np.any(pixels.astype(np.float64)):
            return np.zeros(len(pixels))
        raise star_error(
            origin,
            f"{label} is in pixels and the file states no pixel size",
            "Add rlnMagnification and rlnDetectorPixelSize, or rlnImagePixelSize",
        )
    return pixels.astype(np.float64) * pixel_size
