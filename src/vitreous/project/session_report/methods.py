"""The methods paragraph of a session: what each job did, with its parameters, in order; and whom to cite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitreous import __version__
from vitreous.core.errors import VitreousError
from vitreous.project.schemas import methods_text
from vitreous.project.session import Session
from vitreous.project.types import find_type
from vitreous.project.views import parameter_origins
from vitreous.workflow.graph import Job
from vitreous.workflow.job_type import JobType
from vitreous.workflow.parameters import checked

MOST_FILTERS = 12
"""Filters that are named in the text; of more only the number is told."""


@dataclass(frozen=True)
class Methods:
    """The paragraph, the citations in the order in which they are numbered, and what can't be said yet."""

    paragraph: str
    citations: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def text(self) -> str:
        """Paragraph and citations as plain text."""
        lines = [self.paragraph]
        if self.citations:
            lines += ["", *(f"[{number}] {text}" for number, text in enumerate(self.citations, start=1))]
        return "\n".join(lines)


def methods_of(session: Session) -> Methods:
    """The methods of all jobs that are not cancelled, in the order of the graph; equal sentences are said once."""
    graph = session.graph()
    sentences: dict[str, list[int]] = {}
    citations: dict[str, int] = {}
    missing: list[str] = []
    filters = [job for job in graph.jobs.values() if job.type == "filter"]
    for number in graph.order:
        job = graph.jobs[number]
        found = find_type(session.folder, job.type)
        if job.state == "cancelled" or not isinstance(found, JobType):
            continue
        if job.type == "filter" and len(filters) > MOST_FILTERS:
            continue
        sentence = _sentence(session, job, found, missing)
        if sentence and sentence not in sentences:
            numbers = [citations.setdefault(text, len(citations) + 1) for text in found.citations]
            sentences[sentence] = numbers
    parts = [_cited(sentence, numbers) for sentence, numbers in sentences.items()]
    if len(filters) > MOST_FILTERS:
        parts.append(f"{len(filters)} filters were applied; they are listed in the table of jobs.")
    start = _start(session.settings())
    paragraph = " ".join([start, *parts, f"Data were processed in Vitreous {__version__}."]).strip()
    return Methods(paragraph, tuple(citations), tuple(missing))


def _start(settings: Mapping[str, Any]) -> str:
    """How the images were recorded, as far as it is known."""
    parts = []
    if settings.get("voltage") is not None:
        parts.append(f"at {settings['voltage']:g} kV")
    if settings.get("pixel_size") is not None:
        parts.append(f"with a pixel size of {settings['pixel_size']:g} Å")
    if settings.get("dose_per_frame") is not None:
        parts.append(f"with an exposure of {settings['dose_per_frame']:g} e/Å² per frame")
    return f"Movies were recorded {', '.join(parts)}." if parts else ""


def _sentence(session: Session, job: Job, found: JobType, missing: list[str]) -> str:
    if not found.methods:
        return ""
    try:
        values = {name: entry.value for name, entry in parameter_origins(session, job.id).items()}
        return methods_text(found, checked(found, values, job.label)).strip()
    except VitreousError as error:
        missing.append(f"{job.label}: {error.message}")
        return ""


def _cited(sentence: str, numbers: list[int]) -> str:
    if not numbers:
        return sentence
    marks = ", ".join(str(number) for number in numbers)
    return f"{sentence.rstrip('.')} [{marks}]."
