"""Where an imported movie goes with the files that belong to it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vitreous.acquisition.import_params import ImportParams
from vitreous.acquisition.metadata import belongs_to_movie_alone
from vitreous.acquisition.names import stem_of, suffix_of
from vitreous.acquisition.settle import Stamp
from vitreous.acquisition.transfer import (
    Fingerprint,
    StopAsked,
    copy_verified,
    fingerprint,
    link,
    never,
    remove_parts,
)
from vitreous.core.errors import DataError, ResourceError


@dataclass(frozen=True)
class Placed:
    """A movie in the project's folder.

    Attributes:
        path: of the movie in the project; it exists only where its content was accepted.
        fingerprint: of the content.
        sides: side files in the project.
        to_delete: files at the camera that a move deletes, the movie last.
    """

    path: Path
    fingerprint: Fingerprint
    sides: tuple[Path, ...] = ()
    to_delete: tuple[tuple[Path, Stamp], ...] = ()


class Placement:
    """The destination of one import."""

    def __init__(self, params: ImportParams, destination: Path, root: Path) -> None:
        """Make the folder, and remove what interrupted transfers left in it.

        Raises:
            ResourceError: the folder can't be made.
        """
        self.params, self.destination, self.root = params, destination, root
        try:
            destination.mkdir(parents=True, exist_ok=True)
            remove_parts(destination)
        except OSError as error:
            raise ResourceError(
                f"{destination}: can't be written ({error.strerror or error})",
                hint="Check the permissions of the project's folder",
                path=str(destination),
                reason="cannot_write",
            ) from error

    def bring(
        self, source: Path, name: str, stamp: Stamp, is_new: Callable[[str], bool], stop: StopAsked = never
    ) -> Placed:
        """Link or copy a movie and its side files; the movie comes last, so that what it needs is there before it.

        Args:
            source: at the camera.
            name: of the item.
            stamp: of the movie when it was tested.
            is_new: whether a content (identity) is to be taken.
            stop: asked between portions.

        Raises:
            DataError: the source changed since the test, or can't be read.
            ResourceError: disk full, or the destination can't be written.
        """
        target = self.destination / f"{name}{suffix_of(source.name).lower()}"
        sides = [(source.with_name(side), size, mtime) for side, size, mtime in stamp.sides]
        placed_sides = [self.destination / side_name(side.name, source.name, name) for side, _, _ in sides]
        if self.params.transfer == "link":
            found = fingerprint(source, stop)
            _check_unchanged(source, found, stamp)
            if not is_new(found.identity):
                return Placed(target, found)
            for (side, _, _), path in zip(sides, placed_sides, strict=True):
                link(side, path, self.root)
            link(source, target, self.root)
            return Placed(target, found, tuple(placed_sides))

        def accept(found: Fingerprint) -> bool:
            _check_unchanged(source, found, stamp)
            if not is_new(found.identity):
                return False
            for (side, _, _), path in zip(sides, placed_sides, strict=True):
                copy_verified(side, path, stop=stop)
            return True

        found = copy_verified(source, target, min_free=self.params.min_free * 1e9, accept=accept, stop=stop)
        own = [(s, Stamp(size, mtime)) for s, size, mtime in sides if belongs_to_movie_alone(s, source)]
        return Placed(target, found, tuple(placed_sides), (*own, (source, Stamp(stamp.size, stamp.mtime))))


def side_name(side: str, movie: str, name: str) -> str:
    """Name of a side file in the project: it follows the name of the movie's item."""
    stem = stem_of(movie)
    if side.startswith(movie):
        return f"{name}{suffix_of(movie).lower()}{side[len(movie) :]}"
    return f"{name}{side[len(stem) :]}" if side.startswith(stem) else f"{name}{os.path.splitext(side)[1]}"


def _check_unchanged(source: Path, found: Fingerprint, stamp: Stamp) -> None:
    if (found.size, found.mtime) != (stamp.size, stamp.mtime):
        raise DataError(
            f"{source}: it changed after it was tested ({stamp.size:,} bytes, then {found.size:,})",
            hint="It is taken when it has come to rest",
            path=str(source),
            changed=True,
        )
