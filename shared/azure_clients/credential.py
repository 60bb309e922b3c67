"""The app's identity: managed identity, or a developer's credential where AZURE_TOKEN_CREDENTIALS asks for it."""

import asyncio
import re
from types import TracebackType
from typing import Any, Protocol

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

from shared.azure_clients.calls import SDK_ERRORS
from shared.errors import ManagedIdentityUnavailable, RegenerationOutcome
from shared.settings import Settings

# in all: whoever asks next waits behind it, and the read timeout starts anew with each byte
_LONGEST_CALL_SECONDS = 20.0
# azure-identity takes whatever stands there; only this can go into a header (RFC 6750, section 2.1)
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# Asking for a token changes nothing, so it may be repeated: three times within some 3 s, well inside the deadline.
_RETRIES: dict[str, Any] = {"retry_total": 3, "retry_backoff_factor": 0.4, "retry_backoff_max": 2}


class _TokenSource(Protocol):
    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo: ...

    async def close(self) -> None: ...


class Credential:
    """An azure-core `AsyncSupportsTokenInfo` whose cached token can be dropped, and whose errors are ours.

    One a process and event loop: azure-identity keeps the token, and the connection, inside.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._source: _TokenSource | None = None
        self._lock = asyncio.Lock()

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """Return a token for the scopes, from the cache while it is good.

        Raises:
            ManagedIdentityUnavailable: no token is to be had; nothing was sent to the API behind it.
        """
        async with self._lock:
            if self._source is None:
                self._source = _make(self._settings)
            try:
                async with asyncio.timeout(_LONGEST_CALL_SECONDS):
                    found = await self._source.get_token_info(*scopes, options=options)
            except (TimeoutError, *SDK_ERRORS) as error:
                # the SDK's text may quote the identity endpoint's answer: the type alone goes on
                raise _unavailable(self._settings, type(error).__name__) from None
            token: Any = found.token
            if not isinstance(token, str) or not _BEARER_TOKEN.fullmatch(token):
                # it would be kept in the cache
                await self._close()
                raise _unavailable(self._settings, "what it got is no token")
            return found

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **_others: Any,
    ) -> AccessToken:
        """Return the same in the older form: azure-eventgrid knows a credential by this method.

        Raises:
            ManagedIdentityUnavailable: as `get_token_info`.
        """
        options: TokenRequestOptions = {"enable_cae": enable_cae}
        if claims is not None:
            options["claims"] = claims
        if tenant_id is not None:
            options["tenant_id"] = tenant_id
        token = await self.get_token_info(*scopes, options=options)
        return AccessToken(token.token, token.expires_on)

    async def forget(self) -> None:
        """Drop the cached token: the API refused it, though by its own word it is still good."""
        refused = self._source
        # a token for another API may be on its way; and of many that were refused at once, the first one drops it
        async with self._lock:
            if self._source is refused:
                await self._close()

    async def close(self) -> None:
        """Close the connection to the identity endpoint."""
        await self._close()

    async def __aenter__(self) -> "Credential":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()

    async def _close(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            await source.close()


def _make(settings: Settings) -> _TokenSource:
    if settings.azure_token_credentials is not None:
        # azure-identity reads the variable itself; require_envvar holds it to that one choice
        return DefaultAzureCredential(
            require_envvar=True, managed_identity_client_id=settings.azure_client_id, **_RETRIES
        )
    # its endpoint is on this machine: no proxy and no ~/.netrc is ever meant for it
    return ManagedIdentityCredential(client_id=settings.azure_client_id, use_env_settings=False, **_RETRIES)


def _unavailable(settings: Settings, reason: str) -> ManagedIdentityUnavailable:
    if settings.azure_token_credentials is not None:
        advice = (
            f"AZURE_TOKEN_CREDENTIALS asks for {settings.azure_token_credentials}: sign in with that tool, or "
            "unset it to use the managed identity."
        )
    elif settings.azure_client_id is not None:
        advice = (
            "Assign the user-assigned identity whose client id stands in AZURE_CLIENT_ID to this app, or unset "
            "AZURE_CLIENT_ID to use the system-assigned one."
        )
    else:
        advice = "Switch on the app's system-assigned managed identity, or name a user-assigned one in AZURE_CLIENT_ID."
    return ManagedIdentityUnavailable(
        f"No token is to be had from the app's identity (azure-identity: {reason}). {advice}",
        outcome=RegenerationOutcome.NOT_REGENERATED,
    )
