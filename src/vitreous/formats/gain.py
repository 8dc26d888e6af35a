"""Read a camera's gain reference from any file that holds one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.core.camera import GainKind
from vitreous.formats.defects_fei import embedded_defect_list
from vitreous.formats.image_faults import image_fault
from vitreous.formats.images import open_images

__all__ = ["GainReference", "read_gain"]


@dataclass(frozen=True)
class GainReference:
    """A gain reference as its file has it.

    Attributes:
        path: the file.
        array: float32 ``[y, x]``, row 0 at y = 0 (MRC orientation). Zero, negative and non-finite entries are defects;
            they are left as they are.
        kind: what the entries mean, where the format says so: Digital Micrograph's and Falcon's (``.gain``) multiply
            frames; of MRC and TIFF it is ``None``, for both kinds occur.
        defects: bool ``[y, x]`` that the file lists beside the entries, true where bad; ``None`` where it lists none.
        warnings: what a person should know.
        metadata: further header fields by name.
    """

    path: Path
    array: np.ndarray
    kind: GainKind | None
    defects: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """``(ny, nx)``."""
        return (self.array.shape[0], self.array.shape[1])


def read_gain(path: Path | str) -> GainReference:
    """Read a gain reference: MRC (also compressed), TIFF, Falcon's ``.gain`` (TIFF with its defects), DM3 or DM4.

    The format is told by the file's content. TIFF and DM images are turned over to MRC orientation.

    Raises:
        DataError: the file is missing, damaged, of another format, holds several images, or no entry above 0.
    """
    path = Path(path)
    with open_images(path) as images:
        header = images.header
        if header.n_frames != 1:
            raise image_fault(
                path, f"holds {header.n_frames} images, and a gain reference is one", "This is a movie: give the gain"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            array = images.frame(0).astype(np.float32)
    if not bool((array > 0).any()):
        raise image_fault(path, "has no entry above 0, so it is no gain reference", "Give another file")
    defects = None
    if header.format == "tiff":
        listed = embedded_defect_list(path)
        defects = None if listed is None else listed.to_map(header.shape)
    falcon = header.format == "tiff" and (defects is not None or path.suffix.lower() == ".gain")
    metadata = {"format": header.format, "pixel_size": header.acquisition.pixel_size, **header.metadata}
    return GainReference(
        path=path,
        array=array,
        kind="multiplicative" if falcon or header.format == "dm" else None,
        defects=defects,
        warnings=header.warnings,
        metadata=metadata,
    )
