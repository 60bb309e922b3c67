"""The app's credential on the emulated managed identity: a token that an API has refused is not used again."""

import asyncio

import pytest

from shared.azure_clients.credential import Credential
from tests.support.cloud import ControlClient

_ARM, _TOPIC = "https://management.azure.com/.default", "https://eventgrid.azure.net/.default"


async def _asked(control: ControlClient) -> int:
    return sum(each["operation"] == "token" for each in await control.requests())


@pytest.mark.parametrize("at_once", [1, 5])
async def test_a_refused_token_is_dropped(credential: Credential, control: ControlClient, at_once: int) -> None:
    """The next request asks for a new one, once, however many were refused."""
    await credential.get_token_info(_ARM)
    await credential.get_token_info(_ARM)
    assert await _asked(control) == 1
    await asyncio.gather(*(credential.forget() for _ in range(at_once)))
    await credential.get_token_info(_ARM)
    assert await _asked(control) == 2


async def test_a_refused_token_is_dropped_while_one_for_another_api_is_on_its_way(
    credential: Credential, control: ControlClient
) -> None:
    """It waits for the other one, which whoever has asked for it gets, and drops the refused one all the same."""
    await credential.get_token_info(_ARM)
    await control.put_faults({"service": "identity", "operation": "token", "delaySeconds": 0.3, "times": 1})
    on_its_way = asyncio.create_task(credential.get_token_info(_TOPIC))
    await asyncio.sleep(0.05)
    await credential.forget()
    assert (await on_its_way).token
    before = await _asked(control)
    await credential.get_token_info(_ARM)
    assert await _asked(control) == before + 1
