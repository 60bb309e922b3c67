"""One cell: the workload with its fault, what is left at its end, and whether all is well again after that."""

import json
import time
from collections.abc import Mapping
from typing import Any

from bench.errors import BenchError
from prove.cells import Call, Cell, calls, steps, token_refused
from prove.consumer import Consumer
from prove.lane import Json, Lane, wait_until
from prove.leaks import LeakIndex
from prove.seen import DIRECT, Seen
from prove.workloads import GRACE_SECONDS, WORKLOADS, Workload

# how long a fault that is there for ever is looked at, and how long anything may take without one
_WATCHED_SECONDS = 12.0
_LIMIT_SECONDS = 60.0
_CONNECTIONS_SECONDS = 2.5
# a look costs the app about what a call to Azure costs it, and hundreds of cells share the cores
_LOOK_SECONDS = 0.25
_RECOVERS_WITHIN = 15.0
_RESTS_WITHIN = 20.0
_HIT_WITHIN = 3.0
_A_MOMENT_SECONDS = 0.3
# consumers that keep a key use it for a part of the grace period
_KEPT = 0.6
_NEXT: Json = {"revoke": False, "supersede": True}

# What a healthy run asks for: its requests, its requests for tokens, its activities.
type Derived = tuple[list[Call], list[Call], list[Call]]


def healthy(lane: Lane, workload: str) -> Derived:
    """Run a workload without faults, and return its requests, its requests for tokens, and its activities."""
    run_once(lane, workload, *token_refused(workload))
    tokens = [each for each in calls(lane.requests()) if each.service == "identity"]
    run_once(lane, workload)
    return calls(lane.requests()), tokens, steps(lane.durable()["instances"])


def run_once(lane: Lane, workload: str, *refused: Mapping[str, Any]) -> None:
    """Run a workload from a fresh start, without faults but tokens that are refused, to its very end."""
    lane.reset()
    running = WORKLOADS[workload](lane)
    running.prepare(without_token=bool(refused))
    lane.faults(*map(dict, refused))
    running.begin()
    if not wait_until(running.ended, _LIMIT_SECONDS):
        raise BenchError(f"{workload}: a run without faults did not end")
    _rest(lane, all_of_it=True)
    # what ended last may have started what tells of it
    time.sleep(_A_MOMENT_SECONDS)
    _rest(lane, all_of_it=True)


def run_cell(lane: Lane, cell: Cell) -> Seen:
    """Run a cell from a fresh start and return what was seen; BenchError or OSError if that could not be done."""
    lane.reset()
    vault = cell.workload != DIRECT
    first = lane.resource()
    resource_id: str = first["resourceId"]
    old = first["keys"]["primary"]
    running = WORKLOADS[cell.workload](lane)
    running.prepare(without_token=cell.call.service == "identity")
    seen = Seen()
    lane.faults(*map(dict, cell.rules()))
    if vault:
        with Consumer(lane.control_url, resource_id, keeps_seconds=_KEPT * GRACE_SECONDS) as consumer:
            _run(lane, cell, running, seen)
        if consumer.broken:
            raise BenchError(f"the consumer broke: {consumer.broken}")
        seen.probes = consumer.probes
        # whoever forces the regeneration of the published key asks for that gap
        seen.refused = [] if cell.workload == "forced regenerate" else consumer.refused
    else:
        _run(lane, cell, running, seen)
    if not seen.ended:
        return seen
    _look(lane, seen, resource_id, old, vault=vault)
    if vault:
        _recover(lane, seen, resource_id)
        _next(lane, seen, resource_id)
    keys = [*lane.resource()["issuedKeys"], *lane.secrets_of_the_host]
    everything = (*lane.answers, json.dumps(lane.durable()), json.dumps(lane.events()))
    index = LeakIndex(keys)
    seen.leaks = [finding for text in everything for finding in index.find(text)]
    return seen


