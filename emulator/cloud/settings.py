"""The environment with which an app talks to the emulated cloud (standard library only)."""

from emulator.cloud.addresses import CloudSockets
from emulator.cloud.authority import Authority
from emulator.cloud.defaults import RESOURCE_ID


def app_settings(
    sockets: CloudSockets,
    authority: Authority,
    identity_header: str,
    *,
    key_vault: bool = True,
) -> dict[str, str]:
    """Return environment variables by name; without `key_vault` none that names a vault.

    IDENTITY_ENDPOINT and IDENTITY_HEADER are those that App Service sets for an app with a managed identity.
    SSL_CERT_FILE (aiohttp, ssl) and REQUESTS_CA_BUNDLE (requests) must be there before the process starts: both
    libraries read them once. The vault's challenge names the public cloud's resource, as the real one's does; Key
    Vault's client would refuse that from our address, hence KEY_VAULT_VERIFY_CHALLENGE_RESOURCE=false. NO_PROXY keeps
    a company's proxy out of the way, in both of its spellings.
    """
    no_proxy = "localhost,127.0.0.1,::1"
    vault: dict[str, str] = {}
    if key_vault:
        vault = {"KEY_VAULT_URL": sockets.key_vault_url, "KEY_VAULT_VERIFY_CHALLENGE_RESOURCE": "false"}
    return {
        **vault,
        "EVENT_GRID_TOPIC_ENDPOINT": sockets.topic_url,
        "ARM_ENDPOINT": sockets.arm_url,
        "COMMUNICATION_SERVICE_ID": RESOURCE_ID,
        "IDENTITY_ENDPOINT": sockets.identity_url,
        "IDENTITY_HEADER": identity_header,
        "SSL_CERT_FILE": str(authority.ca_file),
        "REQUESTS_CA_BUNDLE": str(authority.ca_file),
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }
