"""``vitreous view`` in a browser: pixels, contrast, spectrum, Thon rings, stacks."""

from __future__ import annotations

import hashlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from vitreous.formats.mrc_write import write_mrc

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).parents[1] / "formats"))
from dm_writer import dm_bytes

import browser as chrome

STATIC = Path(__file__).parents[2] / "src" / "vitreous" / "web" / "static" / "index.html"
PHONE = {"width": 390, "height": 844}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(chrome.chromium() is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(not STATIC.is_file(), reason="the page is not built: pip install -e ."),
]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A micrograph of noise with its voltage, a stack of three frames, a file that is cut."""
    random = np.random.default_rng(2)
    image = random.normal(100.0, 10.0, (900, 1000)).astype(np.float32)
    stack = np.stack([np.full((200, 200), 5.0, np.float32)] * 3)
    stack += random.normal(0.0, 1.0, stack.shape).astype(np.float32)
    (tmp_path / "image.dm4").write_bytes(dm_bytes(image, scale=0.12))
    write_mrc(tmp_path / "cut.mrc", image, pixel_size=1.2)
    write_mrc(tmp_path / "stack.mrcs", stack, pixel_size=1.2, is_stack=True)
    whole = (tmp_path / "cut.mrc").read_bytes()
    (tmp_path / "cut.mrc").write_bytes(whole[: len(whole) // 2])
    return [tmp_path / name for name in ("image.dm4", "stack.mrcs", "cut.mrc")]


@contextmanager
def viewing(files: list[Path], told: Path) -> Iterator[str]:
    """``vitreous view`` of these files: the link that it prints."""
    program = str(Path(sys.executable).with_name("vitreous"))
    words = [program, "view", "--no-browser", "--port", "0", *map(str, files)]
    with told.open("w") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out)
    try:
        end = time.monotonic() + 40
        while not (found := re.search(r"http://\S+", told.read_text())):
            assert process.poll() is None, told.read_text()
            assert time.monotonic() < end, told.read_text()
            time.sleep(0.05)
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def seen(pane) -> str:
    """What the pane shows, as a digest of its picture."""
    return hashlib.sha256(pane.screenshot()).hexdigest()


def until_other(pane, before: str) -> str:
    """Wait until the pane shows something else, and then the same for a moment."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        now = seen(pane)
        if now != before and now == seen(pane):
            return now
        pane.page.wait_for_timeout(100)
    raise AssertionError("the picture did not change")


def check_pixels(page, image) -> None:
    """The canvas is drawn on, and not with one grey."""
    from io import BytesIO

    from PIL import Image

    canvas = image.get_by_role("img", name="image.dm4")
    page.get_by_text("1000 × 900 px").first.wait_for()
    until_other(image, "")
    pixels = np.asarray(Image.open(BytesIO(canvas.screenshot())).convert("L"), np.float32)
    middle = pixels[pixels.shape[0] // 3 : -pixels.shape[0] // 3, pixels.shape[1] // 3 : -pixels.shape[1] // 3]
    assert middle.std() > 10


def check_spectrum(page) -> None:
    """The FFT opens, tells the resolution at the cursor, and draws rings where the defocus says."""
    page.keyboard.press("f")
    spectrum = page.get_by_role("region", name="Fourier space")
    spectrum.wait_for()
    until_other(spectrum, "")
    box = spectrum.bounding_box()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.5 * box["height"])
    page.get_by_label("Under the cursor").get_by_text(re.compile(r"\d Å")).first.wait_for()
    page.mouse.move(5, 5)
    rings = page.get_by_role("button", name="Thon rings (T)")
    rings.click()
    slider = page.get_by_role("slider", name="Defocus U (µm)")
    slider.wait_for()
    before = until_other(spectrum, "")
    slider.fill("2.5")
    until_other(spectrum, before)


def test_an_image_its_spectrum_and_a_stack_in_the_viewer(files, tmp_path):
    with viewing(files, tmp_path / "told.txt") as link, chrome.browsing() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(link)
        image = page.get_by_role("region", name="Image")
        check_pixels(page, image)
        before = seen(image)
        page.keyboard.press("i")
        before = until_other(image, before)
        page.keyboard.press("]")
        until_other(image, before)
        check_spectrum(page)
        page.goto(re.sub(r"/open\?.*", "/view?file=1", link))
        frame = page.get_by_role("slider", name="Number of the frame")
        frame.wait_for()
        before = until_other(image, "")
        frame.fill("2")
        page.get_by_text("frame 2 of 3").wait_for()
        until_other(image, before)


def test_a_phone_folds_the_tools_and_a_cut_file_tells_its_fault(files, tmp_path):
    with viewing(files, tmp_path / "told.txt") as link, chrome.browsing() as browser:
        page = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True).new_page()
        page.goto(link)
        page.get_by_text("1000 × 900 px").first.wait_for()
        assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
        page.get_by_role("button", name="More tools").tap()
        page.get_by_role("button", name="Zoom in (+)").tap()
        assert not page.get_by_role("button", name="Zoom in (+)").is_visible()
        page.goto(re.sub(r"/open\?.*", "/view?file=2", link))
        page.get_by_role("alert").get_by_text("cut.mrc").first.wait_for()
