"""The app's settings: the only place that reads the environment; frozen, and validated once and whole."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from urllib.parse import urlsplit

from shared.durations import (
    LONGEST_GRACE_PERIOD,
    LONGEST_VALIDITY_DAYS,
    format_duration,
    parse_grace_period,
    shortest_validity,
)
from shared.errors import NotConfigured, Problem
from shared.resource_id import AllowList, ResourceId, Scope
from shared.schedule import parse_schedule
from shared.wire import API_VERSION, UUID

# Groups and single credentials that azure-identity's DefaultAzureCredential knows under this variable:
# https://learn.microsoft.com/azure/developer/python/sdk/authentication/credential-chains#defaultazurecredential-overview
_TOKEN_CREDENTIALS = {
    name.lower(): name
    for name in (
        "dev",
        "prod",
        "EnvironmentCredential",
        "WorkloadIdentityCredential",
        "ManagedIdentityCredential",
        "VisualStudioCodeCredential",
        "AzureCliCredential",
        "AzurePowerShellCredential",
        "AzureDeveloperCliCredential",
    )
}
# Azure's front end gives up on a request after 230 s:
# https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout
_LONGEST_DEADLINE = 230.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator decides, each field after the variable of the same name in upper case.

    `app_service_authentication` is the platform's word (WEBSITE_AUTH_ENABLED): App Service authentication
    stands before the app and sets, or strips, the X-MS-CLIENT-PRINCIPAL headers.
    """

    communication_service_id: ResourceId | None
    allowed_communication_services: AllowList
    arm_endpoint: str
    arm_api_version: str
    azure_client_id: str | None
    azure_token_credentials: str | None
    key_vault_url: str | None
    key_vault_verify_challenge_resource: bool
    rotation_grace_period: timedelta
    rotation_validity_days: int
    rotation_retention_days: int
    reconcile_schedule: str
    event_grid_topic_endpoint: str | None
    request_deadline_seconds: float
    required_app_roles: frozenset[str]
    app_service_authentication: bool

    @property
    def announces(self) -> bool:
        """Whether there is a topic that is told what the app has done."""
        return self.event_grid_topic_endpoint is not None


# every variable that is read, with its default; the platform's own one is no setting of ours
DEFAULTS: Mapping[str, str] = {
    "COMMUNICATION_SERVICE_ID": "",
    "ALLOWED_COMMUNICATION_SERVICES": "",
    "ARM_ENDPOINT": "https://management.azure.com",
    "ARM_API_VERSION": "2023-03-31",
    "AZURE_CLIENT_ID": "",
    "AZURE_TOKEN_CREDENTIALS": "",
    "KEY_VAULT_URL": "",
    "KEY_VAULT_VERIFY_CHALLENGE_RESOURCE": "true",
    "ROTATION_GRACE_PERIOD": "P2D",
    "ROTATION_VALIDITY_DAYS": "90",
    "ROTATION_RETENTION_DAYS": "90",
    "RECONCILE_SCHEDULE": "0 7 * * * *",
    "EVENT_GRID_TOPIC_ENDPOINT": "",
    "REQUEST_DEADLINE_SECONDS": "30",
    "REQUIRED_APP_ROLES": "",
}
_NAMES_RESOURCES = ("COMMUNICATION_SERVICE_ID", "ALLOWED_COMMUNICATION_SERVICES")
_PLATFORM = "WEBSITE_AUTH_ENABLED"


