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
            row_x = row = np.float32(0.0)
            for x in range(width):
                moved = line[x] * (factor * ramp[x])
                sine = moved.imag * other[x].real - moved.real * other[x].imag
                value = column_weight[x] * weights[rings[x]] * sine
                row += value
                row_x += value * theta_x[x]
            total_x -= row_x
            total_y -= row * theta_y[y]
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
def _spline_weights(t: float) -> tuple[float, float, float, float]:
    """Values of the cubic B-spline at the four nearest samples, 0 ≤ t < 1."""
    one = np.float32(1.0)
    sixth = np.float32(1.0 / 6.0)
    u = one - t
    a = u * u * u * sixth
    d = t * t * t * sixth
    b = np.float32(2.0 / 3.0) - np.float32(0.5) * t * t * (np.float32(2.0) - t)
    return a, b, one - a - b - d, d


@numba.njit(**_OPTIONS)
def _add_block(
    images: np.ndarray, y: int, x0: int, x1: int, iy: int, ix: int, ty: np.ndarray, tx: np.ndarray, out: np.ndarray
) -> None:
    """A stretch of one row whose displacement has one integer part: contiguous reads, so that it vectorises."""
    for m in range(images.shape[0]):
        r0 = images[m, y + iy - 1]
        r1 = images[m, y + iy]
        r2 = images[m, y + iy + 1]
        r3 = images[m, y + iy + 2]
        row = out[m, y]
        for x in range(x0, x1):
            a, b, c, d = _spline_weights(tx[x])
            e, f, g, h = _spline_weights(ty[x])
            j = x + ix
            row[x] += (
                e * (a * r0[j - 1] + b * r0[j] + c * r0[j + 1] + d * r0[j + 2])
                + f * (a * r1[j - 1] + b * r1[j] + c * r1[j + 1] + d * r1[j + 2])
                + g * (a * r2[j - 1] + b * r2[j] + c * r2[j + 1] + d * r2[j + 2])
                + h * (a * r3[j - 1] + b * r3[j] + c * r3[j + 1] + d * r3[j + 2])
            )


@numba.njit(**_OPTIONS)
def _add_pixel(images: np.ndarray, y: int, x: int, iy: int, ix: int, ty: float, tx: float, out: np.ndarray) -> None:
    """One pixel, with the border repeated."""
    n, height, width = images.shape
    wx = _spline_weights(tx)
    wy = _spline_weights(ty)
    for m in range(n):
        total = np.float32(0.0)
        for a in range(4):
            row = min(max(y + iy + a - 1, 0), height - 1)
            for b in range(4):
                column = min(max(x + ix + b - 1, 0), width - 1)
                total += wy[a] * wx[b] * images[m, row, column]
        out[m, y, x] += total


@numba.njit(**_OPTIONS)
def add_warped(images: np.ndarray, field: np.ndarray, out: np.ndarray) -> None:
    """``out[m, y, x] += spline(images[m]) at (x + u_x, y + u_y)``, u in px a quadratic in x and y.

    ``images`` and ``out`` are float32 ``[m, ny, nx]`` (images hold B-spline coefficients), ``field`` float32 ``[2, 6]``
    over (1, x, x², y, y², xy) with x, y in -½..½.
    """
    _, height, width = images.shape
    block = 64
    tx = np.empty(width, np.float32)
    ty = np.empty(width, np.float32)
    nx = np.empty(width, np.int32)
    ny = np.empty(width, np.int32)
    for y in range(height):
        v = np.float32(y / height - 0.5)
        for x in range(width):
            u = np.float32(x) / np.float32(width) - np.float32(0.5)
            dx = (
                field[0, 0]
                + u * (field[0, 1] + u * field[0, 2] + v * field[0, 5])
                + v * (field[0, 3] + v * field[0, 4])
            )
            dy = (
                field[1, 0]
                + u * (field[1, 1] + u * field[1, 2] + v * field[1, 5])
                + v * (field[1, 3] + v * field[1, 4])
            )
            fx = np.floor(dx)
            fy = np.floor(dy)
            nx[x] = np.int32(fx)
            ny[x] = np.int32(fy)
            tx[x] = dx - fx
            ty[x] = dy - fy
        for start in range(0, width, block):
            stop = min(start + block, width)
            ix = nx[start]
            iy = ny[start]
            same = True
            for x in range(start, stop):
                same &= (nx[x] == ix) & (ny[x] == iy)
            inside = start + ix >= 1 and stop + ix + 2 <= width and y + iy >= 1 and y + iy + 2 < height
            if same and inside:
                _add_block(images, y, start, stop, iy, ix, ty, tx, out)
            else:
                for x in range(start, stop):
                    _add_pixel(images, y, x, ny[x], nx[x], ty[x], tx[x], out)


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
