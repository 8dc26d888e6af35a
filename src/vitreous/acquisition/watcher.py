"""The import at the microscope: look, wait until a file rests, test it, bring it in, report it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vitreous.acquisition.arrivals import Tested, arrival_of, group_of
from vitreous.acquisition.complete import NotWhole, Whole, check_whole
from vitreous.acquisition.contents import Contents
from vitreous.acquisition.decided import Decided
from vitreous.acquisition.expectations import Expectations
from vitreous.acquisition.import_params import ImportParams
from vitreous.acquisition.metadata import Description, describe, sides_of
from vitreous.acquisition.names import NameFacts, facts_of_name
from vitreous.acquisition.placement import Placement
from vitreous.acquisition.refusals import (
    changed_after_import,
    more_to_come,
    no_side_file,
    nothing_matches,
    source_closed,
    unmatched_name,
)
from vitreous.acquisition.removals import Removals
from vitreous.acquisition.reports import (
    Changed,
    Condition,
    Duplicate,
    KnownFile,
    Rejected,
    Report,
    Round,
    Skipped,
    Vanished,
)
from vitreous.acquisition.scan import Listing, Selection, scan
from vitreous.acquisition.settle import Observation, Settling, Stamp, observe
from vitreous.acquisition.shift_groups import Shift, ShiftGroups
from vitreous.acquisition.transfer import GivenUp, StopAsked, fingerprint, never
from vitreous.acquisition.trials import Trials, settling_sentence
from vitreous.acquisition.wake_up import WakeUp
from vitreous.core.errors import DataError, ResourceError

ROUND_TIME = 5.0
"""s that the files of one round may take; then the folders are looked at again, for something newer may be there."""
LOOK_SHARE = 10.0
"""Where a look takes long, files are taken, and then nothing is done, for so many times as long."""
SLOWEST_LOOK = 30.0
RETRY = 10.0


class Watcher:
    """Brings the movies of one import job into the project, in one thread; only ``retry`` may come from another.

    Nothing is doubled or lost by a kill at any moment: a file counts as imported when ``on_report`` has returned, which
    must commit it before; until then it is still at the camera, and what it left in the project's folder is replaced
    at the next start. A file at the camera is deleted (``transfer=move``) only after that.
    """

    def __init__(
        self,
        params: ImportParams,
        destination: Path,
        known: Mapping[str, KnownFile],
        on_report: Callable[[Report], None],
        on_condition: Callable[[tuple[Condition, ...]], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        items: Mapping[str, str] | None = None,
        root: Path | None = None,
        shifts: Iterable[Shift] = (),
    ) -> None:
        """Take up the state of the catalogue; what an interrupted transfer left is removed.

        Args:
            params: of the import job.
            destination: folder of the imported files, of this job alone.
            known: path at the camera → what was decided.
            on_report: is told each decision; of an arrival it returns when that is committed.
            on_condition: is told all conditions that hold, whenever they change.
            clock: s; never goes back.
            items: names of all items of the project → identity of their content; read anew in each round.
            root: the project's folder; links to what is inside are relative. The destination's parent unless given.
            shifts: beam or image shifts of the job's items, in order of arrival.

        Raises:
            DataError: the gain reference can't be read.
            ResourceError: the destination can't be written.
        """
        self.params = params
        self._decided = Decided(known)
        self._contents = Contents({} if items is None else items, known)
        self._report, self._on_condition, self._clock = on_report, on_condition, clock
        self._selection = Selection(params.taken, params.ignore)
        self._place = Placement(params, destination, destination.parent if root is None else root)
        self._expectations = Expectations(params)
        self._shifts = None if params.shift_tolerance is None else ShiftGroups(params.shift_tolerance, shifts)
        self._settling: dict[str, Settling] = {}
        self._trials = Trials(params.settle_delay, params.file_timeout)
        self._stale = {path for path, file in known.items() if file.state == "settling"}
        self._asked_again: list[str] = []
        self._begun = {str(s) for s in params.sources if any(_is_below(p, str(s)) for p in known)}
        self._removals = Removals(known if params.transfer == "move" else {})
        self._told: tuple[Condition, ...] = ()
        self._blocked: Condition | None = None
        self._blocked_until = -1.0
        self._look_time = 0.0
        self._reports = 0
        self._last_news = clock()
        self._closed = False

    def run(self, stop: threading.Event) -> None:
        """Do rounds until ``stop`` is set or the global timeout closes the import."""
        with WakeUp(self.params.sources) as wake_up:
            while not stop.is_set():
                done = self.step(stop.is_set)
                if done.closed:
                    return
                wake_up.wait(done.wait, stop)

    def step(self, stop: StopAsked = never) -> Round:
        """Do one round: look, and take what is ready (a few files at most)."""
        if self._closed:
            return Round(0, 0, self._told, self._told[-1].message if self._told else "", 60.0, closed=True)
        now, reports_before = self._clock(), self._reports
        while self._asked_again:
            self._decided.forget(self._asked_again.pop())
        listing = self._look()
        self._skip_what_was_there(listing)
        observation = observe(self._settling, self._decided.unsettled(listing.stamps), now, self.params.settle_delay)
        self._settling = dict(observation.states)
        self._forget(observation, listing)
        ready = self._ready(observation, now)
        looked = self._clock()
        self._look_time = looked - now
        end = looked + max(ROUND_TIME, LOOK_SHARE * self._look_time)
        try:
            if now >= self._blocked_until:
                self._blocked = None
                while ready and self._blocked is None and self._clock() <= end and not stop():
                    path = ready.pop(0)
                    self._take(path, listing.files[path], stop)
            self._removals.delete(stop)
        except GivenUp:
            pass
        if self._reports > reports_before or observation.appeared or observation.changed:
            self._last_news = now
        return self._round(listing, reports_before, more=bool(ready))

    def retry(self, path: str) -> None:
        """Forget what was decided on a file at the camera (from any thread): it is looked at anew."""
        self._asked_again.append(path)

    # -- looking -------------------------------------------------------------------------------------------------------

    def _look(self) -> Listing:
        self._decided.next_turn()
        return scan(
            self.params.sources,
            self._selection,
            recursive=self.params.recursive,
            wanted=lambda path: path in self._settling or self._decided.is_due(path),
            sides=sides_of,
            excluded=frozenset({os.path.realpath(self._place.destination)}),
            known=self._decided,
        )

    def _skip_what_was_there(self, listing: Listing) -> None:
        """With ``existing=skip``: leave out what the first look into a source shows."""
        seen = set(listing.folders)
        for source in self.params.sources:
            if str(source) in self._begun or str(source) not in seen:
                continue
            self._begun.add(str(source))
            if self.params.existing == "take":
                continue
            old = {
                path: (stamp.size, stamp.mtime)
                for path, stamp in listing.stamps.items()
                if self._decided.get(path) is None and _is_below(path, str(source))
            }
            if old:
                self._tell(Skipped(old))
                for path, (size, mtime) in old.items():
                    self._decided.add(path, KnownFile(size, mtime, "skipped"))

    def _forget(self, observation: Observation, listing: Listing) -> None:
        """Drop what was found out of files that changed or vanished."""
        for path in observation.changed:
            self._trials.forget(path)
        for path in observation.vanished:
            if self._trials.forget(path):
                self._stale.add(path)
        # Of a folder that is gone for now nothing is known of its files.
        for path in [path for path in self._stale if path in listing.files or os.path.dirname(path) in listing.folders]:
            self._stale.discard(path)
            if path not in listing.files:
                self._tell(Vanished(Path(path)))

    def _ready(self, observation: Observation, now: float) -> list[str]:
        """Files to take in this round, in order."""
        due = [path for path in observation.stable if self._trials.is_due(path, now)]
        sign = -1.0 if self.params.newest_first else 1.0
        return sorted(due, key=lambda path: (sign * observation.states[path].stamp.mtime, path))

    # -- taking --------------------------------------------------------------------------------------------------------

    def _take(self, path: str, relative: str, stop: StopAsked) -> None:
        """Decide on one file that rests."""
        state, known = self._settling[path], self._decided.get(path)
        try:
            if known is not None:
                self._recheck(path, state.stamp, known, stop)
                return
            name = facts_of_name(relative, self.params.layout, self.params.name_pattern)
            if not name.matched and self.params.quarantines_unmatched:
                self._reject(path, state, unmatched_name(path, self.params), final=True)
                return
            if self.params.side_file == "wait" and not state.stamp.sides and not self._timed_out(state):
                self._postpone(path, state, no_side_file(path))
                return
            self._test_and_bring(path, relative, state, name, stop)
        except DataError as error:
            if error.context.get("changed"):
                self._begin_again(path)
            else:
                self._wait_or_reject(path, state, error.to_dict())
        except ResourceError as error:
            self._block(error)

    def _test_and_bring(self, path: str, relative: str, state: Settling, name: NameFacts, stop: StopAsked) -> None:
        answer = check_whole(Path(path))
        header = answer.header if self._is_usable(answer, state) else None
        if isinstance(answer, NotWhole) and header is None:
            if answer.transient:
                self._wait_or_reject(path, state, answer.error)
            else:
                self._reject(path, state, answer.error, final=True)
            return
        assert header is not None
        verdict = self._expectations.judge(header)
        if verdict.error is not None:
            self._reject(path, state, verdict.error, final=True)
            return
        about = describe(Path(path), header, name)
        if about.stated_frames is not None and header.n_frames < about.stated_frames and not self._timed_out(state):
            self._postpone(path, state, more_to_come(path, header.n_frames, about.stated_frames))
            return
        warnings = [*about.warnings, *verdict.warnings]
        if not name.matched:
            warnings.append(f"{os.path.basename(path)}: its name fits no known pattern, so it says nothing")
        whole = Tested(header, replace(about, warnings=tuple(warnings)))
        self._bring(path, relative, state.stamp, whole, stop)

    def _is_usable(self, answer: Whole | NotWhole, state: Settling) -> bool:
        """A movie that stays cut short is used where that is wanted."""
        return isinstance(answer, Whole) or (self.params.truncated == "accept" and self._timed_out(state))

    def _bring(self, path: str, relative: str, stamp: Stamp, whole: Tested, stop: StopAsked) -> None:
        """Transfer a movie, report it, and hand over its deletion."""
        source = Path(path)
        name = self._contents.name_for(source.name)
        placed = self._place.bring(source, name, stamp, self._contents.is_new, stop)
        found = placed.fingerprint
        owner = self._contents.owner(found.identity)
        if owner is not None:
            self._tell(Duplicate(source, found.size, found.mtime, found.identity, owner))
            self._decided.add(path, KnownFile(found.size, found.mtime, "duplicate", found.identity, owner))
        else:
            group = group_of(self.params.group, relative, whole.about.values)
            self._tell(arrival_of(source, name, group, placed, whole, self._shift_group(whole.about)))
            target = str(placed.path)
            self._decided.add(path, KnownFile(found.size, found.mtime, "imported", found.identity, name, target))
            self._contents.add(name, found.identity)
            self._expectations.learn(whole.header.n_frames)
            if self.params.transfer == "move":
                self._removals.add(path, placed.to_delete)
        self._begin_again(path)

    def _shift_group(self, about: Description) -> str | None:
        if self._shifts is None or about.shift is None:
            return None
        return str(self._shifts.add(about.shift))

    def _recheck(self, path: str, stamp: Stamp, known: KnownFile, stop: StopAsked) -> None:
        """A file that was decided on has another size or time: only another content matters."""
        found = None if known.identity is None else fingerprint(Path(path), stop).identity
        if found is None or found != known.identity:
            # After a move the camera may use the name again; duplicates and old files are new ones now.
            if known.state != "imported" or (self.params.transfer == "move" and not self._removals.keeps(path)):
                self._decided.forget(path)
                return
            error = changed_after_import(path, known, stamp, self.params)
            self._tell(Changed(Path(path), stamp.size, stamp.mtime, known.name, error))
        self._decided.add(path, known._replace(size=stamp.size, mtime=stamp.mtime, identity=found))
        self._begin_again(path)

    # -- waiting and refusing ------------------------------------------------------------------------------------------

    def _timed_out(self, state: Settling) -> bool:
        return self._trials.is_over(state, self._clock())

    def _wait_or_reject(self, path: str, state: Settling, error: Mapping[str, Any]) -> None:
        if self._timed_out(state):
            self._reject(path, state, error, final=True)
        else:
            self._postpone(path, state, error)

    def _postpone(self, path: str, state: Settling, error: Mapping[str, Any]) -> None:
        if self._trials.postpone(path, state, error, self._clock()):
            self._reject(path, state, error, final=False)

    def _reject(self, path: str, state: Settling, error: Mapping[str, Any], *, final: bool) -> None:
        stamp = state.stamp
        self._tell(Rejected(Path(path), stamp.size, stamp.mtime, error, final))
        if final:
            self._decided.add(path, KnownFile(stamp.size, stamp.mtime, "quarantined"))
            self._begin_again(path)

    def _begin_again(self, path: str) -> None:
        self._trials.forget(path)
        self._settling.pop(path, None)

    def _block(self, error: ResourceError) -> None:
        """Nothing can be written now: try again after a while."""
        code = str(error.context.get("reason", error.code))
        self._blocked = Condition(code, error.message, error.hint, error.context.get("path"))
        self._blocked_until = self._clock() + RETRY

    def _tell(self, report: Report) -> None:
        self._report(report)
        self._reports += 1

    # -- telling -------------------------------------------------------------------------------------------------------

    def _round(self, listing: Listing, reports_before: int, *, more: bool) -> Round:
        now = self._clock()
        conditions = list(listing.problems)
        if self._blocked is not None:
            conditions.append(self._blocked)
        conditions.extend(self._removals.conditions)
        if not listing.files and listing.folders and listing.others:
            conditions.append(nothing_matches(self.params, listing.others))
        limit = self.params.global_timeout
        if limit is not None and now - self._last_news >= limit:
            self._closed = True
            conditions.append(source_closed(limit))
        told = tuple(conditions)
        if told != self._told:
            self._told = told
            self._on_condition(told)
        return Round(
            self._reports - reports_before,
            len(self._settling),
            told,
            told[0].message if told else self._sentence(now),
            0.0 if more and self._blocked is None else self._pause(now),
            closed=self._closed,
        )

    def _sentence(self, now: float) -> str:
        """What the import waits for."""
        return self._trials.sentence() or settling_sentence(
            self._settling, now, self.params.settle_delay, now - self._last_news
        )

    def _pause(self, now: float) -> float:
        """Until the next look: short while something goes on."""
        if self.params.poll_interval is not None:
            return self.params.poll_interval
        quiet = now - self._last_news
        usual = 1.0 if self._settling or quiet < 30 else min(5.0, 1.0 + quiet / 30.0)
        return max(usual, min(SLOWEST_LOOK, LOOK_SHARE * self._look_time))


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")
