"""Throttling that lasts a moment, waited out within a step; longer throttling, and everything else, is passed on."""

import pytest

from shared.errors import AppError, ArmRejected, RegenerationOutcome, UpstreamFailed
from shared.regeneration import Patience, Regeneration, Regenerator, throttled_for
from shared.rotation.patient import LONGEST_RETRY_AFTER, PatientManagement
from tests.support.fakes import FakeSleep
from tests.support.rotation import PRIMARY, Cloud
from tests.support.vault import RESOURCE


def throttled(seconds: str | None = "1", status: int = 429) -> ArmRejected:
    """Return ARM's refusal that asks to wait so long."""
    return ArmRejected(status, "m", "m", headers={"Retry-After": seconds} if seconds is not None else {})


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (throttled("1"), 1),
        (throttled("120"), 120),
        (throttled("9" * 5000), 0),
        (throttled("0"), 0),
        (throttled(None), 0),
        (throttled("Wed, 21 Oct 2026 07:28:00 GMT"), 0),
        (throttled("-1"), 0),
        (throttled("\u0661"), 0),
        (throttled("7", 409), 0),
    ],
    ids=range(9),
)
def test_only_throttling_asks_to_wait(error: AppError, seconds: int) -> None:
    """A 429 with a Retry-After in whole seconds; anything else says nothing."""
    assert throttled_for(error) == seconds


async def test_keys_are_listed_once_there_is_room() -> None:
    """Three short refusals are waited out, each as long as ARM asks."""
    cloud, sleep = Cloud(), FakeSleep()
    cloud.failures["list_keys"] = [throttled("1"), throttled("5"), throttled("2")]
    assert set(await PatientManagement(cloud, sleep).list_keys(RESOURCE, request_id="r")) == set(cloud.keys)
    assert sleep.naps == [1, 5, 2]


@pytest.mark.parametrize(
    ("errors", "naps"),
    [
        ([throttled("1")] * 4, [1, 1, 1]),
        ([throttled(str(LONGEST_RETRY_AFTER + 1))], []),
        ([throttled(None)], []),
        ([UpstreamFailed("m", outcome=None)], []),
        ([throttled("1"), throttled("60")], [1]),
    ],
    ids=range(5),
)
async def test_what_lasts_is_passed_on(errors: list[AppError], naps: list[int]) -> None:
    """A fourth refusal, a long wait, or another error ends the step: the orchestrator waits."""
    cloud, sleep = Cloud(), FakeSleep()
    cloud.failures["list_keys"] = list(errors)
    with pytest.raises(AppError) as caught:
        await PatientManagement(cloud, sleep).list_keys(RESOURCE, request_id="r")
    assert caught.value is errors[-1]
    assert sleep.naps == naps


async def regenerate(cloud: Cloud, sleep: FakeSleep, longest: int, asked: list[str]) -> str:
    """Regenerate the primary key as a step does; return the fingerprint."""

    async def allowed(key: object) -> None:
        del key
        asked.append("asked")

    regenerator = Regenerator(keys=cloud, deadline=30.0, patience=Patience(longest_retry_after=longest), sleep=sleep)
    expected = frozenset({cloud.fingerprint(PRIMARY)})
    request = Regeneration(resource=RESOURCE, key_type=PRIMARY, if_match=expected, request_id="r")
    return (await regenerator.regenerate(request, allowed=allowed)).key.fingerprint


async def test_a_regeneration_that_is_throttled_is_allowed_anew_before_each_call() -> None:
    """Secrets may have changed while it waited: they are looked at again; the key changes once."""
    cloud, sleep, asked = Cloud(), FakeSleep(), list[str]()
    cloud.failures["regenerate_key"] = [throttled("3"), throttled("1")]
    assert await regenerate(cloud, sleep, LONGEST_RETRY_AFTER, asked) == cloud.fingerprint(PRIMARY)
    assert (len(asked), sleep.naps, cloud.regenerated) == (3, [3, 1], [PRIMARY])


async def test_whoever_waits_for_an_answer_gets_the_throttling() -> None:
    """Without that patience it is passed on at once."""
    cloud, sleep = Cloud(), FakeSleep()
    cloud.failures["regenerate_key"] = [error := throttled("1")]
    with pytest.raises(ArmRejected) as caught:
        await regenerate(cloud, sleep, 0, [])
    assert caught.value is error
    assert (sleep.naps, cloud.regenerated) == ([], [])


async def test_a_key_that_came_to_be_in_use_while_it_waited_is_left_alone() -> None:
    """The second look says no: nothing is asked of ARM any more."""
    cloud, looks = Cloud(), list[int]()

    async def allowed(key: object) -> None:
        del key
        looks.append(len(looks))
        if len(looks) == 2:
            raise UpstreamFailed("m", outcome=RegenerationOutcome.NOT_REGENERATED)

    cloud.failures["regenerate_key"] = [throttled("1")]
    regenerator = Regenerator(keys=cloud, deadline=30.0, patience=Patience(longest_retry_after=5), sleep=FakeSleep())
    expected = frozenset({cloud.fingerprint(PRIMARY)})
    with pytest.raises(UpstreamFailed):
        await regenerator.regenerate(
            Regeneration(resource=RESOURCE, key_type=PRIMARY, if_match=expected, request_id="r"), allowed=allowed
        )
    assert cloud.regenerated == []
