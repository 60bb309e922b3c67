"""Starting the emulated cloud in a test's own loop, and plain HTTP clients for its ports."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import aiohttp

from emulator.cloud.addresses import CloudSockets
from emulator.cloud.authority import ensure_authority
from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID
from emulator.cloud.resource_ids import ResourceId
from emulator.cloud.settings import app_settings
from emulator.cloud.state import Resource

EMULATOR_DIRECTORY = Path(__file__).resolve().parent.parent.parent / ".emulator"
API_VERSION = "2023-03-31"


@contextlib.asynccontextmanager
async def running_cloud() -> AsyncGenerator[Cloud]:
    """Run a cloud on free ports; on leaving, every port and connection is closed."""
    cloud = Cloud(
        sockets=CloudSockets.bind(),
        authority=ensure_authority(EMULATOR_DIRECTORY),
        identity_header=secrets.token_urlsafe(16),
    )
    try:
        await cloud.start()
        yield cloud
    finally:
        await cloud.stop()


def environment(cloud: Cloud) -> dict[str, str]:
    """Return the environment with which an app talks to the cloud."""
    return app_settings(cloud.sockets, cloud.authority, cloud.identity_header)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds; the test's own timeout ends a wait in vain."""
    while not condition():  # noqa: ASYNC110 -- what is waited for belongs to the cloud, which has no event for it
        await asyncio.sleep(0.005)


def first_resource(cloud: Cloud) -> Resource:
    """Return the resource that is there from the start."""
    resource = cloud.state.find(ResourceId.parse(RESOURCE_ID))
    if resource is None:
        raise LookupError(RESOURCE_ID)
    return resource


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, read to its end; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> object:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def members(self) -> dict[str, object]:
        """The body, which is a JSON object."""
        return cast("dict[str, object]", self.json)

    @property
    def error(self) -> dict[str, object]:
        """The `error` of an ErrorResponse."""
        return cast("dict[str, object]", self.members["error"])


class Http:
    """Plain requests to any URL; one session, closed by whoever made it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        json_body: object = None,
    ) -> Answer:
        """Send one request; `data` goes as it is, without a Content-Type of its own."""
        async with self._session.request(
            method,
            url,
            headers=headers,
            data=data,
            json=json_body,
            skip_auto_headers=() if data is None else ("Content-Type",),
        ) as response:
            lowered = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, lowered, await response.read())


class ArmClient:
    """Plain requests to ARM, with a good token and api-version unless told otherwise."""

    def __init__(self, cloud: Cloud, http: Http) -> None:
        self._cloud = cloud
        self._http = http

    async def send(
        self,
        method: str,
        path: str = RESOURCE_ID,
        *,
        api_version: str | None = API_VERSION,
        authorization: str | None = "",
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        """Send one request; `authorization` "" is the good one, None sends none."""
        sent = dict(headers or {})
        if authorization is not None:
            sent["Authorization"] = authorization or f"Bearer {self._cloud.token}"
        query = "" if api_version is None else f"?api-version={api_version}"
        return await self._http.send(method, f"{self._cloud.arm_url}{path}{query}", headers=sent, data=data)

    async def regenerate(self, body: bytes = b'{"keyType":"Primary"}', path: str = RESOURCE_ID) -> Answer:
        """Send a regenerateKey with that body."""
        return await self.send("POST", f"{path}/regenerateKey", headers={"Content-Type": "application/json"}, data=body)


class ControlClient:
    """Requests to the control API."""

    def __init__(self, cloud: Cloud, http: Http) -> None:
        self._url = cloud.control_url
        self._http = http

    async def send(
        self, method: str, path: str, json_body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request to `/_control/<path>`."""
        return await self._http.send(method, f"{self._url}/_control/{path}", json_body=json_body, headers=headers)

    async def put_faults(self, *rules: Mapping[str, object]) -> None:
        """Put these rules in force."""
        answer = await self.send("PUT", "faults", list(rules))
        if answer.status != 200:
            raise ValueError(answer.body)

    async def requests(self) -> list[dict[str, object]]:
        """Return the journal."""
        return cast("list[dict[str, object]]", (await self.send("GET", "requests")).json)
