"""The commands about run profiles: which there are, what they submit, whether they are right and work."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitreous.cli.terminal import console
from vitreous.core.plain import to_json

if TYPE_CHECKING:
    from vitreous.workflow.profile import NamedProfile

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="name of the run profile")]
ProjectOption = Annotated[Path, typer.Option("--project", help="folder of the project", metavar="DIR")]
JsonOption = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]
HERE = Path(".")

profile_app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Run profiles: where work runs.")


@profile_app.command("list")
def list_profiles(project: ProjectOption = HERE, json_output: JsonOption = False) -> None:
    """List the run profiles of the project, of the user and of the site.

    Example: [bold]vitreous profile list[/bold]
    """
    from vitreous.workflow.profile import load_profiles

    rows = [_row(named) for named in load_profiles(project).values()]
    if json_output:
        print(to_json(rows))  # noqa: T201 - the answer
        return
    from rich.table import Table

    table = Table("profile", "kind", "workers", "from", header_style="bold")
    for row in rows:
        table.add_row(row["name"], row["kind"], row["workers"], row["origin"])
    console(stderr=False).print(table)


def _row(named: NamedProfile) -> dict[str, Any]:
    profile = named.profile
    gpus = getattr(profile, "gpu_workers", None) or getattr(profile, "gpus", None) or ()
    count = ", ".join(map(str, gpus)) if isinstance(gpus, tuple) else str(gpus)
    workers = f"{profile.workers}" + (f" + GPU {count}" if count else "")
    return {"name": named.name, "kind": profile.kind, "workers": workers, "origin": str(named.origin or "built in")}


@profile_app.command("show")
def show_profile(
    name: NameArgument,
    project: ProjectOption = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the script that would be submitted")] = False,
) -> None:
    """Print a run profile as TOML, ready for another profiles.toml; or the script that it would submit.

    Example: [bold]vitreous profile show cluster --dry-run[/bold]
    """
    from vitreous.workflow.profile import find_profile, toml_text

    profile = find_profile(name, project).profile
    if dry_run:
        from vitreous.workflow.executors.probe import dry_run as rendered

        text = rendered(profile, project.absolute() / "logs")
    else:
        text = toml_text({name: profile})
    print(text, end="")  # noqa: T201 - the answer


@profile_app.command("check")
def check_profile(name: NameArgument, project: ProjectOption = HERE, json_output: JsonOption = False) -> None:
    """Look for what is suspicious in a run profile; exit code 1 where something is.

    Example: [bold]vitreous profile check cluster[/bold]
    """
    from vitreous.workflow import profile as profiles

    findings = profiles.check_profile(profiles.find_profile(name, project).profile)
    if json_output:
        print(to_json([asdict(finding) for finding in findings]))  # noqa: T201 - the answer
    else:
        screen = console(stderr=False)
        for finding in findings:
            screen.print(f"{finding.field}: {finding.message}. {finding.hint}", style="yellow", soft_wrap=True)
        if not findings:
            screen.print("Nothing is suspicious.", style="bold green")
    if findings:
        raise typer.Exit(1)


@profile_app.command("test")
def probe(
    name: NameArgument,
    project: ProjectOption = HERE,
    timeout: Annotated[float, typer.Option("--timeout", min=1.0, help="longest wait for a worker, s")] = 300.0,
    json_output: JsonOption = False,
) -> None:
    """Start one worker of a run profile, give it a work of one second, and say what it is and how long it took.

    Example: [bold]vitreous profile test cluster --timeout 60[/bold]
    """
    from vitreous.workflow.executors.probe import run_probe
    from vitreous.workflow.profile import find_profile

    found = run_probe(find_profile(name, project).profile, project.absolute() / "logs" / f"probe-{name}", timeout)
    if json_output:
        print(to_json(asdict(found)))  # noqa: T201 - the answer
        return
    screen = console(stderr=False)
    versions = ", ".join(f"{package} {version}" for package, version in found.versions.items())
    screen.print(f"{found.kind} worker {found.worker} came after {found.first_worker:.1f} s", style="bold green")
    screen.print(f"a work of 1 s was answered after {found.answer:.1f} s; {versions}")
    for difference in found.differences:
        screen.print(f"{difference}; install the same", style="yellow")
