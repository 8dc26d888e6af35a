"""Objects on the other workers of the pool in which a piece of work runs: they take a part of it, and end with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from distributed import Client, Worker, get_worker, wait, worker_client
from distributed.actor import BaseActorFuture

from vitreous.core.errors import ResourceError, VitreousError

PATIENCE = 30.0
"""s that a worker is given to end what it does; one that takes longer is not a companion."""


class Answers(Protocol):
    """What lives on another worker. A fault that can be explained is the answer in place of the result."""

    def answer(self, *arguments: Any) -> Any:
        """Do a part of the work."""


class Companion:
    """One such object, asked from here; ``ask`` returns at once, ``answer`` waits."""

    def __init__(self, actor: Any, address: str) -> None:
        self._actor = actor
        self._address = address
        self._asked: BaseActorFuture[Any] | None = None

    def ask(self, *arguments: Any) -> None:
        """Begin with a part of the work, after what was asked before."""
        if self._asked is not None:
            self.answer()
        self._asked = self._actor.answer(*arguments)

    def answer(self) -> Any:
        """The answer to what was asked last.

        Raises:
            ResourceError: the worker was lost.
        """
        assert self._asked is not None
        asked, self._asked = self._asked, None
        try:
            found = asked.result()
        except Exception as error:  # the border to the other worker: it died, or its network did
            raise ResourceError(
                f"the worker at {self._address}, which shared the work, was lost: {type(error).__name__}: {error}",
                hint="It is begun again where it was; if this repeats, see the log of that worker",
                address=self._address,
            ) from error
        if isinstance(found, VitreousError):
            raise found
        return found


@contextmanager
def companions(make: Callable[[], Answers], number: int) -> Iterator[list[Companion]]:
    """Up to ``number`` objects, each on another worker of this one's kind; none outside of a pool of workers.

    Args:
        make: a class that can be imported on the other workers.
        number: of objects at most.
    """
    try:
        worker = get_worker()
    except ValueError:
        worker = None
    if worker is None or number <= 0:
        yield []
        return
    with worker_client(separate_thread=False) as client:
        futures = {
            address: client.submit(
                make, actor=True, pure=False, workers=[address], allow_other_workers=False, priority=1_000_000_000
            )
            for address in _others(client, worker)[:number]
        }
        with suppress(TimeoutError):  # some are busy for longer: they are left out
            wait(list(futures.values()), timeout=PATIENCE)
        yield [
            Companion(future.result(), address) for address, future in futures.items() if future.status == "finished"
        ]


def _others(client: Client, worker: Worker) -> list[str]:
    """Addresses of the other workers with the same resources."""
    known = client.scheduler_info(n_workers=-1)["workers"]
    mine = known.get(worker.address, {}).get("resources", {})
    return sorted(address for address, one in known.items() if address != worker.address and one["resources"] == mine)
