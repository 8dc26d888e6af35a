"""The electron-event code of EER: a bit stream of runs of empty pixels and sub-pixel positions.

Symbols are little-endian in the stream: a run of ``run_bits``, then, unless the run is the longest, the position of an
event inside its pixel: ``x_bits`` low and ``y_bits`` high bits, each with its top bit inverted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

Kernel = Callable[..., int]


@functools.cache
def decode_kernel() -> Kernel:
    """Compile (once, kept on disk) the decoder; numba is imported here because only EER needs it.

    ``kernel(data, ny, nx, run_bits, x_bits, y_bits, upsampling_bits, out)`` adds one raw frame's events to ``out``
    ``[ny << u, nx << u]``, row 0 at the bottom, and returns the number of events, or -1 where the stream ends
    before the frame. ``data`` is uint8 with at least 8 bytes of padding.
    """
    import numba

    @numba.njit(nogil=True, cache=True)
    def decode(data, ny, nx, run_bits, x_bits, y_bits, up, out):  # type: ignore[no-untyped-def] # pragma: no cover
        n_bits = 8 * (data.size - 8)
        run_mask = (1 << run_bits) - 1
        symbol_bits = x_bits + y_bits
        x_mask = (1 << x_bits) - 1
        flip_x = (1 << x_bits) >> 1
        flip_y = (1 << y_bits) >> 1
        height = ny << up
        total = ny * nx
        bit = 0
        n = 0
        events = 0
        while bit + run_bits <= n_bits:
            at = bit >> 3
            word = (
                np.uint64(data[at])
                | (np.uint64(data[at + 1]) << np.uint64(8))
                | (np.uint64(data[at + 2]) << np.uint64(16))
                | (np.uint64(data[at + 3]) << np.uint64(24))
            )
            value = np.int64(word) >> (bit & 7)
            run = value & run_mask
            n += run
            bit += run_bits
            if n >= total:
                return events
            if run == run_mask:
                continue
            if bit + symbol_bits > n_bits:
                return -1
            symbol = (value >> run_bits) & ((1 << symbol_bits) - 1)
            bit += symbol_bits
            y = n // nx
            x = n - y * nx
            if up > 0:
                x = (x << up) | (((symbol & x_mask) ^ flip_x) >> (x_bits - up))
                y = (y << up) | (((symbol >> x_bits) ^ flip_y) >> (y_bits - up))
            out[height - 1 - y, x] += 1
            events += 1
            n += 1
        return events if n >= total else -1

    return decode


@functools.cache
def encode_kernel() -> Kernel:
    """Compile the encoder: ``kernel(pixels, symbols, total, run_bits, symbol_bits, out)`` returns the bytes used.

    ``pixels`` are sorted, distinct pixel numbers, ``symbols`` their stored sub-pixel codes, ``out`` zeroed uint8.
    """
    import numba

    @numba.njit(nogil=True, cache=True)
    def put(out, bit, value, width):  # type: ignore[no-untyped-def] # pragma: no cover
        for k in range(width):
            if (value >> k) & 1:
                out[(bit + k) >> 3] |= np.uint8(1 << ((bit + k) & 7))
        return bit + width

    @numba.njit(nogil=True, cache=True)
    def encode(pixels, symbols, total, run_bits, symbol_bits, out):  # type: ignore[no-untyped-def] # pragma: no cover
        longest = (1 << run_bits) - 1
        bit = 0
        n = 0
        for i in range(pixels.size):
            while pixels[i] - n >= longest:
                bit = put(out, bit, longest, run_bits)
                n += longest
            bit = put(out, bit, pixels[i] - n, run_bits)
            bit = put(out, bit, symbols[i], symbol_bits)
            n = pixels[i] + 1
        while n < total:
            bit = put(out, bit, min(longest, total - n), run_bits)
            n += longest
        return (bit + 7) >> 3

    return encode


def encode_events(
    x: np.ndarray, y: np.ndarray, shape: tuple[int, int], *, run_bits: int = 7, x_bits: int = 2, y_bits: int = 2
) -> bytes:
    """Pack one raw frame's events.

    Args:
        x: integer positions on the grid ``2**x_bits`` times finer than the camera's.
        y: the same, row 0 at the bottom (it is stored from the top).
        shape: ``(ny, nx)`` of the camera.
        run_bits: bits of a run.
        x_bits: sub-pixel bits in x.
        y_bits: sub-pixel bits in y.

    Of several events in one camera pixel the first is kept: the camera counts at most one per frame.
    """
    ny, nx = shape
    from_top = (ny << y_bits) - 1 - np.asarray(y, np.int64)
    across = np.asarray(x, np.int64)
    pixels, first = np.unique((from_top >> y_bits) * nx + (across >> x_bits), return_index=True)
    codes_x = (across[first] & ((1 << x_bits) - 1)) ^ ((1 << x_bits) >> 1)
    codes_y = (from_top[first] & ((1 << y_bits) - 1)) ^ ((1 << y_bits) >> 1)
    symbols = codes_x | (codes_y << x_bits)
    bits = pixels.size * (run_bits + x_bits + y_bits) + (ny * nx // ((1 << run_bits) - 1) + 2) * run_bits
    out = np.zeros(bits // 8 + 2, np.uint8)
    used = encode_kernel()(pixels, symbols, ny * nx, run_bits, x_bits + y_bits, out)
    return out[: used + used % 2].tobytes()  # decoders that read 16 bits at a time want an even length


def decode_events(
    data: bytes, shape: tuple[int, int], bits: tuple[int, int, int], upsampling: int, out: np.ndarray[Any, Any]
) -> bool:
    """Add one raw frame's events to ``out``, the sum that grows; ``False`` if the stream is short.

    ``bits`` are run, x and y bits; ``out`` is ``[ny·u, nx·u]``, row 0 at the bottom.
    """
    padded = np.frombuffer(data + bytes(8), np.uint8)
    count = decode_kernel()(padded, *shape, *bits, upsampling.bit_length() - 1, out)
    return count >= 0
