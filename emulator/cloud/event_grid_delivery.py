"""Event Grid as subscribers see it: every event reaches the app's webhook at least once, or is dead-lettered.

Source: learn.microsoft.com/azure/event-grid/delivery-and-retry. Success is 200 to 204; what no retry can mend is
dead-lettered at once; everything else is tried again. The real one tries 30 times in 24 hours, after 10 s, 30 s, 1, 5,
10, 30 min and so on; this one 10 times in four minutes, after 0.5 s, 1, 2, 4 s and so on, for a developer waits.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from pathlib import Path

from emulator.cloud.event_grid_records import Record, Records
from emulator.cloud.event_grid_webhook import Webhook
from emulator.cloud.faults import Faults

_log = logging.getLogger("emulator.cloud.eventgrid")
_FIRST_DELAY_SECONDS = 0.5
_MOST_TRIES = 10
_SUCCESS = range(200, 205)
# "Azure resources: 400, 413, 403", of which a function is one.
_HOPELESS = (400, 403, 413)
# How many requests are under way at once; an event that goes out twice needs two.
_PARALLEL = 32


class Delivery:
    """Takes events in and out, and delivers those that come in to the webhook that it is connected to.

    Everything is to be called in the event loop that the cloud runs on. `first_delay_seconds` is the wait before the
    first retry; each further one is twice as long.
    """

    def __init__(self, faults: Faults, ca_file: Path, *, first_delay_seconds: float = _FIRST_DELAY_SECONDS) -> None:
        self.records = Records()
        self._faults = faults
        self._ca_file = ca_file
        self._first_delay_seconds = first_delay_seconds
        self._webhook: Webhook | None = None
        self._held = False
        self._underway: dict[asyncio.Task[None], Record] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_PARALLEL)

    @property
    def is_held(self) -> bool:
        """Say whether deliveries are held back."""
        return self._held

    def publish(self, event: Mapping[str, object]) -> Record:
        """Take an event of the cloud's own, or one published by hand, and deliver it."""
        record = Record(event=event, direction="in", status="Undelivered")
        self._keep(record)
        self._begin(record)
        return record

    def publish_from_app(self, event: Mapping[str, object]) -> Record:
        """Take an event that the app published to the topic; the app subscribes to the topic, so it gets it back."""
        record = Record(event=event, direction="out", status="Published")
        self._keep(record)
        self.publish(event)
        return record

    def connect(self, url: str, key: str) -> None:
        """Deliver to this webhook from now on, whatever is undelivered first; `key` is the host's system key."""
        self.disconnect()
        self._webhook = Webhook(url, key, self._ca_file)
        self._begin_all("Undelivered")

    def disconnect(self) -> None:
        """Deliver no more: what is under way is given up, and undelivered."""
        webhook, self._webhook = self._webhook, None
        self._cancel(mark=True)
        if webhook is not None:
            task = asyncio.ensure_future(webhook.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def hold(self) -> None:
        """Keep events back from now on; what is under way goes on."""
        self._held = True

    def release(self) -> None:
        """Deliver what was kept back, in the order in which it came."""
        self._held = False
        self._begin_all("Held")

    async def redeliver(self, record: Record) -> bool:
        """Deliver an event once more, held or not, and wait for the first try; False: there is no webhook.

        Where the first try fails the others follow, as ever.
        """
        webhook = self._webhook
        if webhook is None:
            return False
        tried = asyncio.Event()
        task = self._start(record, self._deliver(webhook, record, tried, copies=0))
        # A cancelled delivery never says that it has tried.
        task.add_done_callback(lambda _task: tried.set())
        await tried.wait()
        return True

    def reset(self) -> None:
        """Forget every event and every delivery under way; hold nothing. The webhook stays."""
        self._held = False
        self._cancel(mark=False)
        self.records.clear()

    async def close(self) -> None:
        """Deliver no more, and drop the connections."""
        tasks = list(self._underway)
        self.disconnect()
        await asyncio.gather(*tasks, *self._closing, return_exceptions=True)

    def _keep(self, record: Record) -> None:
        dropped = self.records.add(record)
        if dropped is None:
            return
        for task, underway in list(self._underway.items()):
            if underway is dropped:
                task.cancel()

    def _begin_all(self, status: str) -> None:
        for record in self.records.all():
            if record.status == status:
                self._begin(record)

    def _begin(self, record: Record) -> None:
        webhook = self._webhook
        if webhook is None:
            record.status = "Undelivered"
        elif self._held:
            record.status = "Held"
        else:
            fault = self._faults.take_duplicate()
            copies = 0 if fault is None else fault.count
            self._start(record, self._deliver(webhook, record, asyncio.Event(), copies=copies))

    def _start(self, record: Record, delivery: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        if record.direction == "in":
            record.status = "Pending"
        task = asyncio.get_running_loop().create_task(delivery, name=f"delivery of {record.type}")
        self._underway[task] = record
        task.add_done_callback(self._underway.pop)
        return task

    def _cancel(self, *, mark: bool) -> None:
        for task, record in self._underway.items():
            task.cancel()
            if mark and record.direction == "in":
                record.status = "Undelivered"

    async def _deliver(self, webhook: Webhook, record: Record, tried: asyncio.Event, *, copies: int) -> None:
        """Try until it succeeds or is hopeless; `copies` go out beside the first try, whatever becomes of them."""
        for tries_before in range(_MOST_TRIES):
            if tries_before:
                await asyncio.sleep(self._first_delay_seconds * 2 ** (tries_before - 1))
            tries = [self._try(webhook, record, tries_before) for _ in range(1 + (0 if tries_before else copies))]
            status, *_ = await asyncio.gather(*tries)
            if status in _SUCCESS or status in _HOPELESS:
                break
            tried.set()
        else:
            status = None
        self._end(record, is_delivered=status in _SUCCESS)

    async def _try(self, webhook: Webhook, record: Record, tries_before: int) -> int | None:
        async with self._slots:
            record.attempts += 1
            status = await webhook.deliver(record, tries_before)
        _log.info("delivery of %s %s -> %s", record.type, record.id, status or "no answer")
        return status

    def _end(self, record: Record, *, is_delivered: bool) -> None:
        if record.direction == "in":
            record.status = "Delivered" if is_delivered else "DeadLettered"
        if not is_delivered:
            _log.warning("The event %s (%s) is dead-lettered after %d tries.", record.id, record.type, record.attempts)
