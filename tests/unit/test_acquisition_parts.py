"""Parts of the import: names, durations, settling, looking, copying, shift groups, the simulated camera."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from vitreous.acquisition.complete import NotWhole, check_whole
from vitreous.acquisition.durations import parse_duration, say_duration
from vitreous.acquisition.expectations import gain_fits
from vitreous.acquisition.import_params import ImportParams
from vitreous.acquisition.names import facts_of_name, free_name, item_name
from vitreous.acquisition.scan import Selection, scan
from vitreous.acquisition.settle import Settling, Stamp, observe
from vitreous.acquisition.shift_groups import ShiftGroups
from vitreous.acquisition.simulate_camera import Shot, mdoc_text, run_camera, with_faults
from vitreous.acquisition.transfer import (
    GivenUp,
    copy_verified,
    fingerprint,
    link,
    remove_original,
    remove_parts,
)
from vitreous.acquisition.wake_up import WakeUp
from vitreous.core.errors import DataError, ResourceError, UsageError
from vitreous.formats.tiff_write import TiffStackWriter


def movie(path: Path, seed: int = 0, n: int = 4) -> Path:
    random = np.random.default_rng(seed)
    with TiffStackWriter(path, (48, 64), "uint8", pixel_size=1.0) as writer:
        for _ in range(n):
            writer.append(random.poisson(2.0, (48, 64)).astype(np.uint8))
    return path


# -- durations and names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h 4m 34s", 3874), ("45", 45), ("12h", 43200), ("1.5 min", 90), ("2d3h", 183600), (7, 7)]
)
def test_durations_are_understood(text: str | int, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1 week", "-3", "3x", "nan", float("nan"), -1.0])
def test_no_durations_are_refused(text: str | float) -> None:
    with pytest.raises(UsageError):
        parse_duration(text)


def test_durations_are_said() -> None:
    assert [say_duration(s) for s in (0.2, 59, 3874, 200000)] == ["0 s", "59 s", "1 h 4 min", "2 d 7 h"]


NAMES = {
    "Images-Disc1/GridSquare_777/Data/FoilHole_123_Data_456_7_20230412_101112_fractions.tiff": {
        "hole": "123",
        "shift_group": "456",
        "square": "777",
        "date": "20230412",
        "time": "101112",
    },
    "Position_3_014_-12.00_Mar12_10.11.12.tif": {"specimen": "Position_3", "number": "014", "tilt_angle": -12.0},
    "Position_1_001_14.99_20220406_191519_EER.eer": {"specimen": "Position_1", "tilt_angle": 14.99},
    "22dec01a_00023gr_00004sq_v02_00003hln_00012enn.frames.tif": {
        "specimen": "22dec01a",
        "square": "00004",
        "hole": "00003",
        "number": "00012",
    },
    "apof_0042_X+1Y-1-3.tif": {"specimen": "apof", "number": "0042", "hole": "X+1Y-1", "shift_group": "3"},
    "grid2_0001.tif": {"specimen": "grid2", "number": "0001"},
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_the_known_programs(name: str) -> None:
    found = facts_of_name(name, "auto", None)
    assert found.matched
    assert {key: found.values.get(key) for key in NAMES[name]} == NAMES[name]


def test_the_users_patterns() -> None:
    braces = facts_of_name("a/virus_7_+30.5.mrc", "auto", "{specimen}_{hole}_{tilt}.mrc")
    assert dict(braces.values) == {"specimen": "virus", "hole": "7", "tilt_angle": 30.5}
    regular = facts_of_name("s12/t-3.tif", "none", r"s(?P<specimen>\d+)/t(?P<tilt>[-0-9.]+)\.tif")
    assert dict(regular.values) == {"specimen": "12", "tilt_angle": -3.0}
    odd = facts_of_name("t-.tif", "none", r"t(?P<tilt>[-0-9.]+)\.tif")
    assert "no angle" in odd.warnings[0]
    assert not facts_of_name("other.tif", "auto", "{specimen}_{tilt}.tif").matched


@pytest.mark.parametrize("pattern", ["{nonsense}.tif", "plain.tif", "(?P<a>", "{specimen}_{specimen}.tif"])
def test_bad_patterns_are_refused_with_a_hint(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ValidationError, match="name pattern"):
        ImportParams(sources=(tmp_path,), name_pattern=pattern)


def test_item_names() -> None:
    assert item_name("a b;$(rm)*.mrc.gz") == "a b__(rm)_"
    assert item_name(".tif") == "tif"
    assert free_name("a", {"a": 1, "a~2": 1}) == "a~3"


def test_parameters_as_people_write_them(tmp_path: Path) -> None:
    params = ImportParams(sources=str(tmp_path), settle_delay="1m", frame_size="5760x4092", global_timeout="12h")
    assert (params.settle_delay, params.frame_size, params.global_timeout) == (60, (5760, 4092), 43200)
    assert ImportParams.model_validate_json(params.model_dump_json()) == params
    with pytest.raises(ValidationError):
        ImportParams(sources=(tmp_path,), settle_delay="soon")


# -- settling ----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    growth=st.lists(st.tuples(st.floats(0, 14), st.integers(1, 3)), max_size=12),
    looks=st.lists(st.floats(0.1, 20), min_size=1, max_size=40),
    skew=st.floats(-1e9, 1e9),
)
def test_a_file_is_stable_after_its_last_change_and_then_always(
    growth: list[tuple[float, int]], looks: list[float], skew: float
) -> None:
    """Growth in pauses shorter than the delay: never stable before the end, always stable in the end."""
    delay, at, size, history = 15.0, 0.0, 1, [(0.0, 1)]
    for pause, more in growth:
        at, size = at + pause, size + more
        history.append((at, size))
    end = next(when for when, its_size in history if its_size == size)
    states: dict[str, Settling] = {}
    now, taken = 0.0, False
    for pause in [*looks, *[10.0] * 30]:
        now += pause
        when, its_size = [entry for entry in history if entry[0] <= now][-1]
        last_change = next(entry[0] for entry in history if entry[1] == its_size)
        found = observe(states, {"a": Stamp(its_size, last_change + skew)}, now, delay)
        states = dict(found.states)
        if found.stable and now < end + delay:
            # It may only seem stable where no change was to be seen for the delay.
            assert now - last_change >= delay
            assert its_size == size
        taken = taken or bool(found.stable)
    assert taken
    assert when is not None


def test_one_look_is_not_enough_and_what_vanishes_is_told() -> None:
    first = observe({}, {"a": Stamp(1, 0)}, 100.0, 0.0)
    assert (first.appeared, first.stable) == (("a",), ())
    second = observe(first.states, {"a": Stamp(1, 0)}, 100.0, 0.0)
    assert second.stable == ("a",)
    beside = observe(second.states, {"a": Stamp(1, 0, (("a.mdoc", 5, 1.0),))}, 101.0, 5.0)
    assert (beside.changed, beside.stable) == (("a",), ())
    assert observe(beside.states, {}, 102.0, 0.0).vanished == ("a",)


# -- looking -----------------------------------------------------------------------------------------------------------


def test_looks_into_sub_folders_once_and_tells_problems(tmp_path: Path) -> None:
    camera = tmp_path / "camera"
    (camera / "Images-Disc1" / "GridSquare_1" / "Data").mkdir(parents=True)
    for name in ("a.TIF", "Images-Disc1/GridSquare_1/Data/b.tif", "note.txt", "x_gain.tif"):
        (camera / name).write_bytes(b"x")
    (camera / "circle").symlink_to(camera)
    (camera / "nothing.tif").symlink_to(camera / "absent.tif")
    (camera / "linked.tif").symlink_to(camera / "a.TIF")
    os.mkfifo(camera / "pipe.tif")
    (Path(os.fsdecode(os.fsencode(camera) + b"/\xff.tif"))).write_bytes(b"x")
    selection = Selection(("*.tif",), ("*_gain*",))
    found = scan((camera, tmp_path / "gone"), selection, recursive=True, wanted=lambda path: True)
    assert sorted(found.files.values()) == ["Images-Disc1/GridSquare_1/Data/b.tif", "a.TIF", "linked.tif"]
    assert sorted(problem.code for problem in found.problems) == ["broken_link", "folder_gone", "odd_name"]
    assert all(problem.hint for problem in found.problems)
    flat = scan((camera,), selection, recursive=False, wanted=lambda path: False)
    assert flat.stamps == {}
    assert "a.TIF" in flat.files.values()
    assert "Images-Disc1/GridSquare_1/Data/b.tif" not in flat.files.values()


def test_a_wake_up_comes_from_a_local_folder(tmp_path: Path) -> None:
    stop = threading.Event()
    with WakeUp([tmp_path, tmp_path / "absent"]) as wake_up:
        if not wake_up.listens:
            pytest.skip("this file system gives no notices")
        assert not wake_up.wait(0.05, stop)
        threading.Timer(0.3, (tmp_path / "a.tif").write_bytes, (b"x",)).start()
        before = time.monotonic()
        assert wake_up.wait(10, stop)
        assert time.monotonic() - before < 5


def test_what_can_not_be_read_is_a_reason() -> None:
    answer = check_whole(Path("absent.tif"))
    assert isinstance(answer, NotWhole)
    assert "can't be read" in answer.error["message"]


def test_a_damaged_last_frame_is_found(tmp_path: Path) -> None:
    """Size and directory are whole, and the last strip is no LZW."""
    import tifffile

    path = movie(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        start, count = file.pages[-1].dataoffsets[0], file.pages[-1].databytecounts[0]
    data = bytearray(path.read_bytes())
    data[start : start + count] = b"\x7f" * count
    path.write_bytes(data)
    answer = check_whole(path)
    assert isinstance(answer, NotWhole)
    assert answer.transient


SWITCHED = """
import os, sys
from pathlib import Path
from vitreous.acquisition.import_params import ImportParams
from vitreous.acquisition.watcher import Watcher
base = Path(sys.argv[1])
now, reports, conditions = [0.0], [], []
warm = Watcher(ImportParams(sources=(base / "warm",), settle_delay=0), base / "warm_out", {}, print, print)
warm.step(), warm.step()
os.setgid(65534); os.setuid(65534)
watcher = Watcher(ImportParams(sources=(base / "camera",), file_timeout=20), base / "project" / "movies", {},
                  reports.append, conditions.append, lambda: now[0])
