"""The job type that moves the thresholds of picks, and adds and removes picks by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import model_validator

from vitreous.core.errors import UsageError
from vitreous.core.progress import Progress
from vitreous.jobs.pick_files import (
    HAND,
    micrograph_file,
    micrograph_shape,
    output_stem,
    pick_figures,
    picks_of,
    picks_slot,
    points,
    read_picks,
    write_picks,
)
from vitreous.workflow.job_type import ItemInput, ItemRunner, JobType, Params, Result, Runner, parameter

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable

_LIMITS, _HANDS = "Thresholds", "By hand"


class SelectPicksParams(Params):
    """Thresholds, and edits by hand."""

    min_score: float | None = parameter(
        None, help="least score; unless given, as it was picked. A lower one brings candidates back", group=_LIMITS
    )
    max_score: float | None = parameter(None, help="greatest score", group=_LIMITS)
    min_power: float | None = parameter(None, help="least local power (empty ice has little)", group=_LIMITS)
    max_power: float | None = parameter(None, help="greatest local power (carbon, dirt, crystals)", group=_LIMITS)
    added: tuple[tuple[float, float], ...] = parameter(
        (), help="picks set by hand on one image, x and y of each", unit="px", level="advanced", group=_HANDS
    )
    removed: tuple[tuple[float, float], ...] = parameter(
        (), help="places of picks taken away by hand on one image", unit="px", level="advanced", group=_HANDS
    )
    edit_radius: float = parameter(
        20.0, help="a removal takes the nearest pick within this", unit="px", level="advanced", group=_HANDS, gt=0
    )

    @model_validator(mode="after")
    def _ordered(self) -> SelectPicksParams:
        for name in ("score", "power"):
            low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if low is not None and high is not None and low > high:
                raise ValueError(f"min_{name} ({low:g}) is above max_{name} ({high:g})")
        places = np.array([*self.added, *self.removed], dtype=float)
        if not np.isfinite(places).all():
            raise ValueError("a place by hand is not finite")
        return self


def select_picks(table: ParticleTable, params: SelectPicksParams, micrograph: str) -> tuple[ParticleTable, list[str]]:
    """The picks with ``kept`` set anew, and those added by hand.

    Without ``min_score`` the picks that were kept are looked at, with it all candidates. A threshold on a figure that
    a pick does not have leaves it out, but picks by hand are subject to no threshold. Removals come after thresholds:
    each takes the nearest kept pick within ``edit_radius``, and no pick is taken twice.

    Args:
        table: picks, all candidates.
        params: thresholds and edits.
        micrograph: name of the exposure, for picks that are added.

    Returns:
        The table, and sentences on what had no effect.
    """
    kept = passing(table, params)
    kept, lost = _removed(table, kept, params)
    table = _added(table.with_columns(kept=kept.astype(np.int64)), params, micrograph)
    if not lost:
        return table, []
    return table, [f"{lost} of {len(params.removed)} removals by hand have no pick within {params.edit_radius:g} px"]


def passing(table: ParticleTable, params: SelectPicksParams) -> np.ndarray:
    """Mask of the picks that the thresholds let pass."""
    n = len(table)
    source = table.get("pick_source")
    by_hand = np.zeros(n, bool) if source is None else np.array([name == HAND for name in source], dtype=bool)
    score, power = (values if (values := table.get(name)) is not None else np.full(n, np.nan) for name in _FIGURES)
    before = table["kept"] == 1
    found = before.copy() if params.min_score is None else score >= params.min_score
    for values, low, high in ((score, None, params.max_score), (power, params.min_power, params.max_power)):
        if low is not None:
            found &= values >= low
        if high is not None:
            found &= values <= high
    return np.where(by_hand, before, found)


_FIGURES = ("pick_score", "pick_power")


def _removed(table: ParticleTable, kept: np.ndarray, params: SelectPicksParams) -> tuple[np.ndarray, int]:
    places, kept, lost = points(table), kept.copy(), 0
    for x, y in params.removed:
        rows = np.flatnonzero(kept)
        distance = np.hypot(places[rows, 0] - x, places[rows, 1] - y)
        nearest = int(np.argmin(distance)) if len(rows) else -1
        if nearest < 0 or distance[nearest] > params.edit_radius:
            lost += 1
        else:
            kept[rows[nearest]] = False
    return kept, lost


def _added(table: ParticleTable, params: SelectPicksParams, micrograph: str) -> ParticleTable:
    from vitreous.model.particles import ParticleTable, joined, particle_uids

    if not params.added:
        return table
    x, y = np.array(params.added, dtype=float).T
    columns = {
        "uid": particle_uids([micrograph] * len(x), x, y),
        "micrograph": np.full(len(x), micrograph, dtype=object),
        "coordinate_x": x,
        "coordinate_y": y,
        "pick_source": np.full(len(x), HAND, dtype=object),
        "kept": np.ones(len(x), dtype=np.int64),
    }
    path = table.get("micrograph_path")
    if path is not None and len(path):
        columns["micrograph_path"] = np.full(len(x), path[0], dtype=object)
    return joined([table, ParticleTable(columns)]) if len(table) else ParticleTable(columns)


def no_picks(micrograph: str) -> ParticleTable:
    """A table of no picks."""
    from vitreous.model.particles import ParticleTable

    text, real, whole = np.zeros(0, dtype=object), np.zeros(0), np.zeros(0, dtype=np.int64)
    return ParticleTable(
        {
            "uid": whole, "micrograph": text, "coordinate_x": real, "coordinate_y": real, "pick_score": real,
            "pick_power": real, "pick_source": text, "kept": whole,
        }
    )  # fmt: skip


def _result(table: ParticleTable, notes: list[str], params: SelectPicksParams, outputs: dict[str, str]) -> Result:
    return {"outputs": outputs, **pick_figures(table, params.min_score), "candidates": len(table), "warnings": notes}


def _start(params: SelectPicksParams) -> Runner:
    def run(path: Path, out: Path, progress: Progress) -> Result:
        from vitreous.formats.coordinates_names import micrograph_of_file

        table = read_picks(path)
        names = list(dict.fromkeys(table["micrograph"].tolist()))
        if len(names) > 1 and (params.added or params.removed):
            raise UsageError(
                f"edits by hand are of one image, {path} has picks of {len(names)}", hint="Give the picks of one image"
            )
        selected, notes = select_picks(table, params, names[0] if names else micrograph_of_file(path))
        return _result(selected, notes, params, write_picks(selected, out, output_stem(path, out)))

    return run


def _on_item(params: SelectPicksParams) -> ItemRunner:
    def run(item: ItemInput, out: Path, progress: Progress) -> Result:
        if "picks" in item.slots:
            table = picks_of(item, item.slots["picks"])
        else:
            path = micrograph_file(item)
            _check_on_image(params, micrograph_shape(path))
            table = no_picks(item.name)
        selected, notes = select_picks(table, params, item.name)
        if "micrograph_path" not in selected and "micrograph" in item.slots and item.slots["micrograph"].file:
            selected = selected.with_columns(micrograph_path=str(item.slots["micrograph"].file))
        return _result(selected, notes, params, write_picks(selected, out, f"{item.name}_picks"))

    return run


def _check_on_image(params: SelectPicksParams, shape: tuple[int, int]) -> None:
    for x, y in params.added:
        if not (-0.5 <= x <= shape[1] - 0.5 and -0.5 <= y <= shape[0] - 0.5):
            raise UsageError(
                f"the pick set by hand at ({x:g}, {y:g}) px is not on the image of {shape[1]} × {shape[0]} px",
                hint="Take it away",
            )


JOB = JobType(
    name="select-picks",
    title="Select picks",
    summary="Keep picks by score and local power without picking again, and add or remove picks by hand.",
    params=SelectPicksParams,
    start=_start,
    items="PICKS",
    example="vitreous select-picks picks/*_picks.parquet --min-score 7 --out selected",
    columns={
        "picks_found": ("kept", "d"),
        "candidates": ("candidates", "d"),
        "pick_score_median": ("median score", ".2f"),
    },
    category="Particles",
    order=54,
    modes=("single-particle", "tomography"),
    needs=("picks|micrograph",),
    gives=(picks_slot(),),
    methods="Picks were selected by their score[min_score: of at least {min_score}], their local power and by eye.",
    on_item=_on_item,
)
