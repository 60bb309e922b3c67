"""The fixture that every test of a whole rotation needs."""

from tests.support.rotation import quick

__all__ = ["quick"]
