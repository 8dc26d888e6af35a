"""A simulated camera: movies appear in a folder slowly and one after the other, bad ones among them on request."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from vitreous.core.errors import UsageError
from vitreous.formats.images import open_images
from vitreous.formats.tiff_write import TiffStackWriter

Fault = Literal["zero", "truncated", "wrong-size", "fewer-frames", "duplicate", "forbidden"]
FAULTS: tuple[Fault, ...] = get_args(Fault)


@dataclass(frozen=True)
class Shot:
    """One movie that the camera will write.

    Attributes:
        name: of the file; may begin with folders.
        movie: the file whose content it has.
        fault: what goes wrong with it.
        mdoc: text of an mdoc that is written beside it, before the movie's last bytes.
    """

    name: str
    movie: Path
    fault: Fault | None = None
    mdoc: str | None = None


def with_faults(shots: Sequence[Shot], faults: Mapping[int, Fault]) -> tuple[Shot, ...]:
    """The shots, some of them with a fault; number (from 0) → fault."""
    return tuple(replace(shot, fault=faults.get(number, shot.fault)) for number, shot in enumerate(shots))


def mdoc_text(
    movie_name: str, *, pixel_size: float, voltage: float, frames: int, total_dose: float, tilt_angle: float = 0.0
) -> str:
    """An mdoc of one movie as SerialEM writes it (Å, kV, e/Å², degrees)."""
    return (
        f"T = SerialEM: simulated camera\n\n[FrameSet = 0]\nTiltAngle = {tilt_angle:g}\nPixelSpacing = {pixel_size:g}\n"
        f"Voltage = {voltage:g}\nExposureDose = {total_dose:g}\nNumSubFrames = {frames}\n"
        f"SubFramePath = X:\\frames\\{movie_name}\nDateTime = {time.strftime('%d-%b-%Y  %H:%M:%S')}\n"
    )


def run_camera(
    shots: Iterable[Shot],
    folder: Path,
    *,
    interval: float = 1.0,
    writing_time: float = 0.5,
    portions: int = 10,
    stop: threading.Event | None = None,
) -> list[Path]:
    """Write the shots; the paths that were written.

    Args:
        shots: in order.
        folder: the camera's; made where it is missing.
        interval: s from the end of one movie to the beginning of the next.
        writing_time: s over which a movie grows.
        portions: in which it is written.
        stop: ends the camera, perhaps in the midst of a movie.

    Raises:
        UsageError: a fault is not known, or the first shot is to be a duplicate.
        DataError: a movie can't be read.
    """
    stop = threading.Event() if stop is None else stop
    written: list[Path] = []
    before: Shot | None = None
    for shot in shots:
        if stop.is_set():
            break
        path = folder / shot.name
        path.parent.mkdir(parents=True, exist_ok=True)
        _expose(shot, before, path, writing_time, portions, stop)
        written.append(path)
        before = shot if shot.fault is None else before
        stop.wait(interval)
    return written


def _expose(
    shot: Shot, before: Shot | None, path: Path, writing_time: float, portions: int, stop: threading.Event
) -> None:
    """Write one movie."""
    data = _content(shot, before, path)
    with open(path, "wb", buffering=0) as handle:
        for number, portion in enumerate(_portions(data, portions)):
            if stop.is_set():
                return
            handle.write(portion)
            if shot.mdoc is not None and number == 0:
                path.with_name(f"{path.name}.mdoc").write_text(shot.mdoc)
            stop.wait(writing_time / portions)
    if shot.fault == "forbidden":
        os.chmod(path, 0)


def _portions(data: bytes, count: int) -> Iterator[bytes]:
    size = max(1, -(-len(data) // count))
    for start in range(0, len(data), size):
        yield data[start : start + size]


def _content(shot: Shot, before: Shot | None, path: Path) -> bytes:
    """The bytes that the camera writes, right or wrong."""
    if shot.fault not in (None, *FAULTS):
        raise UsageError(f"the fault {shot.fault!r} is not known", hint="Known are " + ", ".join(FAULTS))
    if shot.fault == "zero":
        return b""
    if shot.fault == "duplicate":
        if before is None:
            raise UsageError("the first movie can't be a duplicate", hint="Give the fault to a later one")
        return before.movie.read_bytes()
    if shot.fault in ("wrong-size", "fewer-frames"):
        return _altered(shot, path)
    data = shot.movie.read_bytes()
    return data[: len(data) * 3 // 5] if shot.fault == "truncated" else data


def _altered(shot: Shot, path: Path) -> bytes:
    """The movie with frames of another size, or without its last quarter of frames, as LZW TIFF."""
    aside = path.with_name(f".{path.name}.altered.tmp")
    with open_images(shot.movie) as images:
        header = images.header
        ny, nx = header.shape if shot.fault == "fewer-frames" else (header.shape[0] * 3 // 4, header.shape[1] * 3 // 4)
        n = header.n_frames - max(1, header.n_frames // 4) if shot.fault == "fewer-frames" else header.n_frames
        dtype = header.dtype if header.dtype.name != "int8" else "int16"
        try:
            with TiffStackWriter(aside, (ny, nx), dtype, pixel_size=header.acquisition.pixel_size) as writer:
                for frame in images.frames(0, n):
                    writer.append(frame[:ny, :nx].astype(dtype))
            return aside.read_bytes()
        finally:
            aside.unlink(missing_ok=True)
