"""`python -m emulator.host`: serve one function app."""

import os
import signal
import sys


def _end_at_once(number: int, _frame: object) -> None:
    # Before the app serves there is nothing to clean up, and an exception thrown into an import is no clean end.
    os._exit(128 + number)


for _number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(_number, _end_at_once)

if __name__ == "__main__":
    from emulator.host.command import main

    sys.exit(main())
