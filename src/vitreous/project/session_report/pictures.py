"""The pictures of a report: images, power spectra, motion and Thon-ring fits, as PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150
TILE = 512
RING_SMOOTHING = 32  # shells; wider than the Thon rings that are shown
INK = "#1f2933"
ACCENT = "#0b6e99"
WARM = "#c8553d"
GREY = "#7b8794"


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    return _figure(width, height, "constrained")


def new_page(width: float, height: float) -> Figure:
    """A figure on which everything is placed by hand."""
    return _figure(width, height, None)


def _figure(width: float, height: float, layout: Literal["constrained"] | None) -> Figure:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"figure.facecolor": "white"}):
        return Figure(figsize=(width, height), dpi=DPI, layout=layout)


def png(figure: Figure) -> bytes:
    """The figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def shrink(image: np.ndarray, size: int) -> np.ndarray:
    """Mean of whole blocks so that no side is longer than about ``size`` px; float32 ``[y, x]``."""
    step = max(1, int(np.ceil(max(image.shape) / size)))
    ny, nx = (side // step for side in image.shape)
    blocks = np.asarray(image[: ny * step, : nx * step], np.float32).reshape(ny, step, nx, step)
    return np.asarray(blocks.mean(axis=(1, 3)))


def smooth(image: np.ndarray) -> np.ndarray:
    """Low-pass by the binomial kernel 1-2-1 in both directions; the border is repeated."""
    padded = np.pad(image, 1, mode="edge")
    rows = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return np.asarray(0.25 * rows[:, :-2] + 0.5 * rows[:, 1:-1] + 0.25 * rows[:, 2:])


def contrast_limits(image: np.ndarray, cut: float = 0.5) -> tuple[float, float]:
    """Grey levels that black and white stand for: percentiles ``cut`` and ``100 - cut`` of the finite values."""
    finite = image[np.isfinite(image)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite, (cut, 100.0 - cut))
    return float(low), float(high) if high > low else float(low) + 1.0


def amplitude_spectrum(image: np.ndarray, tile: int = TILE) -> np.ndarray:
    """Mean amplitude of the Fourier transforms of half-overlapping tiles, over a smooth radial background.

    Returns:
        ``[tile, tile]`` with zero frequency in the middle; a featureless image gives about 1 everywhere.
    """
    tile = min(tile, *(side - side % 2 for side in image.shape))
    window = np.hanning(tile)[:, None] * np.hanning(tile)[None, :]
    power = np.zeros((tile, tile // 2 + 1))
    for y in range(0, image.shape[0] - tile + 1, tile // 2):
        for x in range(0, image.shape[1] - tile + 1, tile // 2):
            part = np.asarray(image[y : y + tile, x : x + tile], np.float32)
            power += np.abs(np.fft.rfft2((part - part.mean()) * window)) ** 2
    half = np.sqrt(power)
    full = np.zeros((tile, tile))
    full[:, tile // 2 :] = np.fft.fftshift(half, axes=0)[:, :-1]
    full[1:, 1 : tile // 2] = full[1:, tile // 2 + 1 :][::-1, ::-1]
    grid = np.arange(tile) - tile // 2
    radius = np.hypot(grid[:, None], grid[None, :])
    return np.asarray(full / _background(full, radius)[np.minimum(radius.astype(int), tile // 2)])


def _background(spectrum: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Level of each shell to the corner of the band, smooth enough that Thon rings stay in the picture."""
    shell = radius.astype(int).ravel()
    n_shells = spectrum.shape[0] // 2 + 1
    inside = shell < n_shells
    order = np.argsort(shell[inside], kind="stable")
    groups = np.split(spectrum.ravel()[inside][order], np.flatnonzero(np.diff(shell[inside][order])) + 1)
    level = np.log(np.maximum([np.median(group) for group in groups], 1e-12))
    level[:2] = level[2]
    half = max(1, RING_SMOOTHING // 2)
    padded = np.pad(level, half, mode="reflect", reflect_type="odd")
    return np.asarray(np.exp(np.convolve(padded, np.full(2 * half + 1, 1.0 / (2 * half + 1)), mode="valid")))


def draw_image(image: np.ndarray, pixel_size: float, title: str) -> bytes:
    """A micrograph, averaged over blocks and contrast-stretched, with a scale bar in nm; row 0 at the bottom."""
    figure = new_figure(3.5, 3.75)
    axes = figure.add_subplot()
    small = smooth(shrink(image, 512))
    low, high = contrast_limits(small)
    ny, nx = small.shape
    axes.imshow(small, cmap="gray", vmin=low, vmax=high, origin="lower", interpolation="nearest")
    nanometres = nx * (image.shape[1] / nx) * pixel_size / 10.0
    bar = _round_length(nanometres / 4.0)
    length = bar / nanometres * nx
    axes.plot([0.04 * nx, 0.04 * nx + length], [0.05 * ny] * 2, color="white", linewidth=4, solid_capstyle="butt")
    axes.text(0.04 * nx, 0.065 * ny, f"{bar:g} nm", color="white", fontsize=10, va="bottom", fontweight="bold")
    _bare(axes, title)
    return png(figure)


def draw_spectrum(image: np.ndarray, pixel_size: float, title: str) -> bytes:
    """Power spectrum with circles of resolution."""
    figure = new_figure(3.5, 3.75)
    axes = figure.add_subplot()
    spectrum = smooth(amplitude_spectrum(image))
    low, high = 0.75, 1.35
    nyquist = 0.5 / pixel_size
    axes.imshow(
        spectrum,
        cmap="gray",
        vmin=low,
        vmax=high,
        origin="lower",
        extent=(-nyquist, nyquist, -nyquist, nyquist),
        interpolation="bilinear",
    )
    from matplotlib.patches import Circle

    shown = min(nyquist, 1.0 / 3.0)
    for resolution in (10.0, 6.0, 4.0):
        if 1.0 / resolution < shown:
            axes.add_patch(Circle((0, 0), 1.0 / resolution, fill=False, color="#f0b429", linewidth=0.9, linestyle=":"))
            axes.text(0, 1.0 / resolution, f" {resolution:g} Å", color="#f0b429", fontsize=9, va="bottom", ha="center")
    axes.set_xlim(-shown, shown)
    axes.set_ylim(-shown, shown)
    _bare(axes, title)
    return png(figure)


def draw_trajectory(trajectory: Mapping[str, Any], title: str) -> bytes:
    """Path of the whole field, Å, coloured by frame, with the start marked."""
    shift = np.asarray(trajectory["shift"], float)
    path = shift.mean(axis=(1, 2))
    figure = new_figure(3.5, 3.3)
    axes = figure.add_subplot()
    axes.plot(path[:, 0], path[:, 1], color="#cbd2d9", linewidth=1.2, zorder=1)
    dots = axes.scatter(path[:, 0], path[:, 1], c=np.arange(1, len(path) + 1), cmap="viridis", s=26, zorder=2)
    start = axes.scatter(
        path[0, 0], path[0, 1], marker="o", s=110, facecolors="none", edgecolors=WARM, linewidths=1.8, zorder=3
    )
    axes.legend([start], ["start"], loc="best", frameon=False, fontsize=9)
    figure.colorbar(dots, ax=axes, label="frame", shrink=0.85)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.12)
    _ruled(axes, title, "x / Å", "y / Å")
    return png(figure)


def draw_local_motion(trajectory: Mapping[str, Any], title: str) -> bytes:
    """Motion of each place relative to the mean, first to last frame, magnified by the scale below."""
    shift = np.asarray(trajectory["shift"], float)
    local = shift - shift.mean(axis=(1, 2), keepdims=True)
    local = local - local[:1]
    x, y = np.meshgrid(np.asarray(trajectory["x"], float), np.asarray(trajectory["y"], float))
    largest = float(np.hypot(local[..., 0], local[..., 1]).max())
    spacing = float(np.diff(np.asarray(trajectory["x"], float)).min()) if len(trajectory["x"]) > 1 else 1.0
    scale = 0.8 * spacing / largest if largest > 0 else 1.0
    figure = new_figure(3.5, 3.3)
    axes = figure.add_subplot()
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            track = local[:, row, column] * scale
            axes.plot(x[row, column] + track[:, 0], y[row, column] + track[:, 1], color=ACCENT, linewidth=1.6)
            axes.plot(x[row, column] + track[-1, 0], y[row, column] + track[-1, 1], "o", color=WARM, markersize=4)
    axes.plot(x.ravel(), y.ravel(), ".", color=GREY, markersize=3)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.14)
    note = f"tracks × {scale:.0f} px/Å, the longest {largest:.1f} Å"
    _ruled(axes, title, f"x / px\n{note}", "y / px")
    return png(figure)


def draw_rings(diagnostic: np.ndarray, title: str) -> bytes:
    """The two-dimensional spectrum with the fit in its lower-left quadrant."""
    figure = new_figure(3.5, 3.75)
    axes = figure.add_subplot()
    low, high = contrast_limits(diagnostic, 0.3)
    axes.imshow(diagnostic, cmap="gray", vmin=low, vmax=high, origin="lower", interpolation="bilinear")
    _bare(axes, title)
    return png(figure)


def draw_curves(result: Mapping[str, Any], title: str) -> bytes:
    """Radial spectrum, fitted CTF and their agreement against spatial frequency."""
    curves = {name: np.array(values, float) for name, values in result["curves"].items()}
    frequency = curves["frequency"]
    figure = new_figure(9.4, 3.4)
    axes = figure.add_subplot()
    axes.plot(frequency, curves["spectrum"], color=INK, linewidth=1.0, label="spectrum")
    axes.plot(frequency, curves["fit"], color=WARM, linewidth=1.2, label="CTF² fitted")
    axes.plot(frequency, curves["quality"], color=ACCENT, linewidth=1.2, label="agreement")
    resolution = result.get("fit_resolution")
    if resolution:
        axes.axvline(1.0 / resolution, color=GREY, linestyle="--", linewidth=1.0)
        axes.text(1.0 / resolution, 1.12, f" {resolution:.1f} Å", color=GREY, fontsize=9, va="bottom")
    end = min(float(frequency[-1]), 1.5 / resolution if resolution else float(frequency[-1]))
    axes.set_xlim(0.0, end)
    axes.set_ylim(-0.3, 1.35)
    axes.legend(loc="upper right", frameon=False, fontsize=9, ncols=3)
    _ruled(axes, title, "spatial frequency / Å⁻¹", "")
    return png(figure)


def _round_length(length: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above ``length``."""
    power = 10.0 ** np.floor(np.log10(max(length, 1e-9)))
    return float(max(step for step in (1.0, 2.0, 5.0) if step * power <= length * (1 + 1e-9)) * power)


def _bare(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=11, color=INK, loc="left")
    axes.set_xticks([])
    axes.set_yticks([])


def _ruled(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=11, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(color="#e4e7eb", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
