"""A pool of worker processes under distributed's scheduler, on this machine or a cluster."""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker

from vitreous.core.errors import Cancelled, ResourceError, UsageError
from vitreous.workflow.executor import Done, Kind, Lost, Outcome, Report, RunWork, Work, WorkerState
from vitreous.workflow.executors.clusters import open_cluster
from vitreous.workflow.executors.worker_side import PLUGIN, TOPIC, WorkerWatch, perform, stop
from vitreous.workflow.profile import Profile

DEATHS = 3
"""Workers that one submission may take with it."""
INNOCENT_DEATHS = 8
"""Workers that may die while a submission seems to wait there: one that kills too fast to be told comes so far."""
_LOGGER = logging.getLogger(__name__)
CANCELLED = Lost("it was cancelled")
_RESOURCE = {"cpu": "CPU", "gpu": "GPU"}


@dataclass
class _Submission:
    run: RunWork
    work: Work
    done: Done
    ticket: str = ""
    future: Future | None = None
    worker: str | None = None
    deaths: int = 0
    waits: int = 0
    cancelled: bool = False


class DaskExecutor:
    """Run submissions on workers that distributed starts and watches.

    Args:
        profile: what workers there are.
        report: told the progress, from another thread.
        log_folder: for logs of scheduler, workers and queue jobs; created. It must be seen by all workers' machines.
        prefetch: submissions that wait at each worker beyond the one it does. One hides the way through engine,
            scheduler and network, 10 to 20 ms; more would only fix the order too early.

    Raises:
        ResourceError: the cluster can't be started; the reason of the queue system is in the message.
    """

    def __init__(self, profile: Profile, report: Report, log_folder: Path, *, prefetch: int = 1) -> None:
        self._report = report
        self._prefetch = prefetch
        self._lock = threading.Lock()
        self._submissions: dict[str, _Submission] = {}
        self._sent = 0
        self._closed = False
        log_folder = log_folder.absolute()
        log_folder.mkdir(parents=True, exist_ok=True)
        self._handler = _chatter_into(log_folder / "cluster.log")
        self._arrived: queue.SimpleQueue[tuple[_Submission, Future] | None] = queue.SimpleQueue()
        self._collector = threading.Thread(target=self._collect, name="vitreous-collect", daemon=True)
        self._stoppers = ThreadPoolExecutor(4, thread_name_prefix="vitreous-stop")
        try:
            self._cluster = open_cluster(profile, log_folder)
            self._client = Client(self._cluster, set_as_default=False)
            self._client.register_plugin(WorkerWatch(str(log_folder)), name=PLUGIN)
            self._client.subscribe_topic(TOPIC, self._hear)
            self._collector.start()
        except BaseException:
            self.close()
            raise

    def capacity(self) -> Mapping[Kind, int]:
        """Submissions that may be under way: one at each worker that is there, and one waiting beside it."""
        counts: Counter[Kind] = Counter({"cpu": 0, "gpu": 0})
        for worker in self._present().values():
            counts[_kind(worker)] += 1 + self._prefetch
        return dict(counts)

    def submit(self, run: RunWork, work: Work, done: Done) -> None:
        """Have a worker run ``run(work)``; works of a kind begin in the order of submission.

        Raises:
            UsageError: a submission of that key is under way, or the pool was closed.
        """
        entry = _Submission(run, work, done)
        with self._lock:
            if self._closed or work.key in self._submissions:
                fault = "the pool of workers was closed" if self._closed else f"{work.key} is under way already"
                raise UsageError(fault, hint="This is a fault of Vitreous; report it")
            self._submissions[work.key] = entry
        self._send(entry)

    def _send(self, entry: _Submission) -> None:
        with self._lock:
            self._sent += 1
            number = self._sent
        entry.ticket = f"{entry.work.key}#{number}"
        entry.worker = None
        entry.future = self._client.submit(
            perform,
            entry.run,
            entry.work,
            entry.ticket,
            key=(_prefix(entry.work), entry.ticket),
            resources={_RESOURCE[entry.work.kind]: 1},
            priority=-number,
            pure=False,
        )
        entry.future.add_done_callback(partial(self._ended, entry))

    def _ended(self, entry: _Submission, future: Future) -> None:
        if future is not entry.future or entry.cancelled:
            return
        if future.status == "finished":
            self._arrived.put((entry, future))
            return
        error = future.exception() if future.status == "error" else None
        self._after_error(entry, error)

    def _after_error(self, entry: _Submission, error: BaseException | None) -> None:
        if isinstance(error, KilledWorker):
            self._after_death(entry)
        elif isinstance(error, Cancelled):
            self._finish(entry, CANCELLED)
        elif error is None or isinstance(error, CancelledError):
            self._finish(entry, Lost("the pool of workers was closed while it ran"))
        else:
            self._finish(entry, Lost(f"the worker could not run it: {type(error).__name__}: {error}"))

    def _collect(self) -> None:
        """Fetch results, all that have arrived together: one by one each would cost a round trip of 3 ms."""
        while (first := self._arrived.get()) is not None:
            batch = [first]
            for _ in range(self._arrived.qsize()):
                another = self._arrived.get()
                if another is None:
                    return
                batch.append(another)
            self._deliver(batch)

    def _deliver(self, batch: list[tuple[_Submission, Future]]) -> None:
        try:
            results = self._client.gather([future for _, future in batch], errors="raise")
        except Exception as error:  # the border to the workers: whatever came back belongs to a submission
            if len(batch) == 1:
                self._after_error(batch[0][0], error)
            else:
                for one in batch:
                    self._deliver([one])
            return
        for (entry, _), outcomes in zip(batch, results, strict=True):
            self._finish(entry, outcomes)

    def _after_death(self, entry: _Submission) -> None:
        """Send it again, unless it has taken too many workers with it.

        distributed would count a death against all that waited at the worker too, so that one bad movie could take
        its neighbour along; here only what had begun is blamed.
        """
        entry.deaths += entry.worker is not None
        entry.waits += 1
        if entry.deaths >= DEATHS or entry.waits >= INNOCENT_DEATHS:
            count = entry.deaths if entry.deaths >= DEATHS else entry.waits
            reason = f"its worker died {count} times; the memory of the machine may not suffice, or a program crashed"
            self._finish(entry, Lost(reason, final=entry.deaths >= DEATHS))
        elif not self._closed:
            self._send(entry)

    def _finish(self, entry: _Submission, outcome: Sequence[Outcome] | Lost) -> None:
        with self._lock:
            if self._submissions.get(entry.work.key) is not entry:
                return
            del self._submissions[entry.work.key]
        entry.future = None
        try:
            entry.done(entry.work, outcome)
        except Exception:  # the border to the engine: its fault must not end the thread that serves all others
            _LOGGER.exception("what follows %s failed", entry.work.key)

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        message = event[1]
        entry = self._submissions.get(message["key"])
        if entry is None or entry.ticket != message["ticket"]:
            return
        if message["event"] == "begin":
            entry.worker = message["worker"]
        elif not entry.cancelled:
            self._report(message["key"], message["fraction"], message["what"])

    def cancel(self, key: str) -> None:
        """Stop a submission: one that waits at once, one that runs within 3 s; its programs and worker if need be."""
        entry = self._submissions.get(key)
        if entry is None or entry.cancelled or self._closed:
            return
        entry.cancelled = True
        self._stoppers.submit(self._stop, entry)

    def _stop(self, entry: _Submission) -> None:
        future = entry.future
        if future is not None:
            future.cancel()
        where = [entry.worker] if entry.worker is not None else None
        with suppress(OSError, ValueError):
            self._client.run(stop, entry.ticket, workers=where, on_error="ignore")
        self._finish(entry, CANCELLED)

    def workers(self) -> list[WorkerState]:
        """The workers that are there."""
        busy = {entry.worker: key for key, entry in list(self._submissions.items()) if entry.worker}
        return [
            WorkerState(str(info.get("name")), str(info.get("host")), _kind(info), busy.get(address))
            for address, info in self._present().items()
        ]

    def _present(self) -> dict[str, Any]:
        return dict(self._cluster.scheduler_info["workers"])

    def wait_for_worker(self, timeout: float) -> None:
        """Wait until a worker is there.

        Raises:
            ResourceError: none came within ``timeout`` s.
        """
        try:
            self._client.wait_for_workers(1, timeout=timeout)
        except TimeoutError:
            raise ResourceError(
                f"no worker came within {timeout:g} s",
                hint="Look whether the queue holds the job back, and whether its node reaches this machine",
            ) from None

    def ask(self, question: Callable[[], Any]) -> dict[str, Any]:
        """Call a module-level function on every worker; answers by the worker's name."""
        names = {address: str(info.get("name")) for address, info in self._present().items()}
        return {names.get(address, address): answer for address, answer in self._client.run(question).items()}

    def close(self) -> None:
        """Stop the workers; what is under way is given up and told as lost."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            left = list(self._submissions.values())
        self._stoppers.shutdown(wait=True, cancel_futures=True)
        self._arrived.put(None)
        if hasattr(self, "_cluster"):
            if hasattr(self, "_client"):
                self._client.close(timeout=2)
            self._cluster.close(timeout=10)
        for entry in left:
            self._finish(entry, Lost("the pool of workers was closed"))
        _chatter_back(self._handler)


def _kind(worker: Mapping[str, Any]) -> Kind:
    return "gpu" if "GPU" in worker.get("resources", {}) else "cpu"


def _prefix(work: Work) -> str:
    """What distributed keeps mean durations by: the kinds of steps."""
    return "+".join(step.type for step in work.chains[0].steps) if work.chains else "nothing"


def _chatter_into(path: Path) -> logging.Handler:
    handler = logging.FileHandler(path, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logger = logging.getLogger("distributed")
    for old in [old for old in logger.handlers if type(old) is logging.StreamHandler]:
        logger.removeHandler(old)
    logger.addHandler(handler)
    logger.propagate = False
    return handler


def _chatter_back(handler: logging.Handler) -> None:
    logging.getLogger("distributed").removeHandler(handler)
    handler.close()
