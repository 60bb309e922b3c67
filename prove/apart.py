"""A part of the proof in a process of its own, so that several run side by side."""

import contextlib
import importlib
import os
import signal
import sys
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import FrameType
from typing import Protocol, Self, cast

from bench.errors import BenchError
from bench.progress import Progress
from prove.report import Part

_STOP_SECONDS = 60.0

# What a part is, and the seconds that it took.
type Timed = tuple[Part, float]


class _Run(Protocol):
    def __call__(self, *, quick: bool, progress: Progress) -> Part: ...


def run_part(name: str, *, quick: bool) -> Timed:
    """Run `prove.<name>` in this process; raises BenchError or OSError where it could not be tried."""
    began = time.monotonic()
    run: _Run = importlib.import_module(f"prove.{name}").run
    part = run(quick=quick, progress=lambda what: print(f"{name}: {what} ...", flush=True))
    return part, time.monotonic() - began


class Apart:
    """`prove.<name>` in a process of its own, begun at once; a context manager that stops it, and what it started.

    The process leads a group of its own: a signal in the midst of starting another process can keep it from knowing of
    that one, so what is left of the group is stopped after it.
    """

    def __init__(self, name: str, *, quick: bool) -> None:
        # spawned, not forked: it begins as it would alone
        context = get_context("spawn")
        self._ours, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(name, quick, theirs))
        self._process.start()
        self._group = cast("int", self._process.pid)
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._process.terminate()
        self._process.join(_STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._group, signal.SIGTERM)

    def result(self) -> Timed:
        """Wait for its end; raises BenchError where it could not be tried."""
        try:
            told: Timed | str = self._ours.recv()
        except EOFError:
            raise BenchError("It ended without a result; what it says stands above.") from None
        if isinstance(told, str):
            raise BenchError(told)
        return told


def stop_on_signals() -> None:
    """Let the first SIGINT or SIGTERM end this process the way an error would, so that all it has started is stopped;
    those that follow come too late to hinder that."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)


def _stop(number: int, _frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _work(name: str, quick: bool, pipe: Connection) -> None:
    os.setpgrp()
    stop_on_signals()
    try:
        told: Timed | str = run_part(name, quick=quick)
    except (BenchError, OSError) as error:
        told = str(error)
    cast("Connection[object]", pipe).send(told)
