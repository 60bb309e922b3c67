"""The fixtures that every test of the telemetry needs."""

from tests.support.rotation import quick
from tests.support.telemetry import telemetry

__all__ = ["quick", "telemetry"]
