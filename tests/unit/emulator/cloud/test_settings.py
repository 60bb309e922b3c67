"""The environment for an app."""

from pathlib import Path

from emulator.cloud.addresses import CloudSockets
from emulator.cloud.authority import Authority
from emulator.cloud.defaults import RESOURCE_ID
from emulator.cloud.settings import app_settings


def test_an_app_finds_the_cloud_and_trusts_it() -> None:
    """URLs, the identity's secret, the first resource, trust for both kinds of client, no proxy, the vault."""
    sockets = CloudSockets.bind()
    try:
        authority = Authority(Path("/x/ca.pem"), Path("/x/server.pem"))
        settings = app_settings(sockets, authority, "secret")
        assert settings == {
            "ARM_ENDPOINT": sockets.arm_url,
            "COMMUNICATION_SERVICE_ID": RESOURCE_ID,
            "KEY_VAULT_URL": sockets.key_vault_url,
            "KEY_VAULT_VERIFY_CHALLENGE_RESOURCE": "false",
            "EVENT_GRID_TOPIC_ENDPOINT": sockets.topic_url,
            "IDENTITY_ENDPOINT": sockets.identity_url,
            "IDENTITY_HEADER": "secret",
            "SSL_CERT_FILE": "/x/ca.pem",
            "REQUESTS_CA_BUNDLE": "/x/ca.pem",
            "NO_PROXY": "localhost,127.0.0.1,::1",
            "no_proxy": "localhost,127.0.0.1,::1",
        }
        without = app_settings(sockets, authority, "secret", key_vault=False)
        assert set(settings) - set(without) == {"KEY_VAULT_URL", "KEY_VAULT_VERIFY_CHALLENGE_RESOURCE"}
    finally:
        sockets.close()
