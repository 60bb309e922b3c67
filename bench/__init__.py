"""Measurements of the app against baselines that run beside it. Never deployed."""