for _ in range(12):
    now[0] += 5
    watcher.step()
for report in reports:
    print(type(report).__name__, getattr(report, "name", ""), getattr(report, "final", ""),
          getattr(report, "error", {}).get("message", "").replace(str(base), ""))
print([c.code for told in conditions for c in told])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without permissions")
def test_files_and_folders_without_permission() -> None:
    import tempfile

    base = Path(tempfile.mkdtemp(prefix="acquisition-"))
    try:
        base.chmod(0o755)
        for folder in ("camera", "camera/closed", "project"):
            (base / folder).mkdir()
        (base / "project").chmod(0o777)
        (base / "warm").mkdir()
        movie(base / "warm" / "w_1.tif")  # so that all is imported while Python's own files can be read
        movie(base / "camera" / "good_1.tif")
        movie(base / "camera" / "secret_2.tif", 2).chmod(0)
        (base / "camera" / "closed").chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", SWITCHED, str(base)], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Arrival good_1" in done.stdout
        assert "Rejected  False /camera/secret_2.tif: can't be read (Permission denied)" in done.stdout
        assert "Rejected  True /camera/secret_2.tif: can't be read (Permission denied)" in done.stdout
        assert "['folder_forbidden']" in done.stdout
    finally:
        shutil.rmtree(base)


