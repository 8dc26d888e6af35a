"""The project's table of items: columns, pages, figures of a column, one item, checks of what is typed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from vitreous.core.errors import UsageError
from vitreous.project import item_table
from vitreous.project.item_table import TableColumn, Which, read_order
from vitreous.project.item_view import ItemView, item_view
from vitreous.store import library
from vitreous.web.guard import Access, Viewing

router = APIRouter(prefix="/api/projects/{project}", tags=["items"])

MOST_ROWS = 2000
MOST_IDS = 200_000
ITEM_COLUMNS = "columns, separated by commas"


class Choosing(BaseModel):
    """Which items: all that is given holds; TRASH is left out unless it is the group."""

    model_config = ConfigDict(extra="ignore")
    where: str | None = Field(None, description="condition such as fit_resolution < 5 and iciness < 1.6")
    group: str | None = None
    flag: str | None = Field(None, description="red, green, blue, gold or none")
    tag: str | None = None
    filter: int | None = Field(None, description="number of a filter job")
    side: Literal["all", "items", "rejected", "by hand"] = Field("items", description="which of the filter's items")
    upto: int | None = Field(None, description="highest number of an item: later ones are only counted")

    def which(self) -> Which:
        """The same for the project."""
        return Which(**{name: getattr(self, name) for name in Which.__dataclass_fields__})


Chosen = Annotated[Choosing, Query()]
Order = Annotated[str | None, Query(description="such as fit_resolution:desc,name; unknown comes last")]


class ItemPage(BaseModel):
    """Rows of the table: ``ids`` and ``rows`` in order.

    ``total`` rows fit; ``newest`` is the highest number of an item, ``new`` fit beyond ``upto``. ``verdicts`` are what
    the chosen filter says of each: kept, refused (by hand), in, out, unknown (by its expression).
    """

    columns: list[str]
    ids: list[int]
    rows: list[list[Any]]
    total: int
    newest: int
    new: int
    verdicts: list[str] | None


class Ids(BaseModel):
    """Numbers of items in the order of the table."""

    ids: list[int]


class ItemPlace(BaseModel):
    """Row (from 0) of an item in the sorted table; none where it is not among those shown."""

    row: int | None


class RowsAsked(BaseModel):
    """Which rows, and which columns of them."""

    model_config = ConfigDict(extra="forbid")
    ids: list[int] = Field(max_length=MOST_IDS)
    columns: list[str]


class RowsFound(BaseModel):
    """Rows in the order that was asked for; items that are gone are left out."""

    columns: list[str]
    ids: list[int]
    rows: list[list[Any]]


class Bars(BaseModel):
    """How often values fall between edges (in the column's unit); ``below`` and ``above`` are outside."""

    edges: list[float]
    counts: list[int]
    below: int
    above: int
    unknown: int


class Figures(BaseModel):
    """Figures of a column; of texts the most frequent with their numbers."""

    known: int
    unknown: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    stddev: float | None
    percentiles: dict[str, float]
    distinct: int | None
    frequent: list[tuple[str, int]]


class ExpressionFault(BaseModel):
    """Why a condition can't be read, and where (characters)."""

    message: str
    hint: str
    position: int | None
    length: int | None


class ExpressionChecked(BaseModel):
    """A condition as it is typed: its fault, or the columns that it reads and how many items meet it."""

    fault: ExpressionFault | None
    columns: list[str]
    count: int | None


@router.get("/columns", operation_id="item_columns")
def columns(access: Viewing) -> list[TableColumn]:
    """The columns of the project's table, with unit, meaning and the slot that brings each."""
    with access.project.reading() as session:
        return item_table.table_columns(session)


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "name").split(",") if name.strip()]


@router.get("/items", operation_id="items")
def items(
    access: Viewing,
    chosen: Chosen,
    columns: Annotated[str | None, Query(description=ITEM_COLUMNS)] = None,
    order: Order = None,
    limit: Annotated[int, Query(ge=0, le=MOST_ROWS)] = 200,
    offset: Annotated[int, Query(ge=0, le=2**40)] = 0,
    lacking: Annotated[bool, Query(description="give columns that the project lacks as unknown")] = False,
) -> ItemPage:
    """One page of the table."""
    with access.project.asking() as session:
        found = item_table.rows_of(session, chosen.which(), _names(columns), read_order(order), limit, offset, lacking)
    page = found.page
    rows = [list(row) for row in page.rows]
    return ItemPage(
        columns=list(page.columns),
        ids=found.ids,
        rows=rows,
        total=page.total,
        newest=found.newest,
        new=found.new,
        verdicts=found.verdicts,
    )


