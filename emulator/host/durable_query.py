"""The query of a request to Durable Functions' HTTP API: what cannot be read counts as absent, as in HttpApiHandler."""

from collections.abc import Mapping
from datetime import UTC, datetime

import durabletask.internal.orchestrator_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from emulator.host.durable_status import STATUS_NUMBERS
from emulator.host.request_target import parse_query


class Query:
    """Values by name, in any case."""

    def __init__(self, query: str) -> None:
        """`query` is what follows the `?`."""
        self._values: Mapping[str, str] = {name.lower(): value for name, value in parse_query(query).items()}

    def text(self, name: str) -> str:
        """Return the value, empty if there is none."""
        return self._values.get(name.lower(), "")

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a value that is `true` or `false`."""
        return {"true": True, "false": False}.get(self.text(name).strip().lower(), default)

    def number(self, name: str) -> int:
        """Return a whole number, 0 if there is none."""
        text = self.text(name).strip()
        return int(text) if text.isdecimal() and text.isascii() else 0

    def time(self, name: str) -> Timestamp | None:
        """Return a time; one without a zone is in UTC."""
        try:
            moment = datetime.fromisoformat(self.text(name).strip())
        except ValueError:
            return None
        stamp = Timestamp()
        stamp.FromDatetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        return stamp

    def statuses(self) -> list[pb.OrchestrationStatus]:
        """Return the statuses that `runtimeStatus` names, separated by commas."""
        numbers = {name.lower(): number for name, number in STATUS_NUMBERS.items()}
        names = (name.strip().lower() for name in self.text("runtimeStatus").split(","))
        return [numbers[name] for name in names if name in numbers]
