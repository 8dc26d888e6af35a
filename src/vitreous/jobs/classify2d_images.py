"""The images of a particle table as the classification reads them: from their stacks, when they are needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.core.optics import Microscope
from vitreous.core.progress import Progress

if TYPE_CHECKING:
    import torch

    from vitreous.algorithms.classify2d.images import ImageCtf
    from vitreous.formats.base import ImageFile, ImageHeader
    from vitreous.model.particles import ParticleTable

OPEN_FILES = 64
"""Stacks that are kept open at a time."""
_CHECKED_AT_ONCE = 256
_SAME = 1e-3
"""Pixel sizes that differ by less, relatively, are one."""
_NAMED = 5
_CTF_COLUMNS = ("voltage", "spherical_aberration", "defocus_u", "defocus_v", "astigmatism_angle")
_PREMULTIPLIED = "rlnCtfDataAreCtfPremultiplied"


@dataclass(frozen=True)
class Geometry:
    """What all images of a classification share.

    Attributes:
        box: side, px.
        pixel_size: Å.
    """

    box: int
    pixel_size: float

    @property
    def extent(self) -> float:
        """Side of the box, Å."""
        return self.box * self.pixel_size


@dataclass(frozen=True)
class StackImages:
    """Particle images in stacks (the ``Images`` protocol): normalised as they are read.

    Attributes:
        stacks: the files; ``stack`` int64 ``[N]`` says which of them holds the image, ``index`` int64 ``[N]`` at what
            place from 0.
        background: bool ``[box, box]``, pixels that hold no particle.
        invert: images are dark on bright.
        ctf: of each image, or ``None``.
        groups: int64 ``[N]`` from 0.
    """

    stacks: tuple[Path, ...]
    stack: np.ndarray
    index: np.ndarray
    background: np.ndarray
    invert: bool
    ctf: ImageCtf | None
    groups: np.ndarray
    _opened: OrderedDict[int, ImageFile] = field(default_factory=OrderedDict, repr=False)

    def __len__(self) -> int:
        return len(self.index)

    def __getstate__(self) -> dict[str, Any]:
        """Without open files, so that other processes can read too."""
        return {**self.__dict__, "_opened": OrderedDict()}

    def read(self, rows: np.ndarray) -> torch.Tensor:
        """Images of these rows, float32 ``[len(rows), box, box]``, background of mean 0 and deviation 1."""
        import torch

        return torch.from_numpy(self.normalised(self.raw(rows)))

    def raw(self, rows: np.ndarray) -> np.ndarray:
        """Images as the files have them, float32 ``[len(rows), box, box]``; each file is read in its order."""
        images = np.empty((len(rows), *self.background.shape), np.float32)
        for place in np.lexsort((self.index[rows], self.stack[rows])):
            row = rows[place]
            images[place] = self._file(int(self.stack[row])).frame(int(self.index[row]))
        return images

    def normalised(self, images: np.ndarray) -> np.ndarray:
        """Images over the deviation of their background, with its mean taken off; constant ones become 0."""
        outside = images[:, self.background].astype(np.float64)
        mean, deviation = outside.mean(axis=1), outside.std(axis=1)
        scale = np.divide(-1.0 if self.invert else 1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0.0)
        images -= mean.astype(np.float32)[:, None, None]
        images *= scale.astype(np.float32)[:, None, None]
        return images

    def take(self, rows: np.ndarray) -> StackImages:
        """These images alone."""
        ctf = self.ctf
        if ctf is not None:
            names = ("defocus_u", "defocus_v", "astigmatism_angle", "phase_shift", "microscope")
            ctf = replace(ctf, **{name: getattr(ctf, name)[rows] for name in names})
        return replace(
            self,
            stack=self.stack[rows],
            index=self.index[rows],
            groups=self.groups[rows],
            ctf=ctf,
            _opened=OrderedDict(),
        )

    def unusable(self, progress: Progress, done: int = 0) -> np.ndarray:
        """Rows from ``done`` on whose image is not finite, or has a background of one value only."""
        bad = [np.zeros(0, np.int64)]
        for start in range(done, len(self), _CHECKED_AT_ONCE):
            rows = np.arange(start, min(start + _CHECKED_AT_ONCE, len(self)))
            images = self.raw(rows)
            whole = np.isfinite(images.reshape(len(rows), -1)).all(axis=1)
            spread = np.ptp(np.where(whole[:, None], images[:, self.background], 0.0), axis=1)
            bad.append(rows[~whole | (spread == 0.0)])
            progress(start / len(self), "looking at the images")
        return np.concatenate(bad)

    def close(self) -> None:
        """Close the files."""
        while self._opened:
            self._opened.popitem()[1].close()

    def _file(self, number: int) -> ImageFile:
        from vitreous.formats.images import open_images

        if number in self._opened:
            self._opened.move_to_end(number)
        else:
            if len(self._opened) >= OPEN_FILES:
                self._opened.popitem(last=False)[1].close()
            self._opened[number] = open_images(self.stacks[number])
        return self._opened[number]


def stack_images(
    table: ParticleTable, *, with_ctf: bool, invert: bool, mask_of: Callable[[float], float]
) -> tuple[StackImages, Geometry]:
    """The images of a table, after all that can be known without pixels has been checked.

    Args:
        table: particles with their stacks.
        with_ctf: whether the CTF is wanted.
        invert: images are dark on bright.
        mask_of: side of the box in Å → diameter of the mask in Å; what lies outside is background.

    Raises:
        UsageError: no particles, no CTF, no pixel size.
        DataError: a stack is missing or cut, boxes or pixel sizes differ, CTF values are missing.
    """
    if len(table) == 0:
        raise UsageError("there are no particles", hint="Give a table with particles in it, or pick with lower demands")
    if "image_stack" not in table or "image_index" not in table:
        raise DataError("the table names no images (rlnImageName)", hint="Extract the particles first")
    if _PREMULTIPLIED in table and any(str(value) in ("1", "1.0") for value in table[_PREMULTIPLIED]):
        raise UsageError("images are multiplied by their CTF already", hint="Extract them without that")
    unknown = np.flatnonzero(~(table.known("image_stack") & table.known("image_index")))
    if len(unknown):
        raise DataError(f"no image is named for {rows_text(unknown, len(table))}", hint="Extract the particles first")
    names, stack = _numbers(table["image_stack"])
    index = table["image_index"].astype(np.int64)
    headers = dict(_headers(names, stack, index))
    geometry = Geometry(_one_box(headers), _one_pixel_size(table, stack, headers))
    images = StackImages(
        stacks=tuple(Path(name) for name in names),
        stack=stack,
        index=index,
        background=background_of(geometry, mask_of(geometry.extent)),
        invert=invert,
        ctf=image_ctf(table) if with_ctf else None,
        groups=np.zeros(len(table), np.int64),
    )
    return images, geometry


def background_of(geometry: Geometry, mask_diameter: float) -> np.ndarray:
    """Pixels outside the mask, bool ``[box, box]``; at least the corners outside of 0.48 of the box."""
    box = geometry.box
    radius = min(0.5 * mask_diameter / geometry.pixel_size, 0.48 * box)
    offset = np.arange(box) - box // 2
    return np.hypot(offset[:, None], offset) > radius


def image_ctf(table: ParticleTable) -> ImageCtf:
    """CTF parameters of each particle; amplitude contrast is 0.07 and a phase shift 0 where they are not known.

    Raises:
        UsageError: a column is missing, or has no value for some particles.
    """
    from vitreous.algorithms.classify2d.images import ImageCtf

    hint = "Estimate the CTF before particles are extracted, or classify without it (--no-ctf)"
    missing = [name for name in _CTF_COLUMNS if name not in table]
    if missing:
        raise UsageError(f"the particles have no CTF: {', '.join(missing)} not given", hint=hint, columns=missing)
    values = {name: np.asarray(table[name], dtype=np.float64) for name in _CTF_COLUMNS}
    for name, column in values.items():
        unknown = np.flatnonzero(~np.isfinite(column))
        if len(unknown):
            raise UsageError(f"{name} is not known of {rows_text(unknown, len(table))}", hint=hint, column=name)
    contrast, shift = _known(table, "amplitude_contrast", 0.07), _known(table, "phase_shift", 0.0)
    kinds, microscope = np.unique(
        np.stack((values["voltage"], values["spherical_aberration"], contrast), axis=1), axis=0, return_inverse=True
    )
    return ImageCtf(
        defocus_u=values["defocus_u"],
        defocus_v=values["defocus_v"],
        astigmatism_angle=values["astigmatism_angle"],
        phase_shift=shift,
        microscopes=tuple(Microscope(*kind) for kind in kinds.tolist()),
        microscope=microscope.reshape(-1).astype(np.int64),
    )


def rows_text(rows: Sequence[int] | np.ndarray, of: int) -> str:
    """``3 of 60 particles (rows 1, 7, 9)``; rows count from 1, and only the first few are named."""
    shown = ", ".join(str(int(row) + 1) for row in rows[:_NAMED])
    more = "" if len(rows) <= _NAMED else " …"
    return f"{len(rows)} of {of} particles (row{'s' * (len(rows) > 1)} {shown}{more})"


def noise_groups(table: ParticleTable, rows: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Noise groups of some rows: the optics groups, numbered from 0.

    Args:
        table: particles; without optics groups they are one group.
        rows: int64 ``[N]``, of the table.
        known: int64, optics groups that have a number already: their place here.

    Returns:
        Groups int64 ``[N]``, and the optics groups that have a number now: the known ones first.
    """
    stated = table.get("optics_group")
    values = np.zeros(len(rows), np.int64) if stated is None else np.nan_to_num(stated)[rows].astype(np.int64)
    labels = np.concatenate((known, np.setdiff1d(values, known)))
    order = np.argsort(labels, kind="stable")
    return order[np.searchsorted(labels, values, sorter=order)].astype(np.int64), labels


