"""The fixtures that tests of a whole rotation need."""

from tests.support.rotation import quick
from tests.support.telemetry import telemetry

__all__ = ["quick", "telemetry"]
