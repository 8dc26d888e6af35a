"""The XML list of defects of Falcon cameras, as a file or in a tag of their gain TIFF."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import Element

from vitreous.formats.defect_list import DefectList, Rectangle
from vitreous.formats.image_faults import image_fault
from vitreous.formats.side_text import parse_xml
from vitreous.formats.tiff_pages import TiffPages, tiff_faults

FALCON_SIDE = 4096
"""Pixels along a side of Falcon cameras, in which the list counts."""
FIRST_PRIVATE_TAG = 32768
MAX_TAG_BYTES = 1 << 22
RANGE = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?", re.ASCII)


def parse_fei_defects(path: Path, data: bytes, camera_size: tuple[int, int] | None = None) -> DefectList:
    """Parse ``<defects>`` with ``row`` and ``col`` (numbers and ranges ``a-b``), ``area`` (x1, y1, x2, y2), ``point``
    and ``nonmaskingpoint`` (x, y); all inclusive, from 0 at the top left.

    Raises:
        DataError: the document is no such list, or an element holds something else.
    """
    root = parse_xml(path, data)
    lists = [element for element in root.iter() if element.tag.lower() == "defects"]
    if not lists:
        raise image_fault(path, f"is no list of defects: the XML element is {root.tag[:40]!r}", "Give <defects> XML")
    columns: list[tuple[int, int]] = []
    rows: list[tuple[int, int]] = []
    rectangles: list[Rectangle] = []
    for element in (child for found in lists for child in found):
        kind = element.tag.lower()
        if kind in ("row", "col", "column"):
            (rows if kind == "row" else columns).extend(_ranges(path, element))
        elif kind == "area":
            numbers = _numbers(path, element, 4)
            rectangles += [Rectangle(*numbers[at : at + 4]) for at in range(0, len(numbers), 4)]
        elif kind in ("point", "nonmaskingpoint"):
            numbers = _numbers(path, element, 2)
            rectangles += [Rectangle(x, y, x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
        else:
            raise image_fault(path, f"lists a defect of unknown kind: {element.tag[:40]!r}", "Correct the list")
    return DefectList(path, tuple(columns), tuple(rows), tuple(rectangles), camera_size)


def falcon_size(frame_shape: tuple[int, int]) -> tuple[int, int] | None:
    """The camera's size where frames are a Falcon's, upsampled or not; else ``None``: the list counts frame pixels."""
    sides = (FALCON_SIDE, 2 * FALCON_SIDE, 4 * FALCON_SIDE)
    return (FALCON_SIDE, FALCON_SIDE) if frame_shape[0] == frame_shape[1] and frame_shape[0] in sides else None


def embedded_defect_list(path: Path) -> DefectList | None:
    """The list in a private tag of a TIFF's first page, or ``None`` where there is none."""
    pages = TiffPages(path)
    try:
        with tiff_faults(path, "the tags"):
            size = int(pages.first.imagewidth), int(pages.first.imagelength)
            for tag in pages.first.tags:
                if tag.code < FIRST_PRIVATE_TAG or not 0 < tag.valuebytecount <= MAX_TAG_BYTES:
                    continue
                value = tag.value.encode("utf-8") if isinstance(tag.value, str) else tag.value
                if isinstance(value, bytes) and b"<defects" in value.lower():
                    return parse_fei_defects(path, value.strip(b"\0 \r\n\t"), size)
    finally:
        pages.close()
    return None


def _words(element: Element) -> list[str]:
    return re.split(r"[\s,;]+", (element.text or "").strip())


def _ranges(path: Path, element: Element) -> list[tuple[int, int]]:
    found = []
    for word in _words(element):
        match = RANGE.fullmatch(word)
        if match is None:
            raise _odd(path, element)
        found.append((int(match[1]), int(match[2] or match[1])))
    return found


def _numbers(path: Path, element: Element, multiple: int) -> list[int]:
    words = _words(element)
    if len(words) % multiple or not all(re.fullmatch(r"\d{1,6}", word, re.ASCII) for word in words):
        raise _odd(path, element)
    return [int(word) for word in words]


def _odd(path: Path, element: Element) -> Exception:
    text = (element.text or "").strip()[:40]
    return image_fault(path, f"lists {element.tag} {text!r}, which are no pixels of a camera", "Correct the list")
