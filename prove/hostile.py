"""Hostile input: the API fuzzed from its own description, and events of arbitrary JSON, through the running app."""

import json
from collections import Counter

import requests

from bench.processes import ROOT, Emulator
from bench.progress import Progress
from bench.report import Table
from prove.event_payloads import as_cloud_event, as_event_grid, samples
from prove.fuzz import Fuzzed, Target, fuzz
from prove.leaks import LeakIndex
from prove.report import Part

_EXAMPLES, _QUICK_EXAMPLES = 30, 3
_EVENTS, _QUICK_EVENTS = 600, 20
_AT_ONCE = 20
_SETTINGS = {"EVENT_GRID_TOPIC_ENDPOINT": ""}


def run(*, quick: bool, progress: Progress) -> Part:
    """Fuzz every operation, with a Key Vault and without one, and the Event Grid function; return what came of it."""
    examples, count = (_QUICK_EXAMPLES, _QUICK_EVENTS) if quick else (_EXAMPLES, _EVENTS)
    rows: list[tuple[str, ...]] = []
    failures: list[str] = []
    accepted = 0
    for key_vault in (True, False):
        where = "with a Key Vault" if key_vault else "without one"
        with Emulator(ROOT, key_vault=key_vault, settings=_SETTINGS) as emulator:
            emulator.wait_until_ready()
            target = Target(app=emulator.url, control=emulator.control.url, key_vault=key_vault)
            fuzzed = fuzz(target, examples=examples, progress=lambda what, where=where: progress(f"{where}: {what}"))
            rows += _rows(fuzzed, where)
            failures += [f"{where}: {finding}" for finding in fuzzed.findings]
            if not fuzzed.refused:
                failures.append(f"{where}: nothing was refused, so nothing was shown")
            if key_vault:
                progress("events of arbitrary JSON")
                accepted, refused = _events(target, count)
                failures += refused
            failures += [f"{where}: the log: {leak}" for leak in LeakIndex(_keys(target)).find(emulator.log())]
    return Part(
        title="Hostile input",
        method=f"Each operation of `/api/openapi.json` was sent {examples} requests that the document allows and "
        f"{examples} that it does not, drawn by schemathesis from the document that the app serves; paths lead to "
        "nothing, and once more to what is there. Each answer was held against the document (status, schema, headers, "
        f"content type); whatever the app refuses may not have cost a call to Azure, nor repeat what was sent. "
        f"{count} events of arbitrary JSON, of known types and others, went to the webhook in both schemas.",
        tables=[
            Table(("operation", "app", "requests", "200/202", "4xx", "5xx"), rows),
            Table(("events", "accepted"), [(str(2 * count), str(accepted))]),
        ],
        failures=failures,
        not_shown=(
            "what Azure's front end and the real Functions host refuse before the app sees it",
            "floods: App Service limits them, the app does not",
        ),
        notes=("503 is `NotConfigured`, where a rotation is asked for without a Key Vault.",),
    )


def _rows(fuzzed: Fuzzed, where: str) -> list[tuple[str, ...]]:
    by_operation: dict[str, Counter[int]] = {}
    for (name, _, status), times in fuzzed.statuses.items():
        by_operation.setdefault(name.partition(" ")[0], Counter())[status // 100] += times
    return [
        (f"`{name}`", where, str(counted.total()), str(counted[2]), str(counted[4]), str(counted[5]))
        for name, counted in by_operation.items()
    ]


def _events(target: Target, count: int) -> tuple[int, list[str]]:
    """Return how many events were accepted, and each batch that was not."""
    accepted = 0
    refused: list[str] = []
    webhook = f"{target.app}/runtime/webhooks/eventgrid?functionName=on_event"
    drawn = samples(count)
    for start in range(0, len(drawn), _AT_ONCE):
        for wire in (as_event_grid, as_cloud_event):
            batch = [wire(fields) for fields in drawn[start : start + _AT_ONCE]]
            headers = {"aeg-event-type": "Notification", "Content-Type": "application/json"}
            reply = requests.post(webhook, json.dumps(batch), headers=headers, timeout=60)
            if reply.status_code == requests.codes.accepted:
                accepted += len(batch)
            else:
                refused.append(f"the webhook answered {reply.status_code} to {json.dumps(batch)[:500]}")
    return accepted, refused


def _keys(target: Target) -> list[str]:
    listed = requests.get(f"{target.control}/resources", timeout=60).json()
    return [key for each in listed for key in each["issuedKeys"]]
