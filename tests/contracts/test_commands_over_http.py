"""Whatever a command does in a project, the server does for a page or a script too."""

from __future__ import annotations

import pytest

from vitreous.cli.main import built_in
from vitreous.web.openapi import openapi

ROUTES = {
    "new": "create_project",
    "info": "project_overview",
    "settings": "settings change_settings",
    "unlock": "unlock",
    "clean": "clean disk",
    "watch": "add_job start_engine",
    "run": "start_engine",
    "stop": "stop_engine",
    "add": "add_job add_job_on",
    "edit": "edit_job",
    "undo": "undo_edit",
    "copy": "copy_job copy_branch",
    "extend": "extend_job",
    "pause": "pause_job",
    "resume": "resume_job",
    "cancel": "cancel_job",
    "close": "close_source",
    "reopen": "reopen_source",
    "remove": "remove_job",
    "retry": "retry",
    "templates": "list_templates",
    "run-template": "apply_template",
    "export-template": "export_template",
    "items": "items",
    "trash": "trash",
    "restore": "restore",
    "move": "move_items",
    "flag": "flag_items",
    "tag": "tag_items",
    "comment": "comment_items",
    "quarantine": "quarantine",
    "order": "order_items",
    "preflight": "preflight apply_proposal",
    "jobs": "list_jobs",
    "tasks": "tasks",
    "log": "log",
    "why": "why",
    "parameters": "get_job",
    "revisions": "get_job",
    "diff": "filter_diff",
    "sql": "ask_sql",
    "script": "scripts",
    "profile": "run_profiles",
    "job-types": "list_job_types",
    "show": "list_job_types",
    "header": "image_info",
    "doctor": "machine",
    "users": "list_users add_user change_user remove_user make_token set_project_right",
    "alarms": "list_alarms acknowledge_alarm",
    "acknowledge": "acknowledge_alarm",
    "snooze": "snooze_alarm",
    "receivers": "alarm_receivers set_alarm_receivers",
    "alarm-test": "test_alarm_receivers",
    "limits": "alarm_limits set_limits",
    "report": "make_report",
}
"""Command → operations that do the same."""

ELSEWHERE = {"serve": "is the server", "view": "is a server of its own"}


@pytest.fixture(scope="module")
def operations():
    return {operation["operationId"] for path in openapi()["paths"].values() for operation in path.values()}


def test_every_command_has_its_routes_or_a_reason():
    missing = built_in().keys() - ROUTES.keys() - ELSEWHERE.keys()
    assert not missing, missing


@pytest.mark.parametrize("command", [name for name in ROUTES if name in built_in()])
def test_the_routes_of_a_command_are_there(command, operations):
    assert set(ROUTES[command].split()) <= operations
