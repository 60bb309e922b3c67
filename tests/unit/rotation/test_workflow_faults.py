"""A rotation when its steps fail, run twice or run late: never more than one effect, and never a dead key published."""

from collections.abc import Callable
from itertools import chain, repeat
from typing import Any

import pytest

from shared.errors import (
    AppError,
    ArmRejected,
    DeadlineExceeded,
    ManagedIdentityUnavailable,
    NotConfigured,
    NoVerdict,
    RegenerationOutcome,
    UpstreamFailed,
    UpstreamUnreachable,
)
from shared.key_vault_errors import KeyVaultForbidden, KeyVaultUnavailable
from shared.rotation.activities import STEPS
from shared.rotation.model import Json
from shared.rotation.steps import PAUSES
from tests.support.orchestration import Durable
from tests.support.rotation import PRIMARY, SECONDARY, Quick, World

STEP_NAMES = list(STEPS)
RETRIABLE: list[AppError] = [
    UpstreamFailed("m"),
    UpstreamUnreachable("m", sent=False),
    ManagedIdentityUnavailable("m"),
    KeyVaultUnavailable("m", doubtful=True),
    NoVerdict("m"),
    ArmRejected(429, "TooManyRequests", "m", headers={"Retry-After": "7"}),
]
FINAL: list[AppError] = [ArmRejected(403, "AuthorizationFailed", "m"), KeyVaultForbidden("m"), NotConfigured([])]


def failing(durable: Durable, step: str, errors: Callable[[], Any]) -> None:
    """Let a step fail with these errors, before it does anything, one a call, until there are no more."""
    coming, take = errors(), durable.world.step

    async def fail_first(name: str, request: Json) -> Json:
        error: AppError | None = next(coming, None) if name == step else None
        if error is None:
            return await take(name, request)
        return await steps_that_raise(error, name, request)

    durable.world.step = fail_first  # pyright: ignore[reportAttributeAccessIssue]  # a stand-in for the method


async def steps_that_raise(error: AppError, name: str, request: Json) -> Json:
    """Return what an activity answers when its step raises."""
    from shared.rotation import activities

    async def steps() -> Any:
        raise error

    return await activities.answer(steps, name, request)


@pytest.mark.parametrize("step", STEP_NAMES)
@pytest.mark.parametrize("times", [1, 3, len(PAUSES)])
async def test_a_step_that_fails_for_a_while_is_taken_again(quick: Quick, step: str, times: int) -> None:
    """Whatever passes by itself is waited for, as often as there are pauses; the end is as without it."""
    world = quick(World("a", "b"))
    durable = Durable(world)
    errors = [RETRIABLE[turn % len(RETRIABLE)] for turn in range(times)]
    failing(durable, step, lambda: iter(errors))
    output = await durable.rotate()
    assert output["status"] == "Succeeded"
    assert ended(durable) == ("Done", "Dead")
    assert world.cloud.regenerated == [SECONDARY, PRIMARY]
    assert durable.holder() is None
    world.require_grace()


@pytest.mark.parametrize("step", STEP_NAMES)
@pytest.mark.parametrize("error", [*FINAL, UpstreamFailed("for ever")], ids=lambda error: error.code)
async def test_a_step_that_fails_for_good_ends_it_with_everybody_alive(
    quick: Quick, step: str, error: AppError
) -> None:
    """An error that is final, or that stays after all pauses, is the rotation's or the revocation's; nobody is hurt."""
    world = quick(World("a", "b"))
    durable = Durable(world)
    failing(durable, step, lambda: repeat(error))
    output = await durable.rotate()
    told = output if output["status"] != "Succeeded" else (durable.runs["r1-revoke"].output or {})
    # without settings the first look is a refusal: nothing was touched
    refused = (step, error.code) == ("inspect_resource", "NotConfigured")
    assert (told["status"], told["error"]["code"]) == ("Canceled" if refused else "Failed", error.code)
    assert durable.holder() is None
    world.require_grace()


async def test_a_result_that_the_host_has_lost_for_good_is_asked_for_again(quick: Quick) -> None:
    """A worker that died is the host's failure of an activity: the step is taken again, and has its effect once."""
    world = quick(World("a"))
    durable = Durable(world)
    died: list[str] = []
    done = durable.world.step

    async def die_once(name: str, request: Json) -> Json:
        result = await done(name, request)
        if name in died:
            return result
        died.append(name)
        raise WorkerDied

    durable.world.step = die_once  # pyright: ignore[reportAttributeAccessIssue]  # a stand-in for the method
    durable.failures = (WorkerDied,)
    assert (await durable.rotate())["status"] == "Succeeded"
    assert ended(durable) == ("Done", "Dead")
    assert set(died) == set(STEP_NAMES)
    assert world.cloud.regenerated == [SECONDARY, PRIMARY]


