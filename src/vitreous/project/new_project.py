"""A new project with its first jobs: what the wizard asks for, and what is made of the answers."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.core.words import near
from vitreous.model.acquisition import Acquisition
from vitreous.project import templates
from vitreous.project.project import Project
from vitreous.project.settings import FILES, NUMBERS, OTHER_SETTINGS, check_settings, site_settings
from vitreous.workflow.job_type import MODES

MODE_TEXTS = {
    "drift": ("Drift correction", "Correct the drift of movies while they are recorded, and judge the images."),
    "single-particle": ("Single particles", "Drift, CTF and quality of each image, for particles and their 3D map."),
    "tomography": ("Tomography", "Tilt series: movies are brought into the order of their tilt angles."),
    "crystal2d": ("2D crystals", "Images and diffraction of two-dimensional crystals."),
}
"""Mode of a project → title, and in a sentence what it is for."""
TITLES = {
    "pixel_size": "Pixel size",
    "voltage": "Voltage",
    "spherical_aberration": "Spherical aberration",
    "amplitude_contrast": "Amplitude contrast",
    "dose_per_frame": "Exposure of a frame",
    "frame_doses": "Exposure of each frame",
    "pre_exposure": "Exposure before",
    "gain": "Gain reference",
    "gain_orientation": "Orientation of the gain reference",
    "gain_kind": "Kind of gain reference",
    "defects": "Defects of the camera",
    "diameter": "Diameter of the particle",
    "device": "Compute on",
    "disk_reserve": "Disk space to keep free",
    "order": "Which image is next",
}
FIRST = ("pixel_size", "voltage", "spherical_aberration", "dose_per_frame", "diameter", "gain")
"""Settings that are asked at first, in this order; the others are advanced."""
ONLY_IN = {"diameter": ("single-particle",)}
"""Settings that are asked at first in some modes alone."""
LIMITS = {"diameter": (5.0, 5000.0)}
"""Least and greatest value of settings beside those of the acquisition."""


def setting_fields() -> list[dict[str, Any]]:
    """The settings of a project as fields of a form, from their declarations; JSON-able.

    Each has ``name``, ``title``, ``help``, ``unit``, ``kind`` (number, numbers, file, text), limits, ``level`` (normal,
    advanced), ``modes`` (in which it is normal though it is advanced elsewhere) and ``default``: what the site begins
    with, ``None`` where it says nothing.
    """
    site = site_settings()
    properties = Acquisition.model_json_schema()["properties"]
    entries = [(name, str(field.get("description", "")), _shape(field)) for name, field in properties.items()]
    entries += [(name, text, _other_shape(name)) for name, text in OTHER_SETTINGS.items()]
    fields = []
    for name, text, shape in entries:
        head, semicolon, remark = text.partition(";")
        meaning, _, unit = head.rpartition(", ")
        known = unit in ("Å", "kV", "mm", "e/Å²", "GB")
        fields.append(
            {
                "name": name,
                "title": TITLES.get(name, name.replace("_", " ")),
                "help": meaning + semicolon + remark if known else text,
                "unit": unit if known else None,
                "level": "normal" if name in FIRST and name not in ONLY_IN else "advanced",
                "modes": list(ONLY_IN.get(name, ())),
                "default": site.get(name),
                **shape,
            }
        )
    order = {name: place for place, name in enumerate(FIRST)}
    return sorted(fields, key=lambda field: order.get(field["name"], len(order)))


def _shape(field: Mapping[str, Any]) -> dict[str, Any]:
    forms = [form for form in field.get("anyOf", (field,)) if form.get("type") != "null"]
    form = forms[0]
    limits = {
        "minimum": form.get("minimum", form.get("exclusiveMinimum")),
        "maximum": form.get("maximum", form.get("exclusiveMaximum")),
    }
    return {"kind": "numbers" if form.get("type") == "array" else "number", "choices": [], **limits}


def _other_shape(name: str) -> dict[str, Any]:
    choices = {"device": ["cpu", "cuda"], "order": ["first", "newest"]}.get(name, [])
    kind = "file" if name in FILES else "number" if name in NUMBERS else "choice" if choices else "text"
    least, most = LIMITS.get(name, (0.0, None)) if kind == "number" else (None, None)
    return {"kind": kind, "choices": choices, "minimum": least, "maximum": most}


def make_project(
    folder: Path,
    mode: str,
    settings: Mapping[str, Any],
    *,
    title: str | None = None,
    template: str | None = None,
    sources: Sequence[str] = (),
) -> list[int]:
    """Make a project, with the jobs of a template and the camera's folders for its import; the numbers of its jobs.

    Args:
        folder: new, or an empty one.
        mode: of the project.
        settings: as for ``create_project``.
        title: for people.
        template: of the jobs; none unless given.
        sources: folders into which the camera writes; they need not be there yet.

    Raises:
        UsageError: something of that is not allowed; nothing is left behind.
    """
    if mode not in MODES:
        raise UsageError(f"there is no project mode {mode!r}", hint=near(mode, MODES) or f"Choose {', '.join(MODES)}")
    for source in sources:
        if not Path(source).expanduser().is_absolute():
            raise UsageError(f"the camera's folder {source!r} is not named in full", hint="Begin with /", path=source)
    check_settings({name: value for name, value in settings.items() if value is not None})
    changes = _changes(template, sources) if template is not None else {}
    before = folder.exists()
    project = Project.create(folder, mode, settings, title=title)
    try:
        with project:
            if template is not None:
                return [job.id for job in project.run_template(template, **changes)]
            return [project.add("import", sources=list(sources)).id] if sources else []
    except BaseException:
        _take_back(folder, before)
        raise


def _changes(template: str, sources: Sequence[str]) -> dict[str, Any]:
    """The camera's folders as a change of a template.

    Raises:
        UsageError: it needs folders and none is given, or it takes none.
    """
    content = templates.read_template(template)
    imports = [job["key"] for job in content["jobs"] if job["type"] == "import"]
    if sources and not imports:
        raise UsageError(f"the template {template} has no import", hint="Leave the camera's folder out")
    needed = [f"{entry['job']}.{entry['parameter']}" for entry in content.get("supply", ())]
    left = [name for name in needed if not (sources and name == f"{imports[0]}.sources")]
    if left:
        raise UsageError(
            f"the template {template} needs {', '.join(left)}",
            hint="Give the camera's folder, or make the project without the template",
        )
    return {f"{imports[0]}__sources": [str(Path(path).expanduser()) for path in sources]} if sources else {}


def _take_back(folder: Path, before: bool) -> None:
    """Remove a project that was made just now and has nothing in it."""
    for entry in list(folder.iterdir()):
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    if not before:
        folder.rmdir()


def modes() -> list[dict[str, Any]]:
    """The modes of projects, with the templates that are ready for each; JSON-able."""
    ready = templates.shipped()
    return [
        {
            "name": mode,
            "title": MODE_TEXTS[mode][0],
            "sentence": MODE_TEXTS[mode][1],
            "templates": [
                {"name": name, "title": facts["title"], "summary": facts["summary"]}
                for name, facts in ready.items()
                if facts["mode"] == mode
            ],
        }
        for mode in MODES
    ]
