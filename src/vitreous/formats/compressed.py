"""Read MRC files in gzip, bzip2 or zstd as a stream: one frame in memory, no temporary file."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import zstandard

from vitreous.core.errors import VitreousError
from vitreous.formats.frame_reader import FrameReader
from vitreous.formats.image_faults import image_fault
from vitreous.formats.image_formats import COMPRESSED_STARTS
from vitreous.formats.mrc import mrc_image_header
from vitreous.formats.mrc_extended import extended_bytes_wanted, read_extended
from vitreous.formats.mrc_header import HEADER_BYTES, bytes_are_unsigned, read_layout, read_record

MAX_EXTENDED_BYTES = 1 << 26
WINDOW_BYTES = 1 << 27
PORTION = 1 << 20
MAX_RATIO = 5000
"""Camera noise does not pack closer than this; small frames may."""
FREE_BYTES = 1 << 26
FAULTS = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


def open_compressed_mrc(path: Path) -> CompressedMrcFile:
    """Open an MRC file packed by gzip, bzip2 or zstd.

    Frames are read in order as the stream is unpacked; going back begins at the start again. How many frames are
    whole is known only at the end: ``n_frames`` is what the header declares, and a frame that is missing is a
    ``DataError`` when it is read.

    Raises:
        DataError: the stream is damaged, or no MRC file is in it.
    """
    images = CompressedMrcFile(path)
    try:
        images.read_header()
    except BaseException:
        images.close()
        raise
    return images


class CompressedMrcFile(FrameReader):
    """An open compressed MRC file (the ``ImageFile`` protocol); one thread at a time may use it."""

    def __init__(self, path: Path) -> None:
        """Open the stream."""
        self.path = path
        self._stack = ExitStack()
        self._at = 0
        self._stream: Any = None
        self._restart()

    def _restart(self) -> None:
        self._stack.close()
        with self._faults():
            handle = self._stack.enter_context(open(self.path, "rb"))  # noqa: SIM115 - closed by the stack
            start = handle.read(4)
            handle.seek(0)
            kind = next((name for magic, name in COMPRESSED_STARTS.items() if start.startswith(magic)), None)
            if kind == "gzip":
                self._stream = self._stack.enter_context(gzip.GzipFile(fileobj=handle))
            elif kind == "bzip2":
                self._stream = self._stack.enter_context(bz2.BZ2File(handle))
            elif kind == "zstd":
                unpacker = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES)
                self._stream = self._stack.enter_context(unpacker.stream_reader(handle, read_across_frames=True))
            else:
                raise image_fault(self.path, "is not packed by gzip, bzip2 or zstd")
        self._at = 0

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except VitreousError:
            raise
        except FAULTS as error:
            raise image_fault(self.path, f"can't be unpacked after byte {self._at:,} ({error})") from error

    def read_header(self) -> None:
        """Read the MRC header; the first frame too where only pixels tell the sign of bytes."""
        record, order = read_record(self.path, self._take(HEADER_BYTES))
        layout = read_layout(self.path, record, order)
        if layout.offset > HEADER_BYTES + MAX_EXTENDED_BYTES:
            raise image_fault(self.path, f"states an extended header of {layout.offset - HEADER_BYTES:,} bytes")
        packed_bytes = self.path.stat().st_size
        if layout.frame_bytes > FREE_BYTES + MAX_RATIO * packed_bytes:
            reason = f"states frames of {layout.frame_bytes:,} bytes in a file of {packed_bytes:,}"
            raise image_fault(self.path, reason, "The header is damaged: copy the file again, or leave it out")
        recorded = read_extended(record, order, self._take(extended_bytes_wanted(record)))
        self._layout = layout
        if layout.byte_signs_unknown and bytes_are_unsigned(record, self._read(0)):
            self._layout = replace(layout, stored=np.dtype("u1"))
        header = mrc_image_header(self.path, record, self._layout, recorded)
        self.header = replace(header, format="mrc-compressed")

    def _take(self, count: int) -> bytes:
        """Up to ``count`` bytes, fewer at the end of the stream; memory grows only with what is there."""
        parts = []
        with self._faults():
            while count > 0 and (part := self._stream.read(min(count, PORTION))):
                parts.append(part)
                count -= len(part)
                self._at += len(part)
        return b"".join(parts)

    def _read(self, index: int) -> np.ndarray:
        layout = self._layout
        offset = layout.offset + index * layout.frame_bytes
        if offset < self._at:
            self._restart()
        while self._at < offset:
            if not self._take(min(PORTION, offset - self._at)):
                break
        stored = np.empty(layout.stored_shape, layout.stored)
        view = stored.reshape(-1).view(np.uint8).data
        done = 0
        with self._faults():
            while self._at >= offset and done < len(view):
                count = self._stream.readinto(view[done : done + PORTION])
                if not count:
                    break
                done += count
                self._at += count
        if done < len(view):
            whole = max(0, self._at - layout.offset) // layout.frame_bytes
            raise image_fault(self.path, f"ends in frame {index}: {whole} of {layout.n_sections} frames are whole")
        return layout.decode(stored)

    def close(self) -> None:
        """Release the file."""
        self._stack.close()
