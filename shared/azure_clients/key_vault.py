"""Key Vault through azure-keyvault-secrets: a resource's secrets, their versions, a new version, a disabled one.

The SDK's own retry is off, and so is aiohttp's. Both repeat a PUT, and a repeated PUT makes a second version; and the
SDK waits for however long Retry-After says. What is tried again instead: reading and disabling (key_vault_calls.py);
and a PUT, before which, if the outcome of the last one is not known, the current version is looked at.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from azure.core.credentials_async import AsyncTokenCredential
from azure.keyvault.secrets import ApiVersion, KeyVaultSecret, SecretProperties
from azure.keyvault.secrets.aio import SecretClient

from shared.azure_clients.credential import Credential
from shared.azure_clients.key_vault_answers import not_the_api
from shared.azure_clients.key_vault_calls import KeyVaultCalls, NoSuchSecret, Patience, all_of
from shared.azure_clients.shared_call import SharedCall
from shared.azure_clients.transport import transport_that_sends_once
from shared.delivery import SecretVersion
from shared.key_vault_errors import KeyVaultUnavailable, SecretDisabled
from shared.published_secret import PublishedSecret, owner
from shared.redaction import Secret
from shared.resource_id import ResourceId

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class KeyVault:
    """The secrets of one vault, over one connection pool; a `Vault` as shared/delivery.py wants it.

    To be made on the event loop that will use it.

    Args:
        url: the vault's origin, `https://<name>.vault.azure.net`.
        credential: the app's identity.
        verify_challenge_resource: whether the vault must ask for a token of its own domain. Off, a token goes to
            whoever answers at `url`.
    """

    def __init__(
        self,
        url: str,
        credential: Credential,
        *,
        verify_challenge_resource: bool = True,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._patience = patience or Patience()
        self._calls = KeyVaultCalls(url, credential, self._patience, sleep)
        self._client = SecretClient(
            url,
            # it has get_token_info, which is what the SDK asks for; the type knows the older get_token alone
            cast("AsyncTokenCredential", credential),
            # nothing here needs a newer one, and sovereign clouds get those late
            api_version=ApiVersion.V7_4,
            verify_challenge_resource=verify_challenge_resource,
            retry_total=0,
            permit_redirects=False,
            user_agent="acs-key-rotation",
            transport=transport_that_sends_once(
                connection_timeout=self._patience.connection_timeout, read_timeout=self._patience.read_timeout
            ),
        )
        # rotations come in crowds, and a listing of hundreds of secrets is many pages
        self._listing = SharedCall(self._list)

    async def tagged(self) -> Mapping[str, ResourceId]:
        """List all secrets afresh, and return whose each of them is; see `Vault`."""
        listed = await self._listing.result()
        return {name: resource for resource, names in listed.items() for name in names}

    async def secrets_of(self, resource: ResourceId, names: Collection[str] | None = None) -> list[PublishedSecret]:
        """Return the current versions of the resource's enabled secrets, by name; see `Vault`."""
        if names is None:
            names = (await self._listing.result()).get(resource, ())
        found = await all_of([lambda name=name: self._readable(name) for name in sorted(names)], self._patience.at_once)
        return [secret for secret in found if secret is not None and secret.resource_id == resource]

    async def current(self, name: str) -> PublishedSecret | None:
        """Return the current version of a secret, or None where there is none of that name; see `Vault`."""
        return await self._get(name, None)

    async def version(self, name: str, version: str) -> PublishedSecret | None:
        """Return one version of a secret, or None where it is gone or disabled; see `Vault`."""
        try:
            return await self._get(name, version)
        except SecretDisabled:
            return None

    async def set(
        self,
        name: str,
        value: Secret,
        *,
        tags: Mapping[str, str],
        content_type: str | None,
        expires_on: datetime | None,
    ) -> PublishedSecret:
        """Set a new version and return it; see `Vault`.

        A PUT that was lost on its way and still arrives after the look makes a second version of the same value,
        which harms nobody. A version that somebody else set to the same value meanwhile is taken for ours.
        """

        async def put(**options: Any) -> PublishedSecret:
            bundle = await self._client.set_secret(
                name,
                value.reveal(),
                tags=dict(tags),
                content_type=content_type,
                expires_on=expires_on,
                enabled=True,
                **options,
            )
            return _published(bundle)

        last: KeyVaultUnavailable | None = None
        for pause in (*self._patience.again_after, self._patience.again_after[-1]):
            try:
                new = await self._calls.once("setSecret", put, secret=name, changes=True)
                break
            except KeyVaultUnavailable as error:
                last = error
            except NoSuchSecret:
                # a secret that is set need not be there, so this is no answer of a vault
                last = not_the_api(secret=name, changes=True)
            await self._calls.wait(last, pause)
            if last.doubtful and (new := await self.current(name)) is not None and new.value == value:
                break
        else:
            raise last or AssertionError("a call was made")
        return new

    async def disable(self, name: str, version: str) -> None:
        """Disable one version; see `Vault`. Everything else about the version stays as it is."""

        async def update(**options: Any) -> None:
            await self._client.update_secret_properties(name, version, enabled=False, **options)

        try:
            await self._calls.again("updateSecret", update, secret=name, changes=True)
        except NoSuchSecret:
            return

    async def previous_versions(self, name: str) -> list[SecretVersion]:
        """Return all versions but the current one, newest first; see `Vault`."""

        async def listing(**options: Any) -> list[SecretVersion]:
            pages = self._client.list_properties_of_secret_versions(name, **options)
            return [_version(item) async for item in pages]

        try:
            found = await self._calls.again("listVersions", listing, secret=name)
        except NoSuchSecret:
            return []
        try:
            current = await self.current(name)
        except SecretDisabled:
            # nothing but its date then tells the current one from the others
            current = None
        found.sort(key=lambda each: each.created_on or _BEFORE_ALL, reverse=True)
        if current is None:
            return found[1:]
        return [each for each in found if each.version != current.version]

    async def close(self) -> None:
        """Close the connections."""
        await self._listing.close()
        await self._client.close()

    async def _list(self) -> Mapping[ResourceId, Sequence[str]]:
        """List all secrets, as Key Vault cannot be asked by tag, and return the names of each resource's: without
        those that back a certificate, which cannot be set."""

        async def listing(**options: Any) -> Mapping[ResourceId, Sequence[str]]:
            names: dict[ResourceId, list[str]] = {}
            async for item in self._client.list_properties_of_secrets(**options):
                owned_by = owner(item.tags or {})
                if owned_by is not None and item.enabled is not False and not item.managed:
                    names.setdefault(owned_by, []).append(_text(item.name))
            return names

        return await self._calls.again("listSecrets", listing, secret=None)

    async def _readable(self, name: str) -> PublishedSecret | None:
        try:
            return await self._get(name, None)
        except SecretDisabled:
            return None

    async def _get(self, name: str, version: str | None) -> PublishedSecret | None:
        async def get(**options: Any) -> PublishedSecret:
            return _published(await self._client.get_secret(name, version, **options))

        try:
            return await self._calls.again("getSecret", get, secret=name)
        except NoSuchSecret:
            return None


def _published(secret: KeyVaultSecret) -> PublishedSecret:
    """Return a secret as the app sees it; ValueError where the answer does not hold what the API describes."""
    properties = secret.properties
    return PublishedSecret(
        name=_text(properties.name),
        id=_text(secret.id),
        version=_text(properties.version),
        # JSON can spell half a surrogate pair, which has no bytes and so no fingerprint
        value=Secret(_text(secret.value, may_be_empty=True).encode(errors="replace").decode()),
        tags=dict(properties.tags or {}),
        content_type=properties.content_type,
        expires_on=properties.expires_on,
        created_on=properties.created_on,
        enabled=properties.enabled is not False,
    )


def _version(item: SecretProperties) -> SecretVersion:
    return SecretVersion(_text(item.version), item.enabled is not False, item.created_on)


def _text(value: Any, *, may_be_empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or may_be_empty):
        raise ValueError("not an answer of the API")
    return value
