"""The picture of a CTF fit: the spectrum in two dimensions beside its curves."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_GREEN, _ORANGE, _BLUE = (0, 158, 115), (213, 122, 0), (0, 114, 178)
_INK, _FAINT, _GRID = (33, 37, 41), (110, 116, 122), (228, 231, 234)
_SCALE = 2
_SIDE = 512
_WIDTH = 1216
_HEIGHT = 604
_CORNER = (560, 58)
_PLOT = (52, 38, 624, 462)
_RESOLUTIONS = (40.0, 20.0, 15.0, 10.0, 8.0, 7.0, 6.0, 5.0, 4.5, 4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.0)


@dataclass(frozen=True)
class FitPicture:
    """What is drawn.

    Attributes:
        title: one line of text (the file's name).
        facts: a second line: defocus, astigmatism, resolution.
        diagnostic: ``[n, n]`` with row 0 lowest, -3..3.
        frequency, spectrum, fit, quality: curves; frequency in 1/Å.
        fit_resolution: Å, marked by a line; ``None`` where no rings are seen.
        max_frequency: 1/Å, right end of the axis.
        nyquist: 1/Å, edge of ``diagnostic``.
    """

    title: str
    facts: str
    diagnostic: np.ndarray
    frequency: np.ndarray
    spectrum: np.ndarray
    fit: np.ndarray
    quality: np.ndarray
    fit_resolution: float | None
    max_frequency: float
    nyquist: float


def draw_fit(picture: FitPicture) -> Image.Image:
    """Draw the two-dimensional spectrum beside spectrum (green), fit (orange) and quality (blue) over frequency."""
    whole = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    _paste_spectrum(whole, picture)
    # Only curves and letters gain by being drawn large first.
    head = Image.new("RGB", (_WIDTH * _SCALE, _CORNER[1] * _SCALE), "white")
    pen = ImageDraw.Draw(head)
    _text(pen, (32, 18), picture.title, 17, _INK, "la")
    _text(pen, (32, 40), picture.facts, 14, _FAINT, "la")
    whole.paste(head.reduce(_SCALE), (0, 0))
    plot = Image.new("RGB", ((_WIDTH - _CORNER[0]) * _SCALE, (_HEIGHT - _CORNER[1]) * _SCALE), "white")
    pen = ImageDraw.Draw(plot)
    _draw_axes(pen, picture)
    for values, colour, width in (
        (picture.spectrum, _GREEN, 1.6),
        (picture.fit, _ORANGE, 1.4),
        (picture.quality, _BLUE, 1.8),
    ):
        _draw_curve(pen, picture, values, colour, width)
    _draw_mark(pen, picture)
    _draw_legend(pen)
    whole.paste(plot.reduce(_SCALE), _CORNER)
    return whole


def png_of(picture: Image.Image) -> bytes:
    """A PNG file's bytes. Rows are not filtered: for noise and blank paper that costs time and saves nothing."""
    import imagecodecs

    return bytes(imagecodecs.png_encode(np.asarray(picture), level=2, filter=imagecodecs.PNG.FILTER.NONE))


def _paste_spectrum(canvas: Image.Image, picture: FitPicture) -> None:
    # 51 shades are more than the eye tells apart in noise, and half as long to compress.
    grey = np.clip((picture.diagnostic[::-1] + 3.0) * (51.0 / 6.0), 0, 51).astype(np.uint8) * np.uint8(5)
    square = Image.fromarray(grey)
    if square.size != (_SIDE, _SIDE):
        square = square.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    canvas.paste(square, (32, 70))
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((32, 70, 32 + _SIDE, 70 + _SIDE), outline=_FAINT)
    if picture.fit_resolution is not None:
        radius = _SIDE / 2 / (picture.fit_resolution * picture.nyquist)
        for start in range(0, 360, 6):
            angles = np.radians([start, start + 1.5, start + 3])
            xs, ys = 32 + _SIDE / 2 + radius * np.cos(angles), 70 + _SIDE / 2 + radius * np.sin(angles)
            pen.line([(float(x), float(y)) for x, y in zip(xs, ys, strict=True)], fill=(255, 190, 90), width=1)


def _draw_axes(pen: ImageDraw.ImageDraw, picture: FitPicture) -> None:
    left, top, right, bottom = _PLOT
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(value)
        pen.line(_scaled((left, y, right, y)), fill=_GRID, width=_SCALE)
        _text(pen, (left - 8, y), f"{value:g}", 12, _INK, "rm")
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if picture.max_frequency / s <= 9 or s == 0.5)
    for i in range(int(picture.max_frequency / step + 1e-6) + 1):
        x = _x(picture, i * step)
        pen.line(_scaled((x, bottom, x, bottom + 5)), fill=_INK, width=_SCALE)
        _text(pen, (x, bottom + 9), f"{i * step:g}", 12, _INK, "ma")
    last = float(left)
    for resolution in _RESOLUTIONS:
        x = _x(picture, 1.0 / resolution)
        if x > right - 4 or x - last < 26:
            continue
        last = x
        pen.line(_scaled((x, top, x, bottom)), fill=_GRID, width=_SCALE)
        pen.line(_scaled((x, top - 5, x, top)), fill=_INK, width=_SCALE)
        _text(pen, (x, top - 8), f"{resolution:g}", 12, _INK, "ms")
    pen.rectangle(_scaled((left, top, right, bottom)), outline=_INK, width=_SCALE)
    _text(pen, ((left + right) / 2, bottom + 30), "spatial frequency (1/Å)", 14, _INK, "ma")
    _text(pen, ((left + right) / 2, top - 26), "resolution (Å)", 14, _INK, "ms")


