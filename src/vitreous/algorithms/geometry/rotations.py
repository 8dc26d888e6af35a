"""Rotations in three dimensions: Euler angles, matrices, uniform random orientations."""

from __future__ import annotations

import math

import torch


def rotation_z(angle: torch.Tensor) -> torch.Tensor:
    """Rotation about z by ``angle`` (degrees) ``[...]``, counter-clockwise seen from +z: ``[..., 3, 3]``."""
    c, s = _cos_sin(angle)
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    return _stack(((c, -s, zero), (s, c, zero), (zero, zero, one)))


def rotation_y(angle: torch.Tensor) -> torch.Tensor:
    """Rotation about y by ``angle`` (degrees) ``[...]``: ``[..., 3, 3]``."""
    c, s = _cos_sin(angle)
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    return _stack(((c, zero, s), (zero, one, zero), (-s, zero, c)))


def _cos_sin(angle: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    radians = torch.deg2rad(angle.to(torch.float64))
    return torch.cos(radians), torch.sin(radians)


def _stack(rows: tuple[tuple[torch.Tensor, ...], ...]) -> torch.Tensor:
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def euler_matrix(angles: torch.Tensor) -> torch.Tensor:
    """R(rot, tilt, psi) = Rz(rot) Ry(tilt) Rz(psi), which takes image to volume: ``x_volume = R x_image``.

    Args:
        angles: degrees, ``[..., 3]`` as (rot, tilt, psi): RELION's and cisTEM's ZYZ angles.

    Returns:
        float64 ``[..., 3, 3]``.
    """
    rot, tilt, psi = angles.unbind(-1)
    return rotation_z(rot) @ rotation_y(tilt) @ rotation_z(psi)


def axis_rotation(axis: torch.Tensor, angle: float) -> torch.Tensor:
    """Rotation about ``axis [3]`` by ``angle`` degrees (Rodrigues' formula), float64 ``[3, 3]``."""
    x, y, z = (axis.to(torch.float64) / axis.to(torch.float64).norm()).unbind()
    zero = torch.zeros_like(x)
    cross = _stack(((zero, -z, y), (z, zero, -x), (-y, x, zero)))
    radians = math.radians(angle)
    identity = torch.eye(3, dtype=torch.float64, device=axis.device)
    return identity + math.sin(radians) * cross + (1.0 - math.cos(radians)) * (cross @ cross)


def random_euler_angles(count: int, generator: torch.Generator) -> torch.Tensor:
    """Orientations uniform on SO(3): rot and psi uniform, cos(tilt) uniform; degrees, float64 ``[count, 3]``."""
    uniform = torch.rand(count, 3, generator=generator, dtype=torch.float64, device=generator.device)
    tilt = torch.rad2deg(torch.arccos(1.0 - 2.0 * uniform[:, 1]))
    return torch.stack((360.0 * uniform[:, 0], tilt, 360.0 * uniform[:, 2]), dim=-1)
