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
    """``out[k] = -Σ c w(ring) Im(T_k ramp conj(reference)) (θ_x, θ_y)``; ``weights [n_rings + 1]`` ends in 0."""
    n, height, width = transforms.shape
    for k in range(n):
        total_x = 0.0
        total_y = 0.0
        ramp = ramp_x[k]
        for y in range(height):
            factor = ramp_y[k, y]
            line = transforms[k, y]
            other = reference[y]
            rings = ring[y]
            row_x = np.float32(0.0)
            row = np.float32(0.0)
            for x in range(width):
                moved = line[x] * (factor * ramp[x])
                sine = moved.imag * other[x].real - moved.real * other[x].imag
                value = column_weight[x] * weights[rings[x]] * sine
                row += value
                row_x += value * theta_x[x]
            total_x -= float(row_x)
            total_y -= float(row * theta_y[y])
        out[k, 0] = total_x
        out[k, 1] = total_y


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
def add_frame(
    transform: np.ndarray,
    ramp_y: np.ndarray,
    ramp_x: np.ndarray,
    square_y: np.ndarray,
    square_x: np.ndarray,
    table: np.ndarray,
    plain: np.ndarray,
    weighted: np.ndarray,
) -> None:
    """Add one moved frame to a plain sum and, times ``table[round(√(square_y + square_x))]``, to a weighted one."""
    height, width = transform.shape
    half = np.float32(0.5)
    for y in range(height):
        line = transform[y]
        row = plain[y]
        other = weighted[y]
        factor = ramp_y[y]
        square = square_y[y]
        for x in range(width):
            moved = line[x] * (factor * ramp_x[x])
            row[x] += moved
            other[x] += moved * table[np.int32(np.sqrt(square + square_x[x]) + half)]


@numba.njit(**_OPTIONS)
def _along_y(
    shift: np.ndarray, whole: float, r0: np.ndarray, r1: np.ndarray, r2: np.ndarray, r3: np.ndarray, out: np.ndarray
) -> None:
    """Cubic B-spline between four rows, at ``shift - whole`` (0..1) from the second to the third."""
    one = np.float32(1.0)
    sixth = np.float32(1.0 / 6.0)
    for x in range(out.shape[0]):
        t = shift[x] - whole
        u = one - t
        a = u * u * u * sixth
        d = t * t * t * sixth
        b = np.float32(2.0 / 3.0) - np.float32(0.5) * t * t * (np.float32(2.0) - t)
        out[x] = a * r0[x] + b * r1[x] + (one - a - b - d) * r2[x] + d * r3[x]


@numba.njit(**_OPTIONS)
def _add_along_x(shift: np.ndarray, whole: float, line: np.ndarray, out: np.ndarray) -> None:
    """Cubic B-spline along one line; ``line`` begins one sample before ``out`` and ends two after."""
    one = np.float32(1.0)
    sixth = np.float32(1.0 / 6.0)
    for x in range(out.shape[0]):
        t = shift[x] - whole
        u = one - t
        a = u * u * u * sixth
        d = t * t * t * sixth
        b = np.float32(2.0 / 3.0) - np.float32(0.5) * t * t * (np.float32(2.0) - t)
        out[x] += a * line[x] + b * line[x + 1] + (one - a - b - d) * line[x + 2] + d * line[x + 3]


@numba.njit(**_OPTIONS)
def _add_pixel(images: np.ndarray, y: int, x: int, shift_y: float, shift_x: float, out: np.ndarray) -> None:
    """One pixel, with the border repeated."""
    n, height, width = images.shape
    iy = int(np.floor(shift_y))
    ix = int(np.floor(shift_x))
    for m in range(n):
        total = 0.0
        for a in range(4):
            row = min(max(y + iy + a - 1, 0), height - 1)
            weight = _spline(abs(shift_y - iy - (a - 1)))
            for b in range(4):
                column = min(max(x + ix + b - 1, 0), width - 1)
                total += weight * _spline(abs(shift_x - ix - (b - 1))) * images[m, row, column]
        out[m, y, x] += total


@numba.njit(**_OPTIONS)
def _spline(t: float) -> float:
    """Cubic B-spline at distance ``t`` ≥ 0."""
    if t < 1.0:
        return 2.0 / 3.0 - 0.5 * t * t * (2.0 - t)
    return (2.0 - t) ** 3 / 6.0


