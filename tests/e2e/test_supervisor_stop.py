"""However and whenever it ends, no process is left."""

import contextlib
import os
import signal
import threading
import time
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.emulator import APPS, Emulator, is_running

pytestmark = pytest.mark.own_host

if TYPE_CHECKING:
    from tests.support.emulator import Reply

STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM]
SLOW_IMPORT = "import sys, time\nsys.stderr.write('importing\\n')\nsys.stderr.flush()\ntime.sleep(600)\n"


def wait_for_handlers(emulator: Emulator) -> None:
    """Wait until the interpreter has come as far as the emulator's first lines; before, nobody handles a signal."""
    status = Path(f"/proc/{emulator.process.pid}/status")
    while not (status.exists() and handles_sigterm(status.read_text())) and not emulator.processes():
        assert emulator.process.poll() is None, emulator.output


def handles_sigterm(status: str) -> bool:
    """Whether the process with this /proc status has a handler for SIGTERM, which Python by itself does not set."""
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def slow_app(directory: Path) -> Path:
    """An app whose import takes for ever."""
    (directory / "host.json").write_text('{"version": "2.0"}')
    (directory / "function_app.py").write_text(SLOW_IMPORT)
    return directory


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_after_ready_ends_it_with_0(number: signal.Signals) -> None:
    """In order: no traceback, and what asyncio closes at the end is closed."""
    with Emulator(app=APPS / "web") as emulator:
        emulator.get("/api/client")
        assert emulator.stop(number) == 0
    assert "Traceback" not in emulator.output
    assert "client closed\n" in emulator.stderr


@pytest.mark.parametrize("number", STOP_SIGNALS)
@pytest.mark.parametrize("delay", [0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2])
def test_a_signal_before_ready_ends_it_at_once(number: signal.Signals, delay: float) -> None:
    """In whatever phase of the start the signal comes; the exit code tells that it was not ready."""
    emulator = Emulator(app=APPS / "web")
    emulator.start()
    wait_for_handlers(emulator)
    time.sleep(delay)  # each delay meets another phase; none needs to be exact
    code = emulator.stop(number)
    assert code == (0 if "ready" in emulator.stdout else 128 + number)
    assert "Traceback" not in emulator.output


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_during_the_import_of_the_app_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    """An import that never returns cannot keep it."""
    emulator = Emulator(app=slow_app(tmp_path))
    emulator.start()
    emulator.wait_for("importing")
    assert emulator.stop(number) == 128 + number
    assert "Traceback" not in emulator.output


def test_a_request_that_runs_is_finished_first() -> None:
    """The client gets its answer although the host has been told to stop."""
    replies: list[Reply] = []
    with Emulator(app=APPS / "web") as emulator:
        caller = threading.Thread(target=lambda: replies.append(emulator.get("/api/slow/0.5")))
        caller.start()
        emulator.wait_for("slow started")
        assert emulator.stop(signal.SIGINT) == 0
        caller.join()
    assert [reply.text for reply in replies] == ["slow"]
    assert "Traceback" not in emulator.output


def test_a_second_signal_does_not_wait() -> None:
    """An event loop that is blocked cannot end in order; who asks twice means it."""
    with Emulator(app=APPS / "web") as emulator:
        caller = threading.Thread(target=_ignore_failure, args=(emulator, "/api/stuck"))
        caller.start()
        emulator.wait_for("stuck at GET")
        processes = emulator.processes()
        emulator.process.send_signal(signal.SIGINT)
        # The second one must not be merged with the first, which is taken when the first is answered.
        deadline = time.monotonic() + 20
        while emulator.process.poll() is None:
            time.sleep(0.1)
            emulator.process.send_signal(signal.SIGINT)
            assert time.monotonic() < deadline
        assert emulator.wait_for_end(processes) == 0
        caller.join()


@pytest.mark.parametrize("when", ["importing", "ready"])
def test_the_app_ends_when_the_supervisor_is_killed(tmp_path: Path, when: str) -> None:
    """Even SIGKILL, which the supervisor cannot handle, leaves nothing running."""
    emulator = Emulator(app=slow_app(tmp_path) if when == "importing" else APPS / "web")
    emulator.start()
    emulator.wait_for(when)
    processes = emulator.processes()
    assert len(processes) == 1
    os.kill(emulator.process.pid, signal.SIGKILL)
    assert emulator.wait_for_end(processes) == -signal.SIGKILL
    assert "Traceback" not in emulator.output


def test_it_ends_when_the_app_dies() -> None:
    """With a line that says so, and 1."""
    with Emulator(app=APPS / "web") as emulator:
        (host,) = emulator.processes()
        os.kill(host, signal.SIGKILL)
        assert emulator.wait_for_end([host]) == 1
    assert emulator.stderr.endswith("error: the process of the app was killed by signal 9\n")


def test_a_reader_that_goes_away_does_no_harm() -> None:
    """`make start | head -1`: it serves on, and ends in order."""
    emulator = Emulator(app=APPS / "web")
    read, write = os.pipe()
    os.close(read)
    emulator.start(stdout=write)
    os.close(write)
    emulator.wait_for("Serving")
    time.sleep(0.1)
    assert emulator.process.poll() is None
    assert emulator.stop(signal.SIGINT) in {0, 130}
    assert "Traceback" not in emulator.output
    assert "BrokenPipe" not in emulator.output


def test_nothing_runs_after_an_ordinary_end() -> None:
    """The helper that all these tests use would see a process that is left."""
    with Emulator(app=APPS / "web") as emulator:
        processes = [emulator.process.pid, *emulator.processes()]
        assert len(processes) == 2
        assert all(map(is_running, processes))
    assert not any(map(is_running, processes))


def _ignore_failure(emulator: Emulator, path: str) -> None:
    with contextlib.suppress(OSError, HTTPException):
        emulator.get(path)