class WorkerDied(Exception):
    """The worker is gone in the midst of an activity."""


@pytest.mark.parametrize("step", STEP_NAMES)
async def test_a_step_whose_first_result_is_lost_has_one_effect(quick: Quick, step: str) -> None:
    """The step runs again from the start and its second result counts: two regenerations in all, both for good."""
    world = quick(World("a", "b"))
    durable = Durable(world)
    durable.rerun = {step}
    output = await durable.rotate()
    assert output["status"] == "Succeeded"
    assert ended(durable) == ("Done", "Dead")
    assert world.cloud.regenerated == [SECONDARY, PRIMARY]
    assert [world.vault.enabled(name) for name in "ab"] == [[False, True]] * 2
    world.require_grace()


@pytest.mark.parametrize("step", STEP_NAMES)
@pytest.mark.parametrize("later", [1, 2, 3, 5, 8, 13, 18, None])
async def test_a_step_that_runs_again_late_has_no_effect(quick: Quick, step: str, later: int | None) -> None:
    """Its first result counts; run again while the orchestration goes on, or after its end, it changes nothing."""
    world = quick(World("a", "b"))
    durable = Durable(world)
    durable.late = {step: later}
    output = await durable.rotate()
    assert output["status"] == "Succeeded"
    assert ended(durable) == ("Done", "Dead")
    assert world.cloud.regenerated == [SECONDARY, PRIMARY]
    assert [len(world.vault.versions[name]) for name in "ab"] == [2, 2]
    world.require_grace()


@pytest.mark.parametrize("step", STEP_NAMES)
async def test_a_step_of_an_earlier_rotation_undoes_nothing_of_a_later_one(quick: Quick, step: str) -> None:
    """Run again after a whole later rotation, a step finds that its time is over."""
    world = quick(World("a"))
    durable = Durable(world)
    durable.late = {step: 10**6}
    await durable.rotate(revoke=False)
    durable.late = {}
    world.clock.tick(world_grace := durable.world.steps.delivery.grace)
    assert (await durable.rotate("r2", hold=True))["status"] == "Succeeded"
    active, regenerated = world.active, list(world.cloud.regenerated)
    await durable.run_late()
    assert (world.active, world.cloud.regenerated) == (active, regenerated)
    world.require_grace(world_grace)


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param(UpstreamUnreachable("m", sent=True, outcome=RegenerationOutcome.UNKNOWN), id="connection"),
        pytest.param(DeadlineExceeded("m", outcome=RegenerationOutcome.UNKNOWN), id="deadline"),
    ],
)
async def test_a_lost_answer_of_arm_is_no_second_regeneration(quick: Quick, lost: AppError) -> None:
    """ARM did it and its answer was lost: the step finds the new key, whichever of its attempts looks."""
    world = quick(World("a"))
    world.cloud.lost = [lost]
    durable = Durable(world)
    assert (await durable.rotate())["status"] == "Succeeded"
    assert world.cloud.regenerated == [SECONDARY, PRIMARY]


async def test_a_doubt_is_not_forgotten_when_a_later_attempt_is_refused(quick: Quick) -> None:
    """First nobody knows what ARM did, then it refuses to tell: the error says that the outcome is unknown."""
    world = quick(World("a"))
    durable = Durable(world)
    errors = [UpstreamFailed("m", outcome=RegenerationOutcome.UNKNOWN), FINAL[0]]
    failing(durable, "regenerate_key_once", lambda: chain(errors, repeat(FINAL[0])))
    output = await durable.rotate()
    assert output["error"]["code"] == "AuthorizationFailed"
    assert {"type": "RegenerationOutcome", "info": {"outcome": "Unknown"}} in output["error"]["additionalInfo"]


def ended(durable: Durable, rotation_id: str = "r1") -> tuple[str, str]:
    """Return how a rotation's revocation ended, and the proof."""
    output = durable.runs[f"{rotation_id}-revoke"].output
    assert output is not None
    return output["status"], output["proof"]
