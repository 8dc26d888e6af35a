"""Processes that share the images of a 2D classification; the result does not depend on their number.

Each process takes its part of the blocks of images and says what they sum up to. The sums are whole numbers, so that
their order changes no bit. The processes are programs of their own, fed by pipes: they may be started from a worker
that itself may have no children, and they end when the one that started them does.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

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


@dataclass
class _Helper:
    process: subprocess.Popen[bytes]

    def send(self, message: Any) -> None:
        assert self.process.stdin is not None
        try:
            pickle.dump(message, self.process.stdin, protocol=5)
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


class Pool:
    """Iterations shared by ``workers`` processes, this one among them; use it in a ``with`` block."""

    def __init__(self, settings: Settings, images: Images, workers: int) -> None:
        """Prepare the images here and, where there are more workers than one, start the other processes."""
        from vitreous.algorithms.classify2d.prepare import Prepared

        self._prepared = Prepared(settings, images)
        self._helpers: list[_Helper] = []
        try:
            for number in range(1, workers):
                self._helpers.append(_Helper(_started()))
                self._helpers[-1].send((replace(settings, device=_device(settings.device, number)), images))
        except BaseException:
            self.close()
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
            helper.send((state, part))
        sums = expect(prepared, state, parts[0], progress)
        for helper in busy:
            sums = sums + moved(helper.answer(), prepared.settings.device)
        return sums

    def close(self) -> None:
        """End the other processes."""
        for helper in self._helpers:
            with suppress(OSError):
                assert helper.process.stdin is not None
                helper.process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                # One that is in the midst of an iteration nobody wants the end of is not waited for.
                helper.process.wait(0.2)
            helper.process.kill()
            helper.process.wait()
            if helper.process.stdout is not None:
                helper.process.stdout.close()
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


def serve(asked: IO[bytes], told: IO[bytes]) -> None:
    """Answer with sums until nothing more is asked; a fault that can be explained is the answer in their place."""
    from vitreous.algorithms.classify2d.prepare import Prepared

    prepared: Prepared | None = None
    while True:
        try:
            first, second = pickle.load(asked)
        except EOFError:
            return
        if prepared is None:
            prepared = Prepared(first, second)
            continue
        pickle.dump(_answer(prepared, first, second), told, protocol=5)
        told.flush()


def _answer(prepared: Prepared, state: State, blocks: list[np.ndarray]) -> Sums | VitreousError:
    from vitreous.algorithms.classify2d.expect import expect

    try:
        return moved(expect(prepared, state, blocks), "cpu")
    except VitreousError as error:
        return error


def main() -> None:
    """Serve on standard input and output; what libraries print goes to standard error."""
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Ctrl-C reaches the whole group: the process that asked says what happens then.
    with suppress(KeyboardInterrupt, BrokenPipeError):
        serve(sys.stdin.buffer, told)


if __name__ == "__main__":
    main()
