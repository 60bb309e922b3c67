"""Who may call the emulated ARM."""

import time
from datetime import UTC, datetime

from emulator.cloud import arm_errors
from emulator.cloud.tokens import Token, Tokens

# The audiences that the real one names in InvalidAuthenticationTokenAudience.
_PUBLIC_AUDIENCES = (
    "https://management.core.windows.net/",
    "https://management.core.windows.net",
    "https://management.azure.com/",
    "https://management.azure.com",
)


class Authenticator:
    """Checks bearer tokens for an ARM at `own_origin`, which is an audience too, as in every sovereign cloud."""

    def __init__(self, tokens: Tokens, own_origin: str) -> None:
        self._tokens = tokens
        self._audiences = (*_PUBLIC_AUDIENCES, f"{own_origin}/", own_origin)

    def authenticate(self, authorization: str | None) -> Token:
        """Return the token in the header, which tells who sent it; raises ArmError, always with status 401.

        Codes and texts are those of the real one: AuthenticationFailed (mocks of ARM in Kubernetes' Azure providers),
        AuthenticationFailedInvalidHeader (Azure/azure-sdk-for-python#4124), ExpiredAuthenticationToken
        (microsoft/vscode-azureappservice#2457), InvalidAuthenticationTokenAudience (hashicorp/go-azure-helpers#51);
        InvalidAuthenticationToken has a text of our own: the real one tells why the token does not parse.
        """
        if not authorization:
            raise arm_errors.unauthorized(
                "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
            )
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "bearer" or not value:
            raise arm_errors.unauthorized(
                "AuthenticationFailedInvalidHeader",
                "Authentication failed. The 'Authorization' header is provided in an invalid format.",
            )
        token = self._tokens.find(value.strip())
        if token is None:
            raise arm_errors.unauthorized("InvalidAuthenticationToken", "The access token is invalid.")
        now = time.time()
        if now >= token.valid_until:
            raise arm_errors.unauthorized(
                "ExpiredAuthenticationToken",
                f"The access token expiry UTC time '{_moment(token.valid_until)}' is earlier than current UTC time "
                f"'{_moment(now)}'.",
            )
        if token.audience not in self._audiences:
            allowed = ",".join(f"'{each}'" for each in self._audiences)
            raise arm_errors.unauthorized(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{token.audience}'. It should "
                f"exactly match with one of the allowed audiences {allowed}.",
            )
        return token


def _moment(seconds: float) -> str:
    """Write a moment as ARM does: 4/15/2023 7:40:04 AM."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour % 12 or 12}:{moment:%M:%S %p}"
