"""The state of a classification between iterations: small, frozen, and exactly storable."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from vitreous.core.errors import DataError

UNASSIGNED = -1
"""Class of an image that no iteration has seen yet, or that is left out."""


@dataclass(frozen=True)
class Record:
    """What one iteration did.

    Attributes:
        iteration: from 1.
        particles: images used.
        resolution_limit: Å, finest ring of the likelihood.
        populations: share of each class, sum 1.
        resolutions: Å of each class, ``None`` where there is none.
        changed: share of the images used that changed their class; ``None`` in the first iteration.
        shift_deviation: Å, deviation of the shifts along one axis.
        log_likelihood: mean over the images used, against noise alone.
        reseeded: numbers (from 0) of classes that were started anew.
        seconds: wall time.
    """

    iteration: int
    particles: int
    resolution_limit: float
    populations: tuple[float, ...]
    resolutions: tuple[float | None, ...]
    changed: float | None
    shift_deviation: float
    log_likelihood: float
    reseeded: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class State:
    """Everything that the next iteration needs, on the CPU.

    Attributes:
        iteration: number of finished iterations.
        averages: float32 ``[K, box, box]``, white particles, zero outside the mask.
        references: float32 ``[folds, K, box, box]``: the averages without the images of each fold, to which that fold
            is aligned, so that no image meets its own noise.
        noise: float64 ``[G, rings]``, power of the noise per Fourier coefficient in each ring, ring 0 first.
        priors: float64 ``[K]``, sum 1.
        shift_deviation: Å along one axis.
        frc: float32 ``[K, rings]``, correlation of the two half averages, ring 0 first.
        contrast: float32 ``[K]``, signal over noise of the average within the mask.
        classes: int32 ``[N]`` from 0, ``UNASSIGNED`` where unknown.
        psi: float32 ``[N]``, degrees: RELION's rlnAnglePsi.
        origin: float32 ``[N, 2]``, px (x, y): RELION's rlnOrigin, moves the particle to the box centre.
        max_probability: float32 ``[N]``, largest posterior probability (class, angle, shift).
        log_likelihood: float32 ``[N]``, of the image given the classes, against noise alone.
        history: one record of each iteration.
        moments: float32 ``[3, folds, K, R, M/2]``, decayed sums of mini-batches (numerator's real and imaginary part,
            denominator); empty where there are none.
    """

    iteration: int
    averages: np.ndarray
    references: np.ndarray
    noise: np.ndarray
    priors: np.ndarray
    shift_deviation: float
    frc: np.ndarray
    contrast: np.ndarray
    classes: np.ndarray
    psi: np.ndarray
    origin: np.ndarray
    max_probability: np.ndarray
    log_likelihood: np.ndarray
    history: tuple[Record, ...]
    moments: np.ndarray

    @property
    def n_images(self) -> int:
        """Images that the state knows."""
        return len(self.classes)


_ARRAYS = tuple(f.name for f in fields(State) if f.name not in ("iteration", "shift_deviation", "history"))


def to_arrays(state: State) -> dict[str, np.ndarray]:
    """The state as named arrays without objects, for ``numpy.savez``; ``from_arrays`` gives back the same bits."""
    arrays = {name: np.asarray(getattr(state, name)) for name in _ARRAYS}
    arrays["iteration"] = np.asarray(state.iteration, dtype=np.int64)
    arrays["shift_deviation"] = np.asarray(state.shift_deviation, dtype=np.float64)
    text = json.dumps([asdict(record) for record in state.history])
    arrays["history"] = np.frombuffer(text.encode(), dtype=np.uint8)
    return arrays


def from_arrays(arrays: dict[str, np.ndarray]) -> State:
    """The state that ``to_arrays`` took apart.

    Raises:
        DataError: an array is missing.
    """
    missing = [name for name in (*_ARRAYS, "iteration", "shift_deviation", "history") if name not in arrays]
    if missing:
        raise DataError(f"the stored classification lacks {', '.join(missing)}", hint="Start the classification anew")
    history = tuple(_record(values) for values in json.loads(np.asarray(arrays["history"]).tobytes().decode()))
    return State(
        iteration=int(arrays["iteration"]),
        shift_deviation=float(arrays["shift_deviation"]),
        history=history,
        **{name: np.asarray(arrays[name]) for name in _ARRAYS},
    )


def _record(values: dict[str, Any]) -> Record:
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Record(**plain)


def extended(state: State, n_new: int) -> State:
    """The state with ``n_new`` images more at the end, not yet assigned; the averages go on."""
    return replace(
        state,
        classes=np.concatenate((state.classes, np.full(n_new, UNASSIGNED, dtype=np.int32))),
        psi=_longer(state.psi, n_new),
        origin=_longer(state.origin, n_new),
        max_probability=_longer(state.max_probability, n_new),
        log_likelihood=_longer(state.log_likelihood, n_new),
    )


def _longer(values: np.ndarray, n_new: int) -> np.ndarray:
    return np.concatenate((values, np.zeros((n_new, *values.shape[1:]), dtype=values.dtype)))
