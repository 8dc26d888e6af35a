"""Find a gain reference's orientation from NumPy arrays, for callers that do not import the array engine."""

from __future__ import annotations

import numpy as np
import torch

from vitreous.algorithms.movies.gain_detection import Detection, detect_orientation


def detect_from_arrays(total: np.ndarray, n_frames: int, gain: np.ndarray) -> Detection:
    """``detect_orientation`` of the sum of ``n_frames`` raw frames ``[y, x]`` and a reference ``[y, x]``.

    Raises:
        UsageError: the answer is not clear, or the sizes do not fit.
        DataError: one of the two has too few usable values.
    """
    average = torch.from_numpy((total / n_frames).astype(np.float32))
    return detect_orientation(average, n_frames, torch.from_numpy(gain.astype(np.float32)))
