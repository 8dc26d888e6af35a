"""STAR text tables as RELION writes them.

A block holds either one loop (columns with a row per line) or simple pairs (a label and its value per line). Row and
line are one, as RELION has it. A value with spaces is quoted (STAR, Hall 1991). Large loops stay as the bytes of the
file until a column is asked for, which pandas' C reader then parses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.base import atomic_path
from vitreous.formats.star_block import Body, LazyLoop, StarBlock, short_text, star_error

_END_OF_LOOP = re.compile(rb"\n(?=[ \t]*(?:(?:data_|save_)\S*[ \t]*(?:#.*)?|loop_[ \t]*(?:#.*)?|_.*)(?:\n|\Z))")
_NEEDS_TOKENISER = re.compile(rb"(?:^|[ \t])[\"'#]|^;", re.M)
_TOKEN = re.compile(r"\"(.*?)\"(?=\s|$)|'(.*?)'(?=\s|$)|(\S+)")
_NOT_PLAIN = ('"', "'", "#", "_", ";", "data_", "loop_")
_CHUNK = 1 << 24
_ROWS_AT_ONCE = 50_000
_HINT = "Give a STAR file"


def read_star(path: Path | str) -> dict[str, StarBlock]:
    """Read a STAR file: block name without ``data_`` (``"optics"``, ``""`` for a bare ``data_``) -> block.

    Raises:
        DataError: not STAR text, a duplicated block or label, a row with a wrong number of values; with line number.
    """
    origin = str(path)
    data = _read_text_bytes(Path(path))
    blocks: dict[str, StarBlock] = {}
    for name, line, labels, body, is_loop in _blocks(data, origin):
        if name in blocks:
            raise star_error(origin, f"line {line}: block data_{name} occurs twice", "Keep one of them")
        blocks[name] = _loop_block(labels, body, origin) if is_loop else StarBlock(_pairs(labels), False, origin)
    if not blocks:
        raise star_error(origin, "there is no data_ block", _HINT)
    return blocks


def write_star(path: Path | str, blocks: Mapping[str, StarBlock]) -> None:
    """Write blocks atomically, in RELION 3.1's layout (``# version 30001``); floats with 12 significant digits."""
    for name, block in blocks.items():
        _check_writable(name, block)
    with atomic_path(Path(path)) as aside, open(aside, "w", encoding="utf-8", newline="\n") as out:
        for name, block in blocks.items():
            out.write(f"\n# version 30001\n\ndata_{name}\n\n")
            if block.loop:
                out.write("loop_ \n")
                out.writelines(f"_{label} #{i} \n" for i, label in enumerate(block.names, 1))
                for start in range(0, len(block), _ROWS_AT_ONCE):
                    out.write(_rows(block, start, start + _ROWS_AT_ONCE))
            else:
                width = max((len(label) for label in block.names), default=0) + 1
                for label, values in block.columns.items():
                    (text,) = _texts(np.asarray(values))
                    out.write(f"_{label:<{width}} {text:>12}\n")
            out.write(" \n")


# --- reading -------------------------------------------------------------------------------------------------------


def _read_text_bytes(path: Path) -> bytes:
    try:
        with open(path, "rb") as handle:
            start = handle.read(1 << 16)
            if b"\0" in start:
                raise star_error(str(path), "this is a binary file, not STAR text", _HINT)
            data = start + handle.read()
    except OSError as error:
        raise star_error(str(path), f"can't read: {error.strerror}", "Check path and permissions") from error
    if not data.strip():
        raise star_error(str(path), "the file is empty", _HINT)
    if b"\0" in data:
        raise star_error(str(path), "there are NUL bytes in the text", "The file is damaged; get it again")
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise star_error(str(path), f"line {line}: not UTF-8 text", "The file is damaged; get it again") from error
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data.removeprefix(b"\xef\xbb\xbf")


