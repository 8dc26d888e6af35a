"""Parameters from words: what people type becomes what the job type's model allows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vitreous.cli.param_text import parse_settings
from vitreous.core.errors import DataError, UsageError, VitreousError
from vitreous.jobs import filter, motion, subset, union
from vitreous.workflow.job_type import JobType


def refused(job: JobType, *words: str) -> VitreousError:
    with pytest.raises(VitreousError) as caught:
        parse_settings(job, words)
    return caught.value


def test_plain_words_become_values_of_the_models_types() -> None:
    words = ["patches=7x5", "pixel-size=1.2", "odd_even=no", "frame_doses=1,2.5", "gain=my gain.mrc", "device=cpu"]
    assert parse_settings(motion.JOB, words) == {
        "patches": [7, 5],
        "pixel_size": 1.2,
        "odd_even": False,
        "frame_doses": [1.0, 2.5],
        "gain": "my gain.mrc",
        "device": "cpu",
    }


def test_text_is_taken_as_it_is_typed() -> None:
    text = '[x] == "a=b"'
    with pytest.raises(UsageError, match="a list stands only after in"):
        parse_settings(filter.JOB, [f"expression={text}"])
    assert parse_settings(filter.JOB, ['expression=name == "a=b"', "name={ice}"]) == {
        "expression": 'name == "a=b"',
        "name": "{ice}",
    }


def test_what_was_not_set_stays_out_and_later_words_win() -> None:
    assert parse_settings(motion.JOB, []) == {}
    assert parse_settings(motion.JOB, ["voltage=200", "voltage=300"]) == {"voltage": 300.0}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["select.kind=first", "select.number=100"], {"kind": "first", "number": 100}),
        (["select.number=100", "select.kind=first"], {"kind": "first", "number": 100}),
        (['select={"kind": "every", "step": 3}'], {"kind": "every", "step": 3}),
        (['select={"kind": "every", "step": 3}', "select.start=2"], {"kind": "every", "step": 3, "start": 2}),
        (["select.kind=names", "select.patterns=a*,b*"], {"kind": "names", "patterns": ["a*", "b*"]}),
        (["select.kind=flag", 'select.flags=["red"]'], {"kind": "flag", "flags": ["red"]}),
    ],
)
def test_a_dot_leads_into_the_parts_of_a_parameter(words: list[str], expected: dict[str, Any]) -> None:
    assert parse_settings(subset.JOB, words) == {"select": expected}


def test_json_gives_lists_with_parts() -> None:
    words = ["expression=x > 1", 'keep=["a", "b"]', 'reject=[{"item": "c", "reason": "ice"}]']
    found = parse_settings(filter.JOB, words)
    assert found["keep"] == [{"item": "a"}, {"item": "b"}]
    assert found["reject"] == [{"item": "c", "reason": "ice"}]
    assert parse_settings(filter.JOB, ["expression=x > 1", "keep=a,b"])["keep"] == found["keep"]


def test_settings_survive_being_parsed_again() -> None:
    found = parse_settings(filter.JOB, ["expression=x > 1", "keep=a,b"])
    assert parse_settings(filter.JOB, [], json.loads(json.dumps(found))) == found


def test_files_give_one_value_or_all(tmp_path: Path) -> None:
    names = tmp_path / "names.json"
    names.write_text('["a", "b"]')
    everything = tmp_path / "all.json"
    everything.write_text('{"expression": "x > 1", "unknown": "accept"}')
    assert parse_settings(filter.JOB, [f"@{everything}", f"keep=@{names}", "unknown=reject"]) == {
        "expression": "x > 1",
        "unknown": "reject",
        "keep": [{"item": "a"}, {"item": "b"}],
    }


def test_words_change_what_was_set_before_and_leave_it_untouched() -> None:
    before = {"select": {"kind": "first", "number": 3}}
    assert parse_settings(subset.JOB, ["select.number=5"], before) == {"select": {"kind": "first", "number": 5}}
    assert parse_settings(subset.JOB, ["select.kind=every", "select.step=2"], before) == {
        "select": {"kind": "every", "step": 2}
    }
    assert before == {"select": {"kind": "first", "number": 3}}


def test_nothing_after_the_sign_takes_a_setting_back() -> None:
    assert parse_settings(motion.JOB, ["pixel_size="], {"pixel_size": 1.2, "voltage": 300}) == {"voltage": 300.0}


def test_a_near_name_is_suggested() -> None:
    assert "Did you mean pixel_size" in refused(motion.JOB, "pixl_size=1.2").hint
    assert "Did you mean number?" in refused(subset.JOB, "select.kind=first", "select.nmber=2").hint
    assert "Known: none" in refused(union.JOB, "zzz=1").hint


@pytest.mark.parametrize(
    ("job", "words", "parts"),
    [
        (motion.JOB, ["pixel_size=-1"], ["pixel_size", "given: -1", "[Å]", "more than 0.01, less than 1000"]),
        (motion.JOB, ["pixel_size=a"], ["pixel_size", "given: a", "[Å]"]),
        (motion.JOB, ["pixel_size=nan"], ["pixel_size"]),
        (motion.JOB, ["frame_doses=1,nan"], ["frame_doses"]),
        (motion.JOB, ["frame_doses=1,x"], ["frame_doses[1]", "given: x"]),
        (motion.JOB, ["patches=5x5x5"], ["patches"]),
        (motion.JOB, ["min_shift=50"], ["not below the largest"]),
        (filter.JOB, ["expression=x > 1", "unknown=maybe"], ["unknown", "given: maybe", "one of reject, accept"]),
        (filter.JOB, ["name=a"], ["expression: it must be given"]),
        (filter.JOB, ["expression=x >"], ["ends too early", "^"]),
        (filter.JOB, ["expression=x > 1", 'keep=[{"itm": "a"}]'], ["keep[0].item: it must be given", "keep[0].itm"]),
        (filter.JOB, ["expression=x > 1", "keep=["], ["keep is no JSON"]),
        (filter.JOB, ["expression=x > 1", "keep=" + "[" * 100000], ["keep is no JSON"]),
        (filter.JOB, ["expression=x > 1", "keep=[NaN]"], ["NaN is no number"]),
        (subset.JOB, ["select.kind=first", "select.number=0"], ["select.number: ", "at least 1"]),
        (subset.JOB, ["select.kind=first", "select.number=2", "select.step=3"], ["no parameter 'select.step'"]),
        (subset.JOB, ["select.kind=frst"], ["'frst'", "'first'"]),
        (subset.JOB, ["select.number=3"], ["select", "kind"]),
        (subset.JOB, ["select=3"], ["select"]),
        (subset.JOB, ["select.kind.x=3"], ["select.kind has no parts"]),
        (subset.JOB, ["select."], ["sets no parameter"]),
        (subset.JOB, ["=3"], ["sets no parameter"]),
        (subset.JOB, [".=3"], ["no parameter '.'"]),
        (subset.JOB, ["@nowhere.json"], ["nowhere.json can't be read"]),
        (subset.JOB, ["select=@nowhere.json"], ["nowhere.json can't be read"]),
    ],
)
def test_a_fault_names_the_parameter_its_unit_and_limits(job: JobType, words: list[str], parts: list[str]) -> None:
    text = str(refused(job, *words))
    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize("content", [b"[1]", b"{", b"\xff\xfe", b'{"expresion": 1}'])
def test_a_file_that_holds_no_parameters_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    assert isinstance(refused(filter.JOB, f"@{path}"), DataError | UsageError)
