"""Images for the viewer: of a project's items and files, or of the files that ``vitreous view`` was given."""

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from vitreous.core.errors import UsageError
from vitreous.project.pictures import images
from vitreous.project.pictures.files import project_file
from vitreous.project.pictures.look import Frame, Rectangle, parse_frame
from vitreous.project.pictures.source import Source
from vitreous.project.pictures.views import item_facts, source_of, view_of
from vitreous.web.guard import Signed, Viewing
from vitreous.web.picture_answers import PictureRoute, answered, is_guest, only_looks, picture, shelf_of, warmed

FrameText = Annotated[str | None, Query(description="number from 0, sum or mean; the first, or of a map the middle")]
Encoding = Annotated[Literal["raw", "png", "jpeg"], Query(description="raw: one byte per pixel, top row first")]
Version = Annotated[str | None, Query(description="stamp of the file: such a picture may be kept for ever")]
Real = Annotated[float, Query(allow_inf_nan=False, ge=-1e7, le=1e7)]
Part = Annotated[
    str | None, Query(pattern=r"^-?\d{1,7},-?\d{1,7},\d{1,7},\d{1,7}$", description="x,y,width,height in px")
]


class Range(BaseModel):
    """Values at 0 and 255 of the 8 bits, and the values between which a picture looks well."""

    low: float
    high: float
    dark: float
    bright: float


class Statistics(BaseModel):
    """Of all pixels of a frame."""

    minimum: float
    maximum: float
    mean: float
    stddev: float


class ValueHistogram(BaseModel):
    """How often values occur between ``low`` and ``high``, in equal bins."""

    counts: list[int]
    low: float
    high: float


class Fit(BaseModel):
    """Defocus in Å, angles in degrees."""

    defocus_u: float
    defocus_v: float
    astigmatism_angle: float
    phase_shift: float
    b_factor: float


class ImageFacts(BaseModel):
    """A file and one frame of it: sizes in px, pixel size in Å, voltage in kV, spherical aberration in mm; ``levels``
    as (width, height), each half of the one before, with the range of each."""

    name: str
    file: str
    format: str
    type: str
    width: int
    height: int
    n_frames: int
    is_volume: bool
    frame: str
    tile: int
    levels: list[tuple[int, int]]
    ranges: list[Range]
    stamp: str
    blurred: bool
    gain: Literal["applied", "not applied"] | None
    warnings: list[str]
    pixel_size: float | None
    voltage: float | None
    spherical_aberration: float | None
    amplitude_contrast: float | None
    ctf: Fit | None
    fit_resolution: float | None
    statistics: Statistics | None
    histogram: ValueHistogram | None


class Values(BaseModel):
    """Values from the pixel ``x``, ``y`` on: ``values[row][column]``, rows towards higher y."""

    x: int
    y: int
    values: list[list[float]]


class Radial(BaseModel):
    """Radial average of the power over frequency in 1/Å, or 1/px where the pixel size is not known."""

    pixel_size: float | None
    frequency: list[float]
    power: list[float]


class Profile(BaseModel):
    """Values along a line, over the distance in px."""

    distance: list[float]
    value: list[float]


class FileLine(BaseModel):
    """A file that the viewer was given."""

    number: int
    name: str


def of_project(
    request: Request,
    access: Viewing,
    item: Annotated[int | None, Query(description="an image of the project")] = None,
    view: Annotated[str, Query(description="which of its pictures")] = "after",
    path: Annotated[str | None, Query(max_length=1000, description="or a file, relative to the project")] = None,
) -> Source:
    """An image of a project."""
    only_looks(request, access.caller, access.project.key)
    guest = is_guest(request, access.caller, access.project.key)
    with access.project.reading() as session:
        if path is not None:
            return project_file(session, path, guest)
        if item is None:
            raise UsageError("no image is given", hint="Give item, or path")
        found = item_facts(session, item)
    chosen = view_of(found, view)
    if chosen.kind == "drawing":
        raise UsageError(f"{chosen.title} is no image", hint="Ask for before, after or thon", missing=True)
    # A fit's picture is a spectrum, from which no image comes back.
    return source_of(access.project.folder, found, chosen, guest and view != "thon")


def of_files(request: Request, who: Signed, number: int) -> Source:
    """A file that ``vitreous view`` was given."""
    only_looks(request, who)
    files = getattr(request.app.state, "files", ())
    if not 0 <= number < len(files):
        raise UsageError(f"there is no file {number} here", hint="Files are counted from 0", missing=True)
    return Source(files[number], files[number].name, blurred=is_guest(request, who))


def _frame(request: Request, source: Source, text: str | None) -> Frame:
    return images.default_frame(shelf_of(request), source) if text is None else parse_frame(text)


def _rectangle(text: str | None) -> Rectangle | None:
    if text is None:
        return None
    x, y, width, height = (int(part) for part in text.split(","))
    return (x, y, width, height)


def _drawn(
    request: Request, source: Source, v: str | None, encoding: images.Encoding, make: Callable[[], images.Raster]
) -> Response:
    stamp = source.stamp()
    tag = f"{stamp}-{int(source.blurred)}-{hash((str(request.url), source.path)) & 0xFFFFFFFF:x}"
    given = v if v == stamp else None
    known = answered(request, tag, given)
    if known is not None:
        return known
    raster = make()
    headers = {"X-Picture": json.dumps(raster.described())}
    return picture(raster.encoded(encoding), images.TYPES[encoding], tag, given, headers)


