"""A stand-in for Application Insights' ingestion endpoint: it takes what the real exporters send, and keeps it."""

import gzip
import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.support.local_server import LocalServer

_KEY = "00000000-1111-2222-3333-444444444444"
_WITHIN_SECONDS = 15.0


class Ingestion(LocalServer):
    """Serves on a free port of this machine; a context manager. `envelopes` are what came, as JSON."""

    def __init__(self) -> None:
        self.envelopes: list[dict[str, Any]] = []
        # whatever else was asked for, and every header, to be searched
        self.requests: list[str] = []
        ingestion = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                ingestion.requests.append(f"{self.path}\n{self.headers}\n{body.decode(errors='replace')}")
                taken = ingestion.take(body) if self.path.endswith("/track") else 0
                self._answer({"itemsReceived": taken, "itemsAccepted": taken, "errors": []})

            def _answer(self, answer: dict[str, object]) -> None:
                body = json.dumps(answer).encode()
                self.send_response(200)
                # live metrics: nobody watches
                self.send_header("x-ms-qps-subscribed", "false")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Say nothing."""

        super().__init__(Handler)

    def settings(self, temporary: Path) -> dict[str, str | None]:
        """Return the app's settings with which the worker sends here, soon, and nowhere else.

        Args:
            temporary: where the exporters may keep what they could not send.
        """
        url = f"{self.origin}/"
        return {
            "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true",
            "APPLICATIONINSIGHTS_CONNECTION_STRING": (
                f"InstrumentationKey={_KEY};IngestionEndpoint={url};LiveEndpoint={url}"
            ),
            "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
            "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
            "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
            "OTEL_TRACES_SAMPLER": "always_on",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
            "OTEL_METRIC_EXPORT_INTERVAL": "300",
            "TMPDIR": str(temporary),
        }

    def take(self, body: bytes) -> int:
        """Keep what one request brought, a JSON array or a line for each; return how many envelopes that was."""
        text = body.decode()
        items = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines() if line]
        self.envelopes.extend(items)
        return len(items)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the data of a kind, such as `MessageData`, in the order in which it came."""
        return [each["data"]["baseData"] for each in list(self.envelopes) if each["data"]["baseType"] == kind]

    def wait_for(self, there: Callable[[], bool], what: str) -> None:
        """Wait until something has come; AssertionError after some seconds."""
        deadline = time.monotonic() + _WITHIN_SECONDS
        while not there():
            assert time.monotonic() < deadline, f"no {what} came; but {[each['name'] for each in self.envelopes]}"
            time.sleep(0.02)
