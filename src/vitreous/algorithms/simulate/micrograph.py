"""The projected potential of a field of particles, as a phase shift of the electron wave."""

from __future__ import annotations

import torch

from vitreous.algorithms.geometry.project import SliceSource, central_slices
from vitreous.algorithms.geometry.rotations import euler_matrix

_AT_ONCE = 8


def add_particles(
    canvas: torch.Tensor,
    source: SliceSource,
    positions: torch.Tensor,
    angles: torch.Tensor,
    box: int,
    pixel_size: float,
) -> torch.Tensor:
    """Project particles at their poses and add them at their positions.

    Args:
        canvas: V Å ``[ny, nx]``.
        source: the specimen's potential in V, prepared for slicing.
        positions: px of the canvas, ``[m, 2]`` (x, y); particles may reach over the edge.
        angles: degrees ``[m, 3]`` (rot, tilt, psi).
        box: even side of a projection, px.
        pixel_size: Å.

    Returns:
        A new canvas, V Å.
    """
    ny, nx = canvas.shape
    half = box // 2
    out = torch.nn.functional.pad(canvas, (box, box, box, box))
    whole = torch.floor(positions).to(torch.int64)
    rotations = euler_matrix(angles)
    for start in range(0, len(positions), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        shifts = positions[part] - whole[part]
        images = central_slices(source, rotations[part], box, pixel_size, shifts)
        for image, (x, y) in zip(images, whole[part].tolist(), strict=True):
            if -half <= x < nx + half and -half <= y < ny + half:
                left, top = x + half, y + half
                out[top : top + box, left : left + box] += image
    return out[box : box + ny, box : box + nx].contiguous()
