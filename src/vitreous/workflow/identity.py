"""Identity of results: equal work has the same name, and is not done twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def identity_of(*parts: Any) -> str:
    """32 hexadecimal digits that stand for JSON-able values; the order of a mapping's keys does not matter."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def job_identity(type_name: str, version: int, provenance: str, values: Mapping[str, Any]) -> str:
    """What a job contributes to the identity of its results: job type, version and every parameter's value.

    Args:
        type_name, version, provenance: of the job type.
        values: parameters after project settings and defaults were filled in; files stand as their content's hash.
    """
    return identity_of("job", type_name, version, provenance, values)


def task_identity(job: str, inputs: Mapping[str, str], overrides: Mapping[str, Any]) -> str:
    """Identity of one task's result.

    Args:
        job: identity of the job.
        inputs: needed slot → identity of the result that gave it (of the file itself for an imported slot).
        overrides: parameters of this item alone.
    """
    return identity_of("task", job, inputs, overrides)


def set_identity(job: str, members: list[str]) -> str:
    """Identity of a result on a set, whatever the order of its members."""
    return identity_of("set", job, sorted(members))
