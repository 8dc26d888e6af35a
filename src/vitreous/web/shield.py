"""What stands before every route: the names that are answered, the size of requests, and what browsers are told."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitreous.project.faults import describe
from vitreous.web.accounts.binding import is_loopback_address
from vitreous.web.refused import Refused

LARGEST = 16_000_000
"""Bytes of a request's body."""

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), fullscreen=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What every answer carries unless its route says it more strictly."""


class Shield:
    """The outermost part of the application."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None = None) -> None:
        """Stand before an application.

        Args:
            app: what answers.
            hosts: names to which it answers; ``None``: to any.
        """
        self.app = app
        self.hosts = None if hosts is None else frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope = _behind_proxy(scope, headers)
        secure, started = scope["scheme"] == "https", False

        async def protected(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _protect(MutableHeaders(scope=message), secure, scope["path"])
            await send(message)

        refused = self._refused(headers)
        if refused is not None:
            await JSONResponse(describe(refused), refused.status)(scope, receive, protected)
            return
        try:
            await self.app(scope, _limited(receive), protected)
        except Exception as error:  # the border: a fault of ours is told in the shape of all faults, and logged
            if not started:
                await JSONResponse(describe(error), 500)(scope, receive, protected)
            raise

    def _refused(self, headers: Headers) -> Refused | None:
        host = host_name(headers.get("host", ""))
        if self.hosts is not None and host not in self.hosts:
            return Refused(
                f"this server does not answer to the name {host[:80]!r}",
                hint="Use the address that it printed, or start it with --host-name NAME",
                status=421,
            )
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > LARGEST:
            return Refused(
                f"the request has {int(length[:18]):,} bytes, more than {LARGEST:,}",
                hint="Send less at a time; large files are named by their path on the server's machine",
                status=413,
            )
        return None


def host_name(host: str) -> str:
    """The name in a ``Host`` header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _behind_proxy(scope: Scope, headers: Headers) -> Scope:
    """The scope with the scheme and address that a proxy on this machine tells; nobody else is believed."""
    client = scope.get("client")
    if client is None or not is_loopback_address(client[0]):
        return scope
    found = dict(scope)
    scheme = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
    if scheme in ("http", "https"):
        found["scheme"] = scheme
    address = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    if address:
        found["client"] = (address[:64], 0)
    return found


def _limited(receive: Receive) -> Receive:
    """The same, refusing bodies that are too long and did not say so."""
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > LARGEST:
            raise HTTPException(413, f"the request has more than {LARGEST:,} bytes")
        return message

    return counted


def _protect(headers: MutableHeaders, secure: bool, path: str) -> None:
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