def _blocks(data: bytes, origin: str) -> Iterator[tuple[str, int, list[tuple[str, str]], Body, bool]]:
    """Cut the text into (name, line, [(label, value)], loop body, is loop)."""
    position, line = 0, 0
    name: str | None = None
    name_line = 0
    labels: list[tuple[str, str]] = []
    is_loop = False
    body = Body(b"", 0)
    while position < len(data):
        end = data.find(b"\n", position)
        end = len(data) if end < 0 else end
        text = data[position:end].decode("utf-8").strip()
        line += 1
        position_of_next = end + 1
        if text.startswith("data_"):
            if name is not None:
                yield name, name_line, labels, body, is_loop
            name, name_line, labels, is_loop, body = text[5:].split("#")[0].strip(), line, [], False, Body(b"", 0)
        elif text.startswith("#") or not text:
            pass
        elif name is None:
            raise star_error(
                origin, f"line {line}: {short_text(text)} stands before any data_ block", "Give a STAR file"
            )
        elif text.split("#")[0].strip() == "loop_":
            if labels:
                raise star_error(origin, f"line {line}: block data_{name} holds two tables", "Split the block in two")
            is_loop = True
        elif text.startswith("_") and not body.data:
            labels.append(_label(text, line, labels, is_loop, origin))
        elif is_loop and labels and not body.data:
            found = _END_OF_LOOP.search(data, position - 1)
            position_of_next = found.end() if found else len(data)
            body = Body(data[position:position_of_next], line)
            line += body.data.count(b"\n") - 1
        else:
            raise star_error(origin, f"line {line}: {short_text(text)} belongs to no label", "Correct the file")
        position = position_of_next
    if name is not None:
        yield name, name_line, labels, body, is_loop


def _label(text: str, line: int, known: list[tuple[str, str]], is_loop: bool, origin: str) -> tuple[str, str]:
    tokens = _tokens(text)
    name = tokens[0][1:]
    if not name:
        raise star_error(origin, f"line {line}: a label without a name", "Correct the file")
    if any(name == other for other, _ in known):
        raise star_error(
            origin,
            f"line {line}: column {name} occurs twice in one block",
            "Remove one of the two",
            column=name,
        )
    if is_loop:
        return name, ""
    if len(tokens) > 2:
        raise star_error(origin, f"line {line}: {name} has {len(tokens) - 1} values where one belongs", "Quote it")
    return name, tokens[1] if len(tokens) == 2 else ""


def _pairs(labels: list[tuple[str, str]]) -> dict[str, np.ndarray]:
    return {name: np.array([value], dtype=object) for name, value in labels}


def _loop_block(labels: list[tuple[str, str]], body: Body, origin: str) -> StarBlock:
    names = [name for name, _ in labels]
    body = Body(_without_trailing_comments(body.data), body.line)
    if not body.data:
        return StarBlock({name: np.array([], dtype=object) for name in names}, True, origin)
    special = any(char in body.data for char in (b'"', b"'", b"#", b";"))
    if not (special and _NEEDS_TOKENISER.search(body.data)):
        n_rows = _count_rows(body, len(names), origin)
        return StarBlock(LazyLoop(names, body, n_rows, origin), True, origin)
    rows = []
    for i, line in enumerate(body.data.decode("utf-8").split("\n")):
        if line.startswith(";"):
            raise star_error(origin, f"line {body.line + i}: text over several lines is not supported", "Quote it")
        tokens = _tokens(line)
        if tokens and len(tokens) != len(names):
            raise _wrong_count(origin, body.line + i, len(tokens), len(names))
        if tokens:
            rows.append(tokens)
    columns = {name: np.array([row[i] for row in rows], dtype=object) for i, name in enumerate(names)}
    return StarBlock(columns, True, origin)


def _without_trailing_comments(body: bytes) -> bytes:
    body = body.rstrip()
    while True:
        start = body.rfind(b"\n") + 1
        if not body[start:].lstrip().startswith(b"#"):
            return body
        body = body[:start].rstrip()


