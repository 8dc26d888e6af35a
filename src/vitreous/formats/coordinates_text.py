"""Lines of numbers in plain text files of coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vitreous.core.errors import DataError


def text_lines(path: Path, hint: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers from 1, without empty ones and comments (#, ;)."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: can't read: {error.strerror}", hint=hint, path=str(path)) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file", hint=hint, path=str(path)) from error
    if "\0" in text:
        raise DataError(f"{path}: not a text file", hint=hint, path=str(path))
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped and stripped[0] not in "#;":
            yield number, stripped


def number_of(word: str, path: Path, line: int, what: str, hint: str) -> float:
    """A word as a number; ``DataError`` with file and line where it is none."""
    try:
        return float(word)
    except ValueError:
        raise DataError(
            f"{path}: line {line}: {what} is {word[:40]!r}, not a number", hint=hint, path=str(path), line=line
        ) from None


def plain_number(value: float) -> str:
    """A number to 5 decimals without needless zeros: whole numbers stay whole."""
    text = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
