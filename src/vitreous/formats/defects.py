"""Bad pixels of a camera from any file that lists them, as one boolean map in MRC orientation."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.formats.base import write_text
from vitreous.formats.defect_list import RATIOS, DefectList, Rectangle
from vitreous.formats.defects_fei import embedded_defect_list, falcon_size, parse_fei_defects
from vitreous.formats.defects_serialem import parse_serialem_defects, serialem_defects_text
from vitreous.formats.image_faults import file_faults, image_fault
from vitreous.formats.image_formats import EER, HEAD_BYTES, TIFF
from vitreous.formats.images import image_formats, open_images
from vitreous.formats.side_text import decode_text, finite_number, read_bounded, whole_number

__all__ = ["embedded_defects", "read_defects", "write_defects"]

MAX_SIDE = 1 << 16
MAX_LIST_BYTES = 4 << 20
MAX_BAD_FRACTION = 0.5
"""An image that calls more of the camera bad is no map of defects, but perhaps a gain reference."""


def read_defects(path: Path | str, frame_shape: tuple[int, int]) -> np.ndarray:
    """Read the defects of a camera; the kind of file is told by its content.

    Known are SerialEM's text (keywords), the XML of Falcon cameras (alone, or in a tag of their gain TIFF),
    MotionCor2's text (lines ``x y width height`` from 0 at the first pixel of the MRC image) and an image that is 1
    where a pixel is bad and 0 elsewhere. What counts in pixels of half, a quarter, twice or four times the frames' size
    is scaled.

    Where frames were saved in another orientation than gain and defects, read with the gain's shape and turn the map
    as the gain is turned.

    Args:
        path: the file.
        frame_shape: ``(ny, nx)`` of the frames.

    Returns:
        Boolean map ``[ny, nx]`` with row 0 at y = 0 (MRC orientation), true where a pixel is bad.

    Raises:
        DataError: the file is damaged, of no known kind, or of another camera.
    """
    path = Path(path)
    _check_shape(frame_shape)
    with file_faults(path), open(path, "rb") as handle:
        head = handle.read(HEAD_BYTES)
    found = image_formats().recognised(path, head) if head else None
    if found is not None:
        embedded = embedded_defect_list(path) if found.name == TIFF.name else None
        if embedded is not None:
            return embedded.to_map(frame_shape)
        if found.name == EER.name:
            raise image_fault(path, "is a movie, and no list or map of defects", "Give the camera's defects")
        return _map_of_image(path, frame_shape)
    data = read_bounded(path, MAX_LIST_BYTES)
    text = decode_text(path, data)
    if text.lstrip()[:1] == "<":
        return parse_fei_defects(path, data, falcon_size(frame_shape)).to_map(frame_shape)
    if finite_number(_first_word(text)) is not None:
        return _motioncor_list(path, text).to_map(frame_shape)
    return parse_serialem_defects(path, text).to_map(frame_shape)


def embedded_defects(path: Path | str, frame_shape: tuple[int, int]) -> np.ndarray | None:
    """The defects that a Falcon's gain TIFF carries, as ``read_defects`` gives them; ``None`` where there are none.

    Raises:
        DataError: the file is a damaged TIFF, or the defects are of another camera.
    """
    path = Path(path)
    _check_shape(frame_shape)
    with file_faults(path), open(path, "rb") as handle:
        is_tiff = TIFF.recognises(handle.read(HEAD_BYTES))
    found = embedded_defect_list(path) if is_tiff else None
    return None if found is None else found.to_map(frame_shape)


def write_defects(path: Path | str, defects: np.ndarray) -> Path:
    """Write a map ``[ny, nx]`` (MRC orientation, true where a pixel is bad) as SerialEM's text, atomically.

    ``read_defects`` of the file gives the same map.
    """
    if defects.ndim != 2 or 0 in defects.shape:
        raise UsageError(f"an array of shape {defects.shape} is no map of defects", hint="Give [y, x]")
    path = Path(path)
    text = serialem_defects_text(defects)
    if len(text) > MAX_LIST_BYTES:
        raise UsageError(
            f"{np.count_nonzero(defects):,} bad pixels are too many for a list", hint="Write the map as an MRC image"
        )
    write_text(path, text)
    return path


def _check_shape(frame_shape: tuple[int, int]) -> None:
    if len(frame_shape) != 2 or not all(0 < n <= MAX_SIDE for n in frame_shape):
        raise UsageError(f"frames of shape {frame_shape} px are no camera's", hint="Give (ny, nx)")


def _first_word(text: str) -> str:
    for line in text.splitlines():
        words = line.partition("#")[0].replace(",", " ").split()
        if words:
            return words[0]
    return ""


def _motioncor_list(path: Path, text: str) -> DefectList:
    """Rectangles ``x y width height``, one a line."""
    rectangles = []
    for index, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        numbers = [number for number in map(whole_number, words) if number is not None and number >= 0]
        if len(numbers) != len(words) or len(words) != 4 or 0 in numbers[2:]:
            raise image_fault(
                path, f"line {index} is not of the form 'x y width height' (px, from 0)", "Correct the line"
            )
        x, y, width, height = numbers
        rectangles.append(Rectangle(x, y, x + width - 1, y + height - 1))
    return DefectList(path, rectangles=tuple(rectangles), is_top_first=False)


def _map_of_image(path: Path, frame_shape: tuple[int, int]) -> np.ndarray:
    hint = "Give an image of the frames' size that is 1 where a pixel is bad and 0 elsewhere"
    with open_images(path) as images:
        header = images.header
        ny, nx = header.shape
        ratio = next((r for r in RATIOS if (ny * r, nx * r) == frame_shape), None)
        if header.n_frames != 1:
            raise image_fault(path, f"has {header.n_frames} frames, and a map of defects has one", hint)
        if ratio is None:
            raise image_fault(
                path, f"has {nx} x {ny} px, and the frames have {frame_shape[1]} x {frame_shape[0]} px", hint
            )
        pixels = images.frame(0)
    bad = pixels == 1
    if not np.all(bad | (pixels == 0)):
        raise image_fault(path, "is no map of defects: it holds values other than 0 and 1", hint)
    if bad.mean() > MAX_BAD_FRACTION:
        raise image_fault(path, f"calls {100 * bad.mean():.0f} % of the camera bad", hint)
    return _resampled(bad, ratio)


def _resampled(bad: np.ndarray, ratio: Fraction) -> np.ndarray:
    """Repeat pixels, or call those bad of which any part is."""
    if ratio >= 1:
        n = int(ratio)
        return bad.repeat(n, 0).repeat(n, 1) if n > 1 else bad
    n = int(1 / ratio)
    return np.asarray(bad.reshape(bad.shape[0] // n, n, bad.shape[1] // n, n).any((1, 3)))
