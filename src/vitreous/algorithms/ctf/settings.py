"""What a user may choose of the CTF estimation."""

from __future__ import annotations

from dataclasses import dataclass

from vitreous.core.errors import UsageError


@dataclass(frozen=True)
class CtfSettings:
    """Ranges and options of the search; each has the default of the job's form.

    Attributes:
        min_resolution, max_resolution: Å, the band of the spectrum that is searched (30 to 5).
        min_defocus, max_defocus, defocus_step: Å.
        exhaustive: search astigmatism up to half of the defocus, not only ``_USUAL_ASTIGMATISM``.
        astigmatism_tolerance: Å; the score falls by Δ²/(2 tolerance²). ``None``: no restraint.
        find_phase_shift: search a phase shift of a phase plate.
        min_phase_shift, max_phase_shift, phase_shift_step: degrees.
        extend: refine at last with all rings that can be seen, beyond ``max_resolution``.
    """

    min_resolution: float = 30.0
    max_resolution: float = 5.0
    min_defocus: float = 5000.0
    max_defocus: float = 50000.0
    defocus_step: float = 100.0
    exhaustive: bool = False
    astigmatism_tolerance: float | None = None
    find_phase_shift: bool = False
    min_phase_shift: float = 0.0
    max_phase_shift: float = 180.0
    phase_shift_step: float = 10.0
    extend: bool = True

    def __post_init__(self) -> None:
        _ordered("resolution", self.max_resolution, self.min_resolution, "Å")
        _ordered("defocus", self.min_defocus, self.max_defocus, "Å")
        _ordered("phase shift", self.min_phase_shift, self.max_phase_shift, "degrees", equal=True)
        _positive("defocus step", self.defocus_step, "Å")
        _positive("phase shift step", self.phase_shift_step, "degrees")
        _positive("highest resolution", self.max_resolution, "Å")
        if (self.max_defocus - self.min_defocus) / self.defocus_step > 20000:
            raise UsageError(
                f"{(self.max_defocus - self.min_defocus) / self.defocus_step:.0f} steps of defocus are too many",
                hint="Take a larger defocus step (100 Å is usual) or a smaller range",
            )

    def phase_shifts(self) -> tuple[float, ...]:
        """Phase shifts to search, degrees."""
        if not self.find_phase_shift:
            return (0.0,)
        count = int((self.max_phase_shift - self.min_phase_shift) / self.phase_shift_step + 1e-9) + 1
        return tuple(self.min_phase_shift + i * self.phase_shift_step for i in range(count))


def _ordered(what: str, low: float, high: float, unit: str, equal: bool = False) -> None:
    if not (low < high or (equal and low == high)):
        raise UsageError(
            f"the range of {what} is empty: {low:g} to {high:g} {unit}",
            hint=f"Give the limits of the {what} in the right order",
            low=low,
            high=high,
        )


def _positive(what: str, value: float, unit: str) -> None:
    if not value > 0.0:
        raise UsageError(f"{what} of {value:g} {unit} is not positive", hint=f"Give a {what} above 0", value=value)
