"""Processes that share the images of a 2D classification; the result does not depend on their number.

Each process takes its part of the blocks of images and says what they sum up to. The sums are whole numbers, so that
their order changes no bit. In a project the processes are the other workers of the pool, on this machine or a cluster.
Where there are none they are programs of their own, fed by pipes: they may be started from a worker that itself may
have no children, and they end when the one that started them does.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, fields, replace
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from vitreous.core.errors import ResourceError, VitreousError
from vitreous.core.progress import Progress

if TYPE_CHECKING:
    from vitreous.algorithms.classify2d.images import Images
    from vitreous.algorithms.classify2d.prepare import Prepared
    from vitreous.algorithms.classify2d.settings import Settings
    from vitreous.algorithms.classify2d.state import State
    from vitreous.algorithms.classify2d.sums import Sums

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_LIMIT = 10.0
"""s that a process is given to end."""


class _Helper(Protocol):
    """Another process: it prepares the images when first asked, then answers with sums."""

    def ask(self, first: Any, second: Any) -> None: ...

    def answer(self) -> Any: ...


@dataclass
class _Program:
    process: subprocess.Popen[bytes]

    def ask(self, first: Any, second: Any) -> None:
        assert self.process.stdin is not None
        try:
            pickle.dump((first, second), self.process.stdin, protocol=5)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def answer(self) -> Any:
        assert self.process.stdout is not None
        try:
            found = pickle.load(self.process.stdout)
        except (EOFError, pickle.UnpicklingError):
            raise self._ended() from None
        if isinstance(found, VitreousError):
            raise found
        return found

    def _ended(self) -> ResourceError:
        code = self.process.wait(_LIMIT)
        return ResourceError(
            f"a process that shared the classification ended (code {code})",
            hint="It may have lacked memory: take fewer workers (--workers)",
            code=code,
        )

    def close(self) -> None:
        """End it; one that is in the midst of an iteration nobody wants the end of is not waited for."""
        with suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Pool:
    """Iterations shared by ``workers`` processes, this one among them; use it in a ``with`` block."""

    def __init__(self, settings: Settings, images: Images, workers: int) -> None:
        """Prepare the images here and, where there are more workers than one, start the other processes."""
        from vitreous.algorithms.classify2d.prepare import Prepared

        self._prepared = Prepared(settings, images)
        self._open = ExitStack()
        self._helpers: list[_Helper] = []
        try:
            self._helpers += self._open.enter_context(_other_workers(workers - 1))
            for helper in self._helpers:
                helper.ask(settings, images)
            for number in range(1, workers) if not self._helpers else ():
                program = _Program(_started())
                self._open.callback(program.close)
                program.ask(replace(settings, device=_device(settings.device, number)), images)
                self._helpers.append(program)
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def iterate(self, state: State, progress: Progress) -> State:
        """The state after one iteration; the same bits for any number of workers of equal threads."""
        from vitreous.algorithms.classify2d.loop import iterate

        return iterate(self._prepared.settings, self._prepared, state, progress, self._expect)

    def _expect(self, prepared: Prepared, state: State, blocks: list[np.ndarray], progress: Progress) -> Sums:
        from vitreous.algorithms.classify2d.expect import expect

        parts = [part for k in range(len(self._helpers) + 1) if (part := blocks[k :: len(self._helpers) + 1])]
        busy = self._helpers[: len(parts) - 1]
        for helper, part in zip(busy, parts[1:], strict=True):
            helper.ask(state, part)
        sums = expect(prepared, state, parts[0], progress)
        for helper in busy:
            sums = sums + moved(helper.answer(), prepared.settings.device)
        return sums

    def close(self) -> None:
        """End the other processes."""
        self._open.close()
        self._helpers = []


def moved(sums: Sums, device: str) -> Sums:
    """Sums with their tensors on a device."""
    import torch

    values = {one.name: getattr(sums, one.name) for one in fields(sums)}
    tensors: dict[str, Any] = {n: value.to(device) for n, value in values.items() if isinstance(value, torch.Tensor)}
    return replace(sums, **tensors)


def _device(device: str, number: int) -> str:
    """The GPU of a further process: they take the GPUs in turn."""
    import torch

    return device if not device.startswith("cuda") else f"cuda:{number % max(1, torch.cuda.device_count())}"


def _other_workers(number: int) -> AbstractContextManager[Sequence[_Helper]]:
    """The other workers of the pool in which this runs, ``number`` at most; none outside of a pool."""
    if number <= 0 or "distributed" not in sys.modules:
        return nullcontext(())
    from vitreous.workflow.executors.companions import companions

    return companions(Share, number)


def _started() -> subprocess.Popen[bytes]:
    """A further process, with as many threads as this one: the bits of a product may depend on that."""
    import torch

    threads = {name: str(torch.get_num_threads()) for name in _THREADS}
    return subprocess.Popen(
        [sys.executable, "-m", "vitreous.jobs.classify2d_pool"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **threads},
    )


# --- in the other process ------------------------------------------------------------------------------------------


class Share:
    """A part of the images, kept in this process from iteration to iteration."""

    def __init__(self) -> None:
        self._prepared: Prepared | None = None

    def answer(self, first: Any, second: Any) -> Sums | VitreousError | None:
        """Prepare the images (first: settings, second: images); from then on the sums (first: state, second: blocks).

        A fault that can be explained is returned: it has to travel.
        """
        from vitreous.algorithms.classify2d.expect import expect
        from vitreous.algorithms.classify2d.prepare import Prepared
        from vitreous.jobs.device import check_device

        try:
            if self._prepared is None:
                check_device(first.device)
                self._prepared = Prepared(first, second)
                return None
            return moved(expect(self._prepared, first, second), "cpu")
        except VitreousError as error:
            return error


def serve(asked: IO[bytes], told: IO[bytes]) -> None:
    """Answer with sums until nothing more is asked; the images are prepared without an answer."""
    share = Share()
    while True:
        try:
            first, second = pickle.load(asked)
        except EOFError:
            return
        found = share.answer(first, second)
        if found is not None:
            pickle.dump(found, told, protocol=5)
            told.flush()


def main() -> None:
    """Serve on standard input and output; what libraries print goes to standard error."""
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Ctrl-C reaches the whole group: the process that asked says what happens then.
    with suppress(KeyboardInterrupt, BrokenPipeError):
        serve(sys.stdin.buffer, told)


if __name__ == "__main__":
    main()