# -- transfer ----------------------------------------------------------------------------------------------------------


def test_copies_are_verified_and_whole(tmp_path: Path) -> None:
    source, target = tmp_path / "a.bin", tmp_path / "out" / "a.bin"
    source.write_bytes(os.urandom(9_000_000))
    os.utime(source, (1e9, 1e9))
    found = copy_verified(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert found.identity == fingerprint(target).identity
    assert target.stat().st_mtime == 1e9
    assert [path.name for path in target.parent.iterdir()] == ["a.bin"]
    refused = tmp_path / "out" / "b.bin"
    assert copy_verified(source, refused, accept=lambda found: False).identity == found.identity
    assert not refused.exists()
    with pytest.raises(GivenUp):
        copy_verified(source, refused, stop=lambda: True)
    with pytest.raises(ResourceError, match="is full") as caught:
        copy_verified(source, refused, min_free=1e18)
    assert caught.value.context["reason"] == "disk_full"
    assert [path.name for path in target.parent.iterdir()] == ["a.bin"]


def test_a_source_that_changes_meanwhile_is_not_copied(tmp_path: Path) -> None:
    source = tmp_path / "a.bin"
    source.write_bytes(b"x" * 100)

    def grow() -> bool:
        with source.open("ab") as handle:
            handle.write(b"more")
        return False

    with pytest.raises(DataError, match="changed while it was read") as caught:
        copy_verified(source, tmp_path / "out" / "a.bin", stop=grow)
    assert caught.value.context["changed"]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_disk_that_writes_something_else_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a.bin"
    source.write_bytes(b"x" * 100)
    real = os.fsync

    def spoil(handle: int) -> None:
        real(handle)
        os.pwrite(handle, b"y", 50)

    monkeypatch.setattr(os, "fsync", spoil)
    with pytest.raises(ResourceError, match="copy differs"):
        copy_verified(source, tmp_path / "out" / "a.bin")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_original_that_changed_is_not_deleted(tmp_path: Path) -> None:
    source = tmp_path / "a.bin"
    source.write_bytes(b"new")
    with pytest.raises(DataError, match="not deleted"):
        remove_original(source, Stamp(2, 0.0))
    about = source.stat()
    remove_original(source, Stamp(about.st_size, about.st_mtime))
    assert not source.exists()


def test_links_are_relative_inside_the_project(tmp_path: Path) -> None:
    inside = tmp_path / "project" / "raw" / "a.tif"
    inside.parent.mkdir(parents=True)
    outside = tmp_path / "b.tif"
    for path in (inside, outside):
        path.write_bytes(b"x")
        link(path, tmp_path / "project" / "movies" / path.name, tmp_path / "project")
    assert os.readlink(tmp_path / "project" / "movies" / "a.tif") == "../raw/a.tif"
    assert os.readlink(tmp_path / "project" / "movies" / "b.tif") == str(outside)


WORKER = """
import sys, json, time
from pathlib import Path
from vitreous.acquisition.import_params import ImportParams
from vitreous.acquisition.reports import Arrival, KnownFile
from vitreous.acquisition.watcher import Watcher
base = Path(sys.argv[1])
journal = base / "journal"
known = {}
for line in journal.read_text().splitlines() if journal.exists() else []:
    row = json.loads(line)
    known[row[0]] = KnownFile(*row[1:])
def commit(report):
    if isinstance(report, Arrival):
        row = [str(report.source_path), report.size, report.mtime, "imported", report.identity, report.name,
               str(report.path)]
        with journal.open("a") as handle:
            handle.write(json.dumps(row) + "\\n")
params = ImportParams(sources=(base / "camera",), settle_delay=0, poll_interval=0.01, transfer=sys.argv[2], min_free=0)
watcher = Watcher(params, base / "movies", known, commit, print)
print("started", flush=True)
while True:
    watcher.step()
    if not watcher.step().waiting:
        print("idle", flush=True)
        time.sleep(0.01)
"""


@pytest.mark.parametrize("transfer", ["copy", "move"])
def test_kill_at_any_moment_loses_and_doubles_nothing(tmp_path: Path, transfer: str) -> None:
    """SIGKILL at several moments of many transfers, then a run to the end."""
    import json

    camera = tmp_path / "camera"
    camera.mkdir()
    template = movie(tmp_path / "t.tif", n=3).read_bytes()
    contents = {}
    for number in range(40):
        data = template + os.urandom(400_000)  # the readers do not look behind the last page
        (camera / f"m_{number}.tif").write_bytes(data)
        contents[f"m_{number}"] = data
    random = np.random.default_rng(1 if transfer == "copy" else 2)
    journal = tmp_path / "journal"
    journal.touch()
    for attempt in range(5):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), transfer], stdout=subprocess.PIPE, text=True
        )
        assert worker.stdout is not None
        assert worker.stdout.readline() == "started\n"
        if attempt < 4:
            while journal.read_bytes().count(b"\n") < 8 * (attempt + 1):
                time.sleep(0.001)
            time.sleep(float(random.uniform(0, 0.02)))
            worker.send_signal(signal.SIGKILL)
        else:
            while worker.stdout.readline() != "idle\n":
                assert worker.poll() is None
            worker.kill()
        worker.wait()
        worker.stdout.close()
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    assert sorted(row[5] for row in rows) == sorted(contents)
    assert {path.stem: path.read_bytes() for path in (tmp_path / "movies").iterdir()} == contents
    left = {path.stem: path.read_bytes() for path in camera.iterdir()}
    assert left == ({} if transfer == "move" else contents)


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 1 MB."""
    folder = tmp_path / "project"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("a small disk can't be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_waited_for(tmp_path: Path, small_disk: Path) -> None:
    from vitreous.acquisition.reports import Arrival, Condition, Report
    from vitreous.acquisition.watcher import Watcher

    camera = tmp_path / "camera"
    camera.mkdir()
    for number in range(2):
        movie(camera / f"m_{number}.tif", number)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes((1 << 20) - 4096))
    now = [0.0]
    reports: list[Report] = []
    told: list[tuple[Condition, ...]] = []
    params = ImportParams(sources=(camera,), transfer="copy", min_free=0, settle_delay=5)
    watcher = Watcher(params, small_disk / "movies", {}, reports.append, told.append, lambda: now[0])
    for _ in range(10):
        now[0] += 5
        watcher.step()
    assert reports == []
    assert [condition.code for condition in told[-1]] == ["disk_full"]
    assert list((small_disk / "movies").iterdir()) == []
    ballast.unlink()
    for _ in range(4):
        now[0] += 5
        watcher.step()
    assert told[-1] == ()
    assert sorted(report.name for report in reports if isinstance(report, Arrival)) == ["m_0", "m_1"]


def test_no_space_in_the_midst_of_a_copy_leaves_nothing(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota is seen only while writing."""
    source = tmp_path / "a.bin"
    source.write_bytes(os.urandom(3 << 20))
    monkeypatch.setattr("vitreous.acquisition.transfer.check_space", lambda *_: None)
    with pytest.raises(ResourceError, match="is full") as caught:
        copy_verified(source, small_disk / "a.bin")
    assert caught.value.context["reason"] == "disk_full"
    assert list(small_disk.iterdir()) == []


