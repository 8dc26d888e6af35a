"""Every page can be used by keyboard, screen reader and phone: names, headings, contrast, width, focus."""

# ruff: noqa: E501
from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vitreous import Project
from vitreous.formats.mrc_write import write_mrc
from vitreous.store.columns import set_many
from vitreous.store.database import open_database

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).parents[1] / "web"))
import class_project
import picks_project

import browser as chrome

STATIC = Path(__file__).parents[2] / "src" / "vitreous" / "web" / "static" / "index.html"
PAGES = ("/", "/settings", *(f"/p/p/{name}" for name in (
    "session", "library", "workflow", "queue", "results", "export", "settings")),
    "/p/picks/jobs/4/picks", "/p/picks/workflow?job=4&tab=form", "/view?project=picks&item=1&view=after&layers=particles",
    "/p/classes/jobs/2/classes", "/p/classes/jobs/2/classes?class=1", "/p/classes/jobs/2/classes?tab=plots")  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(chrome.chromium() is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(not STATIC.is_file(), reason="the page is not built: pip install -e ."),
]

FAULTS = r"""
() => {
  const found = [], seen = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !e.closest('[aria-hidden="true"],[inert]');
  const told = (e) => e.outerHTML.slice(0, 140).replace(/\s+/g, ' ');
  const textOf = (e) => (e.innerText || e.textContent || '').trim() || [...e.querySelectorAll('img[alt],[aria-label],svg title')]
    .map((x) => x.alt || x.getAttribute('aria-label') || x.textContent).join(' ').trim();
  const nameOf = (e) => e.getAttribute('aria-label') || (e.getAttribute('aria-labelledby') || '').split(' ')
    .map((id) => document.getElementById(id)?.textContent || '').join(' ').trim() || [...(e.labels || [])].map((l) => l.textContent).join(' ').trim()
    || e.title || e.placeholder || textOf(e);
  for (const e of document.querySelectorAll('button,a[href],input:not([type=hidden]),select,textarea,[role=button],[role=checkbox],[role=slider]'))
    if (seen(e) && !nameOf(e)) found.push('no name: ' + told(e));
  for (const e of document.querySelectorAll('img'))
    if (seen(e) && !e.hasAttribute('alt')) found.push('no alt: ' + told(e));
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  for (const id of new Set(ids.filter((id, n) => ids.indexOf(id) !== n))) found.push('id used twice: ' + id);
  const headings = [...document.querySelectorAll('h1')].filter((e) => e.checkVisibility());
  const mains = document.querySelectorAll('main');
  if (headings.length > 1) found.push(headings.length + ' h1');
  if (mains.length !== 1) found.push(mains.length + ' main');
  if (!headings.length && !(mains[0] && nameOf(mains[0]) && mains[0].hasAttribute('aria-label'))) found.push('neither h1 nor a main with a label');
  if (document.documentElement.scrollWidth > innerWidth) found.push(`${document.documentElement.scrollWidth} px wide in ${innerWidth}`);
  // Contrast: the colour of the text on what lies under it, layer upon layer.
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  const rgba = (text) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
  const over = (top, under) => top.slice(0, 3).map((v, n) => v * top[3] + under[n] * (1 - top[3]));
  const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255, v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), texts = new Set();
  while (walk.nextNode()) if (walk.currentNode.textContent.trim()) texts.add(walk.currentNode.parentElement);
  for (const e of texts) {
    if (!seen(e) || e.closest('svg,script,style,option,[disabled],[data-disabled],[aria-disabled="true"]') || e.getBoundingClientRect().width < 3) continue;
    const layers = [], style = getComputedStyle(e); let picture = false, opacity = 1;
    for (let up = e; up; up = up.parentElement) { const s = getComputedStyle(up); opacity *= Number(s.opacity);
      if (s.backgroundImage !== 'none') picture = true; layers.push(rgba(s.backgroundColor)); }
    if (picture) continue;
    const under = layers.reverse().reduce((c, layer) => over(layer, c), [255, 255, 255]);
    const ink = rgba(style.color); ink[3] *= opacity;
    const [a, b] = [light(over(ink, under)), light(under)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5) - 0.02) found.push(`contrast ${ratio.toFixed(2)}: "${e.textContent.trim().slice(0, 40)}" ${told(e)}`);
  }
  return found;
}
"""

