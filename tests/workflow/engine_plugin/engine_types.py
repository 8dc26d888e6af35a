"""Tiny job types for tests of the engine; each notes in ``logs/runs.txt`` what it ran."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vitreous.core.errors import DataError, ResourceError
from vitreous.core.progress import Progress
from vitreous.workflow.job_type import ItemInput, JobType, Params, Result, Scope, SetWork, Slot, no_command, parameter


class TestParams(Params):
    """Numbers that change results."""

    number: int = parameter(0, help="any number", ge=0)
    seconds: float = parameter(0.0, help="time that it takes", unit="s")
    voltage: float | None = parameter(None, help="voltage", unit="kV", inherits=True)
    note: str = parameter("", help="no part of the result", machine=True)


def noted(type: str, item: str) -> None:
    with open("logs/runs.txt", "a") as log:
        log.write(f"{type} {item} {os.getpid()}\n")


def noop(params: TestParams, item: ItemInput, out: Path, progress: Progress) -> Result:
    return {"value": float(params.number)}


def writes(params: TestParams, item: ItemInput, out: Path, progress: Progress) -> Result:
    before = item.slots.get("micrograph")
    text = "" if before is None or before.file is None else Path(before.file).read_text()
    (out / "picture.txt").write_text(f"{text}{item.name} {params.number}\n")
    return {"outputs": {"picture": out / "picture.txt"}, "versions": {"painter": "3.2"}, "warnings": ["fresh paint"]}


def shoots(params: TestParams, item: ItemInput, out: Path, progress: Progress) -> Result:
    import mrcfile
    import numpy as np

    with mrcfile.new(out / "image.mrc") as file:
        file.set_data(np.zeros((60, 100), np.float32))
    return {"outputs": {"image": out / "image.mrc"}, "pixel_size": 1.0}


def slow(params: TestParams, item: ItemInput, out: Path, progress: Progress) -> Result:
    end = time.monotonic() + params.seconds
    while time.monotonic() < end:
        progress(0.5, "waiting")
        time.sleep(0.02)
    return {"value": 1.0}


def fails(params: TestParams, item: ItemInput, out: Path, progress: Progress) -> Result:
    if Path("mended").exists():
        return {}
    if "bad" in item.name:
        (out / "half").write_text("half a file")
        raise DataError(f"{item.name} is truncated", hint="Copy it again")
    if "flaky" in item.name:
        raise ResourceError("the memory does not suffice", hint="Use fewer workers")
    if "bug" in item.name:
        raise ZeroDivisionError("a fault")
    if "killer" in item.name:
        time.sleep(0.2)  # a worker that dies at once has not told yet what it began; then others are asked first
        os._exit(9)
    return {}


Work = Callable[[Any, ItemInput, Path, Progress], Result]


def _type(name: str, work: Work, need: str, slot: Slot) -> JobType:
    def start(params: TestParams) -> Callable[[ItemInput, Path, Progress], Result]:
        def run(item: ItemInput, out: Path, progress: Progress) -> Result:
            noted(name, item.name)
            return work(params, item, out, progress)

        return run

    return _declared(name, need, (slot,), "item", on_item=start)


def _declared(name: str, need: str, gives: tuple[Slot, ...], scope: Scope, **fields: Any) -> JobType:
    return JobType(
        name=name, title=name, summary="For tests.", params=TestParams, start=no_command, items="ITEM",
        example=f"vitreous add {name}", columns={}, needs=(need,), gives=gives, scope=scope, **fields,
    )  # fmt: skip


def _collect(params: TestParams) -> Callable[[list[ItemInput], Path, Progress], Result]:
    def run(items: list[ItemInput], out: Path, progress: Progress) -> Result:
        noted("collect", "+".join(item.name for item in items))
        (out / "names.txt").write_text("\n".join(str(item.slots["micrograph"].file) for item in items))
        return {}

    return run


def _grow(params: TestParams) -> Callable[[list[ItemInput], SetWork, Progress], Result]:
    """Counts its runs in the scratch folder; writes the items, and what the result before it was of."""

    def run(items: list[ItemInput], work: SetWork, progress: Progress) -> Result:
        import pyarrow as pa
        import pyarrow.parquet as parquet

        names = "+".join(item.name for item in items)
        noted("grow", names)
        tries = work.scratch / "tries.txt"
        tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
        if Path("unwell").exists():
            raise DataError("it can't be done now", hint="Try later")
        before = "" if work.previous is None else (work.previous / "sum.txt").read_text().splitlines()[0]
        (work.out / "sum.txt").write_text(f"{names}\nafter {before}\n{tries.read_text()}\n{work.complete}\n")
        parquet.write_table(pa.table({"uid": list(range(len(items)))}), work.out / "rows.parquet")
        return {"outputs": {"sum": work.out / "sum.txt", "rows": work.out / "rows.parquet"}}

    return run


def _behind(params: TestParams, item: ItemInput, out: Path, progress: Progress) -> Result:
    file = item.slots["classes2d"].file
    assert file is not None
    (out / "seen.txt").write_text(Path(file).read_text().splitlines()[0])
    return {"outputs": {"seen": out / "seen.txt"}}


def _choose(params: TestParams) -> Callable[[list[ItemInput], Path, Progress], Result]:
    def run(items: list[ItemInput], out: Path, progress: Progress) -> Result:
        files = {str(item.slots["classes2d"].file) for item in items}
        noted("choose", "+".join(item.name for item in items) + f":{len(files)}")
        return {}

    return run


NOOP = _type("noop", noop, "movie", Slot("motion", columns={"drift_total": "value"}))
WRITES = _type("writes", writes, "movie", Slot("micrograph", "picture"))
CTF = _type("likectf", noop, "micrograph", Slot("ctf", columns={"defocus_u": "value"}))
MEASURE = _type("likemeasure", noop, "micrograph", Slot("quality"))
PICK = _type("likepick", noop, "ctf", Slot("picks"))
SHOOTS = _type("shoots", shoots, "movie", Slot("micrograph", "image", columns={"pixel_size": "pixel_size"}))
MORE = _type("more", writes, "micrograph", Slot("micrograph", "picture"))
SLOW = _type("slow", slow, "movie", Slot("motion", columns={"drift_total": "value"}))
FAILS = _type("fails", fails, "movie", Slot("look"))
GROW = _declared(
    "grow",
    "micrograph",
    (Slot("classes2d", "sum", tables={"things": "rows"}),),
    "set",
    on_growing_set=_grow,
)
BEHIND = _type("behind", _behind, "classes2d", Slot("look", "seen"))
CHOOSE = _declared("choose", "classes2d", (), "set", on_set=_choose)
COLLECT = _declared("collect", "micrograph", (), "set", on_set=_collect)

ENTRY_POINTS = {
    "shoots": "SHOOTS",
    "noop": "NOOP", "writes": "WRITES", "likectf": "CTF", "likemeasure": "MEASURE", "likepick": "PICK", "more": "MORE",
    "slow": "SLOW", "fails": "FAILS", "collect": "COLLECT", "grow": "GROW", "behind": "BEHIND",
    "choose": "CHOOSE",
}  # fmt: skip
