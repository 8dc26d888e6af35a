"""Workers and engine for a project, from a run profile."""

from __future__ import annotations

from vitreous.project.engine import Engine
from vitreous.project.session import Session
from vitreous.workflow.executor import Executor, Report
from vitreous.workflow.executors.inline import InlineExecutor
from vitreous.workflow.profile import Profile, find_profile
from vitreous.workflow.share import Registration, meeting_folder


def open_engine(
    session: Session, *, profile: str = "local", workers: int | None = None, threads: int | None = None
) -> Engine:
    """An engine whose workers start when the first task is ready.

    Args:
        session: the project, open for writing.
        profile: run profile.
        workers, threads: other than the profile's; 0 workers: tasks run in this process.

    Raises:
        UsageError: there is no such profile, or it is wrong.
    """
    chosen = changed_profile(session, profile, workers, threads)

    def start(report: Report) -> Executor:
        if workers == 0:
            return InlineExecutor(report)
        from vitreous.workflow.executors.dask_executor import DaskExecutor

        return DaskExecutor(chosen, report, session.folder / "logs")

    # A cluster has a scheduler of its own that is fair; on this machine the engines see to it among themselves.
    share = Registration(session.folder, meeting_folder()) if chosen.kind == "local" and workers != 0 else None
    return Engine(session, start, share)


def changed_profile(session: Session, name: str, workers: int | None, threads: int | None) -> Profile:
    """A run profile with another number of workers or threads."""
    found = find_profile(name, session.folder).profile
    changes = {"workers": workers or None, "threads": threads}
    return found.model_copy(update={field: value for field, value in changes.items() if value is not None})
