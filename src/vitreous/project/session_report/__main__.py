"""Make a report in a process of its own: ``python -m vitreous.project.session_report PROJECT FILE [--blurred]``."""

from __future__ import annotations

import sys
from pathlib import Path

from vitreous.core.plain import to_json
from vitreous.project.faults import describe, exit_code
from vitreous.project.session_report.write import write_session_report


def main() -> int:
    """Tell of the progress in lines of JSON on the standard output; the last one of a failure is its error."""
    project, path = Path(sys.argv[1]), Path(sys.argv[2])

    def tell(fraction: float, what: str) -> None:
        sys.stdout.write(to_json({"fraction": fraction, "what": what}, indent=None) + "\n")
        sys.stdout.flush()

    try:
        write_session_report(project, path, tell, blurred="--blurred" in sys.argv[3:])
    except Exception as error:  # the border of this process: who started it reads the error
        told = describe(error)
        sys.stdout.write(to_json(told, indent=None) + "\n")
        return exit_code([{"error": told}]) or 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