def _run(lane: Lane, cell: Cell, running: Workload, seen: Seen) -> None:
    running.begin()
    if cell.for_ever:
        began = time.monotonic()

        def noticed() -> bool:
            if cell.call.number == 0:
                return time.monotonic() - began > _CONNECTIONS_SECONDS
            hits = _hits(lane, cell)
            # what tells the topic of an end comes a moment after it
            return hits >= 2 or (hits == 1 and running.ended())

        wait_until(noticed, _WATCHED_SECONDS, every=_LOOK_SECONDS)
        seen.hit = cell.call.number == 0 or _hits(lane, cell) > 0
        lane.faults()
    seen.ended = wait_until(running.ended, _LIMIT_SECONDS, every=_LOOK_SECONDS)
    _rest(lane)
    if not cell.for_ever:
        seen.hit = wait_until(lambda: _used_up(lane, cell), _HIT_WITHIN)
        lane.faults()
    late = cell.kind.effect.get("rerun") == "late"
    if late:
        # the second run begins some time after the first, and needs a moment itself
        time.sleep(float(cell.kind.effect["delaySeconds"]) + 0.5)
    running.tell(seen)


def _used_up(lane: Lane, cell: Cell) -> bool:
    """Say whether the fault that happens once has happened: its rule is no longer shown then."""
    return not [each for each in lane.control("GET", "faults") if cell.kind.effect.items() <= each.items()]


def _hits(lane: Lane, cell: Cell) -> int:
    """Return how often the fault that is there for ever has befallen a request."""
    call = cell.call
    made = [each for each in calls(lane.requests()) if (each.service, each.operation) == (call.service, call.operation)]
    return len(made) - (call.number - 1)


def _look(lane: Lane, seen: Seen, resource_id: str, old: str, *, vault: bool) -> None:
    """Fill in what there is when all has ended."""
    resource = lane.resource()
    seen.regenerated = _regenerated(lane)
    seen.keys = {"Primary": resource["keys"]["primary"], "Secondary": resource["keys"]["secondary"]}
    seen.old_alive = lane.accepts(old, resource_id)
    seen.held_by = _holders(lane.durable())
    if vault:
        seen.published = lane.published()
        seen.alive = lane.accepts(seen.published, resource_id)


def _recover(lane: Lane, seen: Seen, resource_id: str) -> None:
    """If the secret publishes a dead key, let ARM's event of it come, then the timer."""

    def alive() -> bool:
        return lane.accepts(lane.published(), resource_id)

    if alive():
        return
    seen.recovered = None
    for by, mend in (("event", lane.deliver_regeneration), ("timer", lane.reconcile)):
        mend()
        if wait_until(alive, _RECOVERS_WITHIN):
            seen.recovered = by
            break
    _rest(lane)


def _next(lane: Lane, seen: Seen, resource_id: str) -> None:
    """Rotate once more, at once."""
    before = len(_regenerated(lane))
    seen.next_told = rotate(lane, _NEXT)
    seen.next_regenerated = _regenerated(lane)[before:]
    seen.next_alive = lane.accepts(lane.published(), resource_id)


def rotate(lane: Lane, body: Json) -> Json:
    """Rotate and return the status at the end, or the error of one that was not begun."""
    answer = lane.ask("POST", "/api/rotations", body)
    told: Json = answer.json
    if answer.status != 202:
        return told
    path = f"/api/rotations/{told['id']}"

    def ended() -> bool:
        nonlocal told
        told = lane.ask("GET", path).json
        return told["status"] in ("Succeeded", "Failed", "Canceled")

    wait_until(ended, _LIMIT_SECONDS, every=_LOOK_SECONDS)
    return told


def _regenerated(lane: Lane) -> list[str]:
    """Return the key types that were really regenerated so far."""
    return [each["keyType"] for each in lane.requests() if each["operation"] == "regenerateKey" and each["effect"]]


def _rest(lane: Lane, *, all_of_it: bool = False) -> None:
    """Wait until nothing runs; unless `all_of_it`, what tells the topic of an end may go on."""
    unless = () if all_of_it else ("announce_outcome",)

    def running() -> list[str]:
        instances: list[Json] = lane.durable()["instances"]
        return [
            each["id"] for each in instances if each["status"] in ("Pending", "Running") and each["name"] not in unless
        ]

    if not wait_until(lambda: not running(), _RESTS_WITHIN, every=_LOOK_SECONDS):
        raise BenchError(f"still running: {running()}")


def _holders(durable: Any) -> list[str]:
    return [each["state"]["holder"]["id"] for each in durable["entities"] if each["state"] and each["state"]["holder"]]
