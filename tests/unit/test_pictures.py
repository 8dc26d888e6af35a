"""Reduced images, grey levels, spectra, and what is kept of them."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from vitreous.core.errors import DataError, UsageError
from vitreous.core.optics import Ctf, Microscope
from vitreous.formats.mrc_write import write_mrc
from vitreous.project.pictures.blur import SIGMA, WIDTH, blurred
from vitreous.project.pictures.levels import grey, make_plane
from vitreous.project.pictures.look import plane_of
from vitreous.project.pictures.shelf import Shelf
from vitreous.project.pictures.source import ArrayRows, Source, read_rows, whole
from vitreous.project.pictures.spectrum import picture_of, power_spectrum, radial_average

FRONTEND = Path(__file__).parents[2] / "frontend"


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float16", "float32"])
def test_rows_of_an_mrc_file_are_those_that_the_reader_gives(tmp_path: Path, dtype: str) -> None:
    stack = np.random.default_rng(0).integers(-100, 100, (3, 41, 37)).clip(0 if dtype == "uint16" else -100)
    write_mrc(tmp_path / "a.mrcs", stack.astype(dtype), pixel_size=1.0, is_stack=True)
    source = Source(tmp_path / "a.mrcs", "a")
    for frame in range(3):
        rows = read_rows(source, frame)
        assert np.array_equal(whole(rows), stack[frame])
        assert np.array_equal(rows.rows(5, 9), stack[frame, 5:9])
    with pytest.raises(UsageError):
        read_rows(source, 3)


def test_levels_are_means_and_statistics_those_of_all_pixels() -> None:
    image = np.random.default_rng(0).normal(500.0, 20.0, (1031, 777)).astype(np.float32)
    plane = make_plane(ArrayRows(image))
    assert plane.shapes == ((1031, 777), (515, 388), (257, 194), (128, 97))
    assert np.allclose(plane.reduced[0], image[:1030, :776].reshape(515, 2, 388, 2).mean((1, 3)), rtol=1e-5)
    assert plane.mean == pytest.approx(image.mean(dtype=np.float64), rel=1e-5)
    assert plane.stddev == pytest.approx(image.std(dtype=np.float64), rel=1e-3)
    assert (plane.minimum, plane.maximum) == (image.min(), image.max())
    low, high = np.percentile(image, (0.1, 99.9))
    assert plane.ranges[0].low == pytest.approx(low, abs=4.0)
    assert plane.ranges[0].high == pytest.approx(high, abs=4.0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (3, 5), (257, 3)])
def test_images_of_any_shape_have_a_plane(shape: tuple[int, int]) -> None:
    plane = make_plane(ArrayRows(np.ones(shape, np.float32)))
    assert plane.ranges[0].high > plane.ranges[0].low
    assert plane.shapes[0] == shape


def test_what_is_no_number_is_drawn_as_0() -> None:
    image = np.full((300, 300), 5.0, np.float32)
    image[10, 10], image[20, 20] = np.nan, np.inf
    plane = make_plane(ArrayRows(image))
    assert (plane.minimum, plane.maximum) == (0.0, 5.0)
    assert all(np.isfinite(level).all() for level in plane.reduced)


def test_grey_levels_span_the_limits() -> None:
    image = np.array([[-5.0, 0.0, 5.0, 10.0, 99.0]], np.float32)
    assert grey(image, 0.0, 10.0).tolist() == [[0, 0, 128, 255, 255]]


@pytest.mark.parametrize("size", [64, 128, 256, 512])
def test_a_wave_is_at_its_frequency_and_its_mate_at_any_size_of_the_spectrum(size: int) -> None:
    y, x = np.mgrid[:512, :512]
    wave = np.cos(2 * np.pi * (80 * x + 32 * y) / 512).astype(np.float32)
    found = power_spectrum(wave, size)
    middle, factor = found.size // 2, found.side // found.size
    peaks = {tuple(int(v) for v in at) for at in np.argwhere(found.amplitude > 0.5 * found.amplitude.max())}
    wanted = {(middle + sign * 32 / factor, middle + sign * 80 / factor) for sign in (1, -1)}
    for row, column in wanted:
        assert any(abs(row - a) <= 1 and abs(column - b) <= 1 for a, b in peaks)
    assert len(peaks) <= 4


def test_spectra_of_large_and_oblong_images_are_square() -> None:
    noise = np.random.default_rng(0).normal(0, 3.0, (200, 5000)).astype(np.float32)
    found = power_spectrum(noise, 256)
    assert found.amplitude.shape == (found.size, found.size)
    assert found.size <= 256
    # White noise of variance 9 has the power 9 at each frequency, less what the edges take.
    assert radial_average(found)[20:100].mean() == pytest.approx(9.0, rel=0.25)
    image, shown = picture_of(found, flat=True)
    assert np.isfinite(image).all()
    assert shown.low < shown.dark < shown.bright < shown.high
    with pytest.raises(UsageError):
        power_spectrum(noise[:20], 256)


def test_the_blur_leaves_nothing_finer_than_its_strength() -> None:
    image = np.zeros((1600, 1600), np.float32)
    image[800, 800] = 1.0
    small = blurred(image)
    assert small.shape == (WIDTH, WIDTH)
    x = np.arange(WIDTH)[None, :]
    spread = math.sqrt(float((small * (x - 200) ** 2).sum() / small.sum()))
    assert spread >= SIGMA * 0.99 >= 6.9


def test_the_shelf_keeps_what_was_used_last_within_its_limit() -> None:
    shelf = Shelf(limit=100)
    for key in ("a", "b", "a", "c"):
        shelf.get(key, lambda key=key: key, lambda _: 40)  # type: ignore[misc]
    made: list[str] = []
    shelf.get("a", lambda: made.append("a"), lambda _: 40)
    shelf.get("b", lambda: made.append("b"), lambda _: 40)
    assert made == ["b"]
    assert shelf.used <= 100
    shelf.get("large", lambda: "x", lambda _: 101)
    assert shelf.used <= 100


def test_what_is_asked_for_twice_at_once_is_made_once() -> None:
    shelf, made, gate = Shelf(), [], threading.Event()

    def make() -> int:
        gate.wait(5)
        made.append(1)
        return 1

    threads = [threading.Thread(target=lambda: shelf.get("k", make, lambda _: 1)) for _ in range(4)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_a_failed_file_is_told_each_time_and_a_mended_one_is_read(tmp_path: Path) -> None:
    path, shelf = tmp_path / "a.mrc", Shelf()
    path.write_bytes(b"broken")
    for _ in range(2):
        with pytest.raises(DataError):
            plane_of(shelf, Source(path, "a"), 0)
    write_mrc(path, np.ones((40, 40), np.float32), pixel_size=None)
    assert plane_of(shelf, Source(path, "a"), 0).maximum == 1.0


SCRIPT = """
const fs = require("node:fs"), ts = require("typescript");
const text = ts.transpileModule(fs.readFileSync(process.argv[1], "utf8"), {compilerOptions: {module: "CommonJS"}});
const found = {exports: {}}; new Function("exports", text.outputText)(found.exports);
const cases = JSON.parse(fs.readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(({optics, defocus, most, direction, s}) => ({
  zeros: found.exports.zeros(optics, defocus, most, direction),
  values: s.map((f) => found.exports.ctfAt(f, optics, defocus, direction)) }))));
