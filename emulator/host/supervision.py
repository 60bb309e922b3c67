"""How a host hears from the process that started it, and ends with it.

The parent holds the other end of the host's stdin: its first line is JSON with what the app must not find in its
environment, and its end is the end of the parent, however that came. The host tells its own start through a file
descriptor that it inherits.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from emulator.host.access import AccessKeys

# Time that a host has to stop by itself after its parent is gone: a blocked event loop must not outlive the parent.
_STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidences:
    """What a host is told besides its command line, which others can read, and its environment, which the app can.

    `control_url` is the origin of the emulated cloud's control API; None: there is no cloud.
    """

    keys: AccessKeys
    control_url: str | None

    def as_line(self) -> bytes:
        """Return it as `read_confidences` reads it."""
        return json.dumps({"keys": self.keys.as_dict(), "controlUrl": self.control_url}).encode() + b"\n"


def read_confidences() -> Confidences | None:
    """Take them from the first line of stdin; None if the parent is gone already."""
    line = sys.stdin.buffer.readline()
    if not line:
        return None
    told = json.loads(line)
    return Confidences(keys=AccessKeys(**told["keys"]), control_url=told["controlUrl"])


def watch_parent(on_end: Callable[[], None]) -> None:
    """Call `on_end` from another thread once stdin ends; end the process hard if it still runs long after."""
    # The app must not find the pipe where it expects stdin.
    parent = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def wait() -> None:
        while os.read(parent, 4096):
            pass
        on_end()
        time.sleep(_STOP_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, name="parent watch", daemon=True).start()


def report_ready(descriptor: int, **facts: object) -> None:
    """Write one line of JSON to `descriptor`, which stays open until this process ends."""
    os.set_inheritable(descriptor, False)  # else a process that the app starts would seem to be this one
    os.write(descriptor, json.dumps(facts).encode() + b"\n")