FOCUSED = """
() => { const e = document.activeElement; if (!e || e === document.body) return null;
  const box = e.getBoundingClientRect(), ring = (x) => { const s = getComputedStyle(x);
    return (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none'; };
  const border = e.matches('input,select,textarea,svg *');  // their own lines change
  const shown = ring(e) || border || (e.parentElement && ring(e.parentElement)) || [...e.querySelectorAll('*')].some(ring);
  return { name: (e.getAttribute('aria-label') || e.innerText || e.id || e.tagName).trim().slice(0, 60), shown, width: box.width,
    html: e.outerHTML.slice(0, 160) }; }
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project with images, results, a failure and a filter, without real movies."""
    place = tmp_path_factory.mktemp("pages") / "p"
    with Project.create(place, "single-particle", {"pixel_size": 1.1, "voltage": 300.0}, title="Grid 3") as made:
        made.add("import", sources=["/camera"])
        made.add("motion")
        made.add("ctf")
        made.add("filter", expression="fit_resolution < 4", title="Sharp")
    image = np.random.default_rng(1).normal(100.0, 10.0, (256, 256)).astype(np.float32)
    with open_database(place, write=True) as db, db.transaction() as connection:
        for n in range(1, 31):
            connection.execute(
                "INSERT INTO exposure (id, name, source_job, source_path, path, identity, size, imported, recorded)"
                " VALUES (?, ?, 1, 'a', 'b', ?, 5, ?, ?)",
                (n, f"image_{n:04d}", f"{n:032x}", 1e9 + 60 * n, 1e9 + 60 * n),
            )
            connection.execute("INSERT INTO task (job, item, state, identity) VALUES (2, ?, 'done', ?)", (n, f"r{n}"))
            slots = f'{{"micrograph": {{"file": "jobs/J2-motion/i/{n}.mrc", "files": {{}}, "values": {{}}}}}}'
            connection.execute(
                "INSERT INTO result (identity, job, item, folder, slots, outputs, versions, seconds, committed)"
                " VALUES (?, 2, ?, 'jobs/J2-motion/i', ?, '[\"items\"]', '{}', 1.0, 5)",
                (f"r{n}", n, slots),
            )
            write_mrc(place / "jobs" / "J2-motion" / "i" / f"{n}.mrc", image, pixel_size=1.1)
        error = '{"code": "compute", "message": "no rings here", "hint": "Look", "context": {}}'
        connection.execute(
            "INSERT INTO task (job, item, state, identity, error) VALUES (3, 7, 'quarantined', 'z', ?)", (error,)
        )
    with open_database(place, write=True) as db:
        set_many(db, [(n, "micrograph", 2, {"pixel_size": 1.1, "width": 256, "height": 256}) for n in range(1, 31)])
        set_many(db, [(n, "ctf", 3, {"fit_resolution": 3.0 + 0.1 * n, "defocus": 15000.0 + n}) for n in range(1, 31)])
    return place


LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}


def settled(page, address: str) -> None:
    """Open a page and wait until nothing is loading."""
    page.goto(address)
    page.wait_for_selector("main")
    page.wait_for_timeout(700)  # the stream of events never lets the network be idle


def unseen_focus(page) -> list[str]:
    """Controls that the first presses of Tab reach, and that don't show it."""
    wrong = []
    for press in range(25):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found is None:
            return wrong if press > 3 else [f"only {press} controls are reached by Tab"]
        if not found["shown"]:
            wrong.append(f"focus is not seen: {found['html']}")
    return wrong


@pytest.fixture(scope="module")
def opened(project, tmp_path_factory) -> Iterator[tuple]:
    """Browser, server and the cookies of one who is signed in."""
    others = tmp_path_factory.mktemp("others")
    picks_project.make(others / "picks")
    class_project.make_project(others / "classes").close()
    with (
        chrome.served(
            project,
            others / "picks",
            others / "classes",
            options=("--no-engine",),
            state=tmp_path_factory.mktemp("state"),
        ) as server,
        chrome.browsing() as browser,
    ):
        tab = chrome.open_tab(browser, server)
        tab.page.wait_for_selector("main")
        yield browser, server, tab.context.cookies()


@pytest.mark.parametrize("look", LOOKS)
def test_pages_can_be_read_and_used_by_everybody(opened, look):
    browser, server, cookies = opened
    options = {"bypass_csp": True, "reduced_motion": "reduce", **LOOKS[look]}
    page = chrome.open_tab(browser, server, cookies, **options).page
    wrong = {}
    for path in PAGES:
        settled(page, server.base + path)
        found = page.evaluate(FAULTS)
        if found:  # some part may have been loading, or fading in
            page.wait_for_timeout(1500)
            found = page.evaluate(FAULTS)
        found += unseen_focus(page) if look == "light" else []
        if found:
            wrong[path] = found
    assert not wrong
