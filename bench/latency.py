"""(b) How long a warm regeneration takes, one after the other, against the SDK call without Functions."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.apps import BARE_FUNCTION, HELLO_WORLD, OURS, request_for
from bench.figures import milliseconds_at, percentile, ratio
from bench.http_client import Connection
from bench.processes import BareCall, Cloud, Host
from bench.progress import Progress
from bench.report import Aim, Measurement, Table

_BLOCKS, _QUICK_BLOCKS = 100, 1
_BLOCK = 50
_WARM_UP, _QUICK_WARM_UP = 500, 2
_P50_RATIO = 1.6
_BARE, _OURS, _FUNCTION, _HELLO = (
    "SDK call alone",
    "this app",
    "bare function (the same call, nothing else)",
    "hello-world, GET (host and client alone)",
)
_APPS = {_OURS: OURS, _FUNCTION: BARE_FUNCTION, _HELLO: HELLO_WORLD}

# Makes so many requests and returns the seconds that each took.
Target = Callable[[int], list[float]]


def measure(*, quick: bool, progress: Progress) -> Measurement:
    """Send requests to each in blocks, in turn; raises BenchError."""
    blocks, warm_up = (_QUICK_BLOCKS, _QUICK_WARM_UP) if quick else (_BLOCKS, _WARM_UP)
    progress(f"{blocks} blocks of {_BLOCK} requests to each of 4")
    with ExitStack() as stack:
        cloud = stack.enter_context(Cloud())
        bare = stack.enter_context(BareCall(cloud))
        hosts = {name: (app, stack.enter_context(Host(app, cloud))) for name, app in _APPS.items()}
        targets: dict[str, Target] = {_BARE: bare.run}
        for name, (app, host) in hosts.items():
            targets[name] = _requests_to(app, host.wait_until_ready(), stack)
        for run in targets.values():
            run(warm_up)
        samples: dict[str, list[float]] = {name: [] for name in targets}
        for _ in range(blocks):
            for name, run in targets.items():
                samples[name] += run(_BLOCK)
    return _measurement(samples)


def _measurement(samples: dict[str, list[float]]) -> Measurement:
    p50 = {name: percentile(durations, 50) for name, durations in samples.items()}
    p50_ratio = p50[_OURS] / p50[_BARE]
    share = (
        f"Host and client alone are {p50[_HELLO] / p50[_OURS]:.0%} of a request to this app; the client is a bare "
        "socket with requests made beforehand."
    )
    return Measurement(
        title="Latency",
        method=f"Milliseconds of a regeneration, sequential, warm, kept alive; {len(samples[_OURS])} of each, in "
        f"blocks of {_BLOCK} in turn, all against the same emulated ARM, without a Key Vault. The SDK call alone is "
        "`azure.mgmt.communication.aio` with one `ManagedIdentityCredential` and one client, in a process of its own; "
        "the others are called over HTTP through the host.",
        tables=[
            Table(
                ("", "p50, ms", "p95, ms", "p99, ms", "p50 to the SDK call alone"),
                [
                    (name, *milliseconds_at(durations, 50, 95, 99), ratio(p50[name] / p50[_BARE]))
                    for name, durations in samples.items()
                ],
            )
        ],
        aims=[Aim(f"p50 within {_P50_RATIO}x of the SDK call alone", ratio(p50_ratio), p50_ratio <= _P50_RATIO)],
        notes=[share],
    )


def _requests_to(app: Path, host: Host, stack: ExitStack) -> Target:
    connection = stack.enter_context(Connection(host.url))
    request = request_for(app, host.url)

    def run(count: int) -> list[float]:
        durations: list[float] = []
        for _ in range(count):
            started = time.perf_counter()
            connection.ask(request)
            durations.append(time.perf_counter() - started)
        return durations

    return run
