"""CPU kernels of the inner loops of alignment; each has a plain torch twin that runs on other devices."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "fastmath": True}


@numba.njit(**_OPTIONS)
def add_shifted(transforms: np.ndarray, ramp_y: np.ndarray, ramp_x: np.ndarray, out: np.ndarray) -> None:
    """``out[y, x] += Σ_k transforms[k, y, x] ramp_y[k, y] ramp_x[k, x]``."""
    n, height, width = transforms.shape
    for y in range(height):
        row = out[y]
        for k in range(n):
            factor = ramp_y[k, y]
            ramp = ramp_x[k]
            line = transforms[k, y]
            for x in range(width):
                row[x] += line[x] * (factor * ramp[x])


@numba.njit(**_OPTIONS)
def shift_gradients(
    transforms: np.ndarray,
    ramp_y: np.ndarray,
    ramp_x: np.ndarray,
    reference: np.ndarray,
    weights: np.ndarray,
    ring: np.ndarray,
    column_weight: np.ndarray,
    theta_y: np.ndarray,
    theta_x: np.ndarray,
    out: np.ndarray,
) -> None:
    """Gradient and observed curvature of each frame's correlation with ``reference``, into ``out [n, 3]``.

    ``out[k, :2] = -Σ c w(ring) Im(T_k ramp conj(reference)) (θ_x, θ_y)`` and
    ``out[k, 2] = Σ c w(ring) Re(T_k ramp conj(reference - T_k ramp)) θ²/2``; ``weights [n_rings + 1]`` ends in 0.
    """
    n, height, width = transforms.shape
    half = np.float32(0.5)
    for k in range(n):
        total_x = 0.0
        total_y = 0.0
        bend = 0.0
        ramp = ramp_x[k]
        for y in range(height):
            factor = ramp_y[k, y]
            line = transforms[k, y]
            other = reference[y]
            rings = ring[y]
            row_x = np.float32(0.0)
            row = np.float32(0.0)
            row_bend = np.float32(0.0)
            square = theta_y[y] * theta_y[y]
            for x in range(width):
                moved = line[x] * (factor * ramp[x])
                weight = column_weight[x] * weights[rings[x]]
                value = weight * (moved.imag * other[x].real - moved.real * other[x].imag)
                row += value
                row_x += value * theta_x[x]
                cosine = moved.real * (other[x].real - moved.real) + moved.imag * (other[x].imag - moved.imag)
                row_bend += weight * cosine * (square + theta_x[x] * theta_x[x])
            total_x -= float(row_x)
            total_y -= float(row * theta_y[y])
            bend += float(half * row_bend)
        out[k, 0] = total_x
        out[k, 1] = total_y
        out[k, 2] = bend


@numba.njit(**_OPTIONS)
def ring_power(transform: np.ndarray, ring: np.ndarray, column_weight: np.ndarray, out: np.ndarray) -> None:
    """``out[ring] += c |T|²`` over all coefficients; ``out [n_rings + 1]`` float64."""
    height, width = transform.shape
    for y in range(height):
        line = transform[y]
        rings = ring[y]
        for x in range(width):
            value = line[x]
            out[rings[x]] += column_weight[x] * (value.real * value.real + value.imag * value.imag)


@numba.njit(**_OPTIONS)
def scale_rings(transform: np.ndarray, ring: np.ndarray, table: np.ndarray, out: np.ndarray) -> None:
    """``out = T table[ring]``; ``table [n_rings + 1]`` ends in 0."""
    height, width = transform.shape
    for y in range(height):
        line = transform[y]
        rings = ring[y]
        row = out[y]
        for x in range(width):
            row[x] = line[x] * table[rings[x]]


@numba.njit(**_OPTIONS)
def _add_line(line: np.ndarray, out: np.ndarray) -> None:
    for x in range(out.shape[0]):
        out[x] += np.float32(line[x])


@numba.njit(**_OPTIONS)
def add_image(image: np.ndarray, out: np.ndarray) -> None:
    """``out += image``, of any number type."""
    for y in range(out.shape[0]):
        _add_line(image[y], out[y])


@numba.njit(**_OPTIONS)
def _add_filtered(line: np.ndarray, factor: float, out: np.ndarray) -> None:
    for x in range(out.shape[0]):
        out[x] += factor * np.float32(line[x])


@numba.njit(**_OPTIONS)
def decimate(frame: np.ndarray, taps: np.ndarray, factor: int, out: np.ndarray) -> None:
    """``out[y, x] = Σ taps[j] taps[i] frame[y f + j - r, x f + i - r]``, r = len(taps) // 2, the border repeated.

    Columns are sorted by their remainder modulo the factor, so that the sums along x read contiguous memory too.
    """
    height, width = out.shape
    reach = taps.shape[0] // 2
    whole = frame.shape[1]
    padded = whole + 2 * reach
    line = np.empty(whole, np.float32)
    per_phase = padded // factor + 1
    phases = np.empty((factor, per_phase), np.float32)
    for y in range(height):
        line[:] = 0.0
        for j in range(taps.shape[0]):
            source = min(max(y * factor + j - reach, 0), frame.shape[0] - 1)
            _add_filtered(frame[source], taps[j], line)
        for phase in range(factor):
            part = phases[phase]
            for k in range(per_phase):
                column = min(max(k * factor + phase - reach, 0), whole - 1)
                part[k] = line[np.uintp(column)]
        row = out[y]
        row[:] = 0.0
        for i in range(taps.shape[0]):
            first = i // factor
            _add_filtered(phases[i % factor, first : first + width], taps[i], row)


BLOCK = 64
_SPAN = BLOCK + 16  # a block and the spline's reach, as whole vectors


@numba.njit(**_OPTIONS)
def _fifth(t: float) -> float:
    square = t * t
    return square * square * t


@numba.njit(**_OPTIONS)
def _quintic(t: float, out: np.ndarray) -> None:
    """Values of the quintic B-spline at the six nearest samples, 0 ≤ t < 1 (Unser 1999)."""
    a1, a2, a3 = _fifth(1.0 - t), _fifth(2.0 - t), _fifth(3.0 - t)
    b0, b1, b2 = _fifth(t), _fifth(1.0 + t), _fifth(2.0 + t)
    out[0] = a1 / 120.0
    out[1] = (a2 - 6.0 * a1) / 120.0
    out[2] = (a3 - 6.0 * a2 + 15.0 * a1) / 120.0
    out[3] = (b2 - 6.0 * b1 + 15.0 * b0) / 120.0
    out[4] = (b1 - 6.0 * b0) / 120.0
    out[5] = b0 / 120.0


@numba.njit(**_OPTIONS)
def _along_y(
    w: np.ndarray,
    r0: np.ndarray,
    r1: np.ndarray,
    r2: np.ndarray,
    r3: np.ndarray,
    r4: np.ndarray,
    r5: np.ndarray,
    low: int,
    out: np.ndarray,
) -> None:
    """Weighted sum of six rows from ``low`` on; indices that may be negative would keep the loop from vectorising."""
    w0, w1, w2, w3, w4, w5 = w[0], w[1], w[2], w[3], w[4], w[5]
    start = np.uintp(low)
    for i in range(out.shape[0]):
        x = start + np.uintp(i)
        out[i] = w0 * r0[x] + w1 * r1[x] + w2 * r2[x] + w3 * r3[x] + w4 * r4[x] + w5 * r5[x]


@numba.njit(**_OPTIONS)
def _along_x(w: np.ndarray, line: np.ndarray, low: int, number: int, out: np.ndarray) -> None:
    """Six-tap filter of ``number`` samples into ``out`` from ``low`` on; ``line`` begins two samples before."""
    w0, w1, w2, w3, w4, w5 = w[0], w[1], w[2], w[3], w[4], w[5]
    start = np.uintp(low)
    for i in range(number):
        out[start + np.uintp(i)] = (
            w0 * line[i] + w1 * line[i + 1] + w2 * line[i + 2] + w3 * line[i + 3] + w4 * line[i + 4] + w5 * line[i + 5]
        )


@numba.njit(**_OPTIONS)
def _add_scaled(row: np.ndarray, factor: float, out: np.ndarray) -> None:
    for x in range(out.shape[0]):
        out[x] += factor * row[x]


@numba.njit(**_OPTIONS)
def _displacement(powers: np.ndarray, u: float, v: float) -> float:
    """Polynomial Σ powers[i, j] u^i v^j."""
    total = 0.0
    for i in range(4, -1, -1):
        p = powers[i]
        total = total * u + (p[0] + v * (p[1] + v * (p[2] + v * (p[3] + v * p[4]))))
    return total


@numba.njit(**_OPTIONS)
def _row(frame: np.ndarray, y: int) -> np.ndarray:
    """Row ``y``, the border repeated."""
    return frame[min(max(y, 0), frame.shape[0] - 1)]


@numba.njit(**_OPTIONS)
def _moved_row(frame: np.ndarray, powers: np.ndarray, y: int, work: np.ndarray, out: np.ndarray) -> None:
    """One row of a frame read where the specimen has moved to; the displacement is constant in blocks of 64 px."""
    height, width = frame.shape
    weights_y, weights_x, line = work[0], work[1], work[2]
    v = y / height - 0.5
    for start in range(0, width, BLOCK):
        stop = min(start + BLOCK, width)
        u = (0.5 * (start + stop - 1)) / width - 0.5
        # Beyond the frame the border is repeated: a displacement may be any number without reading outside.
        dx = min(max(_displacement(powers[0], u, v), -2.0 * width), 2.0 * width)
        dy = min(max(_displacement(powers[1], u, v), -2.0 * height), 2.0 * height)
        ix = int(np.floor(dx))
        iy = int(np.floor(dy))
        _quintic(np.float32(dx - ix), weights_x)
        _quintic(np.float32(dy - iy), weights_y)
        low = start + ix - 2
        top = y + iy - 2
        if low >= 0 and low + _SPAN <= width:
            _along_y(
                weights_y,
                _row(frame, top),
                _row(frame, top + 1),
                _row(frame, top + 2),
                _row(frame, top + 3),
                _row(frame, top + 4),
                _row(frame, top + 5),
                low,
                line,
            )
        else:
            for x in range(_SPAN):
                column = min(max(low + x, 0), width - 1)
                total = np.float32(0.0)
                for j in range(6):
                    total += weights_y[j] * _row(frame, top + j)[column]
                line[x] = total
        _along_x(weights_x, line, start, stop - start, out)


@numba.njit(**_OPTIONS)
def add_moved(
    frames: np.ndarray, powers: np.ndarray, factors: np.ndarray, first: int, last: int, planes: np.ndarray
) -> None:
    """``planes[p] += Σ_k factors[k, p] spline(frames[k])`` at (x + u_x, y + u_y), rows ``first`` to ``last``.

    Args:
        frames: real ``[n, ny, nx]``, any number type.
        powers: float32 ``[n, 2, 5, 5]``, displacement in px over x^i y^j with x, y in -½..½.
        factors: float32 ``[n, p]``.
        first, last: rows of the planes that are added to (exclusive).
        planes: float32 ``[p, ny, nx]``: B-spline *values* of samples, so that dividing their transform by the sampled
            spline's gives the interpolated image. Frames are looped over inside rows, so that planes stay in cache.
    """
    n, _, width = frames.shape
    row = np.empty(width, np.float32)
    work = np.empty((3, _SPAN), np.float32)
    for y in range(first, last):
        for k in range(n):
            _moved_row(frames[k], powers[k], y, work, row)
            for p in range(planes.shape[0]):
                if factors[k, p] != 0.0:
                    _add_scaled(row, factors[k, p], planes[p, y])
