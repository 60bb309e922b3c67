"""The measured processes: what a signal leaves behind."""

import threading

import pytest

from bench.processes import Process

_start = threading.Timer.start


def _start_and_be_interrupted(self: threading.Timer) -> None:
    _start(self)
    raise KeyboardInterrupt


def test_a_signal_in_the_midst_of_waiting_for_a_line_leaves_nothing_to_wait_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The watch over a line neither goes on nor keeps this process from its end."""
    before = set(threading.enumerate())
    monkeypatch.setattr(threading.Timer, "start", _start_and_be_interrupted)
    with Process("http.server", "--bind", "localhost", "0") as process, pytest.raises(KeyboardInterrupt):
        process.read_line()
    left = set(threading.enumerate()) - before
    for each in left:
        each.join(5)
    assert all(each.daemon and not each.is_alive() for each in left)
