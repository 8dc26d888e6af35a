"""Every action of a project as a route, made from the action's own signature."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, create_model

from vitreous.project.actions import ACTIONS, Action
from vitreous.web.guard import Operating, Owning

OWNERS = frozenset({"clean", "remove_job"})
"""Actions that take something away for good."""


class Choice(BaseModel):
    """Which items: all that is given holds."""

    model_config = ConfigDict(extra="forbid")
    ids: list[int] | None = Field(None, description="numbers of items")
    names: list[str] | None = Field(None, description="names or patterns such as *_0001*")
    group: str | None = None
    flag: str | None = None
    tag: str | None = None
    expression: str | None = Field(None, description="such as fit_resolution < 5 and iciness < 1.6")


class Answer(BaseModel):
    """What an action returns."""

    value: Any


def _model(name: str, function: Action) -> type[BaseModel]:
    """The body of an action's route: its parameters with their types and defaults."""
    hints = get_type_hints(function)
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        kind: Any = hints.get(parameter.name, Any)
        if parameter.name == "selection":
            optional = parameter.default is not inspect.Parameter.empty
            fields["selection"] = (Choice | None, None) if optional else (Choice, ...)
            continue
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        if isinstance(default, Mapping):
            default = dict(default)
        elif isinstance(default, tuple) and isinstance(kind, type(Sequence[Any])):
            default = list(default)
        fields[parameter.name] = (kind, default)
    title = "".join(part.capitalize() for part in name.split("_"))
    return create_model(title, __config__=ConfigDict(extra="forbid"), **fields)


def _route(router: APIRouter, name: str, function: Action) -> None:
    body = _model(name, function)
    allowed = Owning if name in OWNERS else Operating

    def act(access: Any, given: Any) -> Answer:
        arguments = {field: getattr(given, field) for field in type(given).model_fields}
        chosen = arguments.get("selection")
        if isinstance(chosen, Choice):
            arguments["selection"] = chosen.model_dump(exclude_none=True)
        return Answer(value=access.act(name, **arguments))

    act.__annotations__ = {"access": allowed, "given": body, "return": Answer}
    summary = (inspect.getdoc(function) or name).partition("\n")[0]
    router.post(f"/{name}", name=name, operation_id=name, summary=summary, response_model=Answer)(act)


def _action_routes() -> APIRouter:
    """``POST /api/projects/{project}/actions/NAME`` for every action."""
    router = APIRouter(prefix="/api/projects/{project}/actions", tags=["actions"])
    for name, function in ACTIONS.items():
        _route(router, name, function)
    return router


router = _action_routes()
