"""The access tokens that the emulated Microsoft Entra ID has issued."""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.cloud.defaults import TENANT_ID, Identity

# Managed identity tokens live 24 hours (learn.microsoft.com, "Managed identities for Azure resources FAQ").
LIFETIME_SECONDS = 24 * 60 * 60
_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Token:
    """One issued token. Times are seconds since the epoch; `expires_on` is what its holder was told."""

    value: str = field(repr=False)
    audience: str
    identity: Identity
    expires_on: int
    valid_until: float


class Tokens:
    """Issues tokens and recognises its own. They survive a reset: an app may cache one for hours."""

    def __init__(self) -> None:
        self._issued: dict[str, Token] = {}

    def issue(self, audience: str, identity: Identity, *, expired: bool = False) -> Token:
        """Issue a token for `audience`; an `expired` one looks valid to its holder, and services refuse it."""
        now = int(time.time())
        expires_on = now + LIFETIME_SECONDS
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{TENANT_ID}/",
            "iat": now,
            "nbf": now,
            "exp": expires_on,
            "appid": identity.client_id,
            "oid": identity.principal_id,
            "tid": TENANT_ID,
            "uti": secrets.token_urlsafe(16),
        }
        header = {"typ": "JWT", "alg": "RS256", "kid": "emulator"}
        # The signature is random: services recognise a token by looking it up, not by verifying it.
        value = f"{_encode(header)}.{_encode(claims)}.{secrets.token_urlsafe(256)}"
        token = Token(value, audience, identity, expires_on, now - 1 if expired else expires_on)
        if len(self._issued) >= _KEPT:
            del self._issued[next(iter(self._issued))]
        self._issued[value] = token
        return token

    def find(self, value: str) -> Token | None:
        """Return the token with that value, expired or not; None when it was never issued here."""
        return self._issued.get(value)


def _encode(part: Mapping[str, str | int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
