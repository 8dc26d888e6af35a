"""Image files of a project by path: only what lies in its folder, or what its own links to movies point to."""

from __future__ import annotations

from pathlib import Path

from vitreous.core.errors import UsageError
from vitreous.project.pictures.source import Source
from vitreous.project.session import Session


def _none(path: str) -> UsageError:
    return UsageError(
        f"the project has no image file {path!r}", hint="Give a path inside the project, with no .. in it", missing=True
    )


def project_file(session: Session, path: str, blurred: bool = False) -> Source:
    """An image file of a project.

    Args:
        session: the project.
        path: relative to its folder.
        blurred: it is shown blurred.

    Raises:
        UsageError: the path leads out of the project, or there is no such file.
    """
    given = Path(path)
    if not path or "\0" in path or given.is_absolute() or ".." in given.parts:
        raise _none(path)
    place = session.folder / given
    try:
        real = place.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise _none(path) from error
    if not real.is_file():
        raise _none(path)
    # A link out of the folder is followed only where the project itself made it: to a movie that it imported.
    if not real.is_relative_to(session.folder.resolve()) and not _is_movie(session, given.as_posix()):
        raise _none(path)
    return Source(place, given.name, blurred=blurred)


def _is_movie(session: Session, path: str) -> bool:
    found = session.db.connection.execute("SELECT 1 FROM exposure WHERE path = ? LIMIT 1", (path,)).fetchone()
    return found is not None