def _image_routes(prefix: str, name: str, find: Callable[..., Source], tag: str) -> APIRouter:
    """The routes of an image, for one way to name it."""
    router = APIRouter(prefix=prefix, tags=[tag], route_class=PictureRoute)
    for add in (_add_pictures, _add_made_pictures, _add_numbers):
        add(router, name, Annotated[Source, Depends(find)])
    return router


def _add_pictures(router: APIRouter, name: str, Found: Any) -> None:
    """The image itself: whole, and in tiles."""

    @router.get("/picture", operation_id=f"{name}_picture", response_class=Response)
    def whole(
        request: Request,
        source: Found,
        frame: FrameText = None,
        size: Annotated[int, Query(ge=64, le=4096)] = 1536,
        encoding: Encoding = "png",
        v: Version = None,
    ) -> Response:
        """The whole image, halved until no side is above ``size`` px; what it shows is in the header X-Picture."""
        shelf = shelf_of(request)
        return _drawn(
            request,
            source,
            v,
            encoding,
            lambda: images.whole_picture(shelf, source, _frame(request, source, frame), size),
        )

    @router.get("/tile", operation_id=f"{name}_tile", response_class=Response)
    def tile(
        request: Request,
        source: Found,
        level: int,
        x: int,
        y: int,
        frame: FrameText = None,
        low: Annotated[float | None, Query(allow_inf_nan=False, description="value at 0, with high")] = None,
        high: Annotated[float | None, Query(allow_inf_nan=False, description="value at 255")] = None,
        encoding: Encoding = "png",
        v: Version = None,
    ) -> Response:
        """A tile of 512 px at a level, counted from the lower left corner, top row first."""
        limits = (low, high) if low is not None and high is not None and high > low else None
        shelf = shelf_of(request)
        return _drawn(
            request,
            source,
            v,
            encoding,
            lambda: images.image_tile(shelf, source, _frame(request, source, frame), level, x, y, limits),
        )


def _add_made_pictures(router: APIRouter, name: str, Found: Any) -> None:
    """Pictures that are made from the image: its spectrum, the frames of a stack."""

    @router.get("/spectrum", operation_id=f"{name}_spectrum", response_class=Response)
    def spectrum(
        request: Request,
        source: Found,
        frame: FrameText = None,
        part: Part = None,
        size: Annotated[int, Query(ge=64, le=2048)] = 1024,
        flat: bool = True,
        encoding: Encoding = "png",
        v: Version = None,
    ) -> Response:
        """Power spectrum of the image or of a part, zero frequency in the middle, Nyquist at the edges."""
        shelf, chosen = shelf_of(request), _rectangle(part)
        return _drawn(
            request,
            source,
            v,
            encoding,
            lambda: images.spectrum_picture(shelf, source, _frame(request, source, frame), chosen, size, flat),
        )

    @router.get("/gallery", operation_id=f"{name}_gallery", response_class=Response)
    def gallery(
        request: Request,
        source: Found,
        start: Annotated[int, Query(ge=0)] = 0,
        count: Annotated[int, Query(ge=1, le=images.GALLERY_MOST)] = 24,
        columns: Annotated[int, Query(ge=1, le=40)] = 6,
        cell: Annotated[int, Query(ge=32, le=400)] = 160,
        encoding: Encoding = "png",
        v: Version = None,
    ) -> Response:
        """Frames of a stack side by side."""
        shelf = shelf_of(request)
        return _drawn(request, source, v, encoding, lambda: images.gallery(shelf, source, start, count, columns, cell))


def _add_numbers(router: APIRouter, name: str, Found: Any) -> None:
    """What is known of the image, and its values."""

    @router.get("/info", operation_id=f"{name}_info")
    def info(request: Request, source: Found, frame: FrameText = None) -> ImageFacts:
        """Size, frames, levels, what is known of the microscope, statistics, histogram."""
        return ImageFacts.model_validate(images.facts(shelf_of(request), source, _frame(request, source, frame)))

    @router.get("/values", operation_id=f"{name}_values")
    def values(
        request: Request,
        source: Found,
        x: int,
        y: int,
        radius: Annotated[int, Query(ge=0, le=32)] = 0,
        frame: FrameText = None,
    ) -> Values:
        """Values of a pixel and its neighbours."""
        found = images.values(shelf_of(request), source, _frame(request, source, frame), x, y, radius)
        return Values.model_validate(found)

    @router.get("/radial", operation_id=f"{name}_radial")
    def radial(request: Request, source: Found, frame: FrameText = None, part: Part = None) -> Radial:
        """Radial average of the power spectrum."""
        found = images.radial(shelf_of(request), source, _frame(request, source, frame), _rectangle(part))
        return Radial.model_validate(found)

    @router.get("/profile", operation_id=f"{name}_profile")
    def profile(
        request: Request, source: Found, x0: Real, y0: Real, x1: Real, y1: Real, frame: FrameText = None
    ) -> Profile:
        """Values along a line."""
        found = images.profile(shelf_of(request), source, _frame(request, source, frame), (x0, y0, x1, y1))
        return Profile.model_validate(found)


router = APIRouter(tags=["pictures"], lifespan=warmed)


@router.get("/api/files", operation_id="files")
def list_files(request: Request, who: Signed) -> list[FileLine]:
    """The files that the viewer was given."""
    return [FileLine(number=n, name=path.name) for n, path in enumerate(getattr(request.app.state, "files", ()))]


router.include_router(_image_routes("/api/projects/{project}/images", "image", of_project, "pictures"))
router.include_router(_image_routes("/api/files/{number}", "file", of_files, "pictures"))
