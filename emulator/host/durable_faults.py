"""Faults of activities: before an activity runs, the control API is asked whether it shall run twice."""

import logging
from dataclasses import dataclass

import aiohttp

_log = logging.getLogger("emulator.host.durable")
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_NO_SUCH_ROUTE = 404


@dataclass(frozen=True, slots=True)
class Rerun:
    """An activity runs twice: at once, the first result being lost (None), or again after `delay_seconds`."""

    delay_seconds: float | None


class DurableFaults:
    """Takes faults from the control API at `control_url`; where that is None there are none."""

    def __init__(self, control_url: str | None) -> None:
        self._url = None if control_url is None else f"{control_url}/_control/durable/faults/take"
        self._session: aiohttp.ClientSession | None = None

    async def take(self, activity: str) -> Rerun | None:
        """Return the fault for a run of the function `activity`. No answer that can be understood: none."""
        if self._url is None:
            return None
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False)
        try:
            async with self._session.post(self._url, json={"operation": activity}) as response:
                if response.status == _NO_SUCH_ROUTE:
                    return None
                response.raise_for_status()
                fault = await response.json()
            if fault is None:
                return None
            return Rerun(None if fault["rerun"] == "now" else float(fault["delaySeconds"]))
        except (aiohttp.ClientError, TimeoutError, LookupError, TypeError, ValueError) as error:
            _log.warning("The control API tells no faults of the activity %s: %r", activity, error)
            return None

    async def close(self) -> None:
        """Drop the connections."""
        if self._session is not None:
            await self._session.close()
