"""A local listener that notes what is posted to it."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.local_server import LocalServer


class Webhook(LocalServer):
    """Takes JSON by POST at `url`, and answers 200 or, while `refuses` counts down, 503."""

    def __init__(self, refuses: int = 0) -> None:
        self.received: list[dict[str, Any]] = []
        self.refuses = refuses
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                refused = webhook.refuses > 0
                webhook.refuses -= refused
                if not refused:
                    webhook.received.append(content)
                self.send_response(503 if refused else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Say nothing."""

        super().__init__(Handler)
        self.url = f"{self.origin}/hook?sig=secret-of-the-hook"
