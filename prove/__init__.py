"""Proof of the promises: the app under faults, attacks and load, on the emulated Azure. Never deployed."""
