"""Write EER movies from lists of electron events: simulated data."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.formats.base import atomic_path
from vitreous.formats.eer_codec import encode_events

LAYOUTS = {"8+4": (65000, 8, 2, 2), "7+4": (65001, 7, 2, 2), "7+2": (65002, 7, 1, 1)}
"""Name → TIFF compression, bits of run, x and y position."""


def write_eer(
    path: Path | str,
    frames: Iterable[tuple[np.ndarray, np.ndarray]],
    *,
    shape: tuple[int, int],
    upsampling: int = 4,
    layout: str = "7+4",
    pixel_size: float | None = None,
    total_dose: float | None = None,
    exposure_time: float | None = None,
    seed: int = 0,
) -> Path:
    """Write an EER movie atomically.

    Args:
        path: the file, replaced where it exists.
        frames: of each raw frame the events' ``(x, y)``: integer arrays on a grid ``upsampling`` times finer than
            the camera's, row 0 at the bottom. Of several events in one camera pixel of a raw frame one is kept.
        shape: ``(ny, nx)`` of the camera.
        upsampling: 1, 2 or 4; where the file stores finer positions, these are random within the grid's pixel.
        layout: "8+4", "7+4" or "7+2" (one bit each way; positions to half a pixel).
        pixel_size: Å of a camera pixel at the specimen.
        total_dose: e/Å² of the whole exposure; needs the pixel size.
        exposure_time: s.
        seed: of the random positions.

    Raises:
        UsageError: an option is none of those above, an event lies outside the camera, or there is no frame.
    """
    if layout not in LAYOUTS or upsampling not in (1, 2, 4):
        raise UsageError(
            f"EER layout {layout!r} with upsampling {upsampling} is not known",
            hint=f"Layouts are {', '.join(LAYOUTS)}; upsampling is 1, 2 or 4",
        )
    if total_dose is not None and pixel_size is None:
        raise UsageError("a total dose is given without a pixel size", hint="EER stores e/pixel: give both")
    code, run_bits, x_bits, y_bits = LAYOUTS[layout]
    random = np.random.default_rng(seed)
    path = Path(path)
    with atomic_path(path) as aside, open(aside, "wb") as out:
        out.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        link, n = 8, 0
        # Each directory comes before its data, so that the first one shows in the first bytes of the file.
        for events in frames:
            x, y = (
                _on_grid(p, s, upsampling, b, random)
                for p, s, b in zip(events, shape[::-1], (x_bits, y_bits), strict=True)
            )
            data = encode_events(x, y, shape, run_bits=run_bits, x_bits=x_bits, y_bits=y_bits)
            text = _metadata_text(shape, pixel_size, total_dose, exposure_time) if n == 0 else b""
            at = out.tell() + out.tell() % 2
            out.seek(link)
            out.write(struct.pack("<Q", at))
            out.seek(at)
            directory, link = _directory(at, shape, code, (run_bits, x_bits, y_bits), len(data), text)
            out.write(directory + text + data)
            n += 1
        if n == 0:
            raise UsageError(f"no frame is given for {path}", hint="Give at least one")
    return path


def _on_grid(positions: np.ndarray, size: int, upsampling: int, bits: int, random: np.random.Generator) -> np.ndarray:
    found = np.asarray(positions)
    if found.dtype.kind not in "iu":
        raise UsageError(f"positions of events are {found.dtype}", hint="Give integers on the upsampled grid")
    if found.size and not (int(found.min()) >= 0 and int(found.max()) < size * upsampling):
        raise UsageError(
            f"an event at {int(found.min())} or {int(found.max())} is outside the camera's {size * upsampling} px",
            hint="Leave out events beyond the edge",
        )
    finer = 2**bits / upsampling
    if finer <= 1:
        return found.astype(np.int64) // int(1 / finer)
    return found.astype(np.int64) * int(finer) + random.integers(0, int(finer), found.shape)


def _metadata_text(
    shape: tuple[int, int], pixel_size: float | None, total_dose: float | None, exposure_time: float | None
) -> bytes:
    items: list[tuple[str, str, object]] = [
        ("sensorImageWidth", "pixel", shape[1]),
        ("sensorImageHeight", "pixel", shape[0]),
    ]
    if pixel_size is not None:
        items += [(f"sensorPixelSize.{side}", "m", pixel_size * 1e-10) for side in ("width", "height")]
        if total_dose is not None:
            items.append(("totalDose", "e/pixel", total_dose * pixel_size**2))
    if exposure_time is not None:
        items.append(("exposureTime", "s", exposure_time))
    lines = (f'<item name="{escape(n)}" unit="{u}">{v}</item>' for n, u, v in items)
    return ("<metadata>" + "".join(lines) + "</metadata>").encode()


def _directory(
    at: int, shape: tuple[int, int], code: int, bits: tuple[int, int, int], n_bytes: int, text: bytes
) -> tuple[bytes, int]:
    """One BigTIFF directory placed at ``at``, followed by ``text`` and the data; the offset of its link to the next."""
    short, long_, wide, undefined = 3, 4, 16, 7
    tags = [(256, long_, 1, shape[1]), (257, long_, 1, shape[0]), (258, short, 1, 1), (259, short, 1, code)]
    tags += [(262, short, 1, 1), (277, short, 1, 1), (278, long_, 1, shape[0])]
    n = len(tags) + 2 + (1 if text else 0) + (3 if code == 65002 else 0)
    end = at + 8 + 20 * n + 8
    tags += [(273, wide, 1, end + len(text)), (279, wide, 1, n_bytes)]
    if text:
        tags.append((65001, undefined, len(text), end))
    if code == 65002:
        tags += [(tag, short, 1, value) for tag, value in zip((65007, 65008, 65009), bits, strict=True)]
    entries = b"".join(struct.pack("<HHQQ", *tag) for tag in sorted(tags))
    return struct.pack("<Q", n) + entries + struct.pack("<Q", 0), at + 8 + 20 * n
