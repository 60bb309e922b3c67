"""The environment for an app."""

from pathlib import Path

from emulator.cloud.addresses import CloudSockets
from emulator.cloud.authority import Authority
from emulator.cloud.defaults import RESOURCE_ID
from emulator.cloud.settings import app_settings


def test_an_app_finds_the_cloud_and_trusts_it() -> None:
    """URLs, the identity's secret, the first resource, trust for both kinds of client, and no proxy in between."""
    sockets = CloudSockets.bind()
    try:
        settings = app_settings(sockets, Authority(Path("/x/ca.pem"), Path("/x/server.pem")), "secret")
        assert settings == {
            "ARM_ENDPOINT": sockets.arm_url,
            "COMMUNICATION_SERVICE_ID": RESOURCE_ID,
            "IDENTITY_ENDPOINT": sockets.identity_url,
            "IDENTITY_HEADER": "secret",
            "SSL_CERT_FILE": "/x/ca.pem",
            "REQUESTS_CA_BUNDLE": "/x/ca.pem",
            "NO_PROXY": "localhost,127.0.0.1,::1",
            "no_proxy": "localhost,127.0.0.1,::1",
        }
    finally:
        sockets.close()
