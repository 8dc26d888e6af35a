"""Frame after frame: what the detector expects of a damaged, moving specimen in noisy ice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from vitreous.algorithms.fourier.exposure_filter import critical_exposure
from vitreous.algorithms.fourier.grids import frequency_squared
from vitreous.algorithms.fourier.sizes import smooth_up
from vitreous.algorithms.simulate.ice import forgetting_rate, ice_frames, ice_power
from vitreous.algorithms.simulate.motion import Motion
from vitreous.algorithms.simulate.warp import OVERSAMPLING, Warp


@dataclass(frozen=True)
class Exposure:
    """How the specimen is exposed.

    Attributes:
        frame_doses: e/Å² of each frame.
        pre_exposure: e/Å² before the first frame.
        voltage: kV.
        damage: whether signal falls with exposure.
        ice_thickness: Å; 0 is an empty hole.
    """

    frame_doses: tuple[float, ...]
    pre_exposure: float
    voltage: float
    damage: bool = True
    ice_thickness: float = 300.0


def canvas_shape(shape: tuple[int, int], reach: float) -> tuple[int, int]:
    """Shape of the canvas that frames of ``shape`` need when the specimen moves by up to ``reach`` px: fast sizes."""
    ny, nx = (smooth_up(2 * round(0.5 * n + reach + 8)) for n in shape)
    return ny, nx


def damage_weight(s2: torch.Tensor, before: float, dose: float, voltage: float) -> torch.Tensor:
    """Mean amplitude of the signal over a frame: 2Ne/ΔN (exp(-N₁/2Ne) - exp(-N₂/2Ne)), Grant & Grigorieff 2015.

    Args:
        s2: squared frequency, 1/Å².
        before: exposure at the frame's start, e/Å².
        dose: exposure of the frame, e/Å².
        voltage: kV.
    """
    rate = 0.5 / critical_exposure(s2.sqrt(), voltage)
    return torch.exp(-before * rate) * -torch.expm1(-dose * rate) / (dose * rate).clamp_min(1e-12) + (rate <= 0).float()


def contrast_frames(
    specimen: torch.Tensor,
    transfer: torch.Tensor,
    canvas: tuple[int, int],
    pixel_size: float,
    exposure: Exposure,
    motion: Motion,
    generator: torch.Generator,
) -> Iterator[torch.Tensor]:
    """Image contrast of each frame, C = -2 F⁻¹[ctf · phase], 1 + C being the intensity over its mean.

    Args:
        specimen: transform of the phase shift in rad on the canvas, ``[cy, cx//2+1]``.
        transfer: ctf (RELION's sign) times envelope and MTF, on the canvas.
        canvas: ``(cy, cx)``.
        pixel_size: Å.
        exposure: doses, damage, ice.
        motion: of the specimen and its ice, in frame coordinates.
        generator: random numbers of the ice.

    Yields:
        float32 ``[ny, nx]`` of zero mean over the canvas.
    """
    device = specimen.device
    fine = (smooth_up(round(OVERSAMPLING * canvas[0])), smooth_up(round(OVERSAMPLING * canvas[1])))
    warp = Warp(canvas, fine, motion, pixel_size, device)
    s2 = frequency_squared(canvas, pixel_size, device)
    filtered = warp.prefilter(-2.0 * transfer)
    filtered[0, 0] = 0.0
    signal = specimen * filtered
    ice = None
    if exposure.ice_thickness > 0:
        s = s2.sqrt()
        # White noise of unit variance per pixel has the power of one pixel's area.
        level = (ice_power(s, exposure.ice_thickness, exposure.voltage) / pixel_size**2).sqrt() * filtered
        ice = ice_frames(canvas, forgetting_rate(s), exposure.frame_doses, generator)
        ice_filter = level.to(torch.complex64)
    before = exposure.pre_exposure
    for index, dose in enumerate(exposure.frame_doses):
        spectrum = signal
        if exposure.damage:
            spectrum = signal * damage_weight(s2, before, dose, exposure.voltage).to(torch.complex64)
        if ice is not None:
            spectrum = torch.addcmul(spectrum, next(ice), ice_filter)
        before += dose
        yield warp.frame(spectrum, index)
