"""What a request gets when something is wrong: one shape, ``{code, message, hint, context}``."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from vitreous.core.errors import VitreousError
from vitreous.project.faults import describe

STATUS = {"usage": 400, "data": 422, "compute": 422, "cancelled": 409, "resource": 503}
"""Code of an error → HTTP status."""


class Fault(BaseModel):
    """An error as every request gets it."""

    code: str
    message: str
    hint: str
    context: dict[str, Any]


class Refused(VitreousError):
    """Who asks may not do that, or is not known."""

    code = "access"
    exit_code = 2

    def __init__(self, message: str, *, hint: str, status: int = 403, **context: Any) -> None:
        super().__init__(message, hint=hint, **context)
        self.status = status


def fault_response(error: VitreousError) -> JSONResponse:
    """The response for an error that people can do something about."""
    if isinstance(error, Refused):
        status = error.status
    elif error.context.get("missing"):
        status = 404
    else:
        status = STATUS.get(error.code, 400)
    return JSONResponse(describe(error), status)


def install(app: FastAPI) -> None:
    """Give every fault of the application the same shape."""

    @app.exception_handler(VitreousError)
    async def known(request: Request, error: VitreousError) -> JSONResponse:
        return fault_response(error)

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> JSONResponse:
        problems = [
            {"where": ".".join(str(part) for part in entry["loc"]), "what": str(entry["msg"])}
            for entry in error.errors()
        ]
        first = problems[0] if problems else {"where": "request", "what": "can't be understood"}
        content = {
            "code": "usage",
            "message": f"{first['where']}: {first['what']}",
            "hint": "Correct the value and send it again",
            "context": {"problems": problems},
        }
        return JSONResponse(content, 422)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        content = {"code": "usage", "message": str(error.detail), "hint": "Check the address", "context": {}}
        return JSONResponse(content, error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse(describe(error), 500)
