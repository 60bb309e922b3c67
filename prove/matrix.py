"""The fault matrix: every remote call and every step of every workload, with every fault, once and for ever."""

import json
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.errors import BenchError
from bench.progress import Progress
from bench.report import Table
from prove.cells import Cell, cells
from prove.lane import Lane
from prove.report import Part
from prove.run_cell import Derived, healthy, rotate, run_cell
from prove.seen import DIRECT, WORKLOADS, Seen, wrong
from prove.workloads import GRACE_SECONDS

_LANES, _QUICK_LANES = 24, 4
_PROGRESS_EVERY_SECONDS = 20.0
# A quick run takes a few cells from all over the matrix of two workloads.
_QUICK_WORKLOADS = ("regenerate", "rotation")
_QUICK_CELLS, _QUICK_FIRST = 8, 12


@dataclass(frozen=True, slots=True)
class Result:
    """A cell, what is wrong with it, and what was told at its end."""

    cell: Cell
    wrong: Sequence[str]
    told: str
    recovered: str | None

    def as_json(self) -> str:
        """Return the result as one line."""
        call = self.cell.call
        return json.dumps(
            {
                "workload": self.cell.workload,
                "service": call.service,
                "operation": call.operation,
                "number": call.number,
                "fault": self.cell.kind.name,
                "forEver": self.cell.for_ever,
                "wrong": list(self.wrong),
                "told": self.told,
                "recovered": self.recovered,
            }
        )


def run(*, quick: bool, progress: Progress) -> Part:
    """Run the matrix; raises BenchError where it could not be run."""
    progress("healthy runs, to see what there is to break")
    derived = _derived(_QUICK_WORKLOADS if quick else WORKLOADS)
    every = [cell for name, found in derived.items() for cell in cells(name, *found)]
    chosen = every[_QUICK_FIRST :: len(every) // _QUICK_CELLS] if quick else every
    progress(f"{len(chosen)} of {len(every)} cells")
    results = run_all(chosen, _QUICK_LANES if quick else _LANES, progress)
    progress(f"each cell's line, as JSON: {_written(results)}")
    return Part(
        title="Fault matrix",
        method=_METHOD,
        tables=[_by_workload(derived, results), *_by_fault(results), _ends(results)],
        failures=[f"{each.cell}: {'; '.join(each.wrong)}" for each in results if each.wrong],
        not_shown=_NOT_SHOWN,
    )


def _derived(names: Sequence[str]) -> dict[str, Derived]:
    """Return what healthy runs of workloads ask for, each run on a lane of its own."""

    def derive(name: str) -> Derived:
        vault = name != DIRECT
        with Lane(key_vault=vault) as lane:
            _warm_up(lane, vault=vault)
            return healthy(lane, name)

    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(derive, names), strict=True))


def run_all(chosen: Iterable[Cell], lanes: int, progress: Progress) -> list[Result]:
    """Run cells on so many lanes with a Key Vault, and one without where there is need; in the order given."""
    indexed = list(enumerate(chosen))
    results: dict[int, Result] = {}
    direct = [each for each in indexed if each[1].workload == DIRECT]
    # those that take long are not next to each other, so that no lane ends long after the others
    rest = [each for each in indexed if each[1].workload != DIRECT]
    queues = [(True, deque(rest[turn::lanes])) for turn in range(min(lanes, len(rest)))]
    if direct:
        queues.append((False, deque(direct)))
    lock, told_at = threading.Lock(), time.monotonic()
    stopped = threading.Event()

    def serve(vault: bool, own: deque[tuple[int, Cell]]) -> None:
        nonlocal told_at
        with Lane(key_vault=vault) as lane:
            _warm_up(lane, vault=vault)
            while not stopped.is_set() and (taken := _take(own, queues, vault=vault)):
                number, cell = taken
                result = _result(lane, cell)
                with lock:
                    results[number] = result
                    if time.monotonic() - told_at > _PROGRESS_EVERY_SECONDS:
                        told_at = time.monotonic()
                        bad = sum(bool(each.wrong) for each in results.values())
                        progress(f"{len(results)} of {len(indexed)} cells, {bad} failed")

    with ThreadPoolExecutor(len(queues)) as pool:
        try:
            for each in [pool.submit(serve, *queue) for queue in queues]:
                each.result()
        finally:
            stopped.set()
    return [results[number] for number, _ in indexed]


def _take(
    own: deque[tuple[int, Cell]], queues: Sequence[tuple[bool, deque[tuple[int, Cell]]]], *, vault: bool
) -> tuple[int, Cell] | None:
    """Take the next cell of one's own, or else the last one of another lane of the kind."""
    try:
        return own.popleft()
    except IndexError:
        pass
    for kind, queue in queues:
        if kind is vault:
            try:
                return queue.pop()
            except IndexError:
                continue
    return None


def _result(lane: Lane, cell: Cell) -> Result:
    try:
        seen = run_cell(lane, cell)
    except (BenchError, OSError, LookupError) as error:
        return Result(cell, [f"could not be run: {type(error).__name__}: {error}"], "", None)
    return Result(cell, wrong(cell, seen), _told(seen), seen.recovered)