def _known(table: ParticleTable, name: str, otherwise: float) -> np.ndarray:
    if name not in table:
        return np.full(len(table), otherwise)
    values = np.asarray(table[name], dtype=np.float64)
    return np.where(np.isfinite(values), values, otherwise)


def _numbers(names: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Distinct names in order of appearance, and which of them each row has."""
    known: dict[str, int] = {}
    numbers = np.array([known.setdefault(str(name), len(known)) for name in names], dtype=np.int64)
    return list(known), numbers


def _headers(names: list[str], stack: np.ndarray, index: np.ndarray) -> Iterator[tuple[str, ImageHeader]]:
    """Headers of the stacks, after a check that each holds the images that are asked of it."""
    from vitreous.formats.images import open_images

    last = np.full(len(names), -1, np.int64)
    np.maximum.at(last, stack, index)
    counts = np.bincount(stack, minlength=len(names))
    for name, wanted, count in zip(names, last.tolist(), counts.tolist(), strict=True):
        if not Path(name).is_file():
            raise DataError(
                f"the stack {name} of {count} particles is not there",
                hint="Bring it back, or run where the table's paths lead somewhere (RELION's project folder)",
                path=name,
            )
        with open_images(name) as file:
            header = file.header
        if wanted >= header.n_frames:
            cut = f" ({header.warnings[0]})" if header.warnings else ""
            raise DataError(
                f"{name} has {header.n_frames} images, and image {wanted + 1} is asked of it{cut}",
                hint="Get the whole file again, or extract anew",
                path=name,
            )
        yield name, header


def _one_box(headers: Mapping[str, ImageHeader]) -> int:
    seen: dict[tuple[int, int], str] = {}
    for name, header in headers.items():
        seen.setdefault(header.shape, name)
    (first, first_name), *others = seen.items()
    if others:
        other, other_name = others[0]
        raise DataError(
            f"boxes differ: {first[1]} x {first[0]} px in {first_name}, {other[1]} x {other[0]} px in {other_name}",
            hint="Extract all particles with one box, or classify them apart",
        )
    if first[0] != first[1]:
        raise DataError(f"{first_name}: images of {first[1]} x {first[0]} px are not square", hint="Extract anew")
    return first[0]


def _one_pixel_size(table: ParticleTable, stack: np.ndarray, headers: Mapping[str, ImageHeader]) -> float:
    """The pixel size of the table, or where it has none that of the stacks' headers."""
    in_header = [header.acquisition.pixel_size or np.nan for header in headers.values()]
    sizes = np.asarray(in_header, dtype=np.float64)[stack]
    if "pixel_size" in table:
        stated = np.asarray(table["pixel_size"], dtype=np.float64)
        sizes = np.where(np.isfinite(stated), stated, sizes)
    unknown = np.flatnonzero(~np.isfinite(sizes))
    if len(unknown):
        raise UsageError(
            f"the pixel size is not known of {rows_text(unknown, len(table))}",
            hint="Put rlnImagePixelSize into the table's optics groups",
        )
    low, high = float(sizes.min()), float(sizes.max())
    if high - low > _SAME * low:
        raise DataError(
            f"pixel sizes differ: {low:.4g} Å ({np.count_nonzero(sizes == low)} particles) and {high:.4g} Å "
            f"({np.count_nonzero(sizes == high)} particles)",
            hint="Extract all particles at one pixel size, or classify them apart",
        )
    return float(np.median(sizes))
