"""Vitreous carries cryo-EM data from the microscope to the map."""

__version__ = "0.1.0"
