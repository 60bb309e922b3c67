"""(e) How long a rotation and its revocation take, what they ask of Azure, and what they leave in Durable's history."""

import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from bench.apps import OURS
from bench.errors import BenchError
from bench.figures import milliseconds, percentile
from bench.history import Orchestration, median, step_rows
from bench.http_client import Connection, request_bytes
from bench.processes import Emulator
from bench.progress import Progress
from bench.report import Measurement, Table

_ROTATIONS, _QUICK_ROTATIONS = 40, 1
_REVOCATIONS, _QUICK_REVOCATIONS = 20, 1
_LOOK_SECONDS = 0.01
_GIVE_UP_SECONDS = 60.0
# What the app pauses by design between the three questions of a proof (shared/proof.py).
_PAUSES = "2 x 250 ms"

# `supersede`, or a rotation would be refused during the grace period of the one before.
_WITHOUT_REVOCATION: dict[str, Any] = {"revoke": False, "supersede": True}
_WITH_REVOCATION: dict[str, Any] = {"gracePeriod": "PT0S", "supersede": True}


@dataclass(frozen=True, slots=True)
class _Run:
    """A rotation: seconds from its request to `Succeeded`, and to its revocation's end (the same if it has none)."""

    id: str
    succeeded: float
    revoked: float
    calls: Counter[tuple[str, str]]


def measure(*, quick: bool, progress: Progress) -> Measurement:
    """Rotate one resource's keys, one rotation after the other; raises BenchError."""
    rotations, revocations = (_QUICK_ROTATIONS, _QUICK_REVOCATIONS) if quick else (_ROTATIONS, _REVOCATIONS)
    progress(f"{rotations} rotations, and {revocations} with their revocation")
    with Emulator(OURS, key_vault=True) as emulator:
        emulator.wait_until_ready()
        emulator.control.hold_events()
        with Connection(emulator.url) as connection:
            _rotate(emulator, connection, _WITHOUT_REVOCATION)  # imports, opens connections, gets tokens
            alone = [_rotate(emulator, connection, _WITHOUT_REVOCATION) for _ in range(rotations)]
            both = [_rotate(emulator, connection, _WITH_REVOCATION) for _ in range(revocations)]
        ran = emulator.control.orchestrations("rotate_key", "revoke_key")
        instances = {each["id"]: Orchestration.parse(each) for each in ran}
    rotate_key = [instances[run.id] for run in alone]
    revoke_key = [instances[f"{run.id}-revoke"] for run in both]
    return Measurement(
        title="Rotation",
        method=f"Rotations of one resource with one secret, one after the other, so that the two keys alternate, with "
        f"Azure at 0 ms: {rotations} with `revoke: false`, then {revocations} with `gracePeriod: PT0S`, whose "
        f"revocation begins at the next full second; all with `supersede`, so that no grace period hinders. The client "
        f"posts to /api/rotations and asks for the status every {_LOOK_SECONDS * 1000:.0f} ms. Steps, between the "
        f"engine's scheduling and completing each, and sizes are from the Durable history; the calls are those that "
        f"arrived at the emulated Azure; what it tells of events is held back meanwhile.",
        tables=[
            _times(alone, both),
            _steps(rotate_key, revoke_key),
            _calls(alone, both),
            _sizes(rotate_key, revoke_key),
        ],
        notes=[_where_the_time_goes(alone, rotate_key, revoke_key)],
    )


def _rotate(emulator: Emulator, connection: Connection, body: dict[str, Any]) -> _Run:
    emulator.control.forget_requests()
    url = f"{emulator.url}/api/rotations"
    started = time.perf_counter()
    status = json.loads(connection.ask(request_bytes("POST", url, body), status=202))
    look = request_bytes("GET", f"{url}/{status['id']}")
    succeeded = None
    while succeeded is None or status["revocation"]["status"] == "Scheduled":
        if time.perf_counter() - started > _GIVE_UP_SECONDS:
            raise BenchError(f"A rotation did not end: {status}")
        time.sleep(_LOOK_SECONDS)
        status = json.loads(connection.ask(look))
        if succeeded is None and status["status"] == "Succeeded":
            succeeded = time.perf_counter() - started
        if status["status"] in ("Failed", "Canceled"):
            raise BenchError(f"A rotation did not succeed: {status}")
    revoked = time.perf_counter() - started
    proof = status["revocation"].get("proof")
    if body is _WITH_REVOCATION and proof != "Dead":
        raise BenchError(f"A revocation did not end with its proof: {status}")
    return _Run(status["id"], succeeded, revoked, emulator.control.requests())


