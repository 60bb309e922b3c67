"""A consumer of the keys: it reads the secret, uses the key at once, and uses what it read before for a while.

It asks the control API for both, so that faults hit the app alone: that a vault is away is no fault of a key.
"""

import threading
import time
from typing import Self

from bench.errors import BenchError
from prove.client import Client
from prove.lane import published_key

_EVERY_SECONDS = 0.2


class Consumer:
    """Reads and probes several times a second in a thread, until it is left; a context manager.

    Attributes:
        probes: how many probes were accepted.
        refused: a line for each probe that was refused, after one of the current key had been accepted.
        keeps_seconds: how long it still uses a key that another one has replaced in the secret.
    """

    def __init__(self, control_url: str, resource_id: str, *, keeps_seconds: float) -> None:
        self._client = Client(control_url)
        self._resource_id = resource_id
        self.keeps_seconds = keeps_seconds
        self.probes = 0
        self.refused: list[str] = []
        self.broken: str | None = None
        self._accepted_once = False
        self._kept: list[tuple[str, float]] = []
        self._current = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        self._client.close()

    def forgive(self) -> None:
        """Begin anew: keys that were read so far are forgotten, refusals stay."""
        self._accepted_once, self._kept = False, []

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            try:
                self._turn()
            except (OSError, BenchError, LookupError) as error:
                self.broken = f"{type(error).__name__}: {error}"
                return

    def _turn(self) -> None:
        now = time.monotonic()
        key = published_key(self._client.ask("GET", "/_control/secrets").json)
        if key != self._current:
            # what was never accepted was dead when it was read: whoever held it has failed already
            if self._current and self._accepted_once:
                self._kept.append((self._current, now + self.keeps_seconds))
            self._current = key
        if self._accepts(key):
            self.probes, self._accepted_once = self.probes + 1, True
        elif self._accepted_once:
            self.refused.append(f"after {self.probes} probes: the key that the secret publishes")
        self._kept = [(kept, until) for kept, until in self._kept if now < until]
        for kept, _ in list(self._kept):
            if not self._accepts(kept) and time.monotonic() - now < self.keeps_seconds:
                self.refused.append(f"after {self.probes} probes: the key before, {self.keeps_seconds:g} s not over")

    def _accepts(self, key: str) -> bool:
        body = {"resourceId": self._resource_id, "key": key}
        return bool(self._client.ask("POST", "/_control/probe", body).json["accepted"])
