"""Picks of a project as pages need them: of one image, of all, by threshold, and what people change by hand."""
