"""People's questions in SQL."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from vitreous.core.plain import plain
from vitreous.store.queries import EXAMPLES, sql
from vitreous.web.guard import Operating

router = APIRouter(prefix="/api/projects/{project}/sql", tags=["questions"])

ROWS = 10_000
"""Rows of an answer at most."""
SECONDS = 10.0
"""s after which a question is given up."""


class Question(BaseModel):
    """One SELECT statement; ``$name`` in it stands for a value."""

    text: Annotated[str, Field(max_length=20_000)]
    parameters: dict[str, str | float | int | bool | None] = {}
    limit: Annotated[int, Field(ge=1, le=ROWS)] = 1000


class Rows(BaseModel):
    """Columns and rows of an answer."""

    columns: list[str]
    rows: list[list[Any]]


class ExampleQuestion(BaseModel):
    """A question to start from."""

    name: str
    title: str
    text: str
    parameters: dict[str, Any]


@router.get("/examples", operation_id="sql_examples")
def examples(access: Operating) -> list[ExampleQuestion]:
    """Documented questions."""
    return [ExampleQuestion(name=e.name, title=e.title, text=e.text, parameters=dict(e.parameters)) for e in EXAMPLES]


@router.post("", operation_id="ask_sql")
def ask(access: Operating, question: Question) -> Rows:
    """Ask the project one question in SQL, for reading only."""
    found = sql(access.project.folder, question.text, question.parameters, limit=question.limit, seconds=SECONDS)
    return Rows(columns=list(found.columns), rows=plain([list(row) for row in found.rows]))
