"""Replays: an orchestrator that runs again on its history asks for the same things, also after a new release."""

import json
from pathlib import Path

import pytest

from shared.key_vault_errors import KeyVaultUnavailable
from shared.rotation.model import Json
from tests.support.orchestration import Durable, regeneration, replay, rotation
from tests.support.rotation import SECONDARY, Quick, World

HISTORIES: dict[str, Json] = json.loads((Path(__file__).parent / "histories" / "revoke_key.json").read_text("utf-8"))
STORIES = ("rotate", "retries", "repair", "converge", "adopt", "refuse", "supersede", "cancel", "regenerate", "blocked")


async def told(quick: Quick, story: str) -> Durable:
    """Return what a story has left behind: every run with its history."""
    world = quick(World() if story == "adopt" else World("a", "b"))
    durable = Durable(world)
    durable.check = lambda: None
    match story:
        case "retries":
            world.cloud.failures["list_keys"] = [KeyVaultUnavailable("m", doubtful=False, headers={"Retry-After": "9"})]
        case "repair":
            world.vault.put("a", "dead" * 22)
        case "converge":
            world.vault.put("a", world.cloud.keys[SECONDARY])
        case _:
            pass
    await durable.rotate(active_key="Primary" if story == "adopt" else None, hold=True)
    match story:
        case "refuse" | "supersede":
            await durable.rotate("r2", supersede=story == "supersede", hold=True)
        case "cancel":
            durable.decide("r1-revoke", "cancel")
        case "regenerate":
            durable.start("regenerate_key", "g1", regeneration("Primary", force=True))
        case "blocked":
            durable.start("rotate_key", "r2", rotation())
            await durable.run(until=lambda: durable.holder() is not None)
            durable.terminate("r2")
            durable.decide("r1-revoke", "revoke")
        case _:
            pass
    await durable.run()
    return durable


@pytest.mark.parametrize("story", STORIES)
async def test_a_replay_asks_for_the_same_in_the_same_order(quick: Quick, story: str) -> None:
    """Run again on its recorded results, each orchestrator makes the same actions and the same output."""
    durable = await told(quick, story)
    for run in durable.runs.values():
        history = run.history()
        assert replay(history).history() == history


@pytest.mark.parametrize("story", STORIES)
async def test_a_replay_of_any_part_of_a_history_asks_for_a_part(quick: Quick, story: str) -> None:
    """The engine replays after each result: what was asked for up to there is what the whole run asked for first."""
    durable = await told(quick, story)
    for run in durable.runs.values():
        history = run.history()
        for length in range(len(history["completions"])):
            part = replay(history | {"completions": history["completions"][:length]}).history()
            assert part["actions"] == history["actions"][: len(part["actions"])]


@pytest.mark.parametrize("name", HISTORIES)
def test_a_revocation_that_an_older_release_began_goes_on(name: str) -> None:
    """revoke_key waits for days: its histories as an earlier release wrote them replay, action by action.

    The engine compares what was asked for by kind and name; what goes into it may be more than it was.
    """
    history, run = HISTORIES[name], replay(HISTORIES[name])
    assert asked_for(run.history()) == asked_for(history)
    assert run.output == history["output"]


@pytest.mark.parametrize("name", HISTORIES)
def test_an_older_revocation_that_still_waits_is_found_waiting(name: str) -> None:
    """Before anything has happened to it, an old history asks for the event and the timer, and for nothing else."""
    run = replay(HISTORIES[name] | {"completions": []})
    assert [action.kind for action in run.actions] == ["event", "timer"]
    assert not run.ended


def asked_for(history: Json) -> list[tuple[str, str]]:
    """Return what the engine compares."""
    return [(action["kind"], action["name"]) for action in history["actions"]]


def test_a_changed_orchestrator_would_be_found() -> None:
    """A history that asks for something else than the orchestrator does not replay as it was."""
    history = json.loads(json.dumps(HISTORIES["due"]))
    history["actions"][2]["name"] = "another"
    assert asked_for(replay(history).history()) != asked_for(history)


def test_the_old_histories_tell_different_stories() -> None:
    """Among them are the end of the grace period, each decision, a blocked claim, a retry and a failure."""
    outputs = {name: history["output"] for name, history in HISTORIES.items()}
    assert {(output["status"], output["decision"]) for output in outputs.values()} == {
        ("Done", "due"),
        ("Done", "revoke"),
        ("Done", "superseded"),
        ("Canceled", "cancel"),
        ("Failed", "due"),
    }
    assert len(HISTORIES["blocked"]["actions"]) > len(HISTORIES["due"]["actions"])
