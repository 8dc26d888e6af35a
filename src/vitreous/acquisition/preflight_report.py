"""What a pre-flight check tells: findings with the setting that would mend them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vitreous.acquisition.import_params import ImportParams
from vitreous.core.camera import GainKind


@dataclass(frozen=True)
class PreflightSettings:
    """What the user has said of the session; ``None`` is "not said".

    Attributes:
        gain: gain reference.
        gain_orientation: one of the eight, or ``auto``.
        gain_kind: what the reference's values mean, or ``auto``.
        pixel_size: Å of the movies.
        dose_per_frame: e/Å².
        frames: that a movie has.
        counts_per_electron: of the camera.
    """

    gain: Path | None = None
    gain_orientation: str = "auto"
    gain_kind: GainKind | str = "auto"
    pixel_size: float | None = None
    dose_per_frame: float | None = None
    frames: int | None = None
    counts_per_electron: float = 1.0

    @classmethod
    def of_import(cls, params: ImportParams, **more: Any) -> PreflightSettings:
        """Settings as the import knows them, and more by name."""
        return cls(**{"gain": params.gain, "frames": params.frames, **more})


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: its name: ``readable``, ``gain_size``, ``gain_orientation``, ``frames``, ``dose``, ``black_frames``,
            ``duplicates``, ``pixel_size``, ``counted``.
        ok: ``None`` where it is not sure.
        message: a sentence with values and units.
        proposal: setting → value that would mend it.
    """

    check: str
    ok: bool | None
    message: str
    proposal: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PreflightReport:
    """All findings of a pre-flight check, in order of the checks.

    Attributes:
        movies: that were looked at.
        findings: one of each check that could be made.
    """

    movies: tuple[Path, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Nothing is known to be wrong."""
        return all(finding.ok is not False for finding in self.findings)

    @property
    def proposal(self) -> dict[str, Any]:
        """All proposed settings."""
        return {name: value for finding in self.findings for name, value in finding.proposal.items()}

    def table(self) -> list[dict[str, Any]]:
        """One row per finding, JSON-able."""
        words = {True: "ok", False: "wrong", None: "unsure"}
        return [
            {"check": f.check, "result": words[f.ok], "message": f.message, "proposal": dict(f.proposal)}
            for f in self.findings
        ]
