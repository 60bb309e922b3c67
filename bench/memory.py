"""(d) Whether the process that runs the app grows with the number of regenerations."""

from bench.apps import OURS, request_for
from bench.figures import slope
from bench.http_client import Connection
from bench.processes import Cloud, Host
from bench.progress import Progress
from bench.report import Aim, Measurement, Table

# The second half is what is judged. It is so long because the size goes up and down by some 0.4 MiB every 5,000
# regenerations without growing: a slope over one such wave would say little.
_REGENERATIONS, _QUICK_REGENERATIONS = 20_000, 80
_SAMPLES, _ROWS = 40, 4
# 1 MB in 10,000 regenerations; a request, a task or a connection left behind each time would be thousands of bytes.
_FLAT_BYTES = 100
_MIB = 1024 * 1024


def measure(*, quick: bool, progress: Progress) -> Measurement:
    """Regenerate one key after the other and read the size of the host's process; raises BenchError."""
    count = _QUICK_REGENERATIONS if quick else _REGENERATIONS
    progress(f"{count:,} regenerations")
    step = count // _SAMPLES
    with Cloud() as cloud, Host(OURS, cloud) as host, Connection(host.wait_until_ready().url) as connection:
        request = request_for(OURS, host.url)
        at_start = host.resident_bytes()
        sizes: list[tuple[int, int]] = []
        for number in range(step, count + 1, step):
            for _ in range(step):
                connection.ask(request)
            sizes.append((number, host.resident_bytes()))
    growth = slope(sizes[_SAMPLES // 2 :])
    return Measurement(
        title="Memory",
        method=f"Resident memory of the process that runs the app, over {count:,} regenerations one after the other, "
        f"read every {step:,}. Flat means: the slope over the second half, {count // 2:,} regenerations, (least "
        f"squares) is under {_FLAT_BYTES} bytes a regeneration.",
        tables=[
            Table(
                ("regenerations", "resident, MiB (least-greatest)"),
                [("none yet", f"{at_start / _MIB:.2f}"), *_rows(sizes, step)],
            )
        ],
        aims=[Aim("flat", f"{growth:.0f} bytes a regeneration", growth < _FLAT_BYTES)],
    )


def _rows(sizes: list[tuple[int, int]], step: int) -> list[tuple[str, str]]:
    each = len(sizes) // _ROWS
    parts = [sizes[start : start + each] for start in range(0, len(sizes), each)]
    return [
        (
            f"{part[0][0] - step + 1:,} to {part[-1][0]:,}",
            f"{min(size for _, size in part) / _MIB:.2f}-{max(size for _, size in part) / _MIB:.2f}",
        )
        for part in parts
    ]
