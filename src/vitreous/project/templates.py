"""Workflow templates: jobs, their order, notes and people's decisions as JSON, to be taken by other projects."""

from __future__ import annotations

from vitreous.project.decisions import apply_pending
from vitreous.project.template_apply import ACTIONS, apply_template
from vitreous.project.template_export import export_template
from vitreous.project.template_format import Template, check_template, read_template, shipped, split
from vitreous.project.template_plan import template_types

__all__ = [
    "ACTIONS", "Template", "apply_pending", "apply_template", "check_template", "export_template", "read_template",
    "shipped", "split", "template_types",
]  # fmt: skip