def _told(seen: Seen) -> str:
    parts = [str(seen.status or seen.told.get("status"))]
    if "error" in seen.told:
        parts.append(seen.told["error"]["code"])
    if "revocation" in seen.told and seen.told["revocation"]["status"] != "NotRequested":
        parts.append(f"revocation {seen.told['revocation']['status']}")
    return ", ".join(parts)


def _warm_up(lane: Lane, *, vault: bool) -> None:
    """Let the app open its connections and get its tokens, so that runs ask for the same."""
    lane.reset()
    lane.ask("POST", "/api/regenerateKey", {"keyType": "Secondary"})
    if vault:
        rotate(lane, {"revoke": False})
    lane.reset()


def _written(results: Iterable[Result]) -> str:
    with tempfile.NamedTemporaryFile("w", prefix="fault-matrix-", suffix=".jsonl", delete=False) as file:
        file.writelines(each.as_json() + "\n" for each in results)
    return file.name


def _by_workload(derived: Mapping[str, Derived], results: Sequence[Result]) -> Table:
    rows: list[tuple[str, ...]] = []
    for name, (called, tokens, taken) in derived.items():
        own = [each for each in results if each.cell.workload == name]
        rows.append((name, str(len(called)), str(len(tokens)), str(len(taken)), str(len(own)), _passed(own)))
    header = ("workload", "remote calls", "calls for tokens", "activities", "cells", "passed")
    return Table(header, [*rows, ("all", "", "", "", str(len(results)), _passed(results))])


def _by_fault(results: Sequence[Result]) -> list[Table]:
    """Return the tables by operation and fault: passed of run, once + for ever."""
    tables: list[Table] = []
    groups = (
        ("requests", [each for each in results if each.cell.call.service != "durable" and each.cell.call.number]),
        (
            "connections",
            [each for each in results if each.cell.call.service != "durable" and not each.cell.call.number],
        ),
        ("activities", [each for each in results if each.cell.call.service == "durable"]),
    )
    for _, group in groups:
        kinds = list(dict.fromkeys(each.cell.kind.name for each in group))
        names = sorted({(each.cell.call.service, each.cell.call.operation) for each in group})
        if not group:
            continue
        rows = [
            (
                " ".join(part for part in name if part != "*"),
                *(
                    _passed(
                        [
                            r
                            for r in group
                            if (r.cell.call.service, r.cell.call.operation) == name and r.cell.kind.name == kind
                        ]
                    )
                    for kind in kinds
                ),
            )
            for name in names
        ]
        tables.append(Table(("operation", *kinds), rows))
    return tables


def _ends(results: Sequence[Result]) -> Table:
    """Return how the cells ended, and how often."""
    counted = Counter((each.cell.workload, each.told) for each in results if each.told)
    mended = Counter((each.cell.workload, each.told) for each in results if each.told and each.recovered)
    rows = [(*key, str(count), str(mended[key] or "")) for key, count in sorted(counted.items())]
    return Table(("workload", "what was told at the end", "cells", "of these mended by event or timer"), rows)


def _passed(results: Sequence[Result]) -> str:
    if not results:
        return ""
    good = sum(not each.wrong for each in results)
    return str(good) if good == len(results) else f"**{good} of {len(results)}**"


_METHOD = f"""\
A healthy run of each workload is logged by the emulated Azure: its remote calls, in order, and its activities. Each of
them is then met with each fault that can befall it, once (at exactly that call) and for ever (from that call on, until
it is seen to be tried again or to have ended; then the fault is lifted, since a step is tried for ten minutes by
design). Calls for tokens are those of a run in which Azure has refused the tokens that the app held. Each cell starts
from a fresh Azure of its own, events from ARM held back so that nothing mends by itself; the grace period is
{GRACE_SECONDS} s. A cell passes if all of this holds at its end:

- the status is true: success only with the new key published, alive and told by its fingerprint, the old one dead once
  it is revoked; else an error code, and the outcome that it tells fits what was regenerated (each key once at most);
- a fault that passes, once, does not keep a rotation, its revocation or a repair from success;
- nobody holds the guard; a consumer that reads the secret every 200 ms, and uses what it read before for
  {GRACE_SECONDS * 0.6:g} s more, was never refused (but for a forced regenerate, whose gap is its purpose, and
  before a repair);
- no key or token, nor twelve characters of one, in answers, Durable state or events;
- if the secret publishes a dead key, ARM's event or else the timer mends that; the next rotation succeeds."""
_NOT_SHOWN = (
    "Two faults at once, other than a refused token with a fault of the identity's endpoint.",
    "Resources with several secrets, and what others do at the same time: the stateful properties try that.",
    "Key Vault saying of a secret that is there that it is not (404): that is believed until the next look.",
    "A refusal (4xx) although the effect has happened: it is taken at its word.",
    "Faults that last for more than some seconds, and waits longer than a client's time limit.",
    "Connection faults in the midst of a run: they are there from its beginning.",
)