def _count_rows(body: Body, n_columns: int, origin: str) -> int:
    """Rows of the loop, after a check that each has a value for every column."""
    data, start, line, n_rows = body.data, 0, body.line, 0
    while start < len(data):
        end = data.rfind(b"\n", start, start + _CHUNK) + 1 or data.find(b"\n", start + _CHUNK) + 1 or len(data)
        end = len(data) if start + _CHUNK >= len(data) else end
        chars = np.frombuffer(data, np.uint8, end - start, start)
        newline = chars == 10
        space = newline | (chars == 32) | (chars == 9)
        starts = ~space
        starts[1:] &= space[:-1]
        ends = np.flatnonzero(newline)
        counts = np.diff(np.searchsorted(np.flatnonzero(starts), np.append(ends, len(chars))), prepend=0)
        wrong = (counts != n_columns) & (counts != 0)
        if wrong.any():
            first = int(np.argmax(wrong))
            raise _wrong_count(origin, line + first, int(counts[first]), n_columns)
        n_rows += int(np.count_nonzero(counts))
        line += len(ends)
        start = end
    return n_rows


def _tokens(line: str) -> list[str]:
    """Values of a line; a token that starts with # opens a comment."""
    tokens = []
    for match in _TOKEN.finditer(line):
        double, single, bare = match.groups()
        if bare is not None and bare.startswith("#"):
            break
        tokens.append(next(text for text in (double, single, bare) if text is not None))
    return tokens


# --- writing -------------------------------------------------------------------------------------------------------


def _check_writable(name: str, block: StarBlock) -> None:
    if re.search(r"\s", name) or any(re.search(r"\s", label) or not label for label in block.names):
        raise UsageError(f"block data_{name}: names can't hold blanks", hint="Use names without blanks")
    lengths = {label: len(values) for label, values in block.columns.items()}
    if len(set(lengths.values())) > 1:
        raise UsageError(f"block data_{name}: columns differ in length: {lengths}", hint="Give columns of one length")
    if not block.loop and set(lengths.values()) - {1}:
        raise UsageError(f"block data_{name}: simple pairs have one value per label", hint="Write it as a loop")


def _rows(block: StarBlock, start: int, stop: int) -> str:
    """Lines of the table; one template formats a whole row, which is several times faster than value by value."""
    columns, places = [], []
    for label in block.names:
        values = np.asarray(block.columns[label][start:stop])
        if values.dtype.kind == "f":
            place = "%12.12g"
        elif values.dtype.kind in "iu":
            place = "%12d"
        else:
            texts = _texts(values)
            columns.append(texts)
            places.append(f"%{max(12, max(map(len, texts), default=0))}s")
            continue
        columns.append(values.tolist())
        places.append(place)
    template = " ".join(places) + " \n"
    return "".join(map(template.__mod__, zip(*columns, strict=True)))


def _texts(values: np.ndarray) -> list[str]:
    if values.dtype.kind == "f":
        return [f"{value:.12g}" for value in values.tolist()]
    if values.dtype.kind in "iu":
        return [str(value) for value in values.tolist()]
    texts = values.tolist()
    return texts if _all_plain(texts) else [_value_text(value) for value in texts]


def _all_plain(texts: list[Any]) -> bool:
    """Whether all are texts that need no quotes, found without a look at each."""
    try:
        joined = "\n" + "\n".join(texts)
    except TypeError:
        return False
    if joined.split() != texts:  # one with a blank in it, or at its end, or without a letter
        return False
    return not any(f"\n{start}" in joined for start in _NOT_PLAIN)


def _value_text(value: Any) -> str:
    if value is None:
        raise UsageError("an unknown value can't be written to a STAR table", hint="Leave the column out")
    if isinstance(value, bool | np.bool_):
        return "1" if value else "0"
    if isinstance(value, float | np.floating):
        return f"{value:.12g}"
    text = str(value)
    plain = text and not re.search(r"\s", text) and text[0] not in "\"'#_;" and not text.startswith(("data_", "loop_"))
    if plain:
        return text
    for quote in "\"'":
        if not re.search(quote + r"(\s|$)", text) and not re.search(r"[\n\r\0\v\f\x1c-\x1e\x85\u2028\u2029]", text):
            return f"{quote}{text}{quote}"
    raise UsageError(f"{short_text(text)} can't be written to a STAR table", hint="Leave out quotes and line ends")


def _wrong_count(origin: str, line: int, found: int, wanted: int) -> DataError:
    return star_error(
        origin, f"line {line}: the row has {found} values for {wanted} columns", "Correct the row", line=line
    )