"""


def test_the_pages_rings_are_zeros_of_the_programs_ctf() -> None:
    torch = pytest.importorskip("torch")
    from vitreous.algorithms.ctf.model import ctf_line, ctf_zeros

    node = shutil.which("node")
    if node is None or not (FRONTEND / "node_modules" / "typescript").is_dir():
        pytest.skip("node and the packages of the page are not installed")
    frequencies = [0.01 * n for n in range(1, 40)]
    cases, wanted = [], []
    for voltage, aberration, u, v, angle, plate in (
        (300.0, 2.7, 27200.0, 26100.0, 35.0, 0.0),
        (200.0, 0.01, 8000.0, 5000.0, 120.0, 90.0),
        (120.0, 0.0, 15000.0, 15000.0, 0.0, 0.0),
        (300.0, 2.7, 300.0, 250.0, 10.0, 20.0),
    ):
        for direction in (None, 0.0, 77.0):
            microscope, ctf = Microscope(voltage, aberration, 0.1), Ctf(u, v, angle, plate)
            optics = {"voltage": voltage, "sphericalAberration": aberration, "amplitudeContrast": 0.1}
            defocus = {"u": u, "v": v, "angle": angle, "phaseShift": plate}
            case = {"optics": optics, "defocus": defocus, "most": 0.4, "direction": direction, "s": frequencies}
            cases.append(case)
            line = ctf_line(torch.tensor(frequencies, dtype=torch.float64), microscope, ctf, direction)
            wanted.append((ctf_zeros(microscope, ctf, 0.4, direction), line.tolist()))
    script = ["-e", SCRIPT, str(FRONTEND / "src" / "components" / "Viewer" / "thon.ts")]
    done = subprocess.run(
        [node, *script], input=json.dumps(cases), capture_output=True, text=True, cwd=FRONTEND, check=True, timeout=60
    )
    for found, (zeros, values) in zip(json.loads(done.stdout), wanted, strict=True):
        assert found["zeros"] == pytest.approx(zeros, rel=1e-9)
        assert found["values"] == pytest.approx(values, abs=1e-9)
