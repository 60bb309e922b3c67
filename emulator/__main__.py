"""`python -m emulator`: run the app and the emulated Azure beside it."""

import os
import signal
import sys


def _end_at_once(number: int, _frame: object) -> None:
    # Nothing serves yet: an exception thrown into an import would be no clean end, so the process just ends.
    try:
        # The module may be in the midst of its import: then there is no child yet.
        kill_spawned = getattr(sys.modules.get("emulator.supervisor_child"), "kill_spawned", None)
        if kill_spawned is not None:
            kill_spawned()
    finally:
        os._exit(128 + number)


if __name__ == "__main__":
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _end_at_once)

    from emulator.supervisor import main

    sys.exit(main())
