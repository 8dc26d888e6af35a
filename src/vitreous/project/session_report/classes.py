"""What a report says of 2D classes."""

from __future__ import annotations

from vitreous.core.errors import VitreousError
from vitreous.project.classes.averages import average_png
from vitreous.project.classes.gallery import gallery
from vitreous.project.classes.place import find_classes, gives_classes
from vitreous.project.session import Session
from vitreous.project.session_report.blocks import Block, Picture, Pictures, Section, Table, Text
from vitreous.project.session_report.texts import text_of

MOST = 24
"""Averages of a run that are shown, the fullest classes first."""
_SIDE = 160


def classes(session: Session, blurred: bool = False) -> Section:
    """The averages of each classification that has a result, with particles, resolution and quality."""
    blocks: list[Block] = []
    for number, job in session.graph().jobs.items():
        if gives_classes(job):
            try:
                blocks += _one_run(session, number, job.label, blurred)
            except VitreousError as error:
                blocks.append(Text(f"{job.label}: {error}"))
    return Section("2D classes", blocks)


def _one_run(session: Session, number: int, label: str, blurred: bool) -> list[Block]:
    found = find_classes(session, number, "result")
    if found is None:
        return []
    shown = gallery(session, number, "result")
    run = shown["run"]
    entries = sorted((one for one in shown["classes"] if one["particles"]), key=lambda one: -one["particles"])
    text = f"{label}: {run['n_used']:,} particles in {len(entries)} classes, {run['iteration']} iterations"
    left = f"; the {MOST} fullest are shown" if len(entries) > MOST else ""
    pictures = [
        Picture(f"Class {one['number']}: {one['particles']:,}", average_png(found, one["number"], _SIDE, blur=blurred))
        for one in entries[:MOST]
    ]
    rows = [
        [
            str(one["number"]),
            f"{one['particles']:,}",
            f"{100.0 * one['population']:.1f}",
            text_of(one["resolution"], 1),
            text_of(one["quality"], 2),
            "yes" if one["suggested"] else "no",
        ]
        for one in entries[:MOST]
    ]
    head = ["class", "#particles", "#share / %", "#resolution / Å", "#quality", "suggested"]
    return [Text(f"{text}{left}."), Pictures(pictures), Table(head, rows)]
