"""SerialEM's mdoc files (and those of Tomography 5): sections of ``key = value``, taken as they come."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreous.formats.image_faults import image_fault
from vitreous.formats.side_record import MAX_FRAMES, Facts, Sidecar, exposure, file_name, pair
from vitreous.formats.side_text import decode_text, read_bounded
from vitreous.model.acquisition import Acquisition

__all__ = ["Mdoc", "MdocSection", "acquisition_of_mdoc", "read_mdoc", "section_of_movie", "sidecar_of_mdoc"]

MAX_BYTES = 16 << 20
MAX_SECTIONS = 100_000
MAX_LISTED_LINES = 3
MAX_LIST_CHARACTERS = 100_000
KNOWN_GLOBALS = frozenset({"PixelSpacing", "Voltage", "ImageFile", "ImageSize", "DataMode", "Montage", "ImageSeries"})
SECTION = re.compile(r"\[\s*(\w[\w -]{0,60}?)\s*=(.*)")
TILT_AXIS = re.compile(r"Tilt axis angle\s*=\s*(\S{1,30}?),?(?:\s|$)")
ANGSTROM_PER_UM = 1e4


@dataclass(frozen=True)
class MdocSection:
    """One section, or the entries before the first one.

    Attributes:
        kind: "ZValue", "FrameSet", "MontSection", "Image" or whatever the bracket says; "" before the first.
        name: what the bracket gives as its value.
        values: texts by key; of a key that comes twice, the last.
    """

    kind: str
    name: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Mdoc:
    """An mdoc file.

    Attributes:
        path: the file.
        titles: texts of ``T = …``.
        header: entries before the first section.
        sections: in the file's order.
        warnings: lines that say nothing.
    """

    path: Path
    titles: tuple[str, ...]
    header: MdocSection
    sections: tuple[MdocSection, ...]
    warnings: tuple[str, ...] = ()


def read_mdoc(path: Path | str) -> Mdoc:
    """Read an mdoc. Keys may come in any order and number, values may hold "=", numbers are not judged here.

    Raises:
        DataError: the file is missing, empty, binary, too large or has nothing of an mdoc.
    """
    path = Path(path)
    text = decode_text(path, read_bounded(path, MAX_BYTES))
    titles: list[str] = []
    odd: list[int] = []
    values: dict[str, str] = {}
    header = MdocSection("", "", values)
    sections: list[MdocSection] = []
    for index, line in enumerate(io.StringIO(text), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        bracket = SECTION.fullmatch(line)
        if bracket is not None:
            kind, name = bracket[1], bracket[2].strip().removesuffix("]").strip()
            if kind == "T":
                titles.append(name)
                continue
            values = {}
            sections.append(MdocSection(sys.intern(kind), name, values))
            if len(sections) > MAX_SECTIONS:
                raise image_fault(path, f"has more than {MAX_SECTIONS:,} sections, which no mdoc has")
            continue
        key, equals, value = line.partition("=")
        key, value = key.strip(), value.strip()
        if not equals or not key:
            odd.append(index)
        elif key == "T":
            titles.append(value)
        else:
            values[sys.intern(key)] = value
    if not sections and not KNOWN_GLOBALS & set(header.values):
        raise image_fault(path, "is no mdoc: it has no section such as [ZValue = 0]", "Give the mdoc of SerialEM")
    return Mdoc(path, tuple(titles), header, tuple(sections), _told(odd))


def _told(odd: list[int]) -> tuple[str, ...]:
    if not odd:
        return ()
    which = ", ".join(str(index) for index in odd[:MAX_LISTED_LINES])
    return (f"{len(odd)} lines are not of the form 'key = value' (line {which}{' …' if len(odd) > 3 else ''})",)


def section_of_movie(mdoc: Mdoc, movie_name: str | None = None) -> MdocSection:
    """The section that tells of a movie: the one that names it, else the frame set, else the only one.

    Of several images without a frame set, what all have in common.
    """
    sections = [section for section in mdoc.sections if section.kind != "MontSection"]
    frame_sets = [section for section in sections if section.kind == "FrameSet"]
    for section in frame_sets + sections:
        if movie_name is not None and file_name(section.values.get("SubFramePath")) == movie_name:
            return section
    if frame_sets or len(sections) == 1:
        return (frame_sets or sections)[0]
    if not sections:
        return mdoc.header
    first, *others = (section.values for section in sections)
    common = {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
    return MdocSection(sections[0].kind, "", common)


def acquisition_of_mdoc(mdoc: Mdoc, section: MdocSection | None = None) -> Acquisition:
    """The settings that a section states (``section_of_movie`` unless given); impossible values are left out."""
    return sidecar_of_mdoc(mdoc, section).acquisition


def sidecar_of_mdoc(mdoc: Mdoc, section: MdocSection | None = None) -> Sidecar:
    """All that a section and the file's header state of an image or movie.

    ``PriorRecordDose`` is the exposure before this image, ``ExposureDose`` its own (SerialEM writes 0 where it does not
    know it), ``FrameDosesAndNumber`` pairs of a frame's exposure and how many frames had it.
    """
    section = section_of_movie(mdoc) if section is None else section
    told = {**mdoc.header.values, **section.values}
    facts = Facts()
    acquisition = _acquisition(told, facts)
    total = facts.number("ExposureDose", told.get("ExposureDose"), 0, 1e5, "e/Å²") or None
    stage = facts.numbers("StagePosition", told.get("StagePosition"), 2)
    height = facts.number("StageZ", told.get("StageZ"), -1e6, 1e6, "µm")
    size = facts.numbers("ImageSize", told.get("ImageSize"), 2) if section.kind != "FrameSet" else None
    axis = next((match[1] for match in map(TILT_AXIS.search, mdoc.titles) if match), None)
    sidecar = Sidecar(
        path=mdoc.path,
        kind="mdoc",
        acquisition=acquisition,
        image_shape=(int(size[1]), int(size[0])) if size is not None and min(size) >= 1 else None,
        n_frames=facts.count("NumSubFrames", told.get("NumSubFrames"), 1, MAX_FRAMES),
        total_dose=total,
        exposure_time=facts.number("ExposureTime", told.get("ExposureTime"), 0, 1e5, "s") or None,
        tilt_angle=facts.number("TiltAngle", told.get("TiltAngle"), -180, 180, "degrees"),
        tilt_axis_angle=facts.number("Tilt axis angle", axis, -360, 360, "degrees"),
        gain_reference=file_name(told.get("GainReference")),
        defect_file=file_name(told.get("DefectFile")),
        rotation_and_flip=facts.count("RotationAndFlip", told.get("RotationAndFlip"), 0, 7),
        movie_name=file_name(told.get("SubFramePath")),
        binning=facts.number("Binning", told.get("Binning"), 0.1, 64),
        target_defocus=_underfocus(facts.number("TargetDefocus", told.get("TargetDefocus"), -1e4, 1e4, "µm")),
        stage_defocus=_underfocus(facts.number("Defocus", told.get("Defocus"), -1e4, 1e4, "µm")),
        image_shift=pair(facts.numbers("ImageShift", told.get("ImageShift"), 2)),
        stage_position=None if stage is None or height is None else (stage[0], stage[1], height),
        magnification=facts.number("Magnification", told.get("Magnification"), 1, 1e8),
        metadata=told,
    )
    return replace(sidecar, warnings=mdoc.warnings + tuple(facts.warnings))


def _acquisition(told: Mapping[str, str], facts: Facts) -> Acquisition:
    spare = Facts()  # what is warned of below is not to be warned of twice
    n_frames = spare.count("NumSubFrames", told.get("NumSubFrames"), 1, MAX_FRAMES)
    total = spare.number("ExposureDose", told.get("ExposureDose"), 0, 1e5) or None
    doses = _frame_doses(told.get("FrameDosesAndNumber"), facts)
    listed = None if doses is None else sum(n for _, n in doses)
    if listed is not None and n_frames is not None and listed != n_frames:
        facts.warnings.append(f"FrameDosesAndNumber counts {listed} frames, and NumSubFrames {n_frames}")
    settings: dict[str, Any] = exposure(total, n_frames, doses)
    if settings.get("dose_per_frame", 0) > 1000:
        facts.warnings.append(f"the exposure of a frame is {settings.pop('dose_per_frame'):g} e/Å²: not used")
    return Acquisition(
        pixel_size=facts.number("PixelSpacing", told.get("PixelSpacing"), 0.011, 999, "Å"),
        voltage=facts.number("Voltage", told.get("Voltage"), 10, 3000, "kV"),
        pre_exposure=facts.number("PriorRecordDose", told.get("PriorRecordDose"), 0, 1e5, "e/Å²"),
        **settings,
    )


def _frame_doses(text: str | None, facts: Facts) -> tuple[tuple[float, int], ...] | None:
    """Pairs of exposure (e/Å²) and number of frames."""
    if text is None:
        return None
    if len(text) > MAX_LIST_CHARACTERS:
        facts.warnings.append(f"FrameDosesAndNumber is {len(text):,} characters long: not used")
        return None
    words = text.split()
    values = facts.numbers("FrameDosesAndNumber", text, max(2, len(words) + len(words) % 2))
    if values is None:
        return None
    pairs = tuple(zip(values[::2], values[1::2], strict=True))
    if any(not 0 <= dose <= 1000 or not 1 <= n <= MAX_FRAMES or n != int(n) for dose, n in pairs):
        facts.warnings.append(f"FrameDosesAndNumber is {text[:40]!r}, which are no exposures and numbers: not used")
        return None
    if sum(n for _, n in pairs) > MAX_FRAMES or all(dose == 0 for dose, _ in pairs):
        facts.warnings.append(f"FrameDosesAndNumber is {text[:40]!r}: not used")
        return None
    return tuple((dose, int(n)) for dose, n in pairs)


def _underfocus(defocus: float | None) -> float | None:
    """Å, underfocus positive, from µm, underfocus negative."""
    return None if defocus is None else -ANGSTROM_PER_UM * defocus
