"""What must hold before a test module is imported, and the option under which nothing may be skipped."""

import os
from pathlib import Path

import pytest

from emulator.cloud.authority import ensure_authority
from tests.support.no_skips import NoSkips

# aiohttp makes its TLS context when it is imported, so the authority must be in the environment before any test module
# imports a client; requests and child processes find it there too.
_CA_FILE = str(ensure_authority(Path(__file__).resolve().parent.parent / ".emulator").ca_file)
os.environ |= {
    "SSL_CERT_FILE": _CA_FILE,
    "REQUESTS_CA_BUNDLE": _CA_FILE,
    "NO_PROXY": "localhost,127.0.0.1,::1",
    "no_proxy": "localhost,127.0.0.1,::1",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --no-skips."""
    parser.addoption(
        "--no-skips", action="store_true", help="fail the run when a test was skipped or is expected to fail"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Watch for skips when asked to."""
    if config.getoption("--no-skips"):
        config.pluginmanager.register(NoSkips(), "no-skips")
