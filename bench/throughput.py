"""(c) How long many requests at once take, when ARM needs a while for each, against the app of the tutorials."""

import os
import statistics
import time

from bench.apps import OURS, PLAIN_APP, request_for
from bench.figures import ratio, seconds_with_range
from bench.http_client import Connection, connections
from bench.processes import Cloud, Host
from bench.progress import Progress
from bench.report import Aim, Measurement, Table

_AT_ONCE, _QUICK_AT_ONCE = 100, 6
_ROUNDS, _QUICK_ROUNDS = 10, 1
_ARM_SECONDS = 0.2
_RATIO = 9


def measure(*, quick: bool, progress: Progress) -> Measurement:
    """Send the requests to both apps in turn; raises BenchError."""
    at_once, rounds = (_QUICK_AT_ONCE, _QUICK_ROUNDS) if quick else (_AT_ONCE, _ROUNDS)
    progress(f"{rounds} rounds of {at_once} requests at once to each of 2")
    ours: list[float] = []
    plain: list[float] = []
    with Cloud() as cloud, Host(OURS, cloud) as our_host, Host(PLAIN_APP, cloud) as plain_host:
        our_host.wait_until_ready()
        plain_host.wait_until_ready()
        our_request = request_for(OURS, our_host.url)
        plain_request = request_for(PLAIN_APP, plain_host.url)
        with connections(our_host.url, at_once) as to_ours, connections(plain_host.url, at_once) as to_plain:
            to_ours[0].ask(our_request)
            to_plain[0].ask(plain_request)
            cloud.control.delay_regenerations(_ARM_SECONDS)
            first = _burst(to_ours, our_request)
            for _ in range(rounds):
                ours.append(_burst(to_ours, our_request))
                plain.append(_burst(to_plain, plain_request))
    gain = statistics.median(plain) / statistics.median(ours)
    first_round = (
        f"The very first {at_once} at once took this app {first:.3f} s: it opened {at_once} TLS connections to ARM, "
        "which it keeps."
    )
    return Measurement(
        title="Throughput",
        method=f"{at_once} regenerations at once, on as many open connections, ARM taking {_ARM_SECONDS} s for each "
        f"(so that nothing can be faster than that): seconds from the first byte sent to the last answer, median of "
        f"{rounds} rounds (least-greatest), in turn. The plain app is what tutorials write: synchronous, "
        "`DefaultAzureCredential` and a new client for each request; it runs on the worker's own number of threads, "
        f"{min(32, (os.process_cpu_count() or 1) + 4)} here.",
        tables=[
            Table(
                ("app", f"{at_once} requests, s", "requests a second"),
                [_row("this app", ours, at_once), _row("plain app", plain, at_once)],
            )
        ],
        aims=[Aim(f"at least {_RATIO}x the plain app's throughput", ratio(gain), gain >= _RATIO)],
        notes=[first_round],
    )


def _burst(to_app: list[Connection], request: bytes) -> float:
    started = time.perf_counter()
    # Answers wait in the sockets' buffers until their turn, so one thread measures without slowing anything down.
    for connection in to_app:
        connection.send(request)
    for connection in to_app:
        connection.receive()
    return time.perf_counter() - started


def _row(name: str, rounds: list[float], at_once: int) -> tuple[str, ...]:
    return (name, seconds_with_range(rounds), f"{at_once / statistics.median(rounds):.0f}")