@router.get("/items/ids", operation_id="item_ids")
def item_ids(
    access: Viewing,
    chosen: Chosen,
    order: Order = None,
    first: Annotated[int, Query(alias="from", ge=0)] = 0,
    last: Annotated[int, Query(alias="to", ge=0, description="row behind the last one")] = MOST_IDS,
) -> Ids:
    """Numbers of the items in some rows of the sorted table, for selections over rows that a page has not loaded."""
    if last - first > MOST_IDS:
        raise UsageError(f"{last - first} rows at once", hint=f"Ask for {MOST_IDS} at most")
    with access.project.asking() as session:
        return Ids(ids=item_table.ids_between(session, chosen.which(), read_order(order), first, last))


@router.get("/items/place", operation_id="item_place")
def item_place(access: Viewing, chosen: Chosen, item: int, order: Order = None) -> ItemPlace:
    """The row in which an item stands in the sorted table."""
    with access.project.asking() as session:
        return ItemPlace(row=item_table.place_of(session, chosen.which(), read_order(order), item))


@router.post("/items/rows", operation_id="item_rows")
def item_rows(access: Viewing, asked: RowsAsked) -> RowsFound:
    """Values of items that are chosen by number; nothing is changed."""
    with access.project.asking() as session:
        rows = item_table.rows_by_id(session, asked.ids, asked.columns)
    return RowsFound(columns=asked.columns, ids=[row[0] for row in rows], rows=[list(row[1:]) for row in rows])


@router.get("/items.csv", operation_id="items_csv", response_class=StreamingResponse)
def items_csv(
    access: Viewing,
    chosen: Chosen,
    columns: Annotated[str | None, Query(description=ITEM_COLUMNS)] = None,
    order: Order = None,
) -> StreamingResponse:
    """All rows as CSV."""
    names = _names(columns)
    with access.project.asking() as session:
        ids = item_table.ids_between(session, chosen.which(), read_order(order), 0, 2**40)
        item_table.rows_by_id(session, ids[:1], names)  # a wrong column is told before the answer begins
    headers = {"Content-Disposition": f'attachment; filename="{access.project.key}-items.csv"'}
    return StreamingResponse(_csv(access, ids, names), media_type="text/csv; charset=utf-8", headers=headers)


def _csv(access: Access, ids: Sequence[int], names: Sequence[str]) -> Iterator[str]:
    """The lines, in parts: other questions get their turn between them."""
    yield _lines([names])
    for part in item_table.chunks(ids):
        with access.project.asking() as session:
            rows = item_table.rows_by_id(session, part, names)
        yield _lines([row[1:] for row in rows])


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


@router.get("/items/{item}", operation_id="item")
def item(access: Viewing, item: int) -> ItemView:
    """One item: values, tasks, files, decisions."""
    with access.project.reading() as session:
        return item_view(session, item)


@router.get("/histogram", operation_id="histogram")
def histogram(
    access: Viewing,
    chosen: Chosen,
    column: str,
    bins: Annotated[int, Query(ge=1, le=500)] = 50,
    low: Annotated[float | None, Query(description="the first edge; with high")] = None,
    high: Annotated[float | None, Query(description="the last edge; with low")] = None,
) -> Bars:
    """How the values of a column of numbers are spread."""
    edges = None
    if low is not None and high is not None:
        edges = [low + (high - low) * step / bins for step in range(bins + 1)]
    with access.project.asking() as session:
        where, values = item_table.condition_of(session, chosen.which())
        return Bars(**asdict(library.histogram(session.db, column, bins, edges, where, values)))


@router.get("/summary", operation_id="summary")
def summary(access: Viewing, chosen: Chosen, column: str) -> Figures:
    """Figures of one column."""
    with access.project.asking() as session:
        where, values = item_table.condition_of(session, chosen.which())
        found = asdict(library.summary(session.db, column, where, values))
    return Figures(**{**found, "percentiles": {f"{percent:g}": v for percent, v in found["percentiles"].items()}})


@router.get("/expression/check", operation_id="check_expression")
def check_expression(access: Viewing, chosen: Chosen, text: str) -> ExpressionChecked:
    """Whether a condition can be read, and how many items meet it."""
    with access.project.asking() as session:
        return ExpressionChecked(**asdict(item_table.check_condition(session, text, chosen.which())))
