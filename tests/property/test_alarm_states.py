"""Whatever happens in whatever order, an alarm is told once when it begins and once when it ends."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from vitreous.project.alarms.state import Fact, advance
from vitreous.store.alarms import Alarm

LEVELS = st.sampled_from([(None, "mild"), ("mild", "mild"), ("mild", "severe"), ("severe", "severe")])
FACTS = st.dictionaries(st.sampled_from(["limits:a", "trend:a", "disk", "silence"]), LEVELS, max_size=4)
STEPS = st.lists(st.tuples(FACTS, st.floats(1.0, 300.0), st.booleans()), max_size=30)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_alarms_alternate_between_raised_and_cleared_and_a_new_engine_repeats_nothing(steps):
    opened: dict[str, Alarm] = {}
    told: dict[str, list[str]] = {}
    calm, touched, now = {}, {}, 1e9
    for facts, seconds, restarted in steps:
        now += seconds
        if restarted:  # what is kept in memory alone is lost
            calm, touched = {}, {}
        found = [Fact(key, key.split(":")[0], "odd", *levels) for key, levels in facts.items()]
        step = advance(found, list(opened.values()), now, calm, touched)
        calm, touched = step.calm, step.touched_at
        for notice in step.notices:
            told.setdefault(notice.alarm.key, []).append(notice.what)
            opened.pop(notice.alarm.key, None)
            if notice.alarm.cleared is None:
                opened[notice.alarm.key] = replace(notice.alarm, id=notice.alarm.id or len(told))
        again = advance(found, list(opened.values()), now, calm, touched)
        assert again.notices == ()
    for words in told.values():
        ends = [word for word in words if word in ("raised", "cleared")]
        assert ends == [("raised", "cleared")[index % 2] for index in range(len(ends))]
