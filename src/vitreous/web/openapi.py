"""The schema of the requests, from which the page's client is made: ``python -m vitreous.web.openapi FILE``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from vitreous.web.accounts import SingleUser
from vitreous.web.app import create_app
from vitreous.web.served import Projects


def openapi() -> dict[str, Any]:
    """The OpenAPI schema of the whole application."""
    return create_app(Projects(), SingleUser("nobody")).openapi()


def openapi_text() -> str:
    """The schema as it is kept beside the page's source."""
    return json.dumps(openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(openapi_text())
