"""The XML that EPU writes beside each image: optics, stage, exposure."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from vitreous.formats.image_faults import image_fault
from vitreous.formats.side_record import MAX_FRAMES, Facts, Sidecar, exposure
from vitreous.formats.side_text import MAX_XML_BYTES, parse_xml, read_bounded
from vitreous.model.acquisition import Acquisition

__all__ = ["is_epu_xml", "read_epu_xml"]

ROOT = "MicroscopeImage"
HEAD_BYTES = 4096
ANGSTROM = 1e-10
PER_SQUARE_METRE = 1e6
"""A dose above this is in e/m² and not in e/Å²."""
MAX_VALUES = 1000


def is_epu_xml(path: Path) -> bool:
    """Whether a file begins as EPU's do.

    Raises:
        DataError: the file is missing, empty or absurdly long.
    """
    return ROOT.encode() in read_bounded(path, MAX_XML_BYTES)[:HEAD_BYTES].replace(b"\0", b"")


def read_epu_xml(path: Path | str) -> Sidecar:
    """Read the XML of an image of EPU (``MicroscopeImage``).

    All lengths in the file are in m, the stage's tilt in radians, the voltage in V; the dose is in e/m² (``Dose``) or
    e/Å² (``Detectors[…].TotalDose``), told apart by its size, and is at the specimen.

    Raises:
        DataError: the file is missing, too large, not well-formed, declares a document type, or is of something else.
    """
    path = Path(path)
    root = parse_xml(path, read_bounded(path, MAX_XML_BYTES))
    if root.tag != ROOT:
        raise image_fault(path, f"is no XML of EPU: the element is {root.tag[:40]!r}", "Give the XML of the image")
    custom = _key_values(root)
    facts = Facts()
    camera = root.find("microscopeData/acquisition/camera")
    total = _total_dose(custom, facts)
    n_frames = _n_fractions(root, facts)
    settings: dict[str, Any] = exposure(total, n_frames, None)
    if settings.get("dose_per_frame", 0) > 1000:
        facts.warnings.append(f"the exposure of a frame is {settings.pop('dose_per_frame'):g} e/Å²: not used")
    volts = facts.number("AccelerationVoltage", _text(root, "microscopeData/gun/AccelerationVoltage"), 1e4, 3e6, "V")
    tilt = facts.number("stage tilt", _text(root, "microscopeData/stage/Position/A"), -math.pi, math.pi, "radians")
    target = facts.number("AppliedDefocus", custom.get("AppliedDefocus"), -1e-2, 1e-2, "m")
    defocus = facts.number("Defocus", _text(root, "microscopeData/optics/Defocus"), -1e-2, 1e-2, "m")
    sidecar = Sidecar(
        path=path,
        kind="epu",
        acquisition=Acquisition(
            pixel_size=_pixel_size(root, facts), voltage=None if volts is None else volts / 1000, **settings
        ),
        image_shape=_image_shape(camera, facts),
        n_frames=n_frames,
        total_dose=total,
        exposure_time=facts.number("ExposureTime", _text(camera, "ExposureTime"), 0, 1e5, "s") or None,
        tilt_angle=None if tilt is None else math.degrees(tilt),
        binning=facts.number("Binning", _text(camera, "Binning/x"), 0.1, 64),
        target_defocus=None if target is None else -target / ANGSTROM,
        stage_defocus=None if defocus is None else -defocus / ANGSTROM,
        beam_shift=_vector(root, "microscopeData/optics/BeamShift", facts),
        image_shift=_vector(root, "microscopeData/optics/ImageShift", facts),
        stage_position=_stage(root, facts),
        magnification=facts.number(
            "NominalMagnification",
            _text(root, "microscopeData/optics/TemMagnification/NominalMagnification"),
            1,
            1e8,
        ),
        camera=custom.get("DetectorCommercialName") or _text(camera, "Name"),
        metadata=custom,
    )
    return replace(sidecar, warnings=tuple(facts.warnings))


def _text(element: Element | None, path: str) -> str | None:
    """Text of a descendant; ``None`` where it is absent, empty or nil."""
    text = None if element is None else element.findtext(path)
    return (text or "").strip() or None


def _key_values(root: Element) -> dict[str, str]:
    """The image's own list of keys and values."""
    found: dict[str, str] = {}
    for entry in list(root.iterfind("CustomData/KeyValueOfstringanyType"))[:MAX_VALUES]:
        key, value = _text(entry, "Key"), _text(entry, "Value")
        if key is not None and value is not None:
            found[key] = value
    return found


def _pixel_size(root: Element, facts: Facts) -> float | None:
    """Å; the mean of x and y, which must agree within 1 %."""
    sides = [
        facts.number(
            f"pixelSize {axis}", _text(root, f"SpatialScale/pixelSize/{axis}/numericValue"), 1.1e-12, 9.9e-8, "m"
        )
        for axis in "xy"
    ]
    if sides[0] is None or sides[1] is None:
        return None
    if abs(sides[0] - sides[1]) > 0.01 * sides[0]:
        facts.warnings.append(f"pixels are {sides[0] / ANGSTROM:g} x {sides[1] / ANGSTROM:g} Å: not used")
        return None
    return 0.5 * (sides[0] + sides[1]) / ANGSTROM


def _total_dose(custom: dict[str, str], facts: Facts) -> float | None:
    """e/Å² of the whole exposure."""
    names = ["Dose"] + [key for key in custom if key.startswith("Detectors[") and key.endswith("].TotalDose")]
    for name in names:
        dose = facts.number(name, custom.get(name), 0, 1e25, "e/m²")
        if dose:
            dose = dose * ANGSTROM**2 if dose > PER_SQUARE_METRE else dose
            if 1e-4 <= dose <= 1e5:
                return dose
            facts.warnings.append(f"{name} is {dose:g} e/Å²: not used")
    return None


def _n_fractions(root: Element, facts: Facts) -> int | None:
    for element in root.iter():
        if element.tag.lower() == "numberoffractions" and (element.text or "").strip():
            return facts.count("NumberOffractions", element.text, 1, MAX_FRAMES)
    return None


def _image_shape(camera: Element | None, facts: Facts) -> tuple[int, int] | None:
    ny = facts.count("ReadoutArea height", _text(camera, "ReadoutArea/height"), 1, 1 << 16)
    nx = facts.count("ReadoutArea width", _text(camera, "ReadoutArea/width"), 1, 1 << 16)
    return None if ny is None or nx is None else (ny, nx)


def _vector(root: Element, path: str, facts: Facts) -> tuple[float, float] | None:
    name = path.rpartition("/")[2]
    x, y = (facts.number(f"{name} {axis}", _text(root, f"{path}/_{axis}"), -1e6, 1e6) for axis in "xy")
    return None if x is None or y is None else (x, y)


def _stage(root: Element, facts: Facts) -> tuple[float, float, float] | None:
    """µm."""
    at = [
        facts.number(f"stage {axis}", _text(root, f"microscopeData/stage/Position/{axis}"), -1, 1, "m")
        for axis in "XYZ"
    ]
    x, y, z = at
    return None if x is None or y is None or z is None else (x * 1e6, y * 1e6, z * 1e6)
