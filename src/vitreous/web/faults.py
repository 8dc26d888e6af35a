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
from vitreous.web.refused import Refused

STATUS = {"usage": 400, "data": 422, "compute": 422, "cancelled": 409, "resource": 503}
"""Code of an error → HTTP status."""

HINTS = {
    400: "Correct the request and send it again",
    405: "Use the method that /api/openapi.json names for this address",
    413: "Send less at a time; large files are named by their path on the server's machine",
}
"""HTTP status → what to do, for faults that the framework finds."""


class Fault(BaseModel):
    """An error as every request gets it."""

    code: str
    message: str
    hint: str
    context: dict[str, Any]


def fault_response(error: VitreousError) -> JSONResponse:
    """The response for an error that people can do something about."""
    if isinstance(error, Refused):
        headers = None if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        return JSONResponse(describe(error), error.status, headers=headers)
    status = 404 if error.context.get("missing") else STATUS.get(error.code, 400)
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
        hint = HINTS.get(error.status_code, "Check the address")
        content = {"code": "usage", "message": str(error.detail), "hint": hint, "context": {}}
        return JSONResponse(content, error.status_code, headers=error.headers)

    @app.exception_handler(OverflowError)
    async def large(request: Request, error: OverflowError) -> JSONResponse:
        """A number that no catalogue can hold, such as 10^30 for the number of an item."""
        content = {"code": "usage", "message": "a number is too large", "hint": "Correct it", "context": {}}
        return JSONResponse(content, 422)

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse(describe(error), 500)
