"""An emulated cloud for each test, in the test's own loop, plain clients for it, and the app's own."""

from collections.abc import AsyncGenerator

import aiohttp
import pytest
import pytest_asyncio

from emulator.cloud.cloud import Cloud
from shared.azure_clients.credential import Credential
from shared.azure_clients.management import Management
from shared.settings import parse_settings
from tests.support.cloud import ArmClient, ControlClient, Http, environment, running_cloud


@pytest_asyncio.fixture
async def cloud() -> AsyncGenerator[Cloud]:
    """A cloud on free ports."""
    async with running_cloud() as running:
        yield running


@pytest_asyncio.fixture
async def http() -> AsyncGenerator[Http]:
    """A plain HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield Http(session)


@pytest.fixture
def arm(cloud: Cloud, http: Http) -> ArmClient:
    """A plain client of the cloud's ARM."""
    return ArmClient(cloud, http)


@pytest.fixture
def control(cloud: Cloud, http: Http) -> ControlClient:
    """A client of the cloud's control API."""
    return ControlClient(cloud, http)


@pytest.fixture
def app_environment(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment with which an app talks to the cloud, set for the test."""
    settings = environment(cloud)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest_asyncio.fixture
async def credential(app_environment: dict[str, str]) -> AsyncGenerator[Credential]:
    """The app's credential, on the emulated managed identity."""
    async with Credential(parse_settings(app_environment)) as opened:
        yield opened


@pytest_asyncio.fixture
async def management(app_environment: dict[str, str], credential: Credential) -> AsyncGenerator[Management]:
    """The app's client of ARM, on the emulated one."""
    opened = Management(parse_settings(app_environment), credential)
    yield opened
    await opened.close()
