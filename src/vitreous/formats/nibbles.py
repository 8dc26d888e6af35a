"""Two 4-bit pixels per byte, the packing of counting cameras; the low nibble is the left pixel."""

from __future__ import annotations

import numpy as np

PACKED_SIZES = frozenset(
    {(5760, 8184), (8184, 5760), (4092, 11520), (11520, 4092), (3710, 7676), (7676, 3710), (3838, 7420), (7420, 3838)}
)
"""``(nx, ny)`` in bytes of packed frames of K2 and K3 super-resolution: x (or y) is half of the camera's."""

PACKED_LABEL = "4 bits packed"
"""What SerialEM writes in the header text of files whose bytes hold two pixels."""

_PAIRS = np.array([(byte & 15, byte >> 4) for byte in range(256)], np.uint8).view(np.uint16)[:, 0]


def unpack_nibbles(packed: np.ndarray, nx: int) -> np.ndarray:
    """Give ``[..., nx]`` uint8 from bytes ``[..., (nx + 1) // 2]``; a last odd nibble is padding."""
    pixels = np.take(_PAIRS, packed).view(np.uint8)
    return pixels if pixels.shape[-1] == nx else np.ascontiguousarray(pixels[..., :nx])


def pack_nibbles(pixels: np.ndarray) -> np.ndarray:
    """Give bytes ``[..., (nx + 1) // 2]`` from pixels ``[..., nx]`` of 0..15."""
    even = np.zeros((*pixels.shape[:-1], (pixels.shape[-1] + 1) // 2 * 2), np.uint8)
    even[..., : pixels.shape[-1]] = pixels
    return even[..., 0::2] | (even[..., 1::2] << 4)
