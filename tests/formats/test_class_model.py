"""The record of a 2D classification: read back as written, refused where it is none, and in RELION's tables."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from vitreous.core.errors import DataError
from vitreous.formats.class_model import (
    ClassModel,
    ClassRecord,
    read_class_model,
    write_class_model,
    write_class_star,
)
from vitreous.formats.star import read_star

MODEL = ClassModel(
    iteration=5,
    iterations=20,
    finished=False,
    n_particles=100,
    n_used=99,
    pixel_size=2.0,
    box=64,
    mask_diameter=90.0,
    resolution_limit=16.0,
    classes=(
        ClassRecord(1, 60, 0.6, 12.5, 0.8, 1, True, (1.0, 0.9)),
        ClassRecord(2, 39, 0.4, None, None, 2, False, (1.0, 0.25)),
    ),
    frc_frequencies=(0.0, 1 / 128),
    history=({"iteration": 1, "seconds": 0.5},),
    settings={"cycles": 20},
    seed=3,
    lineage="abc",
)


def test_the_record_reads_back_as_it_was_written(tmp_path: Path) -> None:
    write_class_model(tmp_path / "model.json", MODEL)
    assert read_class_model(tmp_path / "model.json") == MODEL
    assert MODEL.numbered(2) is MODEL.classes[1]
    assert MODEL.numbered(3) is None


def test_what_is_not_finite_becomes_null(tmp_path: Path) -> None:
    from dataclasses import replace

    empty = replace(MODEL.classes[1], frc=(1.0, math.nan))
    write_class_model(tmp_path / "model.json", replace(MODEL, classes=(empty,)))
    assert "NaN" not in (tmp_path / "model.json").read_text()
    assert math.isnan(read_class_model(tmp_path / "model.json").classes[0].frc[1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "this is no JSON"),
        ("[]", "no record of a 2D classification"),
        ('{"format": "vitreous-classes2d", "version": 9}', "version 9 of the format"),
        ('{"format": "vitreous-classes2d", "version": 1}', "a field is missing"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(DataError, match=said):
        read_class_model(tmp_path / "model.json")
    with pytest.raises(DataError, match="can't read"):
        read_class_model(tmp_path / "nothing.json")


def test_the_star_has_the_tables_of_relion(tmp_path: Path) -> None:
    write_class_star(tmp_path / "model.star", MODEL)
    blocks = read_star(tmp_path / "model.star")
    assert blocks["model_general"].number("rlnNrClasses") == 2
    classes = blocks["model_classes"]
    assert classes.text("rlnReferenceImage").tolist() == ["000001@classes.mrcs", "000002@classes.mrcs"]
    assert classes.numbers("rlnClassDistribution").tolist() == [0.6, 0.4]
    assert classes.numbers("rlnEstimatedResolution").tolist() == [12.5, 999.0]
    assert blocks["model_class_1"].numbers("rlnAngstromResolution").tolist() == [999.0, 128.0]
