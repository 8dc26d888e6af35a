"""Vitreous carries cryo-EM data from the microscope to the map."""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """``Project``, loaded when it is asked for: most commands do without it."""
    if name == "Project":
        import importlib

        return importlib.import_module("vitreous.project.project").Project
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
