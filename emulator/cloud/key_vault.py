"""The emulated Key Vault: the secrets of one vault, as the data plane serves them.

Checks come in this order: token, api-version, operation, name, role, then what the operation itself finds. That an
unauthenticated request learns nothing but the challenge is documented (learn.microsoft.com/azure/key-vault/general/
authentication-requests-and-responses); the rest of the order is inferred. Expired and not yet valid secrets can be
read: their dates are information (about-secrets).
"""

import uuid

from aiohttp import web

from emulator.cloud import key_vault_errors, key_vault_parameters, key_vault_routes
from emulator.cloud.defaults import VAULT_LOCATION
from emulator.cloud.exchange import Exchange, Operation, Reply, entry_of
from emulator.cloud.faults import Faults
from emulator.cloud.journal import Journal
from emulator.cloud.key_vault_authentication import authenticate
from emulator.cloud.key_vault_errors import KeyVaultError
from emulator.cloud.key_vault_pages import page
from emulator.cloud.key_vault_routes import Route
from emulator.cloud.key_vault_shapes import API_VERSIONS, Shapes
from emulator.cloud.tokens import Tokens
from emulator.cloud.vault import LimitError, NameIsDeletedError, Secret, SecretVersion, Vault, is_name


class KeyVault:
    """Answers requests to the vault's port; `url` is its origin without a trailing slash."""

    def __init__(self, *, vault: Vault, tokens: Tokens, journal: Journal, faults: Faults, url: str) -> None:
        self._vault = vault
        self._tokens = tokens
        self._url = url
        self._exchange = Exchange("keyvault", journal=journal, faults=faults, refusal=key_vault_errors.refusal)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        body = await request.read()
        route = key_vault_routes.parse(request.method, request.rel_url.raw_path)
        entry = entry_of(
            request,
            "keyvault",
            route.operation,
            secret=self._known_name(route.name),
        )
        operation = Operation(
            # A request without a token only asks for the challenge: it must not use up a rule that is meant for the
            # request which follows it.
            name=route.operation if "Authorization" in request.headers else None,
            act=lambda _fault: self._answer(request, body, route),
        )
        return await self._exchange.answer(request, entry, operation, _common_headers(request))

    def _known_name(self, name: str | None) -> str | None:
        """Return the secret's name in its own casing if there is one; what cannot be a name is not for the journal."""
        if name is None or not is_name(name):
            return None
        secret = self._vault.find(name) or self._vault.find_deleted(name)
        return name if secret is None else secret.name

    def _answer(self, request: web.BaseRequest, body: bytes, route: Route) -> Reply:
        try:
            self._check(request, route)
            return self._serve(request, body, route)
        except KeyVaultError as error:
            return error.reply()
        except NameIsDeletedError:
            return key_vault_errors.deleted(route.name or "").reply()
        except LimitError:
            return key_vault_errors.invalid_property().reply()

    def _check(self, request: web.BaseRequest, route: Route) -> None:
        """Raise KeyVaultError unless the caller may do this here."""
        identity = authenticate(self._tokens, request.headers.get("Authorization"))
        api_version = request.rel_url.query.get("api-version")
        if not api_version:
            raise key_vault_errors.bad_parameter("api-version must be specified")
        if api_version not in API_VERSIONS:
            raise key_vault_errors.unsupported_api_version(api_version, API_VERSIONS[-1])
        if route.permission is None:
            raise KeyVaultError(404, "NotFound", f"There is no {request.method} of this path in this key vault.")
        if route.name is not None and not is_name(route.name):
            raise key_vault_errors.invalid_name(route.name)
        # Who has no role learns nothing about what exists.
        if route.permission not in identity.secret_actions:
            raise key_vault_errors.forbidden(identity, route.permission, route.name)

    def _serve(self, request: web.BaseRequest, body: bytes, route: Route) -> Reply:
        shapes = Shapes(self._url, request.rel_url.query["api-version"])
        name = route.name or ""
        match route.operation:
            case "getSecret":
                return self._get(name, route.version, shapes)
            case "setSecret":
                secret = self._vault.set(name, key_vault_parameters.draft(body))
                return Reply(200, shapes.bundle(secret, secret.current, with_value=True), effect=True)
            case "updateSecret":
                secret, version = self._find(name, route.version)
                self._vault.update(version, key_vault_parameters.changes(body))
                return Reply(200, shapes.bundle(secret, version, with_value=False), effect=True)
            case "deleteSecret":
                secret, _ = self._find(name)
                self._vault.delete(secret)
                return Reply(200, shapes.deleted_bundle(secret), effect=True)
            case "getDeletedSecret":
                return Reply(200, shapes.deleted_bundle(self._find_deleted(name)))
            case "recoverDeletedSecret":
                secret = self._find_deleted(name)
                self._vault.recover(secret)
                return Reply(200, shapes.bundle(secret, secret.current, with_value=False), effect=True)
            case "purgeDeletedSecret":
                self._vault.purge(self._find_deleted(name))
                return Reply(204, effect=True)
            case _:
                return self._list(request, route, shapes)

    def _list(self, request: web.BaseRequest, route: Route, shapes: Shapes) -> Reply:
        query = request.rel_url.query
        url = f"{self._url}{request.rel_url.raw_path}"
        if route.operation == "listVersions":
            # A secret that does not exist has no versions, and that is no error (azure-sdk-for-js, "list 0 versions").
            secret = self._vault.find(route.name or "")
            if secret is None:
                return Reply(200, {"value": [], "nextLink": None})
            versions = sorted(secret.versions, key=lambda each: each.id)
            return Reply(
                200,
                page(
                    versions,
                    marker=lambda each: each.id,
                    shape=lambda each: shapes.version_item(secret, each),
                    query=query,
                    url=url,
                ),
            )
        deleted = route.operation == "listDeletedSecrets"
        return Reply(
            200,
            page(
                self._vault.deleted_secrets() if deleted else self._vault.secrets(),
                marker=lambda each: each.name.upper(),
                shape=shapes.deleted_item if deleted else shapes.item,
                query=query,
                url=url,
            ),
        )

    def _get(self, name: str, version_id: str | None, shapes: Shapes) -> Reply:
        secret, version = self._find(name, version_id)
        # A disabled current version hides the enabled ones before it (Azure/azure-powershell#14740).
        if not version.enabled:
            raise key_vault_errors.disabled()
        return Reply(200, shapes.bundle(secret, version, with_value=True))

    def _find(self, name: str, version_id: str | None = None) -> tuple[Secret, SecretVersion]:
        secret = self._vault.find(name)
        version = None if secret is None else secret.version(version_id)
        if secret is None or version is None:
            raise key_vault_errors.not_found(name, version_id)
        return secret, version

    def _find_deleted(self, name: str) -> Secret:
        secret = self._vault.find_deleted(name)
        if secret is None:
            raise key_vault_errors.deleted_not_found(name)
        return secret


def _common_headers(request: web.BaseRequest) -> dict[str, str]:
    """Return the headers of every answer of Key Vault's (recorded in Azure/azure-sdk-for-js, sdk/keyvault)."""
    request_id = str(uuid.uuid4())
    return {
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Expires": "-1",
        "Strict-Transport-Security": "max-age=31536000;includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "x-ms-keyvault-region": VAULT_LOCATION,
        "x-ms-keyvault-network-info": "conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;",
        "x-ms-client-request-id": request.headers.get("x-ms-client-request-id", request_id),
        "x-ms-request-id": request_id,
    }