@numba.njit(**_OPTIONS)
def _displacement(powers: np.ndarray, y: int, height: int, out: np.ndarray) -> None:
    """Displacement along one row, px: ``powers [2, 5, 5]`` over x^i y^j, x and y in -½..½, into ``out [2, width]``."""
    width = out.shape[1]
    v = np.float32(y / height - 0.5)
    scale = np.float32(1.0 / width)
    for axis in range(2):
        line = out[axis]
        c = np.empty(5, np.float32)
        for i in range(5):
            p = powers[axis, i]
            c[i] = p[0] + v * (p[1] + v * (p[2] + v * (p[3] + v * p[4])))
        for x in range(width):
            u = np.float32(x) * scale - np.float32(0.5)
            line[x] = c[0] + u * (c[1] + u * (c[2] + u * (c[3] + u * c[4])))


@numba.njit(**_OPTIONS)
def _run_end(shift_x: np.ndarray, shift_y: np.ndarray, start: int, stop: int) -> int:
    """First pixel after ``start`` whose displacement has other integer parts, at most ``stop``."""
    ix = np.floor(shift_x[start])
    iy = np.floor(shift_y[start])
    end = start + 1
    while end < stop and np.floor(shift_x[end]) == ix and np.floor(shift_y[end]) == iy:
        end += 1
    return end


@numba.njit(**_OPTIONS)
def add_warped(images: np.ndarray, powers: np.ndarray, out: np.ndarray) -> None:
    """``out[m, y, x] += spline(images[m]) at (x + u_x, y + u_y)``, u in px a polynomial in x and y.

    ``images`` and ``out`` are float32 ``[m, ny, nx]``, images hold B-spline coefficients; ``powers`` is float32
    ``[2, 5, 5]`` over x^i y^j with x, y in -½..½.
    Where the displacement keeps its integer part, rows are interpolated along y, then along x, in contiguous runs that
    vectorise; the displacement changes by less than 1e-2 px over the four samples of a spline, so the order of the two
    does not matter.
    """
    n, height, width = images.shape
    shift = np.empty((2, width), np.float32)
    line = np.empty(width + 3, np.float32)
    for y in range(height):
        _displacement(powers, y, height, shift)
        x = 0
        while x < width:
            end = _run_end(shift[0], shift[1], x, width)
            whole_x = np.floor(shift[0, x])
            whole_y = np.floor(shift[1, x])
            ix = int(whole_x)
            row = y + int(whole_y) - 1
            first = max(x, 1, 1 - ix)
            last = min(end, width - 2, width - 2 - ix)
            if row < 0 or row + 4 > height or last <= first:
                first = last = end
            for i in range(x, first):
                _add_pixel(images, y, i, shift[1, i], shift[0, i], out)
            if last > first:
                low = first + ix - 1
                high = last + ix + 2
                part = line[: last - first + 3]
                for m in range(n):
                    _along_y(
                        shift[1, first - 1 : last + 2],
                        whole_y,
                        images[m, row, low:high],
                        images[m, row + 1, low:high],
                        images[m, row + 2, low:high],
                        images[m, row + 3, low:high],
                        part,
                    )
                    _add_along_x(shift[0, first:last], whole_x, part, out[m, y, first:last])
            for i in range(last, end):
                _add_pixel(images, y, i, shift[1, i], shift[0, i], out)
            x = end


@numba.njit(**_OPTIONS)
def hartley_pack(half: np.ndarray, out: np.ndarray) -> None:
    """Real plane Re X - Im X of a real image's transform, from its half plane ``[ny, nx//2+1]`` to ``[ny, nx]``."""
    height, width = out.shape
    stored = width // 2 + 1
    for y in range(height):
        line = half[y]
        mirror = half[(height - y) % height]
        row = out[y]
        for x in range(stored):
            row[x] = line[x].real - line[x].imag
        for x in range(stored, width):
            value = mirror[width - x]
            row[x] = value.real + value.imag


@numba.njit(**_OPTIONS)
def hartley_unpack(half: np.ndarray, scale: float, out: np.ndarray) -> None:
    """Image from the half-plane transform of a packed plane: scale (Re G - Im G)."""
    height, width = out.shape
    stored = width // 2 + 1
    factor = np.float32(scale)
    for y in range(height):
        line = half[y]
        mirror = half[(height - y) % height]
        row = out[y]
        for x in range(stored):
            row[x] = factor * (line[x].real - line[x].imag)
        for x in range(stored, width):
            value = mirror[width - x]
            row[x] = factor * (value.real + value.imag)
