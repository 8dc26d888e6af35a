"""Sets of particles as jobs read and write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.workflow.job_type import ItemInput, Params, Slot, SlotValue

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable

BATCH = 50
"""Images (exposures) that are waited for before a job on a set of particles is run again."""
ALIGNED = ("class_number", "psi", "origin_x", "origin_y", "max_probability", "log_likelihood")
"""Columns that a 2D classification gives a particle."""
PARTICLE_SET = Slot(
    "particle_set",
    file="table",
    files=("star", "rejected_table", "rejected_star"),
    tables={"particle_set": "table"},
)
"""What a job gives that makes one set of particles of others, as ``write_set`` writes it."""


def one_table(params: Params, paths: list[Path]) -> list[Path]:
    """The one particle table that was given.

    Raises:
        UsageError: several.
    """
    if len(paths) > 1:
        raise UsageError(
            f"{len(paths)} particle tables are given, and one is taken at a time",
            hint="Join them first: vitreous combine-particles a.star b.star --out joined",
        )
    return paths


def read_particles(path: Path) -> ParticleTable:
    """A particle table, STAR or Parquet by its name, with image stacks where they lie."""
    if path.suffix.lower() == ".parquet":
        from vitreous.formats.particle_parquet import read_particle_parquet

        return read_particle_parquet(path)
    from vitreous.formats.particle_star import read_particle_star

    return read_particle_star(path)


def particles_of(items: Sequence[ItemInput]) -> ParticleTable:
    """The particles of the set's members: of a set that they share, else of each.

    Of a shared set only the particles on the members' micrographs are taken.

    Raises:
        UsageError: no member has particles.
    """
    return _particles_in({item.name: item.slots for item in items})


def particles_by_input(items: Sequence[ItemInput]) -> list[ParticleTable]:
    """The particles that the members bring by each input of the job, as ``particles_of``; of none, an empty table."""
    from vitreous.model.particles import ParticleTable

    tables = []
    for brought in zip(*(item.by_input for item in items), strict=True):
        slots = {item.name: own for item, own in zip(items, brought, strict=True) if own}
        tables.append(_particles_in(slots) if slots else ParticleTable({}))
    return tables


def _particles_in(members: Mapping[str, Mapping[str, SlotValue]]) -> ParticleTable:
    """Particles in the slots of members, by the members' names."""
    from vitreous.model.particles import joined

    shared = {slots["particle_set"].file for slots in members.values() if "particle_set" in slots}
    own = [slots["particles"] for slots in members.values() if "particle_set" not in slots and "particles" in slots]
    # The slot's main file is the stack; the table beside it names its images.
    paths = sorted(file for file in shared if file is not None) + [str(slot.files["table"]) for slot in own]
    if not paths:
        raise UsageError("no member of the set has particles", hint="Connect the job behind an extraction")
    missing = [path for path in paths if not Path(path).is_file()]
    if missing:
        raise DataError(f"{missing[0]} is not there", hint="Bring it back, or trash the item", path=missing[0])
    table = joined([read_particles(Path(path)) for path in paths])
    if shared and "micrograph" in table:
        of_members = np.array([name in members for name in table["micrograph"].tolist()], dtype=bool)
        table = table.take(of_members) if of_members.any() else table
    return table


def particle_keys(table: ParticleTable) -> np.ndarray:
    """What tells each particle from all others, int64: its uid, else the hash of its image's place, or of its own."""
    import xxhash

    from vitreous.model.particles import particle_uids

    if "uid" in table:
        keys = np.asarray(table["uid"], dtype=np.int64)
        if len(np.unique(keys)) == len(keys):
            return keys
    if "image_stack" not in table:
        return particle_uids(table["micrograph"], table["coordinate_x"], table["coordinate_y"])
    places = zip(table["image_stack"], np.asarray(table["image_index"]).tolist(), strict=True)
    return np.array(
        [xxhash.xxh3_64_intdigest(f"{index}@{stack}".encode()) >> 1 for stack, index in places], dtype=np.int64
    )


def write_set(table: ParticleTable, rejected: ParticleTable | None, out: Path, root: Path | None) -> dict[str, str]:
    """Write ``particles.star`` and ``.parquet``, and the particles that were left out as ``rejected_particles``.

    A table without rows is not written; ``root`` is that of ``write_tables``.

    Returns:
        Name of the output, as ``PARTICLE_SET`` has it → path.
    """
    out.mkdir(parents=True, exist_ok=True)
    outputs: dict[str, str] = {}
    for rows, prefix in ((table, ""), (rejected, "rejected_")):
        if rows is not None and len(rows):
            star, parquet = out / f"{prefix}particles.star", out / f"{prefix}particles.parquet"
            write_tables(star, parquet, rows, root)
            outputs |= {f"{prefix}star": str(star), f"{prefix}table": str(parquet)}
    return outputs


def write_tables(star: Path, parquet: Path, table: ParticleTable, root: Path | None) -> None:
    """Write particles as STAR and as Parquet.

    Args:
        star, parquet: the files.
        table: particles; they may have images.
        root: the project's folder, to which both name images. ``None``, for a command without a project: the Parquet
            has whole paths, and the STAR names images from the working folder where the table did that (RELION works
            so), else from its own.
    """
    from vitreous.formats.particle_parquet import write_particle_parquet
    from vitreous.formats.particle_star import write_particle_star
    from vitreous.model.particles import by_unique

    if "image_stack" not in table:
        write_particle_star(star, starlike(table))
        write_particle_parquet(parquet, table)
        return
    stacks = table["image_stack"]
    relative = not any(Path(name).is_absolute() for name in set(stacks.tolist()) if name is not None)
    write_particle_star(star, starlike(table), image_root=Path.cwd() if relative else root)
    if root is None:
        table = table.with_columns(image_stack=by_unique(stacks, lambda name: str(Path(name).absolute())))
    write_particle_parquet(parquet, table)


def starlike(table: ParticleTable) -> ParticleTable:
    """The table with 0 in place of classes and poses that are not known: RELION reads no other mark."""
    filled = {name: np.nan_to_num(table[name], nan=0.0) for name in ALIGNED if name in table}
    return table.with_columns(**filled)
