"""Results as plain JSON: paths become text, arrays lists, and a number that is not finite becomes null."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any


def plain(value: Any) -> Any:
    """Turn a value into what JSON knows: dict, list, str, int, float, bool, None.

    NaN and infinities become ``None`` (JSON has no such numbers), paths text, enumerations their value, arrays and
    scalars of any array library nested lists or numbers (by their ``tolist``), other objects their ``str``.
    """
    if value is None or isinstance(value, bool | int | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """JSON text of ``plain(value)``; never holds NaN."""
    return json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)
