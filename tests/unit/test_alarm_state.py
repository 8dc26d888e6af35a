"""The life of alarms, and who is told of what when; all pure."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from vitreous.project.alarms.causes import likely_cause
from vitreous.project.alarms.deliver import redacted
from vitreous.project.alarms.messages import in_quiet_hours, messages
from vitreous.project.alarms.receivers import Receiver, masked
from vitreous.project.alarms.rules import disk_fact, quarantine_fact, silence_fact
from vitreous.project.alarms.settings import Rules
from vitreous.project.alarms.state import Fact, Step, advance
from vitreous.store.alarms import Alarm

NOW = time.mktime((2024, 5, 6, 12, 0, 0, 0, 0, -1))
MILD = Fact("k", "limits", "it is odd", "mild", "mild")
SEVERE = replace(MILD, severity="severe", hold="severe")
HOLDING = replace(MILD, severity=None, hold="mild")
ME = Receiver("me", "json://localhost/x")


def raised(fact: Fact = MILD, number: int = 1, now: float = NOW) -> Alarm:
    return replace(advance([fact], [], now).notices[0].alarm, id=number)


def whats(step: Step) -> list[str]:
    return [notice.what for notice in step.notices]


def test_an_alarm_is_raised_once():
    alarm = raised()
    assert whats(advance([MILD], [alarm], NOW + 5)) == []


def test_what_is_only_held_raises_nothing_and_keeps_what_is_open():
    assert whats(advance([HOLDING], [], NOW)) == []
    assert whats(advance([HOLDING], [raised()], NOW + 1e6)) == []


def test_an_alarm_is_cleared_after_a_stretch_without_fault():
    alarm = raised()
    first = advance([], [alarm], NOW + 10)
    assert whats(first) == []
    back = advance([HOLDING], [alarm], NOW + 20, first.calm)
    assert back.calm == {}
    again = advance([], [alarm], NOW + 30, back.calm)
    assert whats(advance([], [alarm], NOW + 50, again.calm)) == []
    assert whats(advance([], [alarm], NOW + 60, again.calm)) == ["cleared"]


def test_an_acknowledged_alarm_that_gets_worse_is_news():
    alarm = replace(raised(), acknowledged=NOW, acknowledged_by="anna", snoozed_until=NOW + 999)
    (notice,) = advance([SEVERE], [alarm], NOW + 5).notices
    assert notice.what == "worse"
    assert (notice.alarm.acknowledged, notice.alarm.snoozed_until) == (None, None)


def test_a_severe_alarm_gets_better_only_below_the_lower_level():
    alarm = raised(SEVERE)
    assert whats(advance([replace(MILD, hold="severe")], [alarm], NOW + 5)) == []
    assert whats(advance([MILD], [alarm], NOW + 5)) == ["better"]


def test_the_sentence_of_an_open_alarm_follows_at_most_once_a_minute():
    alarm = raised()
    later = replace(MILD, sentence="it is odder")
    step = advance([later], [alarm], NOW + 5, touched_at={"k": NOW})
    assert step.touched == ()
    assert advance([later], [alarm], NOW + 61, touched_at={"k": NOW}).touched[0].sentence == "it is odder"


def test_alarms_that_come_together_are_told_together_after_a_moment():
    alarms = [raised(), raised(replace(SEVERE, key="b", kind="disk", sentence="disk full"), 2, NOW + 15)]
    assert messages(alarms, {}, [ME], Rules(), NOW + 10, "Night") == []
    (message,) = messages(alarms, {}, [ME], Rules(), NOW + 21, "Night")
    assert message.states == {1: "mild", 2: "severe"}
    assert message.title == "Night: severe: disk full and 1 more"
    assert message.body.index("disk full") < message.body.index("it is odd")


def test_one_kind_is_told_at_most_once_an_hour():
    alarms = [raised(), raised(replace(MILD, key="b"), 2, NOW + 100)]
    told = {(1, "me"): ("mild", NOW + 20)}
    assert messages(alarms, told, [ME], Rules(), NOW + 1800, "Night") == []
    (message,) = messages(alarms, told, [ME], Rules(), NOW + 3700, "Night")
    assert message.states == {2: "mild"}


def test_the_end_is_told_to_those_who_knew_of_the_begin():
    alarm = replace(raised(), cleared=NOW + 4000)
    assert messages([alarm], {}, [ME], Rules(), NOW + 5000, "Night") == []
    (message,) = messages([alarm], {(1, "me"): ("mild", NOW + 20)}, [ME], Rules(), NOW + 5000, "Night")
    assert message.states == {1: "cleared"}
    assert message.title == "Night: 1 alarm has passed"
    assert messages([alarm], {(1, "me"): ("cleared", NOW + 4100)}, [ME], Rules(), NOW + 9000, "Night") == []


def test_who_wants_severe_alarms_only_is_told_of_no_other():
    only = replace(ME, level="severe")
    assert messages([raised()], {}, [only], Rules(), NOW + 60, "Night") == []
    assert messages([raised(SEVERE)], {}, [only], Rules(), NOW + 60, "Night")
    assert messages([raised(SEVERE)], {}, [replace(only, active=False)], Rules(), NOW + 60, "Night") == []


def test_in_quiet_hours_mild_alarms_wait_and_severe_ones_do_not():
    rules = Rules(quiet_from="22:00", quiet_to="07:00")
    night = NOW + 11 * 3600
    assert in_quiet_hours(rules, night)
    assert not in_quiet_hours(rules, NOW)
    assert not in_quiet_hours(Rules(), night)
    assert messages([raised(now=night)], {}, [ME], rules, night + 60, "Night") == []
    assert messages([raised(SEVERE, now=night)], {}, [ME], rules, night + 60, "Night")
    assert messages([raised(now=night)], {}, [ME], rules, night + 9 * 3600, "Night")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mailtos://user:secret@mail.lab.org?to=me@x.org", "mailtos://…@mail.lab.org"),
        ("json://host:8080/path/secret", "json://host/…"),
        ("slack://TokenA/TokenB/TokenC", "slack://…"),
        ("nonsense", "…"),
    ],
)
def test_addresses_are_shown_without_secrets(url, shown):
    assert masked(url) == shown


def test_what_a_service_says_is_shown_without_secrets():
    url = "mailtos://user:hush%21@mail.lab.org?to=me@x.org"
    text = redacted("mail.lab.org refused user with hush! (hush%21), me@x.org", url)
    assert "mail.lab.org" in text
    assert not {"hush!", "hush%21", "user", "me@x"} & set(text.replace(",", " ").replace("(", " ").split())
    assert "TokenA" not in redacted("POST /TokenA/TokenB failed", "slack://TokenA/TokenB/TokenC")


def test_silence_counts_from_the_newest_image_or_the_begin_of_the_engine():
    rules = Rules()
    assert silence_fact(NOW - 99999, NOW - 60, NOW, True, rules, None) is None
    assert silence_fact(None, NOW - 99999, NOW, True, rules, None) is None
    assert silence_fact(NOW - 99999, NOW - 9999, NOW, False, rules, None) is None
    assert silence_fact(NOW - 901, NOW - 9999, NOW, True, rules, None) is not None
    assert silence_fact(NOW - 901, NOW - 9999, NOW, True, replace(rules, silence_minutes=None), None) is None


def test_the_disk_is_told_by_the_hours_that_are_left():
    rate = 100e9 / 3600
    assert disk_fact(1e12, 0, rate, Rules()) is None
    held = disk_fact(400e9, 0, rate, Rules())
    assert held is not None
    assert held.severity is None
    assert disk_fact(200e9, 0, rate, Rules()).severity == "mild"  # type: ignore[union-attr]
    assert disk_fact(200e9, 150e9, rate, Rules()).severity == "severe"  # type: ignore[union-attr]
    assert disk_fact(200e9, 0, None, Rules()) is None
    assert disk_fact(200e9, 0, -1.0, Rules()) is None


def test_images_set_aside_are_told_as_a_share_of_the_newest():
    assert quarantine_fact(3, "CTF", range(100, 50, -1), [99, 40], Rules()) is None
    fact = quarantine_fact(3, "CTF", [n for n in range(100, 50, -1) if n % 4], range(100, 50, -4), Rules())
    assert fact is not None
    assert fact.severity == "mild"
    assert quarantine_fact(3, "CTF", [], range(5), Rules()) is None


def test_the_cause_depends_on_what_moved_together():
    assert "filter" in likely_cause("counts_per_frame", -1, {}).phrase  # type: ignore[union-attr]
    assert "thicker ice" in likely_cause("counts_per_frame", -1, {"iciness": 3.0}).phrase  # type: ignore[union-attr]
    assert "warming" in likely_cause("drift_total", 1, {"iciness": 2.0}).phrase  # type: ignore[union-attr]
    assert "drifts" in likely_cause("fit_resolution", 1, {"drift_total": 5.0}).phrase  # type: ignore[union-attr]
    assert "astigmatism" in likely_cause("fit_resolution", 1, {"defocus_difference": 5.0}).phrase  # type: ignore[union-attr]
    assert likely_cause("particles", 1, {}) is None