def _times(alone: list[_Run], both: list[_Run]) -> Table:
    rows = {
        "a rotation, from POST to `Succeeded`": [run.succeeded for run in alone],
        "one that is revoked at once, from POST to `Succeeded`": [run.succeeded for run in both],
        "the same, from `Succeeded` to the old key's proven death (`Done`)": [
            run.revoked - run.succeeded for run in both
        ],
        "the same, from POST to `Done`": [run.revoked for run in both],
    }
    return Table(
        ("", "p50, ms", "p95, ms", "least-greatest, ms"),
        [
            (
                name,
                milliseconds(percentile(samples, 50)),
                milliseconds(percentile(samples, 95)),
                f"{milliseconds(min(samples))}-{milliseconds(max(samples))}",
            )
            for name, samples in rows.items()
        ],
    )


def _steps(*orchestrations: list[Orchestration]) -> Table:
    rows = [(f"`{group[0].name}`", *row) for group in orchestrations for row in step_rows(group)]
    return Table(("orchestration", "step", "p50, ms"), rows)


def _calls(alone: list[_Run], both: list[_Run]) -> Table:
    """The calls a rotation; those of a revocation are what a rotation with it has more than one without."""
    rotation, with_revocation = _mean_calls(alone), _mean_calls(both)
    rows = [
        (*key, f"{rotation.get(key, 0):.4g}", f"{with_revocation.get(key, 0) - rotation.get(key, 0):.4g}")
        for key in sorted(rotation | with_revocation)
    ]
    all_alone, all_both = sum(rotation.values()), sum(with_revocation.values())
    return Table(
        ("service", "operation", "calls of a rotation", "calls of its revocation"),
        [*rows, ("all", "", f"{all_alone:.4g}", f"{all_both - all_alone:.4g}")],
    )


def _mean_calls(runs: list[_Run]) -> dict[tuple[str, str], float]:
    total = sum((run.calls for run in runs), Counter[tuple[str, str]]())
    return {key: count / len(runs) for key, count in total.items()}


def _sizes(*orchestrations: list[Orchestration]) -> Table:
    return Table(
        ("orchestration", "events in its history", "bytes of history, input and output as JSON"),
        [
            (
                f"`{group[0].name}`",
                f"{median(group, lambda each: each.events):g}",
                f"{median(group, lambda each: each.size):,.0f}",
            )
            for group in orchestrations
        ],
    )


def _where_the_time_goes(alone: list[_Run], rotate_key: list[Orchestration], revoke_key: list[Orchestration]) -> str:
    whole = percentile([run.succeeded for run in alone], 50)
    proof, engine = (
        median(rotate_key, lambda each: each.seconds_in("prove_alive")),
        median(rotate_key, lambda each: each.between_steps),
    )
    seen_late = whole - median(rotate_key, lambda each: each.seconds)
    death, revocation = (
        median(revoke_key, lambda each: each.seconds_in("prove_dead")),
        median(revoke_key, lambda each: each.seconds - each.waited),
    )
    return (
        f"{proof / whole:.0%} of the time from POST to `Succeeded` are the proof, nearly all of it pauses ({_PAUSES}, "
        f"by design: three answers running say more than one); {engine / whole:.0%} are the guard and the engine, "
        f"{seen_late / whole:.0%} the start and the client's polling, the rest the other steps. Of a revocation "
        f"that has begun the proof is {death / revocation:.0%}."
    )
