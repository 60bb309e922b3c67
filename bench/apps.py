"""The apps that are measured, and the requests that are sent to them."""

from pathlib import Path

from bench.http_client import request_bytes
from bench.processes import ROOT

OURS = ROOT
HELLO_WORLD = ROOT / "bench" / "hello_world"
HELLO_DURABLE = ROOT / "bench" / "hello_durable"
BARE_FUNCTION = ROOT / "bench" / "bare_function"
PLAIN_APP = ROOT / "bench" / "plain_app"


def request_for(app: Path, url: str) -> bytes:
    """Return the request of one unit of work for `app`, served at `url`: a regeneration, or a hello."""
    if app in (HELLO_WORLD, HELLO_DURABLE):
        return request_bytes("GET", f"{url}/api/hello")
    return request_bytes("POST", f"{url}/api/regenerateKey", {"keyType": "Secondary"})
