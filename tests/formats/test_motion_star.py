"""Motion tables: the real ones of a RELION project, and damaged ones."""

from __future__ import annotations

import contextlib
import random
import tarfile
from pathlib import Path

import numpy as np
import pytest

from vitreous.core.errors import DataError
from vitreous.formats.motion_star import read_motion_star, write_motion_star
from vitreous.model.motion import MotionModel


def example(path: Path) -> str:
    coefficients = np.linspace(-1, 1, 36).reshape(2, 18)
    model = MotionModel(
        0.885, (380, 370), np.arange(8.0).reshape(4, 2) * [[0], [1], [1], [1]], coefficients, voltage=200
    )
    write_motion_star(path, model)
    return path.read_text()


def test_real_tables(shared_data: Path, tmp_path: Path) -> None:
    read = 0
    with tarfile.open(shared_data / "metadata" / "relion_tutorial_files.tar.xz") as archive:
        for member in archive:
            if "MotionCorr/job002" not in member.name or not member.name.endswith("frameImage.star"):
                continue
            handle = archive.extractfile(member)
            assert handle is not None
            (tmp_path / "m.star").write_bytes(handle.read())
            model = read_motion_star(tmp_path / "m.star")
            assert model.shape == (3838, 3710)
            assert (model.n_frames, model.pixel_size, model.voltage) == (24, 0.885, 200.0)
            assert model.gain == "Movies/gain.mrc"
            assert np.abs(model.shift_at(np.arange(24), 1855, 1919)).max() < 60
            read += 1
    assert read == 24


def test_without_local_motion(tmp_path: Path) -> None:
    write_motion_star(tmp_path / "m.star", MotionModel(1.0, (10, 20), np.zeros((3, 2))))
    model = read_motion_star(tmp_path / "m.star")
    assert model.local_coefficients is None
    assert model.shift_at(np.arange(3)[:, None], np.zeros(4), 0.0).shape == (3, 4, 2)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("data_general", "data_generals", "data_general is missing"),
        ("_rlnImageSizeX", "_rlnImageSizeQ", "rlnImageSizeX is missing"),
        ("          35 ", "          34 ", "coefficients 0 to 35"),
        ("0.885", "-1", "out of range"),
        ("0.885", "nan", "out of range"),
        ("_rlnMicrographStartFrame            1", "_rlnMicrographStartFrame            9", "first frame 9"),
        ("           2 ", "           7 ", "numbered 1, 2, 3"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = example(tmp_path / "m.star")
    text = " ".join(text.split(" ")) if old in text else text
    if old.startswith("_rlnMicrographStartFrame"):
        line = next(line for line in text.split("\n") if line.startswith("_rlnMicrographStartFrame"))
        text = text.replace(line, "_rlnMicrographStartFrame 9")
    else:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "m.star").write_text(text)
    with pytest.raises(DataError, match=says):
        read_motion_star(tmp_path / "m.star")


def test_damaged_bytes_never_do_worse_than_an_error(tmp_path: Path) -> None:
    good = example(tmp_path / "m.star").encode()
    rng = random.Random(5)
    for case in range(200):
        data = bytearray(good)
        data[rng.randrange(len(data))] = rng.randrange(256)
        (tmp_path / "m.star").write_bytes(data if case % 4 else data[: rng.randrange(len(data))])
        with contextlib.suppress(DataError):
            read_motion_star(tmp_path / "m.star")