def test_parts_of_a_former_run_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".a.tif.part").write_bytes(b"half")
    (tmp_path / "b.tif").write_bytes(b"whole")
    assert [path.name for path in remove_parts(tmp_path)] == [".a.tif.part"]
    assert [path.name for path in tmp_path.iterdir()] == ["b.tif"]


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_gain_sizes() -> None:
    assert gain_fits((40, 60), (60, 40))
    assert gain_fits((40, 60), (80, 120))
    assert gain_fits((160, 240), (60, 40))
    assert not gain_fits((40, 60), (40, 61))


def test_shift_groups_are_the_same_after_a_restart() -> None:
    random = np.random.default_rng(4)
    centres = [(x, y) for x in (-1.0, 0.0, 1.0) for y in (-1.0, 0.0, 1.0)]
    shifts = [
        (x + float(random.normal(0, 0.02)), y + float(random.normal(0, 0.02))) for _ in range(10) for x, y in centres
    ]
    groups = ShiftGroups(0.3)
    labels = [groups.add(shift) for shift in shifts]
    assert labels == list(range(1, 10)) * 10
    again = ShiftGroups(0.3, shifts[:45])
    assert [again.add(shift) for shift in shifts[45:]] == labels[45:]


def test_the_simulated_camera_writes_good_and_bad(tmp_path: Path) -> None:
    paths = [movie(tmp_path / f"{number}.tif", number, n=8) for number in range(7)]
    mdoc = mdoc_text("m_0.tif", pixel_size=1.2, voltage=300, frames=8, total_dose=40, tilt_angle=-3)
    shots = [Shot(f"sub/m_{number}.tif", path, mdoc=mdoc if number == 0 else None) for number, path in enumerate(paths)]
    faults = {1: "zero", 2: "truncated", 3: "wrong-size", 4: "fewer-frames", 5: "duplicate", 6: "forbidden"}
    written = run_camera(with_faults(shots, faults), tmp_path / "camera", interval=0, writing_time=0.01)
    assert written[0].read_bytes() == paths[0].read_bytes()
    assert written[5].read_bytes() == paths[0].read_bytes()
    assert written[1].stat().st_size == 0
    assert isinstance(check_whole(written[2]), NotWhole)
    altered = [check_whole(path).header for path in written[3:5]]
    assert [(header.n_frames, header.shape) for header in altered] == [(8, (36, 48)), (6, (48, 64))]
    assert written[6].stat().st_mode & 0o777 == 0
    assert sorted(p.name for p in (tmp_path / "camera" / "sub").iterdir() if p.suffix == ".mdoc") == ["m_0.tif.mdoc"]
    with pytest.raises(UsageError):
        run_camera([Shot("a.tif", paths[0], fault="duplicate")], tmp_path / "other")


def test_the_import_does_not_load_the_array_engine() -> None:
    code = (
        "import sys; import vitreous.acquisition.watcher, vitreous.acquisition.preflight; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
