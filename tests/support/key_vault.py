"""Clients of the emulated Key Vault: plain HTTP, and credentials for Microsoft's SDK."""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, cast

from azure.core.credentials import AccessToken

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import SYSTEM_ASSIGNED, Identity
from emulator.cloud.vault import Vault
from tests.support.cloud import Answer, Http

AUDIENCE = "https://vault.azure.net"
API_VERSION = "7.6"


def vault_of(cloud: Cloud) -> Vault:
    """Return the vault of a cloud that has one."""
    if cloud.vault is None:
        raise LookupError("no vault")
    return cloud.vault


class KeyVaultClient:
    """Plain requests to the vault, with a good token of an identity and a good api-version unless told otherwise."""

    def __init__(self, cloud: Cloud, http: Http, identity: Identity = SYSTEM_ASSIGNED) -> None:
        self._cloud = cloud
        self._http = http
        self._token = cloud.tokens.issue(AUDIENCE, identity).value

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: str | None = f"api-version={API_VERSION}",
        authorization: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; `authorization` "" is the good one, None sends none; bytes go as they are."""
        sent = dict(headers or {})
        if authorization is not None:
            sent["Authorization"] = authorization or f"Bearer {self._token}"
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        url = f"{self._cloud.key_vault_url}{path}{'' if query is None else f'?{query}'}"
        return await self._http.send(method, url, headers=sent, data=data)

    async def set(self, name: str, value: str = "v", **members: object) -> str:
        """Set a secret and return the version's id."""
        answer = await self.send("PUT", f"/secrets/{name}", {"value": value, **members})
        if answer.status != 200:
            raise ValueError(answer.body)
        return str(answer.members["id"]).rpartition("/")[2]


def inner_code(answer: Answer) -> object:
    """Return the code of the error inside the error."""
    return cast("dict[str, object]", answer.error["innererror"])["code"]


class IssuedCredential:
    """A credential for azure-core's sync clients whose tokens come straight from the cloud, for any identity."""

    def __init__(self, cloud: Cloud, identity: Identity) -> None:
        self._cloud = cloud
        self._identity = identity

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        """Return a token for the one scope."""
        token = self._cloud.tokens.issue(scopes[0].removesuffix("/.default"), self._identity)
        return AccessToken(token.value, token.expires_on)


class AsyncIssuedCredential:
    """The same for azure-core's async clients."""

    def __init__(self, cloud: Cloud, identity: Identity) -> None:
        self._sync = IssuedCredential(cloud, identity)

    async def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        """Return a token for the one scope."""
        return self._sync.get_token(*scopes)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Self:
        """Nothing to open."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing is open."""
