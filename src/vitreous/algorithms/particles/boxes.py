"""Where boxes lie on a micrograph, and their pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vitreous.core.errors import UsageError


@dataclass(frozen=True)
class Placement:
    """Boxes around positions on whole pixels.

    Attributes:
        centres: int64 ``[m, 2]`` (x, y): the pixel of the micrograph at index ``box // 2`` of the box.
        offsets: float64 ``[m, 2]`` px: position - centre, within ±0.5.
        on_image: bool ``[m]``: the position lies on the micrograph.
        within: bool ``[m]``: the whole box lies on the micrograph.
    """

    centres: torch.Tensor
    offsets: torch.Tensor
    on_image: torch.Tensor
    within: torch.Tensor


def place_boxes(positions: torch.Tensor, shape: tuple[int, int], box: int) -> Placement:
    """Put a box of even side ``box`` around each position.

    Args:
        positions: px ``[m, 2]`` (x, y), 0-based; a pixel's centre is a whole number. NaN lies on no image.
        shape: ``(ny, nx)`` of the micrograph.
        box: px.

    Raises:
        UsageError: the box is odd or not positive.
    """
    check_box(box)
    exact = positions.to(torch.float64).reshape(-1, 2)
    size = torch.tensor([shape[1], shape[0]], dtype=torch.float64, device=exact.device)
    on_image = ((exact >= -0.5) & (exact < size - 0.5)).all(dim=1)
    rounded = torch.floor(torch.where(on_image[:, None], exact, 0.0) + 0.5)
    corner = rounded - box // 2
    within = on_image & (corner >= 0).all(dim=1) & (corner + box <= size).all(dim=1)
    return Placement(rounded.to(torch.int64), exact - rounded, on_image, within)


def check_box(box: int) -> None:
    """Refuse a box that is odd, or no box."""
    if box < 4 or box % 2:
        raise UsageError(f"a box of {box} px is not possible", hint="Give an even number from 4", box=box)


def cut_boxes(image: torch.Tensor, centres: torch.Tensor, box: int) -> torch.Tensor:
    """The pixels of boxes that lie within the image: a copy, ``[m, box, box]``.

    Args:
        image: ``[ny, nx]``.
        centres: int64 ``[m, 2]`` (x, y); index ``box // 2`` of each box.
        box: even, px.

    Raises:
        UsageError: a box crosses the image's edge.
    """
    ny, nx = image.shape
    left, top = centres[:, 0] - box // 2, centres[:, 1] - box // 2
    if len(centres) == 0:
        return image.new_zeros((0, box, box))
    lowest, right, bottom = int(torch.minimum(left, top).min()), int(left.max()) + box, int(top.max()) + box
    if lowest < 0 or right > nx or bottom > ny:
        raise UsageError(f"a box of {box} px crosses the edge of {nx} x {ny} px", hint="Leave it out, or pad the image")
    windows = image.unfold(0, box, 1).unfold(1, box, 1)
    return windows[top, left]


def mirrored(image: torch.Tensor, margin: int) -> torch.Tensor:
    """The image continued by ``margin`` px beyond each edge, as seen in a mirror there.

    A mirror keeps grey level, gradient and the noise's spectrum, which a constant border would not.

    Raises:
        UsageError: the margin is wider than the image.
    """
    if margin >= min(image.shape):
        raise UsageError(
            f"an image of {image.shape[1]} x {image.shape[0]} px can't be continued by {margin} px",
            hint="Give a smaller box",
        )
    wide = torch.nn.functional.pad(image[None, None], (margin, margin, margin, margin), mode="reflect")
    return wide[0, 0]
