"""Errors, optics and progress: what every layer shares; reads no file, imports no array engine."""
