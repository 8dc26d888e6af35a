"""Where motion correction takes the recording's settings from, and which it believes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from vitreous.formats.base import ImageHeader
from vitreous.formats.side_record import Sidecar
from vitreous.jobs.motion import _acquisition
from vitreous.model.acquisition import Acquisition

HEADER = ImageHeader(Path("m.tif"), "tiff", 3, (64, 64), np.dtype("uint8"), Acquisition(pixel_size=2.0, voltage=200))


def _sidecar(**settings: object) -> Sidecar:
    return Sidecar(path=Path("m.mdoc"), kind="mdoc", acquisition=Acquisition(**settings))  # type: ignore[arg-type]


def test_the_user_is_believed_first_then_the_side_file_then_the_header() -> None:
    known = _acquisition(Acquisition(voltage=300), _sidecar(pixel_size=1.0, voltage=120), HEADER)
    assert (known.pixel_size, known.voltage) == (1.0, 300)
    assert _acquisition(Acquisition(), None, HEADER).pixel_size == 2.0


def test_a_dose_per_frame_that_was_given_wins_over_a_list_in_a_file() -> None:
    listed = _sidecar(frame_doses=(1.0, 2.0, 3.0))
    assert _acquisition(Acquisition(), listed, HEADER).frame_doses == (1.0, 2.0, 3.0)
    known = _acquisition(Acquisition(dose_per_frame=1.5), listed, HEADER)
    assert known.frame_doses is None
    assert known.dose_per_frame == 1.5


def test_a_list_of_another_length_than_the_movie_does_not_count() -> None:
    assert _acquisition(Acquisition(), _sidecar(frame_doses=(1.0, 2.0)), HEADER).frame_doses is None


def test_the_exposure_of_an_eer_movie_is_shared_among_its_fractions() -> None:
    side = replace(_sidecar(dose_per_frame=0.01), total_dose=30.0, n_frames=3000)
    known = _acquisition(Acquisition(), side, replace(HEADER, format="eer"))
    assert known.dose_per_frame == 10.0
