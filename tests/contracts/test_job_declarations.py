"""Every declared job type is whole: its slots are in the column registry, its schema and sentences hold."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from vitreous.core.errors import UsageError
from vitreous.model.columns import column, find_column
from vitreous.project import job_types
from vitreous.project.schemas import methods_places, methods_text, parameters, schema
from vitreous.workflow.job_type import MODES, JobType, Params, no_command, parameter
from vitreous.workflow.parameters import checked

JOBS = [job for job in map(job_types.load, job_types.declared().values()) if isinstance(job, JobType)]
SOURCED = {"movie", "micrograph"}  # slots that import may bring


def test_every_declared_job_type_loads() -> None:
    broken = [job for job in map(job_types.load, job_types.declared().values()) if not isinstance(job, JobType)]
    assert broken == []
    assert {"motion", "ctf", "measure", "process"} <= {job.name for job in JOBS}


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_columns_of_slots_are_in_the_registry_with_that_slot(job: JobType) -> None:
    for slot in job.gives:
        for name in slot.columns:
            found = find_column(name)
            assert found is not None, f"{job.name}: column {name} is not in vitreous.model.columns"
            assert found.slot == slot.name, f"{name} belongs to slot {found.slot}, {job.name} gives it in {slot.name}"


def test_two_slots_of_one_job_type_share_no_column() -> None:
    for job in JOBS:
        names = [name for slot in job.gives for name in slot.columns]
        assert len(names) == len(set(names)), job.name


def test_needed_slots_are_given_by_some_job_type() -> None:
    given = SOURCED | {slot.name for job in JOBS for slot in job.gives}
    for job in JOBS:
        assert {one for need in job.needs for one in need.split("|")} <= given, job.name


def test_a_column_that_is_named_like_a_parameter_has_its_unit() -> None:
    shared = {(job.name, info.name): info for job in JOBS for info in parameters(job) if find_column(info.name)}
    assert {("ctf", "pixel_size"), ("measure", "n_frames"), ("measure", "total_dose")} <= set(shared)
    for (job, name), info in shared.items():
        needed = {slot for need in job_types.find(job).needs for slot in need.split("|")}
        if column(name).slot in needed:
            assert info.unit == column(name).unit, f"{job}: {name}"


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_declarations_are_whole(job: JobType) -> None:
    assert job.title
    assert job.summary.endswith(".")
    assert job.category
    assert 0 < job.order < 100
    assert set(job.modes) <= set(MODES)
    assert job.outputs
    assert job.example.startswith("vitreous ")
    assert methods_places(job) <= set(job.params.model_fields)
    for info in parameters(job):
        assert info.help, f"{job.name}: {info.name} has no help"
        assert info.level in ("normal", "advanced")


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_the_schema_is_stable_json(job: JobType) -> None:
    text = json.dumps(schema(job), allow_nan=False, sort_keys=True)
    assert text == json.dumps(schema(job), allow_nan=False, sort_keys=True)
    found = json.loads(text)
    assert set(found) == {
        "name", "title", "summary", "version", "category", "order", "modes", "scope", "items", "needs", "gives",
        "outputs", "parameters", "methods", "citations", "example",
    }  # fmt: skip
    assert found["parameters"]["type"] == "object"
    assert set(found["parameters"].get("properties", {})) == set(job.params.model_fields)
    for name, field in found["parameters"].get("properties", {}).items():
        assert "description" in field, f"{job.name}: {name}"


def test_the_schema_states_unit_level_group_limits_and_choices() -> None:
    fields = schema(job_types.find("motion"))["parameters"]["properties"]
    expected = {
        "default": 2.0,
        "description": "correlation peaks nearer than this are ignored in the first round",
        "group": "Whole-frame motion",
        "level": "advanced",
        "minimum": 0,
        "title": "Min Shift",
        "type": "number",
        "unit": "Å",
    }
    assert expected.items() <= fields["min_shift"].items()
    assert fields["gain_kind"]["enum"] == ["auto", "multiplicative", "sensitivity"]


def test_the_schema_states_slots_with_their_columns() -> None:
    found = schema(job_types.find("ctf"))
    assert found["needs"] == [["micrograph", "movie"]]
    assert [slot["name"] for slot in found["gives"]] == ["ctf"]
    first = found["gives"][0]["columns"][0]
    assert first == {"name": "defocus_u", "kind": "real", "unit": "Å", "meaning": column("defocus_u").meaning}


class Disc(BaseModel):
    """A round template."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["disc"] = "disc"
    radius: float = Field(60.0, gt=0)


class Maps(BaseModel):
    """Projections of maps."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["maps"] = "maps"
    step: float = Field(15.0, gt=0, le=90)


class PickParams(Params):
    """A choice between kinds, and a rule across parameters."""

    template: Annotated[Disc | Maps, Field(discriminator="kind")] = parameter(Disc(), help="what is looked for")
    low: float = parameter(1.0, help="least score", ge=0)
    high: float | None = parameter(None, help="greatest score", ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> PickParams:
        if self.high is not None and self.high <= self.low:
            raise ValueError(f"greatest score {self.high:g} is not above the least, {self.low:g}")
        return self


PICK = JobType(
    name="pick",
    title="Pick",
    summary="Pick.",
    params=PickParams,
    start=no_command,
    items="IMAGE",
    example="vitreous pick",
    columns={},
    methods="Particles were picked above a score of {low}[high: and below {high}].",
)


def test_a_tagged_union_keeps_its_discriminator() -> None:
    field = schema(PICK)["parameters"]["properties"]["template"]
    assert field["discriminator"]["propertyName"] == "kind"
    assert set(field["discriminator"]["mapping"]) == {"disc", "maps"}
    assert set(schema(PICK)["parameters"]["$defs"]) == {"Disc", "Maps"}
    info = parameters(PICK)[0]
    assert (info.kind, info.choices, info.default) == ("choice", ("disc", "maps"), {"kind": "disc", "radius": 60.0})


def test_parameters_are_checked_one_by_one_and_together() -> None:
    assert checked(PICK, {"template": {"kind": "maps", "step": 5}}, "here").template == Maps(step=5)
    with pytest.raises(UsageError, match=r"here: greatest score 0\.5 is not above") as caught:
        checked(PICK, {"high": 0.5}, "here")
    assert "vitreous show pick" in caught.value.hint
    with pytest.raises(UsageError, match=r"low: .*greater than or equal to 0"):
        checked(PICK, {"low": -1}, "here")
    with pytest.raises(UsageError, match=r"template.*radius: .*greater than 0"):
        checked(PICK, {"template": {"kind": "disc", "radius": -1}}, "here")
    with pytest.raises(UsageError, match="no such parameter"):
        checked(PICK, {"colour": "red"}, "here")


def test_the_methods_sentence_has_the_values_and_leaves_out_what_is_unset() -> None:
    assert methods_text(PICK, PickParams()) == "Particles were picked above a score of 1."
    text = methods_text(PICK, PickParams(low=2, high=3.5))
    assert text == "Particles were picked above a score of 2 and below 3.5."
    motion = job_types.find("motion")
    assert "5 × 5 patches at up to 7 Å and summed with" in methods_text(motion, motion.params())
    assert "exposure filter" not in methods_text(motion, motion.params(exposure_filter=False))


def test_all_methods_sentences_hold_with_default_parameters() -> None:
    for job in JOBS:
        if not any(info.required for info in parameters(job)):
            text = methods_text(job, job.params())
            assert not set("{}[]") & set(text), job.name
