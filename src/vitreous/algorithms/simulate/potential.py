"""Electrostatic potential of an atomic model in vitreous ice, relative to the ice."""

from __future__ import annotations

import math

import torch

from vitreous.core.errors import UsageError
from vitreous.core.optics import wavelength

VOLT_AREA = 47.87801
"""h²/(2π m_e e) in V Å²: potential of a unit scattering length density (Kirkland 2010, eq. 5.12)."""

WATER_DENSITY = 0.0311
"""Molecules per Å³ of low-density amorphous ice, 0.93 g/cm³."""

WATER_SCATTERING = 3.041
"""Electron scattering amplitude of H2O at s = 0, Å, as isolated atoms (International Tables C, 4.3.2.2)."""

ICE_POTENTIAL = VOLT_AREA * WATER_DENSITY * WATER_SCATTERING
"""Mean inner potential of the ice, V, in the same isolated-atom approximation as the model's: 4.53 V."""

HYDROGEN_FORM = ((0.0349, 0.1201, 0.1970, 0.0573, 0.1195), (0.5347, 3.5867, 12.3471, 18.9525, 38.6269))
"""a (Å) and b (Å²) of hydrogen (International Tables C, 4.3.2.2)."""

_ATOMIC_VOLUMES = {
    "H": 5.15,
    "C": 16.44,
    "N": 2.49,
    "O": 9.13,
    "S": 19.86,
    "P": 5.73,
    "FE": 7.99,
    "MG": 4.9,
    "ZN": 9.85,
}
_OTHER_VOLUME = 8.0
_IMPLICIT_HYDROGENS = {"C": 1.23, "N": 1.10, "O": 0.15, "S": 0.5}
_OVERSAMPLING = 1.5
_KERNEL_SIGMA = 1.0  # px of the oversampled grid
_KERNEL_HALF_WIDTH = 5
_LARGEST_B = 150.0
_ATOMS_AT_ONCE = 4096


def interaction_parameter(voltage: float) -> float:
    """σ in rad/(V Å): phase shift per projected potential, 6.53e-4 at 300 kV (Kirkland 2010, eq. 5.6).

    σ = 2π m e λ / h² = γ λ / VOLT_AREA, with the relativistic γ = 1 + V / 510.999 kV.
    """
    return (1.0 + voltage / 510.99895) * wavelength(voltage) / VOLT_AREA


def excess_form_factor(element: str, form: torch.Tensor, s2: torch.Tensor, add_hydrogens: bool) -> torch.Tensor:
    """Scattering of one atom minus that of the ice it displaces, V Å³, at squared frequencies ``s2`` (1/Å²).

    The ice is displaced by a Gaussian of the atom's volume v, ``V_ice v exp(-π v^(2/3) s²)`` (Fraser, MacRae & Suzuki
    1978, J. Appl. Cryst. 11:693). Hydrogens that the model leaves out ride on their heavy atoms, in the average number
    of a protein (C 1.23, N 1.10, O 0.15, S 0.5).
    """
    total = torch.zeros_like(s2)
    parts = [(1.0, element, form)]
    if add_hydrogens and element.upper() in _IMPLICIT_HYDROGENS:
        hydrogen = torch.tensor(HYDROGEN_FORM, dtype=form.dtype, device=form.device)
        parts.append((_IMPLICIT_HYDROGENS[element.upper()], "H", hydrogen))
    for number, symbol, table in parts:
        volume = _ATOMIC_VOLUMES.get(symbol.upper(), _OTHER_VOLUME)
        for a, b in table.T.tolist():
            total = total + number * VOLT_AREA * a * torch.exp(-0.25 * b * s2)
        total = total - number * ICE_POTENTIAL * volume * torch.exp(-math.pi * volume ** (2.0 / 3.0) * s2)
    return total


