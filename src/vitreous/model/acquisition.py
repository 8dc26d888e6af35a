"""How the images were recorded: settings from command line, TOML file and file headers, in that order of trust."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vitreous.core.errors import DataError, UsageError
from vitreous.core.optics import Microscope


class Acquisition(BaseModel):
    """Settings of one acquisition; ``None`` is "not known"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pixel_size: float | None = Field(None, gt=0.01, lt=1000, description="pixel size of the images as recorded, Å")
    voltage: float | None = Field(None, ge=10, le=3000, description="acceleration voltage, kV")
    spherical_aberration: float | None = Field(None, ge=0, le=20, description="spherical aberration, mm")
    amplitude_contrast: float | None = Field(None, ge=0, le=1, description="amplitude contrast, fraction")
    dose_per_frame: float | None = Field(None, ge=0, le=1000, description="exposure of a frame, e/Å²")
    frame_doses: tuple[float, ...] | None = Field(
        None, description="exposure of each frame, e/Å²; wins over dose_per_frame"
    )
    pre_exposure: float | None = Field(None, ge=0, description="exposure before the first frame, e/Å²")

    def needed(self, name: str) -> float:
        """The value of a setting, or a ``UsageError`` that says how to give it."""
        value = getattr(self, name)
        if value is None:
            field = type(self).model_fields[name]
            raise UsageError(
                f"{name} ({field.description}) is not known: it is neither given nor in the file's header",
                hint=f"Give --{name.replace('_', '-')}, or {name} in the acquisition settings (--settings FILE.toml)",
                setting=name,
            )
        return float(value)

    def microscope(self) -> Microscope:
        """The microscope's constants; amplitude contrast is 0.07 unless given."""
        contrast = 0.07 if self.amplitude_contrast is None else self.amplitude_contrast
        return Microscope(self.needed("voltage"), self.needed("spherical_aberration"), contrast)


def first_known(*sources: Acquisition) -> Acquisition:
    """Merge: each setting from the first source that knows it."""
    merged: dict[str, Any] = {}
    for source in reversed(sources):
        merged.update({k: v for k, v in source.model_dump().items() if v is not None})
    return Acquisition(**merged)


def from_mapping(values: Mapping[str, Any], *, origin: str) -> Acquisition:
    """Validate settings from any mapping; ``origin`` names it in the error."""
    try:
        return Acquisition(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{origin}: setting {name!r}: {first['msg']}",
            hint="Known settings: " + ", ".join(Acquisition.model_fields),
            path=origin,
        ) from error


def read_settings(path: Path) -> Acquisition:
    """Read acquisition settings from a TOML file: flat, or in a table ``[acquisition]``."""
    try:
        values = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(
            f"{path}: can't read the acquisition settings: {error}", hint="Give a TOML file", path=str(path)
        ) from error
    return from_mapping(values.get("acquisition", values), origin=str(path))
