"""`/_control/secrets`: the vault as somebody at the portal would see and change it, without a token."""

from datetime import UTC, datetime

from aiohttp import web

from emulator.cloud.control_requests import ControlError, Methods, json_object, query_parameter
from emulator.cloud.json_values import Json
from emulator.cloud.key_vault_parameters import optional_tags
from emulator.cloud.vault import Draft, LimitError, NameIsDeletedError, Secret, SecretVersion, Vault, is_name


class SecretRoutes:
    """Shows and changes `vault`; None: there is no vault, and every request is answered with 404."""

    def __init__(self, vault: Vault | None) -> None:
        self._vault = vault
        self.methods: Methods = {"GET": self._list, "POST": self._set, "DELETE": self._delete}

    async def _list(self, _request: web.BaseRequest) -> web.Response:
        return web.json_response([_secret_json(each) for each in self._served().secrets()])

    async def _set(self, request: web.BaseRequest) -> web.Response:
        vault = self._served()
        wanted = await json_object(request, "name", "value", "tags", "contentType", "expiresOn", "enabled")
        name = wanted.string("name")
        if not is_name(name):
            raise wanted.error("name must have 1 to 127 of the characters 0-9, a-z, A-Z and -")
        is_new = vault.find(name) is None
        draft = Draft(
            value=wanted.string("value"),
            content_type=wanted.optional_string("contentType"),
            tags=optional_tags(wanted),
            enabled="enabled" not in wanted.members() or wanted.flag("enabled"),
            expires=_seconds(wanted, "expiresOn"),
        )
        try:
            secret = vault.set(name, draft)
        except LimitError as error:
            raise wanted.error(str(error)) from None
        except NameIsDeletedError:
            raise ControlError(409, "The secret by that name is deleted: recover or purge it first.") from None
        return web.json_response(_secret_json(secret), status=201 if is_new else 200)

    async def _delete(self, request: web.BaseRequest) -> web.Response:
        vault = self._served()
        secret = vault.find(query_parameter(request, "name"))
        if secret is None:
            raise ControlError(404, "There is no secret by that name.")
        vault.delete(secret)
        return web.Response(status=204)

    def _served(self) -> Vault:
        if self._vault is None:
            raise ControlError(404, "This cloud has no key vault.")
        return self._vault


def _secret_json(secret: Secret) -> dict[str, object]:
    return {"name": secret.name, "versions": [_version_json(each) for each in secret.versions]}


def _version_json(version: SecretVersion) -> dict[str, object]:
    return {
        "version": version.id,
        "value": version.value,
        "tags": version.tags or {},
        "contentType": version.content_type,
        "expiresOn": None if version.expires is None else _moment(version.expires),
        "createdOn": _moment(version.created),
        "enabled": version.enabled,
    }


def _moment(seconds: int) -> str:
    """Write a moment as ISO 8601 in UTC: 2026-01-02T03:04:05Z."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        # The service takes any whole number; what no calendar has is shown as it is.
        return str(seconds)


def _seconds(wanted: Json, name: str) -> int | None:
    """Return a member that is an ISO 8601 moment with an offset, null or absent, as seconds since the epoch."""
    text = wanted.optional_string(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise wanted.error(f"{name} must be a moment like 2026-01-02T03:04:05Z")
    return int(moment.timestamp())
