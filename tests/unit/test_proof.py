"""Proof of life and death: what counts, what does not, and what the control probe catches."""

import base64
from dataclasses import dataclass, field

import pytest

from shared.errors import NotProven, NoVerdict
from shared.proof import prove_alive, prove_dead, random_key_like
from shared.redaction import Secret
from tests.support.vault import ENDPOINT, NEW_KEY, OLD_KEY

LIVE, OLD = Secret(NEW_KEY), Secret(OLD_KEY)
CASK_KEY = ("Ab3dEf9hIj" * 6)[:52] + "JQQJ99" + "BFACULyCphAAAAAZCS" + "1a2B3c4D"


@dataclass(slots=True)
class ScriptedPlane:
    """Answers about the known keys in turn, the last answer for ever; all other keys are random ones."""

    live: tuple[bool | Exception, ...] = (True,)
    old: tuple[bool | Exception, ...] = (False,)
    random: bool | Exception = False
    asked: list[str] = field(default_factory=list[str])

    async def accepts(self, endpoint: str, key: Secret) -> bool:
        """Give the next answer about the key."""
        assert endpoint == ENDPOINT
        kind = "live" if key == LIVE else "old" if key == OLD else "random"
        script = {"live": self.live, "old": self.old, "random": (self.random,)}[kind]
        answer = script[min(self.asked.count(kind), len(script) - 1)]
        self.asked.append(kind)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass(slots=True)
class Naps:
    """Waits not at all and keeps how long it was asked to."""

    seconds: list[float] = field(default_factory=list[float])

    async def __call__(self, seconds: float) -> None:
        """Keep the seconds."""
        self.seconds.append(seconds)


async def test_three_acceptances_and_a_refused_control_prove_life() -> None:
    """The key is accepted three times with pauses between, and a random key is refused."""
    plane, naps = ScriptedPlane(), Naps()
    await prove_alive(plane, ENDPOINT, LIVE, sleep=naps)
    assert plane.asked == ["live", "live", "live", "random"]
    assert len(naps.seconds) == 2
    assert sum(naps.seconds) < 5


@pytest.mark.parametrize(
    "plane",
    [
        pytest.param(ScriptedPlane(live=(False,)), id="refused"),
        pytest.param(ScriptedPlane(live=(True, False)), id="refused the second time"),
        pytest.param(ScriptedPlane(live=(True, True, False)), id="refused the third time"),
        pytest.param(ScriptedPlane(live=(True, NoVerdict("m"))), id="no verdict once"),
        pytest.param(ScriptedPlane(random=True), id="everybody is accepted"),
        pytest.param(ScriptedPlane(random=NoVerdict("m")), id="no verdict on the control"),
    ],
)
async def test_anything_less_is_no_proof_of_life(plane: ScriptedPlane) -> None:
    """One refusal, one silence, or a data plane that accepts anybody: not proven, to be tried again."""
    with pytest.raises(NotProven) as caught:
        await prove_alive(plane, ENDPOINT, LIVE, sleep=Naps())
    assert (caught.value.status, caught.value.code, caught.value.retriable) == (503, "NotProven", True)
    assert NEW_KEY not in str(caught.value.to_json())


async def test_three_refusals_beside_a_live_key_prove_death() -> None:
    """The old key is refused three times, the live one accepted before and after."""
    plane = ScriptedPlane()
    await prove_dead(plane, ENDPOINT, OLD, LIVE, sleep=Naps())
    assert plane.asked == ["live", "old", "old", "old", "live"]


@pytest.mark.parametrize(
    "plane",
    [
        pytest.param(ScriptedPlane(old=(True,)), id="accepted"),
        pytest.param(ScriptedPlane(old=(False, True)), id="accepted the second time"),
        pytest.param(ScriptedPlane(old=(False, False, True)), id="accepted the third time"),
        pytest.param(ScriptedPlane(old=(NoVerdict("m"),)), id="no verdict"),
        pytest.param(ScriptedPlane(live=(False,)), id="everybody is refused"),
        pytest.param(ScriptedPlane(live=(True, False)), id="everybody is refused by the end"),
        pytest.param(ScriptedPlane(live=(NoVerdict("m"),)), id="no verdict on the live one"),
    ],
)
async def test_anything_less_is_no_proof_of_death(plane: ScriptedPlane) -> None:
    """One acceptance, one silence, or a data plane that refuses the live key too: not proven."""
    with pytest.raises(NotProven) as caught:
        await prove_dead(plane, ENDPOINT, OLD, LIVE, sleep=Naps())
    assert caught.value.retriable
    assert NEW_KEY not in str(caught.value.to_json())
    assert OLD_KEY not in str(caught.value.to_json())


@pytest.mark.parametrize("key", [OLD_KEY, CASK_KEY, base64.b64encode(b"short").decode()])
def test_a_random_key_has_the_shape_of_the_real_one(key: str) -> None:
    """Same length, valid base64, the annotations of the newer shape kept, and another one each time."""
    first, second = (random_key_like(Secret(key)).reveal() for _ in range(2))
    assert len({key, first, second}) == 3
    assert len(first) == len(key)
    assert len(base64.b64decode(first)) == len(base64.b64decode(key))
    assert (first[52:58] == "JQQJ99") is (key == CASK_KEY)


@pytest.mark.parametrize("text", ["", "no base64", "abc"])
def test_without_a_shape_the_random_key_is_one_of_64_bytes(text: str) -> None:
    """What is no key at all has no shape to follow."""
    assert len(base64.b64decode(random_key_like(Secret(text)).reveal())) in (6, 64)