def _draw_curve(
    pen: ImageDraw.ImageDraw, picture: FitPicture, values: np.ndarray, colour: tuple[int, int, int], width: float
) -> None:
    inside = (picture.frequency <= picture.max_frequency) & np.isfinite(values)
    shown = np.clip(values[inside], -0.1, 1.1)
    points = [
        (_x(picture, float(s)) * _SCALE, _y(float(v)) * _SCALE)
        for s, v in zip(picture.frequency[inside], shown, strict=True)
    ]
    if len(points) > 1:
        pen.line(points, fill=colour, width=round(width * _SCALE), joint="curve")


def _draw_mark(pen: ImageDraw.ImageDraw, picture: FitPicture) -> None:
    left, top, right, bottom = _PLOT
    if picture.fit_resolution is None:
        _text(pen, ((left + right) / 2, (top + bottom) / 2), "no Thon rings seen", 16, _INK, "mm")
        return
    x = _x(picture, 1.0 / picture.fit_resolution)
    for y in range(top, bottom, 9):
        pen.line(_scaled((x, y, x, min(y + 5, bottom))), fill=_INK, width=_SCALE)
    room = right - x > 84
    label = (x + 6, bottom - 10) if room else (x - 6, bottom - 10)
    text = f"fit to {picture.fit_resolution:.2f} Å"
    _text(pen, label, text, 13, _INK, "ls" if room else "rs", background=True)


def _draw_legend(pen: ImageDraw.ImageDraw) -> None:
    left, _, _, bottom = _PLOT
    x, y = float(left), bottom + 66.0
    for name, colour in (("spectrum", _GREEN), ("fit (CTF²)", _ORANGE), ("quality of fit", _BLUE)):
        pen.line(_scaled((x, y, x + 26, y)), fill=colour, width=3 * _SCALE)
        _text(pen, (x + 34, y), name, 14, _INK, "lm")
        x += 150.0


def _x(picture: FitPicture, frequency: float) -> float:
    return _PLOT[0] + (_PLOT[2] - _PLOT[0]) * frequency / picture.max_frequency


def _y(value: float) -> float:
    return _PLOT[3] - (_PLOT[3] - _PLOT[1]) * (value + 0.1) / 1.2


def _scaled(numbers: Sequence[float]) -> list[float]:
    return [number * _SCALE for number in numbers]


@functools.cache
def _font(size: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    """A font, and whether it has Å, µ and ²: a common one of the system, else Pillow's own, which has not."""
    for name in ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf"):
        try:
            return ImageFont.truetype(name, round(0.92 * size * _SCALE)), True
        except OSError:
            continue
    return ImageFont.load_default(size * _SCALE), False


def _text(
    pen: ImageDraw.ImageDraw,
    where: tuple[float, float],
    text: str,
    size: int,
    colour: tuple[int, int, int],
    anchor: str,
    background: bool = False,
) -> None:
    font, whole = _font(size)
    if not whole:
        text = text.replace("Å", "A").replace("µ", "u").replace("²", "^2")
    place = (where[0] * _SCALE, where[1] * _SCALE)
    if background:
        box = pen.textbbox(place, text, font=font, anchor=anchor)
        pen.rectangle((box[0] - 6, box[1] - 4, box[2] + 6, box[3] + 4), fill="white")
    pen.text(place, text, fill=colour, font=font, anchor=anchor)