def parse_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings that an environment holds; an empty variable is an unset one.

    Raises:
        NotConfigured: naming every setting that is missing or wrong, and what to put there.
    """
    problems: list[Problem] = []

    def read[T](name: str, parse: Callable[[str], T], if_wrong: T) -> T:
        text = environment.get(name, "").strip() or DEFAULTS[name]
        try:
            return parse(text)
        except ValueError as error:
            problems.append(Problem("InvalidSetting", f"{name} {error}", name))
            return if_wrong

    resource = read("COMMUNICATION_SERVICE_ID", _optional(ResourceId.parse), None)
    scopes = read("ALLOWED_COMMUNICATION_SERVICES", _comma_separated(Scope.parse), ())
    if not scopes and resource is not None:
        scopes = (Scope(resource.subscription_id, resource.resource_group, resource.name),)
    grace = read("ROTATION_GRACE_PERIOD", parse_grace_period, timedelta(0))
    settings = Settings(
        communication_service_id=resource,
        allowed_communication_services=AllowList(scopes),
        arm_endpoint=read("ARM_ENDPOINT", _https_origin, ""),
        arm_api_version=read("ARM_API_VERSION", _api_version, ""),
        azure_client_id=read("AZURE_CLIENT_ID", _optional(_uuid), None),
        azure_token_credentials=read("AZURE_TOKEN_CREDENTIALS", _optional(_token_credentials), None),
        key_vault_url=read("KEY_VAULT_URL", _optional(_vault_url), None),
        key_vault_verify_challenge_resource=read("KEY_VAULT_VERIFY_CHALLENGE_RESOURCE", _boolean, True),
        rotation_grace_period=grace,
        rotation_validity_days=read("ROTATION_VALIDITY_DAYS", _validity_days(grace), 0),
        rotation_retention_days=read("ROTATION_RETENTION_DAYS", _retention_days, 0),
        reconcile_schedule=read("RECONCILE_SCHEDULE", parse_schedule, ""),
        event_grid_topic_endpoint=read("EVENT_GRID_TOPIC_ENDPOINT", _optional(_topic_endpoint), None),
        request_deadline_seconds=read("REQUEST_DEADLINE_SECONDS", _seconds, 0.0),
        required_app_roles=frozenset(read("REQUIRED_APP_ROLES", _comma_separated(_app_role), ())),
        app_service_authentication=environment.get(_PLATFORM, "").strip().lower() == "true",
    )
    if not scopes and not any(problem.target in _NAMES_RESOURCES for problem in problems):
        problems.append(
            Problem(
                "MissingSetting",
                "COMMUNICATION_SERVICE_ID is not set: put the ARM id of the app's Communication Services resource "
                "there, or the ids and scopes that it may touch into ALLOWED_COMMUNICATION_SERVICES.",
                "COMMUNICATION_SERVICE_ID",
            )
        )
    if problems:
        raise NotConfigured(problems)
    return settings


@cache
def settings() -> Settings:
    """Return this process's settings, read from the environment at the first call that succeeds.

    Raises:
        NotConfigured: as `parse_settings`.
    """
    return parse_settings(os.environ)


def reconcile_schedule() -> str:
    """Return the timer's schedule, for indexing the functions: the default where the setting is wrong, which every
    request then reports; a function that cannot be indexed would take all others with it."""
    name = "RECONCILE_SCHEDULE"
    try:
        return parse_schedule(os.environ.get(name, "").strip() or DEFAULTS[name])
    except ValueError:
        return DEFAULTS[name]


def default_resource(settings: Settings) -> ResourceId:
    """Return the resource of the requests that name none.

    Raises:
        NotConfigured: where COMMUNICATION_SERVICE_ID is not set.
    """
    if settings.communication_service_id is None:
        raise NotConfigured(
            [
                Problem(
                    "MissingSetting",
                    "COMMUNICATION_SERVICE_ID is not set: put the ARM id of the resource there to which requests "
                    "without a resource belong, or name the resource in the request's path.",
                    "COMMUNICATION_SERVICE_ID",
                )
            ]
        )
    return settings.communication_service_id


def require_key_vault(settings: Settings) -> str:
    """Return the vault's origin, for what cannot be done without one.

    Raises:
        NotConfigured: where KEY_VAULT_URL is not set.
    """
    if settings.key_vault_url is None:
        raise no_key_vault()
    return settings.key_vault_url


def no_key_vault() -> NotConfigured:
    """Return the error of an app that needs KEY_VAULT_URL and has none."""
    return NotConfigured(
        [
            Problem(
                "MissingSetting",
                "KEY_VAULT_URL is not set: put the URL of the Key Vault there that publishes the keys, like "
                "https://my-vault.vault.azure.net.",
                "KEY_VAULT_URL",
            )
        ]
    )


def _optional[T](parse: Callable[[str], T]) -> Callable[[str], T | None]:
    return lambda text: parse(text) if text else None


def _comma_separated[T](parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    def parse_all(text: str) -> tuple[T, ...]:
        parsed: list[T] = []
        for position, item in enumerate((item.strip() for item in text.split(",")), start=1):
            if not item:
                continue
            try:
                parsed.append(parse(item))
            except ValueError as error:
                raise ValueError(f"item {position} {error}") from None
        # a setting that looks like protection must not be without effect
        if text and not parsed:
            raise ValueError("holds commas alone: put something between them, or leave it unset")
        return tuple(parsed)

    return parse_all


_HOST = re.compile(r"[A-Za-z0-9.-]+|[0-9a-f:.]+", re.ASCII)


def _https_origin(text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme == "https" and (parts.port is None or parts.port > 0)
    except ValueError:
        raise ValueError("is not a URL; it looks like https://management.azure.com") from None
    if not valid or not _HOST.fullmatch(parts.hostname or "") or parts.username is not None:
        raise ValueError("must be https:// and a host alone, like https://management.azure.com")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be https:// and a host alone, like https://management.azure.com")
    # without the default port: ARM's token is asked for by this name
    return f"https://{parts.netloc.removesuffix(':443').removesuffix(':')}"


def _api_version(text: str) -> str:
    if not API_VERSION.fullmatch(text):
        raise ValueError("must be an ARM API version, like 2023-03-31")
    return text


def _uuid(text: str) -> str:
    if not UUID.fullmatch(text):
        raise ValueError("must be the client id (a UUID) of the app's user-assigned managed identity")
    return text


def _token_credentials(text: str) -> str:
    if text.lower() not in _TOKEN_CREDENTIALS:
        raise ValueError(
            "must be one of "
            + ", ".join(_TOKEN_CREDENTIALS.values())
            + "; leave it unset in Azure, for the managed identity alone"
        )
    return _TOKEN_CREDENTIALS[text.lower()]


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{1,3})?", text) or not 0 < float(text) <= _LONGEST_DEADLINE:
        raise ValueError(f"must be a number of seconds, over 0 and at most {_LONGEST_DEADLINE:.0f}")
    return float(text)


def _vault_url(text: str) -> str:
    try:
        return _https_origin(text)
    except ValueError:
        raise ValueError("must be https:// and a host alone, like https://my-vault.vault.azure.net") from None


def _topic_endpoint(text: str) -> str:
    origin, _, path = text.partition("://")[2].partition("/")
    try:
        # https://learn.microsoft.com/azure/event-grid/post-to-custom-topic : the path is always this one
        if path.rstrip("/") not in ("", "api/events"):
            raise ValueError
        return _https_origin(f"{text.partition('://')[0]}://{origin}") + "/api/events"
    except ValueError:
        raise ValueError(
            "must be the endpoint of an Event Grid topic, like https://my-topic.westeurope-1.eventgrid.azure.net/api/events"
        ) from None


def _retention_days(text: str) -> int:
    # a rotation must be there as long as its old key can be in grace, and a day more
    shortest = LONGEST_GRACE_PERIOD.days + 1
    if not re.fullmatch(r"[0-9]{1,4}", text) or not shortest <= int(text) <= LONGEST_VALIDITY_DAYS:
        raise ValueError(f"must be a number of days from {shortest} to {LONGEST_VALIDITY_DAYS}")
    return int(text)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return text.lower() == "true"


def _validity_days(grace: timedelta) -> Callable[[str], int]:
    def parse(text: str) -> int:
        shortest = shortest_validity(grace)
        if not re.fullmatch(r"[0-9]{1,4}", text) or not shortest <= int(text) <= LONGEST_VALIDITY_DAYS:
            raise ValueError(
                f"must be a number of days from {shortest} (30, in which Key Vault announces the expiry, "
                f"ROTATION_GRACE_PERIOD {format_duration(grace)} and one more) to {LONGEST_VALIDITY_DAYS}"
            )
        return int(text)

    return parse


def _app_role(text: str) -> str:
    # https://learn.microsoft.com/graph/api/resources/approle : the value has at most 120 characters, no blanks
    if len(text) > 120 or any(character.isspace() for character in text):
        raise ValueError("is not the value of an app role")
    return text


def setting_names() -> tuple[str, ...]:
    """Return the names of all settings, as documented."""
    return tuple(DEFAULTS)
