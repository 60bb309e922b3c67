"""Who may publish to the emulated topic.

With an access token of Microsoft Entra ID alone: the topic is one whose keys and shared access signatures are switched
off (`disableLocalAuth`; learn.microsoft.com/azure/event-grid/authenticate-with-microsoft-entra-id).
"""

import time

from emulator.cloud import event_grid_errors
from emulator.cloud.defaults import SEND_EVENTS, TOPIC_ID, Identity
from emulator.cloud.tokens import Tokens

AUDIENCE = "https://eventgrid.azure.net"
_AUDIENCES = (AUDIENCE, f"{AUDIENCE}/")


def authenticate(tokens: Tokens, authorization: str | None, *, with_key: bool) -> Identity:
    """Return who sent the header; `with_key`: the request brings a key or a signature. Raises EventGridError 401.

    The text for a missing role (which is a 401, too) is that of Azure/azure-sdk-for-net#22831, the one for a request
    without credentials stands in the comments of azure-eventgrid (`_signature_credential_policy.py`); the rest is ours.
    """
    scheme, _, value = (authorization or "").partition(" ")
    if with_key or scheme.lower() == "sharedaccesssignature":
        raise event_grid_errors.unauthorized(
            "Local authentication (access keys and shared access signatures) is disabled for the topic."
        )
    if scheme.lower() != "bearer" or not value:
        raise event_grid_errors.unauthorized(
            "Request must contain one of the following authorization signature: aeg-sas-token, aeg-sas-key."
        )
    token = tokens.find(value.strip())
    if token is None:
        raise event_grid_errors.unauthorized("The access token is invalid.")
    if time.time() >= token.valid_until:
        raise event_grid_errors.unauthorized("The access token has expired.")
    if token.audience not in _AUDIENCES:
        raise event_grid_errors.unauthorized(f"The access token is not for {AUDIENCE}.")
    if SEND_EVENTS not in token.identity.event_actions:
        raise event_grid_errors.unauthorized(
            "The principal associated with access token presented with the incoming request does not have permission "
            f"to send data to {TOPIC_ID}."
        )
    return token.identity
