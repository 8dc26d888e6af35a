"""Small text and XML files beside the images, read with bounds and without trust."""

from __future__ import annotations

import math
import re
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from vitreous.formats.image_faults import file_faults, image_fault

MAX_XML_BYTES = 4 << 20
MAX_XML_DEPTH = 64
NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,4})?", re.ASCII)


def read_bounded(path: Path, limit: int) -> bytes:
    """All bytes of a file that is neither empty nor longer than ``limit``.

    Raises:
        DataError: the file is missing, empty or too long.
    """
    with file_faults(path), open(path, "rb") as handle:
        data = handle.read(limit + 1)
    if not data:
        raise image_fault(path, "is empty (0 bytes)")
    if len(data) > limit:
        raise image_fault(path, f"is longer than {limit:,} bytes, which no file of this kind is")
    return data


def decode_text(path: Path, data: bytes) -> str:
    """Text from UTF-8 (with or without mark) or else Latin-1, in which microscopes write their µ and °.

    Raises:
        DataError: there are NUL bytes, so this is no text.
    """
    if b"\0" in data:
        raise image_fault(path, f"is no text: byte {data.index(0)} is NUL")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def finite_number(text: str | None) -> float | None:
    """The number that a text states, or ``None`` where it states none that is finite."""
    word = (text or "").strip()
    if NUMBER.fullmatch(word) is None:
        return None
    value = float(word)
    return value if math.isfinite(value) else None


def whole_number(text: str | None) -> int | None:
    """The whole number of at most nine digits that a text states, or ``None``."""
    value = finite_number(text)
    return int(value) if value is not None and abs(value) < 1e9 and value == int(value) else None


def parse_xml(path: Path, data: bytes) -> Element:
    """Parse an XML document; tags come without their namespaces.

    Document types are refused, and with them all entities beyond XML's own five, so that nothing expands and nothing
    else is opened.

    Raises:
        DataError: the document is not well-formed, declares a document type or is nested absurdly.
    """
    builder = TreeBuilder()
    depth = 0

    def refuse_doctype(*_: object) -> None:
        raise image_fault(path, "declares an XML document type", "Files of microscopes have none: remove it")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_XML_DEPTH:
            raise image_fault(path, f"has XML elements nested deeper than {MAX_XML_DEPTH}")
        builder.start(tag.rpartition("}")[2], attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag.rpartition("}")[2])

    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartDoctypeDeclHandler = refuse_doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, ValueError, LookupError, AssertionError) as error:
        raise image_fault(path, f"is no well-formed XML ({error})") from error
