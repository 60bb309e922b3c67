"""A consumer of the keys: it shares no code with the app, reads the published secret and signs requests with it.

It stands for whatever holds a key in earnest. It never fails if the promise holds: every key that it has read within
its cache time is accepted.
"""

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit


@dataclass
class Consumer:
    """Reads the secret `name` at most every `cache_seconds`, and asks the data plane every `every` seconds.

    `failures` has a line for each probe that was refused (401) or could not be made; `probes` counts the accepted
    ones. What the service cannot answer at the moment (429, 5xx) says nothing of the key, and is not counted.
    """

    control: str
    name: str
    ca_file: Path
    cache_seconds: float = 0.0
    every: float = 0.05
    probes: int = 0
    failures: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._context = ssl.create_default_context(cafile=self.ca_file)

    def __enter__(self) -> "Consumer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def wait_for_probes(self, number: int, seconds: float = 60) -> None:
        """Wait until so many probes were made."""
        deadline = time.monotonic() + seconds
        while self.probes < number:
            assert time.monotonic() < deadline, f"{self.probes} probes in {seconds} s: {self.failures[:3]}"
            time.sleep(self.every)

    def _run(self) -> None:
        value, read_at = "", float("-inf")
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                if started - read_at >= self.cache_seconds:
                    value, read_at = self._read(), started
                status = self._probe(value)
            except OSError as error:
                status = f"{type(error).__name__}: {error}"
            if status == 200:
                self.probes += 1
            elif status == 401 or isinstance(status, str):
                self.failures.append(f"after {self.probes} probes: {status}")
            self._stop.wait(max(0.0, self.every - (time.monotonic() - started)))

    def _read(self) -> str:
        """Return the value of the secret's current version, as Key Vault would give it."""
        parts = urlsplit(self.control)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            connection.request("GET", "/_control/secrets")
            secrets = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        (secret,) = [secret for secret in secrets if secret["name"] == self.name]
        current = secret["versions"][-1]
        assert current["enabled"], "the current version is disabled"
        return current["value"]

    def _probe(self, connection_string: str) -> int:
        """Return the status of a request that is signed with the key.

        https://learn.microsoft.com/rest/api/communication/authentication#access-key
        """
        fields = dict(part.split("=", 1) for part in connection_string.split(";"))
        endpoint = urlsplit(fields["endpoint"])
        path = f"{endpoint.path.rstrip('/')}/phoneNumbers?api-version=2025-06-01"
        date = formatdate(usegmt=True)
        content_hash = base64.b64encode(hashlib.sha256(b"").digest()).decode()
        signed = f"GET\n{path}\n{date};{endpoint.netloc};{content_hash}".encode()
        key = base64.b64decode(fields["accesskey"])
        signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        connection = HTTPSConnection(endpoint.hostname or "", endpoint.port, timeout=10, context=self._context)
        try:
            connection.request(
                "GET",
                path,
                headers={
                    "x-ms-date": date,
                    "x-ms-content-sha256": content_hash,
                    "Authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256"
                    f"&Signature={signature}",
                },
            )
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()