def potential_map(
    positions: torch.Tensor,
    kinds: torch.Tensor,
    elements: tuple[str, ...],
    form_factors: torch.Tensor,
    occupancies: torch.Tensor,
    b_factors: torch.Tensor,
    *,
    add_hydrogens: bool,
    box: int,
    pixel_size: float,
) -> torch.Tensor:
    """Potential in excess of the ice on a cubic grid, band-limited to the grid's Nyquist frequency.

    Atoms are spread as Gaussians on a grid 1.5 times finer, transformed, and there given their form factor; the
    spreading is divided out. The atom's own B factor (0 to 150 Å²) is part of its Gaussian.

    Args:
        positions: Å ``[n, 3]`` (x, y, z) relative to the box centre (index box // 2).
        kinds: element number of each atom, int64 ``[n]``.
        elements: symbols.
        form_factors: ``[n_elements, 2, 5]``: a (Å) and b (Å²) of f(s) = Σ a exp(-b s²/4).
        occupancies: ``[n]``, 0..1.
        b_factors: Å² ``[n]``.
        add_hydrogens: the model has none: let heavy atoms carry them.
        box: even side in px.
        pixel_size: Å.

    Returns:
        V, float32 ``[box, box, box]``.

    Raises:
        UsageError: the atoms don't fit into the box.
    """
    if float(positions.abs().max()) > 0.5 * box * pixel_size - 4.0:
        raise UsageError(
            f"the model reaches {float(positions.abs().max()):.0f} Å from the centre, beyond a box of {box} px",
            hint="Use a larger box or pixel size",
            box=box,
        )
    fine = 2 * math.ceil(0.5 * _OVERSAMPLING * box)
    step = box * pixel_size / fine
    keep, s2 = _kept_frequencies(box, fine, pixel_size, positions.device)
    kernel = _KERNEL_SIGMA * step
    total: torch.Tensor = torch.zeros((), device=positions.device)
    for index, element in enumerate(elements):
        chosen = kinds == index
        widths = torch.sqrt(kernel**2 + b_factors[chosen].clamp(0.0, _LARGEST_B) / (8.0 * math.pi**2)) / step
        grid = _spread(positions[chosen] / step, occupancies[chosen], widths, fine)
        spectrum = torch.fft.rfftn(grid)[keep]
        del grid
        factor = excess_form_factor(element, form_factors[index], s2, add_hydrogens)
        total = total + spectrum * (factor * torch.exp(2.0 * math.pi**2 * kernel**2 * s2))
    volume = torch.fft.irfftn(total, s=(box, box, box)) / pixel_size**3
    return torch.roll(volume, (box // 2, box // 2, box // 2), (0, 1, 2))


def _kept_frequencies(
    box: int, fine: int, pixel_size: float, device: torch.device
) -> tuple[tuple[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """Indices of the coarse grid's frequencies in the fine transform, and their s²."""
    numbers = torch.fft.fftfreq(box, 1.0 / box, device=device).round().to(torch.int64)
    half = torch.arange(box // 2 + 1, device=device)
    rows = numbers % fine
    full, edge = numbers / (box * pixel_size), half / (box * pixel_size)
    s2 = full[:, None, None].square() + full[None, :, None].square() + edge[None, None, :].square()
    return (rows[:, None, None], rows[None, :, None], half[None, None, :]), s2.to(torch.float32)


def _spread(points: torch.Tensor, weights: torch.Tensor, widths: torch.Tensor, side: int) -> torch.Tensor:
    """Sum of unit Gaussians of standard deviation ``widths`` px at ``points`` px (x, y, z), centre at index 0."""
    grid = torch.zeros(side**3, dtype=torch.float32, device=points.device)
    reach = torch.arange(-_KERNEL_HALF_WIDTH + 1, _KERNEL_HALF_WIDTH + 1, device=points.device)
    for start in range(0, len(points), _ATOMS_AT_ONCE):
        part = slice(start, start + _ATOMS_AT_ONCE)
        near = torch.floor(points[part]).to(torch.int64)
        index = near[:, None, :] + reach[:, None]
        offset = index - points[part][:, None, :]
        profile = torch.exp(-0.5 * (offset / widths[part, None, None]).square())
        profile = (profile / profile.sum(dim=1, keepdim=True)).to(torch.float32)
        x, y, z = (index % side).unbind(-1)
        px, py, pz = profile.unbind(-1)
        flat = (z[:, :, None, None] * side + y[:, None, :, None]) * side + x[:, None, None, :]
        value = (
            (pz * weights[part, None].to(torch.float32))[:, :, None, None] * py[:, None, :, None] * px[:, None, None, :]
        )
        grid.index_add_(0, flat.reshape(-1), value.reshape(-1))
    return grid.reshape(side, side, side)
