"""Functions that workers run in the tests of pools; a module of its own, because they travel by reference."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from vitreous.core.errors import UsageError, VitreousError
from vitreous.workflow.executor import Outcome, Work
from vitreous.workflow.executors.companions import companions
from vitreous.workflow.executors.progress import worker_progress


def outcome(text: str) -> list[Outcome]:
    return [Outcome(1, 1, text, worker=f"{os.getpid()}")]


def echo(work: Work) -> list[Outcome]:
    return outcome(work.key)


def nap(work: Work) -> list[Outcome]:
    time.sleep(0.3)
    return outcome(work.key)


def environment(work: Work) -> list[Outcome]:
    return outcome(f"{os.environ['OMP_NUM_THREADS']}|{os.environ['CUDA_VISIBLE_DEVICES']}")


def reports(work: Work) -> list[Outcome]:
    progress = worker_progress(work.key)
    start = time.monotonic()
    while time.monotonic() - start < 1.2:
        progress((time.monotonic() - start) / 1.2, "counting")
        time.sleep(0.001)
    return outcome("told")


def endless_progress(work: Work) -> list[Outcome]:
    progress = worker_progress(work.key)
    Path(work.project, f"{work.key}.pid").write_text(str(os.getpid()))
    while True:
        progress(0.5, "for ever")
        time.sleep(0.01)


def program(work: Work) -> list[Outcome]:
    """A program whose grandchild left its process group."""
    script = "import subprocess,sys,time; p=subprocess.Popen(['sleep','600'],start_new_session=True);"
    script += f"open({str(Path(work.project, work.key + '.pid'))!r},'w').write(str(p.pid)); time.sleep(600)"
    subprocess.run([sys.executable, "-S", "-c", script], check=True)
    return outcome("never")


def deaf(work: Work) -> list[Outcome]:
    Path(work.project, f"{work.key}.pid").write_text(str(os.getpid()))
    time.sleep(600)
    return outcome("never")


def dies(work: Work) -> list[Outcome]:
    time.sleep(0.1)
    os._exit(9)


def dies_once(work: Work) -> list[Outcome]:
    flag = Path(work.project, "died")
    if not flag.exists():
        flag.touch()
        time.sleep(0.1)
        os._exit(9)
    return outcome("second try")


def raises(work: Work) -> list[Outcome]:
    raise ZeroDivisionError("a fault")


class Mate:
    """What lives on another worker and does a part of the work."""

    def answer(self, asked: str) -> int | UsageError:
        if asked == "die":
            os._exit(1)
        return os.getpid() if asked == "pid" else UsageError("no such part", hint="hint")


def shared(work: Work) -> list[Outcome]:
    with companions(Mate, 5) as mates:
        for mate in mates:
            mate.ask("pid")
        return outcome(" ".join(str(pid) for pid in [os.getpid(), *(mate.answer() for mate in mates)]))


def shared_with_a_fault(work: Work) -> list[Outcome]:
    return outcome(_fault("odd"))


def shared_and_killed(work: Work) -> list[Outcome]:
    return outcome(_fault("die"))


def _fault(asked: str) -> str:
    with companions(Mate, 1) as mates:
        mates[0].ask(asked)
        try:
            mates[0].answer()
        except VitreousError as error:
            return str(error)
    return "no fault"


def classified(work: Work) -> list[Outcome]:
    """Classify ``particles.star`` of the project's folder by as many workers as the key says, and no other process."""
    from vitreous.core.progress import silent
    from vitreous.jobs import classify2d_pool
    from vitreous.jobs.classify2d import JOB

    def refused() -> None:
        raise AssertionError("a process was started though there are workers")

    classify2d_pool._started = refused  # type: ignore[assignment]
    folder = Path(work.project)
    (folder / work.key).mkdir()
    params = JOB.params(classes=2, cycles=3, diameter=60.0, ctf=False, workers=int(work.key))
    JOB.start(params)(folder / "particles.star", folder / work.key, silent)
    return outcome("classified")
