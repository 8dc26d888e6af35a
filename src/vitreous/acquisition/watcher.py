"""The import at the microscope: look, wait until a file rests, test it, bring it in, report it."""

from __future__ import annotations

import os
import threading
import time
import zlib
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreous.acquisition.complete import NotWhole, Whole, check_whole
from vitreous.acquisition.durations import say_duration
from vitreous.acquisition.expectations import Expectations
from vitreous.acquisition.import_params import ImportParams
from vitreous.acquisition.metadata import Description, describe, sides_of
from vitreous.acquisition.names import NameFacts, facts_of_name, free_name, item_name
from vitreous.acquisition.placement import Placement
from vitreous.acquisition.refusals import (
    changed_after_import,
    more_to_come,
    no_side_file,
    nothing_matches,
    source_closed,
    unmatched_name,
)
from vitreous.acquisition.reports import (
    Arrival,
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
from vitreous.acquisition.transfer import GivenUp, StopAsked, check_copy, fingerprint, never, remove_original
from vitreous.acquisition.wake_up import WakeUp
from vitreous.core.errors import DataError, ResourceError
from vitreous.formats.base import ImageHeader

FILES_PER_ROUND = 8
RECHECKED = 200
"""Files already decided on whose stamp is asked for in one round."""
RETRY = 10.0
SLOWEST_RETRY = 60.0


@dataclass(frozen=True)
class Trial:
    """A file that was tested and is not ready: when it is tested again, and what was said."""

    at: float
    count: int
    error: Mapping[str, Any]


class Watcher:
    """Brings the movies of one import job into the project, in one thread.

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
        self._known = {path: file for path, file in known.items() if file.state != "settling"}
        self._items: dict[str, str] | Any = {} if items is None else items
        self._owners: dict[str, str] = {}
        self._indexed = 0
        imported = [f for f in known.values() if f.state == "imported" and f.name and f.identity]
        self._own = {str(f.name): str(f.identity) for f in imported}
        self._own_contents = {str(f.identity): str(f.name) for f in imported}
        self._report, self._on_condition, self._clock = on_report, on_condition, clock
        self._selection = Selection(params.taken, params.ignore)
        self._place = Placement(params, destination, destination.parent if root is None else root)
        self._expectations = Expectations(params)
        self._shifts = None if params.shift_tolerance is None else ShiftGroups(params.shift_tolerance, shifts)
        self._settling: Mapping[str, Settling] = {}
        self._trials: dict[str, Trial] = {}
        self._forbidden: set[str] = set()
        self._begun = {str(s) for s in params.sources if any(_is_below(p, str(s)) for p in known)}
        self._to_delete = self._unfinished_moves()
        self._left_over: dict[str, Condition] = {}
        self._told: tuple[Condition, ...] = ()
        self._blocked: Condition | None = None
        self._blocked_until = -1.0
        self._rounds = 0
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
        self._rounds += 1
        listing = self._look()
        self._skip_what_was_there(listing)
        observation = observe(self._settling, self._unsettled(listing), now, self.params.settle_delay)
        self._settling = observation.states
        self._forget(observation, listing)
        ready = self._ready(observation, now)
        try:
            if now >= self._blocked_until:
                self._blocked = None
                for path in ready[:FILES_PER_ROUND]:
                    if stop() or self._blocked is not None:
                        break
                    self._take(path, listing.files[path], stop)
            self._delete_moved(stop)
        except GivenUp:
            pass
        if self._reports > reports_before or observation.appeared or observation.changed:
            self._last_news = now
        return self._round(listing, reports_before, more=len(ready) > FILES_PER_ROUND)

    # -- looking -------------------------------------------------------------------------------------------------------

    def _look(self) -> Listing:
        share = max(1, len(self._known) // RECHECKED)
        turn = self._rounds % share

        def wanted(path: str) -> bool:
            if path in self._settling or path not in self._known:
                return True
            return zlib.crc32(path.encode()) % share == turn

        return scan(
            self.params.sources,
            self._selection,
            recursive=self.params.recursive,
            wanted=wanted,
            sides=sides_of,
            excluded=frozenset({os.path.realpath(self._place.destination)}),
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
                if path not in self._known and _is_below(path, str(source))
            }
            if old:
                self._tell(Skipped(old))
                self._known |= {path: KnownFile(size, mtime, "skipped") for path, (size, mtime) in old.items()}

    def _unsettled(self, listing: Listing) -> dict[str, Stamp]:
        """Stamps of files that are not decided on, or that differ from what was decided on."""
        found = {}
        for path, stamp in listing.stamps.items():
            known = self._known.get(path)
            if known is not None and (known.size, known.mtime) == (stamp.size, stamp.mtime):
                if known.state != "quarantined" or not self._became_readable(path):
                    continue
                self._known.pop(path)
            elif known is not None and known.state == "quarantined":
                self._known.pop(path)  # it is written anew: another chance
            found[path] = stamp
        return found

    def _became_readable(self, path: str) -> bool:
        if not os.access(path, os.R_OK):
            self._forbidden.add(path)
            return False
        if path in self._forbidden:
            self._forbidden.discard(path)
            return True
        return False

    def _forget(self, observation: Observation, listing: Listing) -> None:
        """Drop what was found out of files that changed or vanished."""
        for path in observation.changed:
            self._trials.pop(path, None)
        for path in observation.vanished:
            trial = self._trials.pop(path, None)
            # Of a folder that is gone for now nothing is known of its files.
            if trial is not None and path not in listing.files and os.path.dirname(path) in listing.folders:
                self._tell(Vanished(Path(path)))

    def _ready(self, observation: Observation, now: float) -> list[str]:
        """Files to take in this round, in order."""
        due = [path for path in observation.stable if path not in self._trials or self._trials[path].at <= now]
        sign = -1.0 if self.params.newest_first else 1.0
        return sorted(due, key=lambda path: (sign * observation.states[path].stamp.mtime, path))

    # -- taking --------------------------------------------------------------------------------------------------------

    def _take(self, path: str, relative: str, stop: StopAsked) -> None:
        """Decide on one file that rests."""
        state, known = self._settling[path], self._known.get(path)
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
        self._bring(path, relative, state.stamp, header, replace(about, warnings=tuple(warnings)), stop)

    def _is_usable(self, answer: Whole | NotWhole, state: Settling) -> bool:
        """A movie that stays cut short is used where that is wanted."""
        return isinstance(answer, Whole) or (self.params.truncated == "accept" and self._timed_out(state))

    def _bring(
        self, path: str, relative: str, stamp: Stamp, header: ImageHeader, about: Description, stop: StopAsked
    ) -> None:
        """Transfer a movie, report it, and hand over its deletion."""
        source = Path(path)
        name = free_name(item_name(source.name), ChainMap(self._own, self._items))
        placed = self._place.bring(source, name, stamp, lambda identity: self._owner(identity) is None, stop)
        found = placed.fingerprint
        owner = self._owner(found.identity)
        if owner is not None:
            self._tell(Duplicate(source, found.size, found.mtime, found.identity, owner))
            self._known[path] = KnownFile(found.size, found.mtime, "duplicate", found.identity, owner)
        else:
            self._tell(self._arrival(source, relative, name, placed.path, found, header, about, placed.sides))
            target = str(placed.path)
            self._known[path] = KnownFile(found.size, found.mtime, "imported", found.identity, name, target)
            self._own[name], self._own_contents[found.identity] = found.identity, name
            self._expectations.learn(header.n_frames)
            if self.params.transfer == "move":
                self._to_delete[path] = (placed.to_delete, True)
        self._begin_again(path)

    def _arrival(
        self,
        source: Path,
        relative: str,
        name: str,
        target: Path,
        found: Any,
        header: ImageHeader,
        about: Description,
        sides: tuple[Path, ...],
    ) -> Arrival:
        values = dict(about.values)
        if self._shifts is not None and about.shift is not None:
            group = str(self._shifts.add(about.shift))
            values.setdefault("shift_group", group)
        warnings = list(about.warnings)
        if name != item_name(source.name):
            warnings.append(f"another image is called {item_name(source.name)}: this one is called {name}")
        return Arrival(
            path=target,
            source_path=source,
            name=name,
            identity=found.identity,
            size=found.size,
            mtime=found.mtime,
            recorded=about.recorded,
            group=self._group(relative, values),
            values=values,
            frames=header.n_frames,
            shape=header.shape,
            side_files=sides,
            warnings=tuple(warnings),
        )

    def _group(self, relative: str, values: Mapping[str, Any]) -> str:
        if self.params.group != "auto":
            return self.params.group
        return str(values.get("specimen") or os.path.dirname(relative).replace("/", " ") or "Imported")

    def _owner(self, identity: str) -> str | None:
        """The item that has a content already."""
        if len(self._items) != self._indexed:
            self._owners = {content: name for name, content in self._items.items()}
            self._indexed = len(self._items)
        own = self._own_contents.get(identity)
        return self._owners.get(identity) if own is None else own

    def _recheck(self, path: str, stamp: Stamp, known: KnownFile, stop: StopAsked) -> None:
        """A file that was decided on has another size or time: only another content matters."""
        found = None if known.identity is None else fingerprint(Path(path), stop).identity
        if found is None or found != known.identity:
            # After a move the camera may use the name again; duplicates and old files are new ones now.
            if known.state != "imported" or self.params.transfer == "move":
                self._known.pop(path)
                return
            error = changed_after_import(path, known, stamp, self.params)
            self._tell(Changed(Path(path), stamp.size, stamp.mtime, known.name, error))
        self._known[path] = known._replace(size=stamp.size, mtime=stamp.mtime, identity=found)
        self._begin_again(path)

    # -- waiting and refusing ------------------------------------------------------------------------------------------

    def _timed_out(self, state: Settling) -> bool:
        return self._clock() - state.changed >= self.params.settle_delay + self.params.file_timeout

    def _wait_or_reject(self, path: str, state: Settling, error: Mapping[str, Any]) -> None:
        if self._timed_out(state):
            self._reject(path, state, error, final=True)
        else:
            self._postpone(path, state, error)

    def _postpone(self, path: str, state: Settling, error: Mapping[str, Any]) -> None:
        """Test the file again later, at the latest when its time is over."""
        before = self._trials.get(path)
        count = 0 if before is None else before.count + 1
        pause = min(SLOWEST_RETRY, max(1.0, self.params.settle_delay) * 2.0**count)
        last = state.changed + self.params.settle_delay + self.params.file_timeout
        self._trials[path] = Trial(min(self._clock() + pause, max(last, self._clock())), count, error)
        if before is None or before.error["message"] != error["message"]:
            self._reject(path, state, error, final=False)

    def _reject(self, path: str, state: Settling, error: Mapping[str, Any], *, final: bool) -> None:
        stamp = state.stamp
        self._tell(Rejected(Path(path), stamp.size, stamp.mtime, error, final))
        if final:
            self._known[path] = KnownFile(stamp.size, stamp.mtime, "quarantined")
            if not os.access(path, os.R_OK):
                self._forbidden.add(path)
            self._begin_again(path)

    def _begin_again(self, path: str) -> None:
        self._trials.pop(path, None)
        self._settling = {other: state for other, state in self._settling.items() if other != path}

    def _block(self, error: ResourceError) -> None:
        """Nothing can be written now: try again after a while."""
        code = str(error.context.get("reason", error.code))
        self._blocked = Condition(code, error.message, error.hint, error.context.get("path"))
        self._blocked_until = self._clock() + RETRY

    def _tell(self, report: Report) -> None:
        self._report(report)
        self._reports += 1

    # -- moving --------------------------------------------------------------------------------------------------------

    def _unfinished_moves(self) -> dict[str, tuple[tuple[tuple[Path, Stamp], ...], bool]]:
        """Files that were committed, and perhaps not deleted at the camera before the last stop."""
        if self.params.transfer != "move":
            return {}
        return {
            path: (((Path(path), Stamp(file.size, file.mtime)),), False)
            for path, file in self._known.items()
            if file.state == "imported" and file.path is not None and os.path.lexists(path)
        }

    def _delete_moved(self, stop: StopAsked) -> None:
        """Delete at the camera what is committed; what a former run committed is compared first."""
        for path, (files, verified) in list(self._to_delete.items()):
            if stop():
                return
            known = self._known[path]
            self._to_delete.pop(path)
            try:
                if not verified and known.path is not None and known.identity is not None:
                    check_copy(Path(path), Path(known.path), known.identity, stop)
                for file, stamp in files:
                    remove_original(file, stamp)
            except (DataError, ResourceError) as error:
                self._left_over[path] = Condition("not_deleted", error.message, error.hint, path)
            except GivenUp:
                self._to_delete[path] = (files, verified)
                raise

    # -- telling -------------------------------------------------------------------------------------------------------

    def _round(self, listing: Listing, reports_before: int, *, more: bool) -> Round:
        now = self._clock()
        conditions = list(listing.problems)
        if self._blocked is not None:
            conditions.append(self._blocked)
        conditions.extend(list(self._left_over.values())[:3])
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
        if not self._settling:
            return f"no new file for {say_duration(now - self._last_news)}"
        if self._trials:
            trial = next(iter(self._trials.values()))
            others = f" (and {len(self._trials) - 1} more)" if len(self._trials) > 1 else ""
            return f"waiting for a file to become whole{others}: {trial.error['message']}"
        left = min(state.changed for state in self._settling.values()) + self.params.settle_delay - now
        return f"{len(self._settling)} files settle; the next has rested long enough in {say_duration(left)}"

    def _pause(self, now: float) -> float:
        """Until the next look: short while something goes on."""
        if self.params.poll_interval is not None:
            return self.params.poll_interval
        quiet = now - self._last_news
        return 1.0 if self._settling or quiet < 30 else min(5.0, 1.0 + quiet / 30.0)


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")
