"""Plain JSON values of anything a job returns."""

from __future__ import annotations

import json
import math
from enum import Enum
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vitreous.core.plain import plain, to_json


class Colour(Enum):
    RED = "red"


def test_every_kind_becomes_plain() -> None:
    value = {
        "path": Path("a/b.mrc"),
        1: (1, 2.5, None),
        "nan": [math.nan, math.inf],
        "array": np.array([[1.0, np.nan]], np.float32),
        "scalar": np.int16(3),
        "enum": Colour.RED,
        "flag": True,
    }
    assert plain(value) == {
        "path": "a/b.mrc",
        "1": [1, 2.5, None],
        "nan": [None, None],
        "array": [[1.0, None]],
        "scalar": 3,
        "enum": "red",
        "flag": True,
    }


@given(st.recursive(st.floats() | st.text() | st.none() | st.booleans(), lambda inner: st.lists(inner)))
def test_the_text_is_always_valid_json(value: object) -> None:
    text = to_json(value)
    assert json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name))) == plain(value)
